"""HTTP/1.1 connections with the limits of Kestrel, on which the official host listens.

Whoever sends too much before the body, or too slowly, is given up on.

Defaults of Kestrel: https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/options (Limits).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

LINE_BYTES = 8_192
"""MaxRequestLineSize, of which all but the address is forgotten here."""
HEADERS_BYTES = 32_768
"""MaxRequestHeadersTotalSize."""
HEADERS_WITHIN_S = 30.0
"""RequestHeadersTimeout, from the first byte to the last header."""
BODY_BYTES_PER_S, BODY_GRACE_S = 240, 5.0
"""MinRequestBodyDataRate."""
_CHECK_EVERY_S = 1.0


class Connection(HttpToolsProtocol):
    """One connection. A request that arrives whole, in one read, costs no timer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client that says nothing is waited for as long as one that has been answered."""
        super().connection_made(transport)
        self._in_head, self._head_bytes, self._refusal = True, 0, 400
        self._body_bytes, self._body_since = 0, 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what is still incomplete after that is on the clock."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._head_bytes > LINE_BYTES + HEADERS_BYTES:
            self._refuse(431)
        elif self._timer is None and self._in_head and self._head_bytes:
            self._timer = self.loop.call_later(HEADERS_WITHIN_S, self._refuse, 408)
        elif self._timer is None and not self._in_head:
            self._time_body(BODY_GRACE_S)

    def on_headers_complete(self) -> None:
        """The head is there: begin the request, unless it is too large."""
        self._stop_timer()
        self._in_head = False
        if len(self.url) > LINE_BYTES:
            self._refusal = 414
        elif sum(len(name) + len(value) + 4 for name, value in self.headers) > HEADERS_BYTES:
            self._refusal = 431
        if self._refusal != 400:
            raise ValueError("the head is too large")  # the parser stops, and send_400_response is called
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there; the next one may follow."""
        self._stop_timer()
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What can't be parsed is a 400, what is too large has a status of its own."""
        if self._refusal == 400:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def _time_body(self, wait_s: float) -> None:
        self._body_bytes, self._body_since = 0, self.loop.time()
        self._timer = self.loop.call_later(wait_s, self._check_body)

    def _check_body(self) -> None:
        if self.flow.read_paused:  # it is the app that is slow
            self._time_body(BODY_GRACE_S)
        elif self._body_bytes < BODY_BYTES_PER_S * (self.loop.time() - self._body_since):
            self._refuse(408)
        else:
            self._timer = self.loop.call_later(_CHECK_EVERY_S, self._check_body)

    def _refuse(self, status: int) -> None:
        self._stop_timer()
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        answering = cycle is not None and cycle.response_started and not cycle.response_complete
        if not answering:
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
