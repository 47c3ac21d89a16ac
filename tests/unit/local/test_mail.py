"""The SMTP sink's store."""

from email import message_from_bytes
from pathlib import Path

from local.mail import MailSink


def test_a_message_is_kept_whole_with_its_envelope(tmp_path: Path) -> None:
    file = MailSink(tmp_path).keep(b"Subject: hi\r\n\r\nbody\r\n", "a@example.com", ["b@example.com", "c@example.com"])
    message = message_from_bytes(file.read_bytes())
    assert message["Subject"] == "hi"
    assert message["X-Envelope-To"] == "b@example.com, c@example.com"
    assert message.get_payload() == "body\r\n"


def test_names_sort_by_arrival_and_never_collide(tmp_path: Path) -> None:
    sink = MailSink(tmp_path)
    files = [sink.keep(b"\r\n", "a@example.com", []) for _ in range(200)]
    assert len({file.name for file in files}) == 200
