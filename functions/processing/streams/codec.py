"""Steps and whole states as bytes: `PST1`, the length and text of a JSON header, then parts (Arrow IPC) and ids."""

import struct
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import orjson
import polars as pl

from functions.processing.messages.seen import DIGEST_BYTES
from functions.processing.streams.definition import StreamDefinition
from functions.processing.streams.parts import Pane
from functions.processing.streams.program import Program
from functions.processing.streams.state import Step, StreamState, WindowResult

_MAGIC = b"PST1"
_LENGTH = struct.Struct("<I")


class CorruptRecord(ValueError):
    """Bytes that are not a record; the state they belong to can't be read."""


def encode_step(step: Step, **extra: Any) -> bytes:
    """A step with its outputs; `extra` are further members of the header."""
    header = {
        **extra,
        "watermark": step.watermark,
        "fired": [_packed(pane) for pane in step.fired],
        "results": [
            [result.key, result.start, result.end, result.pane, result.final, result.values] for result in step.results
        ],
        "late": [item.decode() for item in step.late],
        "counted": step.counted,
    }
    return _pack(header, step.parts, step.ids)


def decode_step(body: bytes) -> tuple[Step, dict[str, Any]]:
    """The step and its whole header. Raises CorruptRecord."""
    header, parts, ids = _unpack(body)
    step = Step(
        watermark=header["watermark"],
        parts=parts,
        ids=ids,
        fired=tuple(map(_pane, header["fired"])),
        results=tuple(WindowResult(*result) for result in header["results"]),
        late=tuple(item.encode() for item in header["late"]),
        counted=header["counted"],
    )
    return step, header


def encode_state(state: StreamState, **extra: Any) -> bytes:
    """Everything that later steps depend on."""
    header = {
        **extra,
        "watermark": state.watermark,
        "counted": state.counted,
        "panes": [[*_packed(pane), changed] for pane, changed in state.windows.panes()],
    }
    return _pack(header, state.windows.parts(), {bucket: list(ids) for bucket, ids in state.seen.buckets()})


def decode_state(body: bytes, stream: StreamDefinition, program: Program) -> tuple[StreamState, dict[str, Any]]:
    """The state and its whole header. Raises CorruptRecord."""
    header, parts, ids = _unpack(body)
    state = StreamState(stream, program)
    state.begin(parts)
    state.windows.restore((_pane(pane), changed) for *pane, changed in header["panes"])
    for bucket, digests in ids.items():
        state.seen.add(bucket, digests)
    state.watermark, state.counted = header["watermark"], header["counted"]
    return state, header


def _packed(pane: Pane) -> list[Any]:
    fixed = [pane.start, pane.end, pane.number]
    return fixed if pane.key is None else [*fixed, pane.key, pane.former, pane.is_empty]


def _pane(packed: Sequence[Any]) -> Pane:
    """Of start, end and number; a session has key, former bounds and `is_empty` as well."""
    start, end, number, *session = packed
    if not session:
        return Pane(start, end, number)
    key, former, is_empty = session
    return Pane(start, end, number, key, tuple((first, last) for first, last in former), is_empty)


def _pack(header: dict[str, Any], parts: pl.DataFrame | None, ids: Mapping[int, Sequence[bytes]]) -> bytes:
    table = BytesIO()
    if parts is not None and parts.height:
        parts.write_ipc(table, compression="lz4")
    packed = table.getvalue()
    sizes = {"parts": len(packed), "ids": [[bucket, len(digests)] for bucket, digests in ids.items()]}
    text = orjson.dumps({**header, "sizes": sizes}, default=str)
    return b"".join(
        [_MAGIC, _LENGTH.pack(len(text)), text, packed, *(item for group in ids.values() for item in group)]
    )


def _unpack(body: bytes) -> tuple[dict[str, Any], pl.DataFrame | None, dict[int, list[bytes]]]:
    start = len(_MAGIC) + _LENGTH.size
    if body[: len(_MAGIC)] != _MAGIC or len(body) < start:
        raise CorruptRecord("not a record of a stream's state")
    (length,) = _LENGTH.unpack_from(body, len(_MAGIC))
    try:
        header: dict[str, Any] = orjson.loads(body[start : start + length])
    except orjson.JSONDecodeError:
        raise CorruptRecord("a record's header can't be read") from None
    at = start + length
    sizes = header["sizes"]
    expected = at + sizes["parts"] + DIGEST_BYTES * sum(count for _, count in sizes["ids"])
    if expected != len(body):
        raise CorruptRecord(f"a record of {len(body)} bytes should have {expected}")
    parts = pl.read_ipc(BytesIO(body[at : at + sizes["parts"]])) if sizes["parts"] else None
    at += sizes["parts"]
    ids: dict[int, list[bytes]] = {}
    for bucket, count in sizes["ids"]:
        ids[bucket] = [body[at + n * DIGEST_BYTES : at + (n + 1) * DIGEST_BYTES] for n in range(count)]
        at += count * DIGEST_BYTES
    return header, parts, ids
