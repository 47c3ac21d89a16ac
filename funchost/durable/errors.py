"""What can go wrong in the durable engine, each kind with a name of its own."""

from __future__ import annotations


class DurableError(Exception):
    """Base of every error of the engine."""


class UnknownFunction(DurableError):
    """A name that no durable function of the wanted kind has."""

    def __init__(self, name: str, kind: str, known: list[str]) -> None:
        names = ", ".join(f"'{n}'" for n in sorted(known)) or "none"
        super().__init__(
            f"The function '{name}' doesn't exist, is disabled, or is not an {kind} function. "
            f"Additional info: the following are the known {kind} functions: {names}."
        )


class InvalidInstanceId(DurableError):
    """An instance id that the hub can't address."""


class UnsupportedAction(DurableError):
    """An orchestrator asked for something that this engine does not do."""


class NonDeterministic(DurableError):
    """A replay did not ask for the same work as the first execution."""


class MalformedDecision(DurableError):
    """What an orchestrator function returned is not the state of an orchestration."""
