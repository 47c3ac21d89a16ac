"""The rendering process: what it is given, and what becomes of a report when it dies."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from functions.reporting import renderer
from functions.reporting.errors import RenderingInterrupted
from functions.reporting.renderer import render
from functions.reporting.rendering.spec import RESULT, SPEC, RenderSpec
from functions.reporting.schemas import ReportRequest

SPECIFICATION = RenderSpec(
    request=ReportRequest.model_validate({"title": "T", "job": "j", "formats": ["csv", "pdf"]}),
    author="demo",
    requested_at=datetime(2026, 11, 23, tzinfo=UTC),
)


def parquet(rows: int = 3) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"a": ["x"] * rows, "n": range(rows)}).write_parquet(buffer)
    return buffer.getvalue()


async def nothing(done: int) -> None:
    """Hear of a file and do nothing."""


async def test_it_tells_of_each_file_and_gives_the_same_bytes_each_time() -> None:
    heard: list[int] = []

    async def hear(done: int) -> None:
        heard.append(done)

    first = await render(SPECIFICATION, parquet(), hear)
    second = await render(SPECIFICATION, parquet(), nothing)
    assert heard == [1, 2]
    assert first.files == second.files
    assert (first.pages, set(first.files)) == (1, {"csv", "pdf"})


async def test_the_loop_stays_free_while_it_renders() -> None:
    turns, longest_s = 0, 0.0

    async def watch() -> None:
        """Counts turns of the loop, and the longest that this thread computed between two: on no machine it waits."""
        nonlocal turns, longest_s
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.01)
            turns, longest_s = turns + 1, max(longest_s, time.thread_time() - began)

    watching = asyncio.create_task(watch())
    await render(SPECIFICATION, parquet(1500), nothing)
    watching.cancel()
    assert turns > 10
    assert longest_s < 0.5


async def test_its_environment_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "AccountKey=secret")
    assert "secret" not in str(renderer._environment())


async def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(RenderingInterrupted, match="longer than"):
        await render(SPECIFICATION, parquet(), nothing, timeout_s=0.01)


async def test_a_process_that_dies_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "_MODULE", "no_such_module")
    with pytest.raises(RenderingInterrupted, match="ended with code 1"):
        await render(SPECIFICATION, parquet(), nothing)


def test_a_process_whose_parent_was_killed_ends_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / SPEC).write_text(SPECIFICATION.model_dump_json(by_alias=True))
    (folder / RESULT).write_bytes(parquet(1500))
    begin = (
        "import os, subprocess, sys, time;"
        f"command = [sys.executable, '-m', '{renderer._MODULE}', {str(folder)!r}, str(os.getpid())];"
        "print(subprocess.Popen(command).pid, flush=True);"
        "time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", begin], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]
