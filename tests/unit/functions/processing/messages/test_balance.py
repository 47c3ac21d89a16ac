from hypothesis import given
from hypothesis import strategies as st

from functions.processing.messages.balance import moves

PARTITIONS = 8
NODES = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=12, unique=True)


def turn(node: str, nodes: list[str], owned: dict[str, set[int]]) -> None:
    """One node balances: what it gives up is free at once."""
    leased = [any(partition in mine for mine in owned.values()) for partition in range(PARTITIONS)]
    step = moves(node, nodes, leased, owned[node])
    owned[node] -= set(step.give_up)
    taken = {partition for mine in owned.values() for partition in mine}
    assert not set(step.take) & taken, "a node never asks for what another holds"
    owned[node] |= set(step.take)


@given(NODES, NODES, st.randoms(use_true_random=False))
def test_whoever_joins_or_dies_all_partitions_are_owned_once_in_shares_that_differ_by_one(
    before: list[str], after: list[str], rng: object
) -> None:
    owned: dict[str, set[int]] = {}
    for nodes in (before, after):
        owned = {node: owned.get(node, set()) for node in nodes}
        for _ in range(4):
            order = list(nodes)
            rng.shuffle(order)  # type: ignore[attr-defined]
            for node in order:
                turn(node, nodes, owned)
        assert sorted(partition for mine in owned.values() for partition in mine) == list(range(PARTITIONS))
        sizes = [len(mine) for mine in owned.values()]
        assert max(sizes) - min(sizes) <= 1


def test_a_balanced_node_does_nothing() -> None:
    step = moves("a", ["a", "b"], [True] * PARTITIONS, {0, 1, 2, 3})
    assert (step.take, step.give_up) == ((), ())


def test_a_node_alone_takes_all_that_is_free() -> None:
    assert sorted(moves("a", [], [False] * PARTITIONS, set()).take) == list(range(PARTITIONS))
