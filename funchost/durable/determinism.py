"""Whether a replay asked for the same work as the first execution, and in words what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from funchost.durable.actions import Action, ActionType
from funchost.durable.errors import NonDeterministic


def check_replay(seen: Sequence[str], actions: Sequence[Action]) -> None:
    """Compare the actions of a replay with the fingerprints of earlier turns. Raises NonDeterministic."""
    for position, expected in enumerate(seen):
        found = actions[position].fingerprint if position < len(actions) else None
        if found != expected:
            raise NonDeterministic(_replay_difference(position, expected, found))


_KINDS: dict[int, Callable[[str], str]] = {
    int(ActionType.CALL_ACTIVITY): lambda name: f"the activity '{name}'",
    int(ActionType.CALL_ACTIVITY_WITH_RETRY): lambda name: f"the activity '{name}' with retries",
    int(ActionType.CALL_SUB_ORCHESTRATOR): lambda name: f"the sub-orchestrator '{name}'",
    int(ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY): lambda name: f"the sub-orchestrator '{name}' with retries",
    int(ActionType.CONTINUE_AS_NEW): lambda _: "continue-as-new",
    int(ActionType.CREATE_TIMER): lambda _: "a timer",
    int(ActionType.WAIT_FOR_EXTERNAL_EVENT): lambda name: f"a wait for the event '{name}'",
    int(ActionType.CALL_ENTITY): lambda name: f"a call of the entity operation '{name}'",
    int(ActionType.CALL_HTTP): lambda _: "an HTTP call",
    int(ActionType.SIGNAL_ENTITY): lambda name: f"a signal of the entity operation '{name}'",
    int(ActionType.SCHEDULED_SIGNAL_ENTITY): lambda name: f"a scheduled signal of the entity operation '{name}'",
}


def _replay_difference(position: int, expected: str, found: str | None) -> str:
    return (
        "Non-Deterministic workflow detected: a previous execution of this orchestration scheduled "
        f"{_in_words(expected)} as action {position}, but the replay scheduled "
        f"{_in_words(found) if found else 'nothing'} there. Orchestrator code must not depend on time, chance, "
        "I/O or its own changes while instances run."
    )


def _in_words(fingerprint: str) -> str:
    kind, _, name = fingerprint.partition(":")
    return _KINDS[int(kind)](name)
