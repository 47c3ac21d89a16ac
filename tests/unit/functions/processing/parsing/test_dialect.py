"""The dialect of a delimited file is found from its first records."""

import pytest

from functions.processing.parsing.dialect import Dialect, detect


@pytest.mark.parametrize(
    ("block", "delimiter", "quote"),
    [
        (b"a,b\n1,2\n", ",", '"'),
        (b"a;b;c\n1,5;2;3\n2,5;3;4\n", ";", '"'),
        (b"a\tb\n1\t2\n", "\t", '"'),
        (b"a|b\n1|x, y\n2|z\n", "|", '"'),
        (b'a;b\n"1;2";3\n"4";5\n', ";", '"'),
        (b"a,b\n'1,2',3\n'4',5\n", ",", "'"),
        (b"a;b\n1;it's\n2;x\n", ";", '"'),
        (b"\xef\xbb\xbfa;b\n1;2\n", ";", '"'),
        (b"only\n1\n", ",", '"'),
        (b"a,b\n1\n", ",", '"'),
        (b"", ",", '"'),
        (b'a;b\n1;2\n3;"cut off', ";", '"'),
    ],
)
def test_the_dialect_with_the_most_equal_fields_is_taken(block: bytes, delimiter: str, quote: str) -> None:
    assert detect(block) == Dialect.model_validate({"delimiter": delimiter, "quote": quote})
