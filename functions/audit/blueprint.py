"""The audit service's triggers."""

import asyncio

import azure.functions as func
from opentelemetry.trace import SpanKind

from chassis.http.app import create_app
from chassis.http.trigger import METHODS, HttpFront
from chassis.messaging.message import unpacked
from chassis.messaging.triggers import QueueDelivery, on_queue
from chassis.work import WorkContext
from functions.audit.api import router
from functions.audit.composition import appender, runtime
from functions.audit.entry import Entry, read_entry

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
app = create_app(runtime, router, checks={"storage": runtime.check_storage})
front = HttpFront(app)


@blueprint.function_name("audit_handle_http")
@blueprint.route(route="audit/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def audit_handle_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The HTTP API."""
    return await front.handle(req, context)


@blueprint.function_name("audit_append_event")
@on_queue(blueprint, "audit-events")
async def audit_append_event(msg: QueueDelivery) -> None:
    """Append an event, or each of a batch, to its tenant's log; returns when all are committed. May be repeated."""
    outcomes = await asyncio.gather(*map(_append, unpacked(msg.get_body())), return_exceptions=True)
    for outcome in outcomes:  # one that can't be read takes no other with it
        if outcome is not None:
            raise outcome


async def _append(body: bytes) -> None:
    entry = read_entry(body)
    async with runtime.working(_work_of(entry), "append audit event", kind=SpanKind.CONSUMER):
        await appender().append(entry)


def _work_of(entry: Entry) -> WorkContext:
    return WorkContext(
        tenant=entry.tenant,
        subject="svc-audit",
        correlation_id=entry.correlation_id,
        traceparent=entry.traceparent,
    )
