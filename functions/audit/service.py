"""What may be asked of a tenant's log: its events, its checkpoint and proofs over it."""

from base64 import b64encode
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from chassis.http.paging import key_of, token_of
from functions.audit.errors import BadPageToken, ImpossibleProof, NoSuchLeaf
from functions.audit.merkle import Range, consistency_plan, inclusion_plan
from functions.audit.repository import LeafFilter, LogRepository, StoredLeaf
from functions.audit.schemas import AuditedEvent, Checkpoint, ConsistencyProof, EventPage, InclusionProof
from functions.audit.tiles import TileAddress, TreeHead, range_hash, tiles_for

CACHED_TILES = 4096
"""Full tiles kept in memory (8 KiB each): enough for every proof over a million events."""


class AuditService:
    """Reads the logs. Proofs read the head and a handful of tiles, whatever the size of the log."""

    def __init__(self, repository: LogRepository) -> None:
        self._repository = repository
        self._tiles: OrderedDict[tuple[str, TileAddress], bytes] = OrderedDict()

    async def events(self, tenant: str, wanted: LeafFilter, after: str | None, limit: int) -> EventPage:
        """One page of the tenant's events. Raises BadPageToken for an `after` that no page gave."""
        leaves, last = await self._repository.leaves(tenant, wanted, _read_token(after), limit)
        return EventPage(items=[_audited(leaf) for leaf in leaves], next=None if last is None else _token(last))

    async def checkpoint(self, tenant: str) -> Checkpoint:
        """Size and root of the tenant's log."""
        head = await self._repository.head(tenant)
        return Checkpoint(size=head.tree.size, root_hash=head.tree.root.hex(), time=head.time or datetime.now(UTC))

    async def inclusion(self, tenant: str, index: int, size: int | None) -> InclusionProof:
        """The proof that leaf `index` is in the tree of `size` leaves (None: all).

        Raises NoSuchLeaf when the log is not that large, ImpossibleProof when the index is not in that tree.
        """
        head, size = await self._tree(tenant, size)
        try:
            plan = inclusion_plan(index, size)
        except ValueError as error:
            raise ImpossibleProof(str(error)) from None
        leaf, root, *path = await self._hashes(tenant, head, [(index, index + 1), (0, size), *plan])
        return InclusionProof(index=index, size=size, leaf_hash=leaf, root_hash=root, path=path)

    async def consistency(self, tenant: str, first: int, second: int | None) -> ConsistencyProof:
        """The proof that the tree of `first` leaves is a prefix of that of `second` (None: all).

        Raises NoSuchLeaf when the log is not that large, ImpossibleProof when first > second.
        """
        head, second = await self._tree(tenant, second)
        try:
            plan = consistency_plan(first, second)
        except ValueError as error:
            raise ImpossibleProof(str(error)) from None
        old, new, *path = await self._hashes(tenant, head, [(0, first), (0, second), *plan])
        return ConsistencyProof(first=first, second=second, first_hash=old, second_hash=new, path=path)

    async def _tree(self, tenant: str, size: int | None) -> tuple[TreeHead, int]:
        head = (await self._repository.head(tenant)).tree
        if size is not None and size > head.size:
            raise NoSuchLeaf(f"the log has {head.size} leaves")
        return head, head.size if size is None else size

    async def _hashes(self, tenant: str, head: TreeHead, ranges: Sequence[Range]) -> list[str]:
        tiles: dict[TileAddress, bytes] = {}
        missing = []
        for address in tiles_for(ranges):
            tile = head.edge(address) or self._tiles.get((tenant, address))
            if tile is None:
                missing.append(address)
            else:
                tiles[address] = tile
        stored = await self._repository.tiles(tenant, missing)
        self._keep(tenant, stored)
        tiles |= stored
        return [range_hash(part, tiles).hex() for part in ranges]

    def _keep(self, tenant: str, stored: dict[TileAddress, bytes]) -> None:
        for address, tile in stored.items():
            self._tiles[tenant, address] = tile
        while len(self._tiles) > CACHED_TILES:
            self._tiles.popitem(last=False)


def _audited(leaf: StoredLeaf) -> AuditedEvent:
    return AuditedEvent(
        index=leaf.index,
        leaf_hash=leaf.leaf_hash.hex(),
        leaf=b64encode(leaf.leaf).decode("ascii"),
        event=orjson.loads(leaf.leaf),
    )


def _token(index: int) -> str:
    return token_of(f"leaf:{index}")


def _read_token(token: str | None) -> int:
    """The index to go on after; -1 for the first page."""
    key = key_of(token, BadPageToken)
    if key is None:
        return -1
    kind, _, index = key.partition(":")
    if kind == "leaf" and index.isdecimal() and index.isascii() and len(index) <= 15:
        return int(index)
    raise BadPageToken("send the `next` of an earlier page, or nothing")
