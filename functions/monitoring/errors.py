"""The monitoring service's typed errors."""

from chassis.errors import InvalidInput, NotFound, PayloadTooLarge


class BadTelemetry(InvalidInput):
    """The body is no OTLP export request in the encoding that its headers name."""

    code, title = "monitoring.bad-telemetry", "The export request can't be read"


class TelemetryTooLarge(PayloadTooLarge):
    """The export request is too large, compressed or not."""

    code, title = "monitoring.telemetry-too-large", "The export request is too large"


class TraceNotFound(NotFound):
    """No span of the caller's tenant is known in this trace (yet)."""

    code, title = "monitoring.trace-not-found", "No such trace"
