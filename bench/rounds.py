"""Interleaved rounds: ours, peer, ours, peer …, so that a noisy minute strikes both."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.contest import Contest, Sample
from bench.statistics import Spread


@dataclass(frozen=True)
class Outcome:
    """A contest with all samples of both sides; `ours[n]` and `peer[n]` were measured one after the other."""

    contest: Contest
    ours: tuple[Sample, ...]
    peer: tuple[Sample, ...]

    @property
    def ratio(self) -> Spread:
        """Ours / peer, round by round."""
        return Spread.of(ours.value / peer.value for ours, peer in zip(self.ours, self.peer, strict=True))

    @property
    def reaches_goal(self) -> bool | None:
        """Whether the median ratio is good enough; None without a goal."""
        goal = self.contest.goal
        if goal is None:
            return None
        return self.ratio.median <= goal if self.contest.is_cost else self.ratio.median >= goal


async def measure(contest: Contest, rounds: int, on_round: Callable[[int], None]) -> Outcome:
    """Warm both sides up with a round that does not count, then measure them in turn.

    A contest with rounds of its own has none that does not count.
    """
    ours: list[Sample] = []
    peer: list[Sample] = []
    for number in range(rounds + 1) if contest.rounds is None else range(1, contest.rounds + 1):
        on_round(number)
        mine, theirs = await contest.ours.measure(), await contest.peer.measure()
        if number:
            ours.append(mine)
            peer.append(theirs)
    return Outcome(contest, tuple(ours), tuple(peer))


def median_details(samples: tuple[Sample, ...]) -> dict[str, float]:
    """The median of each detail over the rounds."""
    return {name: Spread.of(sample.details[name] for sample in samples).median for name in samples[0].details}
