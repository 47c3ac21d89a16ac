import json
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from azure.storage.blob import BlobServiceClient

from tests.integration.funchost.conftest import StartHost, wait_until


def test_timers_fire_and_warm_up_comes_first(start_host: StartHost) -> None:
    host = start_host("timers")
    host.wait_for("warmed up")
    host.ready()
    before, second = (datetime.fromisoformat(host.wait_for(r"second (\S+)")[1]) for _ in range(2))
    while second - before != timedelta(seconds=1):  # a busy machine may leave one out
        assert second > before
        before, second = second, datetime.fromisoformat(host.wait_for(r"second (\S+)")[1])
    assert any("yearly past_due=False" in line for line in host.lines)


def test_a_timer_missed_while_no_host_ran_it_is_made_up_by_the_host_that_takes_over(
    start_host: StartHost, azurite: str, tmp_path: Path
) -> None:
    """Two hosts with a state dir each share nothing but the storage account and the host id."""
    settings = {"AzureFunctionsWebHost__hostid": f"timers-{uuid4().hex[:8]}"}
    first = start_host("timers", "--functions", "yearly", FUNCHOST_STATE_DIR=str(tmp_path / "one"), **settings)
    first.wait_for("yearly past_due=False")
    first.wait_for("Executed 'Functions.yearly'")
    second = start_host("timers", "--functions", "yearly", FUNCHOST_STATE_DIR=str(tmp_path / "two"), **settings)
    second.wait_for("another host of the app runs it")
    name = f"timers/{settings['AzureFunctionsWebHost__hostid']}/Host.Functions.yearly/status"
    with BlobServiceClient.from_connection_string(azurite) as service:
        status = service.get_blob_client("azure-webjobs-hosts", name)
        wait_until(status.exists)
        missed = {**json.loads(status.download_blob().readall())}
        missed["Next"] = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        status.upload_blob(json.dumps(missed), overwrite=True)
    assert first.terminate() == 0
    second.wait_for("yearly past_due=True")
    assert not any("past_due=True" in line for line in first.lines)


def test_an_orchestration_runs_through_the_sdks_own_client(start_host: StartHost) -> None:
    host = start_host("durable_calls")
    with urllib.request.urlopen(f"{host.ready()}/api/sum/5", timeout=20) as response:
        assert json.load(response) == 30
    assert host.terminate() == 0
    assert not any("ERROR" in line for line in host.lines)
