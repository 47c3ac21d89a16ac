"""The platform's API through the edge, as any client would use it."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from local.demo.errors import DemoError, Refused


class Api:
    """One client's calls, all in one trace. Use as an async context manager."""

    def __init__(self, edge_url: str, client_id: str, client_secret: str) -> None:
        self._edge_url = edge_url
        self._credentials = aiohttp.encode_basic_auth(client_id, client_secret)
        self._session: aiohttp.ClientSession | None = None
        self._token = ""
        self.trace_id = secrets.token_hex(16)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def log_in(self) -> None:
        """Get an access token by client credentials. Raises Refused."""
        form = {"grant_type": "client_credentials"}
        headers = {**self._headers(), "Authorization": self._credentials}
        answer = await self._send("POST", "/identity/oauth2/token", data=form, headers=headers)
        self._token = orjson.loads(answer)["access_token"]

    async def call(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        """The answer's JSON, None when empty. Raises Refused for a problem."""
        answer = await self.raw(method, path, json, **options)
        return orjson.loads(answer) if answer else None

    async def raw(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
        key: str | None = None,
        params: dict[str, str] | None = None,
    ) -> bytes:
        """The answer's bytes. Raises Refused for a problem."""
        body = orjson.dumps(json) if json is not None else content
        headers = {**self._headers(), "Authorization": f"Bearer {self._token}"}
        if body is not None:
            headers["Content-Type"] = content_type
        if key:
            headers["Idempotency-Key"] = key
        return await self._send(method, path, data=body, headers=headers, params=params)

    async def upload(self, url: str, content: bytes) -> None:
        """Put a blob at an upload address that the platform gave. Raises DemoError."""
        session = self._open()
        async with session.put(url, data=content, headers={"x-ms-blob-type": "BlockBlob"}) as response:
            if response.status != 201:
                raise DemoError(f"the upload was refused with status {response.status}")

    async def download(self, path: str, to: Path) -> None:
        """Store an answer's bytes in a file, whole or not at all."""
        part = to.with_suffix(to.suffix + ".part")
        part.write_bytes(await self.raw("GET", path))
        part.replace(to)

    def _headers(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.trace_id}-{secrets.token_hex(8)}-01"}

    async def _send(self, method: str, path: str, **options: Any) -> bytes:
        try:
            async with self._open().request(method, self._edge_url + path, **options) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemoError(f"the edge at {self._edge_url} did not answer ({type(error).__name__})") from error
        if response.status >= 400:
            raise Refused(response.status, _problem(answer))
        return answer

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use Api as an async context manager")
        return self._session


def _problem(answer: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {"title": answer[:200].decode("utf-8", "replace")}
    return document if isinstance(document, dict) else {}
