"""A local SMTP sink: takes every message, keeps it as an .eml file, sends nothing on."""

import argparse
import asyncio
import contextlib
import itertools
import signal
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

MAX_MESSAGE_BYTES = 33_554_432


class MailSink:
    """Keeps messages in `folder`, named by the time of their arrival, so that names sort by it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook for a whole message; answers 250 once the file is there."""
        content = envelope.content
        data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else bytes(content or b"")
        await asyncio.to_thread(self.keep, data, str(envelope.mail_from), [str(to) for to in envelope.rcpt_tos])
        return "250 OK"

    def keep(self, data: bytes, sender: str, recipients: list[str]) -> Path:
        """Write one message, with its envelope in headers of its own, and give the file."""
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() % 10**9:09d}-{next(self._numbers)}"
        envelope = f"X-Envelope-From: {sender}\r\nX-Envelope-To: {', '.join(recipients)}\r\n".encode()
        partial = self.folder / f"{name}.partial"
        partial.write_bytes(envelope + data)
        return partial.rename(self.folder / f"{name}.eml")


async def serve(folder: Path, port: int, host: str = "127.0.0.1") -> asyncio.Server:
    """Start the sink; close the server to stop it."""
    folder.mkdir(parents=True, exist_ok=True)
    sink = MailSink(folder)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(sink, hostname="localhost", data_size_limit=MAX_MESSAGE_BYTES, loop=loop), host, port
    )


async def _run(folder: Path, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await serve(folder, port)
    await stop.wait()
    server.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.wait_closed(), 1)


def main() -> None:
    """`python -m local.mail --folder DIR --port N`: runs until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m local.mail", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the .eml files are kept")
    parser.add_argument("--port", type=int, default=2525)
    arguments = parser.parse_args()
    asyncio.run(_run(arguments.folder, arguments.port))


if __name__ == "__main__":
    main()
