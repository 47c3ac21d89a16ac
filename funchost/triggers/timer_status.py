"""What a timer remembers between runs: in the host's storage, so that another host of the app can go on from it."""

import json
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from funchost.host_id import HOSTS_CONTAINER

log = logging.getLogger("Host.Timers")


@dataclass(frozen=True, slots=True)
class TimerStatus:
    """Last run (None before the first) and next due time, UTC."""

    last: datetime | None
    next: datetime

    @classmethod
    def from_json(cls, text: str | bytes) -> "TimerStatus":
        """Read what `to_json` or the official host wrote. Raises ValueError, KeyError, TypeError."""
        stored = json.loads(text)
        last = _moment(stored["Last"]) if stored.get("Last") else None
        never = last is not None and last.year == 1  # .NET's DateTime.MinValue
        return cls(None if never else last, _moment(stored["Next"]))

    def to_json(self) -> str:
        """The official host's form."""
        last = self.last.isoformat() if self.last else None
        return json.dumps({"Last": last, "Next": self.next.isoformat(), "LastUpdated": last})


class TimerStatusStore(Protocol):
    """Keeps the status of one timer."""

    async def read(self) -> TimerStatus | None:
        """The status; None when there is none or it is damaged (the timer then starts afresh). Raises OSError."""
        ...

    async def write(self, status: TimerStatus) -> None:
        """Keep the status. Raises OSError when it can't be kept now."""
        ...


class TimerStatusFile:
    """`<state dir>/timers/<function>.json`, replaced whole: for a host without storage of its own."""

    def __init__(self, state_dir: Path, function_name: str) -> None:
        self._path = state_dir / "timers" / f"{function_name}.json"

    async def read(self) -> TimerStatus | None:
        """The status, or None."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:  # no retry would help with a folder of this machine
            log.warning("The timer status %s is ignored: %s", self._path, error)
            return None
        return _parsed(text, str(self._path))

    async def write(self, status: TimerStatus) -> None:
        """Keep the status."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(status.to_json(), encoding="utf-8")
        os.replace(temporary, self._path)


class TimerStatusBlob:
    """`azure-webjobs-hosts/timers/<host id>/<function id>/status`, where the official host keeps it, too."""

    def __init__(self, blobs: Any, host_id: str, function_id: str) -> None:
        self._container = blobs.get_container_client(HOSTS_CONTAINER)
        self._name = f"timers/{host_id}/{function_id}/status"
        self._blob = self._container.get_blob_client(self._name)

    async def read(self) -> TimerStatus | None:
        """The status, or None."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            content: bytes = await (await self._blob.download_blob()).readall()
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise OSError(f"{type(error).__name__} for the blob {self._name}") from error
        return _parsed(content, self._name)

    async def write(self, status: TimerStatus) -> None:
        """Keep the status."""
        from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

        content = status.to_json().encode()
        try:
            try:
                await self._blob.upload_blob(content, overwrite=True)
            except ResourceNotFoundError:
                try:
                    await self._container.create_container()
                except ResourceExistsError:
                    log.debug("Another host has just made %s", HOSTS_CONTAINER)
                await self._blob.upload_blob(content, overwrite=True)
        except AzureError as error:
            raise OSError(f"{type(error).__name__} for the blob {self._name}") from error


def _moment(text: str) -> datetime:
    """A time of .NET: seven digits of a second; without an offset it means UTC."""
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _parsed(text: str | bytes, place: str) -> TimerStatus | None:
    try:
        return TimerStatus.from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("The timer status %s is ignored: %s", place, error)
        return None
