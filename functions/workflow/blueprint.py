"""The workflow service's triggers; its orchestrator and activities are in durable/workflow/blueprint.py."""

import logging

import azure.durable_functions as df
import azure.functions as func
import orjson

from chassis.http.app import create_app
from chassis.http.trigger import METHODS, HttpFront
from chassis.messaging.message import read_message, unpacked
from chassis.messaging.relay import add_outbox_relay
from chassis.messaging.triggers import QueueDelivery, on_queue
from durable.workflow.models import StartChild, StopChild
from functions.workflow import api, composition, events
from functions.workflow.children import start_child, stop_child
from functions.workflow.composition import OUTBOX_TABLES, runtime
from functions.workflow.event_intake import Sweeper
from functions.workflow.recovery import Patrol
from functions.workflow.schemas import EventData

log = logging.getLogger(__name__)
blueprint = df.Blueprint()
app = create_app(
    runtime, api.router, checks={"storage": runtime.check_storage, "processes": composition.check_processes}
)
front = HttpFront(app)
patrol = Patrol()
sweeper = Sweeper()
runtime.event_filters["workflow-events"] = composition.is_listened_to


@blueprint.function_name("workflow_handle_http")
@blueprint.route(route="workflow/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")  # type: ignore[untyped-decorator]
async def workflow_handle_http(
    req: func.HttpRequest, context: func.Context, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """The HTTP API."""
    return await front.handle(req, context, client)


@blueprint.function_name("workflow_receive_event")
@on_queue(blueprint, "workflow-events")
@blueprint.durable_client_input(client_name="client")  # type: ignore[untyped-decorator]
async def workflow_receive_event(msg: QueueDelivery, client: df.DurableOrchestrationClient) -> None:
    """Wakes the instance that waits for the resource an event tells of, and those that listen to the event."""
    for body in unpacked(msg.get_body()):
        async with runtime.handling(read_message(body, EventData)) as message:
            await events.deliver(message, client)
            await composition.intake().accept(message.tenant, [orjson.loads(body)], client)


@blueprint.activity_trigger(input_name="request")  # type: ignore[untyped-decorator]
@blueprint.durable_client_input(client_name="client")  # type: ignore[untyped-decorator]
async def workflow_start_child(request: dict, client: df.DurableOrchestrationClient) -> dict:  # type: ignore[type-arg]
    """Starts an instance for another."""
    child = StartChild.model_validate(request)
    async with runtime.working(child.work, "start child"):
        started = await start_child(composition.instances(), child, client)
    return started.model_dump(mode="json")


@blueprint.activity_trigger(input_name="request")  # type: ignore[untyped-decorator]
@blueprint.durable_client_input(client_name="client")  # type: ignore[untyped-decorator]
async def workflow_stop_child(request: dict, client: df.DurableOrchestrationClient) -> bool:  # type: ignore[type-arg]
    """Cancels an instance for another."""
    child = StopChild.model_validate(request)
    async with runtime.working(child.work, "stop child"):
        return await stop_child(composition.instances(), child, client)


@blueprint.function_name("workflow_recover_instances")
@blueprint.timer_trigger(arg_name="timer", schedule="*/10 * * * * *", use_monitor=False)
@blueprint.durable_client_input(client_name="client")  # type: ignore[untyped-decorator]
async def workflow_recover_instances(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Starts instances that a crash kept from starting; marks those whose orchestration broke off."""
    recovered = await composition.instances().recover(client)
    if recovered:
        log.info("looked after %d unfinished starts", recovered)
    if delivered := await composition.intake().recover(client):
        log.info("delivered %d events that were left over", delivered)
    await patrol.go_on(composition.instance_store(), client)
    await sweeper.go_on(composition.arrivals(), composition.schedules())


@blueprint.function_name("workflow_start_scheduled")
@blueprint.timer_trigger(arg_name="timer", schedule="* * * * * *", use_monitor=False)
@blueprint.durable_client_input(client_name="client")  # type: ignore[untyped-decorator]
async def workflow_start_scheduled(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Starts the instances whose time has come."""
    await composition.schedules().run_due(composition.instances(), client)


add_outbox_relay(blueprint, runtime, *OUTBOX_TABLES)
