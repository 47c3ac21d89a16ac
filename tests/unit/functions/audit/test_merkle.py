"""The tree against known vectors, a naive definition, and tampering."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.audit import merkle

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The reference vectors of the certificate-transparency project."""


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH, word for word from RFC 6962 section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def reader(leaves: list[bytes]) -> merkle.RangeHash:
    return lambda part: naive_root(leaves[part[0] : part[1]])


def numbered(count: int) -> list[bytes]:
    return [b"leaf %d" % i for i in range(count)]


def flipped(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value) ^ 1 << bit % (8 * len(value))).to_bytes(len(value))


sizes = st.integers(min_value=1, max_value=300)


@st.composite
def leaf_of_tree(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(sizes)
    return draw(st.integers(0, size - 1)), size


@st.composite
def two_sizes(draw: st.DrawFn) -> tuple[int, int]:
    second = draw(sizes)
    return draw(st.integers(0, second)), second


def test_the_root_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.hash_of_hashes([]) == merkle.EMPTY_ROOT


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_equal_the_reference_vectors(count: int) -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES[:count]]
    assert merkle.hash_of_hashes(hashes).hex() == ROOTS[count - 1]


def test_an_inclusion_proof_equals_the_reference_vector() -> None:
    path = merkle.proof(merkle.inclusion_plan(5, 8), reader(LEAVES))
    assert [step.hex() for step in path] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_a_consistency_proof_equals_the_reference_vector() -> None:
    path = merkle.proof(merkle.consistency_plan(6, 8), reader(LEAVES))
    assert [step.hex() for step in path] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(sizes)
def test_the_root_equals_the_definition(count: int) -> None:
    leaves = numbered(count)
    assert merkle.hash_of_hashes([merkle.leaf_hash(leaf) for leaf in leaves]) == naive_root(leaves)


@given(leaf_of_tree())
def test_every_leaf_of_every_tree_has_a_proof_that_verifies(case: tuple[int, int]) -> None:
    index, size = case
    leaves = numbered(size)
    path = merkle.proof(merkle.inclusion_plan(index, size), reader(leaves))
    assert merkle.verify_inclusion(index, size, merkle.leaf_hash(leaves[index]), path, naive_root(leaves))


@given(leaf_of_tree(), st.integers(min_value=0), st.integers(min_value=0))
def test_a_tampered_inclusion_proof_does_not_verify(case: tuple[int, int], which: int, bit: int) -> None:
    index, size = case
    leaves = numbered(size)
    root, leaf = naive_root(leaves), merkle.leaf_hash(leaves[index])
    path = merkle.proof(merkle.inclusion_plan(index, size), reader(leaves))
    assert not merkle.verify_inclusion(index, size, flipped(leaf, bit), path, root)
    assert not merkle.verify_inclusion(index, size, leaf, path, flipped(root, bit))
    assert not merkle.verify_inclusion(index, size, leaf, [*path, leaf], root)
    assert not merkle.verify_inclusion(size, size, leaf, path, root)
    if path:
        broken = [flipped(step, bit) if i == which % len(path) else step for i, step in enumerate(path)]
        assert not merkle.verify_inclusion(index, size, leaf, broken, root)
        assert not merkle.verify_inclusion(index, size, leaf, path[:-1], root)
        assert not merkle.verify_inclusion((index + 1) % size, size, leaf, path, root)


@given(two_sizes())
def test_any_two_sizes_of_a_tree_are_provably_consistent(case: tuple[int, int]) -> None:
    first, second = case
    leaves = numbered(second)
    path = merkle.proof(merkle.consistency_plan(first, second), reader(leaves))
    assert merkle.verify_consistency(first, second, naive_root(leaves[:first]), naive_root(leaves), path)


@given(two_sizes(), st.integers(min_value=0), st.integers(min_value=0))
def test_a_rewritten_history_is_not_consistent(case: tuple[int, int], which: int, bit: int) -> None:
    first, second = case
    leaves = numbered(second)
    old, new = naive_root(leaves[:first]), naive_root(leaves)
    path = merkle.proof(merkle.consistency_plan(first, second), reader(leaves))
    assert not merkle.verify_consistency(first, second, flipped(old, bit), new, path)
    assert not merkle.verify_consistency(first, second, old, new, [*path, new])
    assert not merkle.verify_consistency(second + 1, second, old, new, path)
    if path:
        broken = [flipped(step, bit) if i == which % len(path) else step for i, step in enumerate(path)]
        assert not merkle.verify_consistency(first, second, old, new, broken)
        assert not merkle.verify_consistency(first, second, old, new, path[:-1])
        assert not merkle.verify_consistency(first, second, old, flipped(new, bit), path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (7, 3)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        merkle.inclusion_plan(index, size)


@pytest.mark.parametrize(("first", "second"), [(2, 1), (-1, 1)])
def test_a_larger_tree_is_no_prefix(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="no prefix"):
        merkle.consistency_plan(first, second)
