"""The child process that runs jq: `python -I -S jq_child.py <site-packages> <CPU seconds>`; imports nothing of ours.

Reads frames (4-byte big-endian length, JSON) from stdin and answers each on stdout; ends at end of input. Each
request has its own processor-time limit, the process a memory limit; past either it dies and the parent starts
another. Frames: `{"program", "names", "data"}` where `data` is JSON text of `{"data", "arguments"}`, or None to
compile only; the answer is `{"value": text | null}` or `{"error": message}`.
"""

import json
import resource
import signal
import struct
import sys
from functools import lru_cache
from typing import Any, BinaryIO

MEMORY_LIMIT_BYTES = 512 * 1024 * 1024
MAX_VALUE_BYTES = 1_048_576

# What jq offers beyond its data is closed a second time here: even a program that slipped through the check at
# definition time can't see a clock, an environment or an input stream.
_CLOSED = (
    *("env", "now", "input", "inputs", "input_filename", "input_line_number", "localtime", "halt", "halt_error"),
    *("debug", "stderr", "get_search_list", "modulemeta"),
)
PRELUDE = "".join(f'def {name}: error("{name} is closed in workflow expressions");' for name in _CLOSED)
PRELUDE += "".join(
    f'def {name}(f): error("{name} is closed in workflow expressions");'
    for name in ("strflocaltime", "halt_error", "debug")
)


CLOCK = "__now"
"""The argument that opens `now`: the orchestration's time in place of the machine's."""


def wrap(program: str, names: tuple[str, ...]) -> str:
    """The program as one expression over `{"data", "arguments"}`, its arguments bound as variables."""
    bound = "".join(f"$__args.{name} as ${name} | " for name in names)
    clock = f"def now: ${CLOCK}; " if CLOCK in names else ""
    return f"{PRELUDE} . as {{data: $__data, arguments: $__args}} | {bound}$__data | {clock}(\n{program}\n)"


def alone(program: str, names: tuple[str, ...]) -> str:
    """The program without brackets around it: what compiles only thanks to ours is refused."""
    return PRELUDE + "".join(f"null as ${name} | " for name in names) + program


@lru_cache(maxsize=512)
def compiled(program: str, names: tuple[str, ...]) -> Any:
    """The compiled program; kept, because compiling costs some hundred times an evaluation."""
    import jq

    return jq.compile(wrap(program, names))


def check(program: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Compile the program, alone and wrapped; raises ValueError when either fails."""
    import jq

    jq.compile(alone(program, names))
    compiled(program, names)
    return {"value": None}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Evaluate one request."""
    try:
        names = tuple(request["names"])
        if request["data"] is None:
            return check(request["program"], names)
        program = compiled(request["program"], names)
        value = json.dumps(program.input_text(request["data"]).first(), allow_nan=False, ensure_ascii=False)
    except StopIteration:
        return {"value": "null"}
    except (ValueError, RecursionError) as error:
        return {"error": str(error)[:500]}
    if len(value.encode(errors="surrogatepass")) > MAX_VALUE_BYTES:
        return {"error": f"the value has more than {MAX_VALUE_BYTES} bytes"}
    return {"value": value}


def serve(requests: BinaryIO, answers: BinaryIO, cpu_limit_s: float) -> None:
    """Answer frames until the input ends."""
    while len(header := requests.read(4)) == 4:
        request = json.loads(requests.read(struct.unpack(">I", header)[0]))
        signal.setitimer(signal.ITIMER_PROF, cpu_limit_s)
        body = json.dumps(answer(request)).encode()
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(struct.pack(">I", len(body)) + body)
        answers.flush()


def main() -> None:
    """Set the limits, load jq, serve."""
    sys.path.insert(0, sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process; jq has no way to be interrupted
    compiled(".", ())
    serve(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[2]))


if __name__ == "__main__":
    main()
