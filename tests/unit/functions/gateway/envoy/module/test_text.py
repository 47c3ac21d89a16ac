"""The hash against the vectors that its authors published for the key 00 01 … 0f, which the host gives it."""

import pytest

from tests.unit.functions.gateway.envoy.module.driver import Host, text


@pytest.mark.parametrize(
    ("length", "published"),
    [(0, "310e0edd47db6f72"), (1, "fd67dc93c539f874"), (7, "37d1018bf50002ab"), (15, "e545be4961ca29a1")],
)
def test_it_is_siphash_2_4(host: Host, length: int, published: str) -> None:
    said = host.ask("hash", text(bytes(range(length))), "0")
    assert bytes.fromhex(said)[::-1].hex() == published
