"""The durable client input binding."""

from typing import Protocol

from azure.functions.meta import Datum

from funchost.bindings.ports import BindingData


class ClientBindings(Protocol):
    """The part of the durable engine that makes client bindings."""

    def client_binding(self, task_hub: str | None, connection: str | None) -> str:
        """The JSON text for a durableClient input binding."""
        ...


class DurableClientInput:
    """What DurableOrchestrationClient is made from; built once, as nothing in it depends on the invocation."""

    def __init__(self, engine: ClientBindings, task_hub: str | None, connection: str | None) -> None:
        self._engine = engine
        self._task_hub = task_hub
        self._connection = connection
        self._datum: Datum | None = None

    async def read(self, data: BindingData) -> Datum:
        """The JSON text."""
        if self._datum is None:
            self._datum = Datum(self._engine.client_binding(self._task_hub, self._connection), "string")
        return self._datum
