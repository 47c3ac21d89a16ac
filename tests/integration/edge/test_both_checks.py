"""An edge with the module and one with Envoy's own filters, side by side: they answer every request alike."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.edge.edge import Edge
from tests.integration.edge.processes import wait_until

SCHEMA = "/metadata/schemas/flight"
OF_ONE_ANSWER = {"date", "x-request-id"}
"""Fields of an answer that differ between two answers of one edge, too."""
LIMITS = {"ratelimit", "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
"""What is left differs by what was asked; Envoy's own filter has fields of its own, and names a bucket that is not used
on answers that were counted nowhere."""
OF_ONE_REQUEST = {"x-request-id", "traceparent", "host", "x-platform-trace-id"}
"""Fields of a request that two requests never share."""


@pytest.fixture(scope="module")
def native(edge: Edge) -> Iterator[str]:
    """The address of an edge without the module."""
    with edge.another("native", module=False) as url:
        assert "platform.gate" not in httpx.get(f"{edge.admins[url]}/config_dump").text
        assert "platform.gate" in httpx.get(f"{edge.admins[edge.url]}/config_dump").text
        yield url


def seen(answer: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """Status, fields and body of an answer, without what is of that answer or of that edge alone."""
    here = f"{answer.url.host}:{answer.url.port}"
    fields = {name: value.replace(here, "edge") for name, value in answer.headers.items()}
    for name in OF_ONE_ANSWER | LIMITS:
        fields.pop(name, None)
    if not answer.headers.get("content-type", "").endswith("json"):
        return answer.status_code, fields, answer.text
    body = answer.json()
    body.pop("traceId", None)
    for name in OF_ONE_REQUEST:
        body.get("headers", {}).pop(name, None)
    return answer.status_code, fields, body


TOKEN, NONE = "token", ""
REQUESTS = [
    ("GET", SCHEMA, TOKEN, {}),
    ("GET", f"{SCHEMA}?x=/..%20#", TOKEN, {}),
    ("PUT", SCHEMA, TOKEN, {"json": {"type": "object"}}),
    ("PUT", SCHEMA, TOKEN, {"content": b"x" * 1001}),
    ("GET", SCHEMA, NONE, {}),
    ("GET", SCHEMA, "not a token", {}),
    ("GET", "/metadata/admin", TOKEN, {}),
    ("GET", "/metadata/admin", NONE, {}),
    ("GET", "/metadata/slow", TOKEN, {}),
    ("DELETE", SCHEMA, TOKEN, {}),
    ("GET", "/metadata/nothing", TOKEN, {}),
    ("GET", "/nobody/has/this", TOKEN, {}),
    ("GET", "/", NONE, {}),
    ("GET", "/metadata/health/live", NONE, {}),
    ("GET", "/metadata/health/live", TOKEN, {}),
    ("GET", "/metadata/health/live", "not a token", {}),
    ("GET", "/audit/events", TOKEN, {}),
    ("OPTIONS", SCHEMA, NONE, {"headers": {"origin": "https://evil.test", "access-control-request-method": "GET"}}),
    (
        "OPTIONS",
        SCHEMA,
        NONE,
        {"headers": {"origin": "https://console.example", "access-control-request-method": "GET"}},
    ),
    ("GET", SCHEMA, NONE, {"headers": {"x-api-key": "none"}}),
    ("GET", SCHEMA, TOKEN, {"headers": {"x-api-key": "none"}}),
    ("GET", SCHEMA, NONE, {"headers": {"x-platform-tenant": "acme", "x-platform-scope": "metadata.read"}}),
    ("GET", SCHEMA, NONE, {"headers": {"x-platform-tenant": "acme", "x-platform-expires": "99999999999"}}),
    ("GET", "/metadata/health/live", NONE, {"headers": {"x-platform-tenant": "acme", "x-platform-user": "root"}}),
    (
        "GET",
        SCHEMA,
        TOKEN,
        {"headers": {"x-platform-tenant": "other", "X-Platform-Known": "1", "x-envoy-retry-on": "5xx"}},
    ),
    ("GET", SCHEMA, TOKEN, {"headers": {"x-platform-path": "/gateway/routes"}}),
]


@pytest.mark.parametrize(("method", "path", "token", "options"), REQUESTS)
def test_both_answer_alike_the_first_time_and_when_the_token_is_known(
    edge: Edge, native: str, method: str, path: str, token: str, options: dict[str, Any]
) -> None:
    headers = options.get("headers", {})
    if token:
        value = edge.token(scope="metadata.read metadata.write audit.read") if token == TOKEN else token
        headers = {**headers, "authorization": f"Bearer {value}"}
    rest = {name: value for name, value in options.items() if name != "headers"}
    first, again, other = (
        httpx.request(method, f"{url}{path}", headers=headers, timeout=10, **rest)
        for url in (edge.url, edge.url, native)
    )
    assert seen(first) == seen(other)
    assert seen(again) == seen(other)


def test_two_authorization_headers_are_never_a_known_token(edge: Edge, native: str) -> None:
    token = edge.token()
    assert edge.ask("GET", SCHEMA, token).status_code == 200
    twice = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}x")]
    found = [httpx.get(f"{url}{SCHEMA}", headers=twice).status_code for url in (edge.url, native)]
    assert found[0] == found[1]
    assert found[0] in {400, 401}


def test_a_withdrawn_key_is_refused_by_both_and_what_was_known_is_forgotten(edge: Edge, native: str) -> None:
    signing = edge.ask("GET", "/identity/.well-known/jwks.json").json()["keys"][0]
    token = edge.token()
    headers = {"authorization": f"Bearer {token}"}

    def statuses() -> list[int]:
        return [httpx.get(f"{url}{SCHEMA}", headers=headers).status_code for url in (edge.url, native)]

    assert [statuses() for _ in range(2)] == [[200, 200]] * 2
    withdrawn = edge.ask("POST", f"/identity/keys/{signing['kid']}/withdraw", edge.token("operator"))
    assert withdrawn.status_code == 200, withdrawn.text
    wait_until(lambda: statuses() == [401, 401], "both refuse it")
    new = edge.token()
    assert [edge.ask("GET", SCHEMA, new).status_code for _ in range(2)] == [200, 200]


def test_a_client_has_its_part_of_a_bucket_that_its_tenant_has_of_its_own(edge: Edge, native: str) -> None:
    path, bucket = "/gateway/tenants/calm/limits", {"requestsPerSecond": 1000, "burst": 1000}
    headers = {"authorization": f"Bearer {edge.token('quiet')}"}

    def admitted(url: str) -> int:
        with httpx.Client(base_url=url, headers=headers) as client:
            return [client.get("/reporting/reports").status_code for _ in range(10)].count(200)

    assert max(map(admitted, (edge.url, native))) < 10
    own = {"buckets": {"reporting": bucket}}
    assert edge.ask("PUT", path, edge.token("operator"), json=own).status_code == 200
    try:
        wait_until(lambda: [admitted(url) for url in (edge.url, native)] == [10, 10], "the part is live")
    finally:
        edge.ask("DELETE", path, edge.token("operator"))


def test_jwt_authn_sees_a_token_once_and_the_module_every_time(edge: Edge) -> None:
    def count() -> int:
        return sum(value for name, value in edge.stats("gate_checked").items() if "gate_checked" in name)

    token, before = edge.token(), count()
    for _ in range(5):
        assert edge.ask("GET", SCHEMA, token).status_code == 200
    wait_until(lambda: count() == before + 1, "one is counted")
