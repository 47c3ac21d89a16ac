"""The orchestration worker: wakes instances that have messages, runs their turns, commits them whole."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from funchost.durable.activities import ActivityWorker
from funchost.durable.backend import Backend, BackendError, ExecutionGone, HubCorrupt, Message, NewInstance
from funchost.durable.clock import Clock
from funchost.durable.entities import due_operations, is_entity, run_batch
from funchost.durable.errors import DurableError
from funchost.durable.events import EventType
from funchost.durable.inbox import choose
from funchost.durable.live import LiveOrchestration, current_live
from funchost.durable.pool import Pool
from funchost.durable.registry import KnownFunctions
from funchost.durable.rewinding import Rewinding
from funchost.durable.sessions import Session, Sessions
from funchost.durable.settings import SessionLimits
from funchost.durable.starts import delayed_until
from funchost.durable.state import Status
from funchost.durable.timers import Timers
from funchost.durable.turn import Turn, replay_argument
from funchost.durable.wire import Decision, describe, new_events_argument, read_decision, read_failure

Invoke = Callable[[str, str, str | None], Awaitable[Any]]

_log = logging.getLogger(__name__)
# After a failed commit; long enough not to hammer a full disk, short enough not to be noticed.
_RETRY_AFTER = timedelta(seconds=1)


class OrchestrationWorker:
    """Owns every turn: one at a time for an instance, `concurrency` at a time in all.

    `sessions`: what stays in memory of an orchestration between its turns.
    """

    def __init__(
        self,
        backend: Backend,
        invoke: Invoke,
        known: KnownFunctions,
        clock: Clock,
        concurrency: int,
        sessions: SessionLimits,
    ) -> None:
        self._keeps_code = sessions.keeps_code
        self._backend, self._invoke, self._known, self._clock = backend, invoke, known, clock
        self._pool = Pool(concurrency)
        self._sessions = Sessions(backend, sessions)
        self._awake: dict[str, bool] = {}
        self._delayed: dict[str, datetime] = {}
        self._fired: defaultdict[str, list[Message]] = defaultdict(list)
        self.timers = Timers(clock, self._fire)
        self.activities: ActivityWorker

    def __len__(self) -> int:
        return len(self._awake)

    def deliver(self, message: Message) -> None:
        """Take note of a message that the backend has stored."""
        self._sessions.deliver(message)
        self.wake(message.instance_id)

    def begin(self, new: NewInstance, start: Message) -> None:
        """Take up an instance that the backend has just created; `start` is its stored start message."""
        self.forget(new.row.instance_id)
        self._sessions.begin(new.row, start)
        self.wake(new.row.instance_id)

    def wake(self, instance_id: str) -> None:
        """Run turns of an instance until no message is left that it can take."""
        if instance_id in self._awake:
            self._awake[instance_id] = True
        else:
            self._awake[instance_id] = False
            self._pool.submit(partial(self._run, instance_id))

    def go_on(self, rewinding: Rewinding, stored: list[Message]) -> None:
        """Take up instances that the backend has just rewound; `stored` are their messages."""
        for rewound in rewinding.parts:
            self.forget(rewound.row.instance_id)
            self.activities.disown(rewound.row.instance_id)
            self.timers.add(rewound.timers)
            for task in rewound.activities:
                self.activities.submit(task)
        for message in stored:
            self.deliver(message)

    def forget(self, instance_id: str) -> None:
        """Drop what is in memory of an instance that was replaced or purged."""
        self._sessions.drop(instance_id)
        self._fired.pop(instance_id, None)
        self._delayed.pop(instance_id, None)

    async def stop(self, timeout_s: float) -> None:
        """Start no more turns; let those at work end."""
        self.timers.stop()
        await self._pool.stop(timeout_s)
        self._sessions.stop()

    def _fire(self, message: Message) -> None:
        self._fired[message.instance_id].append(message)
        self.wake(message.instance_id)

    async def _run(self, instance_id: str) -> None:
        again = True
        try:
            while again:
                self._awake[instance_id] = False
                again = await self._turn(instance_id) or self._awake[instance_id]
        except ExecutionGone:
            self.forget(instance_id)
            self._awake[instance_id] = True
        except HubCorrupt as error:
            # Until something new comes for it, or the host starts again; every other instance goes on.
            _log.error("Orchestration '%s' rests: %s", instance_id, error)
            self._sessions.drop(instance_id)
        except BackendError as error:
            _log.warning("Orchestration '%s': a turn was not stored and is retried: %s", instance_id, error)
            self._sessions.drop(instance_id)
            self._clock.call_at(self._clock.now() + _RETRY_AFTER, partial(self.wake, instance_id))
        except Exception as error:  # noqa: BLE001 - the edge of the worker
            _log.exception("Orchestration '%s': a turn can't be carried out", instance_id)
            await self._give_up(instance_id, error)
        finally:
            if self._awake.pop(instance_id):
                self.wake(instance_id)
            self._sessions.trim(self._awake)

    async def _turn(self, instance_id: str) -> bool:
        """Run one turn; False when there was nothing to do."""
        session = await self._sessions.get(instance_id)
        if session is None or session.row is None or session.row.status.is_final:
            self.forget(instance_id)
            return False
        if is_entity(instance_id):
            return await self._entity_turn(session)
        fired = self._fired.get(instance_id, [])
        # A result that is there wins over a timeout that is there too.
        waiting = [*session.inbox.values(), *fired]
        if session.state.status is Status.PENDING:
            waiting = self._due(instance_id, waiting)
        choice = choose(session.state, waiting)
        if not choice.taken:
            self._discard(instance_id, choice.stale)
            return False
        turn = Turn(session.row, session.state, self._clock.now(), self._known)
        await self._play(session, turn, choice.taken)
        await self._commit(session, turn, [*choice.taken, *choice.stale])
        return not turn.state.status.is_final or turn.next_execution is not None

    def _due(self, instance_id: str, waiting: list[Message]) -> list[Message]:
        """Of an instance that has not begun: everything, or before its time only what ends it."""
        start_at = delayed_until(waiting, self._clock.now())
        if start_at is None:
            return waiting
        self._wake_at(instance_id, start_at)
        return [message for message in waiting if message.event.type is EventType.EXECUTION_TERMINATED]

    def _wake_at(self, instance_id: str, when: datetime) -> None:
        """Wake an instance at that time; an alarm that rings before will set this one again."""
        known = self._delayed.get(instance_id)
        if known is None or when < known:
            self._delayed[instance_id] = when
            self._clock.call_at(when, partial(self._wake_delayed, instance_id, when))

    def _wake_delayed(self, instance_id: str, when: datetime) -> None:
        if self._delayed.get(instance_id) == when:
            del self._delayed[instance_id]
        self.wake(instance_id)

    async def _entity_turn(self, session: Session) -> bool:
        messages, next_due = due_operations(session.inbox.values(), self._clock.now())
        if session.row is None or not messages:
            if session.row is not None and next_due is not None:
                self._wake_at(session.row.instance_id, next_due)
            return False
        commit = await run_batch(session.row, messages, self._known.entities, self._invoke, self._clock.now())
        stored = await self._backend.commit(commit)
        session.row = commit.row
        session.forget(commit.consumed)
        for message in stored:
            self.deliver(message)
        return True

    async def _give_up(self, instance_id: str, error: Exception) -> None:
        """End an orchestration whose turn can't be carried out: better than one that hangs and says nothing."""
        self._sessions.drop(instance_id)
        session = await self._sessions.get(instance_id)
        if session is None or session.row is None or session.row.status.is_final or is_entity(instance_id):
            return
        starts = [m for m in session.inbox.values() if m.event.type is EventType.EXECUTION_STARTED]
        turn = Turn(session.row, session.state, self._clock.now(), self._known)
        turn.receive(starts)
        # The words of the error may be the very thing that can't be stored.
        turn.fail(f"the host can't carry out its turn: {describe(error)!a}")
        await self._commit(session, turn, starts)

    def _discard(self, instance_id: str, stale: list[Message]) -> None:
        # Stored ones are deleted with the next turn.
        fired = self._fired.get(instance_id)
        if fired:
            self._fired[instance_id] = [message for message in fired if message not in stale]

    async def _play(self, session: Session, turn: Turn, taken: list[Message]) -> None:
        first = taken[0].event
        turn.receive(taken)
        if first.type is EventType.EXECUTION_TERMINATED:
            turn.stop()
        elif first.type is not EventType.EXECUTION_SUSPENDED and first.type is not EventType.EXECUTION_RESUMED:
            await self._replay(session, turn)

    async def _replay(self, session: Session, turn: Turn) -> None:
        state = turn.state
        function = self._known.orchestrators.get(state.name)
        try:
            if function is None:
                turn.fail(f"The orchestrator function '{state.name}' doesn't exist in this app.")
                return
            turn.conclude(await self._decide(session, turn, function))
        except DurableError as error:
            turn.fail(str(error))

    async def _decide(self, session: Session, turn: Turn, function: str) -> Decision:
        """Let the orchestrator run on: fed what is new when its code is in memory, else by replay."""
        live, unseen = session.live, session.unseen
        session.live, session.unseen = None, []
        if live is not None and live.is_alive:
            argument = new_events_argument([*unseen, *turn.events])
        else:
            live = LiveOrchestration() if self._keeps_code else None
            argument = replay_argument(turn, session.played)
        turn.seen = len(turn.events)
        token = current_live.set(live)
        try:
            returned = await self._invoke(function, argument, turn.state.trace_parent)
        except Exception as error:  # noqa: BLE001 - whatever user code raises ends the orchestration
            return read_failure(str(error) or describe(error))
        finally:
            current_live.reset(token)
        session.live = live if live is not None and live.is_alive else None
        return read_decision(returned)

    async def _commit(self, session: Session, turn: Turn, handled: list[Message]) -> None:
        instance_id = turn.row.instance_id
        consumed = [message.sequence for message in handled if message.sequence]
        commit = turn.commit(consumed)
        stored = await self._backend.commit(commit)
        session.row = commit.row
        session.forget(consumed)
        if commit.restarts:
            session.begin_execution()
        else:
            session.extend(commit.events)
            if session.live is not None:
                session.unseen += turn.events[turn.seen :]
        self._settle_timers(instance_id, turn, handled)
        for task in commit.activities:
            self.activities.submit(task)
        children = {child.row.execution_id: child for child in commit.children}
        for message in stored:
            child = children.get(message.execution_id or "")
            if child is not None:
                self.begin(child, message)
            else:
                self.deliver(message)
        if commit.row.status.is_final:
            self.forget(instance_id)

    def _settle_timers(self, instance_id: str, turn: Turn, handled: list[Message]) -> None:
        fired = [message for message in self._fired.pop(instance_id, ()) if message not in handled]
        if fired:
            self._fired[instance_id] = fired
        over = turn.next_execution is not None or turn.state.status.is_final
        gone = [*turn.ended_timers, *(turn.state.timers if over else ())]
        self.timers.cancel(instance_id, turn.row.execution_id, gone)
        if not over:
            alive = turn.state.timers
            self.timers.add(row for row in turn.timers if row.timer_id in alive)
