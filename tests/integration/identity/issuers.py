"""Two other issuers on this machine, over real HTTP: a Kubernetes cluster's, and one that plays Microsoft Entra ID."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from time import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import RSAKey

ACME_TID, RIVAL_TID, STRANGER_TID = (f"{n * 11111111}-aaaa-4bbb-8ccc-000000000000" for n in (1, 2, 3))
ENTRA_AUDIENCE, ENTRA_CLIENT = "api://platform", "5a1e0c4e-0000-4000-8000-00000000c11e"
ANALYSTS = "9a9a9a9a-0000-4000-8000-00000000a4a1"


@dataclass
class Issuer:
    """Serves discovery, keys, and (as Entra ID) sign-ins without asking anyone."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "outside", "use": "sig"}))
    asked: list[str] = field(default_factory=list)
    sign_ins: dict[str, dict[str, str]] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)

    def token(self, key: RSAKey | None = None, **claims: Any) -> str:
        """A token; a claim given as None is left out."""
        now = int(time())
        told = {"iat": now, "nbf": now, "exp": now + 600, "jti": uuid4().hex, **claims}
        return jwt.encode(
            {"alg": "RS256", "typ": "JWT", "kid": (key or self.key).kid or "outside"},
            {name: value for name, value in told.items() if value is not None},
            key or self.key,
        )

    def entra_issuer(self, tid: str) -> str:
        return f"{self.url}/{tid}/v2.0"

    def entra_token(self, of: str = ACME_TID, key: RSAKey | None = None, **claims: Any) -> str:
        """A v2.0 access token of a user."""
        told = {
            "iss": self.entra_issuer(of),
            "aud": ENTRA_AUDIENCE,
            "tid": of,
            "oid": "ada-oid",
            "sub": "pairwise-of-ada",
            "azp": "some-app",
            "scp": "access_as_user",
            "ver": "2.0",
            "uti": uuid4().hex,
            "name": "Ada",
        }
        return self.token(key, **{**told, **claims})

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path.partition("?")[0])
        base, _, rest = path.partition("/.well-known/")
        if rest == "openid-configuration":
            issuer = self.url + base
            tenant = issuer.removesuffix("/v2.0")
            return _json(
                {
                    "issuer": issuer,
                    "jwks_uri": f"{self.url}/keys",
                    "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{tenant}/oauth2/v2.0/token",
                }
            )
        if path == "/keys":
            return _json({"keys": [self.key.as_dict(private=False)]})
        if "/authorize?" in path:
            query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
            code = uuid4().hex
            self.sign_ins[code] = query
            back = f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
            return 302, {"Location": back}, b""
        if method == "POST" and path.endswith("/token"):
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            asked = self.sign_ins.pop(form["code"])
            told = {"aud": ENTRA_CLIENT, "scp": None, "nonce": asked["nonce"], **self.user}
            return _json({"id_token": self.entra_token(**told)})
        return 404, {}, b""


@contextmanager
def served_issuer() -> Iterator[Issuer]:
    """An issuer on a free port."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, headers, answer = issuer.answer(self.command, self.path, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _handle  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield issuer
    server.shutdown()
    thread.join()


def _json(value: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, dumps(value).encode()
