"""Rate limits as tenants meet them: tiers, changes at run time, several edges, a noisy neighbour."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx
import pytest

from tests.integration.edge.edge import Edge
from tests.integration.edge.processes import wait_until

FIELDS = re.compile(r'"default";r=(0|[1-9]\d*);t=(0|[1-9]\d*)')


def statuses(url: str, token: str, number: int) -> list[int]:
    with httpx.Client(headers={"authorization": f"Bearer {token}"}, timeout=30) as client:
        return [client.get(f"{url}/reporting/reports").status_code for _ in range(number)]


def admitted(url: str, token: str, number: int = 40) -> int:
    return statuses(url, token, number).count(200)


def put_tier(edge: Edge, tenant: str, **limits: object) -> httpx.Response:
    return edge.ask("PUT", f"/gateway/tenants/{tenant}/limits", edge.token("operator"), json=limits)


def test_every_answer_says_what_is_left_in_the_standard_fields(edge: Edge) -> None:
    answer = edge.ask("GET", "/metadata/schemas/flight", edge.token())
    assert FIELDS.fullmatch(answer.headers["ratelimit"])
    assert re.fullmatch(r'"default";q=[1-9]\d*', answer.headers["ratelimit-policy"])
    assert not [name for name in answer.headers if name.startswith("x-platform-")]
    refused = edge.ask("GET", "/metadata/schemas/flight")
    assert FIELDS.fullmatch(refused.headers["ratelimit"])


def test_a_refused_request_says_when_to_come_again(edge: Edge) -> None:
    token = edge.token("demo")
    answers = [edge.ask("GET", "/reporting/reports", token) for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].headers["retry-after"] == "1"
    found = FIELDS.fullmatch(refused[0].headers["ratelimit"])
    assert found
    assert int(found[1]) == 0
    assert refused[0].json()["type"] == "urn:problem:gateway:too-many-requests"


def test_the_clients_of_a_tenant_share_its_bucket_and_none_gets_all_of_it(edge: Edge) -> None:
    left, right = edge.token("left"), edge.token("right")  # a tenant that no other test uses: its bucket is full
    began = time.monotonic()
    first = admitted(edge.url, left, 10)
    second = admitted(edge.url, right, 10)
    refilled = 2 * (time.monotonic() - began)  # a busy machine gives the bucket time
    assert 2 <= first <= 2 + refilled / 2 + 1  # of 4, one client gets a half
    assert second >= 1
    assert first + second <= 4 + refilled + 1


def test_a_tier_set_at_run_time_is_soon_live_and_falls_back_when_removed(edge: Edge) -> None:
    token = edge.token("quiet")
    assert admitted(edge.url, token, 12) < 10
    assert put_tier(edge, "calm", tier="premium").status_code == 200
    wait_until(lambda: admitted(edge.url, token, 30) >= 20, "the premium bucket is live", 15)
    listed = edge.ask("GET", "/gateway/tenants", edge.token("operator")).json()["items"]
    assert listed == [{"tenant": "calm", "tier": "premium", "buckets": {}}]
    path = "/gateway/tenants/calm/limits"
    assert edge.ask("DELETE", path, edge.token("operator")).status_code == 204
    assert edge.ask("GET", path, edge.token("operator")).status_code == 404
    wait_until(lambda: admitted(edge.url, token, 30) < 10, "the standard bucket is back")


def test_a_tenant_may_have_a_bucket_of_its_own_for_one_service(edge: Edge) -> None:
    own = {"reporting": {"requestsPerSecond": 1, "burst": 1}}
    token = edge.token("quiet")
    assert put_tier(edge, "calm", buckets=own).status_code == 200
    try:
        wait_until(lambda: admitted(edge.url, token, 5) <= 1, "the small bucket is live")
        assert edge.ask("GET", "/metadata/schemas/flight", token).status_code == 200
    finally:
        edge.ask("DELETE", "/gateway/tenants/calm/limits", edge.token("operator"))


@pytest.mark.parametrize(
    "sent", [{"tier": "gold"}, {"buckets": {"nobody": {"requestsPerSecond": 1, "burst": 1}}}, {"more": 1}]
)
def test_limits_that_make_no_sense_are_refused(edge: Edge, sent: dict[str, object]) -> None:
    assert put_tier(edge, "calm", **sent).status_code in {400, 422}


def test_limits_are_set_by_operators_alone_and_a_tenant_sees_its_own(edge: Edge) -> None:
    answer = edge.ask("PUT", "/gateway/tenants/acme/limits", edge.token("demo"), json={"tier": "premium"})
    assert answer.status_code == 403
    assert edge.ask("GET", "/gateway/tenants", edge.token("demo")).status_code == 403
    assert edge.ask("GET", "/gateway/tenants/calm/limits", edge.token("demo")).status_code == 403
    assert edge.ask("GET", "/gateway/tenants/acme/limits", edge.token("demo")).status_code == 404  # nothing was set


def test_a_noisy_tenant_takes_nothing_from_a_quiet_one(edge: Edge) -> None:
    noisy, quiet, ended = edge.token("demo"), edge.token("quiet"), Event()

    def flood() -> list[int]:
        found = statuses(edge.url, noisy, 100)
        while not ended.is_set():
            found += statuses(edge.url, noisy, 100)
        return found

    headers = {"authorization": f"Bearer {quiet}"}
    with ThreadPoolExecutor(2) as pool, httpx.Client(headers=headers, timeout=30) as client:
        floods = [pool.submit(flood) for _ in range(2)]
        try:
            served = [client.get(f"{edge.url}/metadata/schemas/flight").status_code for _ in range(50)]
        finally:
            ended.set()
        flooded = [status for each in floods for status in each.result()]
    assert served == [200] * 50
    assert flooded.count(429) > len(flooded) / 2
    assert len(flooded) < 100 * len(served), "its requests wait for those of the flood"


def test_two_edges_together_admit_what_one_does(edge: Edge) -> None:
    token = edge.token("wide")
    with edge.another("second-edge") as second:
        wait_until(lambda: _share(edge, edge.url) == _share(edge, second) == 2, "both know of two")
        began = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda url: admitted(url, token, 25), (edge.url, second)))
        refilled = time.monotonic() - began  # one a second in all, and a busy machine gives it seconds
    assert 2 <= sum(both) <= 3 + refilled, both  # the client's one bucket of 2, and what is filled up meanwhile
    assert min(both) >= 1


def _share(edge: Edge, url: str) -> int:
    """How many instances an Envoy counts, as its admin tells."""
    admin = edge.admins[url]
    text = httpx.get(f"{admin}/clusters").text
    return len(set(re.findall(r"^edge-instances::(127\.0\.0\.1:\d+)::", text, re.MULTILINE)))
