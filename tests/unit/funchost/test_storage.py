"""How storage is connected to."""

import pytest

from funchost.storage import StorageConnections

_CONNECTION = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:1/a;"


@pytest.mark.parametrize("proxy", ["", "http://proxy:3128"])
async def test_the_environment_is_read_for_each_request_only_where_it_names_a_proxy(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    if proxy:
        monkeypatch.setenv("https_proxy", proxy)
    connections = StorageConnections()
    service = connections.queues(_CONNECTION)
    assert service._pipeline._transport._use_env_settings is bool(proxy)
    assert connections.queues(_CONNECTION) is service
    await connections.close()
