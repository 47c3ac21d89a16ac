"""App settings in the manifests against chassis/settings.py and the Functions host."""

import os
import re
from collections.abc import Iterator, Mapping
from unittest.mock import patch

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from chassis.manifest import ServiceManifest
from chassis.settings import Settings, SettingsError, read_settings
from infra.checks.manifests import Environment

HOST_SETTINGS = re.compile(
    r"AzureFunctionsJobHost__.+|AzureWebJobs(SecretStorageType|ScriptRoot)"
    r"|(ServiceBusConnection|AzureSignalRConnectionString)__\w+"
    r"|FUNCTIONS_(WORKER_RUNTIME|EXTENSION_VERSION|WORKER_PROCESS_COUNT|ENABLE_DRAIN_ON_APP_STOPPING)"
    r"|PYTHON_THREADPOOL_THREAD_COUNT|ASPNETCORE_URLS|DOTNET_EnableDiagnostics|HOME"
    r"|APPLICATIONINSIGHTS_AUTHENTICATION_STRING|AZURE_(SQL_HOST|KEY_VAULT_URL|SECRETS_VAULT_URL)|SQLDB_Connection"
)
"""What the Functions host, its Python worker and .NET read, not the platform's code."""

LEFT_AT_DEFAULT = {
    "service_bus_namespace": "dev: commands and events travel over storage queues",
    "storage_account": "without Azure Storage: the kind overlay has Azurite",
    "storage_connection": "on AKS storage is reached with the service's own identity",
    "signalr_connection": "only the SignalR bindings read it; on AKS they sign in with the service's own identity",
    "otlp_endpoint": "on AKS telemetry goes to Azure Monitor",
    "service_urls": "service_url_template names every service",
    "event_subscriptions": "Service Bus' topic has the rules",
    "users_file": "people sign in with Entra ID",
    "federation_allow_private": "the cluster's issuer is public",
    "signing_keys_dir": "signing keys lie in Key Vault",
    "secrets_file": "secrets lie in Key Vault",
    "webhook_allow_private": "private addresses stay closed",
    "retention_days": "the default is right for all",
    "application_insights_connection": "without Application Insights: the kind overlay",
    "key_vault_url": "without Key Vault: the kind overlay",
}
"""Settings that an environment may leave alone, and why."""

TUNING = re.compile(r"(workflow|signing|processing|stream|smtp|edge|rate|console|development|entra|cors)_\w+")
"""Limits and options of one feature: their defaults are chosen for AKS; an environment sets what differs."""


def settings_mistakes(environment: Environment, manifests: Mapping[str, ServiceManifest]) -> Iterator[str]:
    """Variables that nobody reads, values that the code refuses, settings that no manifest gives."""
    known = variable_names()
    given: set[str] = set()
    for service in manifests:
        variables = environment.variables(service)
        where = f"{environment.name}: {service}"
        given |= {known[name] for name in variables if name in known}
        for name in sorted(variables):
            if name not in known and not HOST_SETTINGS.fullmatch(name):
                yield f"{where}: nobody reads {name}"
        yield from (f"{where}: {line}" for line in _refused(variables))
        if variables.get("PLATFORM_SERVICES") != service:
            yield f"{where}: PLATFORM_SERVICES is {variables.get('PLATFORM_SERVICES')}"
    for field in sorted(Settings.model_fields.keys() - given - LEFT_AT_DEFAULT.keys()):
        if not TUNING.fullmatch(field):
            yield f"{environment.name}: no manifest sets {field} (chassis/settings.py); set it, or say why not"


def variable_names() -> dict[str, str]:
    """Environment variable → field of Settings."""
    return {name: field for field, info in Settings.model_fields.items() for name in _aliases(field, info)}


def _aliases(field: str, info: FieldInfo) -> list[str]:
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [alias] if isinstance(alias, str) else [f"PLATFORM_{field.upper()}"]


def _refused(variables: Mapping[str, str]) -> Iterator[str]:
    with patch.dict(os.environ, variables, clear=True):
        try:
            read_settings()
        except SettingsError as error:
            yield str(error)
