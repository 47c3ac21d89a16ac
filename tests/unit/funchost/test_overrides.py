from pathlib import Path

import pytest

from funchost.errors import HostError
from funchost.host_json import HostJson, read_host_json
from funchost.overrides import override


def _read(folder: Path, text: str, **environ: str) -> HostJson:
    path = folder / "host.json"
    path.write_text(text)
    return read_host_json(path, environ)


def test_a_setting_wins_over_host_json_in_any_case(tmp_path: Path) -> None:
    text = '{"version": "2.0", "extensions": {"queues": {"batchSize": 5, "maxDequeueCount": 2}}}'
    settings = {"AZUREFUNCTIONSJOBHOST__EXTENSIONS__QUEUES__BATCHSIZE": "9"}
    queues = _read(tmp_path, text, **settings).extensions.queues
    assert (queues.batch_size, queues.max_dequeue_count) == (9, 2)


def test_a_section_that_host_json_lacks_is_made(tmp_path: Path) -> None:
    settings = {
        "AzureFunctionsJobHost__extensions__http__routePrefix": "",
        "AzureFunctionsJobHost__functionTimeout": "00:01:00",
        "AzureFunctionsJobHost__logging__logLevel__Host.Queues": "Debug",
        "AzureFunctionsJobHost__extensions__durableTask__hubName": "other",
    }
    host_json = _read(tmp_path, '{"version": "2.0"}', **settings)
    assert host_json.extensions.http.route_prefix == ""
    assert host_json.function_timeout is not None
    assert host_json.function_timeout.total_seconds() == 60
    assert host_json.logging.log_level == {"Host.Queues": "Debug"}
    assert host_json.extensions.durable_task.settings() == {"hubName": "other"}


def test_a_timeout_can_be_lifted(tmp_path: Path) -> None:
    assert _read(tmp_path, '{"version": "2.0"}', AzureFunctionsJobHost__functionTimeout="-1").function_timeout is None


def test_a_wrong_value_is_told_as_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="batchSize"):
        _read(tmp_path, '{"version": "2.0"}', AzureFunctionsJobHost__extensions__queues__batchSize="many")


def test_keys_of_host_json_may_be_in_any_case() -> None:
    assert override({"Version": "2.0", "EXTENSIONS": {"HTTP": {"routeprefix": "x"}}}, {}, HostJson) == {
        "version": "2.0",
        "extensions": {"http": {"routePrefix": "x"}},
    }
