"""host.json, validated.

Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json and the queue storage page.
Unknown keys are allowed, as the official host allows them; values of known keys must have the right type.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from funchost.errors import HostError
from funchost.jsonc import read_object
from funchost.overrides import override
from funchost.timespan import parse_timespan


def _timespan(value: Any) -> timedelta:
    if not isinstance(value, str):
        raise ValueError('must be a time span in quotes, such as "00:00:02"')
    return parse_timespan(value)


def _function_timeout(value: Any) -> timedelta | None:
    return None if value in ("-1", -1, None) else _timespan(value)


TimeSpan = Annotated[timedelta, BeforeValidator(_timespan)]


class Section(BaseModel):
    """A part of host.json: frozen, camelCase keys."""

    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True)


class HttpSection(Section):
    """extensions.http."""

    route_prefix: str = "api"


class QueuesSection(Section):
    """extensions.queues, with the defaults and bounds of the Storage Queues extension v5."""

    max_polling_interval: TimeSpan = timedelta(minutes=1)
    visibility_timeout: TimeSpan = timedelta(0)
    batch_size: int = Field(default=16, ge=1, le=32)
    max_dequeue_count: int = Field(default=5, ge=1)
    new_batch_threshold: int | None = Field(default=None, ge=0)
    message_encoding: Literal["base64", "none"] = "base64"

    @property
    def refill_threshold(self) -> int:
        """In-flight messages at or under which the next batch is fetched; default half the batch."""
        return self.batch_size // 2 if self.new_batch_threshold is None else self.new_batch_threshold


class BlobsSection(Section):
    """extensions.blobs, with the defaults of the Blob Storage extension v5."""

    max_degree_of_parallelism: int = Field(default=8, ge=1)
    poison_blob_threshold: int = Field(default=5, ge=1)


class DurableHttpSection(Section):
    """extensions.durableTask.httpSettings."""

    default_async_request_sleep_time_milliseconds: int = Field(default=30_000, ge=1)


class DurableTaskSection(Section):
    """extensions.durableTask: what the engine reads of it; what is not set is the engine's to choose.

    Names of the Durable extension, but for maxExtendedSessions, which is ours.
    """

    hub_name: str | None = None
    max_concurrent_activity_functions: int | None = Field(default=None, ge=1)
    max_concurrent_orchestrator_functions: int | None = Field(default=None, ge=1)
    default_version: str | None = None
    extended_sessions_enabled: bool | None = None
    extended_session_idle_timeout_in_seconds: float | None = Field(default=None, ge=0)
    max_extended_sessions: int | None = Field(default=None, ge=0)
    overridable_existing_instance_states: Literal["NonRunningStates", "AnyState"] | None = None
    http_settings: DurableHttpSection = DurableHttpSection()

    def settings(self) -> dict[str, Any]:
        """What is set, by its names in host.json."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class ExtensionsSection(Section):
    """The extensions this host has."""

    http: HttpSection = HttpSection()
    queues: QueuesSection = QueuesSection()
    blobs: BlobsSection = BlobsSection()
    durable_task: DurableTaskSection = DurableTaskSection()


class LoggingSection(Section):
    """logging."""

    log_level: dict[str, str] = Field(default_factory=dict)


class HostJson(Section):
    """The whole file."""

    version: Literal["2.0"] = "2.0"
    function_timeout: Annotated[timedelta | None, BeforeValidator(_function_timeout)] = timedelta(minutes=30)
    extensions: ExtensionsSection = ExtensionsSection()
    logging: LoggingSection = LoggingSection()


def read_host_json(path: Path, environ: Mapping[str, str] = os.environ) -> HostJson:
    """The settings in the file, overridden by AzureFunctionsJobHost__… in the environment.

    Raises HostError naming every wrong key at once.
    """
    if not path.is_file():
        raise HostError(
            "There is no host.json",
            where=str(path),
            remedy='Start in the folder of a function app, or create host.json with {"version": "2.0"}.',
        )
    raw = override(read_object(path), environ, HostJson)
    _unify_encoding_case(raw)
    try:
        return HostJson.model_validate({"version": raw.get("version"), **raw})
    except ValidationError as error:
        raise _host_json_error(path, error) from None


def _unify_encoding_case(raw: dict[str, Any]) -> None:
    """The official host reads enumeration values in any case."""
    extensions = raw.get("extensions")
    queues = extensions.get("queues") if isinstance(extensions, dict) else None
    if isinstance(queues, dict) and isinstance(queues.get("messageEncoding"), str):
        queues["messageEncoding"] = queues["messageEncoding"].lower()


def _host_json_error(path: Path, error: ValidationError) -> HostError:
    place = _line_of(path, [str(part) for part in error.errors()[0]["loc"]])
    mistakes = [f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']}" for mistake in error.errors()]
    return HostError(
        "host.json has wrong values: " + "; ".join(mistakes),
        where=f"{path}:{place}" if place else str(path),
        remedy="See https://aka.ms/functions-hostjson for what each key accepts.",
    )


def _line_of(path: Path, keys: list[str]) -> int | None:
    """The line of a key below other keys; None when it is not in the file (it came from the environment)."""
    text, position = path.read_text(encoding="utf-8-sig"), 0
    for key in keys:
        position = text.lower().find(f'"{key.lower()}"', position)
        if position < 0:
            return None
    return text.count("\n", 0, position) + 1
