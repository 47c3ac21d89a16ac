"""The job's orchestration, driven step by step with a clock of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from durable.jobs.models import CHECK, ENQUEUE, FINISH, PLAN, REDUCE, Order
from durable.jobs.orchestrator import MOST_ATTEMPTS, STALLED_AFTER, run_job

ORDER = Order(kind="job", tenant="acme", id="j1")
PROBLEM = {"type": "urn:problem:processing:query-failed", "title": "The query failed", "status": 422}


@dataclass
class Activity:
    name: str
    given: Any


@dataclass
class Timer:
    fire_at: datetime
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class ExternalEvent:
    name: str


@dataclass
class First:
    tasks: list[Any]


@dataclass
class Drive:
    """Runs the generator: activities answer from a script, timers move the clock, events come when told to."""

    answers: dict[str, Callable[[int], Any]]
    event_after_waits: int | None = None
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    calls: list[str] = field(default_factory=list)
    given: list[Any] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    waits: int = 0

    @property
    def current_utc_datetime(self) -> datetime:
        return self.now

    def get_input(self) -> Any:
        return ORDER.model_dump()

    def call_activity(self, name: str, input_: Any = None) -> Activity:
        return Activity(name, input_)

    def create_timer(self, fire_at: datetime) -> Timer:
        return Timer(fire_at)

    def wait_for_external_event(self, name: str) -> ExternalEvent:
        return ExternalEvent(name)

    def task_any(self, activities: list[Any]) -> First:
        return First(activities)

    def run(self) -> Any:
        generator = run_job(self)
        task = next(generator)
        try:
            while True:
                try:
                    result = self._settle(task)
                except ValueError as error:
                    task = generator.throw(error)
                else:
                    task = generator.send(result)
        except StopIteration as stop:
            return stop.value

    def _settle(self, task: Any) -> Any:
        if isinstance(task, Activity):
            self.calls.append(task.name)
            self.given.append(task.given)
            self.times.append(self.now)
            return self.answers[task.name](self.calls.count(task.name))
        if isinstance(task, Timer):
            self.now = task.fire_at
            return None
        event, timer = task.tasks
        self.waits += 1
        if self.event_after_waits is not None and self.waits > self.event_after_waits:
            return event
        self.now = timer.fire_at
        return timer


def standing(done: int, total: int = 4, **more: Any) -> dict[str, Any]:
    return {"done": done, "total": total, **more}


def answers(**changes: Callable[[int], Any]) -> dict[str, Callable[[int], Any]]:
    usual: dict[str, Callable[[int], Any]] = {
        PLAN: lambda _: {},
        ENQUEUE: lambda _: None,
        CHECK: lambda _: standing(4),
        REDUCE: lambda _: {},
        FINISH: lambda _: None,
    }
    names = {"plan": PLAN, "enqueue": ENQUEUE, "check": CHECK, "reduce": REDUCE, "finish": FINISH}
    return usual | {names[step]: answer for step, answer in changes.items()}


def test_the_steps_come_in_order_and_the_event_ends_the_waiting() -> None:
    drive = Drive(answers(), event_after_waits=0)
    assert drive.run() is None
    assert drive.calls == [PLAN, ENQUEUE, CHECK, REDUCE, FINISH]
    assert drive.given[-1] == {"order": ORDER.model_dump(), "problem": None}
    assert drive.now == datetime(2026, 1, 1, tzinfo=UTC)


def test_without_the_event_the_timer_finds_the_chunks_done() -> None:
    drive = Drive(answers(check=lambda n: standing(min(4, n))))
    assert drive.run() is None
    assert drive.calls == [PLAN, ENQUEUE, CHECK, CHECK, CHECK, CHECK, REDUCE, FINISH]


def test_an_event_that_comes_too_early_only_has_the_chunks_looked_at() -> None:
    drive = Drive(answers(check=lambda n: standing(4 if n == 3 else 1)), event_after_waits=0)
    drive.run()
    assert drive.calls.count(CHECK) == 3


def test_a_problem_of_the_plan_ends_the_work_at_once() -> None:
    drive = Drive(answers(plan=lambda _: {"problem": PROBLEM}))
    assert drive.run() == PROBLEM
    assert drive.calls == [PLAN, FINISH]
    assert drive.given[-1]["problem"] == PROBLEM


def test_a_problem_of_a_chunk_ends_the_work_without_reducing() -> None:
    drive = Drive(answers(check=lambda _: standing(1, problem=PROBLEM)))
    assert drive.run() == PROBLEM
    assert drive.calls == [PLAN, ENQUEUE, CHECK, FINISH]


def test_a_problem_of_the_reduce_step_is_the_works() -> None:
    assert Drive(answers(reduce=lambda _: {"problem": PROBLEM})).run() == PROBLEM


def test_work_that_is_discarded_meanwhile_is_swept_and_not_reduced() -> None:
    drive = Drive(answers(check=lambda _: standing(0, 0, gone=True)))
    assert drive.run() is None
    assert drive.calls == [PLAN, ENQUEUE, CHECK, FINISH]


def test_stragglers_are_enqueued_again_ever_more_seldom_while_nothing_moves() -> None:
    drive = Drive(answers(check=lambda n: standing(4 if n > 120 else 1)))
    drive.run()
    at = [time for name, time in zip(drive.calls, drive.times, strict=True) if name == ENQUEUE]
    pauses = [later - earlier for earlier, later in pairwise(at[1:])]
    assert at[1] - at[0] >= STALLED_AFTER
    assert pauses == sorted(pauses)
    assert 2 * STALLED_AFTER <= pauses[0] < 3 * STALLED_AFTER


def test_work_that_moves_is_not_enqueued_again() -> None:
    drive = Drive(answers(check=lambda n: standing(n, 40)))
    drive.run()
    assert drive.calls.count(ENQUEUE) == 1


def test_chunks_that_never_end_make_the_work_fail_at_its_deadline() -> None:
    drive = Drive(answers(check=lambda _: standing(1)))
    problem = drive.run()
    assert problem["type"] == "urn:problem:processing:work-expired"
    hour = timedelta(hours=1)
    assert hour <= drive.now - datetime(2026, 1, 1, tzinfo=UTC) < hour + timedelta(minutes=2)


@pytest.mark.parametrize("step", ["plan", "enqueue", "check", "reduce", "finish"])
def test_a_step_that_fails_now_and_then_is_tried_again(step: str) -> None:
    usual = answers()[{"plan": PLAN, "enqueue": ENQUEUE, "check": CHECK, "reduce": REDUCE, "finish": FINISH}[step]]

    def flaky(call: int) -> Any:
        if call < 3:
            raise ValueError("storage is away")
        return usual(call)

    assert Drive(answers(**{step: flaky})).run() is None


def test_a_step_that_always_fails_makes_the_work_fail() -> None:
    def broken(_: int) -> Any:
        raise ValueError("storage is away")

    drive = Drive(answers(reduce=broken))
    problem = drive.run()
    assert problem["type"] == "urn:problem:processing:step-failed"
    assert drive.calls.count(REDUCE) == MOST_ATTEMPTS
    assert drive.calls[-1] == FINISH


def test_a_stage_that_opens_is_enqueued_at_once_and_a_wrong_plan_is_made_again() -> None:
    def check(number: int) -> dict[str, Any]:
        return {**standing(4 if number in (3, 5) else 1), "stage": int(number == 2), "plan_again": number == 3}

    drive = Drive(answers(check=check))
    assert drive.run() is None
    assert drive.calls == [PLAN, ENQUEUE, CHECK, CHECK, ENQUEUE, CHECK, PLAN, ENQUEUE, CHECK, CHECK, REDUCE, FINISH]
