"""emit: an event of the workflow's own, with all the attributes that its definition gives it."""

from typing import Any

from durable.workflow.dsl.tasks import EmitTask
from durable.workflow.eventing.cloudevents import Envelope, NotAnEvent, check_envelope
from durable.workflow.faults import Fault, spec_error
from durable.workflow.interpretation.run import Run
from durable.workflow.models import MAX_EVENT_BYTES
from durable.workflow.reserved import PLATFORM_ATTRIBUTES, check_event_type


def emit(run: Run, task: EmitTask, data: Any, seen: dict[str, Any]) -> Envelope:
    """Announce the event with the next write; the task's output is the whole CloudEvent.

    Without an id it gets one that is the same in every replay, without a time the orchestration's.
    Raises Fault when it is no CloudEvent, too large, or takes a name that belongs to the platform.
    """
    attributes = task.emit.event.with_
    if attributes is None:
        raise Fault(spec_error("configuration", 400, "Nothing to emit", "the event has no attributes"))
    described = run.fill(attributes.model_dump(mode="json", by_alias=True, exclude_unset=True), data, seen)
    check_event_type(str(described["type"]))
    event = _checked({"specversion": "1.0", "id": run.trail.next_id(), "time": run.now(), **described})
    run.check_size(event, "the event", MAX_EVENT_BYTES)
    further = {name: value for name, value in event.items() if name not in {"specversion", "id", "type", "data"}}
    run.trail.announce(event["type"], event.get("data"), further, event["id"])
    return event


def _checked(event: Envelope) -> Envelope:
    if taken := PLATFORM_ATTRIBUTES & event.keys():
        detail = f"the platform sets these attributes itself: {', '.join(sorted(taken))}"
        raise Fault(spec_error("configuration", 400, "Not an allowed event", detail))
    try:
        return check_envelope(event)
    except NotAnEvent as error:
        raise Fault(spec_error("configuration", 400, "Not a CloudEvent", str(error))) from None
