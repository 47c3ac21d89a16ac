"""The platform's function catalog: what `call: <name>` may name, and how each is carried out.

Three ways: ask (the answer is the output), start (long work: it is started, then an event or a poll tells its end)
and tell (a command is left on the receiver's queue; accepted is done).
"""

from typing import Any, Literal

from pydantic import Field

from chassis.models import Contract
from durable.workflow import catalog_schemas as schemas
from durable.workflow.catalog_schemas import Schema

How = Literal["ask", "start", "tell", "announce"]


class Function(Contract):
    """One entry. `path` and `poll` are templates over the arguments, `{id}` in `poll` is the started resource's id."""

    service: str
    how: How
    method: Literal["GET", "POST", "PUT", "DELETE"] = "POST"
    path: str = ""
    poll: str = ""
    input: Schema
    output: Schema
    outputs: tuple[str, ...] = Field(default=(), description="members of the finished resource that are the output")
    absent_is_done: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments that must be given."""
        return tuple(self.input["required"])

    @property
    def arguments(self) -> frozenset[str]:
        """Every argument name that `with` may have."""
        return frozenset(self.input["properties"])


def _discard(service: str, path: str) -> Function:
    return Function(service=service, how="ask", method="DELETE", path=path, input=schemas.DISCARD,
                    output=schemas.DISCARDED, absent_is_done=True)  # fmt: skip


CATALOG: dict[str, Function] = {
    "metadata.validate": Function(
        service="metadata",
        how="ask",
        path="/metadata/schemas/{schema}/versions/{version}/validate",
        input=schemas.VALIDATE_ITEMS,
        output=schemas.ITEMS_VALIDATED,
    ),
    "processing.validate": Function(
        service="processing",
        how="start",
        path="/processing/validations",
        poll="/processing/validations/{id}",
        outputs=("id", "result"),
        input=schemas.VALIDATE_DATASET,
        output=schemas.DATASET_VALIDATED,
    ),
    "processing.run": Function(
        service="processing",
        how="start",
        path="/processing/jobs",
        poll="/processing/jobs/{id}",
        outputs=("id", "result"),
        input=schemas.RUN_QUERY,
        output=schemas.QUERY_DONE,
    ),
    "reporting.render": Function(
        service="reporting",
        how="start",
        path="/reporting/reports",
        poll="/reporting/reports/{id}",
        outputs=("id", "pages", "files"),
        input=schemas.RENDER_REPORT,
        output=schemas.REPORT_RENDERED,
    ),
    "notification.send": Function(
        service="notification",
        how="tell",
        path="notification-commands",
        input=schemas.SEND_MESSAGE,
        output=schemas.MESSAGE_ACCEPTED,
    ),
    "audit.record": Function(
        service="audit", how="announce", input=schemas.RECORD_EVENT, output=schemas.EVENT_RECORDED
    ),
    "processing.discardValidation": _discard("processing", "/processing/validations/{id}"),
    "processing.discardJob": _discard("processing", "/processing/jobs/{id}"),
    "reporting.discard": _discard("reporting", "/reporting/reports/{id}"),
}


VERSION = "1.0.0"
"""The functions' own version: `processing.run:1.0.0@default` is the same as `processing.run`."""

_DEFAULT = f":{VERSION}@default"


def catalog_name(called: str) -> str | None:
    """The catalog's name of what a task calls; None when it is no function of ours."""
    name = called.removesuffix(_DEFAULT)
    return name if name in CATALOG else None


def argument_mistakes(name: str, arguments: dict[str, Any]) -> list[str]:
    """What is wrong with the argument names of a call, in plain words; empty when nothing is."""
    function = CATALOG[name]
    missing = [f"{name} needs the argument {key}" for key in function.required if key not in arguments]
    unknown = [f"{name} has no argument {key}" for key in arguments if key not in function.arguments]
    return missing + unknown
