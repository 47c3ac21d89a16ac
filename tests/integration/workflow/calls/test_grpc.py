"""`call: grpc` against a real gRPC server on this machine, made from the same proto file."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass

from durable.workflow.calls.grpc.descriptors import method_of
from functions.workflow.errors import DefinitionNotSupported
from tests.integration.workflow.calls.running import run
from tests.integration.workflow.calls.third_party import TOKEN, ThirdParty

PROTO = """
syntax = "proto3";
package GreeterApi;
import "google/protobuf/timestamp.proto";
service Greeter {
  rpc SayHello (HelloRequest) returns (HelloReply);
  rpc Watch (HelloRequest) returns (stream HelloReply);
}
message HelloRequest { string name = 1; repeated int32 numbers = 2; }
message HelloReply { string message = 1; int64 sum = 2; google.protobuf.Timestamp at = 3; }
"""


class Greeter:
    """A server of the proto file; a name decides what it answers."""

    def __init__(self) -> None:
        self.port = 0
        self.metadata: dict[str, str] = {}

    async def say_hello(self, request: Any, context: grpc.aio.ServicerContext) -> Any:
        self.metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        if request.name == "nobody":
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is nobody")
        if request.name == "slow":
            await asyncio.Event().wait()
        reply = GetMessageClass((await method_of(PROTO.encode(), "GreeterApi.Greeter", "SayHello")).output_type)()
        reply.message, reply.sum = f"Hello {request.name}", sum(request.numbers)
        reply.at.FromJsonString("2026-01-02T03:04:05Z")
        return reply


@pytest.fixture
async def greeter() -> AsyncIterator[Greeter]:
    made = Greeter()
    method = await method_of(PROTO.encode(), "GreeterApi.Greeter", "SayHello")
    handler = grpc.unary_unary_rpc_method_handler(
        made.say_hello,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("GreeterApi.Greeter", {"SayHello": handler})])
    made.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield made
    await server.stop(0)


@pytest.fixture
def folder(workflow_settings: dict[str, Any], tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "greet.proto").write_text(PROTO)
    workflow_settings["workflow_resources_dir"] = tmp_path
    return tmp_path


def call(port: int, proto: str = "file://app/greet.proto", method: str = "SayHello", more: str = "") -> str:
    return f"""
do:
  - greet:
      call: grpc
      with:
        proto: {{endpoint: '{proto}'}}
        service: {{name: GreeterApi.Greeter, host: localhost, port: {port}{more}}}
        method: {method}
        arguments: {{name: '${{ .name }}', numbers: '${{ .numbers }}'}}
"""


GIVEN = {"name": "Ada", "numbers": [1, 2]}


async def test_a_unary_method_is_called_by_its_proto_file(folder: Path, house: Any, greeter: Greeter) -> None:
    more = f", authentication: {{bearer: {{token: {TOKEN}}}}}"
    found = await run(house, call(greeter.port, more=more), GIVEN)
    assert found.status == "completed", found.error
    assert found.output == {"message": "Hello Ada", "sum": "3", "at": "2026-01-02T03:04:05Z"}
    assert greeter.metadata["authorization"] == f"Bearer {TOKEN}"


async def test_a_proto_file_may_be_fetched(house: Any, third_party: ThirdParty, greeter: Greeter) -> None:
    third_party.documents["/greet.proto"] = PROTO
    found = await run(house, call(greeter.port, f"{third_party.url}/greet.proto"), GIVEN)
    assert found.output["message"] == "Hello Ada", found.error


@pytest.mark.parametrize(
    ("given", "kind", "status"),
    [
        ({"name": "nobody", "numbers": []}, "communication", 404),
        ({"name": 5, "numbers": []}, "configuration", 400),
        ({"name": "x", "numbers": ["y"]}, "configuration", 400),
    ],
)
async def test_what_goes_wrong_is_the_specifications_error(
    folder: Path, house: Any, greeter: Greeter, given: Any, kind: str, status: int
) -> None:
    found = await run(house, call(greeter.port), given)
    assert (found.error.type.rsplit("/", 1)[1], found.error.status) == (kind, status), found.error


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_does_not_come_is_the_specifications_timeout(
    folder: Path, house: Any, greeter: Greeter
) -> None:
    found = await run(house, call(greeter.port), {"name": "slow", "numbers": []})
    assert (found.error.type.rsplit("/", 1)[1], found.error.status) == ("timeout", 408), found.error


@pytest.mark.parametrize(
    ("method", "reason"), [("Nonsense", "has no method"), ("Watch", "only unary methods are called")]
)
async def test_methods_that_are_not_there_or_stream_are_named(
    folder: Path, house: Any, greeter: Greeter, method: str, reason: str
) -> None:
    assert reason in (await run(house, call(greeter.port, method=method), GIVEN)).error.detail


async def test_a_proto_file_that_is_none_is_told_without_our_paths(folder: Path, house: Any) -> None:
    (folder / "app" / "greet.proto").write_text("syntax = 'proto3'; nonsense")
    found = await run(house, call(1), GIVEN)
    assert found.error.title == "Not a usable gRPC method"
    assert "service.proto" in found.error.detail
    assert "/tmp" not in found.error.detail


async def test_nobody_listening_and_addresses_inside(folder: Path, house: Any) -> None:
    found = await run(house, call(1), GIVEN)
    assert (found.error.type.rsplit("/", 1)[1], found.error.status) == ("communication", 503)
    found = await run(house, call(1).replace("localhost", "10.0.0.1"), GIVEN)
    assert (found.error.status, found.error.title) == (403, "The address may not be called")


async def test_without_a_folder_files_are_refused_when_put(house: Any) -> None:
    with pytest.raises(DefinitionNotSupported, match="PLATFORM_WORKFLOW_RESOURCES_DIR"):
        await run(house, call(1), GIVEN)
