"""Counting what is running, and waiting until nothing is."""

import asyncio


class InFlight:
    """A count that can be waited for to become zero."""

    __slots__ = ("_idle", "count")

    def __init__(self) -> None:
        self.count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self) -> None:
        """One more runs."""
        if not self.count:
            self._idle.clear()
        self.count += 1

    def end(self) -> None:
        """One has ended."""
        self.count -= 1
        if not self.count:
            self._idle.set()

    async def ended(self) -> None:
        """Return when nothing runs."""
        await self._idle.wait()
