"""Access keys: who may call functions of auth level function and admin."""

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path

from funchost.errors import HostError
from funchost.jsonc import read_object


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """The master key opens everything, the host key every function, a function key that function."""

    master: str
    host: str
    functions: dict[str, str]

    def allows(self, level: str, function_name: str, given: str | None) -> bool:
        """Whether the key given (None: no key) opens a function of this auth level (lower case)."""
        if level == "anonymous":
            return True
        if not given:
            return False
        accepted = [self.master]
        if level == "function":
            accepted += [self.host, self.functions.get(function_name, "")]
        key = given.encode()
        return any(compare_digest(key, candidate.encode()) for candidate in accepted if candidate)


def load_keys(state_dir: Path) -> AccessKeys:
    """The keys in FUNCHOST_MASTER_KEY and FUNCHOST_HOST_KEY, else in `keys.json` of the state dir.

    The file is made with random keys (mode 0600) when it does not exist; `{"functions": {name: key}}` in it adds
    keys of single functions. Raises HostError when it can be neither made nor read.
    """
    path = state_dir / "keys.json"
    if not path.is_file():
        try:
            _create(path)
        except OSError as error:
            what = f"The keys of the host cannot be stored: {error.strerror}"
            remedy = "Set FUNCHOST_STATE_DIR to a folder that can be written."
            raise HostError(what, where=str(path), remedy=remedy) from None
    stored = read_object(path)
    functions = stored.get("functions", {})
    if not isinstance(functions, dict):
        remedy = 'Write "functions": {"name": "key"}, or delete the file to have new keys.'
        raise HostError("functions must be an object of name and key", where=str(path), remedy=remedy)
    return AccessKeys(
        master=os.environ.get("FUNCHOST_MASTER_KEY") or str(stored.get("master", "")),
        host=os.environ.get("FUNCHOST_HOST_KEY") or str(stored.get("host", "")),
        functions={str(name): str(key) for name, key in functions.items()},
    )


def _create(path: Path) -> None:
    """Whole or not at all, and never over another host's keys: a file under another name, then linked."""
    keys = {"master": secrets.token_urlsafe(32), "host": secrets.token_urlsafe(32), "functions": {}}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(keys, file, indent=2)
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)
    temporary.unlink()
