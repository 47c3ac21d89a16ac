"""Partitions: a fixed number of storage queues, among which messages are spread by key."""

from zlib import crc32

PARTITIONS = 8
"""As many nodes as can share the work. A constant of the deployment: another number would move keys."""

PARTITION_QUEUE = "processing-messages"


def queue_of(partition: int) -> str:
    """The queue of a partition."""
    return f"{PARTITION_QUEUE}-{partition}"


def partition_of(tenant: str, target: str, key: str) -> int:
    """The partition of a key: the same in every process and at any time (CRC-32, ISO-HDLC)."""
    return crc32(f"{tenant}\n{target}\n{key}".encode()) % PARTITIONS
