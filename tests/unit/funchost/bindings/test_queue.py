import json

import azure.functions as func
import pytest
from azure.functions.meta import Datum

from funchost.bindings.queue import message_bodies
from funchost.converters import converter_for


@pytest.mark.parametrize(
    ("value", "bodies"),
    [
        ("text", [b"text"]),
        (b"\xff", [b"\xff"]),
        (["a", "b"], [b"a", b"b"]),
        ([], []),
        (func.QueueMessage(id="x", body="one"), [b"one"]),
        ([func.QueueMessage(body="one"), "two"], [b"one", b"two"]),
        ('{"id": 1}', [b'{"id": 1}']),
    ],
)
def test_whatever_the_converter_takes_is_sent(value: object, bodies: list[bytes]) -> None:
    datum = converter_for("queue").encode(value, expected_type=None)
    assert datum is not None
    assert message_bodies(datum) == bodies


def test_objects_in_a_list_are_sent_as_json() -> None:
    assert [json.loads(b) for b in message_bodies(Datum('[{"a": 1}]', "json"))] == [{"a": 1}]
