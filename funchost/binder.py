"""From what the app declares to functions ready to run."""

import logging
from collections.abc import Callable
from typing import Any

from funchost.app_settings import expand
from funchost.bindings.blob import BlobBinding
from funchost.bindings.durable import ClientBindings, DurableClientInput
from funchost.bindings.ports import InputBinding, OutputBinding
from funchost.bindings.queue import QueueOutput
from funchost.bindings.sdk_types import BlobSdkInput
from funchost.bindings.signalr import SignalRConnectionInfo, SignalROutput, SignalRSender
from funchost.bindings.signalr_token import SignalRConnection, parse_connection
from funchost.bindings.table import TableInput, TableOutput
from funchost.connections import connection_string, connection_to, is_by_identity
from funchost.definitions import Binding, FunctionDefinition
from funchost.enqueued import EnqueuedWatcher
from funchost.errors import HostError
from funchost.expressions import Template, parse_template
from funchost.function import HTTP_OUTPUT, BoundFunction
from funchost.host_json import HostJson
from funchost.resource_names import check_name
from funchost.retry import retry_policy
from funchost.signature import RETURN, Parameter, is_sdk_type, plan_call
from funchost.storage import StorageConnections
from funchost.supported import DURABLE_TRIGGERS

log = logging.getLogger("Host")


class Binder:
    """Makes BoundFunctions; what bindings share (clients, sessions, the engine) is held here once."""

    def __init__(
        self,
        host_json: HostJson,
        storage: StorageConnections,
        sender: SignalRSender,
        engine: Callable[[], ClientBindings],
        enqueued: EnqueuedWatcher,
    ) -> None:
        self._enqueued = enqueued
        self._host_json = host_json
        self._storage = storage
        self._sender = sender
        self._engine = engine

    def bind(self, definition: FunctionDefinition) -> BoundFunction:
        """The function ready to run. Raises HostError for a wrong signature or a missing setting."""
        plan = plan_call(definition)
        http = [p for p in plan.outputs if p.binding.type == HTTP_OUTPUT]
        returns = plan.returns if plan.returns is not None and plan.returns.name == RETURN else None
        http_output = http[0].name if http else ""
        return_output = None
        if returns is not None and returns.binding.type == HTTP_OUTPUT:
            http_output = RETURN
        elif returns is not None:
            return_output = (returns, self._output(returns, definition))
        return BoundFunction(
            definition=definition,
            plan=plan,
            inputs=tuple((p, self._input(p, definition)) for p in plan.inputs),
            outputs=tuple((p, self._output(p, definition)) for p in plan.outputs if p not in http),
            return_output=return_output,
            http_output=http_output,
            retry=None if definition.trigger.type in DURABLE_TRIGGERS else retry_policy(definition),
        )

    def _input(self, parameter: Parameter, definition: FunctionDefinition) -> InputBinding:
        binding = parameter.binding
        if binding.type == "blob" and is_sdk_type(parameter.python_type):
            return self._blob_sdk_type(parameter, definition)
        if binding.type == "blob":
            return self._blob(parameter, definition)
        if binding.type == "table":
            take = binding.properties.get("take")
            return TableInput(
                self._storage,
                **self._table_arguments(binding, definition),
                filter_=_template(binding, "filter", definition),
                take=int(take) if take else None,
            )
        if binding.type == "signalRConnectionInfo":
            connection, hub = self._signalr(binding, definition)
            return SignalRConnectionInfo(connection, hub, _template(binding, "userId", definition))
        return _LazyDurableClient(self._engine, binding)

    def _output(self, parameter: Parameter, definition: FunctionDefinition) -> OutputBinding:
        binding = parameter.binding
        if binding.type == "queue":
            return QueueOutput(
                self._storage,
                queue_name=_named(_required(binding, "queueName", definition), "queue", definition),
                connection=connection_to("queue", binding.text("connection"), where=definition.where),
                encoding=self._host_json.extensions.queues.message_encoding,
                enqueued=self._enqueued,
            )
        if binding.type == "blob":
            return self._blob(parameter, definition)
        if binding.type == "table":
            return TableOutput(self._storage, **self._table_arguments(binding, definition))
        connection, hub = self._signalr(binding, definition)
        return SignalROutput(self._sender, connection, hub)

    def _blob(self, parameter: Parameter, definition: FunctionDefinition) -> BlobBinding:
        binding = parameter.binding
        return BlobBinding(
            self._storage,
            connection=connection_to("blob", binding.text("connection"), where=definition.where),
            path=_blob_path(binding, definition),
            as_text=parameter.python_type is str or binding.data_type == "string",
        )

    def _blob_sdk_type(self, parameter: Parameter, definition: FunctionDefinition) -> BlobSdkInput:
        """The extension, not the host, reads the setting, and when the function is called: the rest of the app runs."""
        try:
            connection_string(parameter.binding.text("connection"), where=definition.where)
        except HostError as error:
            log.error("Calls of function %s will fail: %s", definition.name, " · ".join(error.lines()))
        return BlobSdkInput(parameter, _required(parameter.binding, "path", definition))

    def _table_arguments(self, binding: Binding, definition: FunctionDefinition) -> dict[str, Any]:
        return {
            "connection": connection_to("table", binding.text("connection"), where=definition.where),
            "table_name": _named(_required(binding, "tableName", definition), "table", definition),
            "partition_key": _template(binding, "partitionKey", definition),
            "row_key": _template(binding, "rowKey", definition),
        }

    def _signalr(self, binding: Binding, definition: FunctionDefinition) -> tuple[SignalRConnection, Template]:
        setting = binding.text("connectionStringSetting") or "AzureSignalRConnectionString"
        text = connection_string(setting, where=definition.where)
        if is_by_identity(text):
            remedy = f"Set {setting} to a connection string."
            raise HostError("funchost connects to SignalR with a key only", where=definition.where, remedy=remedy)
        return parse_connection(text, where=f"app setting {setting}"), _required(binding, "hubName", definition)


class _LazyDurableClient:
    """The engine is made after the functions are bound, as it needs to know them."""

    def __init__(self, engine: Callable[[], ClientBindings], binding: Binding) -> None:
        self._engine = engine
        self._binding = binding
        self._client: DurableClientInput | None = None

    async def read(self, data: Any) -> Any:
        if self._client is None:
            hub, connection = self._binding.text("taskHub") or None, self._binding.text("connectionName") or None
            self._client = DurableClientInput(self._engine(), hub, connection)
        return await self._client.read(data)


def _template(binding: Binding, key: str, definition: FunctionDefinition) -> Template | None:
    if not (text := binding.text(key)):
        return None
    try:
        return parse_template(expand(text, where=definition.where))
    except ValueError as error:
        what = f"{key} of the binding {binding.name} of function {definition.name} is malformed: {error}"
        remedy = "Write expressions as {name}, for example orders/{id}.json."
        raise HostError(what, where=definition.where, remedy=remedy) from None


def _blob_path(binding: Binding, definition: FunctionDefinition) -> Template:
    """The path, of which is known that it is container/name as far as there is nothing to resolve."""
    template = _required(binding, "path", definition)
    container, slash, _ = template.parts[0].lstrip("/").partition("/")
    if slash:
        check_name("container", container, where=definition.where)
    elif template.is_literal:
        what = f"The path of the binding {binding.name} of function {definition.name} names no blob: {container}"
        raise HostError(what, where=definition.where, remedy="Write path as container/name.")
    return template


def _named(template: Template, kind: str, definition: FunctionDefinition) -> Template:
    """The template, of which is known that it can be a name if there is nothing to resolve."""
    if template.is_literal:
        check_name(kind, template.parts[0].lower() if kind == "queue" else template.parts[0], where=definition.where)
    return template


def _required(binding: Binding, key: str, definition: FunctionDefinition) -> Template:
    template = _template(binding, key, definition)
    if template is None:
        raise HostError(
            f"The binding {binding.type} of function {definition.name} has no {key}",
            where=definition.where,
            remedy=f"Give {key} to its decorator.",
        )
    return template
