"""Ranges of blobs, read straight into memory: the SDK takes six times the processor time of this for the same bytes.

A blob is read by its short-lived address (a SAS, as given to clients), over kept connections, from worker threads.
Get Blob, https://learn.microsoft.com/rest/api/storageservices/get-blob.
"""

import time
from collections import deque
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from chassis.errors import DependencyUnavailable
from chassis.storage.rows import RowChanged

TIMEOUT_S = 20.0
ATTEMPTS, BACKOFF_S = 3, 0.2
CONNECTIONS_KEPT = 8


class RangeReader:
    """Reads from one storage account; its methods may be called from several threads at once."""

    def __init__(self) -> None:
        # `deque` takes and gives atomically: no connection is ever used by two at once.
        self._idle: deque[HTTPConnection] = deque(maxlen=CONNECTIONS_KEPT)

    def read(self, url: str, offset: int, length: int, etag: str | None = None) -> bytes | None:
        """`length` bytes from `offset`, fewer at the end of the blob; None when there is no blob.

        Blocks. Raises RowChanged when the blob has another `etag`, DependencyUnavailable when storage can't be reached.
        """
        if length <= 0:
            return b""
        headers = {"Range": f"bytes={offset}-{offset + length - 1}", **({"If-Match": etag} if etag else {})}
        for attempt in range(1, ATTEMPTS + 1):
            status, body = self._ask(urlsplit(url), headers)
            if status in {200, 206}:
                return body
            if status == 404:
                return None
            if status == 412:
                raise RowChanged("the blob is another one by now")
            if status == 416:  # the blob ends before the range begins
                return b""
            if 400 <= status < 500:
                break
            if attempt < ATTEMPTS:
                time.sleep(BACKOFF_S * attempt)
        raise DependencyUnavailable("blob storage can't be reached" if status == 0 else f"blob storage gave {status}")

    def close(self) -> None:
        """Close the kept connections."""
        while self._idle:
            self._idle.pop().close()

    def _ask(self, url: SplitResult, headers: dict[str, str]) -> tuple[int, bytes]:
        """The answer; status 0 when there is none. A kept connection may have been closed meanwhile: then a new one."""
        try:
            kept = self._idle.pop()
        except IndexError:
            return self._try(_connection(url), url, headers)
        found = self._try(kept, url, headers)
        return found if found[0] else self._try(_connection(url), url, headers)

    def _try(self, connection: HTTPConnection, url: SplitResult, headers: dict[str, str]) -> tuple[int, bytes]:
        try:
            connection.request("GET", f"{url.path}?{url.query}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException):
            connection.close()
            return 0, b""
        if answer.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return answer.status, body


def _connection(url: SplitResult) -> HTTPConnection:
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    return kind(str(url.hostname), url.port, timeout=TIMEOUT_S)
