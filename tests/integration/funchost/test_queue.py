import json
import subprocess
import urllib.error
import urllib.request
import uuid

import pytest
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from local.azurite import Azurite, azurite_command
from local.layout import Layout
from local.supervisor.child import die_with_parent
from tests.integration.funchost.conftest import HostProcess, StartHost, wait_until


@pytest.fixture
def prefix() -> str:
    """Queue, container and table names of one test."""
    return f"t{uuid.uuid4().hex[:12]}"


def _queue(connection: str, name: str) -> QueueClient:
    return QueueClient.from_connection_string(
        connection,
        name,
        message_encode_policy=TextBase64EncodePolicy(),
        message_decode_policy=TextBase64DecodePolicy(),
    )


def _is_empty(connection: str, name: str) -> bool:
    """Whether no message is on the queue, hidden ones included."""
    return _queue(connection, name).get_queue_properties().approximate_message_count == 0


def _post(url: str, value: object) -> None:
    request = urllib.request.Request(url, json.dumps(value).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 200


def _start(start_host: StartHost, prefix: str, functions: str = "enqueue,work") -> HostProcess:
    return start_host("storage", "--functions", functions, PREFIX=prefix)


def test_messages_of_an_output_list_reach_the_trigger_once_each(start_host: StartHost, prefix: str) -> None:
    host = _start(start_host, prefix)
    texts = [f"m{i}" for i in range(40)]
    _post(f"{host.ready()}/api/enqueue", texts)
    done = {host.wait_for(r"\] worked on (\S+)")[1] for _ in texts}
    assert done == set(texts)


def test_a_message_that_keeps_failing_moves_to_the_poison_queue(
    start_host: StartHost, azurite: str, prefix: str
) -> None:
    host = _start(start_host, prefix)
    _post(f"{host.ready()}/api/enqueue", ["bad"])
    for time in (1, 2, 3):
        host.wait_for(rf"working on bad, time {time}")
    host.wait_for(f"moved to the queue {prefix}-work-poison")
    (poisoned,) = _queue(azurite, f"{prefix}-work-poison").peek_messages()
    assert poisoned.content == "bad"
    wait_until(lambda: _is_empty(azurite, f"{prefix}-work"))  # it is deleted last


def test_a_message_that_is_not_base64_is_poisoned_and_others_go_on(
    start_host: StartHost, azurite: str, prefix: str
) -> None:
    host = _start(start_host, prefix)
    url = host.ready()
    QueueClient.from_connection_string(azurite, f"{prefix}-work").send_message("not base64!")
    host.wait_for("is not Base64")
    _post(f"{url}/api/enqueue", ["good"])
    host.wait_for("worked on good")


def test_a_killed_hosts_message_comes_back_to_the_next_one(start_host: StartHost, prefix: str) -> None:
    host = _start(start_host, prefix)
    _post(f"{host.ready()}/api/enqueue", ["slow 3"])
    host.wait_for("working on slow 3, time 1")
    host.kill()
    again = _start(start_host, prefix)
    again.wait_for("working on slow 3, time 2")
    again.wait_for("worked on slow 3")


def test_sigterm_lets_a_message_finish(start_host: StartHost, azurite: str, prefix: str) -> None:
    host = _start(start_host, prefix)
    _post(f"{host.ready()}/api/enqueue", ["slow 2"])
    host.wait_for("working on slow 2")
    assert host.terminate() == 0
    assert any("worked on slow 2" in line for line in host.lines)
    assert _is_empty(azurite, f"{prefix}-work")


def test_a_second_sigterm_stops_at_once(start_host: StartHost, prefix: str) -> None:
    host = _start(start_host, prefix)
    _post(f"{host.ready()}/api/enqueue", ["slow 60"])
    host.wait_for("working on slow 60")
    host.process.terminate()
    host.wait_for("Draining")
    assert host.terminate(timeout_s=30) == 1


def test_storage_that_is_away_is_told_once_and_found_again(start_host: StartHost, prefix: str) -> None:
    azurite = Azurite().start()
    connection, restart = azurite.connection_string, _same_ports(azurite)
    azurite.stop()
    host = start_host("storage", "--functions", "enqueue,work", PREFIX=prefix, AzureWebJobsStorage=connection)
    url = host.ready()
    again = subprocess.Popen(restart, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
    try:
        host.wait_for(f"The queue {prefix}-work is reached again")
        _post(f"{url}/api/enqueue", ["good"])
        host.wait_for("worked on good")
    finally:
        again.kill()
        again.wait()
    assert sum("cannot be reached" in line for line in host.lines) == 1


def _same_ports(azurite: Azurite) -> tuple[str, ...]:
    return azurite_command(Layout(), *azurite.ports)


def test_bindings_of_blobs_and_tables(start_host: StartHost, prefix: str) -> None:
    host = _start(start_host, prefix, "order,store,list_orders,get_order")
    url = host.ready()
    for id_, amount in (("a", 5), ("b", 1)):
        _post(f"{url}/api/orders", {"id": id_, "tenant": "acme", "amount": amount})
        host.wait_for(f"stored {id_}")
        host.wait_for(r"Executed 'Functions.store' \(Succeeded")
    with urllib.request.urlopen(f"{url}/api/orders/acme", timeout=30) as response:
        rows = json.load(response)
    expected = {"PartitionKey": "acme", "RowKey": "a", "same": True, "absent": True, "amount": 5}
    assert rows == [expected]
    with urllib.request.urlopen(f"{url}/api/order/acme/b", timeout=30) as response:
        assert json.load(response)[0]["amount"] == 1
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{url}/api/order/acme/c", timeout=30)
