"""Puts the workflow service together from the process's runtime; opens nothing before it is used."""

from chassis.runtime import runtime_for
from durable.workflow.instances import TABLE, InstanceStore
from durable.workflow.jq_process import process_evaluator
from functions.workflow import secrets as secret_service
from functions.workflow.definitions import Definitions
from functions.workflow.repository import CONTAINER, DEFINITIONS, STARTS, DefinitionStore, StartStore
from functions.workflow.service import Instances

runtime = runtime_for("workflow")
OUTBOX_TABLES = (DEFINITIONS, TABLE, secret_service.TABLE)


def definitions() -> Definitions:
    """The definitions of the platform."""
    store = DefinitionStore(runtime.tables.table(DEFINITIONS), runtime.blobs.container(CONTAINER))
    return Definitions(store, process_evaluator())


def instance_store() -> InstanceStore:
    """The read model of instances."""
    return InstanceStore(runtime.tables.table(TABLE))


def instances() -> Instances:
    """The instances of the platform."""
    return Instances(instance_store(), StartStore(runtime.tables.table(STARTS)), definitions(), process_evaluator())


def secrets() -> secret_service.Secrets:
    """The tenants' secrets."""
    return secret_service.Secrets(runtime.tables.table(secret_service.TABLE), runtime.secrets)
