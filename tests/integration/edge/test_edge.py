"""The edge as its clients meet it."""

import base64
import json

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.integration.edge.edge import Edge
from tests.integration.edge.processes import wait_until


def problem_of(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, object] = answer.json()
    assert problem["type"] == f"urn:problem:gateway:{code}"
    assert problem["status"] == status
    assert problem["title"]
    return problem


def test_a_request_without_a_token_is_answered_401_with_the_trace_id(edge: Edge) -> None:
    problem = problem_of(edge.ask("GET", "/metadata/schemas/flight"), 401, "unauthorized")
    assert len(str(problem["traceId"])) == 32


def test_a_token_without_the_scope_is_answered_403(edge: Edge) -> None:
    narrow = edge.token(scope="metadata.read")
    answer = edge.ask("PUT", "/metadata/schemas/flight", narrow, content=b"{}")
    problem_of(answer, 403, "forbidden")
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    problem_of(edge.ask("GET", "/metadata/admin", edge.token()), 403, "forbidden")


def test_a_scope_that_only_begins_like_the_needed_one_does_not_pass(edge: Edge) -> None:
    problem_of(edge.ask("GET", "/metadata/admin", edge.token(scope="metadata.read metadata.write")), 403, "forbidden")


@pytest.mark.parametrize(
    "path", ["/nothing", "/metadata", "/metadata/schemas/a/b", "/v3/discovery:routes", "/gateway/otlp/v1/traces"]
)
def test_what_is_not_routed_is_answered_404_also_the_control_plane(edge: Edge, path: str) -> None:
    problem_of(edge.ask("POST", path, edge.token(), content=b"{}"), 404, "not-found")


def test_another_method_on_a_routed_path_is_answered_405_with_what_is_allowed(edge: Edge) -> None:
    answer = edge.ask("DELETE", "/metadata/schemas/flight", edge.token())
    problem_of(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, PUT"


def test_a_body_over_the_routes_limit_is_answered_413_and_does_not_reach_the_service(edge: Edge) -> None:
    token = edge.token()
    assert edge.ask("PUT", "/metadata/schemas/flight", token, content=b"x" * 1000).json()["bytes"] == 1000
    answer = edge.ask("PUT", "/metadata/schemas/flight", token, content=b"x" * 1001)
    problem_of(answer, 413, "payload-too-large")


def test_a_client_over_its_limit_is_answered_429_while_another_client_passes(edge: Edge) -> None:
    demo, other = edge.token("demo"), edge.token("other")
    answers = [edge.ask("GET", "/reporting/reports", demo) for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert answers[0].status_code == 200
    assert refused
    problem_of(refused[0], 429, "too-many-requests")
    assert refused[0].headers["retry-after"] == "1"
    assert edge.ask("GET", "/reporting/reports", other).status_code == 200


def test_a_service_that_is_down_is_answered_503(edge: Edge) -> None:
    answer = edge.ask("GET", "/audit/events", edge.token())
    problem_of(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"


def test_a_service_that_is_too_slow_is_answered_504_at_the_routes_timeout(edge: Edge) -> None:
    problem_of(edge.ask("GET", "/metadata/slow", edge.token()), 504, "timeout")


@pytest.mark.parametrize("path", ["/metadata%2fschemas%2fflight", "/metadata%5cschemas"])
def test_escaped_slashes_are_refused_with_400(edge: Edge, path: str) -> None:
    problem_of(edge.ask("GET", path, edge.token()), 400, "bad-request")


def test_a_query_after_the_only_segment_of_a_path_changes_nothing(edge: Edge) -> None:
    for query in ("", "?", "?x=1", "?x=/metadata"):
        assert edge.ask("GET", f"/docs{query}").status_code == 200, query


def test_a_path_is_normalized_before_it_is_routed(edge: Edge) -> None:
    answer = edge.ask("GET", "//metadata///health/live")
    assert answer.json()["path"] == "metadata/health/live"


def test_a_good_request_passes_with_user_and_tenant_of_the_token_and_without_forged_headers(edge: Edge) -> None:
    forged = {
        "x-platform-user": "root",
        "X-Platform-Tenant": "other",
        "x-platform-scope": "metadata.admin",
        "x-platform-anything": "1",
        "x-envoy-retry-on": "5xx",
        "x-platform-control": "guess",
    }
    answer = edge.ask("GET", "/metadata/schemas/flight", edge.token(), headers=forged)
    assert answer.status_code == 200
    seen = answer.json()["headers"]
    own = {name: value for name, value in seen.items() if name.startswith("x-platform-")}
    trace_id = seen["traceparent"].split("-")[1]
    assert own == {
        "x-platform-user": "demo",
        "x-platform-tenant": "acme",
        "x-platform-client": "demo",
        "x-platform-trace-id": trace_id,
        "x-platform-deadline-ms": "15000",
    }
    assert "x-envoy-retry-on" not in seen
    assert seen["authorization"].startswith("Bearer ")
    assert answer.headers["x-request-id"] == seen["x-request-id"]


@pytest.mark.parametrize("name", ["x-platform-user", "x-platform-tenant", "X-Platform-Subject"])
def test_a_forged_user_or_tenant_does_not_pass_on_a_public_route_either(edge: Edge, name: str) -> None:
    seen = edge.ask("GET", "/metadata/health/live", edge.token(), headers={name: "root"}).json()["headers"]
    assert name.lower() not in seen


def test_a_tenant_that_was_forged_twice_is_the_tokens_once(edge: Edge) -> None:
    headers = [(name, "other") for name in ("x-platform-tenant", "X-PLATFORM-TENANT", "x-platform-user")]
    token = ("authorization", f"Bearer {edge.token()}")
    answer = httpx.get(f"{edge.url}/metadata/schemas/flight", headers=[*headers, token])
    seen = answer.json()["headers"]
    assert (seen["x-platform-tenant"], seen["x-platform-user"]) == ("acme", "demo")


def test_a_callers_trace_goes_on_through_the_edge(edge: Edge) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    seen = edge.ask("GET", "/metadata/health/live", headers=headers).json()["headers"]
    assert seen["traceparent"].split("-")[1] == trace_id


@pytest.mark.parametrize("kind", ["another key", "no signature", "tampered"])
def test_a_token_that_identity_did_not_sign_is_answered_401(edge: Edge, kind: str) -> None:
    good = edge.token(scope="metadata.read")
    header, payload, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    bad = {
        "another key": jwt.encode({"alg": "RS256", "typ": "at+jwt"}, claims, RSAKey.generate_key(2048, private=True)),
        "no signature": f"{_part({'alg': 'none'})}.{payload}.",
        "tampered": f"{header}.{_part({**claims, 'scope': 'metadata.admin'})}.{signature}",
    }[kind]
    problem_of(edge.ask("GET", "/metadata/schemas/flight", bad), 401, "unauthorized")


def test_the_edges_spans_reach_monitoring_with_the_gateways_own_token(edge: Edge) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    edge.ask("GET", "/metadata/schemas/flight", edge.token(), headers=headers)
    wait_until(lambda: any(trace_id in ids for ids in _exported(edge)), "the span is exported")
    authorization = edge.upstream.exports[0][0].removeprefix("Bearer ")
    claims = json.loads(base64.urlsafe_b64decode(authorization.split(".")[1] + "=="))
    assert claims["sub"] == "svc-gateway"
    assert "monitoring.ingest" in claims["scope"].split()


def test_a_new_route_is_soon_live_and_a_bad_manifest_changes_nothing(edge: Edge) -> None:
    file = edge.manifests / "metadata" / "service.yaml"
    before = file.read_text()
    token = edge.token()
    assert edge.ask("GET", "/metadata/fresh", token).status_code == 404
    try:
        file.write_text(before + '  - {path: "/metadata/fresh", methods: [GET], scope: metadata.read}\n')
        wait_until(lambda: edge.ask("GET", "/metadata/fresh", token).status_code == 200, "the route is live", 15)
        file.write_text(before + '  - {path: "/metadata/broken", methods: [FETCH], scope: metadata.read}\n')
        listed = edge.ask("GET", "/gateway/routes", token).json()
        assert [refused["service"] for refused in listed["refused"]] == ["metadata"]
        assert "methods" in listed["refused"][0]["reason"]
        assert listed["refused"][0]["file"] == "metadata/service.yaml"
        assert listed["refused"][0]["line"] == len(before.splitlines()) + 1
        assert edge.ask("GET", "/metadata/fresh", token).status_code == 200
    finally:
        file.write_text(before)


def test_the_merged_document_has_what_is_routed_and_names_what_is_down(edge: Edge) -> None:
    document = edge.ask("GET", "/gateway/openapi.json").json()
    paths = document["paths"]
    assert paths["/metadata/schemas/{schema}"]["get"]["security"] == [{"platform": ["metadata.read"]}, {"apiKey": []}]
    assert paths["/identity/oauth2/token"]["post"]["security"] == []
    assert "/metadata/inner" not in paths
    assert not [path for path in paths if path.startswith("/v3") or "otlp" in path]
    # One is down, another has no document but a text.
    assert {"audit", "processing"} <= set(document["x-unavailable"])


def test_the_control_plane_answers_nobody_who_lacks_the_secret(edge: Edge) -> None:
    for path in ("/v3/discovery:clusters", "/gateway/otlp/v1/traces"):
        answer = httpx.post(edge.gateway_url + path, headers={"x-platform-control": "guess"}, json={})
        assert answer.status_code == 403


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _exported(edge: Edge) -> list[list[str]]:
    found = []
    for _, body in edge.upstream.exports:
        request = ExportTraceServiceRequest.FromString(body)
        spans = [span for group in request.resource_spans for scope in group.scope_spans for span in scope.spans]
        found.append([span.trace_id.hex() for span in spans])
    return found
