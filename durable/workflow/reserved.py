"""Event types that belong to the platform's own services and can't be announced by a workflow."""

from chassis.manifest import SERVICES
from durable.workflow.faults import Fault, spec_error

LIFECYCLE = "io.serverlessworkflow."
"""Lifecycle events of the specification."""

PLATFORM_ATTRIBUTES = frozenset({"tenantid", "principal", "correlationid", "traceparent", "tracestate"})
"""Extension attributes that carry what travels with the work; nobody else sets them."""


def is_reserved(type: str) -> bool:
    """Whether the type's first part names a service of the platform, whose word such an event would be taken for."""
    return type.split(".")[0].lower() in SERVICES or type.lower().startswith(LIFECYCLE)


def check_event_type(type: str) -> str:
    """The type, when a workflow may announce it. Raises Fault otherwise."""
    if is_reserved(type) or not type or len(type) > 200:
        detail = f"an event type has 1 to 200 characters and no service's name as its first part: {type[:200]!r}"
        raise Fault(spec_error("configuration", 400, "Not an allowed event type", detail))
    return type
