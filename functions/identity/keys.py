"""The keys that sign access tokens: in files that only this service reads, published as a JWK set."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc.jwk import KeySet, RSAKey

KEY_BITS = 2048
CURRENT = "current.jwk"
"""The key that signs. Any other `*.jwk` beside it is only published, so that its tokens stay good till they end."""


@dataclass(frozen=True)
class SigningKeys:
    """The signing key and every key that is still published, the signing key first."""

    current: RSAKey
    published: Sequence[RSAKey]

    def jwks(self) -> dict[str, Any]:
        """The public JWK set (RFC 7517)."""
        return {"keys": [key.as_dict(private=False) for key in self.published]}

    def key_set(self) -> KeySet:
        """The keys by which one of our own tokens may be checked."""
        return KeySet(list(self.published))


def load_signing_keys(folder: Path) -> SigningKeys:
    """Read the keys of a folder (mode 0700, files 0600); makes both the folder and a key when there is none.

    May be called by several processes at once: one key wins. Raises OSError or ValueError when a key can't be read.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    current_file = folder / CURRENT
    if not current_file.exists():
        _write_once(current_file, RSAKey.generate_key(KEY_BITS, private=True))
    current = _read(current_file)
    others = [_read(path) for path in sorted(folder.glob("*.jwk")) if path.name != CURRENT]
    return SigningKeys(current, [current, *others])


def _read(path: Path) -> RSAKey:
    bare = RSAKey.import_key(json.loads(path.read_text(encoding="utf-8")))
    if not bare.is_private:
        raise ValueError(f"{path.name} holds no private key")
    labels = {"kid": bare.thumbprint(), "use": "sig", "alg": "RS256"}
    return RSAKey.import_key({**bare.as_dict(private=True), **labels})


def _write_once(path: Path, key: RSAKey) -> None:
    draft = path.with_name(f".{uuid4().hex}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(key.as_dict(private=True), file)
            file.flush()
            os.fsync(file.fileno())
        # A link fails when the name is taken, so two first starts at once agree on one whole key.
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
