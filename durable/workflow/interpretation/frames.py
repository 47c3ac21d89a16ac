"""Where an instance stands, so that a fresh execution with a short history can go on from there.

Each list, task, loop and block that runs keeps a frame: the little that it takes to go on in its middle. When the
history has grown long, the instance is continued as new at the next task of a list: the frames, and what else the
interpretation remembers, are the next execution's input, and each part enters its old frame in place of a new one.
Within branches of a fork and within compensations nothing is continued as new.
"""

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

Frame = dict[str, Any]
"""What one part keeps; JSON, or models, which are written as their JSON."""


class StartOver(Exception):
    """The history is long enough: go on in a new execution, from these frames."""

    def __init__(self, frames: list[Frame]) -> None:
        super().__init__("continue as new")
        self.frames = frames


@dataclass
class Frames:
    """The frames of the parts that run now, outermost first; `ahead` are those of the execution before."""

    stack: list[Frame] = field(default_factory=list)
    ahead: list[Frame] = field(default_factory=list)

    @property
    def is_resuming(self) -> bool:
        """Whether the part that runs now is to go on in its middle."""
        return bool(self.ahead)

    def enter(self, initial: Frame) -> Frame:
        """The part's own frame: the old one when there is one ahead."""
        frame = self.ahead.pop(0) if self.ahead else initial
        self.stack.append(frame)
        return frame

    def leave(self, frame: Frame) -> None:
        """The part has ended."""
        if self.stack and self.stack[-1] is frame:
            self.stack.pop()

    def as_json(self) -> list[Frame]:
        """All frames in order, as JSON."""
        return [{key: _as_json(value) for key, value in frame.items()} for frame in self.stack]


def _as_json(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else value
