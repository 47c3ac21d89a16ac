"""Who gets what at `/monitoring/metrics`."""

import pytest

from functions.monitoring.front import is_query

TOKEN = b"authorization"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, False),
        ({b"accept": b"application/json"}, False),
        ({TOKEN: b"Bearer x"}, True),
        ({TOKEN: b"Bearer x", b"accept": b"*/*"}, True),
        ({TOKEN: b"Bearer x", b"accept": b"text/plain;version=0.0.4"}, False),
        ({TOKEN: b"Bearer x", b"accept": b"application/openmetrics-text;version=1.0.0,text/plain"}, False),
    ],
)
def test_a_scraper_gets_text_and_a_caller_with_a_token_the_latest_values(
    headers: dict[bytes, bytes], query: bool
) -> None:
    assert is_query(headers) is query
