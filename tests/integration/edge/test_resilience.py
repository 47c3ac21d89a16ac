"""The edge when a service fails, when its own memory runs out, and when it is taken away."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from tests.integration.edge.edge import Edge
from tests.integration.edge.processes import wait_until
from tests.integration.edge.upstream import HOST


def test_a_failed_get_is_tried_again_and_a_put_that_is_not_idempotent_is_not(edge: Edge) -> None:
    token = edge.token()
    assert edge.ask("GET", "/metadata/schemas/flaky", token).status_code == 200
    assert edge.ask("PUT", "/metadata/schemas/flaky", token, content=b"{}").status_code == 503
    assert (edge.upstream.flaky.count("GET"), edge.upstream.flaky.count("PUT")) == (2, 1)


def test_a_service_that_does_not_answer_its_health_check_is_known_as_down(edge: Edge) -> None:
    def known() -> bool:
        return _health(edge, "audit") == {HOST: "/failed_active_hc"} and _health(edge, "metadata") == {HOST: "healthy"}

    wait_until(known, "the health is known", 60)


def test_retries_of_a_failing_service_stay_within_a_budget(edge: Edge) -> None:
    token = edge.token()
    edge.upstream.broken_together = asked = 30
    with ThreadPoolExecutor(asked) as pool:
        answers = list(pool.map(lambda _: edge.ask("GET", "/metadata/schemas/broken", token), range(asked)))
    assert {answer.status_code for answer in answers} == {503}
    # Each may be tried three times, but a fifth of what is under way at most are retries.
    assert asked < edge.upstream.broken < 2 * asked
    assert edge.stats("^cluster.metadata.upstream_rq_retry_overflow$").popitem()[1] > 0


def test_requests_beyond_the_circuit_breaker_get_503_at_once_and_other_services_go_on(edge: Edge) -> None:
    token = edge.token()
    edge.upstream.released.clear()
    with _runtime(edge, "circuit_breakers.metadata.default.max_requests", "2"), ThreadPoolExecutor(8) as pool:
        try:
            held = [pool.submit(edge.ask, "GET", "/metadata/held", token) for _ in range(8)]
            another = edge.ask("GET", "/processing/jobs", token)
            wait_until(lambda: sum(one.done() for one in held) == 6, "six do not wait for the two that are held", 10)
        finally:
            edge.upstream.released.set()
        answers = [one.result() for one in held]
    assert another.status_code == 200
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(answers) - len(refused) == 2
    assert {answer.json()["type"] for answer in refused} == {"urn:problem:gateway:unavailable"}
    assert edge.stats("^cluster.metadata.upstream_rq_active_overflow$").popitem()[1] == len(refused)
    assert edge.ask("GET", "/metadata/held", token).status_code == 200


def test_load_is_shed_with_a_problem_when_memory_is_used_up(edge: Edge) -> None:
    with edge.another("small", waits=False, max_heap_bytes=2_000_000) as small:

        def shed() -> bool:
            try:
                answer = httpx.get(f"{small}/metadata/health/live")
            except httpx.TransportError:
                return True  # at the very end no connection is taken
            return answer.status_code == 503 and answer.json()["type"] == "urn:problem:gateway:unavailable"

        wait_until(lambda: _is_up(edge, small), "it is up")
        wait_until(shed, "load is shed")
        wait_until(lambda: _sheds(edge, small), "Envoy says so, too")
    assert edge.ask("GET", "/metadata/health/live").status_code == 200


def test_an_edge_that_is_drained_finishes_what_it_has_begun(edge: Edge) -> None:
    token = edge.token()
    headers = {"authorization": f"Bearer {token}"}
    with (
        edge.another("leaving") as leaving,
        ThreadPoolExecutor(1) as pool,
        httpx.Client(headers=headers, timeout=30) as client,
    ):
        begun = pool.submit(httpx.get, f"{leaving}/metadata/late", headers=headers, timeout=30)
        wait_until(lambda: edge.upstream.late == 1, "it has begun")
        assert client.get(f"{leaving}/metadata/schemas/flight").headers.get("connection") != "close"
        assert httpx.post(f"{edge.admins[leaving]}/drain_listeners?graceful").status_code == 200
        # Kept-alive connections are told to go, one by one, over the drain time.
        wait_until(
            lambda: client.get(f"{leaving}/metadata/schemas/flight").headers.get("connection") == "close",
            "clients are sent away",
        )
        assert begun.result().status_code == 200


def _health(edge: Edge, service: str) -> dict[str, str]:
    """What the edge thinks of each endpoint of a service."""
    text = httpx.get(f"{edge.admins[edge.url]}/clusters").text
    return dict(re.findall(rf"^{service}::([\d.]+):\d+::health_flags::(.*)$", text, re.MULTILINE))


@contextmanager
def _runtime(edge: Edge, key: str, value: str) -> Iterator[None]:
    """Another value in Envoy's runtime, for a while."""
    url = f"{edge.admins[edge.url]}/runtime_modify"
    assert httpx.post(url, params={key: value}).status_code == 200
    try:
        yield
    finally:
        httpx.post(url, params={key: ""})


def _sheds(edge: Edge, url: str) -> bool:
    stats = httpx.get(f"{edge.admins[url]}/stats?filter=overload.*active").text
    return "overload.envoy.overload_actions.stop_accepting_requests.active: 1" in stats


def _is_up(edge: Edge, url: str) -> bool:
    for known, admin in edge.admins.items():
        if known == url:
            try:
                return httpx.get(f"{admin}/ready").status_code == 200
            except httpx.TransportError:
                return False
    return False
