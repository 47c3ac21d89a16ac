"""What the attacks on grants send."""

from base64 import urlsafe_b64encode

import httpx

from chassis.auth.service_token import ASSERTION_TYPE
from tests.integration.identity.conftest import EXCHANGE, Running


def by_assertion(running: Running, base: str, assertion: str, **form: str) -> httpx.Response:
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return running.token_answer(base=base, **{"grant_type": "client_credentials", **proof, **form})


def refused(answer: httpx.Response, error: str) -> bool:
    return answer.status_code in (400, 401) and answer.json()["error"] == error


def exchanged(running: Running, base: str, token: str, name: str = "demo", **form: str) -> httpx.Response:
    kind = "urn:ietf:params:oauth:token-type:access_token"
    told = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": kind}
    return running.token_answer(running.credentials(name), base=base, **{**told, **form})


def unsigned(payload: bytes) -> str:
    parts = (b'{"alg":"ES256","kid":"x"}', payload, b"x" * 64)
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
