"""From a proto file's text to the method that a call names."""

import asyncio
import hashlib
import re
import sys
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from durable.workflow.faults import Fault, spec_error

COMPILE_TIMEOUT_S = 30.0
REMEMBERED = 64
_CHILD = Path(__file__).with_name("proto.py")
_compiled: OrderedDict[str, bytes] = OrderedDict()


async def method_of(proto: bytes, service: str, method: str) -> Any:
    """The method's descriptor. Raises Fault of the configuration type."""
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(await compiled(proto)).file:
        try:
            pool.Add(file)
        except TypeError:
            raise _wrong("the proto file's descriptors can't be used") from None
    try:
        found = pool.FindServiceByName(service).methods_by_name[method]
    except KeyError:
        raise _wrong(f"the proto file has no method {service}/{method}") from None
    if found.client_streaming or found.server_streaming:
        raise _wrong(f"{service}/{method} streams; only unary methods are called")
    return found


async def compiled(proto: bytes) -> bytes:
    """The FileDescriptorSet of a proto file, kept for the next call of the same text. Raises Fault."""
    key = hashlib.sha256(proto).hexdigest()
    if key not in _compiled:
        _compiled[key] = await _compile(proto)
        while len(_compiled) > REMEMBERED:
            _compiled.popitem(last=False)
    _compiled.move_to_end(key)
    return _compiled[key]


async def _compile(proto: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(_CHILD), *_packages()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"LANG": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(COMPILE_TIMEOUT_S):
            out, err = await process.communicate(proto)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise _wrong("the proto file takes too long to compile") from None
    if process.returncode != 0:
        lines = re.sub(r"/\S*/", "", err.decode("utf-8", "replace")).strip().splitlines()
        raise _wrong("; ".join(lines[:3])[:500] or "the proto file can't be compiled")
    return out


def _packages() -> list[str]:
    """Where the compiler's packages lie; the child starts without site."""
    places = [find_spec(name) for name in ("grpc_tools", "grpc", "google.protobuf")]
    roots = {str(Path(place.origin).parent.parent) for place in places[:2] if place and place.origin}
    protobuf = places[2]
    if protobuf and protobuf.origin:
        roots.add(str(Path(protobuf.origin).parent.parent.parent))
    return sorted(roots)


def _wrong(detail: str) -> Fault:
    return Fault(spec_error("configuration", 400, "Not a usable gRPC method", detail))
