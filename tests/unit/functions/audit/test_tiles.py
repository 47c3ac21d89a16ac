"""Tiles give the same hashes as all leaves would, however they were appended."""

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.audit import merkle
from functions.audit.tiles import TileAddress, TreeHead, append, range_hash, tiles_for

HASHES = [merkle.leaf_hash(b"%d" % i) for i in range(70_000)]


def grown(steps: list[int]) -> tuple[TreeHead, dict[TileAddress, bytes]]:
    head, stored = TreeHead(), dict[TileAddress, bytes]()
    for start, end in zip([0, *accumulate(steps)], accumulate(steps), strict=False):
        head, full = append(head, HASHES[start:end])
        assert not stored.keys() & full.keys(), "a full tile is written once"
        stored |= full
    return head, stored


def hash_from(head: TreeHead, stored: dict[TileAddress, bytes], part: merkle.Range) -> bytes:
    tiles = {a: head.edge(a) or stored[a] for a in tiles_for([part])}
    return range_hash(part, tiles)


steps = st.lists(st.integers(1, 400), min_size=1, max_size=6)


def test_an_empty_head_has_the_empty_root() -> None:
    assert TreeHead().root == merkle.EMPTY_ROOT


@given(steps)
@settings(max_examples=50, deadline=None)
def test_the_head_knows_the_root_after_any_appends(counts: list[int]) -> None:
    head, stored = grown(counts)
    assert head.size == sum(counts)
    assert head.root == merkle.hash_of_hashes(HASHES[: head.size])
    assert set(stored) == {TileAddress(0, n) for n in range(head.size // 256)}


@given(steps, st.data())
@settings(max_examples=50, deadline=None)
def test_proofs_for_any_older_size_come_from_the_tiles(counts: list[int], data: st.DataObject) -> None:
    head, stored = grown(counts)
    size = data.draw(st.integers(1, head.size))
    index = data.draw(st.integers(0, size - 1))
    older = data.draw(st.integers(0, size))
    root = hash_from(head, stored, (0, size))
    path = [hash_from(head, stored, part) for part in merkle.inclusion_plan(index, size)]
    assert merkle.verify_inclusion(index, size, HASHES[index], path, root)
    bridge = [hash_from(head, stored, part) for part in merkle.consistency_plan(older, size)]
    assert merkle.verify_consistency(older, size, merkle.hash_of_hashes(HASHES[:older]), root, bridge)


def test_a_third_level_of_tiles_is_reached_and_proves() -> None:
    head, stored = grown([len(HASHES)])
    assert TileAddress(1, 0) in stored
    assert len(head.edges) == 3
    root = merkle.hash_of_hashes(HASHES)
    assert head.root == root
    for index in (0, 255, 256, 65_535, 65_536, len(HASHES) - 1):
        path = [hash_from(head, stored, part) for part in merkle.inclusion_plan(index, head.size)]
        assert merkle.verify_inclusion(index, head.size, HASHES[index], path, root)
