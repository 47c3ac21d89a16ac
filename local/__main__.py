"""`python -m local up|down|status|setup`: the platform on this machine."""

import argparse
import sys
from collections.abc import Sequence

from local import bootstrap


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="up | down | status | setup")
    up = commands.add_parser("up", help="start everything and stay; Ctrl-C or `down` stops it")
    up.add_argument("--detach", action="store_true", help="come back as soon as everything is ready")
    up.add_argument("--services", metavar="A,B", help="start only these services (default: all nine)")
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("status", help="say what is healthy; exit code 1 when something is not")
    commands.add_parser("setup", help="install what is missing")
    given = parser.parse_args(arguments)
    if given.command == "setup":
        return bootstrap.main([])
    from local import commands as run  # after set-up: it needs the installed packages

    if given.command == "up":
        return (run.detach if given.detach else run.up)(_services(parser, given.services))
    return run.down() if given.command == "down" else run.status()


def _services(parser: argparse.ArgumentParser, given: str | None) -> tuple[str, ...]:
    from chassis.manifest import SERVICES

    names = tuple(given.split(",")) if given else SERVICES
    if unknown := set(names) - set(SERVICES):
        parser.error(f"no service is called {', '.join(sorted(unknown))}; there are {', '.join(SERVICES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
