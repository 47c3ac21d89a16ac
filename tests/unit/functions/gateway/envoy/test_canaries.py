from pathlib import Path

import pytest

from functions.gateway.envoy.canaries import read_canaries, with_canaries

SCOPES = [
    {
        "name": "audit",
        "route_configuration": {
            "virtual_hosts": [
                {
                    "routes": [
                        {"route": {"cluster": "audit", "timeout": "1s"}},
                        {"route": {"cluster": "metadata"}},
                        {"direct_response": {"status": 404}},
                    ]
                }
            ]
        },
    }
]


def test_a_canary_gets_its_share_of_its_services_routes_alone() -> None:
    [scope] = with_canaries(SCOPES, {"audit": 25})
    first, second, third = scope["route_configuration"]["virtual_hosts"][0]["routes"]
    assert first["route"] == {
        "timeout": "1s",
        "weighted_clusters": {"clusters": [{"name": "audit", "weight": 75}, {"name": "audit-canary", "weight": 25}]},
    }
    assert second["route"] == {"cluster": "metadata"}
    assert "route" not in third


def test_the_shares_are_read_from_the_file_beside_the_manifests(tmp_path: Path) -> None:
    assert read_canaries(tmp_path) == {}
    (tmp_path / "canaries.json").write_text('{"audit": 5, "metadata": 0}')
    assert read_canaries(tmp_path) == {"audit": 5}


@pytest.mark.parametrize("text", ["no json", "[1]", '{"audit": "5"}', '{"audit": 0.5}', '{"audit": null}'])
def test_a_file_that_can_not_be_used_gives_no_canary_a_request(tmp_path: Path, text: str) -> None:
    (tmp_path / "canaries.json").write_text(text)
    assert read_canaries(tmp_path) == {}
