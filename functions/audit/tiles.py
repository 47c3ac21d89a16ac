"""The tree kept as tiles: 256 hashes side by side, eight levels of the tree high.

Tile (level, number) holds the hashes of the perfect subtrees of 256**level leaves, from number * 256 on. A full tile
never changes again and is stored once; the not yet full one of each level (the *edge*) lies with the head of the log.
So an append touches only the head, and a proof reads a handful of tiles, however large the log is.
The layout is that of C2SP tlog-tiles, https://c2sp.org/tlog-tiles.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from functions.audit.merkle import Range, hash_of_hashes, join_subtrees, perfect_subtrees

HASH_BYTES = 32
TILE_BITS = 8
TILE_WIDTH = 1 << TILE_BITS


@dataclass(frozen=True, order=True)
class TileAddress:
    """Where a tile stands."""

    level: int
    number: int


@dataclass(frozen=True)
class TreeHead:
    """All that is needed to append: the number of leaves and the edge of each level, as joined hashes."""

    size: int = 0
    edges: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        return join_subtrees([self._subtree(part) for part in perfect_subtrees((0, self.size))])

    def _subtree(self, part: Range) -> bytes:
        address = address_of(part)
        return hash_in_tile(part, self.edges[address.level])

    def edge(self, address: TileAddress) -> bytes | None:
        """The hashes of the tile at this address when it is an edge; None when it is full and stored (or to come)."""
        if address.level < len(self.edges) and address.number == self.size >> TILE_BITS * (address.level + 1):
            return self.edges[address.level]
        return None


def append(head: TreeHead, hashes: Iterable[bytes]) -> tuple[TreeHead, dict[TileAddress, bytes]]:
    """The head after appending these leaf hashes, and the tiles that became full by it."""
    size, edges, full = head.size, list(head.edges), dict[TileAddress, bytes]()
    for leaf in hashes:
        size += 1
        _push(edges, 0, leaf, size, full)
    return TreeHead(size, tuple(edges)), full


def _push(edges: list[bytes], level: int, node: bytes, size: int, full: dict[TileAddress, bytes]) -> None:
    if level == len(edges):
        edges.append(b"")
    edges[level] += node
    if len(edges[level]) == TILE_WIDTH * HASH_BYTES:
        tile, edges[level] = edges[level], b""
        full[TileAddress(level, (size >> TILE_BITS * (level + 1)) - 1)] = tile
        _push(edges, level + 1, hash_of_hashes(split_hashes(tile)), size, full)


def split_hashes(joined: bytes) -> list[bytes]:
    """Joined hashes as a list."""
    return [joined[i : i + HASH_BYTES] for i in range(0, len(joined), HASH_BYTES)]


def address_of(subtree: Range) -> TileAddress:
    """The tile that a perfect subtree's hash is computed from."""
    first, end = subtree
    level = ((end - first).bit_length() - 1) // TILE_BITS
    return TileAddress(level, first >> TILE_BITS * (level + 1))


def hash_in_tile(subtree: Range, tile: bytes) -> bytes:
    """The hash of a perfect subtree, from its tile (full or edge)."""
    first, end = subtree
    shift = TILE_BITS * (((end - first).bit_length() - 1) // TILE_BITS)
    start = (first >> shift) % TILE_WIDTH
    count = (end - first) >> shift
    return hash_of_hashes(split_hashes(tile[start * HASH_BYTES : (start + count) * HASH_BYTES]))


def tiles_for(ranges: Iterable[Range]) -> set[TileAddress]:
    """The tiles that the hashes of these ranges are computed from."""
    return {address_of(subtree) for part in ranges for subtree in perfect_subtrees(part)}


def range_hash(part: Range, tiles: Mapping[TileAddress, bytes]) -> bytes:
    """The hash of a node of some tree, from its tiles."""
    return join_subtrees([hash_in_tile(subtree, tiles[address_of(subtree)]) for subtree in perfect_subtrees(part)])
