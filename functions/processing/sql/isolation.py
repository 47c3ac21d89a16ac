"""A process of its own for queries that could make values of any size.

The engine bounds its buffers, not the texts that one function call makes, and is not interrupted within a call:
`repeat('x', 4000000000)` takes four gigabytes and a minute whatever the limits (DuckDB 2.0). Such queries run in a
process whose memory and time the system bounds (setrlimit(2)), so that they fail alone.
"""

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from functions.processing.errors import QueryFailed, QueryRefused
from functions.processing.sql.engine import Limits

Result = TypeVar("Result")
START_S = 20.0
"""What the process may take to start and to be given its tables, on a busy machine."""

OWN_MIB, COPIES = 512, 4
"""Memory besides the query's: of the interpreter with its libraries, and of each byte that it is given."""

_PASSED_ON = {kind.__name__: kind for kind in (QueryFailed, QueryRefused)}


def run_apart(task: Callable[..., Result], *arguments: Any, limits: Limits | None = None) -> Result:
    """Call a function of a module in a process of its own. Blocks; use it for queries of which `may_grow` is true.

    Raises QueryFailed and QueryRefused as the function does, and QueryFailed when it needs more time or memory.
    """
    limits = limits or Limits()
    given = pickle.dumps((task, arguments, limits))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "functions.processing.sql.isolation"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment) as process:  # noqa: S603 - our own command
        try:
            answer, _ = process.communicate(given, timeout=limits.time_s + START_S)
        except subprocess.TimeoutExpired:
            raise QueryFailed(f"the query ran longer than {limits.time_s:g} s") from None
        finally:
            process.kill()
    if process.returncode != 0:
        raise QueryFailed("the query needs more memory or time than one may have")
    kind, value = pickle.loads(answer)  # noqa: S301 - of our own process
    if kind in _PASSED_ON:
        raise _PASSED_ON[kind](value)
    result: Result = value
    return result


def _main() -> None:
    given = sys.stdin.buffer.read()
    task, arguments, limits = pickle.loads(given)  # noqa: S301 - of the process that started this one
    _bound(limits, len(given))
    try:
        outcome = ("", task(*arguments))
    except (QueryFailed, QueryRefused) as error:
        outcome = (type(error).__name__, error.detail)
    sys.stdout.buffer.write(pickle.dumps(outcome))
    sys.stdout.buffer.flush()
    os._exit(0)  # without what the engine's binding does at an interpreter's end


def _bound(limits: Limits, given_bytes: int) -> None:
    import resource  # not on every system that reads this module

    memory = (limits.memory_mib + OWN_MIB) * 1024 * 1024 + COPIES * given_bytes
    seconds = int(limits.time_s + START_S)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


if __name__ == "__main__":
    _main()
