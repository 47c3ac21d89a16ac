"""Progress is added up over chunks and shown a few times a second at most."""

from typing import Any

from durable.jobs.models import Order
from functions.processing.progress import ProgressMeter

VALIDATION = Order(kind="validation", tenant="acme", id="v1")
JOB = Order(kind="job", tenant="acme", id="j1")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.shown: list[Any] = []

    def __call__(self) -> float:
        return self.now

    async def show(self, *told: Any) -> None:
        self.shown.append(told)


async def test_rows_of_all_chunks_are_added_up() -> None:
    clock = Clock()
    meter = ProgressMeter(clock.show, clock)
    await meter.rows(VALIDATION, 0, 10, 100)
    clock.now = 1.0
    await meter.rows(VALIDATION, 1, 20, 100)
    clock.now = 2.0
    await meter.settled(VALIDATION, {0: 40, 2: 30}, 100)
    assert [told[2] for told in clock.shown] == [10, 30, 90]
    assert clock.shown[0] == ("validate", "v1", 10, 100, "rows")


async def test_what_comes_too_soon_is_left_out_but_never_the_end() -> None:
    clock = Clock()
    meter = ProgressMeter(clock.show, clock)
    for done in range(1, 6):
        clock.now += 0.01
        await meter.settled(JOB, dict.fromkeys(range(done), 7), 5)
    assert clock.shown == [("process", "j1", 1, 5, "chunks"), ("process", "j1", 5, 5, "chunks")]
