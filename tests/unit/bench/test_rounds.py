"""Interleaved rounds."""

import pytest

from bench.contest import Contest, Sample, Side
from bench.rounds import Outcome, measure


def side(label: str, values: list[float], order: list[str]) -> Side:
    left = iter(values)

    async def one() -> Sample:
        order.append(label)
        return Sample(next(left))

    return Side(label, one)


async def measured(ours: list[float], peer: list[float], *, goal: float | None = None, cost: bool = False) -> Outcome:
    order: list[str] = []
    contest = Contest("c", "u", side("ours", ours, order), side("peer", peer, order), goal=goal, is_cost=cost)
    outcome = await measure(contest, len(ours) - 1, lambda _: None)
    assert order == ["ours", "peer"] * len(ours)
    return outcome


async def test_the_sides_take_turns_and_the_first_round_does_not_count() -> None:
    outcome = await measured([999, 10, 30], [1, 20, 20])
    assert [sample.value for sample in outcome.ours] == [10, 30]
    assert (outcome.ratio.smallest, outcome.ratio.median, outcome.ratio.largest) == (0.5, 1.0, 1.5)


@pytest.mark.parametrize(
    ("goal", "cost", "reached"), [(0.9, False, True), (1.1, False, False), (1.1, True, True), (0.9, True, False)]
)
async def test_a_goal_is_reached_from_above_or_for_a_cost_from_below(goal: float, cost: bool, reached: bool) -> None:
    assert (await measured([1, 10], [1, 10], goal=goal, cost=cost)).reaches_goal is reached


async def test_without_a_goal_there_is_none_to_reach() -> None:
    assert (await measured([1, 1], [1, 1])).reaches_goal is None
