"""Starting and waking orchestrations through the durable client of a trigger."""

import logging

import azure.durable_functions as df
from azure.durable_functions import OrchestrationRuntimeStatus as Runtime

from durable.jobs.models import CHUNKS_DONE, ORCHESTRATOR, Order

ALIVE = frozenset({Runtime.Running, Runtime.Pending, Runtime.ContinuedAsNew, Runtime.Suspended})
log = logging.getLogger(__name__)


class Orchestrations:
    """The orchestrations of validations and jobs; one instance per piece of work."""

    def __init__(self, client: df.DurableOrchestrationClient) -> None:
        self._client = client

    async def start(self, order: Order) -> None:
        """Start the work's orchestration unless it runs. What goes wrong is left to the recovery timer."""
        try:
            await self.ensure(order)
        except Exception as error:  # noqa: BLE001 - the durable client raises bare exceptions
            log.warning("%s is not started yet: %s", order.instance_id, error)

    async def ensure(self, order: Order) -> bool:
        """Start the work's orchestration unless it runs, and return whether it had to be started.

        All its steps may be repeated, so that two nodes that do this at once do no harm.
        """
        status = await self._client.get_status(order.instance_id)
        if status is not None and status.runtime_status in ALIVE:
            return False
        await self._client.start_new(ORCHESTRATOR, instance_id=order.instance_id, client_input=order.model_dump())
        return True

    async def wake(self, order: Order) -> None:
        """Tell the orchestration to look at its chunks. A lost call is made up for by its timer."""
        try:
            await self._client.raise_event(order.instance_id, CHUNKS_DONE, None)
        except Exception as error:  # noqa: BLE001 - the durable client raises bare exceptions
            log.info("%s is not woken: %s", order.instance_id, error)
