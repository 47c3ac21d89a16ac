"""Azurite as set-up installs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from azure.storage.queue import QueueClient

from local import ports
from local.azurite import Azurite

OWNER = """
import sys, time
from local.azurite import Azurite
running = Azurite().start()
print(running._process.pid, flush=True)
time.sleep(600)
"""


def test_a_message_put_on_a_queue_is_read_again(azurite: str) -> None:
    with QueueClient.from_connection_string(azurite, "greetings") as queue:
        queue.create_queue()
        queue.send_message("hello")
        received = queue.receive_message(visibility_timeout=30)
    assert received is not None
    assert received.content == "hello"
    assert received.dequeue_count == 1


def test_nothing_is_left_after_the_context() -> None:
    with Azurite() as running:
        used = running.ports
        assert not any(ports.is_free(port) for port in used)
    assert all(ports.is_free(port) for port in used)


async def test_it_can_be_used_in_an_async_context() -> None:
    async with Azurite(in_memory=False) as running:
        assert "QueueEndpoint=http://127.0.0.1:" in running.connection_string


def test_it_ends_when_its_owner_is_killed() -> None:
    root = Path(__file__).resolve().parents[3]
    owner = subprocess.Popen([sys.executable, "-c", OWNER], cwd=root, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    azurite = psutil.Process(int(owner.stdout.readline()))
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    deadline = time.monotonic() + 60
    while not _gone(azurite) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _gone(azurite)


def _gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
