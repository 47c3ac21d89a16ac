"""The blobs that work makes: its plan, its rows and parts by chunk, its reference tables, its result."""

import asyncio
import io
from collections import OrderedDict
from collections.abc import Sequence

import polars as pl

from chassis.storage.blobs import Container
from chassis.storage.keys import encode_key
from chassis.storage.rows import RowExists
from durable.jobs.models import Order
from functions.processing.errors import SourceNotUsable
from functions.processing.schemas import WorkPlan

PLANS_KEPT = 64
"""Plans that a process keeps in memory: every chunk of a job needs the same one."""

TABLES_KEPT = 16
READ_AT_ONCE = 8
RESULT = "result"


def rows_of(chunk: int) -> str:
    """The valid rows of a validation's chunk."""
    return f"rows/{chunk:06d}"


def quarantine_of(chunk: int) -> str:
    """The invalid records of a validation's chunk."""
    return f"quarantine/{chunk:06d}"


def part_of(chunk: int, generation: int = 0) -> str:
    """What a job made of a chunk or bucket. A straggler of an earlier generation writes elsewhere."""
    return f"parts/{f'{generation}-' if generation else ''}{chunk:06d}"


def plan_of(generation: int) -> str:
    """The plan of a generation."""
    return f"plan-{generation}.json" if generation else "plan.json"


def reference(table: str) -> str:
    """A reference table as it stood when the job was planned."""
    return f"reference/{table}"


class Artefacts:
    """Blobs named `tenant/kind/id/…`, so that everything of one piece of work goes with one prefix."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._plans: OrderedDict[str, WorkPlan] = OrderedDict()
        self._tables: OrderedDict[str, pl.DataFrame] = OrderedDict()

    def address(self, order: Order, name: str) -> str:
        """The blob of a named frame."""
        return f"{_prefix(order)}{name}.parquet"

    async def put_plan(self, order: Order, plan: WorkPlan, generation: int = 0) -> WorkPlan:
        """Store the plan once and return the one that is stored: a second planner takes over the first one's."""
        try:
            body = plan.model_dump_json(by_alias=True).encode("utf-8")
            await self._container.put(_prefix(order) + plan_of(generation), body, if_absent=True)
        except RowExists:
            stored = await self.plan(order, generation)
            return stored if stored is not None else plan
        return plan

    async def plan(self, order: Order, generation: int = 0) -> WorkPlan | None:
        """The stored plan of a generation, or None."""
        name = _prefix(order) + plan_of(generation)
        if name not in self._plans:
            body = await self._container.get(name)
            if body is None:
                return None
            self._plans[name] = WorkPlan.model_validate_json(body)
            while len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        return self._plans[name]

    async def put_frame(self, order: Order, name: str, frame: pl.DataFrame, *, if_absent: bool = False) -> int:
        """Store a frame as Parquet and return its bytes. With `if_absent` one that is there is kept."""
        body = await asyncio.to_thread(to_parquet, frame)
        try:
            await self._container.put(self.address(order, name), body, if_absent=if_absent)
        except RowExists:
            return len(body)
        return len(body)

    async def put_slices(self, order: Order, name: str, frames: Sequence[pl.DataFrame]) -> tuple[int, ...]:
        """Store frames one after another in one blob, and return the bytes that each takes; an empty one takes none."""
        bodies = [await asyncio.to_thread(to_parquet, frame) if frame.height else b"" for frame in frames]
        await self._container.put(self.address(order, name), b"".join(bodies))
        return tuple(map(len, bodies))

    async def slices(self, wanted: Sequence[tuple[str, int, int]]) -> list[pl.DataFrame]:
        """The frames at (address, offset, bytes), in that order, some at a time. Raises SourceNotUsable."""
        found: list[pl.DataFrame] = []
        for start in range(0, len(wanted), READ_AT_ONCE):
            found += await asyncio.gather(*(self._slice(*place) for place in wanted[start : start + READ_AT_ONCE]))
        return found

    async def frame(self, address: str, columns: tuple[str, ...] | None = None) -> pl.DataFrame:
        """A frame, or some columns of it. Raises SourceNotUsable when it is gone."""
        body = await self._container.get(address)
        if body is None:
            raise SourceNotUsable("the records that this work reads have been discarded")
        return await asyncio.to_thread(_from_parquet, body, columns)

    async def frames(self, addresses: Sequence[str]) -> list[pl.DataFrame]:
        """Several frames, in the order of their addresses, some at a time. Raises SourceNotUsable."""
        found: list[pl.DataFrame] = []
        for start in range(0, len(addresses), READ_AT_ONCE):
            found += await asyncio.gather(*map(self.frame, addresses[start : start + READ_AT_ONCE]))
        return found

    async def tables(self, order: Order, names: Sequence[str]) -> dict[str, pl.DataFrame]:
        """The reference tables of a job as they stood when it was planned; kept in memory while they are used."""
        addresses = [self.address(order, reference(name)) for name in names]
        missing = [address for address in addresses if address not in self._tables]
        for address, frame in zip(missing, await self.frames(missing), strict=True):
            self._tables[address] = frame
        found = {name: self._tables[address] for name, address in zip(names, addresses, strict=True)}
        while len(self._tables) > TABLES_KEPT:
            self._tables.popitem(last=False)
        return found

    async def _slice(self, address: str, offset: int, length: int) -> pl.DataFrame:
        body = await self._container.get_range(address, offset, length)
        if body is None:
            raise SourceNotUsable("what the chunks made has been discarded")
        return await asyncio.to_thread(_from_parquet, body, None)

    async def bytes_of(self, address: str) -> bytes | None:
        """A blob as it is, or None."""
        return await self._container.get(address)

    async def drop(self, order: Order, *names: str) -> None:
        """Remove some frames."""
        for name in names:
            await self._container.delete(self.address(order, name))

    async def sweep(self, order: Order) -> None:
        """Remove everything of one piece of work. May be repeated."""
        for kept in [name for name in self._plans if name.startswith(_prefix(order))]:
            del self._plans[kept]
        for name in [name async for name in self._container.list(_prefix(order))]:
            await self._container.delete(name)


def to_parquet(frame: pl.DataFrame) -> bytes:
    """Parquet bytes; the same frame gives the same bytes, so that a repeated write changes nothing."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    return buffer.getvalue()


def _from_parquet(body: bytes, columns: tuple[str, ...] | None) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(body), columns=None if columns is None else list(columns))


def _prefix(order: Order) -> str:
    return f"{encode_key(order.tenant)}/{order.kind}/{order.id}/"
