"""What the orchestration has done for it: calls of other services, and writes to the read model."""

import asyncio
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import RootModel

from chassis.errors import PlatformError, RemoteError, can_retry
from chassis.http.idempotency import resource_id
from chassis.runtime import Runtime
from durable.workflow.catalog import CATALOG, Function
from durable.workflow.eventing.arrivals import TABLE as ARRIVALS
from durable.workflow.eventing.arrivals import ArrivalStore, missed
from durable.workflow.eventing.delivery import Waker, is_gone
from durable.workflow.eventing.subscriptions import TYPES, Delivered, SubscriptionStore
from durable.workflow.expressions import Evaluator
from durable.workflow.faults import SpecError, spec_error
from durable.workflow.instances import TABLE, instance_store
from durable.workflow.models import (
    CALL_TIMEOUT_S,
    FINAL,
    MAX_PAYLOAD_BYTES,
    CallOutcome,
    ChildEnd,
    FunctionCall,
    FunctionPoll,
    Going,
    Origin,
    Progress,
    Recorded,
    TakeEvents,
    TakenEvents,
)
from durable.workflow.schedules import TABLE as SCHEDULES
from durable.workflow.schedules import ScheduleStore
from durable.workflow.sizes import json_bytes

SHOWN_ROWS = 20
DEFAULTS = {"version": "latest"}


class Body(RootModel[dict[str, Any]]):
    """The data of a command, as the receiver's contract has it."""


async def record_progress(runtime: Runtime, evaluator: Evaluator, client: Waker, progress: Progress) -> Recorded:
    """Write to the read model; tell the parent and the user's screen of an end; open listeners. May be repeated."""
    async with runtime.working(progress.work, "record progress"):
        for subscription in progress.opens:
            await subscriptions(runtime).announce(progress.work.tenant, subscription.tests)
        await instance_store(runtime).record(progress)
        for listener in (key[2:] for key in progress.closes if key.startswith("w!")):
            await subscriptions(runtime).empty(progress.work.tenant, listener)
        if progress.status in FINAL:
            end = ChildEnd(status=progress.status, output=progress.output, error=progress.error)
            await tell_parent(client, progress.origin, end)
            await _tell_schedule(runtime, progress)
            await _show_end(runtime, progress)
        return await _recorded(runtime, evaluator, progress)


async def tell_parent(client: Waker, origin: Origin | None, end: ChildEnd) -> None:
    """Tell the instance that waits for this one how it ended. May be repeated: it waits once."""
    if origin is None or origin.parent is None or origin.event is None:
        return
    try:
        await client.raise_event(origin.parent, origin.event, end.model_dump(mode="json"))
    except Exception as error:
        if not is_gone(error):
            raise


async def _tell_schedule(runtime: Runtime, progress: Progress) -> None:
    """Let the schedule that started the instance know of its end."""
    if progress.origin is not None and progress.origin.schedule is not None and progress.ended_at is not None:
        store = ScheduleStore(runtime.tables.table(SCHEDULES))
        ended = datetime.fromisoformat(progress.ended_at)
        await store.ended(progress.work.tenant, progress.origin.schedule, progress.instance_id, ended)


async def take_events(runtime: Runtime, request: TakeEvents) -> TakenEvents:
    """The next events that were kept for a listener. May be repeated."""
    async with runtime.working(request.work, "take events"):
        taken = await subscriptions(runtime).take(request.work.tenant, request.listener, request.wake, request.done)
        return TakenEvents(events=taken, more=bool(taken))  # another look costs less than a wake-up missed


def subscriptions(runtime: Runtime) -> SubscriptionStore:
    """The listeners of all tenants."""
    return SubscriptionStore(runtime.tables.table(TABLE), runtime.tables.table(TYPES))


async def _recorded(runtime: Runtime, evaluator: Evaluator, progress: Progress) -> Recorded:
    """What came after the instance was accepted and before it listened. Looked up after the listeners were written."""
    arrivals, tenant = ArrivalStore(runtime.tables.table(ARRIVALS)), progress.work.tenant
    first: dict[str, Delivered] = {}
    kept: list[str] = []
    for opened in progress.opens:
        found = await missed(arrivals, evaluator, tenant, opened)
        if found and opened.mode == "first":
            first[opened.id] = found[0].delivered
        elif found:
            await asyncio.gather(
                *(subscriptions(runtime).keep(tenant, opened.listener, a.stamp, a.delivered) for a in found)
            )
            kept.append(opened.id)
    return Recorded(missed=first, kept=tuple(kept))


async def check_going(runtime: Runtime, going: Going) -> bool:
    """Whether the instance is to go on. May be repeated.

    A cancellation is an event, and an event that comes just when an instance is continued as new can be lost.
    """
    async with runtime.working(going.work, "check going"):
        return not await instance_store(runtime).is_cancelling(going.work.tenant, going.instance_id)


async def call_function(runtime: Runtime, call: FunctionCall) -> CallOutcome:
    """Carry out a call of the catalog. May be repeated: the receiver knows it by its key.

    What the other side refuses is an outcome; only our own read model being away raises.
    """
    async with runtime.working(call.work, f"call {call.function}"):
        if call.progress is not None:
            await instance_store(runtime).record(call.progress)
        function = CATALOG[call.function]
        try:
            return _within_limits(await _carry_out(runtime, function, call))
        except PlatformError as error:
            if function.absent_is_done and isinstance(error, RemoteError) and error.remote_status == 404:
                return CallOutcome(state="done", output={"id": call.arguments.get("id")})
            return CallOutcome(state="failed", error=of_platform_error(error), can_retry=can_retry(error))


async def poll_function(runtime: Runtime, poll: FunctionPoll) -> CallOutcome:
    """How started work stands. May be repeated."""
    function = CATALOG[poll.function]
    async with runtime.working(poll.work, f"poll {poll.function}"):
        try:
            path = function.poll.format(id=quote(poll.started, safe=""))
            found = await runtime.services.ask(function.service, "GET", path, timeout_s=CALL_TIMEOUT_S)
        except PlatformError as error:
            return CallOutcome(state="failed", error=of_platform_error(error), can_retry=can_retry(error))
    return _within_limits(of_resource(poll.function, poll.started, found))


def of_platform_error(error: PlatformError) -> SpecError:
    """A failed call as the specification's communication error, with the remote status and problem."""
    if isinstance(error, RemoteError):
        title = str(error.remote_problem.get("title") or error.title)
        problem = _trimmed({"type": error.problem_type, **error.extensions})
        return spec_error("communication", error.remote_status, title, error.detail, problem=problem)
    return spec_error("communication", error.http_status, error.title, error.detail)


def of_resource(function: str, started: str, found: dict[str, Any]) -> CallOutcome:
    """The outcome that a started resource shows: at work, done with the catalog's output members, or failed."""
    status = found.get("status")
    if status == "completed":
        members = {name: found[name] for name in CATALOG[function].outputs if name in found}
        return CallOutcome(state="done", output=_trimmed(members))
    if status in ("cancelled", "discarded"):
        gone = spec_error("runtime", 410, "The work is gone", f"{function}: {started} was {status}")
        return CallOutcome(state="failed", error=gone)
    if status != "failed":
        return CallOutcome(state="started", started=started)
    problem = found.get("error") or {}
    refused = function == "processing.validate"
    error = spec_error(
        "validation" if refused else "runtime",
        int(problem.get("status") or (422 if refused else 500)),
        str(problem.get("title") or f"{function} failed"),
        str(problem.get("detail") or problem.get("title") or "no reason was given"),
        problem=_trimmed({key: value for key, value in problem.items() if key not in {"title", "detail", "status"}}),
    )
    return CallOutcome(state="failed", error=error)


async def _carry_out(runtime: Runtime, function: Function, call: FunctionCall) -> CallOutcome:
    if function.how == "tell":
        id = resource_id(call.work.tenant, f"workflow.{call.function}", call.key)
        command = Body({"id": id, **call.arguments})
        await runtime.queues.send(function.path, call.function, command, id=id)
        return CallOutcome(state="done", output={"id": id, "status": "pending"})
    path, body = _request(function, call.arguments)
    answer = await runtime.services.ask(
        function.service,
        function.method,
        path,
        json=None if function.method == "DELETE" else body,
        idempotency_key=call.key if function.method == "POST" else None,
        timeout_s=call.timeout_s,
    )
    if function.how == "start":
        return CallOutcome(state="started", started=str(answer["id"]))
    return CallOutcome(state="done", output=answer if answer is not None else {"id": call.arguments.get("id")})


def _request(function: Function, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The path with its parameters filled in, and the other arguments as the body."""
    in_path = {name for name in function.arguments if f"{{{name}}}" in function.path}
    parts = {name: quote(str(arguments.get(name, DEFAULTS.get(name, ""))), safe="") for name in in_path}
    return function.path.format(**parts), {key: value for key, value in arguments.items() if key not in in_path}


def _trimmed(members: dict[str, Any]) -> dict[str, Any]:
    """The members with long lists of bad rows cut: they stay where they were found, under the resource's id."""
    found = {key: _trimmed(value) if key == "result" and isinstance(value, dict) else value
             for key, value in members.items()}  # fmt: skip
    rows = found.get("invalidRows")
    return {**found, "invalidRows": rows[:SHOWN_ROWS]} if isinstance(rows, list) else found


def _within_limits(outcome: CallOutcome) -> CallOutcome:
    size = json_bytes(outcome.model_dump(mode="json"))
    if size <= MAX_PAYLOAD_BYTES:
        return outcome
    detail = f"the answer has {size} bytes, an instance carries at most {MAX_PAYLOAD_BYTES}"
    return CallOutcome(state="failed", error=spec_error("runtime", 413, "The answer is too large", detail))


async def _show_end(runtime: Runtime, progress: Progress) -> None:
    """Push the end to the connections of the user who started the instance; never fails the work."""
    shown = {"id": progress.instance_id, "status": progress.status}
    push = Body({"userId": progress.work.subject, "target": "notification", "arguments": [shown]})
    try:
        await runtime.queues.send("notification-push", "notification.push", push)
    except PlatformError:
        return
