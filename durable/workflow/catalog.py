"""The platform's function catalog: what `call: <name>` may name, and how each is carried out.

Three ways: ask (the answer is the output), start (long work: it is started, then an event or a poll tells its end)
and tell (a command is left on the receiver's queue; accepted is done).
"""

from typing import Any, Literal

from pydantic import Field

from chassis.models import Contract

How = Literal["ask", "start", "tell", "announce"]


class Function(Contract):
    """One entry. `path` and `poll` are templates over the arguments, `{id}` in `poll` is the started resource's id."""

    service: str
    how: How
    method: Literal["GET", "POST", "PUT", "DELETE"] = "POST"
    path: str = ""
    poll: str = ""
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    outputs: tuple[str, ...] = Field(default=(), description="members of the finished resource that are the output")
    absent_is_done: bool = False

    @property
    def arguments(self) -> frozenset[str]:
        """Every argument name that `with` may have."""
        return frozenset(self.required + self.optional)


def _discard(service: str, path: str) -> Function:
    return Function(service=service, how="ask", method="DELETE", path=path, required=("id",), absent_is_done=True)


CATALOG: dict[str, Function] = {
    "metadata.validate": Function(
        service="metadata",
        how="ask",
        path="/metadata/schemas/{schema}/versions/{version}/validate",
        required=("schema", "items"),
        optional=("version",),
    ),
    "processing.validate": Function(
        service="processing",
        how="start",
        path="/processing/validations",
        poll="/processing/validations/{id}",
        required=("dataset", "schema"),
        optional=("maxInvalid",),
        outputs=("id", "result"),
    ),
    "processing.run": Function(
        service="processing",
        how="start",
        path="/processing/jobs",
        poll="/processing/jobs/{id}",
        required=("dataset", "query"),
        optional=("validation", "referenceData"),
        outputs=("id", "result"),
    ),
    "reporting.render": Function(
        service="reporting",
        how="start",
        path="/reporting/reports",
        poll="/reporting/reports/{id}",
        required=("title", "job", "formats"),
        optional=("subtitle", "chart", "figures", "labels"),
        outputs=("id", "pages", "files"),
    ),
    "notification.send": Function(
        service="notification",
        how="tell",
        path="notification-commands",
        required=("subject", "body", "channels"),
        optional=("data",),
    ),
    "audit.record": Function(service="audit", how="announce", required=("type",), optional=("subject", "data")),
    "processing.discardValidation": _discard("processing", "/processing/validations/{id}"),
    "processing.discardJob": _discard("processing", "/processing/jobs/{id}"),
    "reporting.discard": _discard("reporting", "/reporting/reports/{id}"),
}


def argument_mistakes(name: str, arguments: dict[str, Any]) -> list[str]:
    """What is wrong with the argument names of a call, in plain words; empty when nothing is."""
    function = CATALOG[name]
    missing = [f"{name} needs the argument {key}" for key in function.required if key not in arguments]
    unknown = [f"{name} has no argument {key}" for key in arguments if key not in function.arguments]
    return missing + unknown
