"""Rendering in a process of its own: the event loop stays free, memory goes back, a crash stays outside."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from weakref import WeakKeyDictionary

from functions.reporting.errors import RenderingInterrupted
from functions.reporting.rendering.spec import OUTCOME, RESULT, SPEC, Outcome, RenderSpec, file_name
from functions.reporting.schemas import Format

TIMEOUT_S = 240.0
AT_ONCE = max(1, (os.cpu_count() or 2) // 2)
"""Renderings at the same time in one process of the service; further ones wait their turn."""
_MODULE = "functions.reporting.rendering.child"
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Rendered:
    """The files' bytes by format, and the pages of the PDF; or the problem, and then no files."""

    files: dict[Format, bytes]
    pages: int | None
    problem: dict[str, Any] | None


async def render(
    spec: RenderSpec, parquet: bytes, on_file: Callable[[int], Awaitable[None]], timeout_s: float = TIMEOUT_S
) -> Rendered:
    """Render one report; `on_file` hears how many files are done, after each.

    Raises RenderingInterrupted when the process dies or takes longer than `timeout_s` seconds.
    """
    loop = asyncio.get_running_loop()
    turn = _turns.setdefault(loop, asyncio.Semaphore(AT_ONCE))
    async with turn:
        return await _render(spec, parquet, on_file, timeout_s)


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def _render(
    spec: RenderSpec, parquet: bytes, on_file: Callable[[int], Awaitable[None]], timeout_s: float
) -> Rendered:
    with TemporaryDirectory(prefix="report-") as name:
        folder = Path(name)
        await asyncio.to_thread(_prepare, folder, spec, parquet)
        await _run(folder, on_file, timeout_s)
        return await asyncio.to_thread(_collect, folder, spec)


def _prepare(folder: Path, spec: RenderSpec, parquet: bytes) -> None:
    (folder / SPEC).write_text(spec.model_dump_json(by_alias=True))
    (folder / RESULT).write_bytes(parquet)


async def _run(folder: Path, on_file: Callable[[int], Awaitable[None]], timeout_s: float) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _MODULE, str(folder), str(os.getpid()), stdin=DEVNULL, stdout=PIPE, env=_environment()
    )
    try:
        async with asyncio.timeout(timeout_s):
            await _follow(process, on_file)
    except TimeoutError:
        raise RenderingInterrupted(f"the rendering took longer than {timeout_s:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise RenderingInterrupted(f"the rendering process ended with code {process.returncode}")


async def _follow(process: Process, on_file: Callable[[int], Awaitable[None]]) -> None:
    done = 0
    if process.stdout is not None:
        async for _ in process.stdout:
            done += 1
            await on_file(done)
    await process.wait()


def _environment() -> dict[str, str]:
    # Only what Python needs to start: connection strings and keys stay here.
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path) or os.getcwd()}


def _collect(folder: Path, spec: RenderSpec) -> Rendered:
    outcome = Outcome.model_validate_json((folder / OUTCOME).read_bytes())
    if outcome.problem is not None:
        return Rendered({}, None, outcome.problem)
    files = {format: (folder / file_name(format)).read_bytes() for format in spec.request.formats}
    return Rendered(files, outcome.pages, None)
