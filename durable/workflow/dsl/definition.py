"""A whole definition: its document block, reusable parts, tasks and data flow."""

import json
from functools import lru_cache
from typing import Any

from pydantic import ConfigDict, Field

from durable.workflow.dsl.base import DslModel
from durable.workflow.dsl.tasks import CompensateOn, TaskList
from durable.workflow.dsl.values import ErrorDefinition, Input, Output, RetryPolicy, Timeout

_NAME = r"^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$"
_SEMVER = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$"
)


class DocumentCompensation(DslModel):
    """In which ends of an instance its completed tasks are undone."""

    on: list[CompensateOn] = ["fault", "cancel"]


class DocumentMetadata(DslModel):
    """Further information about the workflow; only `compensation` means something to the runtime."""

    model_config = ConfigDict(extra="allow")
    compensation: DocumentCompensation | None = None


class Document(DslModel):
    """Names the definition: immutable per namespace, name and semantic version."""

    dsl: str = Field(pattern=_SEMVER)
    namespace: str = Field(pattern=_NAME)
    name: str = Field(pattern=_NAME)
    version: str = Field(pattern=_SEMVER, max_length=128)
    title: str | None = None
    summary: str | None = None
    tags: dict[str, Any] | None = None
    metadata: DocumentMetadata | None = None


class Use(DslModel):
    """Reusable parts. Those of unsupported kinds must be empty."""

    errors: dict[str, ErrorDefinition] = {}
    retries: dict[str, RetryPolicy] = {}
    timeouts: dict[str, Timeout] = {}
    authentications: dict[str, Any] = {}
    extensions: list[Any] = []
    functions: dict[str, Any] = {}
    secrets: list[str] = []
    catalogs: dict[str, Any] = {}


class Definition(DslModel):
    """A workflow definition of the supported part of the DSL."""

    document: Document
    input: Input | None = None
    use: Use = Use()
    do: TaskList
    timeout: Timeout | str | None = None
    output: Output | None = None

    def compensates_on(self, end: CompensateOn) -> bool:
        """Whether completed tasks are undone when an instance ends so; they are unless the document says otherwise."""
        metadata = self.document.metadata
        return metadata is None or metadata.compensation is None or end in metadata.compensation.on


@lru_cache(maxsize=256)
def parse_frozen(text: str) -> tuple[Definition, dict[str, Any]]:
    """The model and the raw document of a definition that was accepted before; kept for replays of the same text."""
    raw = json.loads(text)
    return Definition.model_validate(raw), raw
