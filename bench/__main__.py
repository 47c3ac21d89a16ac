"""`python -m bench`: measure and tell."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

# Before Polars is imported: a node is one process on one core, and its peer gets one thread, too.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

from rich.console import Console

from bench import machine, results, rounds, table
from bench.catalog import BENCHES, Bench
from bench.contest import BenchError, Effort

QUICK = Effort(rounds=3, seconds=1.0, quick=True)
FULL = Effort()
SETUP_S = 120.0
"""What starting processes and making input may take."""
MOST_CONTESTS = 8
SLOWEST = 8.0
"""How many times longer than meant a measurement may take on a busy machine before the bench gives up."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when everything was measured, whatever the figures are."""
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)  # what the SDKs advise an app's author
    console = Console()
    if parsed.list:
        for bench in BENCHES:
            console.print(f"{bench.name:16}{bench.summary}", highlight=False)
        return 0
    wanted = [bench for bench in BENCHES if not parsed.names or bench.name in parsed.names]
    effort = QUICK if parsed.quick else FULL
    effort = Effort(parsed.rounds or effort.rounds, effort.seconds, effort.quick)
    facts = machine.facts()
    console.print(" · ".join(f"{name} {value}" for name, value in facts.items()), style="dim", highlight=False)
    return max([_run(console, bench, effort, facts) for bench in wanted])


def _run(console: Console, bench: Bench, effort: Effort, facts: dict[str, object]) -> int:
    console.print(f"\n[bold]{bench.name}[/]  {bench.summary}", highlight=False)
    try:
        with asyncio.Runner(loop_factory=_loop_factory) as runner:
            outcomes = runner.run(_measured(console, bench, effort))
    except (asyncio.CancelledError, KeyboardInterrupt):
        sys.exit(130)
    except BenchError as error:
        console.print(f"[red]{bench.name} could not be measured:[/] {error}", highlight=False)
        return 1
    except Exception:  # noqa: BLE001 - told whole; the other benches still run
        console.print_exception(width=console.width)
        return 1
    table.show(console, outcomes)
    path = results.write(bench.name, effort, facts, outcomes)
    console.print(f"written to {path.relative_to(results.FOLDER.parent.parent)}", style="dim", highlight=False)
    return 0


async def _measured(console: Console, bench: Bench, effort: Effort) -> list[rounds.Outcome]:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    limit_s = SETUP_S + MOST_CONTESTS * (effort.rounds + 1) * 2 * effort.seconds * SLOWEST
    outcomes: list[rounds.Outcome] = []
    with console.status("starting") as status:
        async with asyncio.timeout(limit_s), bench.contests()(effort) as contests:
            for contest in contests:

                def tell(number: int, name: str = contest.name) -> None:
                    status.update(f"{name}: round {number} of {effort.rounds}" if number else f"{name}: warm-up")

                outcomes.append(await rounds.measure(contest, effort.rounds, tell))
    return outcomes


def _loop_factory() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure ours beside a peer or a limit in interleaved rounds; print the ratio's median, min–max.",
        epilog="benches:\n" + "\n".join(f"  {bench.name:16}{bench.summary}" for bench in BENCHES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [bench.name for bench in BENCHES]
    parser.add_argument("names", nargs="*", metavar="name", choices=[*names, []], help="which (default: all)")
    parser.add_argument("--rounds", type=_rounds, metavar="N", help=f"rounds (default: {FULL.rounds}, 3 with --quick)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller inputs, under 20 s each")
    parser.add_argument("--list", action="store_true", help="list the benches and exit")
    return parser


def _rounds(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 50:
        raise argparse.ArgumentTypeError("must be from 1 to 50")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
