"""The command line."""

import argparse
import io
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from funchost.errors import HostError

_BEGAN = time.perf_counter()  # before the imports that make up most of the start
_EPILOG = """\
environment:
  FUNCHOST_STATE_DIR   where durable state, timer schedules and keys.json live (default: APP/.funchost)
  FUNCHOST_MASTER_KEY, FUNCHOST_HOST_KEY   access keys, instead of those in keys.json
  AzureWebJobsStorage  storage connection string, or UseDevelopmentStorage=true
  PYTHON_THREADPOOL_THREAD_COUNT   threads for functions that are not async
  PYTHON_SCRIPT_FILE_NAME          default function_app.py

SIGTERM or Ctrl-C drains: listeners stop, running functions get --grace seconds to finish; a second one stops at once.
exit codes: 0 drained, 1 a mistake in the app or cut off while draining, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parsed = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what functions print appears when they print it
    try:
        return _start(parsed)
    except KeyboardInterrupt:  # before the host was running
        return 130
    except HostError as error:
        sys.stdout.flush()
        print("\n".join(error.lines()), file=sys.stderr)
        return 1


def _start(parsed: argparse.Namespace) -> int:
    app_dir = Path(parsed.app).resolve()
    if not app_dir.is_dir():
        raise HostError("There is no such folder", where=str(app_dir), remedy="Name the app's folder with --app.")
    if parsed.watch:
        return _watch(parsed, app_dir)
    from funchost.start import StartOptions, start

    os.environ.setdefault("AzureWebJobsScriptRoot", str(app_dir))
    if state_dir := os.environ.get("FUNCHOST_STATE_DIR"):
        os.environ["FUNCHOST_STATE_DIR"] = str(Path(state_dir).absolute())
    functions = tuple(name.strip() for name in parsed.functions.split(",") if name.strip())
    return start(StartOptions(app_dir, parsed.host, parsed.port, functions, parsed.grace, parsed.socket), _BEGAN)


def _watch(parsed: argparse.Namespace, app_dir: Path) -> int:
    from funchost.server import bind_socket
    from funchost.watch import Watcher

    arguments = ["--app", str(app_dir), "--host", parsed.host, "--functions", parsed.functions]
    with bind_socket(parsed.host, parsed.port) as listener:
        return Watcher(app_dir, listener, [*arguments, "--grace", str(parsed.grace)]).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m funchost",
        description="Run an Azure Functions app (Python v2 programming model) without Core Tools.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser(
        "start",
        help="run the functions of an app until stopped",
        description="Run the functions of an app until stopped.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    start.add_argument(
        "--app", default=".", metavar="DIR", help="folder with function_app.py and host.json (default: .)"
    )
    start.add_argument(
        "--port", type=int, default=7071, help="port to serve HTTP on; 0 takes a free one (default: 7071)"
    )
    start.add_argument("--host", default="127.0.0.1", help="address to serve HTTP on (default: 127.0.0.1)")
    start.add_argument("--functions", default="", metavar="A,B", help="run only these functions (default: all)")
    start.add_argument("--watch", action="store_true", help="start anew when a file of the app changes")
    start.add_argument("--socket", type=int, default=None, help=argparse.SUPPRESS)
    start.add_argument("--grace", type=float, default=30.0, metavar="S", help="seconds to drain (default: 30)")
    return parser
