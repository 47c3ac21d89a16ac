"""Other engines that a bench measures beside ours: kept out of the project's environment, in a folder of their own."""

import asyncio
import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from bench.contest import BenchError
from local.layout import ROOT

LIST = Path(__file__).with_name("peers.txt")
FOLDER = ROOT / "build" / "bench" / "peers"


async def installed() -> Path:
    """The folder with the peers, filled from PyPI when it is missing or the list has changed. Raises BenchError."""
    stamp, digest = FOLDER / "list.sha256", hashlib.sha256(LIST.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return FOLDER
    command = ("-m", "pip", "install", "-q", "--no-deps", "--upgrade", "--target", str(FOLDER), "-r", str(LIST))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise BenchError(f"the peers of {LIST.name} could not be installed: {errors.decode()[-500:]}")
    stamp.write_text(digest)
    return FOLDER


async def report(module: str, *arguments: str) -> Mapping[str, Any]:
    """The JSON object that a module of `bench.apps` prints last, run in a process with the peers. Raises BenchError."""
    with TemporaryDirectory(prefix="bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "ignore", "-m", module, folder, *arguments),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{await installed()}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            answer, errors = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
    if process.returncode:
        raise BenchError(f"{module} did not do its work: {errors.decode(errors='replace')[-1000:]}")
    read: Mapping[str, Any] = orjson.loads(answer.splitlines()[-1])
    return read
