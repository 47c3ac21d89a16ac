"""Runs one program in the sandbox: feeds it, reads what it writes within limits, ends it when its time is up."""

import asyncio
import contextlib
import json
import math
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from durable.workflow.processes.programs import Program
from durable.workflow.processes.sandbox import EXIT_NOT_ISOLATED

_SANDBOX = Path(__file__).with_name("sandbox.py")
MAX_OUTPUT_BYTES = 1_048_576
"""Of stdout and of stderr, each."""

_FIRST_USER, _USERS = 200_000, 100_000
"""Isolated programs of a root process run as one of these users, so that their number of processes is their own."""


@dataclass(frozen=True)
class Limits:
    """How long, how much memory for each process, and whether namespaces are demanded."""

    time_s: float
    memory_bytes: int
    isolated: bool


@dataclass(frozen=True)
class Ended:
    """What became of a program. `code` is its exit code, 128 and more for a signal."""

    code: int
    stdout: bytes
    stderr: bytes


class NotRun(Exception):
    """The program could not be run to its end; the message says why."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


async def run(
    program: Program,
    script: str | None,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    stdin: bytes,
    limits: Limits,
) -> Ended:
    """Run a program to its end. Raises NotRun when it takes too long, writes too much, or can't be isolated."""
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="platform-process-")
    try:
        order = _order(program, script, arguments, environment, folder, limits)
        process = await _start(order)
        try:
            async with asyncio.timeout(limits.time_s):
                ended = await _finish(process, stdin)
        except TimeoutError:
            raise NotRun(f"it ran longer than {limits.time_s:g} seconds", timed_out=True) from None
        finally:
            await _kill(process)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    if ended.code == EXIT_NOT_ISOLATED and ended.stderr.startswith(b"no isolation: "):
        raise NotRun(ended.stderr.decode("utf-8", "replace").strip())
    return ended


def _order(
    program: Program,
    script: str | None,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: str,
    limits: Limits,
) -> dict[str, Any]:
    home = "/work" if limits.isolated else folder
    paths = [str(Path(program.command[0]).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    own = {"PATH": ":".join(paths), "HOME": home, "TMPDIR": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108 - its own
    return {
        "isolated": limits.isolated,
        "command": [*program.command, *arguments],
        "environment": {**own, **environment},
        "files": {program.script: script or ""} if program.script else {},
        "folder": folder,
        "programs": list(program.folders),
        "reserves": program.reserves,
        "memory_bytes": limits.memory_bytes,
        "cpu_s": math.ceil(limits.time_s) + 1,
        "processes": program.processes if limits.isolated else 4096,
        "user": _FIRST_USER + random.randrange(_USERS),  # noqa: S311 - not a secret
    }


async def _start(order: dict[str, Any]) -> asyncio.subprocess.Process:
    """The sandbox with its order in a pipe: arguments and environment of ours are visible to others, a pipe is not."""
    read, write = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_SANDBOX), str(read)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(read,),
            env={"LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except OSError as error:
        os.close(write)
        raise NotRun(f"no process could be started: {error.strerror}") from None
    finally:
        os.close(read)
    await asyncio.to_thread(_write, write, json.dumps(order).encode())
    return process


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as target:
        target.write(data)


async def _finish(process: asyncio.subprocess.Process, stdin: bytes) -> Ended:
    assert process.stdout is not None  # noqa: S101 - all three are piped
    assert process.stderr is not None  # noqa: S101
    feeding = asyncio.ensure_future(_feed(process, stdin))
    try:
        out, err = await asyncio.gather(_read(process.stdout, "stdout"), _read(process.stderr, "stderr"))
        code = await process.wait()
    finally:
        feeding.cancel()
    return Ended(code if code >= 0 else 128 - code, out, err)


async def _feed(process: asyncio.subprocess.Process, stdin: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - piped
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(stdin)
        await process.stdin.drain()
        process.stdin.close()


async def _read(stream: asyncio.StreamReader, what: str) -> bytes:
    found = bytearray()
    while chunk := await stream.read(65_536):
        found += chunk
        if len(found) > MAX_OUTPUT_BYTES:
            raise NotRun(f"it wrote more than {MAX_OUTPUT_BYTES} bytes to {what}")
    return bytes(found)


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End the program with everything that it started: its session, or its whole namespace of processes."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        # Output that nobody reads any more keeps its pipe open, and `wait` waits for pipes, too (Python before 3.11.10:
        # python/cpython#119710).
        process._transport.close()  # type: ignore[attr-defined]
        await process.wait()
