import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from azure.functions.meta import Datum

from funchost.bindings.table import TableOutput, entity_json
from funchost.errors import InvocationError
from funchost.expressions import parse_template
from funchost.storage import StorageConnections


def _output() -> TableOutput:
    return TableOutput(
        StorageConnections(),
        connection="x",
        table_name=parse_template("t"),
        partition_key=parse_template("{tenant}"),
        row_key=None,
    )


def test_entities_become_plain_json() -> None:
    entity = {
        "PartitionKey": "p",
        "n": 5,
        "when": datetime(2026, 1, 1, tzinfo=UTC),
        "raw": b"\xff",
        "id": UUID(int=1),
        "Timestamp": "x",
    }
    assert json.loads(json.dumps(entity_json(entity))) == {
        "PartitionKey": "p",
        "n": 5,
        "when": "2026-01-01T00:00:00+00:00",
        "raw": "/w==",
        "id": "00000000-0000-0000-0000-000000000001",
    }


def test_the_bindings_keys_fill_in_what_an_entity_lacks() -> None:
    datum = Datum('[{"RowKey": "1"}, {"PartitionKey": "own", "RowKey": "2"}]', "string")
    entities = _output()._entities(datum, {"tenant": "acme"})
    assert [e["PartitionKey"] for e in entities] == ["acme", "own"]


@pytest.mark.parametrize("text", ["not json", '{"no": "row key"}'])
def test_what_is_no_entity_is_refused(text: str) -> None:
    with pytest.raises(InvocationError, match=r"table"):
        _output()._entities(Datum(text, "string"), {"tenant": "acme"})
