"""One unary call: the address is resolved and checked like any other, and the channel goes to that very address."""

import asyncio
import json
import socket
from ipaddress import ip_address
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass

from chassis.outgoing.addresses import Guard, UnsafeUrl
from durable.workflow.calls.authentication import Authorization
from durable.workflow.calls.grpc.descriptors import method_of
from durable.workflow.calls.http import MAX_RESPONSE_BYTES, Caller
from durable.workflow.faults import Fault, SpecError, spec_error

TLS_PORT = 443
_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
"""gRPC's codes as HTTP's (google/rpc/code.proto); the rest are 500."""


async def call_grpc(arguments: dict[str, Any], authorization: Authorization | None, caller: Caller) -> Any:
    """The answer as JSON (proto3 JSON mapping, the proto file's field names). Raises Fault."""
    service = arguments["service"]
    resource = await caller.resources.get(caller.tenant, arguments["proto"]["endpoint"], caller.authenticator)
    method = await method_of(resource.content, service["name"], arguments["method"])
    request = _message(method, arguments.get("arguments") or {})
    if authorization is not None and authorization.header is None:
        raise Fault(spec_error("configuration", 400, "Not supported", "digest authentication is HTTP's, not gRPC's"))
    metadata = [("authorization", authorization.header)] if authorization and authorization.header else []
    channel = await _channel(service, caller)
    try:
        call: Any = channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        answer = await call(request, timeout=caller.timeout_s, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        raise Fault(_error(error, service)) from None
    finally:
        await channel.close()
    return json_format.MessageToDict(answer, preserving_proto_field_name=True)


def _message(method: Any, arguments: dict[str, Any]) -> Any:
    try:
        return json_format.Parse(json.dumps(arguments), GetMessageClass(method.input_type)())
    except json_format.ParseError as error:
        detail = f"{method.input_type.full_name}: {str(error)[:300]}"
        raise Fault(spec_error("configuration", 400, "The arguments do not fit", detail)) from None


async def _channel(service: dict[str, Any], caller: Caller) -> grpc.aio.Channel:
    """A channel to an address that the guard permits; with TLS on port 443 or without a port, else without."""
    host, port = str(service["host"]), int(service.get("port") or TLS_PORT)
    address = await resolved(host, port, caller.client.guard)
    target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    options = [
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
        ("grpc.default_authority", host if port == TLS_PORT else f"{host}:{port}"),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if port == TLS_PORT:
        named = [*options, ("grpc.ssl_target_name_override", host)]
        return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), named)
    return grpc.aio.insecure_channel(target, options)


async def resolved(host: str, port: int, guard: Guard) -> str:
    """The first address of the host that may be called. Raises Fault of the communication type."""
    try:
        guard.check_host(host)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnsafeUrl as error:
        raise _not_reached(403, f"{host}: {error}") from None
    except OSError:
        raise _not_reached(503, f"{host} has no address") from None
    permitted = [str(entry[4][0]) for entry in found if guard.permits(ip_address(str(entry[4][0]).partition("%")[0]))]
    if not permitted:
        raise _not_reached(403, f"{host}: the host is not a public one")
    return permitted[0]


def _error(error: grpc.aio.AioRpcError, service: dict[str, Any]) -> SpecError:
    code = error.code()
    detail = f"{service['name']} at {service['host']} answered {code.name}: {(error.details() or '')[:500]}"
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return spec_error("timeout", 408, "No answer in time", detail)
    return spec_error("communication", _STATUS.get(code, 500), f"The call was answered with {code.name}", detail)


def _not_reached(status: int, detail: str) -> Fault:
    return Fault(spec_error("communication", status, "The address may not be called", detail))
