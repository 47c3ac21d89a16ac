"""Choosing ports."""

import socket

from local import ports


def _occupied() -> tuple[socket.socket, int]:
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    held.listen()
    return held, held.getsockname()[1]


def test_a_taken_default_gives_way_to_a_later_port() -> None:
    held, port = _occupied()
    with held:
        chosen = ports.choose({"edge": port})["edge"]
    assert chosen > port


def test_a_moved_process_does_not_take_the_default_of_another() -> None:
    held, port = _occupied()
    with held:
        chosen = ports.choose({"first": port, "second": port + 1})
    assert chosen["first"] > port + 1
    assert chosen["first"] != chosen["second"]


def test_zero_asks_for_any_free_port_and_all_differ() -> None:
    chosen = ports.any_free(20)
    assert len(set(chosen)) == 20
    assert all(ports.is_free(port) for port in chosen)
