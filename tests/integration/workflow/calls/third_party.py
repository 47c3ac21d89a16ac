"""A service of somebody else on this machine: it echoes, challenges, gives tokens, and fails when told to."""

import asyncio
import hashlib
import re
from base64 import b64encode
from typing import Any

from aiohttp import web

USER, PASSWORD, TOKEN, CLIENT_SECRET = "reader", "pässword:secret", "canary-token-7b1c", "canary-client-secret-93fa"


class ThirdParty:
    """What was asked, and how it is answered."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self.tokens: list[dict[str, Any]] = []
        self.valid: set[str] = {TOKEN}
        self.release = asyncio.Event()
        self.documents: dict[str, str] = {}
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen = {"method": request.method, "path": request.path_qs, "headers": dict(request.headers), "body": body}
        self.requests.append(seen)
        if self.failures:
            return web.json_response({"title": "Not now"}, status=self.failures.pop(0))
        handler = getattr(self, "get_" + request.path.strip("/").split("/")[0].replace("-", "_"), None)
        if handler is not None:
            return await handler(request, body)  # type: ignore[no-any-return]
        if request.path in self.documents:
            return web.Response(text=self.documents[request.path], content_type="text/plain")
        return web.json_response({**seen, "body": body.decode("utf-8", "replace")})

    async def get_text(self, request: web.Request, _: bytes) -> web.Response:
        return web.Response(body="grüß".encode("latin-1"), headers={"content-type": "text/plain; charset=iso-8859-1"})

    async def get_binary(self, request: web.Request, _: bytes) -> web.Response:
        return web.Response(body=bytes(range(4)), content_type="application/octet-stream")

    async def get_broken(self, request: web.Request, _: bytes) -> web.Response:
        return web.Response(text="{", content_type="application/json")

    async def get_large(self, request: web.Request, _: bytes) -> web.Response:
        return web.json_response({"text": "x" * 2_000_000})

    async def get_moved(self, request: web.Request, _: bytes) -> web.Response:
        return web.Response(status=302, headers={"location": "/there"})

    async def get_wait(self, request: web.Request, _: bytes) -> web.Response:
        await self.release.wait()
        return web.json_response({"waited": True})

    async def get_status(self, request: web.Request, _: bytes) -> web.Response:
        return web.json_response({"title": "As asked"}, status=int(request.path.split("/")[2]))

    async def get_basic(self, request: web.Request, _: bytes) -> web.Response:
        wanted = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return web.json_response({"in": True}) if request.headers.get("authorization") == wanted else self._challenge()

    async def get_bearer(self, request: web.Request, _: bytes) -> web.Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and token in self.valid:
            return web.json_response({"in": True, "echo": token, "scopes": "read"})
        return self._challenge()

    async def get_digest(self, request: web.Request, _: bytes) -> web.Response:
        """RFC 7616 with SHA-256 and qop=auth, checked here from the text of the RFC."""
        header = request.headers.get("authorization", "")
        if not header.startswith("Digest "):
            challenge = 'Digest realm="r", qop="auth", algorithm=SHA-256, nonce="n0nce", opaque="o"'
            return web.Response(status=401, headers={"www-authenticate": challenge})
        found = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', header)}
        first = _sha(f"{USER}:r:plain-password")
        second = _sha(f"{request.method}:{request.path_qs}")
        wanted = _sha(f"{first}:n0nce:{found['nc']}:{found['cnonce']}:auth:{second}")
        return web.json_response({"in": True}) if found["response"] == wanted else self._challenge()

    async def get_oauth2(self, request: web.Request, body: bytes) -> web.Response:
        """The token endpoint: the client proves itself by post, basic or nothing that we know."""
        fields = await request.post() if request.content_type != "application/json" else await request.json()
        basic = "Basic " + b64encode(f"wf:{CLIENT_SECRET}".encode()).decode()
        known = fields.get("client_secret") == CLIENT_SECRET or request.headers.get("authorization") == basic
        assertion = fields.get("client_assertion", "")
        if not known and not assertion:
            return web.json_response({"error": "invalid_client"}, status=401)
        token = f"issued-token-{len(self.tokens)}-{hashlib.sha1(body).hexdigest()[:8]}"
        self.tokens.append(dict(fields))
        self.valid.add(token)
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    async def get_realm(self, request: web.Request, _: bytes) -> web.Response:
        return web.json_response({"issuer": f"{self.url}/realm", "token_endpoint": f"{self.url}/oauth2/token"})

    def _challenge(self) -> web.Response:
        return web.json_response({"title": "Who are you?"}, status=401)

    def paths(self) -> list[str]:
        return [request["path"] for request in self.requests]


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
