import pytest

from functions.identity.errors import LockedOut
from functions.identity.lockout import FORGOTTEN_AFTER_S, KNOWN_FOR_S, OF_ADDRESS, OF_CLIENT, OF_PAIR, Lockout, Rule

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lockout(clock: Clock) -> Lockout:
    return Lockout(clock)


def fail(lockout: Lockout, times: int, client: str = "demo", address: str = ELSEWHERE) -> None:
    for _ in range(times):
        lockout.failed(client, address)


@pytest.mark.parametrize(
    ("failures", "wait"), [(0, 0), (5, 0), (6, 1), (7, 2), (8, 4), (15, 512), (16, 900), (99, 900)]
)
def test_each_failure_beyond_the_free_ones_doubles_the_wait(failures: int, wait: float) -> None:
    assert Rule(free=5, most_s=900).wait_s(failures) == wait


def test_who_guesses_at_one_client_waits_and_is_told_how_long(lockout: Lockout, clock: Clock) -> None:
    fail(lockout, OF_PAIR.free)
    lockout.check("demo", ELSEWHERE)
    fail(lockout, 3)
    with pytest.raises(LockedOut) as refused:
        lockout.check("demo", ELSEWHERE)
    assert (refused.value.http_status, refused.value.oauth_error, refused.value.retry_after_s) == (
        429,
        "invalid_client",
        4,
    )
    clock.at += 4
    lockout.check("demo", ELSEWHERE)


def test_who_guesses_at_many_clients_waits_for_all_of_them(lockout: Lockout) -> None:
    for number in range(OF_ADDRESS.free + 1):
        lockout.failed(f"client-{number}", ELSEWHERE)
    with pytest.raises(LockedOut):
        lockout.check("another", ELSEWHERE)
    lockout.check("another", HOME)


def test_guesses_from_elsewhere_never_lock_out_the_address_where_the_client_is_at_home(lockout: Lockout) -> None:
    lockout.succeeded("demo", HOME)
    for number in range(OF_CLIENT.free * 4):
        lockout.failed("demo", f"198.51.100.{number}")
    lockout.check("demo", HOME)
    with pytest.raises(LockedOut):
        lockout.check("demo", "203.0.113.9")


def test_a_client_at_a_new_address_waits_half_a_minute_at_most(lockout: Lockout, clock: Clock) -> None:
    for number in range(1_000):
        lockout.failed("demo", f"attacker-{number}")
    with pytest.raises(LockedOut) as refused:
        lockout.check("demo", HOME)
    assert refused.value.retry_after_s <= 30


def test_an_address_is_at_home_for_a_day_only(lockout: Lockout, clock: Clock) -> None:
    lockout.succeeded("demo", HOME)
    clock.at += KNOWN_FOR_S + 1
    fail(lockout, OF_CLIENT.free + 1)
    with pytest.raises(LockedOut):
        lockout.check("demo", HOME)


def test_success_forgives_the_pair_but_not_the_address_its_guesses_at_others(lockout: Lockout) -> None:
    fail(lockout, OF_PAIR.free)
    lockout.succeeded("demo", ELSEWHERE)
    fail(lockout, 1)
    lockout.check("demo", ELSEWHERE)
    for number in range(OF_ADDRESS.free):
        lockout.failed(f"client-{number}", ELSEWHERE)
    lockout.succeeded("demo", ELSEWHERE)
    with pytest.raises(LockedOut):
        lockout.check("another", ELSEWHERE)


def test_who_fails_behind_the_same_address_locks_out_no_client_that_is_at_home_there(lockout: Lockout) -> None:
    lockout.succeeded("demo", HOME)
    for number in range(OF_ADDRESS.free * 3):
        lockout.failed(f"client-{number}", HOME)
    lockout.check("demo", HOME)
    fail(lockout, OF_PAIR.free + 1, address=HOME)
    with pytest.raises(LockedOut):
        lockout.check("demo", HOME)


def test_callers_inside_share_no_address(lockout: Lockout) -> None:
    for number in range(OF_ADDRESS.free + 1):
        lockout.failed(f"client-{number}", "")
    lockout.check("another", "")


def test_old_failures_are_forgotten(lockout: Lockout, clock: Clock) -> None:
    fail(lockout, OF_PAIR.free)
    clock.at += FORGOTTEN_AFTER_S + 1
    fail(lockout, OF_PAIR.free)
    lockout.check("demo", ELSEWHERE)


def test_memory_is_bounded(lockout: Lockout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.identity.lockout.MOST_REMEMBERED", 100)
    for number in range(500):
        lockout.failed(f"client-{number}", f"address-{number}")
    assert len(lockout._counts) <= 100
