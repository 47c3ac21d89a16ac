"""What ends the demo early, in words for the person who watches it."""

from typing import Any


class DemoError(Exception):
    """The demo can't go on; the message says why and what to do."""


class Refused(DemoError):
    """The platform answered with a problem; `problem` is its RFC 9457 body."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem.get('title', 'refused')} ({status}): {problem.get('detail', '')}")
        self.status = status
        self.problem = problem
