import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from azure.functions.meta import Datum

from funchost.bindings.signalr import SignalRConnectionInfo, SignalROutput, SignalRSender, rest_call
from funchost.bindings.signalr_token import SignalRConnection, parse_connection
from funchost.errors import HostError, InvocationError
from funchost.expressions import parse_template

_CONNECTION = SignalRConnection("https://h.service.signalr.net", "secret-key")


def _claims(token: str) -> dict[str, Any]:
    """The claims, once the signature is checked independently."""
    signed, _, signature = token.rpartition(".")
    expected = hmac.new(b"secret-key", signed.encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "==") == expected
    payload = signed.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


@pytest.mark.parametrize(
    ("item", "call"),
    [
        ({"target": "t", "arguments": [1]}, ("POST", "", {"target": "t", "arguments": [1]})),
        ({"target": "t", "userId": "a/b"}, ("POST", "/users/a%2Fb", {"target": "t", "arguments": []})),
        ({"target": "t", "groupName": "g"}, ("POST", "/groups/g", {"target": "t", "arguments": []})),
        ({"target": "t", "connectionId": "c"}, ("POST", "/connections/c", {"target": "t", "arguments": []})),
        ({"target": "t", "excludedConnectionIds": ["c"]}, ("POST", "?excluded=c", {"target": "t", "arguments": []})),
        ({"action": "add", "userId": "u", "groupName": "g"}, ("PUT", "/groups/g/users/u", None)),
        ({"action": "remove", "userId": "u", "groupName": "g"}, ("DELETE", "/groups/g/users/u", None)),
        ({"action": "add", "connectionId": "c", "groupName": "g"}, ("PUT", "/groups/g/connections/c", None)),
        ({"action": "removeAll", "userId": "u"}, ("DELETE", "/users/u/groups", None)),
    ],
)
def test_items_become_rest_calls(item: dict[str, Any], call: tuple[str, str, Any]) -> None:
    assert rest_call(item) == call


@pytest.mark.parametrize(
    "item",
    [{}, {"arguments": []}, {"action": "add", "userId": "u"}, {"action": "add", "groupName": "g"}, {"action": "jump"}],
)
def test_malformed_items_are_refused(item: dict[str, Any]) -> None:
    with pytest.raises(InvocationError):
        rest_call(item)


async def test_a_client_gets_the_url_of_its_hub_and_a_token_for_it() -> None:
    user = parse_template("{headers.x-user}")
    datum = await SignalRConnectionInfo(_CONNECTION, parse_template("Chat"), user).read({"headers": {"x-user": "ada"}})
    info = json.loads(datum.value)
    claims = _claims(info["accessToken"])
    assert info["url"] == claims["aud"] == "https://h.service.signalr.net/client/?hub=chat"
    assert claims["asrs.s.uid"] == "ada"
    assert claims["exp"] - claims["iat"] == 3600


async def test_a_client_without_the_users_header_gets_none() -> None:
    binding = SignalRConnectionInfo(_CONNECTION, parse_template("chat"), parse_template("{headers.x-user}"))
    with pytest.raises(InvocationError, match="x-user"):
        await binding.read({"headers": {}})


async def test_each_item_of_a_list_is_sent() -> None:
    sent: list[tuple[str, str, Any]] = []

    class Sender(SignalRSender):
        async def send(self, connection: SignalRConnection, method: str, url: str, body: Any) -> None:
            sent.append((method, url, body))

    items = [{"target": "t", "arguments": []}, {"action": "add", "userId": "u", "groupName": "g"}]
    await SignalROutput(Sender(), _CONNECTION, parse_template("chat")).write(Datum(json.dumps(items), "string"), {})
    base = "https://h.service.signalr.net/api/v1/hubs/chat"
    assert [(m, u) for m, u, _ in sent] == [("POST", base), ("PUT", f"{base}/groups/g/users/u")]


def test_connection_strings_are_parsed_and_the_key_is_never_shown() -> None:
    connection = parse_connection("Endpoint=http://localhost/;AccessKey=a=b;Version=1.0;Port=8888", where="s")
    assert connection == SignalRConnection("http://localhost:8888", "a=b")
    assert "a=b" not in repr(connection)


def test_a_connection_string_without_a_key_is_refused() -> None:
    with pytest.raises(HostError, match="AccessKey"):
        parse_connection("Endpoint=http://localhost", where="s")
