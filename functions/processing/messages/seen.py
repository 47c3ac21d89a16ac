"""Which message ids have been counted: 128-bit digests, in buckets of time so that old ones go together.

Two ids have one digest with a probability of about n²/2^129; at a thousand million ids that is 10^-21.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b

DIGEST_BYTES = 16


def digest(id: str) -> bytes:
    """The digest of a message id."""
    return blake2b(id.encode(), digest_size=DIGEST_BYTES).digest()


class SeenIds:
    """Digests by bucket; a bucket is `width` microseconds of time.

    Every look-up asks every bucket, so there should be some dozens of them at most.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._buckets: dict[int, set[bytes]] = {}

    def __contains__(self, item: bytes) -> bool:
        return any(item in bucket for bucket in self._buckets.values())

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def bucket_of(self, time: int) -> int:
        """The bucket of a time in microseconds."""
        return time // self.width

    def add(self, bucket: int, digests: Iterable[bytes]) -> None:
        """Remember digests of a bucket."""
        self._buckets.setdefault(bucket, set()).update(digests)

    def forget_before(self, time: int) -> None:
        """Forget the buckets that end before a time in microseconds."""
        for bucket in [bucket for bucket in self._buckets if (bucket + 1) * self.width <= time]:
            del self._buckets[bucket]

    def buckets(self) -> Iterator[tuple[int, set[bytes]]]:
        """Every bucket with its digests."""
        return iter(self._buckets.items())
