"""Checking the audit trail from outside: inclusion proofs of RFC 6962, verified here and not believed."""

import base64
import hashlib
from typing import Any


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def root_from_path(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes | None:
    """The root that a leaf's hash and its audit path lead to (RFC 9162 section 2.1.3.2).

    None when the path is not of the length that index and size ask for.
    """
    if not 0 <= index < size:
        return None
    node, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        node, last = node >> 1, last >> 1
    return found if last == 0 else None


def included(item: dict[str, Any], proof: dict[str, Any], root: str, size: int) -> bool:
    """Whether the proof shows that the event, byte for byte, is in the tree with this root and size."""
    leaf = leaf_hash(base64.b64decode(item["leaf"]))
    path = [bytes.fromhex(node) for node in proof["path"]]
    found = root_from_path(int(item["index"]), size, leaf, path)
    return found is not None and found.hex() == root
