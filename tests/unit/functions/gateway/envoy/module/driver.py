"""Drives the module inside `host.c`: one process, a command and its result a line."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

Headers = list[tuple[bytes, bytes]]

UNIX_S, UP_MS = 1_000_000_000, 1_000_000
"""Where the clocks stand at first."""
JUMP_S = 1_000_000
"""After so long every bucket of the tests is full again, and every token of theirs has expired."""


class Crashed(AssertionError):
    """The process ended in the middle; the message is what the sanitizers say."""


@dataclass(frozen=True)
class Outcome:
    """What became of a request: `status` is 0 where it may pass, `headers` are the request's own afterwards."""

    status: int
    details: bytes
    body: bytes
    answered: Headers
    headers: Headers

    @property
    def passed(self) -> bool:
        return self.status == 0


class Host:
    """The process, with its clocks. `routes` are numbered from 0 to 15."""

    def __init__(self, binary: Path, environment: dict[str, str]) -> None:
        self._errors = TemporaryFile()  # noqa: SIM115 - closed with the process
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([binary], stdin=pipe, stdout=pipe, stderr=self._errors, env=environment)
        self.unix_s, self.up_ms = UNIX_S, UP_MS

    def ask(self, *words: str) -> str:
        """Give a command; raises Crashed when the process does not answer."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(" ".join(words).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Crashed(self.end()) from None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise Crashed(self.end())
        return line.decode().strip()

    def end(self) -> str:
        """End the process as it ends by itself; give what it said of faults and leaks, empty where there are none."""
        self._process.communicate()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        return said or (f"ended with {self._process.returncode}" if self._process.returncode else "")

    def settings(self, lines: bytes) -> bool:
        return self.ask("settings", text(lines)) == "ok"

    def route(self, number: int, lines: bytes) -> bool:
        return self.ask("route", str(number), text(lines)) == "ok"

    def later(self, seconds: float) -> None:
        """Set both clocks on."""
        self.unix_s += int(seconds)
        self.up_ms += round(seconds * 1000)
        self.ask("clocks", str(self.unix_s), str(self.up_ms))

    def early(self, headers: Headers) -> Headers:
        """The headers as they are after the mutation before routing."""
        return _headers(self.ask("early", *_words(headers)).removeprefix("|").split())

    def request(
        self,
        route: int | None = None,
        headers: Headers | None = None,
        *,
        address: bytes | None = None,
        keys: list[bytes] | None = None,
    ) -> Outcome:
        """A request at the gate; `keys` are the names in jwt_authn's metadata."""
        said = self.ask(
            "request",
            "-" if route is None else str(route),
            "-" if address is None else text(address),
            ",".join(map(text, keys)) if keys else "-",
            *_words(headers or []),
        )
        answer, _, after = said.partition("|")
        verdict, *parts = answer.split()
        assert (verdict == "stop") == bool(parts), "a request passes, or is answered"
        status, details, body, *answered = parts or ["0", "@", "@"]
        return Outcome(int(status), _bytes(details), _bytes(body), _headers(answered), _headers(after.split()))

    def answer(self, headers: Headers) -> Headers:
        """The headers of the last request's answer after the hook for them."""
        return _headers(self.ask("answer", *_words(headers)).removeprefix("|").split())

    def hash(self, value: bytes) -> int:
        """The module's hash of a text by itself."""
        return int(self.ask("hash", text(value), "0"), 16)

    def count(self, hash: int, *, rate: int, burst: int) -> tuple[bool, int]:
        """Count a request in the bucket of that hash alone: whether it is admitted, and what is left."""
        admitted, left = self.ask("count", str(hash), str(rate), str(burst)).split()
        return admitted == "1", int(left)

    def starve(self, number: int) -> None:
        """Let the request for memory of that number, from 1, fail; 0: let none fail."""
        self.ask("starve", str(number))

    def counters(self) -> tuple[int, ...]:
        """Tokens checked by jwt_authn, requests over a limit, requests denied."""
        return tuple(map(int, self.ask("counters").split()))


def text(value: bytes) -> str:
    return f"@{value.hex()}"


def _words(headers: Headers) -> list[str]:
    return [f"{text(name)}={text(value)}" for name, value in headers]


def _bytes(word: str) -> bytes:
    return bytes.fromhex(word.removeprefix("@"))


def _headers(words: list[str]) -> Headers:
    pairs = (word.split("=") for word in words)
    return [(_bytes(name), _bytes(value)) for name, value in pairs]
