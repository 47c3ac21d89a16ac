"""What calls over a protocol take in `with`: http, openapi, grpc, a2a, mcp."""

from typing import Annotated, Any, ClassVar, Literal, Self

from annotated_types import Len
from pydantic import Field, Tag, model_validator

from durable.workflow.dsl.authentication import AuthenticationOrName
from durable.workflow.dsl.base import DslModel, Integer, OpenModel, text_or_object
from durable.workflow.dsl.durations import Duration
from durable.workflow.dsl.resources import Endpoint, ExternalResource
from durable.workflow.dsl.texts import HostName, StrictExpression

CallOutput = Literal["raw", "content", "response"]
TextsOrExpression = Annotated[
    Annotated[dict[str, str], Tag("as:object")] | Annotated[StrictExpression, Tag("as:text")],
    text_or_object("a map of texts"),
]


class HttpArguments(DslModel):
    """An HTTP request to make."""

    nullable: ClassVar[frozenset[str]] = frozenset({"body"})
    method: str
    endpoint: Endpoint
    headers: TextsOrExpression | None = None
    body: Any = None
    query: TextsOrExpression | None = None
    output: CallOutput | None = None
    redirect: bool | None = None


class OpenApiArguments(DslModel):
    """An operation of an OpenAPI document to call."""

    document: ExternalResource
    operation_id: str
    parameters: dict[str, Any] | None = None
    authentication: AuthenticationOrName | None = None
    output: CallOutput | None = None
    redirect: bool | None = None


class GrpcService(DslModel):
    """The gRPC service and where it runs."""

    name: str
    host: HostName
    port: Annotated[Integer, Field(ge=0, le=65535)] | None = None
    authentication: AuthenticationOrName | None = None


class GrpcArguments(DslModel):
    """A method of a gRPC service to call, as its proto file describes it."""

    proto: ExternalResource
    service: GrpcService
    method: str
    arguments: dict[str, Any] | None = None


class A2aArguments(DslModel):
    """A method of an agent to call (Agent2Agent)."""

    agent_card: ExternalResource | None = None
    server: Endpoint | None = None
    method: Literal[
        "message/send",
        "message/stream",
        "tasks/get",
        "tasks/list",
        "tasks/cancel",
        "tasks/resubscribe",
        "tasks/pushNotificationConfig/set",
        "tasks/pushNotificationConfig/get",
        "tasks/pushNotificationConfig/list",
        "tasks/pushNotificationConfig/delete",
        "agent/getAuthenticatedExtendedCard",
    ]
    parameters: Annotated[dict[str, Any], Len(1)] | str | None = None


class McpHttpTransport(OpenModel):
    """An MCP server to reach over HTTP."""

    endpoint: Endpoint
    headers: dict[str, str] | None = None


class McpStdioTransport(OpenModel):
    """An MCP server to start as a process."""

    command: str
    arguments: list[str] | None = None
    environment: dict[str, str] | None = None


class McpTransport(OpenModel):
    """How the MCP server is reached; exactly one of http and stdio."""

    http: McpHttpTransport | None = None
    stdio: McpStdioTransport | None = None
    options: dict[str, str] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.http is None) == (self.stdio is None):
            raise ValueError("a transport is exactly one of http and stdio")
        return self


class McpClient(OpenModel):
    """Who calls."""

    nullable: ClassVar[frozenset[str]] = frozenset({"version"})
    name: str
    version: Any
    description: str | None = None


class McpArguments(OpenModel):
    """A method of an MCP server to call (Model Context Protocol)."""

    protocol_version: str = "2025-06-18"
    method: Literal[
        "tools/list",
        "tools/call",
        "prompts/list",
        "prompts/get",
        "resources/list",
        "resources/read",
        "resources/templates/list",
    ]
    parameters: dict[str, Any] | str | None = None
    timeout: Duration | None = None
    transport: McpTransport
    client: McpClient | None = None
