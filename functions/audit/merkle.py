"""The Merkle tree of RFC 6962 section 2.1, and the two verifiers of RFC 9162 section 2.1.3 and 2.1.4.

Pure functions over SHA-256 hashes of 32 bytes. A *range* (first, end) stands for the leaves first..end-1; proofs are
planned as ranges, so that whoever has the hashes, in memory or in tiles, can answer them.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

Range = tuple[int, int]
RangeHash = Callable[[Range], bytes]

EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves (RFC 6962 section 2.1)."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf): what the tree holds for the bytes of one entry."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right): an inner node."""
    return sha256(b"\x01" + left + right).digest()


def split_point(count: int) -> int:
    """The largest power of two below `count` (count > 1): where RFC 6962 divides a tree."""
    return 1 << ((count - 1).bit_length() - 1)


def hash_of_hashes(hashes: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes, level by level; EMPTY_ROOT for none."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)] + odd
    return level[0]


def perfect_subtrees(part: Range) -> list[Range]:
    """The range as perfect, aligned subtrees from left to right.

    `part` must be a node of some RFC 6962 tree (its first leaf is aligned to its size rounded up to a power of two).
    """
    first, end = part
    found = []
    while first < end:
        size = 1 << ((end - first).bit_length() - 1)
        found.append((first, first + size))
        first += size
    return found


def join_subtrees(hashes: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees given from left to right (largest first); EMPTY_ROOT for none."""
    if not hashes:
        return EMPTY_ROOT
    joined = hashes[-1]
    for left in reversed(hashes[:-1]):
        joined = node_hash(left, joined)
    return joined


def inclusion_plan(index: int, size: int) -> list[Range]:
    """The ranges whose hashes are the audit path of leaf `index` in the tree of `size` leaves, leaf to root.

    Raises ValueError when the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[Range] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + split_point(end - first)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((first, middle))
            first = middle
    return path[::-1]


def consistency_plan(first_size: int, second_size: int) -> list[Range]:
    """The ranges whose hashes prove that the tree of `first_size` is a prefix of the one of `second_size`.

    Empty when both sizes are equal, or when the first is 0 (an empty tree is a prefix of any). Raises ValueError when
    the sizes are negative or out of order.
    """
    if not 0 <= first_size <= second_size:
        raise ValueError(f"a tree of {first_size} is no prefix of a tree of {second_size}")
    if first_size in (0, second_size):
        return []
    path: list[Range] = []
    first, end, whole = 0, second_size, True
    while first_size != end:
        middle = first + split_point(end - first)
        if first_size <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((first, middle))
            first, whole = middle, False
    return ([] if whole else [(first, end)]) + path[::-1]


def proof(plan: Sequence[Range], range_hash: RangeHash) -> list[bytes]:
    """The hashes of a planned proof, in its order."""
    return [range_hash(part) for part in plan]


def root_from_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that this audit path leads to from a leaf hash (RFC 9162 section 2.1.3.2); None when it can't fit."""
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that the leaf hash stands at `index` of the tree with this size and root."""
    return root_from_inclusion(index, size, leaf, path) == root


def verify_consistency(
    first_size: int, second_size: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the path proves that the second tree only appends to the first (RFC 9162 section 2.1.4.2)."""
    if not 0 <= first_size <= second_size:
        return False
    if first_size == 0:
        return not path and first_root == EMPTY_ROOT
    if first_size == second_size:
        return not path and first_root == second_root
    return _roots_from_consistency(first_size, second_size, first_root, path) == (first_root, second_root)


def _roots_from_consistency(
    first_size: int, second_size: int, first_root: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Both roots that the path leads to; None when it can't fit. Sizes: 0 < first < second."""
    if first_size & (first_size - 1) == 0:
        path = [first_root, *path]  # a perfect first tree is its own starting node and is left out of the proof
    if not path:
        return None
    node, last = first_size - 1, second_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return (old, new) if last == 0 else None
