"""App settings: local.settings.json into the environment, %SETTING% expansion."""

import os
import re
from collections.abc import MutableMapping
from pathlib import Path

from funchost.errors import HostError
from funchost.jsonc import read_object

_PLACEHOLDER = re.compile(r"%([^%\s]+)%")


def load_local_settings(path: Path, environ: MutableMapping[str, str] = os.environ) -> None:
    """Put `Values` of local.settings.json into the environment; what is there already wins.

    Does nothing when there is no such file. Raises HostError when the file is malformed or encrypted.
    """
    if not path.is_file():
        return
    raw = read_object(path)
    if raw.get("IsEncrypted"):
        raise HostError(
            "local.settings.json is encrypted",
            where=str(path),
            remedy="Run `func settings decrypt`, or set IsEncrypted to false.",
        )
    values = raw.get("Values", {})
    if not isinstance(values, dict):
        remedy = 'Write "Values": {"NAME": "value"}.'
        raise HostError("Values must be an object", where=f"{path}, key Values", remedy=remedy)
    for name, value in values.items():
        if isinstance(value, dict | list):
            raise HostError(
                f"The value of {name} must be a text", where=f"{path}, key Values.{name}", remedy="Put it in quotes."
            )
        environ.setdefault(name, _as_text(value))


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def expand(text: str, *, where: str) -> str:
    """The text with each %SETTING% replaced by the app setting. Raises HostError when one is missing."""

    def setting(match: re.Match[str]) -> str:
        name = match[1]
        if name not in os.environ:
            raise HostError(
                f"The app setting {name} is not set",
                where=where,
                remedy=f"Set {name} in the environment or in local.settings.json under Values.",
            )
        return os.environ[name]

    return _PLACEHOLDER.sub(setting, text)
