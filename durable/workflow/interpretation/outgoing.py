"""Calls over a protocol: what they take with them is made here, the call itself is an activity."""

from collections.abc import Iterator
from typing import Any

from durable.workflow.calls.models import OutgoingCall, Protocol
from durable.workflow.calls.uri import expand
from durable.workflow.deferral import Deferred, defer, scope_of, secret_names
from durable.workflow.dsl.authentication import SCHEMES
from durable.workflow.dsl.texts import is_runtime_expression
from durable.workflow.faults import Fault, spec_error
from durable.workflow.interpretation.calls import call_key
from durable.workflow.interpretation.effects import activity
from durable.workflow.interpretation.run import LEAST_TIMEOUT_S, Place, Run, Steps
from durable.workflow.models import CallOutcome

CALL_OUT = "workflow_call_out"
_DATA = frozenset({"body", "payload", "parameters", "arguments", "headers", "query", "environment", "variables"})
_ADDRESSES = frozenset({"endpoint", "uri", "authority"})


def call_protocol(
    run: Run,
    protocol: Protocol,
    with_: dict[str, Any],
    place: Place,
    data: Any,
    arguments: dict[str, Any],
    verbatim: dict[str, Any] | None = None,
) -> Steps[Any]:
    """The call's output; `verbatim` are arguments without expressions. Raises Fault with what the other side said."""
    template, deferred = defer(with_named_policies(with_, _policies(run)))
    filled = run.fill(expanded(template, data), data, arguments)
    check_addresses(template, filled)
    filled = {**filled, **(verbatim or {})}
    run.check_size(filled, "what the call takes with it")
    request = OutgoingCall(
        key=call_key(run, place, {"with": filled}),
        protocol=protocol,
        arguments=filled,
        deferred=tuple(deferred),
        scope=scope_of(deferred, data, arguments),
        secrets=secrets_of(template, deferred, run.definition.use.secrets),
        timeout_s=time_left_s(run),
        work=run.start.work,
        progress=None if run.trail.is_empty else run.trail.drain("running"),
    )
    outcome = CallOutcome.model_validate((yield from activity(run, CALL_OUT, request)))
    if outcome.error is not None:
        run.unanswered[place.reference] = {"with": filled}
        raise Fault(outcome.error)
    return outcome.output


def time_left_s(run: Run) -> float | None:
    """What is left of the time limits around a call; at least a little, lest it could never succeed."""
    left = run.time_left()
    return None if left is None else max(left.total_seconds(), LEAST_TIMEOUT_S)


def with_named_policies(template: Any, policies: dict[str, Any]) -> Any:
    """The template with each `authentication: {use: name}` replaced by the policy of that name."""
    if isinstance(template, dict):
        return {
            key: policies[item["use"]]
            if key == "authentication" and isinstance(item, dict) and set(item) == {"use"}
            else with_named_policies(item, policies)
            for key, item in template.items()
        }
    return template


def expanded(template: Any, data: Any, key: str = "") -> Any:
    """The template with its addresses' `{name}` replaced by the task's input. Raises Fault."""
    if isinstance(template, dict):
        return {name: item if name in _DATA else expanded(item, data, name) for name, item in template.items()}
    if isinstance(template, str) and key in _ADDRESSES and not is_runtime_expression(template):
        return expand(template, data)
    return template


def check_addresses(template: Any, filled: Any, key: str = "") -> None:
    """Raise Fault when an expression gives something else than a text for an address.

    An endpoint that data describes as a whole could name a secret of the definition and an address of its own.
    """
    if isinstance(template, dict) and isinstance(filled, dict):
        for name, item in template.items():
            check_addresses(item, filled[name], name)
    elif key in _ADDRESSES and isinstance(template, str) and not isinstance(filled, str):
        detail = f"{key} gives {type(filled).__name__}, not a text"
        raise Fault(spec_error("expression", 400, "Not an address", detail))


def secrets_of(template: Any, deferred: list[Deferred], declared: list[str]) -> tuple[str, ...]:
    """The names of the secrets that a call may read, sorted."""
    found = {name for each in deferred for name in secret_names(each.program, declared)}
    return tuple(sorted((found | set(_by_secret(template))) & set(declared)))


def _by_secret(value: Any) -> Iterator[str]:
    """The names in `authentication: {<scheme>: {use: name}}`, wherever they stand."""
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "authentication" and isinstance(item, dict):
            for scheme in SCHEMES:
                by = item.get(scheme)
                if isinstance(by, dict) and set(by) == {"use"}:
                    yield str(by["use"])
        else:
            yield from _by_secret(item)


def _policies(run: Run) -> dict[str, Any]:
    use = run.document.get("use")
    found = use.get("authentications") if isinstance(use, dict) else None
    return found if isinstance(found, dict) else {}
