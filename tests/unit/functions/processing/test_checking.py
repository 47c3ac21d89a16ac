"""Every record of a chunk is checked once, as the schema is to see it."""

from typing import Any

import orjson
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from functions.processing import checking
from functions.processing.checking import Fault, batches, faults
from functions.processing.parsing.conversion import Kind, convert

texts = st.lists(st.tuples(st.sampled_from(["1", "-7", "abc", None]), st.text(max_size=5)), min_size=1, max_size=20)


def chunk_of(rows: list[tuple[str | None, str]]) -> Any:
    frame = pl.DataFrame(rows, schema={"i": pl.String, "s": pl.String}, orient="row")
    return convert(frame, {"i": Kind.INTEGER})


@given(rows=texts, batch_bytes=st.sampled_from([40, 200, 10_000]))
def test_each_row_is_in_one_batch_as_it_is(rows: list[tuple[str | None, str]], batch_bytes: int) -> None:
    former, checking.BATCH_BYTES = checking.BATCH_BYTES, batch_bytes
    try:
        found = {}
        for batch in batches(chunk_of(rows)):
            items = orjson.loads(batch.body)["items"]
            assert len(items) == len(batch.rows)
            assert len(batch.body) <= batch_bytes or len(items) == 1
            found.update(zip(batch.rows, items, strict=True))
    finally:
        checking.BATCH_BYTES = former
    numbers = {"1": 1, "-7": -7}
    assert [found[n] for n in range(len(rows))] == [
        {"i": None if i is None else numbers.get(i, i), "s": s} for i, s in rows
    ]


async def test_faults_are_told_by_their_row_in_the_chunk_and_in_order() -> None:
    async def check(body: bytes, key: str) -> list[dict[str, Any]]:
        items = orjson.loads(body)["items"]
        wrong = [n for n, item in enumerate(items) if item["i"] in ("abc", 9)]
        return [{"index": n, "field": "/i", "reason": key} for n in wrong]

    progressed: list[int] = []

    async def progress(rows: int) -> None:
        progressed.append(rows)

    chunk = chunk_of([("1", ""), ("abc", ""), ("9", ""), ("2", ""), ("abc", "")])
    found = await faults(chunk, check, "chunk", progress)
    assert found == [Fault(1, "/i", "chunk-1"), Fault(2, "/i", "chunk-0"), Fault(4, "/i", "chunk-1")]
    assert progressed == [3, 2]
