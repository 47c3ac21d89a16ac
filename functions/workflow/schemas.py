"""The workflow service's contracts."""

from typing import Any

from pydantic import Field, model_validator

from chassis.models import Contract, example
from durable.workflow.faults import SpecError
from durable.workflow.models import InstanceStatus, TaskState, Undone

NAME = r"^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$"


class DefinitionId(Contract):
    """What names a definition."""

    namespace: str
    name: str
    version: str


class DefinitionHead(DefinitionId):
    """A definition without its document."""

    title: str | None = None
    registered_at: str
    deprecated_at: str | None = None


class Deprecation(Contract):
    """Whether a version is deprecated."""

    deprecated: bool


class DefinitionRead(DefinitionHead):
    """A definition with its document as JSON, and how its schedule stands where it is the one that counts."""

    document: dict[str, Any]
    schedule: "ScheduleRead | None" = None


class ScheduleRead(Contract):
    """How a definition's schedule stands. `nextRunAt` is null where an end or an event decides."""

    next_run_at: str | None = None
    last_run_at: str | None = None
    last_instance: str | None = None
    last_error: str | None = None


class DefinitionPage(Contract):
    """Definitions in order of namespace, name and version text."""

    items: list[DefinitionHead]
    next: str | None = Field(default=None, description="opaque; send it as `after` for the page that follows")


class StartRequest(Contract):
    """Which definition to run with what input. Without a version: the highest by semantic versioning."""

    model_config = example(namespace="examples", name="hello", input={"name": "Ada"})

    namespace: str = Field(pattern=NAME)
    name: str = Field(pattern=NAME)
    version: str | None = Field(default=None, max_length=128)
    input: Any = None


class InstanceHead(Contract):
    """How an instance stands."""

    id: str
    status: InstanceStatus
    namespace: str
    name: str
    version: str
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None


class InstanceRead(InstanceHead):
    """An instance with its data, its error and its task runs; of their large inputs and outputs only the size."""

    input: Any = None
    output: Any = None
    error: SpecError | None = None
    compensation: list[Undone] = []
    parent: str | None = None
    tasks: list[TaskState] = []


class InstancePage(Contract):
    """Instances in order of their ids."""

    items: list[InstanceHead]
    next: str | None = None


class EventData(Contract):
    """What any event may tell: which resource. A workflow's own events have data of any kind, which tells of none."""

    model_config = {**Contract.model_config, "extra": "ignore"}
    id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_a_resource(cls, value: Any) -> Any:
        id = value.get("id") if isinstance(value, dict) else None
        return {"id": id} if isinstance(id, str) else {}


SECRET_NAME = r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$"  # noqa: S105 - a pattern


class SecretValue(Contract):
    """A secret's value: any JSON, such as a text or the properties of an authentication."""

    model_config = {**Contract.model_config, "hide_input_in_errors": True}
    value: Any = Field(repr=False)


class SecretHead(Contract):
    """A secret without its value."""

    name: str
    updated_at: str


class SecretPage(Contract):
    """Secrets in order of their names."""

    items: list[SecretHead]
    next: str | None = None


class EventsAccepted(Contract):
    """How many events were taken; one that was sent before is among them and is not handled twice."""

    accepted: int
