"""The edge sees a service's pods one by one: each address of its headless name is an endpoint of Envoy's."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from chassis.settings import ROOT
from local.scaler.metrics import Metrics
from local.scaler.rules import read_rules
from tests.integration.edge.edge import Edge
from tests.integration.edge.names import TTL_S
from tests.integration.edge.pods import ADDRESSES, NAME, Mood, Pod
from tests.integration.edge.processes import wait_until

FIRST, SECOND = ADDRESSES
JOBS, RESULT = "/processing/jobs", "/processing/jobs/1/result"
UNAVAILABLE = "urn:problem:gateway:unavailable"
COUNTERS = ("upstream_rq_total", "upstream_cx_connect_fail", "upstream_cx_none_healthy")
"""What the scale rule adds up."""


@pytest.fixture
def pods(edge: Edge) -> Iterator[Sequence[Pod]]:
    """Both pods, well, in use and new to the edge: it has forgotten what it thought of them before."""
    edge.names.records[NAME] = ()
    wait_until(lambda: not _flags(edge), "the edge has forgotten the pods")
    edge.names.records[NAME] = ADDRESSES
    wait_until(lambda: _flags(edge) == dict.fromkeys(ADDRESSES, "healthy"), "the edge uses both pods")
    for pod in edge.pods:
        pod.asked.clear()
    yield edge.pods
    edge.names.records[NAME], edge.names.failing = ADDRESSES, False
    for pod in edge.pods:
        pod.stop()
        pod.start()


@pytest.mark.parametrize(
    ("mood", "path", "status"),
    [("fails", JOBS, 503), ("resets", JOBS, 503), ("is silent", RESULT, 504)],
)
def test_a_pod_that_fails_is_ejected_the_other_serves_all_and_it_comes_back(
    edge: Edge, pods: Sequence[Pod], mood: Mood, path: str, status: int
) -> None:
    token = edge.token()
    pods[1].mood = mood
    statuses: list[int] = []
    while statuses.count(status) < 5 and len(statuses) < 40:
        statuses.append(edge.ask("GET", path, token).status_code)
    ejected = {FIRST: "healthy", SECOND: "/failed_outlier_check"}
    wait_until(lambda: _flags(edge) == ejected, "it is ejected")
    assert [edge.ask("GET", path, token).status_code for _ in range(10)] == [200] * 10
    assert statuses.count(status) == len(pods[1].asked) == 5
    pods[1].mood = "serves"
    wait_until(lambda: edge.ask("GET", path, token).text == SECOND, "it serves again", 60)


def test_a_pod_that_is_gone_before_its_name_knows_costs_no_request(edge: Edge, pods: Sequence[Pod]) -> None:
    token = edge.token()
    assert {edge.ask("POST", JOBS, token).text for _ in range(30)} == set(ADDRESSES)
    pods[1].stop()
    answers: list[httpx.Response] = []
    while "failed_outlier_check" not in _flags(edge)[SECOND]:
        assert len(answers) < 30, "it is not ejected"
        answers.append(edge.ask("POST", JOBS, token))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, FIRST)}
    assert sum(len(pod.asked) for pod in pods) == 30 + len(answers), "each was carried out once"


def test_a_pod_that_its_name_no_longer_names_is_left_at_once_and_finishes_what_it_has(
    edge: Edge, pods: Sequence[Pod]
) -> None:
    token = edge.token()
    with ThreadPoolExecutor(8) as pool:
        held = [pool.submit(edge.ask, "GET", f"{JOBS}/held", token) for _ in range(8)]
        try:
            wait_until(lambda: len(pods[0].asked) + len(pods[1].asked) == 8, "all are under way")
            begun = len(pods[1].asked)
            edge.names.records[NAME] = (FIRST,)
            wait_until(lambda: list(_flags(edge)) == [FIRST], "the edge has left it", TTL_S / 2)
            assert {edge.ask("GET", JOBS, token).text for _ in range(20)} == {FIRST}
            assert not any(each.done() for each in held)
        finally:
            for pod in pods:
                pod.released.set()
        answers = [each.result() for each in held]
    assert [answer.status_code for answer in answers] == [200] * 8
    assert [answer.text for answer in answers].count(SECOND) == begun == len(pods[1].asked) > 0


@pytest.fixture
async def asked_for(edge: Edge, tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Whether the scale rule of processing, as it lies in keda/, sees that somebody asks: what wakes it from zero."""
    metrics = Metrics(edge.storage, edge.admins[edge.url], tmp_path)
    [rule] = [trigger for trigger in read_rules(ROOT / "keda")["processing"].triggers if trigger.type == "prometheus"]

    async def active() -> bool:
        return (await metrics.read("processing", [rule]))[rule.name] > rule.activation

    yield active
    await metrics.close()


@pytest.mark.parametrize("records", [{NAME: ()}, {}], ids=["no address", "no such name"])
async def test_without_a_pod_the_answer_is_a_problem_and_the_scale_rule_sees_who_asked(
    edge: Edge, pods: Sequence[Pod], asked_for: Callable[[], Awaitable[bool]], records: dict[str, tuple[str, ...]]
) -> None:
    token = edge.token()
    edge.names.records = records
    wait_until(lambda: not _flags(edge), "no pod is left")
    assert not await asked_for()
    before = _counts(edge)
    answers = [edge.ask("GET", f"{JOBS}/1", token) for _ in range(6)]
    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {(503, UNAVAILABLE)}
    assert [now - then for now, then in zip(_counts(edge), before, strict=True)] == [0, 0, 6]
    assert await asked_for()
    edge.names.records = {NAME: (FIRST,)}
    wait_until(lambda: edge.ask("GET", JOBS, token).text == FIRST, "the pod that was started serves")


def test_names_that_can_not_be_had_leave_the_pods_that_were_known(edge: Edge, pods: Sequence[Pod]) -> None:
    token = edge.token()
    edge.names.failing = True
    asked = edge.names.asked[NAME]
    wait_until(lambda: edge.names.asked[NAME] > asked + 3, "the name was asked for in vain")
    assert {edge.ask("GET", JOBS, token).text for _ in range(20)} == set(ADDRESSES)


def test_a_single_pod_is_never_ejected(edge: Edge, pods: Sequence[Pod]) -> None:
    token = edge.token()
    edge.names.records[NAME] = (FIRST,)
    wait_until(lambda: list(_flags(edge)) == [FIRST], "there is one pod")
    pods[0].mood = "fails"
    assert {edge.ask("GET", JOBS, token).status_code for _ in range(12)} == {503}
    assert _flags(edge) == {FIRST: "healthy"}
    pods[0].mood = "serves"
    assert edge.ask("GET", JOBS, token).status_code == 200


def _flags(edge: Edge) -> dict[str, str]:
    """What the edge thinks of each pod that it knows."""
    text = httpx.get(f"{edge.admins[edge.url]}/clusters").text
    return dict(re.findall(r"^processing::([\d.]+):\d+::health_flags::(.*)$", text, re.MULTILINE))


def _counts(edge: Edge) -> list[int]:
    """Each counter of processing."""
    counted = edge.stats(f"^cluster.processing.({'|'.join(COUNTERS)})$")
    return [counted[f"cluster.processing.{name}"] for name in COUNTERS]
