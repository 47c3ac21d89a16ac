"""Carries a call out: reads the secrets it may read, authenticates, speaks the protocol, takes secrets out again."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from chassis.errors import PlatformError
from chassis.outgoing.client import OutgoingClient
from chassis.runtime import Runtime
from chassis.secrets.store import SecretNotFound
from durable.workflow.calls.authentication import Authenticator, Authorization
from durable.workflow.calls.functions import accepted_function
from durable.workflow.calls.http import Caller, http_call, perform
from durable.workflow.calls.models import OutgoingCall, Protocol
from durable.workflow.calls.openapi.call import openapi_call
from durable.workflow.calls.platform import SCHEME, call_service, platform_service
from durable.workflow.calls.resources import Resources, parsed
from durable.workflow.calls.scrub import scrub, secret_texts
from durable.workflow.calls.tokens import Tokens
from durable.workflow.deferral import Deferred, Scope, fill_deferred
from durable.workflow.dsl.permissions import permissions_of
from durable.workflow.expressions import ExpressionError
from durable.workflow.faults import Fault, SpecError, spec_error
from durable.workflow.instances import instance_store
from durable.workflow.jq_process import process_evaluator, secret_evaluator
from durable.workflow.models import MAX_PAYLOAD_BYTES, CallOutcome
from durable.workflow.processes.process import run_process
from durable.workflow.sizes import json_bytes

Speak = Callable[[dict[str, Any], Authorization | None, Caller], Awaitable[Any]]


async def call_out(runtime: Runtime, call: OutgoingCall) -> CallOutcome:
    """Carry out a call. May be repeated: then it is made again, with the same Idempotency-Key where it has one.

    What the other side refuses is an outcome; only our own storage being away raises.
    """
    async with runtime.working(call.work, f"call {call.protocol}"):
        if call.progress is not None:
            await instance_store(runtime).record(call.progress)
        try:
            secrets = await read_secrets(runtime, call.work.tenant, call.secrets)
        except Fault as fault:
            return CallOutcome(state="failed", error=fault.error)
        authenticator = Authenticator(_shared(runtime).tokens, call.work.tenant, secrets)
        caller = _caller(runtime, call, authenticator)
        try:
            outcome = CallOutcome(state="done", output=await _carry_out(call, secrets, caller))
        except Fault as fault:
            outcome = CallOutcome(state="failed", error=fault.error)
        except PlatformError as error:
            outcome = CallOutcome(state="failed", error=of_platform(error))
        return cleaned(outcome, [*secrets.values(), *authenticator.issued])


def _caller(runtime: Runtime, call: OutgoingCall, authenticator: Authenticator) -> Caller:
    settings = runtime.settings
    most_s = settings.workflow_process_timeout_s if call.protocol == "process" else settings.workflow_call_timeout_s
    timeout_s = most_s if call.timeout_s is None else min(call.timeout_s, most_s)
    return Caller(
        tenant=call.work.tenant,
        client=runtime.outgoing,
        services=runtime.services,
        resources=_shared(runtime).resources,
        settings=settings,
        authenticator=authenticator,
        timeout_s=timeout_s,
        key=call.key,
    )


async def read_secrets(runtime: Runtime, tenant: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The named secrets' values. Raises Fault of the authorization type for one that the tenant does not have."""
    found = {}
    for name in names:
        try:
            found[name] = await runtime.secrets.get(tenant, name)
        except SecretNotFound:
            detail = f"there is no secret {name}; put it under /workflow/secrets/{name}"
            raise Fault(spec_error("authorization", 403, "There is no such secret", detail)) from None
    return found


async def fill(template: Any, deferred: tuple[Deferred, ...], scope: Scope, private: dict[str, Any]) -> Any:
    """The template with its deferred expressions evaluated. Raises Fault of the expression type."""
    if not deferred:
        return template
    try:
        return await asyncio.to_thread(fill_deferred, template, deferred, secret_evaluator(), scope, private)
    except ExpressionError as error:
        raise Fault(spec_error("expression", 400, "The expression failed", str(error))) from None


def cleaned(outcome: CallOutcome, private: list[Any]) -> CallOutcome:
    """The outcome without secrets, and within what an instance carries."""
    texts = secret_texts(private)
    error = SpecError.model_validate(scrub(outcome.error.as_json(), texts)) if outcome.error else None
    clean = outcome.model_copy(update={"output": scrub(outcome.output, texts), "error": error})
    size = json_bytes(clean.model_dump(mode="json"))
    if size <= MAX_PAYLOAD_BYTES:
        return clean
    detail = f"the answer has {size} bytes, an instance carries at most {MAX_PAYLOAD_BYTES}"
    return CallOutcome(state="failed", error=spec_error("runtime", 413, "The answer is too large", detail))


def of_platform(error: PlatformError) -> SpecError:
    """One of our own services being away, as the specification's communication error."""
    return spec_error("communication", error.http_status, error.title, error.detail)


async def _carry_out(call: OutgoingCall, secrets: dict[str, Any], caller: Caller) -> Any:
    """Two rounds of expressions: those that read `$authorization` wait until there is one."""
    late = tuple(each for each in call.deferred if "$authorization" in each.program)
    early = tuple(each for each in call.deferred if each not in late)
    arguments = await fill(call.arguments, early, call.scope, {"secrets": secrets})
    authorization = await caller.authenticator.authorize(policy_of(call.protocol, arguments))
    shown = authorization.as_json() if authorization else None
    arguments = await fill(arguments, late, call.scope, {"secrets": secrets, "authorization": shown})
    return await SPEAK[call.protocol](arguments, authorization, caller)


def policy_of(protocol: Protocol, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """The authentication policy of a call, where its protocol has it."""
    if protocol in ("function", "process"):
        return None
    holder = {"http": "endpoint", "grpc": "service"}.get(protocol)
    found = arguments.get(holder) if holder else arguments
    policy = found.get("authentication") if isinstance(found, dict) else None
    return policy if isinstance(policy, dict) else None


async def _http(arguments: dict[str, Any], authorization: Authorization | None, caller: Caller) -> Any:
    return await perform(http_call(arguments), authorization, caller)


async def _openapi(arguments: dict[str, Any], authorization: Authorization | None, caller: Caller) -> Any:
    endpoint = arguments["document"]["endpoint"]
    service = platform_service(endpoint)
    if service is not None:
        return await call_service(service, arguments, caller)
    resource = await caller.resources.get(caller.tenant, endpoint, caller.authenticator)
    return await perform(await asyncio.to_thread(openapi_call, resource, arguments), authorization, caller)


async def _function(arguments: dict[str, Any], _: Authorization | None, caller: Caller) -> Any:
    resource = await caller.resources.get(caller.tenant, arguments["document"]["endpoint"], caller.authenticator)
    return await asyncio.to_thread(accepted_function, resource, process_evaluator(), permissions_of(caller.settings))


async def _grpc(arguments: dict[str, Any], authorization: Authorization | None, caller: Caller) -> Any:
    from durable.workflow.calls.grpc.call import call_grpc  # grpcio is loaded by who calls it, not by every process

    return await call_grpc(arguments, authorization, caller)


async def _process(arguments: dict[str, Any], _: Authorization | None, caller: Caller) -> Any:
    return await run_process(arguments, caller)


REGISTERED = re.compile(r"/schemas/[A-Za-z0-9._-]+/versions/(?:\d+|latest)")
SPEAK: dict[Protocol, Speak] = {
    "http": _http,
    "openapi": _openapi,
    "grpc": _grpc,
    "function": _function,
    "process": _process,
}


@dataclass(frozen=True)
class _Shared:
    """What calls of one process share: tokens and documents that were fetched before."""

    tokens: Tokens
    resources: Resources


_known: WeakKeyDictionary[OutgoingClient, _Shared] = WeakKeyDictionary()


async def fetch_schema(runtime: Runtime, tenant: str, uri: str) -> dict[str, Any]:
    """The JSON Schema at an address, or of the platform's own `platform://metadata/schemas/{name}/versions/{version}`.

    Raises Fault when it is not there or is none, PlatformError when metadata does not give it.
    """
    service = platform_service(uri)
    if service is None:
        shared = _shared(runtime)
        resource = await shared.resources.get(tenant, uri, Authenticator(shared.tokens, tenant, {}))
        return await asyncio.to_thread(parsed, resource, "a schema")
    path = uri.removeprefix(SCHEME).removeprefix(service)
    if service != "metadata" or not REGISTERED.fullmatch(path):
        detail = f"the platform's schemas are at {SCHEME}metadata/schemas/{{name}}/versions/{{version}}"
        raise Fault(spec_error("configuration", 400, "No such resource", detail))
    found = await runtime.services.ask("metadata", "GET", f"/metadata{path}")
    return dict(found["schema"])


def _shared(runtime: Runtime) -> _Shared:
    client = runtime.outgoing
    if client not in _known:
        _known[client] = _Shared(Tokens(client), Resources(client, runtime.settings.workflow_resources_dir))
    return _known[client]
