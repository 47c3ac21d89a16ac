"""How a log lies in its table: one partition per tenant, and what each row key begins with.

- `head`: size, root, time and the edge of each tile level (`edge0`, `edge1`, …)
- `leaf|<index>`: the leaf's bytes (or the blob that holds them), its hash and the columns it is filtered by
- `id|<event key>`: the index of the leaf that holds this event, so that no event is appended twice
- `by|<kind>|<hash of the value>|<index>`: finds leaves by correlation or trace id without a scan
- `tile|<level>|<number>`: 256 hashes, written once
"""

from datetime import UTC, datetime
from hashlib import sha256

from chassis.storage.rows import Change, Insert, Row, Upsert
from functions.audit.entry import Entry
from functions.audit.tiles import TileAddress, TreeHead

HEAD = "head"
INLINE_LEAF_BYTES = 32_000
"""Larger leaves lie in a blob; a table column of bytes takes 64 KiB."""

MAX_COLUMN_CHARACTERS = 512
"""What is kept of a subject or id in a filter column; the leaf itself keeps all of it."""

ROWS_PER_ENTRY = 4
ROWS_PER_APPEND = 1 + 4
"""The head, and the tiles that can become full by one transaction."""


def leaf_key(index: int) -> str:
    """The row key of a leaf; keys sort by index."""
    return f"leaf|{index:015d}"


def id_key(event_key: str) -> str:
    """The row key that marks an event as appended."""
    return f"id|{event_key}"


def tile_key(address: TileAddress) -> str:
    """The row key of a full tile."""
    return f"tile|{address.level}|{address.number:015d}"


def index_prefix(kind: str, value: str) -> str:
    """What the row keys begin with that find a value's leaves."""
    return f"by|{kind}|{sha256(value.encode()).hexdigest()[:32]}|"


def index_of(row: Row) -> int:
    """The leaf index at the end of a leaf's or an index row's key."""
    return int(row.key.rpartition("|")[2])


def leaf_blob(entry: Entry) -> str:
    """Where a large leaf lies: by tenant and content, so that writing it again changes nothing."""
    return f"{entry.tenant}/{entry.leaf_hash.hex()}"


def head_changes(head: TreeHead, full: dict[TileAddress, bytes]) -> list[Change]:
    """The new head, and the tiles that became full."""
    columns = {f"edge{level}": edge for level, edge in enumerate(head.edges)}
    values = {"size": head.size, "root": head.root, "time": datetime.now(UTC), "levels": len(head.edges), **columns}
    return [Upsert(HEAD, values), *(Insert(tile_key(address), {"hashes": tile}) for address, tile in full.items())]


def read_head(row: Row | None) -> TreeHead:
    """The head of a row; the empty tree when there is none."""
    if row is None:
        return TreeHead()
    return TreeHead(row["size"], tuple(bytes(row.get(f"edge{level}", b"")) for level in range(row["levels"])))


def entry_changes(index: int, entry: Entry) -> list[Change]:
    """The rows of one appended entry (at most ROWS_PER_ENTRY)."""
    found_by = {"correlation": entry.correlation_id, "trace": entry.trace_id}
    return [
        Insert(leaf_key(index), _leaf_columns(entry)),
        Insert(id_key(entry.event_key), {"index": index}),
        *(Insert(f"{index_prefix(kind, value)}{index:015d}", {}) for kind, value in found_by.items() if value),
    ]


def column(value: str | None) -> str | None:
    """A text as it lies in a filter column."""
    return value[:MAX_COLUMN_CHARACTERS] if value is not None else None


def _leaf_columns(entry: Entry) -> dict[str, str | bytes | None]:
    inline = len(entry.leaf) <= INLINE_LEAF_BYTES
    return {
        "leafHash": entry.leaf_hash,
        "leaf": entry.leaf if inline else None,
        "blob": None if inline else leaf_blob(entry),
        "type": column(entry.type),
        "subject": column(entry.subject),
        "correlationId": column(entry.correlation_id),
        "traceId": entry.trace_id,
    }
