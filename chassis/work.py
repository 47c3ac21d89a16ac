"""Whom a piece of stored work belongs to: kept with it, and restored when it goes on later or elsewhere."""

from typing import Self

from opentelemetry import propagate

from chassis import context
from chassis.context import CallContext, Principal
from chassis.models import Contract


class WorkContext(Contract):
    """What a job row, an orchestration's input or a command keeps of the call that began it."""

    tenant: str
    subject: str
    correlation_id: str | None = None
    traceparent: str | None = None

    @classmethod
    def capture(cls, correlation_id: str | None = None) -> Self:
        """The present call's. Raises RuntimeError outside any call."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        call = context.current()
        who = context.principal()
        return cls(
            tenant=who.tenant,
            subject=who.subject,
            correlation_id=correlation_id or (call.correlation_id if call else None),
            traceparent=carrier.get("traceparent"),
        )

    def call(self) -> CallContext:
        """A call context without a token's scopes: work goes on with the service's own rights."""
        return CallContext(Principal(subject=self.subject, tenant=self.tenant), self.correlation_id)
