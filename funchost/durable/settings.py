"""What host.json's durableTask section says, as the engine reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from funchost.durable.http_calls import POLL_AGAIN_AFTER

DEFAULT_HUB = "TestHubName"
# The extension's default is ten per processor; orchestrators here share one event loop with everything else.
_DEFAULT_ACTIVITIES = 20
_DEFAULT_ORCHESTRATORS = 20
_IDLE_S = 30.0  # the extension's default
_MOST_SESSIONS = 500


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How much of the orchestrations that rest is kept in memory.

    `keeps_code`: their generators too, else the history only (every turn is then a replay). `most`: at most so many;
    `idle_s`: for so many seconds after their last turn.
    """

    keeps_code: bool = True
    most: int = _MOST_SESSIONS
    idle_s: float = _IDLE_S


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Names and defaults are the extension's, but for what SessionLimits and DEFAULT_… say."""

    hub: str
    activities: int
    orchestrators: int
    sessions: SessionLimits
    poll_pause: timedelta
    default_version: str | None
    replaces_running: bool

    @classmethod
    def read(cls, section: Mapping[str, Any]) -> HubSettings:
        """Read hubName, maxConcurrentActivityFunctions, maxConcurrentOrchestratorFunctions, defaultVersion,
        extendedSessionsEnabled (true unless set), extendedSessionIdleTimeoutInSeconds, maxExtendedSessions (ours),
        overridableExistingInstanceStates and httpSettings.defaultAsyncRequestSleepTimeMilliseconds.
        """
        return cls(
            hub=str(section.get("hubName") or DEFAULT_HUB),
            activities=int(section.get("maxConcurrentActivityFunctions") or _DEFAULT_ACTIVITIES),
            orchestrators=int(section.get("maxConcurrentOrchestratorFunctions") or _DEFAULT_ORCHESTRATORS),
            sessions=_session_limits(section),
            poll_pause=_poll_pause(section),
            default_version=section.get("defaultVersion"),
            replaces_running=section.get("overridableExistingInstanceStates") == "AnyState",
        )


def _session_limits(section: Mapping[str, Any]) -> SessionLimits:
    most, idle_s = section.get("maxExtendedSessions"), section.get("extendedSessionIdleTimeoutInSeconds")
    return SessionLimits(
        section.get("extendedSessionsEnabled") is not False,
        _MOST_SESSIONS if most is None else int(most),
        _IDLE_S if idle_s is None else float(idle_s),
    )


def _poll_pause(section: Mapping[str, Any]) -> timedelta:
    pause_ms = (section.get("httpSettings") or {}).get("defaultAsyncRequestSleepTimeMilliseconds")
    return POLL_AGAIN_AFTER if pause_ms is None else timedelta(milliseconds=int(pause_ms))
