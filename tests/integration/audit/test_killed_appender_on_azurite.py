"""An appender that is killed in the middle: nothing accepted is lost, nothing is there twice."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from functions.audit import merkle
from functions.audit.appender import Appender
from functions.audit.repository import LeafFilter

from .conftest import MakeRepository
from .test_log_on_azurite import append_all, event

ROOT = Path(__file__).resolve().parents[3]
APPEND_AND_TELL = """
import asyncio, os, signal, sys
from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.audit.appender import Appender
from functions.audit.entry import read_entry
from functions.audit.repository import LogRepository

async def main(connection, table, dies_after):
    confirmed = 0
    runtime = Runtime("audit", Settings(AzureWebJobsStorage=connection, otlp_endpoint=None))
    appender = Appender(LogRepository(runtime.tables.table(table), runtime.blobs.container("audit-leaves")))
    async def one(number, body):
        nonlocal confirmed
        await appender.append(read_entry(body))
        print(number, flush=True)
        confirmed += 1
        if confirmed == int(dies_after):
            # With the next transaction on its way, or in the middle of it.
            asyncio.get_running_loop().call_later(0.002, os.kill, os.getpid(), signal.SIGKILL)
    await asyncio.gather(*(one(*pair) for pair in enumerate(sys.stdin.buffer.read().splitlines())))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_appender_loses_nothing_that_it_confirmed(azurite: str, make_repository: MakeRepository) -> None:
    repository = make_repository()
    entries = [event(number) for number in range(400)]
    command = [sys.executable, "-c", APPEND_AND_TELL, azurite, repository.table_name, "60"]
    confirmed = await asyncio.to_thread(_confirmed_by, command, b"\n".join(e.leaf for e in entries))
    assert 60 <= len(confirmed) < len(entries), "it was killed in the middle"

    before, _ = await repository.leaves("acme", LeafFilter(), -1, 1000)
    assert {entries[number].leaf for number in confirmed} <= {leaf.leaf for leaf in before}

    await append_all(Appender(make_repository()), entries)  # the queue delivers everything again
    leaves, _ = await repository.leaves("acme", LeafFilter(), -1, 1000)
    assert sorted(leaf.leaf for leaf in leaves) == sorted(entry.leaf for entry in entries)
    assert leaves[: len(before)] == before
    head = (await repository.head("acme")).tree
    assert head.root == merkle.hash_of_hashes([leaf.leaf_hash for leaf in leaves])


def _confirmed_by(command: list[str], sent: bytes) -> list[int]:
    """Run it until it is killed, and return the numbers that it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, input=sent, stdout=subprocess.PIPE, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL
    return [int(line) for line in done.stdout.splitlines() if line.strip()]
