"""Every setting of the platform, read in this one place and validated at start."""

import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chassis.manifest import SERVICES

# Azurite's well-known development account: a published constant, not a secret.
# https://learn.microsoft.com/azure/storage/common/storage-use-azurite
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
AZURITE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    f"AccountKey={AZURITE_KEY};"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)
ROOT = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """Settings that can't be used; the message lists every mistake in plain words."""


class Settings(BaseSettings):
    """What one process is told from outside.

    Defaults run the whole platform in one process beside Azurite, as `func start` in the repo root does.
    """

    model_config = SettingsConfigDict(env_prefix="PLATFORM_", frozen=True, extra="ignore", populate_by_name=True)

    services: Annotated[tuple[str, ...], NoDecode] = SERVICES
    storage_connection: str = Field(default=AZURITE, validation_alias=AliasChoices("AzureWebJobsStorage"))
    storage_account: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]{3,24}$",
        validation_alias=AliasChoices("AzureWebJobsStorage__accountName"),
    )
    service_bus_namespace: str | None = Field(
        default=None,
        pattern=r"^[a-zA-Z0-9\-]+(\.[a-z0-9\-]+)+$",
        validation_alias=AliasChoices("ServiceBusConnection__fullyQualifiedNamespace"),
    )
    signalr_connection: str | None = Field(default=None, validation_alias=AliasChoices("AzureSignalRConnectionString"))
    application_insights_connection: str | None = Field(
        default=None, validation_alias=AliasChoices("APPLICATIONINSIGHTS_CONNECTION_STRING")
    )
    otlp_endpoint: str | None = Field(default=None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT"))
    service_urls: dict[str, str] = {}
    service_url_template: str = "http://127.0.0.1:7071"
    edge_service_url_template: str | None = None
    edge_url: str = "http://127.0.0.1:8080"
    issuer: str = "http://127.0.0.1:8080/identity"
    audience: str = "platform"
    edge_trace_percent: float = Field(default=1, ge=0, le=100)
    edge_header_timeout_s: float = Field(default=10, gt=0, le=300)
    edge_request_timeout_s: float = Field(default=60, gt=0, le=3600)
    edge_keys_per_s: int = Field(default=200, gt=0, le=1_000_000)
    edge_new_tokens_per_s: int = Field(default=1000, gt=0, le=1_000_000)
    edge_cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    keys_dir: Path = ROOT / ".local" / "keys"
    signing_keys_dir: Path = ROOT / ".local" / "signing"
    signing_algorithm: Literal["RS256", "ES256"] = "RS256"
    signing_key_rotation_hours: float = Field(default=720, gt=0)
    signing_key_known_after_s: float = Field(default=60, ge=0)
    clients_file: Path = ROOT / ".local" / "clients.json"
    service_account_token_file: Path | None = None
    federation_allow_private: bool = False
    entra_authority: str = "https://login.microsoftonline.com"
    entra_audience: str | None = None
    entra_tenants: dict[str, str] = {}
    entra_client_id: str | None = None
    entra_client_secret: SecretStr | None = None
    development_login: bool = False
    users_file: Path = ROOT / ".local" / "users.json"
    manifests_dir: Path = ROOT / "functions"
    event_subscriptions: dict[str, tuple[str, ...]] = {"audit-events": ("*",)}
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=2525, ge=1, le=65535)
    smtp_from: str = "platform@localhost.localdomain"
    webhook_allow_private: bool = False
    workflow_call_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    workflow_call_hosts: dict[str, str] = {}
    workflow_call_timeout_s: float = Field(default=30.0, gt=0, le=600)
    workflow_processes: Literal["off", "isolated", "trusted"] = "off"
    workflow_process_timeout_s: float = Field(default=30.0, gt=0, le=600)
    workflow_process_memory_mib: int = Field(default=512, ge=64, le=65_536)
    workflow_resources_dir: Path | None = None
    secrets_file: Path = ROOT / ".local" / "secrets.json"
    key_vault_url: str | None = None
    telemetry_interval_ms: int = Field(default=1000, ge=100, le=60_000)
    processing_handlers: Annotated[tuple[str, ...], NoDecode] = ()
    retention_days: int = Field(default=7, ge=1, le=3650)

    @field_validator("services", mode="before")
    @classmethod
    def _split_services(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        unknown = [name for name in names if name not in SERVICES]
        if unknown:
            raise ValueError(f"no service is called {', '.join(unknown)}; the services are {', '.join(SERVICES)}")
        if len(set(names)) != len(names):
            raise ValueError("a service is named twice")
        return names or SERVICES

    @field_validator("workflow_call_networks", mode="before")
    @classmethod
    def _split_networks(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("workflow_call_hosts")
    @classmethod
    def _hosts_lead_to_http(cls, value: dict[str, str]) -> dict[str, str]:
        for base in value.values():
            cls._is_http_url(base)
        return value

    @field_validator("processing_handlers", mode="before")
    @classmethod
    def _split_modules(cls, value: Any) -> Any:
        """Modules, separated by commas, that register handlers of messages when they are imported."""
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("edge_cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        origins = tuple(origin.strip() for origin in value.split(",") if origin.strip())
        if wrong := [origin for origin in origins if not re.fullmatch(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?", origin)]:
            raise ValueError(f"not an origin (scheme://host[:port]): {', '.join(wrong)}")
        return origins

    @field_validator("storage_connection")
    @classmethod
    def _storage_is_complete(cls, value: str) -> str:
        if value.strip().lower().startswith("usedevelopmentstorage=true"):
            return AZURITE
        if "AccountName=" not in value and "Endpoint=" not in value:
            raise ValueError("a storage connection string with AccountName and AccountKey, or endpoints, is needed")
        return value

    @field_validator("edge_url", "issuer", "service_url_template", "edge_service_url_template")
    @classmethod
    def _is_http_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value and value.rstrip("/")

    @model_validator(mode="after")
    def _development_login_stays_here(self) -> Self:
        if self.development_login and urlsplit(self.issuer).hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("PLATFORM_DEVELOPMENT_LOGIN is for a platform on this machine only")
        return self

    @property
    def storage(self) -> str:
        """The storage account's connection string; without a key where the process signs in with its own identity."""
        return f"AccountName={self.storage_account}" if self.storage_account else self.storage_connection

    def service_url(self, service: str) -> str:
        """The base address of a service as other services reach it, without a trailing slash."""
        return self._address(service, self.service_url_template)

    def edge_service_url(self, service: str) -> str:
        """The base address of a service as the edge reaches it: a name there stands for each of the service's pods.

        Without `edge_service_url_template` it is the address by which services reach it.
        """
        return self._address(service, self.edge_service_url_template or self.service_url_template)

    def _address(self, service: str, template: str) -> str:
        return self.service_urls.get(service, template.replace("{service}", service)).rstrip("/")


def read_settings() -> Settings:
    """Read the environment. Raises SettingsError that lists every mistake at once."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"  - {_variable(e['loc'])}: {_plain(e['msg'])}" for e in error.errors()]
        raise SettingsError("these settings can't be used:\n" + "\n".join(lines)) from None


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once."""
    return read_settings()


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "settings"
    return f"PLATFORM_{name.upper()}" if name in Settings.model_fields else name


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
