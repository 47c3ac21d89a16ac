"""Access tokens from OAuth 2.0 and OpenID Connect authorities (RFC 6749, 7521, 7523, 8693; OIDC Discovery 1.0)."""

import hashlib
import json
import time
from base64 import b64encode, urlsafe_b64decode
from collections import OrderedDict
from secrets import token_urlsafe
from typing import Any, Literal, Self
from urllib.parse import quote_plus, urlencode

from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.outgoing.client import OutgoingClient, OutgoingError, OutgoingRequest, OutgoingResponse
from durable.workflow.faults import Fault, spec_error

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DISCOVERY = "/.well-known/openid-configuration"
MARGIN_S = 30.0
"""A token is not used in its last seconds: it may end on its way."""

UNKNOWN_LIFE_S = 60.0
LONGEST_LIFE_S = 3600.0
MAX_BYTES = 262_144
TIMEOUT_S = 15.0
REMEMBERED = 1024


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Client(_Part):
    """Who asks, and how it proves itself."""

    id: str | None = None
    secret: str | None = None
    assertion: str | None = None
    authentication: Literal[
        "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"
    ] = "client_secret_post"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.authentication != "none" and self.id is None:
            raise ValueError("client.id is needed")
        if self.authentication == "private_key_jwt" and self.assertion is None:
            raise ValueError("client.assertion is needed")
        if self.authentication.startswith("client_secret") and self.secret is None:
            raise ValueError("client.secret is needed")
        return self


class Endpoints(_Part):
    """Where the authority gives tokens, below its own address."""

    token: str = "/oauth2/token"  # noqa: S105 - a path


class Encoding(_Part):
    """How a token is asked for."""

    encoding: Literal["application/x-www-form-urlencoded", "application/json"] = "application/x-www-form-urlencoded"


class SubjectToken(_Part):
    """A token to exchange."""

    token: str
    type: str


class TokenPolicy(_Part):
    """Everything that decides which token is given; equal policies share one."""

    authority: str
    grant: Literal["client_credentials", "password", "urn:ietf:params:oauth:grant-type:token-exchange"] = (
        "client_credentials"
    )
    discover: bool = False
    client: Client = Client(authentication="none")
    endpoints: Endpoints = Endpoints()
    request: Encoding = Encoding()
    issuers: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    subject: SubjectToken | None = None
    actor: SubjectToken | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.grant == "password" and (self.username is None or self.password is None):
            raise ValueError("the password grant needs username and password")
        if self.grant == EXCHANGE and self.subject is None:
            raise ValueError("a token exchange needs a subject")
        return self


class Tokens:
    """Gets tokens and keeps them until shortly before their end. Belongs to one event loop."""

    def __init__(self, client: OutgoingClient) -> None:
        self._client = client
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def get(self, tenant: str, policy: TokenPolicy) -> str:
        """A token for the policy. Raises Fault of the authentication type when none is given."""
        key = _key(tenant, policy)
        token, until = self._kept.get(key, ("", 0.0))
        if until > time.monotonic():
            return token
        answer = await self._ask(policy, await self._endpoint(policy))
        token = str(answer["access_token"])
        check_issuer(token, policy.issuers)
        self._keep(key, token, _life_s(answer.get("expires_in")))
        return token

    def forget(self, tenant: str, policy: TokenPolicy) -> None:
        """Get another token next time."""
        self._kept.pop(_key(tenant, policy), None)

    def _keep(self, key: str, token: str, life_s: float) -> None:
        self._kept[key] = (token, time.monotonic() + life_s - MARGIN_S)
        self._kept.move_to_end(key)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)

    async def _endpoint(self, policy: TokenPolicy) -> str:
        """The address that gives tokens; with OpenID Connect the authority's discovery document names it."""
        authority = policy.authority.rstrip("/")
        if not policy.discover:
            return authority + "/" + policy.endpoints.token.lstrip("/")
        issuer = authority.removesuffix(DISCOVERY)
        answer = await self._send(OutgoingRequest("GET", issuer + DISCOVERY, {"accept": "application/json"}))
        found = _json(answer)
        endpoint = found.get("token_endpoint")
        if answer.status != 200 or not isinstance(endpoint, str):
            raise _refused(f"the discovery document can't be used (status {answer.status})")
        if str(found.get("issuer", issuer)).rstrip("/") != issuer:  # OpenID Connect Discovery 1.0, section 4.3
            raise _refused("the discovery document is another issuer's")
        return endpoint

    async def _ask(self, policy: TokenPolicy, endpoint: str) -> dict[str, Any]:
        fields, headers = token_request(policy, endpoint)
        headers["accept"] = "application/json"
        headers["content-type"] = policy.request.encoding
        form = policy.request.encoding != "application/json"
        body = urlencode(fields, doseq=True) if form else json.dumps(_single(fields))
        answer = await self._send(OutgoingRequest("POST", endpoint, headers, body.encode()))
        found = _json(answer)
        if not 200 <= answer.status < 300 or not isinstance(found.get("access_token"), str):
            code = found.get("error")
            why = f", error {code}" if isinstance(code, str) and len(code) < 60 and code.isprintable() else ""
            raise _refused(f"the authority answered {answer.status}{why}")
        return found

    async def _send(self, request: OutgoingRequest) -> OutgoingResponse:
        try:
            return await self._client.send(request, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)
        except OutgoingError as error:
            raise _refused(f"the authority was not reached: {error}") from None


def token_request(policy: TokenPolicy, endpoint: str) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The fields and headers of a token request (RFC 6749 section 4, RFC 7523 section 2.2, RFC 8693 section 2.1)."""
    fields: dict[str, list[str]] = {"grant_type": [policy.grant]}
    headers: dict[str, str] = {}
    if policy.scopes:
        fields["scope"] = [" ".join(policy.scopes)]
    if policy.audiences:
        fields["audience"] = list(policy.audiences)
    if policy.grant == "password" and policy.username is not None and policy.password is not None:
        fields |= {"username": [policy.username], "password": [policy.password]}
    if policy.grant == EXCHANGE:
        for name, token in (("subject", policy.subject), ("actor", policy.actor)):
            if token is not None:
                fields |= {f"{name}_token": [token.token], f"{name}_token_type": [token.type]}
    fields |= _proof(policy.client, endpoint, headers)
    return fields, headers


def _proof(client: Client, endpoint: str, headers: dict[str, str]) -> dict[str, list[str]]:
    """How the client proves itself: fields of the body, or a header."""
    id, secret = client.id or "", client.secret or ""
    match client.authentication:
        case "client_secret_basic":
            pair = f"{quote_plus(id)}:{quote_plus(secret)}"
            headers["authorization"] = "Basic " + b64encode(pair.encode()).decode()
            return {}
        case "client_secret_jwt":
            return {"client_id": [id], "client_assertion_type": [JWT_BEARER],
                    "client_assertion": [_assertion(id, secret, endpoint)]}  # fmt: skip
        case "private_key_jwt":
            return {"client_id": [id], "client_assertion_type": [JWT_BEARER],
                    "client_assertion": [client.assertion or ""]}  # fmt: skip
        case "client_secret_post":
            return {"client_id": [id], "client_secret": [secret]}
    return {"client_id": [id]} if id else {}


def _assertion(id: str, secret: str, endpoint: str) -> str:
    now = int(time.time())
    claims = {"iss": id, "sub": id, "aud": endpoint, "iat": now, "exp": now + 60, "jti": token_urlsafe(16)}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret.encode()))


def check_issuer(token: str, issuers: tuple[str, ...]) -> None:
    """Raise Fault when issuers are named and the token, a JWT, is not from one of them.

    The signature is not checked: the token comes from the authority itself, and the called service checks it.
    """
    if not issuers:
        return
    try:
        part = token.split(".")[1]
        issuer = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))["iss"]
    except (IndexError, ValueError, KeyError, TypeError):
        raise _refused("the token names no issuer") from None
    if issuer not in issuers:
        raise _refused("the token is from another issuer")


def _single(fields: dict[str, list[str]]) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _life_s(given: Any) -> float:
    try:
        return min(max(float(given), 0.0), LONGEST_LIFE_S)
    except (TypeError, ValueError):
        return UNKNOWN_LIFE_S


def _key(tenant: str, policy: TokenPolicy) -> str:
    return hashlib.sha256(f"{tenant}\n{policy.model_dump_json()}".encode()).hexdigest()


def _json(answer: OutgoingResponse) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refused(why: str) -> Fault:
    return Fault(spec_error("authentication", 401, "No access token", why))
