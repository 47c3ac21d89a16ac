"""One line of progress on a terminal, plain lines elsewhere. Standard library only."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

PLAIN_EVERY_S = 10.0
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Step:
    """A step with a title that spins with the latest detail and ends with a tick and its duration."""

    def __init__(self, title: str, out: TextIO | None = None) -> None:
        self.title = title
        self.out = out or sys.stdout
        self.live = self.out.isatty()
        self.started = time.monotonic()
        self.told = self.started
        self.drawn = 0
        if not self.live:
            self._print(f"  … {title}\n")

    def update(self, detail: str) -> None:
        """Show what is being done: at once on a terminal, every ten seconds elsewhere."""
        if not self.live:
            self._tell_now_and_then(detail)
            return
        self.drawn += 1
        frame = FRAMES[self.drawn % len(FRAMES)]
        line = f"  {frame} {self.title}  {self._seconds():3.0f} s  {detail}"
        self._print("\r\x1b[2K" + line[: shutil.get_terminal_size().columns - 1])

    def _tell_now_and_then(self, detail: str) -> None:
        if time.monotonic() - self.told >= PLAIN_EVERY_S:
            self.told = time.monotonic()
            self._print(f"  … {self.title}  {self._seconds():.0f} s  {detail}\n")

    def done(self, detail: str = "") -> None:
        """Close the step as done."""
        self._end("✔", detail)

    def failed(self) -> None:
        """Close the step as failed."""
        self._end("✘", "")

    def _end(self, mark: str, detail: str) -> None:
        start = "\r\x1b[2K" if self.live else ""
        self._print(f"{start}  {mark} {self.title}  {self._seconds():.0f} s  {detail}".rstrip() + "\n")

    def _seconds(self) -> float:
        return time.monotonic() - self.started

    def _print(self, text: str) -> None:
        encoding = self.out.encoding or "utf-8"
        self.out.write(text.encode(encoding, "replace").decode(encoding))
        self.out.flush()
