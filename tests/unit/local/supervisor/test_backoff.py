"""How long a restart waits."""

from hypothesis import given
from hypothesis import strategies as st

from local.supervisor.backoff import Backoff


def test_each_early_death_doubles_the_wait() -> None:
    backoff = Backoff(first_s=0.5, most_s=30)
    assert [backoff.after(1) for _ in range(4)] == [0.5, 1, 2, 4]


def test_a_process_that_stayed_up_starts_afresh() -> None:
    backoff = Backoff(healthy_s=60)
    waits = [backoff.after(1), backoff.after(1), backoff.after(61)]
    assert waits == [0.5, 1.0, 0.5]


@given(st.lists(st.floats(min_value=0, max_value=1000), max_size=200))
def test_the_wait_stays_between_its_bounds(uptimes: list[float]) -> None:
    backoff = Backoff()
    assert all(backoff.first_s <= backoff.after(uptime) <= backoff.most_s for uptime in uptimes)
