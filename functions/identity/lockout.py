"""Back-off after wrong secrets, per client and address: who guesses waits, the real client does not.

Three counters, in this process's memory: one for each client at each address, one for each address, and one for each
client over all addresses. The last two do not hold for a client at an address from which it has proved itself lately:
nobody can keep it out by failing in its name from elsewhere, or in other names behind the same address (a company's
NAT). The last is short for others.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from functions.identity.errors import LockedOut

MOST_REMEMBERED = 20_000
KNOWN_FOR_S = 86_400.0
Key = tuple[str, str]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Rule:
    """So many failures are free; each further one doubles the wait (from one second) up to `most_s`."""

    free: int
    most_s: float

    def wait_s(self, failures: int) -> float:
        """The wait after that many failures."""
        over = failures - self.free
        return 0.0 if over <= 0 else min(self.most_s, 2.0 ** min(over - 1, 30))


OF_PAIR = Rule(free=5, most_s=900)
OF_ADDRESS = Rule(free=30, most_s=300)
OF_CLIENT = Rule(free=50, most_s=30)
FORGOTTEN_AFTER_S = 1800.0
"""A counter without a failure for so long begins anew."""


@dataclass(frozen=True)
class _Count:
    failures: int
    last: float
    until: float


class Lockout:
    """Counts failures and says who must wait.

    `address` is where the edge took the request from; "" is a caller inside, whose address is not counted: all
    services share it.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._counts: OrderedDict[Key, _Count] = OrderedDict()
        self._proved: OrderedDict[Key, float] = OrderedDict()

    def check(self, client_id: str, address: str) -> None:
        """Raise LockedOut while this client must not be tried from this address."""
        keys = [_pair(client_id, address)]
        if self._now() - self._proved.get((client_id, address), float("-inf")) > KNOWN_FOR_S:
            keys += [("client", client_id), *([("address", address)] if address else [])]
        waits = [self._counts[key].until - self._now() for key in keys if key in self._counts]
        if waits and max(waits) > 0:
            raise LockedOut(max(waits))

    def failed(self, client_id: str, address: str) -> None:
        """Count a failure."""
        self._count(_pair(client_id, address), OF_PAIR)
        if address:
            self._count(("address", address), OF_ADDRESS)
        self._count(("client", client_id), OF_CLIENT)

    def succeeded(self, client_id: str, address: str) -> None:
        """Forget the pair's failures. The address's stay for others: it may own one good client and guess at them."""
        self._counts.pop(_pair(client_id, address), None)
        _remember(self._proved, (client_id, address), self._now())

    def _count(self, key: Key, rule: Rule) -> None:
        now, found = self._now(), self._counts.get(key)
        failures = 1 if found is None or now - found.last > FORGOTTEN_AFTER_S else found.failures + 1
        _remember(self._counts, key, _Count(failures, now, now + rule.wait_s(failures)))


def _pair(client_id: str, address: str) -> Key:
    return (f"pair {client_id}", address)


def _remember(kept: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MOST_REMEMBERED:
        kept.popitem(last=False)
