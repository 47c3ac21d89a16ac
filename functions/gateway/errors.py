"""Gateway's typed errors."""

from chassis.errors import Conflict, Forbidden, NotFound, PayloadTooLarge


class NotTheEdge(Forbidden):
    """The control plane was called by something that is not one of our Envoys."""

    code, title = "gateway.not-the-edge", "Only the edge may call this"


class UnknownResourceKind(NotFound):
    """A discovery request for resources that the control plane does not serve."""

    code, title = "gateway.unknown-resource-kind", "The control plane serves no such resources"


class TracesTooLarge(PayloadTooLarge):
    """More spans in one export than an Envoy ever sends."""

    code, title = "gateway.traces-too-large", "The trace export is too large"


class NoLimitsSet(NotFound):
    """Nothing was set for this tenant."""

    code, title = "gateway.no-limits-set", "The tenant has the limits of every other"


class TooManyTenants(Conflict):
    """As many tenants have limits of their own as the edge's configuration bears."""

    code, title = "gateway.too-many-tenants", "No more tenants can have limits of their own"
