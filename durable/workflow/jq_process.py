"""Evaluates jq in one warm child process, which is killed and replaced when an expression hangs or takes too much."""

import hashlib
import json
import struct
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from select import select
from typing import Any

import jsonschema_rs
import orjson

from durable.workflow.expressions import ExpressionError

WALL_LIMIT_S = 20.0
"""How long to wait for an answer. Far above the child's own processor-time limit, which is what normally ends it."""

READ_BYTES = 1_048_576

CPU_LIMIT_S = 1.0
"""How much processor time an expression may take."""

_CHILD = Path(__file__).with_name("jq_child.py")


class _ChildLost(Exception):
    """The child ended or did not answer."""


class _Child:
    """One child process; started when first asked."""

    def __init__(self, cpu_limit_s: float) -> None:
        self._cpu_limit_s = cpu_limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request and wait for its answer. Raises _ChildLost; the next call starts another child."""
        process = self._process or self._start()
        body = json.dumps(request).encode()
        try:
            assert process.stdin is not None  # noqa: S101 - piped below
            process.stdin.write(struct.pack(">I", len(body)) + body)
            process.stdin.flush()
            return dict(json.loads(self._answer(process)))
        except (BrokenPipeError, _ChildLost):
            self.stop()
            raise _ChildLost from None

    def stop(self) -> None:
        """Kill the child, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        spec = find_spec("jq")
        if spec is None or spec.origin is None:
            raise RuntimeError("the package jq is not installed")
        self._process = subprocess.Popen(  # noqa: S603 - our own file, no shell
            [sys.executable, "-I", "-S", str(_CHILD), str(Path(spec.origin).parent), str(self._cpu_limit_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # select() must see all that was not read
            env={"TZ": "UTC", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        return self._process

    @staticmethod
    def _answer(process: subprocess.Popen[bytes]) -> bytes:
        """One frame; nothing else can follow it, so as much is read at once as there is."""
        assert process.stdout is not None  # noqa: S101 - piped above
        data = b""
        while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
            if not select([process.stdout], [], [], WALL_LIMIT_S)[0]:
                raise _ChildLost
            part = process.stdout.read(READ_BYTES)
            if not part:
                raise _ChildLost
            data += part
        return data[4:]


class JqEvaluator:
    """Evaluates expressions in a child process and remembers what they gave.

    A replay asks again for everything its instance ever evaluated; the answers come from a bounded memory of
    (expression, hash of data and arguments). Safe to use from several threads; one expression runs at a time.
    """

    def __init__(self, remembered: int = 8192, cpu_limit_s: float = CPU_LIMIT_S) -> None:
        self._child = _Child(cpu_limit_s)
        self._child_lock = threading.Lock()
        self._memory_lock = threading.Lock()  # its own: what is remembered never waits for what runs
        self._memory: OrderedDict[tuple[str, bytes], dict[str, Any]] = OrderedDict()
        self._remembered = remembered

    def evaluate(self, program: str, data: Any, arguments: Mapping[str, Any]) -> Any:
        """The program's first output, None when it has none. Raises ExpressionError."""
        payload = json.dumps({"data": data, "arguments": dict(arguments)}, sort_keys=True, allow_nan=False)
        key = (program, hashlib.blake2b(payload.encode(), digest_size=16).digest())
        answer = self._memory.get(key) or self._ask(program, tuple(sorted(arguments)), payload)
        self._remember(key, answer)
        return json.loads(_value(answer) or "null")

    def check(self, program: str, variables: tuple[str, ...]) -> None:
        """Compile only. Raises ExpressionError when the program is no jq or uses an unknown variable."""
        _value(self._ask(program, variables, None))

    def check_schema(self, schema: Any) -> None:
        """Raises ValueError when it is no JSON Schema 2020-12, or refers to another document."""
        try:
            _validator(_text_of(schema))
        except ValueError as error:
            raise ValueError(str(error).splitlines()[0]) from None

    def violations(self, schema: Any, value: Any) -> list[str]:
        """What of the value the JSON Schema refuses, at most ten findings; empty when it is valid."""
        found = islice(_validator(_text_of(schema)).iter_errors(value), 10)
        return [f"{error.message[:300]} at {_pointer(error.instance_path)}" for error in found]

    def close(self) -> None:
        """Stop the child."""
        with self._child_lock:
            self._child.stop()

    def _ask(self, program: str, names: tuple[str, ...], payload: str | None) -> dict[str, Any]:
        request = {"program": program, "names": names, "data": payload}
        with self._child_lock:
            for _ in range(2):  # a child can also be lost to something else than its expression
                try:
                    return self._child.ask(request)
                except _ChildLost:
                    continue
        return {"error": "the expression took too much time or memory"}

    def _remember(self, key: tuple[str, bytes], answer: dict[str, Any]) -> None:
        with self._memory_lock:
            self._memory[key] = answer
            self._memory.move_to_end(key)
            while len(self._memory) > self._remembered:
                self._memory.popitem(last=False)


def _value(answer: dict[str, Any]) -> str | None:
    if "error" in answer:
        raise ExpressionError(str(answer["error"]).replace("\n", " "))
    value = answer["value"]
    return None if value is None else str(value)


def _pointer(path: list[str | int]) -> str:
    return "".join(f"/{part}" for part in path) or "/"


def _text_of(schema: Any) -> bytes | str:
    try:
        return orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(schema, sort_keys=True)


def _no_retrieval(uri: str) -> Any:
    raise ValueError(f"a schema may not refer to another document: {uri}")


@lru_cache(maxsize=256)
def _validator(text: bytes | str) -> Any:
    options = jsonschema_rs.RegexOptions(size_limit=1_000_000)  # linear time: no pattern can hang a replay
    return jsonschema_rs.Draft202012Validator(json.loads(text), retriever=_no_retrieval, pattern_options=options)


@lru_cache(maxsize=1)
def process_evaluator() -> JqEvaluator:
    """The evaluator of this process."""
    return JqEvaluator()


@lru_cache(maxsize=1)
def secret_evaluator() -> JqEvaluator:
    """The evaluator of expressions that read secrets: it has a child of its own and remembers nothing."""
    return JqEvaluator(remembered=0)
