"""Which partitions a node should take or give up, from what all nodes can see."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Moves:
    """What one node does next."""

    take: tuple[int, ...] = ()
    give_up: tuple[int, ...] = ()


def moves(node: str, nodes: Collection[str], leased: Sequence[bool], mine: Collection[int]) -> Moves:
    """The moves of `node` among the living `nodes` (itself included).

    `leased` tells for each partition whether anyone owns it. Shares differ by one at most; every node computes the
    same ones from the same list. A node gives up what is over its share, and takes what is free up to its share.
    """
    ranked = sorted({*nodes, node})
    share, rest = divmod(len(leased), len(ranked))
    rank = ranked.index(node)
    wanted = share + (rank < rest)
    if len(mine) > wanted:
        return Moves(give_up=tuple(sorted(mine)[wanted:]))
    free = [partition for partition, taken in enumerate(leased) if not taken and partition not in mine]
    # Nodes that start together begin at different places, so that they do not all ask for the same lease.
    first = rank * len(free) // len(ranked)
    return Moves(take=tuple((free[first:] + free[:first])[: wanted - len(mine)]))
