"""A whole definition: its document block, reusable parts, tasks, data flow and schedule."""

import json
from functools import lru_cache
from typing import Annotated, Any, Literal

from annotated_types import Len

from durable.workflow.dsl.authentication import AuthenticationPolicy
from durable.workflow.dsl.base import DslModel, Expression, OpenModel
from durable.workflow.dsl.dataflow import Input, Output
from durable.workflow.dsl.durations import Duration, Timeout, TimeoutOrName
from durable.workflow.dsl.events import EventConsumption
from durable.workflow.dsl.failures import ErrorDefinition, RetryPolicy
from durable.workflow.dsl.resources import Catalog
from durable.workflow.dsl.tasks import CompensateOn, Task, TaskList
from durable.workflow.dsl.texts import Name, SemanticVersion


class DocumentCompensation(DslModel):
    """In which ends of an instance its completed tasks are undone."""

    on: list[CompensateOn] = ["fault", "cancel"]


class DocumentMetadata(OpenModel):
    """Further information about the workflow; only `compensation` means something to the runtime."""

    compensation: DocumentCompensation | None = None


class Document(DslModel):
    """Names the definition: immutable per namespace, name and semantic version."""

    dsl: SemanticVersion
    namespace: Name
    name: Name
    version: SemanticVersion
    title: str | None = None
    summary: str | None = None
    tags: dict[str, Any] | None = None
    metadata: DocumentMetadata | None = None


class Extension(DslModel):
    """Tasks woven around tasks of a kind, where the condition holds."""

    extend: Literal["call", "composite", "emit", "for", "listen", "raise", "run", "set", "switch", "try", "wait", "all"]
    when: Expression | None = None
    before: TaskList | None = None
    after: TaskList | None = None


class Use(DslModel):
    """Reusable parts, by their names."""

    authentications: dict[str, AuthenticationPolicy] = {}
    errors: dict[str, ErrorDefinition] = {}
    extensions: list[Annotated[dict[str, Extension], Len(1, 1)]] = []
    functions: dict[str, Task] = {}
    retries: dict[str, RetryPolicy] = {}
    secrets: list[str] = []
    timeouts: dict[str, Timeout] = {}
    catalogs: dict[str, Catalog] = {}


class Schedule(DslModel):
    """When instances start by themselves: at intervals, by cron, some time after the last one ended, at events."""

    every: Duration | None = None
    cron: str | None = None
    after: Duration | None = None
    on: EventConsumption | None = None


class Definition(OpenModel):
    """A workflow definition. The schema leaves its top level open; what it does not know is refused by name later."""

    document: Document
    input: Input | None = None
    use: Use = Use()
    do: TaskList
    timeout: TimeoutOrName | None = None
    output: Output | None = None
    schedule: Schedule | None = None

    def compensates_on(self, end: CompensateOn) -> bool:
        """Whether completed tasks are undone when an instance ends so; they are unless the document says otherwise."""
        metadata = self.document.metadata
        return metadata is None or metadata.compensation is None or end in metadata.compensation.on


@lru_cache(maxsize=256)
def parse_frozen(text: str) -> tuple[Definition, dict[str, Any]]:
    """The model and the raw document of a definition that was accepted before; kept for replays of the same text."""
    raw = json.loads(text)
    return Definition.model_validate(raw), raw
