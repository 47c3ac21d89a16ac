import pytest

from funchost.http.trigger import _binding_data


@pytest.mark.parametrize("body", [b"", b"text", b"{", b"[1]", b'{"a":' * 100_000, b"{\xff}"])
def test_a_body_without_readable_fields_gives_none(body: bytes) -> None:
    assert _binding_data({}, {"q": "1"}, {"id": "7"}, body) == {"q": "1", "id": "7", "headers": {}, "query": {"q": "1"}}


def test_route_and_query_go_before_fields_of_the_body() -> None:
    data = _binding_data({}, {"a": "query"}, {"b": "route"}, b'{"a": 1, "b": 2, "c": 3}')
    assert (data["a"], data["b"], data["c"]) == ("query", "route", 3)
