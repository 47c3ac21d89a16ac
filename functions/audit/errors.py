"""The audit service's typed errors."""

from chassis.errors import DependencyUnavailable, InvalidInput, NotFound


class NoSuchLeaf(NotFound):
    """The tenant's log has no such leaf, or is not yet that large."""

    code, title = "audit.leaf-not-found", "The log has no such leaf"


class ImpossibleProof(InvalidInput):
    """The sizes or the index that were asked for can't stand in one tree."""

    code, title = "audit.impossible-proof", "There is no such proof"


class BadPageToken(InvalidInput):
    """`after` is not a token that an earlier page gave."""

    code, title = "audit.bad-page-token", "The page token is not valid"


class LogBusy(DependencyUnavailable):
    """Too many others append to the same log; the message is delivered again."""

    code, title = "audit.log-busy", "The log is busy"
