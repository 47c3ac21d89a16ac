"""`python -m local up|down|status|replica|setup`: the platform on this machine."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from local import bootstrap
from local.layout import Layout

SETTINGS = (
    "In the environment, PLATFORM_EDGE_MODULE=off has Envoy's own filters check requests in place of the edge's "
    "module, as where there is no C compiler."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command == "setup":
        return bootstrap.main([])
    from local import commands  # after set-up: it needs the installed packages

    options = commands.Options(given.state_dir.resolve())
    if given.command == "up":
        chosen = replace(options, services=_services(parser, given.services), free_ports=given.free_ports)
        chosen = replace(chosen, scale_speed=given.scale_speed if given.scale else None)
        return (commands.detach if given.detach else commands.up)(chosen)
    if given.command == "replica":
        from local import replica

        return replica.run(options.layout, *_services(parser, given.service))
    return commands.down(options) if given.command == "down" else commands.status(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", default=Layout().state_dir, help="data, keys, logs (default: .local)"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="up | down | status | replica | setup")
    up = commands.add_parser("up", help="start everything and stay; Ctrl-C or `down` stops it", epilog=SETTINGS)
    up.add_argument("--detach", action="store_true", help="come back as soon as everything is ready")
    up.add_argument("--services", metavar="A,B", help="start only these services (default: all nine)")
    up.add_argument("--scale", action="store_true", help="scale the services by the rules in keda/, down to none")
    up.add_argument(
        "--scale-speed",
        type=float,
        default=1.0,
        metavar="N",
        help="make the rules' periods N times shorter (default 1)",
    )
    up.add_argument("--free-ports", action="store_true", help="take any free ports instead of the default ones")
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("status", help="exit code 0: all healthy, 1: something is not, 3: nothing runs")
    more = commands.add_parser("replica", help="run one more process of a service beside the running platform")
    more.add_argument("service", metavar="SERVICE", help="which service, for example processing")
    commands.add_parser("setup", help="install what is missing")
    return parser


def _services(parser: argparse.ArgumentParser, given: str | None) -> tuple[str, ...]:
    from chassis.manifest import SERVICES

    names = tuple(given.split(",")) if given else SERVICES
    if unknown := set(names) - set(SERVICES):
        parser.error(f"no service is called {', '.join(sorted(unknown))}; there are {', '.join(SERVICES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
