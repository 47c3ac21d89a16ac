from string import Template
from typing import Any

import pytest
from ruamel.yaml import YAML

from chassis.settings import ROOT
from tests.unit.functions.gateway.envoy.parts import walk

TEXT = (ROOT / "functions" / "gateway" / "envoy" / "bootstrap.yaml").read_text(encoding="utf-8")
VALUES = {
    "EDGE_ID": "edge-7f",
    "EDGE_HOST": "0.0.0.0",
    "EDGE_PORT": "8080",
    "EDGE_TLS_PORT": "8443",
    "EDGE_TLS_CERTIFICATE": "/tls/tls.crt",
    "EDGE_TLS_KEY": "/tls/tls.key",
    "EDGE_MODULE": "/usr/local/lib/libedge.so",
    "EDGE_MAX_HEAP_BYTES": "536870912",
    "ADMIN_PORT": "9901",
    "GATEWAY_HOST": "gateway",
    "GATEWAY_PORT": "80",
    "CONTROL_SECRET_FILE": "/run/secrets/edge-control.secret",
}


@pytest.fixture
def bootstrap() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe", pure=True).load(Template(TEXT).substitute(VALUES))
    return document


def test_it_asks_for_exactly_the_documented_values() -> None:
    assert set(Template(TEXT).get_identifiers()) == VALUES.keys()
    comments = "\n".join(line for line in TEXT.splitlines() if line.startswith("#"))
    assert all(name in comments for name in VALUES)


def test_the_admin_listens_on_loopback_whatever_the_edge_does(bootstrap: dict[str, Any]) -> None:
    assert bootstrap["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 9901}


def test_the_node_says_where_its_edge_listens(bootstrap: dict[str, Any]) -> None:
    assert bootstrap["node"]["metadata"] == {
        "edgeHost": "0.0.0.0",
        "edgePort": 8080,
        "edgeTlsPort": 8443,
        "edgeTlsCertificate": "/tls/tls.crt",
        "edgeTlsKey": "/tls/tls.key",
        "edgeModule": "/usr/local/lib/libedge.so",
    }


def test_the_secret_is_named_by_its_file_and_never_written_down(bootstrap: dict[str, Any]) -> None:
    (secret,) = bootstrap["static_resources"]["secrets"]
    assert secret["generic_secret"]["secret"] == {"filename": VALUES["CONTROL_SECRET_FILE"]}
    assert not [value for value in walk(bootstrap) if isinstance(value, dict) and "inline_string" in value]


def test_listeners_and_clusters_come_from_the_gateway_app(bootstrap: dict[str, Any]) -> None:
    assert "listeners" not in bootstrap["static_resources"]
    for source in ("cds_config", "lds_config"):
        config = bootstrap["dynamic_resources"][source]["api_config_source"]
        assert (config["api_type"], config["cluster_names"]) == ("REST", ["gateway-control"])


def test_load_is_shed_before_the_memory_that_it_may_take_is_used_up(bootstrap: dict[str, Any]) -> None:
    actions = {
        one["name"].removeprefix("envoy.overload_actions."): one["triggers"][0].get("threshold", {}).get("value")
        for one in bootstrap["overload_manager"]["actions"]
    }
    assert actions["shrink_heap"] < actions["stop_accepting_requests"] < actions["stop_accepting_connections"] < 1
