"""The storage account behind a binding's `connection`: a connection string, or addresses and the host's identity.

Source: https://learn.microsoft.com/azure/azure-functions/functions-reference#common-properties-for-identity-based-connections
"""

import os
from typing import Literal
from urllib.parse import urlsplit

from funchost.errors import HostError
from funchost.identity import default_credential

Service = Literal["blob", "queue", "table"]
STORAGE_SETTING = "AzureWebJobsStorage"
_PREFIX = "identity:"  # no connection string begins so
_ACCOUNT = "https://{account}.{service}.core.windows.net"
# Published by Microsoft for the storage emulator; not a secret.
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_EMULATOR_PORTS = {"Blob": 10000, "Queue": 10001, "Table": 10002}


def connection_string(name: str | None, *, where: str) -> str:
    """What names the storage account: a connection string, or `identity:<setting>` for `identity_endpoint`.

    `name` None or "" means AzureWebJobsStorage; the setting may also be named AzureWebJobs<name>, as in the official
    host. Raises HostError when neither is set.
    """
    name = name or STORAGE_SETTING
    value = os.environ.get(f"AzureWebJobs{name}") or os.environ.get(name)
    if value:
        return _emulator_connection_string() if "usedevelopmentstorage=true" in value.lower() else value
    for prefix in (f"AzureWebJobs{name}", name):
        if any(setting.startswith(f"{prefix}__") for setting in os.environ):
            return _PREFIX + prefix
    raise HostError(
        f"The connection setting {name} is not set",
        where=where,
        remedy=f"Set {name} in the environment or in local.settings.json under Values "
        f"(a connection string, or UseDevelopmentStorage=true), or {name}__accountName to connect by identity.",
    )


def connection_to(service: Service, name: str | None, *, where: str) -> str:
    """`connection_string`, of which is known that it leads to the service. Raises HostError, also when it does not."""
    connection = connection_string(name, where=where)
    if is_by_identity(connection):
        identity_endpoint(connection, service)
        default_credential(where=where)
    else:
        _check(connection, service, name or STORAGE_SETTING, where)
    return connection


def _check(connection: str, service: Service, name: str, where: str) -> None:
    """Raises HostError for text that the storage SDK would not take; it shows nothing of the text."""
    pairs = [part.partition("=") for part in connection.rstrip(";").split(";")]
    keys = {key.strip().upper() for key, _, value in pairs if value}
    missing = None
    if any(not separator for _, separator, _ in pairs):
        missing = "is no list of Name=value;"
    elif not keys & {"ACCOUNTNAME", f"{service.upper()}ENDPOINT"}:
        missing = f"has neither AccountName nor {service.title()}Endpoint"
    elif not keys & {"ACCOUNTKEY", "SHAREDACCESSSIGNATURE"}:
        missing = "has neither AccountKey nor SharedAccessSignature"
    if missing:
        remedy = "Copy the connection string of a storage account, or use UseDevelopmentStorage=true."
        raise HostError(f"The connection setting {name} {missing}", where=where, remedy=remedy)


def has_host_storage() -> bool:
    """Whether the host has a storage account of its own: AzureWebJobsStorage is set, as text or by identity."""
    is_by_identity = any(setting.startswith(f"{STORAGE_SETTING}__") for setting in os.environ)
    return bool(os.environ.get(STORAGE_SETTING)) or is_by_identity


def is_by_identity(connection: str) -> bool:
    """Whether `connection_string` gave settings to connect by identity with."""
    return connection.startswith(_PREFIX)


def identity_endpoint(connection: str, service: Service) -> str:
    """The address of a service: <setting>__<service>ServiceUri, __serviceUri, __endpoint (tables), or by __accountName.

    Raises HostError when none is set, or it is not https: a token must not travel in the clear.
    """
    prefix = connection.removeprefix(_PREFIX)
    names = [f"{prefix}__{service}ServiceUri", f"{prefix}__serviceUri"]
    names += [f"{prefix}__endpoint"] if service == "table" else []
    account = os.environ.get(f"{prefix}__accountName")
    found = next((os.environ[name] for name in names if os.environ.get(name)), None)
    if found is None and account:
        found = _ACCOUNT.format(account=account, service=service)
    if found is None:
        raise HostError(
            f"The connection {prefix} has no address of its {service} service",
            where=f"settings {prefix}__…",
            remedy=f"Set {names[0]} or {prefix}__accountName.",
        )
    if urlsplit(found).scheme != "https":
        raise HostError(f"{found!r} is not an https address", where=f"settings {prefix}__…", remedy="Use https.")
    return found


def identity_client_id(connection: str) -> str | None:
    """<setting>__clientId: a user-assigned identity; None for the one that the host has anyway."""
    return os.environ.get(f"{connection.removeprefix(_PREFIX)}__clientId") or None


def _emulator_connection_string() -> str:
    account = "devstoreaccount1"
    endpoints = ";".join(
        f"{service}Endpoint=http://127.0.0.1:{port}/{account}" for service, port in _EMULATOR_PORTS.items()
    )
    return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={_EMULATOR_KEY};{endpoints};"
