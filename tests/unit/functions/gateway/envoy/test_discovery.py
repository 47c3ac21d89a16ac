import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from chassis.settings import Settings
from functions.gateway.envoy import discovery
from functions.gateway.envoy.discovery import Discovery, DiscoveryRequest, Kind, Layout
from tests.unit.functions.gateway.envoy.parts import manifest, route, walk

SETTINGS = Settings(
    service_url_template="http://{service}:80",
    issuer="https://edge.test/identity",
    storage_connection="AccountName=a;AccountKey=c2VjcmV0LWtleQ==",
    keys_dir=Path("/keys"),
)
MANIFESTS = [manifest("identity"), manifest("metadata", route())]
LAYOUT = Layout(MANIFESTS, SETTINGS)


def request(version: str = "", wanted: tuple[str, ...] = (), **metadata: Any) -> DiscoveryRequest:
    node = {"id": "edge", "metadata": {"edgeHost": "0.0.0.0", "edgePort": 8080, **metadata}}
    return DiscoveryRequest.model_validate({"version_info": version, "node": node, "resource_names": wanted})


@pytest.mark.parametrize("kind", get_args(Kind))
def test_an_instance_that_has_the_present_version_is_told_nothing(kind: Kind) -> None:
    first = Discovery().answer(kind, request(), LAYOUT)
    assert first is not None
    assert Discovery().answer(kind, request(first.version), LAYOUT) is None
    assert json.loads(first.body)["version_info"] == first.version


def test_a_changed_route_changes_the_version_of_routes_and_of_nothing_else() -> None:
    changed = [manifest("identity"), manifest("metadata", route(timeoutSeconds=3))]
    same = {kind: _version(kind, MANIFESTS) == _version(kind, changed) for kind in get_args(Kind)}
    assert [kind for kind, is_same in same.items() if not is_same] == ["scoped-routes"]


def test_other_keys_of_identity_change_the_token_check_and_nothing_else() -> None:
    found = {
        kind: [
            Discovery().answer(kind, request(), replace(LAYOUT, keys={"keys": keys})) for keys in ([], [{"kid": "one"}])
        ]
        for kind in get_args(Kind)
    }
    assert [kind for kind, (one, another) in found.items() if one != another] == ["extension_configs"]


def test_an_instance_with_the_module_asks_for_its_extensions_by_name_and_gets_each_alone() -> None:
    kind: Kind = "extension_configs"
    for name in ("envoy.filters.http.jwt_authn", "platform.gate"):
        found = Discovery().answer(kind, request(wanted=(name,), edgeModule="/lib/libedge.so"), LAYOUT)
        assert found is not None
        assert [one["name"] for one in json.loads(found.body)["resources"]] == [name]
    without = Discovery().answer(kind, request(), LAYOUT)
    assert without is not None
    assert [one["name"] for one in json.loads(without.body)["resources"]] == ["envoy.filters.http.jwt_authn"]


def test_each_service_with_a_manifest_has_a_cluster_at_its_address() -> None:
    found = Discovery().answer("clusters", request(), LAYOUT)
    assert found is not None
    resources = json.loads(found.body)["resources"]
    assert [one["name"] for one in resources] == ["identity", "metadata", "gateway-keys"]
    assert {one["@type"] for one in resources} == {"type.googleapis.com/envoy.config.cluster.v3.Cluster"}


def test_routes_are_made_again_only_when_something_has_changed_that_they_are_made_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make, made = discovery.route_scopes, []

    def counted(*parts: Any) -> Any:
        made.append(parts)
        return make(*parts)

    monkeypatch.setattr(discovery, "route_scopes", counted)
    kept = Discovery()

    def ask(layout: Layout, **said: str) -> bytes:
        found = kept.answer("scoped-routes", request(**said), layout)
        assert found is not None
        return found.body

    first = ask(LAYOUT)
    again = replace(LAYOUT, manifests=list(LAYOUT.manifests), instances=("one", "two"), keys={"keys": []})
    assert (ask(again), len(made)) == (first, 1)
    assert ask(LAYOUT, edgeModule="/module.so") != first
    assert ask(LAYOUT, edgeModule="/other.so") != first
    assert (ask(LAYOUT), len(made)) == (first, 3)
    fewer = ask(replace(LAYOUT, manifests=LAYOUT.manifests[:1]))
    assert (fewer != first, len(made)) == (True, 4)
    assert ask(replace(LAYOUT, canaries={"metadata": 10})) != first
    assert (ask(LAYOUT), len(made)) == (first, 6)


def test_an_operator_says_how_many_requests_an_address_may_send_that_nobody_is_known_to_be_behind() -> None:
    settings = SETTINGS.model_copy(update={"edge_keys_per_s": 50, "edge_new_tokens_per_s": 7})
    found = Discovery().answer("listeners", request(), replace(LAYOUT, settings=settings))
    assert found is not None
    ((chain,),) = [one["filter_chains"] for one in json.loads(found.body)["resources"]]
    manager = chain["filters"][0]["typed_config"]
    (limit,) = [one["typed_config"] for one in manager["http_filters"] if one["name"] == "platform.unproven"]
    buckets = [one["token_bucket"] for one in limit["descriptors"]]
    assert [(one["tokens_per_fill"], one["max_tokens"]) for one in buckets] == [(50, 100), (7, 14)]


def test_the_edge_reaches_pods_by_names_of_its_own_where_it_is_told_so_and_canaries_by_theirs() -> None:
    settings = SETTINGS.model_copy(
        update={
            "edge_service_url_template": "http://{service}-pods:8080",
            "service_urls": {"identity": "http://10.0.0.1:1"},
        }
    )
    found = Discovery().answer("clusters", request(), Layout(MANIFESTS, settings, canaries={"metadata": 5}))
    assert found is not None
    where = {one["name"]: list(_sockets(one)) for one in json.loads(found.body)["resources"]}
    assert where == {
        "identity": [("10.0.0.1", 1)],
        "metadata": [("metadata-pods", 8080)],
        "metadata-canary": [("metadata-canary-pods", 8080)],
        "gateway-keys": [("gateway-pods", 8080)],
    }


def _sockets(cluster: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for group in cluster["load_assignment"]["endpoints"]:
        for endpoint in group["lb_endpoints"]:
            address = endpoint["endpoint"]["address"]["socket_address"]
            yield address["address"], address["port_value"]


def test_an_instance_listens_where_it_says_it_is() -> None:
    found = Discovery().answer("listeners", request(edgeHost="10.0.0.1", edgePort=9000), LAYOUT)
    assert found is not None
    (listener,) = json.loads(found.body)["resources"]
    assert listener["address"]["socket_address"] == {"address": "10.0.0.1", "port_value": 9000}


@pytest.mark.parametrize("metadata", [{"edgePort": 0}, {"edgePort": 70000}, {"edgePort": "x"}, {"edgeHost": ""}])
def test_a_node_without_a_usable_address_is_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        request(**metadata)


def test_no_setting_that_is_secret_is_ever_sent() -> None:
    for kind in get_args(Kind):
        found = Discovery().answer(kind, request(), LAYOUT)
        assert found is not None
        text = [value for value in walk(json.loads(found.body)) if isinstance(value, str)]
        assert not [value for value in text if "AccountKey" in value or "/keys" in value]


def _version(kind: Kind, manifests: list[Any]) -> str:
    found = Discovery().answer(kind, request(), Layout(manifests, SETTINGS))
    assert found is not None
    return found.version


def test_the_instances_are_those_that_are_alive_and_the_one_that_asks() -> None:
    counts = []
    for instances in ((), ("edge",), ("edge", "second"), ("second", "third")):
        found = Discovery().answer("endpoints", request(), Layout(MANIFESTS, SETTINGS, instances=instances))
        assert found is not None
        (one,) = json.loads(found.body)["resources"]
        counts.append(len(one["endpoints"][0]["lb_endpoints"]))
    assert counts == [1, 1, 2, 3]


def test_an_instance_with_a_tls_port_gets_a_second_listener_and_the_names_of_its_files() -> None:
    said = {"edgeTlsPort": 8443, "edgeTlsCertificate": "/tls/tls.crt", "edgeTlsKey": "/tls/tls.key"}
    found = {kind: Discovery().answer(kind, request(**said), LAYOUT) for kind in ("listeners", "secrets")}
    listeners, secrets = (json.loads(one.body)["resources"] for one in found.values() if one is not None)
    assert [(one["name"], one["address"]["socket_address"]["port_value"]) for one in listeners] == [
        ("edge", 8080),
        ("edge-tls", 8443),
    ]
    assert secrets[0]["tls_certificate"]["watched_directory"] == {"path": "/tls"}
    without = Discovery().answer("secrets", request(), LAYOUT)
    assert without is not None
    assert json.loads(without.body)["resources"] == []


def test_the_signalr_service_has_a_cluster_where_one_is_set() -> None:
    settings = SETTINGS.model_copy(
        update={"signalr_connection": "Endpoint=http://signalr:8888;AccessKey=k;Version=1.0;"}
    )
    found = Discovery().answer("clusters", request(), Layout(MANIFESTS, settings))
    assert found is not None
    names = [one["name"] for one in json.loads(found.body)["resources"]]
    assert names == ["identity", "metadata", "gateway-keys", "signalr"]
    assert b"AccessKey" not in found.body
