"""What integration tests share: one Azurite of their own."""

from collections.abc import Iterator

import pytest

from local.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of an Azurite that this test session started on free ports, in memory."""
    with Azurite() as running:
        yield running.connection_string
