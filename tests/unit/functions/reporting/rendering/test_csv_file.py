"""CSV: what is written reads back as the very same values."""

import csv
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.reporting.rendering.csv_file import write_csv
from functions.reporting.rendering.result import ResultTable

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
rows = st.lists(
    st.tuples(texts, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)),
    min_size=1,
    max_size=10,
)


def csv_text(frame: pl.DataFrame) -> str:
    with TemporaryDirectory() as folder:
        frame.write_parquet(Path(folder, "r.parquet"))
        write_csv(ResultTable(Path(folder, "r.parquet")), Path(folder, "r.csv"))
        return Path(folder, "r.csv").read_bytes().decode("utf-8")


@settings(max_examples=40, deadline=None)
@given(rows)
def test_texts_and_numbers_read_back_exactly(values: list[tuple[str, int, float]]) -> None:
    frame = pl.DataFrame(values, schema={"t": pl.String, "n": pl.Int64, "x": pl.Float64}, orient="row")
    read = list(csv.reader(csv_text(frame).splitlines(keepends=True)))
    assert read[0] == ["t", "n", "x"]
    assert [(t, int(n), float(x)) for t, n, x in read[1:]] == values


def test_the_header_has_the_columns_and_lines_end_as_rfc_4180_says() -> None:
    assert csv_text(pl.DataFrame({"carrier": ["9E"], "mean": [0.1]})) == "carrier,mean\r\n9E,0.1\r\n"


def test_quotes_commas_and_line_ends_are_quoted() -> None:
    assert (
        csv_text(pl.DataFrame({"a": ['say "hi", you', "two\nlines"]})) == 'a\r\n"say ""hi"", you"\r\n"two\nlines"\r\n'
    )


def test_an_absent_value_differs_from_an_empty_text() -> None:
    assert csv_text(pl.DataFrame({"a": ["", None], "b": [1, None]})) == 'a,b\r\n"",1\r\n,\r\n'


def test_dates_and_times_are_iso_8601() -> None:
    frame = pl.DataFrame({"d": [date(2013, 1, 2)], "t": [datetime(2013, 1, 2, 3, 4, 5, 250000)]})  # noqa: DTZ001
    assert csv_text(frame) == "d,t\r\n2013-01-02,2013-01-02T03:04:05.250\r\n"


def test_a_result_without_rows_still_has_its_header() -> None:
    assert csv_text(pl.DataFrame(schema={"a": pl.Int64, "b": pl.String})) == "a,b\r\n"
