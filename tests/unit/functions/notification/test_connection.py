"""The connection info from the host's input binding."""

import pytest

from chassis.context import Principal
from functions.notification.connection import check_own_connection, offered, offering
from functions.notification.errors import NoConnectionInfo, NotYourConnection


def test_it_is_at_hand_only_while_it_is_offered() -> None:
    with offering('{"url": "http://hub/client/?hub=platform", "accessToken": "abc"}'):
        assert offered().access_token == "abc"
    with pytest.raises(NoConnectionInfo):
        offered()


@pytest.mark.parametrize("value", ["", "{}", "null", '{"url": 1}'])
def test_what_is_no_connection_info_is_not_given_away(value: str) -> None:
    with offering(value), pytest.raises(NoConnectionInfo):
        offered()


def test_a_tenant_with_a_colon_gets_no_connection_as_its_end_could_not_be_told() -> None:
    check_own_connection(Principal("ada", "acme"), "acme", "ada")
    with pytest.raises(NotYourConnection):
        check_own_connection(Principal("c", "a:b"), "a:b", "c")
