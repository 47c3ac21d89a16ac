"""The connection info from the host's input binding."""

import pytest

from functions.notification.connection import offered, offering
from functions.notification.errors import NoConnectionInfo


def test_it_is_at_hand_only_while_it_is_offered() -> None:
    with offering('{"url": "http://hub/client/?hub=platform", "accessToken": "abc"}'):
        assert offered().access_token == "abc"
    with pytest.raises(NoConnectionInfo):
        offered()


@pytest.mark.parametrize("value", ["", "{}", "null", '{"url": 1}'])
def test_what_is_no_connection_info_is_not_given_away(value: str) -> None:
    with offering(value), pytest.raises(NoConnectionInfo):
        offered()
