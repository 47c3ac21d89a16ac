import pytest

from chassis.http.idempotency import KeyReused, check_same_request, fingerprint, resource_id


def test_the_same_key_makes_the_same_id() -> None:
    assert resource_id("t", "jobs", "k") == resource_id("t", "jobs", "k")


@pytest.mark.parametrize("other", [("u", "jobs", "k"), ("t", "reports", "k"), ("t", "jobs", "l")])
def test_another_tenant_operation_or_key_makes_another_id(other: tuple[str, str, str]) -> None:
    assert resource_id("t", "jobs", "k") != resource_id(*other)


def test_without_a_key_every_id_is_new() -> None:
    assert resource_id("t", "jobs", None) != resource_id("t", "jobs", None)


def test_the_order_of_keys_does_not_matter_to_the_fingerprint() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_another_body_under_the_same_key_is_refused() -> None:
    check_same_request(fingerprint({"a": 1}), fingerprint({"a": 1}))
    with pytest.raises(KeyReused):
        check_same_request(fingerprint({"a": 1}), fingerprint({"a": 2}))
