"""The checkpoints of one target on one partition: a log of steps, rolled into a base when it has grown long.

Files below the prefix: `log-<n>`, `base-<n>` (what log n starts from) and `spill-<n>-…` (records too large for one
append). A log is sealed before the next one is made; so whoever still writes to the old one is refused, and whoever
finds a sealed log can finish what the other began.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from chassis.storage.blobs import Blobs
from chassis.storage.logs import MAX_APPEND_BYTES, LogMoved

ROLL_AT_APPENDS = 400
ROLL_AT_BYTES = 24 * 1024 * 1024
_HEAD = struct.Struct("<cI")
_RECORD, _SPILL, _SEAL = b"R", b"S", b"E"


class CorruptLog(ValueError):
    """Bytes in a log that no version of this code has written."""


@dataclass(frozen=True)
class Loaded:
    """What a state is rebuilt from. `is_sealed`: the log has to be rolled before it takes anything more."""

    base: bytes | None
    records: Sequence[bytes]
    is_sealed: bool


class StateLog:
    """One log. After LogMoved or DependencyUnavailable it has to be loaded again."""

    def __init__(self, blobs: Blobs, container: str, prefix: str) -> None:
        self._blobs, self._container_name, self._prefix = blobs, container, prefix
        self._container = blobs.container(container)
        self._generation = 0
        self._appends = 0
        self._log = blobs.log(container, self._name("log", 0))

    @property
    def is_long(self) -> bool:
        """Whether it should be rolled."""
        return self._appends >= ROLL_AT_APPENDS or self._log.size >= ROLL_AT_BYTES

    async def load(self) -> Loaded:
        """Read everything; an empty log is made when there is none. Raises LogMoved, CorruptLog."""
        prefix = f"{self._prefix}/log-"
        generations = [int(name.removeprefix(prefix)) async for name in self._container.list(prefix)]
        self._generation = max(generations, default=0)
        self._log = self._blobs.log(self._container_name, self._name("log", self._generation))
        if not generations:
            await self._log.create()
            return Loaded(None, (), is_sealed=False)
        body = await self._log.read()
        base = await self._container.get(self._name("base", self._generation)) if self._generation else None
        if body is None or (base is None and self._generation):
            raise LogMoved(f"{self._prefix} was rolled by another")
        for old in generations:
            if old < self._generation:
                await self._drop(old)
        kept = _records(body)
        self._appends = len(kept)
        is_sealed = bool(kept) and kept[-1][0] == _SEAL
        records = [await self._resolved(kind, record) for kind, record in kept if kind != _SEAL]
        return Loaded(base, records, is_sealed)

    async def append(self, records: Sequence[bytes]) -> None:
        """Store records together, all or nothing. Raises LogMoved, DependencyUnavailable."""
        body = b"".join(_HEAD.pack(_RECORD, len(record)) + record for record in records)
        if len(body) > MAX_APPEND_BYTES:
            body = b"".join([await self._spilled(record) for record in records])
        await self._log.append(body)
        self._appends += 1

    async def roll(self, base: bytes, *, is_sealed: bool = False) -> None:
        """Go on in a new log from this base. Raises LogMoved, DependencyUnavailable."""
        if not is_sealed:
            await self._log.append(_HEAD.pack(_SEAL, 0))
        old = self._generation
        await self._container.put(self._name("base", old + 1), base)
        fresh = self._blobs.log(self._container_name, self._name("log", old + 1))
        await fresh.create()
        self._log, self._generation, self._appends = fresh, old + 1, 0
        await self._drop(old)

    async def _spilled(self, record: bytes) -> bytes:
        name = f"{self._name('spill', self._generation)}-{uuid4().hex}"
        await self._container.put(name, record)
        return _HEAD.pack(_SPILL, len(name)) + name.encode()

    async def _resolved(self, kind: bytes, record: bytes) -> bytes:
        if kind == _RECORD:
            return record
        spilled = await self._container.get(record.decode())
        if spilled is None:
            raise LogMoved(f"{self._prefix} was rolled by another")
        return spilled

    async def _drop(self, generation: int) -> None:
        async for name in self._container.list(self._name("spill", generation)):
            await self._container.delete(name)
        await self._container.delete(self._name("base", generation))
        await self._container.delete(self._name("log", generation))

    def _name(self, kind: str, generation: int) -> str:
        return f"{self._prefix}/{kind}-{generation:06d}"


def _records(body: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    at = 0
    while at < len(body):
        if at + _HEAD.size > len(body):
            raise CorruptLog("a record's head is cut off")
        kind, length = _HEAD.unpack_from(body, at)
        at += _HEAD.size
        if kind not in {_RECORD, _SPILL, _SEAL} or at + length > len(body):
            raise CorruptLog("a record is cut off")
        found.append((kind, body[at : at + length]))
        at += length
    return found
