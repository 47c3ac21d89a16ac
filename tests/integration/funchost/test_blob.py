"""The blob trigger on real storage."""

import json
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobServiceClient as AsyncBlobServiceClient
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from funchost.testing import StartFunctionHost
from funchost.triggers import blob as blob_module
from funchost.triggers.blob_receipts import BlobReceipts
from tests.integration.funchost.conftest import APPS, HostProcess, StartHost, wait_until


@pytest.fixture
def prefix(azurite: str) -> str:
    """A name that all containers and queues of one test begin with; the containers are made."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    with BlobServiceClient.from_connection_string(azurite) as service:
        for name in ("orders", "bad", "notes"):
            service.create_container(f"{prefix}-{name}")
    return prefix


def _put(azurite: str, container: str, name: str, content: bytes, **metadata: str) -> None:
    with BlobServiceClient.from_connection_string(azurite) as service:
        service.get_blob_client(container, name).upload_blob(content, overwrite=True, metadata=metadata)


def _get(azurite: str, container: str, name: str) -> bytes:
    with BlobServiceClient.from_connection_string(azurite) as service:
        return service.get_blob_client(container, name).download_blob().readall()


def _start(start_host: StartHost, prefix: str, functions: str, **environment: str) -> HostProcess:
    return start_host("blobs", "--functions", functions, PREFIX=prefix, **environment)


def test_each_version_of_a_blob_is_processed_once(start_host: StartHost, azurite: str, prefix: str) -> None:
    orders = f"{prefix}-orders"
    _put(azurite, orders, "monday/a.json", b"one", kind="old")
    host = _start(start_host, prefix, "copy_order")
    host.wait_for(f"copied {orders}/monday/a.json of 3 bytes, kind old")
    host.wait_for(r"Executed 'Functions.copy_order' \(Succeeded")
    assert _get(azurite, f"{prefix}-copies", "a-of-monday") == b"one"
    _put(azurite, orders, "monday/not-meant.txt", b"")
    _put(azurite, orders, "monday/a.json", b"three")
    host.wait_for(f"copied {orders}/monday/a.json of 5 bytes")
    host.wait_for(r"Executed 'Functions.copy_order' \(Succeeded")
    assert host.terminate() == 0
    again = _start(start_host, prefix, "copy_order")
    again.ready()
    _put(azurite, orders, "tuesday/b.json", b"x")
    again.wait_for("copied")
    assert sum("copied" in line for line in again.lines) == 1
    assert not any("monday" in line for line in again.lines)


async def test_receipts_of_versions_that_are_gone_are_pruned(azurite: str, prefix: str) -> None:
    noticed: list[str] = []

    async def note() -> None:
        noticed.append("once more")

    async with AsyncBlobServiceClient.from_connection_string(azurite) as blobs:
        receipts = BlobReceipts(blobs, prefix, "Host.Functions.f", "orders")
        for name, etag in (("a/old", "1"), ("a/kept", "2"), ("elsewhere", "3")):
            await receipts.once(name, etag, note)
        listed = {"a/kept": "2"}

        def is_gone(name: str, etag: str) -> bool:
            return name.startswith("a/") and listed.get(name) != etag

        long_ago, soon = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=1)
        assert [await receipts.prune(is_gone, before) for before in (long_ago, soon, soon)] == [0, 1, 0]
        for name, etag in (("a/kept", "2"), ("elsewhere", "3")):
            assert await receipts.once(name, etag, note)
    assert len(noticed) == 3


def test_a_running_host_prunes_its_receipts(
    function_host: StartFunctionHost, azurite: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_module, "_PRUNE_EVERY_S", 0.0)
    monkeypatch.setattr(blob_module, "_CLOCK_SKEW", timedelta(minutes=-1))
    settings = {"AzureWebJobsStorage": azurite, "PREFIX": prefix, "AzureFunctionsWebHost__hostid": prefix}
    orders = f"{prefix}-orders"
    _put(azurite, orders, "monday/a.json", b"one")
    function_host(APPS / "blobs", settings, ("copy_order",))
    folder = f"blobreceipts/{prefix}/Host.Functions.copy_order/"
    with BlobServiceClient.from_connection_string(azurite) as service:
        hosts = service.get_container_client("azure-webjobs-hosts")
        container = service.get_container_client(orders)

        def etags() -> list[str]:
            return [receipt.name.removeprefix(folder).split("/")[0] for receipt in hosts.list_blobs(folder)]

        wait_until(lambda: len(etags()) == 1)
        _put(azurite, orders, "monday/a.json", b"two")
        newest = container.get_blob_client("monday/a.json").get_blob_properties().etag.strip('"')
        wait_until(lambda: etags() == [newest])
        container.delete_blob("monday/a.json")
        wait_until(lambda: etags() == [])


def test_a_blob_that_keeps_failing_goes_to_the_poison_queue(start_host: StartHost, azurite: str, prefix: str) -> None:
    host = _start(start_host, prefix, "refuse")
    host.ready()
    _put(azurite, f"{prefix}-bad", "x", b"")
    host.wait_for("moved to the queue webjobs-blobtrigger-poison")
    assert sum(f"refusing {prefix}-bad/x" in line for line in host.lines) == 2
    queue = QueueClient.from_connection_string(
        azurite, "webjobs-blobtrigger-poison", message_decode_policy=TextBase64DecodePolicy()
    )
    poisoned = [json.loads(message.content) for message in queue.receive_messages()]
    (mine,) = [message for message in poisoned if message["ContainerName"] == f"{prefix}-bad"]
    assert (mine["BlobName"], mine["FunctionId"]) == ("x", "Host.Functions.refuse")


def test_two_hosts_of_an_app_process_each_blob_once(
    start_host: StartHost, azurite: str, prefix: str, tmp_path: Path
) -> None:
    hosts = [_start(start_host, prefix, "copy_order", FUNCHOST_STATE_DIR=str(tmp_path / str(n))) for n in range(2)]
    for host in hosts:
        host.ready()
    for n in range(12):
        _put(azurite, f"{prefix}-orders", f"d/{n}.json", b"x")
    _put(azurite, f"{prefix}-orders", "d/last.json", b"x")
    wait_until(lambda: sum("(Succeeded" in line for host in hosts for line in host.lines) >= 13)
    assert [host.terminate() for host in hosts] == [0, 0]
    copied = Counter(line.split("copied ")[1] for host in hosts for line in host.lines if "copied" in line)
    assert set(copied.values()) == {1}
    assert len(copied) == 13


def test_a_blob_trigger_by_type_name_takes_text_and_its_return_goes_to_a_queue(
    start_host: StartHost, azurite: str, prefix: str
) -> None:
    host = _start(start_host, prefix, "forward_note")
    host.ready()
    _put(azurite, f"{prefix}-notes", "deep/er", "grüß".encode())
    host.wait_for("note grüß")
    host.wait_for(r"Executed 'Functions.forward_note' \(Succeeded")
    queue = QueueClient.from_connection_string(
        azurite, f"{prefix}-notes", message_decode_policy=TextBase64DecodePolicy()
    )
    assert [message.content for message in queue.receive_messages()] == ["GRÜSS"]
