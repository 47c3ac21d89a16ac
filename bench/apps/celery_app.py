"""The peer of a handler: the same work as a Celery task on Redis, one message a task."""

import os
from typing import Any

from celery import Celery

from bench.apps.message_handlers import read, tally

REPORT_EVERY_S = 0.1
app = Celery("bench", broker=os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/0"))  # type: ignore[no-untyped-call]
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=64, task_acks_late=True, timezone="UTC")


@app.task(name="bench.read")  # type: ignore[untyped-decorator, no-untyped-call]
def read_one(data: dict[str, Any]) -> None:
    """One message."""
    tally.begin()
    read(data)
    tally.add(1, every_s=REPORT_EVERY_S)


@app.task(name="bench.flush")  # type: ignore[untyped-decorator, no-untyped-call]
def flush() -> None:
    """Write the tally whatever the time."""
    tally.add(0)
