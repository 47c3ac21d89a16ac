import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from local.demo.proofs import included, leaf_hash, root_from_path


def tree_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, straight from its definition."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_root(leaves[:split]) + tree_root(leaves[split:])).digest()


def audit_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1, straight from its definition."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*audit_path(index, leaves[:split]), tree_root(leaves[split:])]
    return [*audit_path(index - split, leaves[split:]), tree_root(leaves[:split])]


trees = st.lists(st.binary(max_size=8), min_size=1, max_size=40).flatmap(
    lambda leaves: st.tuples(st.just(leaves), st.integers(0, len(leaves) - 1))
)


@given(trees)
def test_every_leaf_of_every_tree_is_proven(tree: tuple[list[bytes], int]) -> None:
    leaves, index = tree
    path = audit_path(index, leaves)
    assert root_from_path(index, len(leaves), leaf_hash(leaves[index]), path) == tree_root(leaves)


@given(trees, st.binary(max_size=8))
def test_another_leaf_is_not_proven(tree: tuple[list[bytes], int], other: bytes) -> None:
    leaves, index = tree
    item = {"index": index, "leaf": base64.b64encode(other).decode()}
    proof = {"path": [node.hex() for node in audit_path(index, leaves)]}
    assert included(item, proof, tree_root(leaves).hex(), len(leaves)) == (other == leaves[index])


@given(trees)
def test_a_path_of_another_length_proves_nothing(tree: tuple[list[bytes], int]) -> None:
    leaves, index = tree
    path = [*audit_path(index, leaves), b"\x00" * 32]
    assert root_from_path(index, len(leaves), leaf_hash(leaves[index]), path) != tree_root(leaves)


def test_an_index_outside_the_tree_proves_nothing() -> None:
    assert root_from_path(3, 3, b"", []) is None
    assert root_from_path(-1, 3, b"", []) is None
