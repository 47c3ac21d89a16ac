"""Puts the workflow service together from the process's runtime; opens nothing before it is used."""

from typing import Any, cast

import orjson

from chassis.runtime import runtime_for
from durable.workflow.calls.activity import fetch_schema
from durable.workflow.dsl.permissions import permissions_of
from durable.workflow.eventing.arrivals import TABLE as ARRIVALS
from durable.workflow.eventing.arrivals import Arrival, ArrivalStore
from durable.workflow.eventing.delivery import Delivery, Waker
from durable.workflow.eventing.subscriptions import TYPES, SubscriptionStore, Wanting
from durable.workflow.instances import TABLE, InstanceStore
from durable.workflow.instances import instance_store as store_of
from durable.workflow.jq_process import process_evaluator
from durable.workflow.processes.process import check_isolation
from durable.workflow.schedules import TABLE as SCHEDULES
from durable.workflow.schedules import ScheduleStore
from functions.workflow import secrets as secret_service
from functions.workflow.definitions import Definitions, Kept
from functions.workflow.event_intake import Intake
from functions.workflow.repository import CONTAINER, DEFINITIONS, STARTS, DefinitionStore, StartStore
from functions.workflow.schedules import Schedules
from functions.workflow.service import DurableClient, Instances

runtime = runtime_for("workflow")
_kept: Kept = {}
OUTBOX_TABLES = (DEFINITIONS, TABLE, secret_service.TABLE)


def definitions() -> Definitions:
    """The definitions of the platform."""
    store = DefinitionStore(runtime.tables.table(DEFINITIONS), runtime.blobs.container(CONTAINER))
    permissions = permissions_of(runtime.settings)
    return Definitions(store, process_evaluator(), intake().announce, settle_schedule, permissions, _kept, _schema)


def instance_store() -> InstanceStore:
    """The read model of instances."""
    return store_of(runtime)


def instances() -> Instances:
    """The instances of the platform."""
    return Instances(instance_store(), StartStore(runtime.tables.table(STARTS)), definitions(), process_evaluator())


def secrets() -> secret_service.Secrets:
    """The tenants' secrets."""
    return secret_service.Secrets(runtime.tables.table(secret_service.TABLE), runtime.secrets)


def subscriptions() -> SubscriptionStore:
    """Who listens to what."""
    return SubscriptionStore(runtime.tables.table(TABLE), runtime.tables.table(TYPES))


def arrivals() -> ArrivalStore:
    """The events that came."""
    return ArrivalStore(runtime.tables.table(ARRIVALS))


def intake() -> Intake:
    """The way in for events."""
    delivery = Delivery(subscriptions(), arrivals(), process_evaluator(), _start_by_event)
    return Intake(subscriptions(), arrivals(), delivery)


async def is_listened_to(type: str, body: bytes) -> bool:
    """Whether a workflow may listen to an event of this service; others need not pass through its queue."""
    return await subscriptions().wanted(str(orjson.loads(body)["tenantid"]), type)


def schedules() -> Schedules:
    """What starts by itself."""
    store = ScheduleStore(runtime.tables.table(SCHEDULES))
    return Schedules(store, subscriptions(), instance_store(), definitions(), process_evaluator())


async def _schema(tenant: str, uri: str) -> Any:
    return await fetch_schema(runtime, tenant, uri)


async def settle_schedule(tenant: str, namespace: str, name: str) -> None:
    """Let a definition's schedule be that of its latest version."""
    await schedules().settle(tenant, namespace, name)


async def _start_by_event(tenant: str, listener: Wanting, arrival: Arrival, client: Waker) -> None:
    await schedules().start_by_event(tenant, listener, arrival, instances(), cast(DurableClient, client))


_isolates = False


async def check_processes() -> None:
    """Raise when isolated processes are demanded and this machine can't give them; a check for `health/ready`."""
    global _isolates
    if runtime.settings.workflow_processes == "isolated" and not _isolates:
        await check_isolation()
        _isolates = True
