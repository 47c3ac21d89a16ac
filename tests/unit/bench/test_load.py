"""The load clients' reading of what comes back."""

import pytest

from bench.contest import BenchError
from bench.load import wrk_sample
from bench.load_client import answer_size, request_bytes

REPORT = """Running 1s test @ http://127.0.0.1:1/
  Latency Distribution
     50%  950.00us
     75%    1.20ms
     90%    1.50ms
     99%    4.70ms
  100 requests in 1.00s, 1.00MB read
{failures}Requests/sec:  17180.25
Transfer/sec:      1.00MB
"""


def test_wrk_tells_the_rate_and_latencies_in_milliseconds() -> None:
    sample = wrk_sample(REPORT.format(failures=""), "url")
    assert sample.value == 17180.25
    assert sample.details == pytest.approx({"p50 ms": 0.95, "p99 ms": 4.7})


@pytest.mark.parametrize(
    "failures", ["  Non-2xx or 3xx responses: 7\n", "  Socket errors: connect 0, read 1, write 0, timeout 0\n"]
)
def test_answers_that_failed_are_no_figure(failures: str) -> None:
    with pytest.raises(BenchError, match=r"responses|errors"):
        wrk_sample(REPORT.format(failures=failures), "url")


def test_an_answer_ends_with_its_content_length() -> None:
    answer = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello"
    assert answer_size(answer) == len(answer)
    assert answer_size(answer[:20]) is None


def test_an_answer_without_a_length_is_not_understood() -> None:
    with pytest.raises(ValueError, match="content-length"):
        answer_size(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")


def test_a_request_has_its_host_and_token() -> None:
    expected = b"GET /a HTTP/1.1\r\nhost: 127.0.0.1:81\r\nauthorization: Bearer t\r\n\r\n"
    assert request_bytes("http://127.0.0.1:81/a", "t") == expected
