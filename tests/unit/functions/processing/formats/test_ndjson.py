"""JSON lines become typed columns, and a line that is none is named by its row."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.processing.formats.ndjson import NdJson
from functions.processing.parsing.conversion import Kind
from functions.processing.parsing.structure import MalformedFile
from functions.processing.schemas import WorkPlan

scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text())
records = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), scalars, min_size=1), min_size=1, max_size=20)


def source(content: bytes, chunk_bytes: int = 4096) -> NdJson:
    async def read(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    return NdJson(read, len(content), chunk_bytes=chunk_bytes)


async def planned(file: NdJson, kinds: dict[str, Kind] | None = None) -> WorkPlan:
    layout = await file.lay_out(kinds)
    named = {name: kind.value for name, kind in layout.kinds.items()}
    return WorkPlan(dataset="d", null_values=(), kinds=named, total_bytes=0, chunks=layout.chunks, format="ndjson")


@given(rows=records, chunk_bytes=st.integers(600, 900))
async def test_every_value_arrives_typed_and_none_is_lost(rows: list[dict[str, object]], chunk_bytes: int) -> None:
    lines = []
    for row in rows:
        try:
            lines.append(orjson.dumps(row))
        except TypeError:  # integers beyond 64 bits, which JSON has and orjson does not write
            lines.append(repr(row).encode() if False else orjson.dumps({key: str(value) for key, value in row.items()}))
    file = source(b"\n".join(lines) + b"\n", chunk_bytes)
    plan = await planned(file)
    assert plan.rows == len(rows)
    for chunk in plan.chunks:
        converted = await file.converted(chunk, plan)
        assert not converted.bad.any()
        for line, typed in zip(converted.lines or (), converted.typed.iter_rows(named=True), strict=True):
            for name, value in orjson.loads(line).items():
                assert (typed[name] is None) == (value is None)


async def test_kinds_widen_over_records_and_nested_values_become_json() -> None:
    file = source(b'{"i":1,"n":1,"s":1,"o":{"b":1}}\n{"i":2,"n":0.5,"s":"x","o":[1],"late":true}\n')
    plan = await planned(file)
    assert plan.kinds == {"i": "integer", "n": "number", "s": "string", "o": "string", "late": "boolean"}
    rows = (await file.rows(plan.chunks[0], plan, ("i", "n", "s", "o", "late"))).rows()
    assert rows == [(1, 1.0, "1", '{"b":1}', None), (2, 0.5, "x", "[1]", True)]


async def test_a_value_of_another_kind_than_the_schema_says_is_bad_and_the_line_goes_to_the_check() -> None:
    file = source(b'{"i":"x"}\n{"i":2.0}\n{"i":null}\n')
    plan = await planned(file, {"i": Kind.INTEGER})
    converted = await file.converted(plan.chunks[0], plan)
    assert converted.bad.to_list() == [True, False, False]
    assert converted.typed["i"].to_list() == [None, 2, None]
    assert converted.lines is not None
    assert converted.lines[0] == b'{"i":"x"}'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b'{"a":1}\n{"a":\n', "row 2 is not JSON"),
        (b'{"a":1}\n[1]\n', "row 2 is not a JSON object"),
        (b"\xff\xfe\n", "row 1 is not JSON"),
        (b'{"a":"' + b"x" * 5000 + b'"}\n{}', "row 1 is longer"),
    ],
)
async def test_what_is_no_file_of_json_lines_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=message):
        await source(content).lay_out()
