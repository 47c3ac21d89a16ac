"""The edge while the gateway app is away, and while somebody floods it with keys or tokens that are not good."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from chassis.manifest import Bucket
from functions.gateway.envoy import api_keys, discovery, listener
from functions.gateway.envoy.unproven import PerAddress, limit_filter
from local.ports import any_free
from tests.integration.edge.edge import ALIVE, Edge
from tests.integration.edge.forwarder import Forwarder, forwarding_to
from tests.integration.edge.processes import EnvoyPorts, answers, envoy, wait_until
from tests.integration.edge.upstream import HOST

PATH = "/metadata/schemas/flight"
UNKNOWN = "plk_" + "0" * 32 + "_" + "a" * 43
ANOTHER_ADDRESS = "127.0.0.9"
KEYS, TOKENS = 12, 20
"""Shared by all edges of the last 15 s: the fewer they are, the more each takes."""


@pytest.fixture(scope="module", autouse=True)
def few_from_an_address() -> Iterator[None]:
    """The edge takes so few requests with keys or new tokens from an address that a test can use them up."""
    limits = PerAddress(
        keys=Bucket(requests_per_second=1, burst=KEYS), tokens=Bucket(requests_per_second=1, burst=TOKENS)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listener, "limit_filter", lambda _: limit_filter(limits))
        yield


@pytest.fixture
def gateway(edge: Edge) -> Iterator[Forwarder]:
    """The only way to the gateway app, of the control plane and of the exchange of keys."""
    with forwarding_to(urlsplit(edge.gateway_url).port or 80) as way, pytest.MonkeyPatch.context() as patch:
        there = api_keys.exchange_cluster(f"http://{HOST}:{way.port}")
        patch.setattr(discovery, "exchange_cluster", lambda _: there)
        yield way


@pytest.fixture
def ports(edge: Edge, gateway: Forwarder) -> EnvoyPorts:
    port, admin = any_free(2)
    return EnvoyPorts(port, admin, gateway.port, edge.names.port)


def with_key(url: str, key: str = UNKNOWN, address: str | None = None, path: str = PATH) -> httpx.Response:
    return _asked(url + path, {"x-api-key": key}, address)


def with_token(url: str, token: str, address: str | None = None) -> httpx.Response:
    return _asked(url + PATH, {"authorization": f"Bearer {token}"}, address)


def _asked(url: str, headers: dict[str, str], address: str | None) -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
        return client.get(url, headers=headers, timeout=10)


@pytest.mark.parametrize("module", [True, False], ids=["module", "native"])
def test_a_flood_of_keys_ends_at_the_edge_and_keeps_nobody_else_out(edge: Edge, module: bool) -> None:
    with edge.another(f"flooded-{module}", module=module) as url:
        answers = [with_key(url, path=path) for path in [PATH, "/audit/events"] * 20]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(answers) - len(refused) <= KEYS + 10
        assert {answer.status_code for answer in answers} == {401, 429}
        assert refused[0].json()["type"] == "urn:problem:gateway:too-many-requests"
        assert refused[0].headers["retry-after"] == "1"
        assert httpx.get(url + PATH, headers={"authorization": f"Bearer {edge.token()}"}).status_code == 200
        assert with_key(url, path=ALIVE).status_code == 200, "a key that nobody asks for"
        assert with_key(url, address=ANOTHER_ADDRESS).status_code == 401


def test_a_flood_of_bad_tokens_ends_at_the_edge_and_keeps_out_neither_known_tokens_nor_others(edge: Edge) -> None:
    token, bad = edge.token(), edge.token()[:-8]
    with edge.another("flooded-tokens") as url:
        assert with_token(url, token).status_code == 200
        answers = [with_token(url, f"{bad}{number:08}") for number in range(TOKENS + 30)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert {answer.status_code for answer in answers} == {401, 429}
        assert len(answers) - len(refused) <= TOKENS + 10
        assert refused[0].json()["type"] == "urn:problem:gateway:too-many-requests"
        assert refused[0].headers["retry-after"] == "1"
        assert with_token(url, token).status_code == 200
        assert with_token(url, edge.token(), ANOTHER_ADDRESS).status_code == 200


def test_keys_that_wait_for_the_gateway_take_no_place_from_what_else_it_is_asked(edge: Edge) -> None:
    runtime = f"{edge.admins[edge.url]}/runtime_modify"
    key = "circuit_breakers.gateway-keys.default.max_requests"
    httpx.post(runtime, params={key: "0"})
    try:
        answer = with_key(edge.url, address=ANOTHER_ADDRESS)
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:problem:gateway:unavailable")
        assert edge.stats("^cluster.gateway-keys.upstream_rq_active_overflow$").popitem()[1] == 1
        asked = edge.stats("^cluster.gateway-control.upstream_rq_total$").popitem()[1]
        wait_until(
            lambda: edge.stats("^cluster.gateway-control.upstream_rq_total$").popitem()[1] > asked + 5, "it is asked on"
        )
    finally:
        httpx.post(runtime, params={key: ""})


def test_an_edge_goes_on_without_the_gateway_refuses_keys_and_takes_the_news_when_it_is_back(
    edge: Edge, gateway: Forwarder, ports: EnvoyPorts
) -> None:
    url, token = f"http://{HOST}:{ports.edge}", {"authorization": f"Bearer {edge.token()}"}
    made = edge.ask(
        "POST", "/gateway/api-keys", edge.token(), json={"name": "importer", "scopes": ["metadata.read"]}
    ).json()
    file = edge.manifests / "metadata" / "service.yaml"
    before = file.read_text()
    with envoy(edge.keys, "cut-off", ports):
        wait_until(lambda: answers(url + ALIVE), "the edge answers")
        wait_until(lambda: with_key(url, made["key"]).status_code == 200, "keys are exchanged")
        gateway.cut()
        try:
            file.write_text(before + '  - {path: "/metadata/news", methods: [GET], scope: metadata.read}\n')
            refused = with_key(url, made["key"], address=ANOTHER_ADDRESS)
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:problem:gateway:unavailable")
            admin = f"http://{HOST}:{ports.admin}/stats?filter=lds.update_failure"
            wait_until(lambda: int(httpx.get(admin).text.split()[-1]) > 2, "it has asked in vain")
            assert httpx.get(url + PATH, headers=token).status_code == 200
            assert httpx.get(url + "/metadata/news", headers=token).status_code == 404
            gateway.mend()
            wait_until(lambda: httpx.get(url + "/metadata/news", headers=token).status_code == 200, "it has the news")
        finally:
            file.write_text(before)


def test_an_edge_that_starts_without_the_gateway_takes_nobody_before_it_is_there(
    edge: Edge, gateway: Forwarder, ports: EnvoyPorts
) -> None:
    url = f"http://{HOST}:{ports.edge}"
    gateway.cut()
    with envoy(edge.keys, "early", ports):
        admin = f"http://{HOST}:{ports.admin}"
        wait_until(lambda: _text(f"{admin}/stats?filter=cds.update_failure").endswith(tuple("23456789")), "it asked")
        assert _text(f"{admin}/ready") != "LIVE"
        with pytest.raises(httpx.ConnectError):
            httpx.get(url + ALIVE)
        gateway.mend()
        wait_until(lambda: answers(url + ALIVE), "the edge answers")


def _text(url: str) -> str:
    try:
        return httpx.get(url).text.strip()
    except httpx.TransportError:
        return ""
