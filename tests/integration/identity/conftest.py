"""Edge, identity and one service as real processes, beside an issuer that plays Kubernetes and Microsoft Entra ID."""

import asyncio
import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.auth.service_token import ASSERTION_TYPE
from functions.identity.sessions.session import challenge_of
from local.platform import Platform
from tests.integration.identity.issuers import (
    ACME_TID,
    ENTRA_AUDIENCE,
    ENTRA_CLIENT,
    RIVAL_TID,
    Issuer,
    served_issuer,
)

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SERVICES = ("gateway", "identity", "metadata")


@dataclass
class Running:
    """A running platform and what a test asks of it."""

    platform: Platform
    issuer: Issuer

    @property
    def edge(self) -> str:
        return self.platform.edge_url

    @property
    def state(self) -> Path:
        return self.platform.layout.state_dir

    def url(self, service: str) -> str:
        return self.platform.urls[service]

    def credentials(self, name: str) -> tuple[str, str]:
        found = json.loads((self.state / f"{name}-client.json").read_text())
        return found["clientId"], found["clientSecret"]

    def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {})) | ({"authorization": f"Bearer {token}"} if token else {})
        return httpx.request(method, options.pop("base", self.edge) + path, headers=headers, timeout=15, **options)

    def token_answer(self, auth: Any = None, base: str | None = None, **form: str) -> httpx.Response:
        return httpx.post(
            f"{base or self.edge}/identity/oauth2/token", data=form, auth=auth or httpx.USE_CLIENT_DEFAULT, timeout=15
        )

    def token(self, name: str = "demo", **form: str) -> str:
        answer = self.token_answer(self.credentials(name), grant_type="client_credentials", **form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def service_token(self, service: str, **form: str) -> str:
        answer = self.token_answer(
            base=self.url("identity"),
            grant_type="client_credentials",
            client_assertion_type=ASSERTION_TYPE,
            client_assertion=self.assertion(service),
            **form,
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def assertion(self, service: str, key: ECKey | None = None, **claims: Any) -> str:
        signer = key or ECKey.import_key(json.loads((self.state / "keys" / f"{service}.jwk").read_text()))
        now, name = int(time()), f"svc-{service}"
        told = {"iss": name, "sub": name, "aud": f"{self.edge}/identity", "jti": uuid4().hex, "iat": now}
        return jwt.encode({"alg": "ES256"}, {**told, "exp": now + 60, **claims}, signer)

    def exchange(self, subject_token: str, name: str = "demo", **form: str) -> httpx.Response:
        form = {"subject_token_type": ACCESS_TOKEN, **form}
        return self.token_answer(self.credentials(name), grant_type=EXCHANGE, subject_token=subject_token, **form)


@dataclass
class Browser:
    """A user's browser at the console's sign-in. `verifier` is the console's, `base` where identity is reached."""

    running: Running
    base: str = ""
    verifier: str = "v" * 43

    def __post_init__(self) -> None:
        self.base = self.base or self.running.edge
        self.client = httpx.Client(timeout=15)

    @property
    def redirect_uri(self) -> str:
        return f"{self.running.edge}/console/callback"

    def request(self, **changes: str | None) -> dict[str, str]:
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "console",
            "redirect_uri": self.redirect_uri,
            "scope": "openid metadata.read metadata.write",
            "state": "abc",
            "nonce": "n-1",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**asked, **changes}.items() if value is not None}

    def authorize(self, **changes: str | None) -> httpx.Response:
        return self.client.get(f"{self.base}/identity/oauth2/authorize", params=self.request(**changes))

    def submit(self, page: httpx.Response, user: str = "", password: str = "") -> httpx.Response:
        login = json.loads((self.running.state / "console-login.json").read_text())
        ticket = page.text.split('name="ticket" value="')[1].split('"')[0]
        form = {"ticket": ticket, "user": user or login["userName"], "password": password or login["password"]}
        return self.client.post(f"{self.base}/identity/login", data=form)

    def code(self, **changes: str | None) -> str:
        """Sign in and give the code."""
        return answered(self.submit(self.authorize(**changes)))["code"]

    def redeem(self, code: str, **changes: str) -> httpx.Response:
        form = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": self.verifier, "client_id": "console"}
        return self.running.token_answer(base=self.base, grant_type="authorization_code", **{**form, **changes})

    def refresh(self, refresh_token: str, **changes: str) -> httpx.Response:
        form = {"refresh_token": refresh_token, "client_id": "console"}
        return self.running.token_answer(base=self.base, grant_type="refresh_token", **{**form, **changes})


def answered(response: httpx.Response) -> dict[str, str]:
    """The parameters that a redirect carries back to the client."""
    assert response.status_code == 303, response.text[-500:]
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


def basic(client_id: str, secret: str) -> str:
    return "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()


def unguessable() -> str:
    return sha256(token_urlsafe().encode()).hexdigest()


def started(folder: Path, issuer: Issuer, **environment: str) -> "Iterator[Running]":
    """A platform with its own event loop in a thread, so that tests may block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    settings = {
        "PLATFORM_FEDERATION_ALLOW_PRIVATE": "true",
        "PLATFORM_ENTRA_AUTHORITY": issuer.url,
        "PLATFORM_ENTRA_AUDIENCE": ENTRA_AUDIENCE,
        "PLATFORM_ENTRA_TENANTS": json.dumps({ACME_TID: "demo", RIVAL_TID: "rival"}),
        "PLATFORM_SIGNING_KEY_KNOWN_AFTER_S": "0",
        **environment,
    }
    platform = Platform(state_dir=folder, free_ports=True, services=SERVICES, environment=settings)
    asyncio.run_coroutine_threadsafe(platform.__aenter__(), loop).result(120)
    try:
        yield Running(platform, issuer)
    finally:
        asyncio.run_coroutine_threadsafe(platform.__aexit__(None, None, None), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with served_issuer() as found:
        yield found


@pytest.fixture(scope="session")
def running(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One platform for all tests of identity; users sign in with the development login."""
    yield from started(tmp_path_factory.mktemp("identity"), issuer)


@pytest.fixture
def browser(running: Running) -> Browser:
    return Browser(running)


__all__ = ["ENTRA_CLIENT", "Browser", "Running"]


@pytest.fixture(params=["at the edge", "straight at identity"])
def base(request: pytest.FixtureRequest, running: Running) -> str:
    """Where identity is asked."""
    return running.edge if request.param == "at the edge" else running.url("identity")
