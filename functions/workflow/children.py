"""Instances that instances start and stop."""

from chassis.context import Principal
from chassis.errors import PlatformError, can_retry
from chassis.http.idempotency import resource_id
from durable.workflow.faults import SpecError, spec_error
from durable.workflow.models import ChildStarted, StartChild, StopChild
from functions.workflow.errors import InputInvalid, InstanceEnded
from functions.workflow.schemas import StartRequest
from functions.workflow.service import DurableClient, Instances


async def start_child(instances: Instances, request: StartChild, client: DurableClient) -> ChildStarted:
    """Start an instance for another. May be repeated: the same key is the same instance.

    What can't be is an outcome; what may pass is raised, for another attempt.
    """
    wanted = StartRequest(namespace=request.namespace, name=request.name, version=request.version, input=request.input)
    caller = Principal(subject=request.work.subject, tenant=request.work.tenant)
    id = resource_id(caller.tenant, "workflow.child", request.key)
    try:
        head = await instances.begin(caller, wanted, id, client, request.origin)
    except PlatformError as error:
        if can_retry(error):
            raise
        return ChildStarted(error=_refused(error))
    return ChildStarted(id=head.id)


async def stop_child(instances: Instances, request: StopChild, client: DurableClient) -> bool:
    """Cancel an instance; one that has ended stays as it is. May be repeated."""
    try:
        await instances.cancel(request.work.tenant, request.id, client)
    except InstanceEnded:
        return False
    return True


def _refused(error: PlatformError) -> SpecError:
    if isinstance(error, InputInvalid):
        return spec_error("validation", 400, error.title, error.detail)
    return spec_error("configuration", error.http_status, error.title, error.detail)
