"""Records in rows and back."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from functions.monitoring.packing import COLUMN_BYTES, COLUMNS, pack, unpack
from functions.monitoring.records import LogRecord

records = st.builds(
    LogRecord,
    trace_id=st.text("0123456789abcdef", min_size=32, max_size=32),
    span_id=st.none(),
    service=st.text(),
    time_ns=st.integers(0, 2**63),
    severity=st.just("info"),
    body=st.text(),
    attributes=st.dictionaries(st.text(), st.integers(-(2**53), 2**53) | st.text() | st.lists(st.booleans())),
)


@given(st.lists(records, max_size=20))
def test_what_is_packed_comes_out_again(batch: list[LogRecord]) -> None:
    assert [each for row in pack(batch) for each in unpack(row.columns, LogRecord)] == batch


def test_what_does_not_fit_one_row_goes_in_several() -> None:
    random = Random(1)
    batch = [
        LogRecord("0" * 32, None, "s", n, "info", "".join(chr(random.randrange(33, 1000)) for _ in range(1_000)))
        for n in range(1_000)
    ]
    rows = pack(batch)
    assert len(rows) > 1
    assert all(len(column) <= COLUMN_BYTES for row in rows for column in row.columns.values())
    assert all(len(row.columns) <= COLUMNS for row in rows)
    assert [each for row in rows for each in unpack(row.columns, LogRecord)] == batch
