"""How a call proves who it is: a policy of the definition becomes a header, or a way to answer a challenge."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from pydantic import ValidationError

from durable.workflow.calls.tokens import TokenPolicy, Tokens
from durable.workflow.faults import Fault, spec_error


@dataclass(frozen=True)
class Authorization:
    """A resolved policy: what the specification's `$authorization` shows, and how the request carries it.

    `renew` is set where the token came from a cache that a refusal should empty.
    """

    scheme: str
    parameter: str
    middlewares: Sequence[Any] = ()
    renew: TokenPolicy | None = None

    @property
    def header(self) -> str | None:
        """The Authorization header's value; None when it can only answer a challenge."""
        return None if self.middlewares else f"{self.scheme} {self.parameter}"

    def as_json(self) -> dict[str, str]:
        """The specification's authorization descriptor."""
        return {"scheme": self.scheme, "parameter": self.parameter}


class Authenticator:
    """Resolves policies; `secrets` are those that the call may use, `issued` collects what must not be shown."""

    def __init__(self, tokens: Tokens, tenant: str, secrets: dict[str, Any]) -> None:
        self._tokens = tokens
        self._tenant = tenant
        self._secrets = secrets
        self.issued: list[str] = []

    async def authorize(self, policy: dict[str, Any] | None) -> Authorization | None:
        """The authorization for a policy `{scheme: properties}`; None without one.

        Raises Fault: configuration when properties are missing, authentication when no token is given.
        """
        if not policy:
            return None
        scheme, properties = next((key, value) for key, value in policy.items() if value is not None)
        if isinstance(properties, dict) and set(properties) == {"use"}:
            properties = self._secrets[properties["use"]]
        found = await self._authorize(scheme, properties)
        self.issued.append(found.parameter)
        return found

    async def renewed(self, policy: TokenPolicy) -> Authorization:
        """The authorization with another token: the one there was is refused."""
        self._tokens.forget(self._tenant, policy)
        return await self._by_token(policy)

    async def _authorize(self, scheme: str, properties: Any) -> Authorization:
        match scheme:
            case "basic":
                pair = f"{_text(properties, 'username', scheme)}:{_text(properties, 'password', scheme)}"
                return Authorization("Basic", b64encode(pair.encode()).decode())
            case "bearer":
                token = properties if isinstance(properties, str) else _text(properties, "token", scheme)
                return Authorization("Bearer", token)
            case "digest":
                user, password = _text(properties, "username", scheme), _text(properties, "password", scheme)
                self.issued.append(password)
                return Authorization("Digest", "", (aiohttp.DigestAuthMiddleware(user, password),))
            case "oauth2" | "oidc":
                return await self._by_token(_token_policy(scheme, properties))
        raise Fault(spec_error("configuration", 400, "Not an authentication", f"there is no scheme {scheme}"))

    async def _by_token(self, policy: TokenPolicy) -> Authorization:
        token = await self._tokens.get(self._tenant, policy)
        self.issued.append(token)
        return Authorization("Bearer", token, renew=policy)


def _token_policy(scheme: str, properties: Any) -> TokenPolicy:
    try:
        return TokenPolicy.model_validate({**properties, "discover": scheme == "oidc"})
    except (ValidationError, TypeError) as error:
        places = (
            [".".join(map(str, item["loc"])) for item in error.errors()] if isinstance(error, ValidationError) else []
        )
        detail = f"the {scheme} authentication is not usable: {', '.join(places) or 'it is no object'}"
        raise Fault(spec_error("configuration", 400, "Not an authentication", detail)) from None


def _text(properties: Any, name: str, scheme: str) -> str:
    found = properties.get(name) if isinstance(properties, dict) else None
    if not isinstance(found, str | int | float) or isinstance(found, bool):
        detail = f"the {scheme} authentication needs {name}, a text"
        raise Fault(spec_error("configuration", 400, "Not an authentication", detail))
    text = str(found)
    if any(character < " " or character == "\x7f" for character in text):
        detail = f"{name} of the {scheme} authentication has control characters"
        raise Fault(spec_error("configuration", 400, "Not an authentication", detail))
    return text
