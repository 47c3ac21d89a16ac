"""The API of events: the way in for what workflows listen to."""

from typing import cast

from fastapi import APIRouter, Request

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.openapi import takes
from chassis.http.trigger import durable_client
from durable.workflow.eventing.delivery import Waker
from functions.workflow import composition
from functions.workflow.event_reading import read_events
from functions.workflow.schemas import EventsAccepted

EVENT_BODY = takes(
    "application/cloudevents+json",
    schema={"type": "object", "required": ["specversion", "id", "source", "type"]},
    example={
        "specversion": "1.0",
        "id": "1",
        "source": "https://example.com/ward",
        "type": "com.example.pulse",
        "data": {"bpm": 61},
    },
)
router = APIRouter(prefix="/events")


@router.post("", status_code=202, openapi_extra=EVENT_BODY)
async def accept_events(request: Request, caller: Principal = requires("workflow.write")) -> EventsAccepted:
    """Take CloudEvents in, structured, batched or binary; what listens to one gets it once."""
    body = await request.body()
    events = read_events(request.headers, body, caller.tenant, caller.subject)
    await composition.intake().accept(caller.tenant, events, cast(Waker, durable_client()))
    return EventsAccepted(accepted=len(events))
