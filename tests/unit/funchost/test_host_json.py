from datetime import timedelta
from pathlib import Path

import pytest

from funchost.errors import HostError
from funchost.host_json import HostJson, read_host_json


def _read(folder: Path, text: str) -> HostJson:
    path = folder / "host.json"
    path.write_text(text)
    return read_host_json(path)


def test_defaults_are_those_of_the_official_host(tmp_path: Path) -> None:
    host_json = _read(tmp_path, '{"version": "2.0"}')
    queues = host_json.extensions.queues
    assert host_json.extensions.http.route_prefix == "api"
    assert (queues.batch_size, queues.refill_threshold, queues.max_dequeue_count) == (16, 8, 5)
    assert (queues.max_polling_interval, queues.visibility_timeout) == (timedelta(minutes=1), timedelta(0))
    assert queues.message_encoding == "base64"
    assert host_json.function_timeout == timedelta(minutes=30)


def test_sections_are_read_and_unknown_keys_allowed(tmp_path: Path) -> None:
    host_json = _read(
        tmp_path,
        """{"version": "2.0", "functionTimeout": "-1", "extensionBundle": {"id": "x"},
            "extensions": {"http": {"routePrefix": ""}, "durableTask": {"hubName": "h"},
                           "queues": {"batchSize": 4, "newBatchThreshold": 0, "messageEncoding": "None"}}}""",
    )
    assert host_json.function_timeout is None
    assert host_json.extensions.durable_task.settings() == {"hubName": "h"}
    assert host_json.extensions.queues.refill_threshold == 0
    assert host_json.extensions.queues.message_encoding == "none"
    assert host_json.extensions.http.route_prefix == ""


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        _read(
            tmp_path,
            '{"version": "2.0", "functionTimeout": "soon", "extensions": {"queues": {"batchSize": 33}}}',
        )
    assert "functionTimeout" in caught.value.what
    assert "extensions.queues.batchSize" in caught.value.what


def test_a_wrong_durable_setting_is_named_with_its_line(tmp_path: Path) -> None:
    text = '{"version": "2.0", "extensions": {"durableTask": {\n"maxConcurrentActivityFunctions": "ten"}}}'
    with pytest.raises(HostError, match="maxConcurrentActivityFunctions") as caught:
        _read(tmp_path, text)
    assert caught.value.where.endswith("host.json:2")


def test_a_missing_version_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="version"):
        _read(tmp_path, "{}")


def test_a_missing_file_is_told_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        read_host_json(tmp_path / "host.json")
    assert "create host.json" in caught.value.remedy
