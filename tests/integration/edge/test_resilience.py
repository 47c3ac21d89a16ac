"""The edge when a service fails, when its own memory runs out, and when it is taken away."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.integration.edge.conftest import Edge, wait_until


def test_a_failed_get_is_tried_again_and_a_put_that_is_not_idempotent_is_not(edge: Edge) -> None:
    token = edge.token()
    assert edge.ask("GET", "/metadata/schemas/flaky", token).status_code == 200
    assert edge.ask("PUT", "/metadata/schemas/flaky", token, content=b"{}").status_code == 503
    assert (edge.upstream.flaky.count("GET"), edge.upstream.flaky.count("PUT")) == (2, 1)


def test_a_service_that_does_not_answer_its_health_check_is_known_as_down(edge: Edge) -> None:
    def flags() -> dict[str, str]:
        text = httpx.get(f"{edge.admins[edge.url]}/clusters").text
        return dict(re.findall(r"^(audit|metadata)::[\d.:]+::health_flags::(.*)$", text, re.MULTILINE))

    wait_until(lambda: flags() == {"audit": "/failed_active_hc", "metadata": "healthy"}, "the health is known", 20)


def test_load_is_shed_with_a_problem_when_memory_is_used_up(edge: Edge) -> None:
    with edge.another("small", answers=False, max_heap_bytes=2_000_000) as small:

        def shed() -> bool:
            try:
                answer = httpx.get(f"{small}/metadata/health/live")
            except httpx.TransportError:
                return True  # at the very end no connection is taken
            return answer.status_code == 503 and answer.json()["type"] == "urn:problem:gateway:unavailable"

        wait_until(lambda: _is_up(edge, small), "it is up")
        wait_until(shed, "load is shed")
        stats = httpx.get(f"{edge.admins[small]}/stats?filter=overload.*active").text
        assert "overload.envoy.overload_actions.stop_accepting_requests.active: 1" in stats
    assert edge.ask("GET", "/metadata/health/live").status_code == 200


def test_an_edge_that_is_drained_finishes_what_it_has_begun(edge: Edge) -> None:
    token = edge.token()
    headers = {"authorization": f"Bearer {token}"}
    with edge.another("leaving") as leaving, ThreadPoolExecutor(1) as pool, httpx.Client(headers=headers) as client:
        begun = pool.submit(httpx.get, f"{leaving}/metadata/late", headers=headers, timeout=10)
        assert client.get(f"{leaving}/metadata/schemas/flight").headers.get("connection") != "close"
        assert httpx.post(f"{edge.admins[leaving]}/drain_listeners?graceful").status_code == 200
        # Kept-alive connections are told to go, one by one, over the drain time.
        wait_until(
            lambda: client.get(f"{leaving}/metadata/schemas/flight").headers.get("connection") == "close",
            "clients are sent away",
            within_s=5,
        )
        assert begun.result().status_code == 200


def _is_up(edge: Edge, url: str) -> bool:
    for known, admin in edge.admins.items():
        if known == url:
            try:
                return httpx.get(f"{admin}/ready").status_code == 200
            except httpx.TransportError:
                return False
    return False
