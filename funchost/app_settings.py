"""App settings: local.settings.json into the environment, %SETTING% expansion, connection settings."""

import os
import re
from collections.abc import MutableMapping
from pathlib import Path

from funchost.errors import HostError
from funchost.jsonc import read_object

# Published by Microsoft for the storage emulator; not a secret.
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_EMULATOR_PORTS = {"Blob": 10000, "Queue": 10001, "Table": 10002}
STORAGE_SETTING = "AzureWebJobsStorage"
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
        raise HostError("Values must be an object", where=f"{path}, key Values")
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


def connection_string(name: str | None, *, where: str) -> str:
    """The storage connection string behind a binding's `connection`; None or "" means AzureWebJobsStorage.

    The setting may also be named AzureWebJobs<name>, as in the official host. Raises HostError when neither is set.
    """
    name = name or STORAGE_SETTING
    value = os.environ.get(f"AzureWebJobs{name}") or os.environ.get(name)
    if not value:
        raise HostError(
            f"The connection setting {name} is not set",
            where=where,
            remedy=f"Set {name} in the environment or in local.settings.json under Values "
            "(a connection string, or UseDevelopmentStorage=true).",
        )
    return _emulator_connection_string() if "usedevelopmentstorage=true" in value.lower() else value


def has_host_storage() -> bool:
    """Whether the host has a storage account of its own: AzureWebJobsStorage is set."""
    return bool(os.environ.get(STORAGE_SETTING))


def _emulator_connection_string() -> str:
    account = "devstoreaccount1"
    endpoints = ";".join(
        f"{service}Endpoint=http://127.0.0.1:{port}/{account}" for service, port in _EMULATOR_PORTS.items()
    )
    return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={_EMULATOR_KEY};{endpoints};"
