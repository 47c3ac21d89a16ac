from chassis.resilience.breaker import FAILURES_TO_OPEN, LONGEST_OPEN_S, OPEN_FOR_S, CircuitBreaker, State


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES_TO_OPEN):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_a_new_breaker_admits_calls() -> None:
    breaker = CircuitBreaker(Clock())
    assert breaker.state is State.CLOSED
    assert breaker.admit()


def test_failures_in_a_row_open_it() -> None:
    breaker = opened(Clock())
    assert breaker.state is State.OPEN
    assert not breaker.admit()


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = CircuitBreaker(Clock())
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.state is State.CLOSED


def test_after_its_pause_it_admits_exactly_one_trial() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = OPEN_FOR_S
    assert breaker.state is State.HALF_OPEN
    assert [breaker.admit(), breaker.admit()] == [True, False]


def test_an_abandoned_trial_lets_another_one_try() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = OPEN_FOR_S
    assert breaker.admit()
    breaker.abandoned()
    assert breaker.admit()


def test_a_good_trial_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = OPEN_FOR_S
    breaker.admit()
    breaker.succeeded()
    assert breaker.state is State.CLOSED
    assert [breaker.admit(), breaker.admit()] == [True, True]


def test_each_failed_trial_doubles_the_pause_up_to_its_limit() -> None:
    clock = Clock()
    breaker = opened(clock)
    pause = OPEN_FOR_S
    for _ in range(8):
        clock.now += pause - 0.01
        assert breaker.state is State.OPEN
        clock.now += 0.02
        assert breaker.admit()
        breaker.failed()
        pause = min(pause * 2, LONGEST_OPEN_S)
    assert pause == LONGEST_OPEN_S
