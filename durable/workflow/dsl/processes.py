"""What `run` runs: a container, a script, a shell command, another workflow."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Tag, model_validator

from durable.workflow.dsl.base import DslModel, told_apart_by
from durable.workflow.dsl.durations import Duration
from durable.workflow.dsl.resources import ExternalResource


class ContainerLifetime(DslModel):
    """When a container is removed; `after` goes with `eventually` and with nothing else."""

    cleanup: Literal["always", "never", "eventually"]
    after: Duration | None = None

    @model_validator(mode="after")
    def _after_goes_with_eventually(self) -> Self:
        if (self.cleanup == "eventually") != (self.after is not None):
            raise ValueError("after goes with the cleanup policy eventually, and with nothing else")
        return self


class Container(DslModel):
    """A container to run."""

    image: str
    name: str | None = None
    command: str | None = None
    ports: dict[str, Any] | None = None
    volumes: dict[str, Any] | None = None
    environment: dict[str, Any] | None = None
    stdin: str | None = None
    arguments: list[str] | None = None
    lifetime: ContainerLifetime | None = None
    pull_policy: Literal["ifNotPresent", "always", "never"] | None = None


class Script(DslModel):
    """A script to run, its text in `code` or elsewhere in `source`."""

    language: str
    code: str | None = None
    source: ExternalResource | None = None
    stdin: str | None = None
    arguments: list[str] | None = None
    environment: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _code_or_source(self) -> Self:
        if (self.code is None) == (self.source is None):
            raise ValueError("a script has either code or a source")
        return self


class Shell(DslModel):
    """A shell command to run."""

    command: str
    stdin: str | None = None
    arguments: list[str] | None = None
    environment: dict[str, Any] | None = None


class SubWorkflow(DslModel):
    """Another workflow to run."""

    namespace: str
    name: str
    version: str
    input: dict[str, Any] | None = None


class _Process(DslModel):
    await_: bool = True
    return_: Literal["stdout", "stderr", "code", "all", "none"] = "stdout"


class RunContainer(_Process):
    """Runs a container."""

    tag: ClassVar[str] = "by:container"
    container: Container


class RunScript(_Process):
    """Runs a script."""

    tag: ClassVar[str] = "by:script"
    script: Script


class RunShell(_Process):
    """Runs a shell command."""

    tag: ClassVar[str] = "by:shell"
    shell: Shell


class RunWorkflow(_Process):
    """Runs another workflow."""

    tag: ClassVar[str] = "by:workflow"
    workflow: SubWorkflow


Process = Annotated[
    Annotated[RunContainer, Tag("by:container")]
    | Annotated[RunScript, Tag("by:script")]
    | Annotated[RunShell, Tag("by:shell")]
    | Annotated[RunWorkflow, Tag("by:workflow")],
    told_apart_by("container", "script", "shell", "workflow", what="run"),
]
