"""`python -m local.demo`: the main job, end to end."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from rich.console import Console

from local.azurite import AzuriteError
from local.demo.errors import DemoError, Refused
from local.demo.run import JOB_TIMEOUT_S, Demo, Options
from local.demo.views import print_problem
from local.edge import EdgeError
from local.supervisor.state import AlreadyRunningError
from local.supervisor.supervisor import StartError

WIDTH = 120
"""Columns where the output is no terminal, so that a log shows what a terminal would."""
ROOT = Path(__file__).resolve().parents[2]


def _options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="make demo",
        description="Turn the 336,776 flights that left New York in 2013 into a report, and prove what was done.",
    )
    parser.add_argument("--csv", type=Path, help="another CSV file with the same columns (default: the real flights)")
    parser.add_argument(
        "--max-invalid",
        type=int,
        default=0,
        metavar="N",
        help="go on with up to N bad records, set aside with row number and reason (default 0: stop)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/demo"), help="where the report goes (default %(default)s)"
    )
    parser.add_argument(
        "--timeout", type=float, default=JOB_TIMEOUT_S, metavar="S", help="give up after so many seconds (default 300)"
    )
    given = parser.parse_args(arguments)
    return Options(ROOT, given.out, given.csv, given.max_invalid, given.timeout)


def main() -> int:
    """0 when the job completed and every check passed, 1 otherwise."""
    options = _options(sys.argv[1:])
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    began = time.monotonic()
    try:
        good = asyncio.run(Demo(options, console).run())
    except Refused as error:
        print_problem(console, error.problem)
        good = False
    except (DemoError, StartError, AlreadyRunningError, AzuriteError, EdgeError) as error:
        console.print(f"[bold red]The demo could not go on:[/] {error}")
        good = False
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    verdict = "[bold green]Done" if good else "[bold red]Not done"
    console.print(f"{verdict}[/] in {time.monotonic() - began:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
