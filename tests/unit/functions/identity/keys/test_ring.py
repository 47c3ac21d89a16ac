from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.identity.keys.ring import (
    RETIRED_FOR,
    KeyNotFound,
    KeyRing,
    NextKeyTooNew,
    RingKey,
    due,
    first_ring,
    pruned,
    rotated,
    withdrawn,
)

START = datetime(2030, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Maker:
    def __init__(self) -> None:
        self.now = START
        self._numbers = count(1)

    def __call__(self) -> RingKey:
        kid = f"k{next(self._numbers)}"
        return RingKey(kid=kid, algorithm="RS256", state="next", since=self.now, created_at=self.now, public={})


def states(ring: KeyRing) -> dict[str, Any]:
    return {key.kid: key.state for key in ring.keys}


def test_a_first_ring_signs_at_once_and_publishes_the_next_key() -> None:
    ring = first_ring(Maker(), START)
    assert states(ring) == {"k1": "signing", "k2": "next"}
    assert [key.kid for key in ring.published()] == ["k1", "k2"]


def test_a_rotation_lets_the_published_key_sign_and_publishes_another() -> None:
    make = Maker()
    ring = rotated(first_ring(make, START), make, START + MINUTE, MINUTE)
    assert states(ring) == {"k1": "retired", "k2": "signing", "k3": "next"}
    assert [key.kid for key in ring.published()] == ["k2", "k3", "k1"]


def test_a_key_that_is_not_known_everywhere_may_not_sign() -> None:
    make = Maker()
    with pytest.raises(NextKeyTooNew, match="2030-01-01T00:01:00Z"):
        rotated(first_ring(make, START), make, START + MINUTE / 2, MINUTE)


@pytest.mark.parametrize(
    ("kid", "after"),
    [
        ("k1", {"k1": "withdrawn", "k2": "signing", "k3": "next"}),
        ("k2", {"k1": "signing", "k2": "withdrawn", "k3": "next"}),
    ],
)
def test_a_withdrawn_key_is_replaced_at_once(kid: str, after: dict[str, str]) -> None:
    make = Maker()
    ring = withdrawn(first_ring(make, START), kid, make, START)
    assert states(ring) == after
    assert kid not in [key.kid for key in ring.published()]
    with pytest.raises(KeyNotFound):
        withdrawn(ring, kid, make, START)


def test_a_retired_key_can_be_withdrawn_and_goes_by_itself_when_its_tokens_are_gone() -> None:
    make = Maker()
    ring = rotated(first_ring(make, START), make, START + MINUTE, MINUTE)
    assert states(withdrawn(ring, "k1", make, START))["k1"] == "withdrawn"
    assert "k1" in states(pruned(ring, START + RETIRED_FOR))
    assert "k1" not in states(pruned(ring, START + MINUTE + RETIRED_FOR))


def test_the_schedule_waits_for_its_time_and_for_the_next_key_to_be_known() -> None:
    ring = first_ring(Maker(), START)
    assert not due(ring, START + MINUTE, 2 * MINUTE, MINUTE)
    assert due(ring, START + 2 * MINUTE, 2 * MINUTE, MINUTE)
    assert not due(ring, START + 2 * MINUTE, 2 * MINUTE, 3 * MINUTE)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["rotate", "withdraw signing", "withdraw next", "prune"]), max_size=12))
def test_whatever_is_done_one_key_signs_one_is_next_and_no_withdrawn_one_is_published(steps: list[str]) -> None:
    make = Maker()
    ring = first_ring(make, START)
    for step in steps:
        make.now += 30 * MINUTE
        match step.split():
            case ["rotate"]:
                ring = rotated(ring, make, make.now, MINUTE)
            case ["withdraw", state]:
                ring = withdrawn(ring, ring.one(state).kid, make, make.now)  # type: ignore[arg-type]
            case _:
                ring = pruned(ring, make.now)
        present = list(states(ring).values())
        assert (present.count("signing"), present.count("next")) == (1, 1)
        assert all(key.state != "withdrawn" for key in ring.published())
