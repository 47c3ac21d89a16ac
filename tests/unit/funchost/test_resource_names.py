import pytest

from funchost.errors import HostError
from funchost.resource_names import check_name


@pytest.mark.parametrize(
    ("kind", "name"), [("queue", "orders-2"), ("queue", "a" * 63), ("container", "$root"), ("table", "Orders2")]
)
def test_names_of_the_service_are_taken(kind: str, name: str) -> None:
    assert check_name(kind, name, where="f") == name


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *[("queue", name) for name in ("", "ab", "a" * 64, "Orders", "a--b", "-ab", "ab-", "a_b", "orders\n", "$root")],
        *[("container", name) for name in ("Orders", "a b", "$other")],
        *[("table", name) for name in ("2orders", "my-table", "ab", "t" * 64)],
    ],
)
def test_other_names_are_refused_with_the_rule(kind: str, name: str) -> None:
    with pytest.raises(HostError, match=f"cannot be the name of a {kind}") as caught:
        check_name(kind, name, where="app.py:3")
    assert caught.value.remedy.startswith("Use 3 to 63")
