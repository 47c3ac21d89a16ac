"""Writes an overlay's `.env` and `azure.env` from the outputs of infra/bicep.

`azd env get-values --output json | python -m infra.deploy.environment prod`
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chassis.manifest import SERVICES, read_manifests
from infra.image.contents import ROOT

Outputs = Mapping[str, Any]
SIGN_IN = ("PLATFORM_ENTRA_TENANTS", "PLATFORM_ENTRA_AUDIENCE", "PLATFORM_ENTRA_CLIENT_ID")
"""What of Microsoft Entra ID identity is told, where it was set (docs/identity.md). Nothing of it is secret."""
HEAD = "# Written by infra/deploy/environment.py.\n"


def identities(outputs: Outputs) -> dict[str, str]:
    """What replacements put into fields of the manifests (`.env`)."""
    clients = outputs["PLATFORM_CLIENT_IDS"]
    clients = json.loads(clients) if isinstance(clients, str) else clients
    return {
        **{f"CLIENT_ID_{service.upper()}": clients[service] for service in SERVICES},
        "EDGE_DOMAIN": outputs["PLATFORM_DOMAIN"],
        "CLIENT_ID_KEDA": outputs["PLATFORM_SCALER_CLIENT_ID"],
        "SERVICE_BUS_NAMESPACE": outputs.get("AZURE_SERVICE_BUS_NAMESPACE", ""),
        "STORAGE_ACCOUNT": outputs["AZURE_STORAGE_ACCOUNT"],
        "SQL_HOST": outputs["AZURE_SQL_HOST"],
        "PROMETHEUS_ENDPOINT": outputs["AZURE_PROMETHEUS_ENDPOINT"],
    }


def app_settings(outputs: Outputs) -> dict[str, str]:
    """What every service is told (`azure.env`): addresses, no key."""
    bus, domain = outputs.get("AZURE_SERVICE_BUS_NAMESPACE", ""), outputs["PLATFORM_DOMAIN"]
    messaging = (
        {"ServiceBusConnection__fullyQualifiedNamespace": f"{bus}.servicebus.windows.net"}
        if bus
        else {"PLATFORM_EVENT_SUBSCRIPTIONS": json.dumps(event_subscriptions(), separators=(",", ":"))}
    )
    return {
        "AzureWebJobsStorage__accountName": outputs["AZURE_STORAGE_ACCOUNT"],
        **messaging,
        "AzureSignalRConnectionString__serviceUri": outputs["AZURE_SIGNALR_ENDPOINT"],
        "APPLICATIONINSIGHTS_CONNECTION_STRING": outputs["APPLICATIONINSIGHTS_CONNECTION_STRING"],
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD",
        "AZURE_KEY_VAULT_URL": outputs["AZURE_KEY_VAULT_URL"],
        "AZURE_SECRETS_VAULT_URL": outputs["AZURE_SECRETS_VAULT_URL"],
        "AZURE_SQL_HOST": outputs["AZURE_SQL_HOST"],
        "PLATFORM_EDGE_URL": f"https://{domain}",
        "PLATFORM_ISSUER": f"https://{domain}/identity",
        "PLATFORM_SMTP_HOST": outputs["PLATFORM_SMTP_HOST"],
        "PLATFORM_SMTP_FROM": outputs["PLATFORM_SMTP_FROM"],
        **{name: outputs[name] for name in SIGN_IN if outputs.get(name)},
    }


def event_subscriptions(root: Path = ROOT) -> dict[str, list[str]]:
    """Queue → event types, over storage queues, from every service.yaml."""
    found: dict[str, set[str]] = {}
    for manifest in read_manifests(root / "functions").values():
        for entry in manifest.subscriptions:
            found.setdefault(entry.queue, set()).update(entry.types)
    return {queue: sorted(types) for queue, types in sorted(found.items())}


def write(overlay: str, outputs: Outputs, root: Path = ROOT) -> None:
    """Write both files. Raises KeyError that names an output that is missing."""
    folder = root / "keda" / "overlays" / overlay
    for name, values in ((".env", identities(outputs)), ("azure.env", app_settings(outputs))):
        lines = [f"{key}={value}\n" for key, value in values.items()]
        (folder / name).write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1], json.load(sys.stdin))
