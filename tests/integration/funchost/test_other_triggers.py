import json
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.integration.funchost.conftest import StartHost


def test_timers_fire_and_warm_up_comes_first(start_host: StartHost) -> None:
    host = start_host("timers")
    host.wait_for("warmed up")
    host.ready()
    seconds = [datetime.fromisoformat(host.wait_for(r"second (\S+)")[1]) for _ in range(2)]
    assert seconds[1] - seconds[0] == timedelta(seconds=1)
    assert any("yearly past_due=False" in line for line in host.lines)


def test_a_timer_missed_while_the_host_was_down_is_past_due(start_host: StartHost, tmp_path: Path) -> None:
    host = start_host("timers", "--functions", "yearly")
    host.wait_for("yearly past_due=False")
    host.wait_for("Executed 'Functions.yearly'")
    host.terminate()
    path = tmp_path / "state" / "timers" / "yearly.json"
    path.write_text(json.dumps({"Last": None, "Next": (datetime.now(UTC) - timedelta(days=1)).isoformat()}))
    start_host("timers", "--functions", "yearly").wait_for("yearly past_due=True")


def test_an_orchestration_runs_through_the_sdks_own_client(start_host: StartHost) -> None:
    host = start_host("durable_calls")
    with urllib.request.urlopen(f"{host.ready()}/api/sum/5", timeout=20) as response:
        assert json.load(response) == 30
    assert host.terminate() == 0
    assert not any("ERROR" in line for line in host.lines)
