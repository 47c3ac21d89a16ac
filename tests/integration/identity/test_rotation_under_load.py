"""Signing keys change while requests run, through the edge and its cached keys: none fails."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic, sleep

import httpx

from chassis.auth.jose_header import read_header
from chassis.auth.key_times import KEYS_FRESH_FOR_S
from tests.integration.identity.conftest import Running

BUSY_MACHINE_S = 3


class Load:
    """Threads that each ask for tokens and use them, old and new, until stopped."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.statuses: Counter[int] = Counter()
        self.tokens = [running.token()]
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._use), threading.Thread(target=self._use)]
        self._threads.append(threading.Thread(target=self._renew))

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(20)

    def _use(self) -> None:
        with httpx.Client(base_url=self.running.edge, timeout=15) as client:
            while not self._stopping.is_set():
                for token in (self.tokens[0], self.tokens[-1]):
                    answer = client.get("/metadata/schemas", headers={"authorization": f"Bearer {token}"})
                    self.statuses[answer.status_code] += 1
                sleep(0.05)

    def _renew(self) -> None:
        while not self._stopping.wait(0.3):
            self.tokens.append(self.running.token())


def kids(running: Running) -> list[str]:
    return [key["kid"] for key in running.ask("GET", "/identity/.well-known/jwks.json").json()["keys"]]


def until_edge_knows_the_next_key(running: Running, operator: str) -> None:
    items = running.ask("GET", "/identity/keys", operator).json()["items"]
    since = next(datetime.fromisoformat(key["since"]) for key in items if key["state"] == "next")
    age = (datetime.now(UTC) - since).total_seconds()
    sleep(max(0.0, KEYS_FRESH_FOR_S + BUSY_MACHINE_S - age))


def test_a_rotation_under_load_fails_no_request_and_a_withdrawn_key_is_refused(running: Running) -> None:
    operator = running.token("operator")
    until_edge_knows_the_next_key(running, operator)
    machine = api_key(running)
    assert with_api_key(running, machine) == 200
    before = kids(running)
    with Load(running) as load:
        sleep(1)
        rotated = running.ask("POST", "/identity/keys/rotate", operator)
        assert rotated.status_code == 200, rotated.text
        sleep(4)
    assert set(load.statuses) == {200}, load.statuses
    assert load.statuses[200] > 20
    after = kids(running)
    assert after[0] == before[1]
    assert before[0] in after

    old = load.tokens[0]
    assert running.ask("GET", "/metadata/schemas", old).status_code == 200
    withdrawn = running.ask("POST", f"/identity/keys/{before[0]}/withdraw", running.token("operator"))
    assert withdrawn.status_code == 200, withdrawn.text
    assert before[0] not in kids(running)
    introspect = f"{running.url('identity')}/identity/oauth2/introspect"
    told = httpx.post(introspect, data={"token": old}, auth=running.credentials("demo")).json()
    assert told == {"active": False}  # identity itself refuses at once, not within seconds
    assert running.exchange(old).json()["error"] == "invalid_request"
    for base in (running.edge, running.url("metadata")):
        until_refused(running, old, base)
    assert running.ask("GET", "/metadata/schemas", running.token()).status_code == 200
    # The gateway keeps tokens for API keys: the one that it has for this was signed with the withdrawn key, too.
    until(lambda: with_api_key(running, machine) == 200)
    states = {
        key["kid"]: key["state"]
        for key in running.ask("GET", "/identity/keys", running.token("operator")).json()["items"]
    }
    assert (states[before[0]], list(states.values()).count("signing")) == ("withdrawn", 1)


def until_refused(running: Running, token: str, base: str) -> None:
    until(lambda: running.ask("GET", "/metadata/schemas", token, base=base).status_code == 401)


def until(condition: Callable[[], bool]) -> None:
    ends_at = monotonic() + 30
    while not condition():
        assert monotonic() < ends_at
        sleep(0.1)


def api_key(running: Running) -> str:
    ordered = {"name": "machine", "scopes": ["metadata.read"]}
    answer = running.ask("POST", "/gateway/api-keys", running.token(), json=ordered)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def with_api_key(running: Running, key: str) -> int:
    return running.ask("GET", "/metadata/schemas", headers={"x-api-key": key}).status_code


def test_tokens_of_either_algorithm_pass_as_keys_of_either_follow_each_other(running: Running) -> None:
    def rotate(next_one: str) -> str:
        """Rotate when everybody knows the next key; the algorithm by which the new token is signed."""
        until_edge_knows_the_next_key(running, running.token("operator"))
        order = {"algorithm": next_one}
        assert running.ask("POST", "/identity/keys/rotate", running.token("operator"), json=order).status_code == 200
        token = running.token()
        for base in (running.edge, running.url("metadata")):
            assert running.ask("GET", "/metadata/schemas", token, base=base).status_code == 200
        return str(read_header(token)["alg"])

    assert [rotate("ES256"), rotate("RS256"), rotate("RS256")] == ["RS256", "ES256", "RS256"]


def test_signing_keys_are_the_operators_alone(running: Running) -> None:
    for name in ("demo",):
        token = running.token(name)
        for base in (running.edge, running.url("identity")):
            assert running.ask("GET", "/identity/keys", token, base=base).status_code == 403
            assert running.ask("POST", "/identity/keys/rotate", token, base=base).status_code == 403
            assert (
                running.ask("POST", f"/identity/keys/{kids(running)[0]}/withdraw", token, base=base).status_code == 403
            )
