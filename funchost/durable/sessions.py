"""Orchestrations in memory: the state and the messages of those that were active lately; the rest is on disk only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from funchost.durable.backend import Backend, InstanceRow, Message
from funchost.durable.events import HistoryEvent, decode_events, encode_replay
from funchost.durable.live import LiveOrchestration
from funchost.durable.settings import SessionLimits
from funchost.durable.state import RuntimeState

_REMEMBER_CONSUMED = 1000
_TRIMMED_AT_ONCE = 4


@dataclass(slots=True)
class Session:
    """One orchestration in memory; `played` are the events of finished turns in their replay form.

    `live` is its code, waiting where the last turn ended; `unseen` are later events, which that code was not given.
    """

    row: InstanceRow | None = None
    state: RuntimeState = field(default_factory=RuntimeState)
    played: list[bytes] = field(default_factory=list)
    inbox: dict[int, Message] = field(default_factory=dict)
    consumed: set[int] = field(default_factory=set)
    live: LiveOrchestration | None = None
    unseen: list[HistoryEvent] = field(default_factory=list)
    used_at: float = 0.0
    """When it was last at work, on the event loop's clock."""

    def deliver(self, message: Message) -> None:
        """Add a stored message; a repetition is ignored."""
        if message.sequence not in self.consumed:
            self.inbox.setdefault(message.sequence, message)

    def forget(self, sequences: Iterable[int]) -> None:
        """Remove messages that a committed turn has taken."""
        if len(self.consumed) > _REMEMBER_CONSUMED:
            self.consumed.clear()
        for sequence in sequences:
            self.inbox.pop(sequence, None)
            self.consumed.add(sequence)

    def extend(self, events: Iterable[HistoryEvent]) -> None:
        """Append events to what the next turn replays."""
        if replayed := encode_replay(events, played=True):
            self.played.append(replayed)

    def begin_execution(self) -> None:
        """Empty history and state: continue-as-new."""
        self.state, self.played = RuntimeState(), []
        self.live, self.unseen = None, []


class Sessions:
    """A bounded cache of sessions over a backend: the least recently used go first, and those that rest too long."""

    def __init__(self, backend: Backend, limits: SessionLimits) -> None:
        self._backend, self._limits = backend, limits
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    def deliver(self, message: Message) -> None:
        """Hand a stored message to its session, when there is one in memory."""
        session = self._sessions.get(message.instance_id)
        if session is not None:
            session.deliver(message)

    def begin(self, row: InstanceRow, start: Message) -> None:
        """Hold the session of an instance that was just created, so that it need not be loaded."""
        self._sessions[row.instance_id] = session = Session(row, inbox={start.sequence: start})
        session.used_at = asyncio.get_running_loop().time()

    async def get(self, instance_id: str) -> Session | None:
        """The session of an instance, loaded when it was not in memory; None when there is no such instance."""
        session = self._sessions.get(instance_id)
        if session is None:
            # Made before the load, so that a message that is stored meanwhile is not missed.
            session = self._sessions[instance_id] = Session()
        if session.row is None and not await self._load(instance_id, session):
            self._sessions.pop(instance_id, None)
            return None
        self._sessions.move_to_end(instance_id)
        session.used_at = asyncio.get_running_loop().time()
        return session

    def drop(self, instance_id: str) -> None:
        """Forget what is in memory; the next use loads again."""
        self._sessions.pop(instance_id, None)

    def trim(self, busy: Container[str]) -> None:
        """Let go of a few of the least recently used sessions above the limit, except those at work.

        A few, not all: called at the end of each run, it must not cost more the more is in line.
        """
        for _ in range(min(_TRIMMED_AT_ONCE, len(self._sessions) - self._limits.most)):
            instance_id = next(iter(self._sessions))
            if instance_id in busy:
                self._sessions.move_to_end(instance_id)
            else:
                del self._sessions[instance_id]
        if self._sweep is None and self._sessions:
            self._sweep_later(self._limits.idle_s, busy)

    def stop(self) -> None:
        """Let everything go."""
        if self._sweep is not None:
            self._sweep.cancel()
        self._sessions.clear()

    def _sweep_later(self, pause_s: float, busy: Container[str]) -> None:
        self._sweep = asyncio.get_running_loop().call_later(pause_s, self._let_idle_go, busy)

    def _let_idle_go(self, busy: Container[str]) -> None:
        """Drop what has rested for long enough; a resting session costs memory, and its next turn one replay."""
        self._sweep = None
        now = asyncio.get_running_loop().time()
        while self._sessions:
            instance_id, session = next(iter(self._sessions.items()))
            rests_until = session.used_at + self._limits.idle_s
            if rests_until > now:
                self._sweep_later(rests_until - now, busy)
                return
            if instance_id in busy:
                session.used_at = now
                self._sessions.move_to_end(instance_id)
            else:
                del self._sessions[instance_id]

    async def _load(self, instance_id: str, session: Session) -> bool:
        snapshot = await self._backend.load(instance_id)
        if snapshot is None:
            return False
        for chunk in snapshot.chunks:
            events = decode_events(chunk)
            for event in events:
                session.state.apply(event)
            session.extend(events)
        merged = {message.sequence: message for message in snapshot.messages} | session.inbox
        session.inbox = dict(sorted(merged.items()))
        session.row = snapshot.row
        return True
