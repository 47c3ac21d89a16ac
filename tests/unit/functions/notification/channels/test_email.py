"""The e-mail that is built."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from functions.notification.channels.email import build_email
from functions.notification.channels.message import Outgoing

OUTGOING = Outgoing(
    delivery_id="d1",
    message_id="m1",
    target="ada@example.org",
    subject="Report ready – 2013",
    body="First.\n\nSecond <b>line</b>",
    data={"rows": 185, "link": "<script>alert(1)</script>"},
    created_at=datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC),
)


def parsed(outgoing: Outgoing) -> EmailMessage:
    read = message_from_bytes(build_email(outgoing, "platform@example.com").as_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    return read


def test_it_has_a_text_and_an_html_part() -> None:
    parts = [part.get_content_type() for part in parsed(OUTGOING).iter_parts()]
    assert parts == ["text/plain", "text/html"]


def test_its_headers_survive_the_wire() -> None:
    mail = parsed(OUTGOING)
    assert mail["Subject"] == "Report ready – 2013"
    assert mail["To"] == "ada@example.org"
    assert mail["From"] == "platform@example.com"
    assert mail["Date"] == "Mon, 23 Nov 2026 01:02:03 +0000"


def test_the_message_id_and_all_headers_are_the_same_at_each_try() -> None:
    first, second = parsed(OUTGOING), parsed(OUTGOING)
    assert first["Message-ID"] == second["Message-ID"] == "<d1@example.com>"
    unlike = {name for name, value in first.items() if value != second[name]}
    assert unlike <= {"Content-Type"}


def test_people_s_text_is_escaped_in_html() -> None:
    html = parsed(OUTGOING).get_body(("html",))
    assert html is not None
    content = html.get_content()
    assert "<p>Second &lt;b&gt;line&lt;/b&gt;</p>" in content
    assert "<script>" not in content


def test_the_text_part_has_the_body_and_the_data() -> None:
    text = parsed(OUTGOING).get_body(("plain",))
    assert text is not None
    assert "Second <b>line</b>" in text.get_content()
    assert "rows: 185" in text.get_content()


@pytest.mark.parametrize("field", ["subject", "target"])
def test_a_line_break_never_becomes_a_header(field: str) -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline|carriage"):
        build_email(replace(OUTGOING, **{field: "a@b\r\nBcc: c@d"}), "platform@example.com")


def test_nested_data_reads_as_words() -> None:
    files = [{"format": "pdf", "bytes": 12}, {"format": "csv", "bytes": 3}]
    text = parsed(replace(OUTGOING, data={"files": files})).get_body(("plain",))
    assert text is not None
    assert "files: format pdf, bytes 12; format csv, bytes 3" in text.get_content()
