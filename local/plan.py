"""What runs on one machine: each process with its command, environment and probe."""

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from chassis.manifest import SERVICES, ServiceManifest
from local import edge
from local.azurite import azurite_command, connection_string
from local.credentials import Credentials
from local.layout import Layout
from local.supervisor.child import Spec
from local.supervisor.probes import Probe, answering, listening

HOST = "127.0.0.1"
DEFAULT_PORTS = {
    "edge": 8080,
    "envoy-admin": 9901,
    "azurite-blob": 10000,
    "azurite-queue": 10001,
    "azurite-table": 10002,
    "signalr": 8888,
    "mail": 2525,
    **{service: 7071 + number for number, service in enumerate(SERVICES)},
}
EDGE_RANK, SERVICE_RANK, MONITORING_RANK, STORAGE_RANK = range(4)
"""Stop order: the edge takes no more, the services drain, what takes their last telemetry, what they store in."""
DRAIN_S = 8.0
"""What a service gets to finish what it is doing; what is not done then is done after the next start."""
NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV")

OWN_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "processing": {
        "AzureFunctionsJobHost__extensions__queues__batchSize": "2",
        "AzureFunctionsJobHost__extensions__queues__newBatchThreshold": "0",
    }
}
"""As in keda/base: a process that fetches more chunks ahead than it works on leaves none to the others."""


@dataclass(frozen=True)
class Plan:
    """All that a start has decided: where, on which ports, with which secrets, and what the tests add."""

    layout: Layout
    ports: Mapping[str, int]
    credentials: Credentials
    manifests: Mapping[str, ServiceManifest]
    extra_environment: Mapping[str, str]
    services: tuple[str, ...] = SERVICES

    def url(self, name: str) -> str:
        """The base address of a process that speaks HTTP."""
        return f"http://{HOST}:{self.ports[name]}"

    def specs(self) -> list[Spec]:
        """Every process, in the order in which they are shown."""
        services = [self._service(name) for name in SERVICES if name in self.services]
        edges = [self._edge()] if "gateway" in self.services else []
        return [self._azurite(), self._signalr(), self._mail(), *services, *edges]

    def service_environment(self, service: str) -> dict[str, str]:
        """The settings of one service's process (chassis/settings.py)."""
        signalr_key = self.credentials.signalr_key.get_secret_value()
        access = f"AccessKey={signalr_key};Version=1.0;"
        # Clients come through the edge: one address, as in front of a private SignalR Service.
        clients = f"ClientEndpoint={self.url('edge')};" if "gateway" in self.services else ""
        return {
            **self._inherited(),
            "AzureWebJobsStorage": self.storage_connection(),
            "AzureSignalRConnectionString": f"Endpoint={self.url('signalr')};{access}{clients}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{self.url('monitoring')}/monitoring/otlp",
            "FUNCHOST_STATE_DIR": str(self.layout.durable / service),
            # Each poll of an empty queue costs money in Azure and nothing here: look four times a second, not once.
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.250",
            **OWN_SETTINGS.get(service, {}),
            "PLATFORM_SERVICES": service,
            "PLATFORM_SERVICE_URLS": json.dumps({name: self.url(name) for name in SERVICES}),
            "PLATFORM_EDGE_URL": self.url("edge"),
            "PLATFORM_ISSUER": f"{self.url('edge')}/identity",
            "PLATFORM_KEYS_DIR": str(self.layout.keys),
            "PLATFORM_SIGNING_KEYS_DIR": str(self.layout.signing),
            "PLATFORM_CLIENTS_FILE": str(self.layout.clients_file),
            "PLATFORM_SECRETS_FILE": str(self.layout.secrets_file),
            "PLATFORM_DEVELOPMENT_LOGIN": "true",
            "PLATFORM_USERS_FILE": str(self.layout.users_file),
            "PLATFORM_MANIFESTS_DIR": str(self.layout.root / "functions"),
            "PLATFORM_EVENT_SUBSCRIPTIONS": json.dumps(event_subscriptions(self.manifests)),
            "PLATFORM_SMTP_HOST": HOST,
            "PLATFORM_SMTP_PORT": str(self.ports["mail"]),
            "PLATFORM_WEBHOOK_ALLOW_PRIVATE": "true",  # the receivers of a demo are on this machine
            **self.extra_environment,
        }

    def storage_connection(self) -> str:
        """The connection string of this plan's Azurite."""
        return connection_string(*self._azurite_ports())

    def without_module(self) -> str | None:
        """What to tell people of an edge without its module; None where it has it, or where there is no edge."""
        return edge.without_module(self._edge_environment()) if "gateway" in self.services else None

    def _azurite(self) -> Spec:
        blob, queue, table = self._azurite_ports()
        return Spec(
            name="azurite",
            command=azurite_command(self.layout, blob, queue, table, self.layout.azurite_data),
            environment=self._inherited(),
            cwd=self.layout.azurite_data,
            url=f"http://{HOST}:{blob}, :{queue}, :{table}",
            ready=listening(blob, queue, table),
            on_parent_death=signal.SIGTERM,  # so that it writes its index down
            stop_rank=STORAGE_RANK,
        )

    def _azurite_ports(self) -> tuple[int, int, int]:
        return self.ports["azurite-blob"], self.ports["azurite-queue"], self.ports["azurite-table"]

    def _signalr(self) -> Spec:
        port = self.ports["signalr"]
        options = ("--port", str(port), "--key-file", str(self.layout.signalr_key_file))
        probe = answering(f"{self.url('signalr')}/api/health")
        return self._python("signalr", "local.signalr", options, probe, url=self.url("signalr"), rank=STORAGE_RANK)

    def _mail(self) -> Spec:
        port = self.ports["mail"]
        options = ("--port", str(port), "--folder", str(self.layout.mail))
        return self._python(
            "mail", "local.mail", options, listening(port), url=f"smtp://{HOST}:{port}", rank=STORAGE_RANK
        )

    def _service(self, name: str) -> Spec:
        url = self.url(name)
        return Spec(
            name=name,
            command=funchost_command(self.layout, self.ports[name]),
            environment=self.service_environment(name),
            cwd=self.layout.root,
            url=url,
            ready=answering(f"{url}/runtime/health/ready", f"{url}/{name}/health/ready"),
            after=("azurite",),
            stop_grace_s=DRAIN_S + 4,
            stop_rank=MONITORING_RANK if name == "monitoring" else SERVICE_RANK,
        )

    def _edge(self) -> Spec:
        admin = self.ports["envoy-admin"]
        config = edge.render(
            self.layout,
            edge_port=self.ports["edge"],
            admin_port=admin,
            gateway_port=self.ports["gateway"],
            environment=self._edge_environment(),
        )
        routed = f"{self.url('edge')}/gateway/health/live"
        return Spec(
            name="edge",
            command=edge.envoy_command(config),
            environment=self._inherited(),
            cwd=self.layout.root,
            url=self.url("edge"),
            ready=answering(f"http://{HOST}:{admin}/ready", routed),
            after=("gateway",),
            stop_rank=EDGE_RANK,
        )

    def _edge_environment(self) -> dict[str, str]:
        return {**os.environ, **self.extra_environment}

    def _python(self, name: str, module: str, options: tuple[str, ...], probe: Probe, *, url: str, rank: int) -> Spec:
        return Spec(
            name=name,
            command=(sys.executable, "-m", module, *options),
            environment=self._inherited(),
            cwd=self.layout.root,
            url=url,
            ready=probe,
            stop_rank=rank,
        )

    def _inherited(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        loopback = ",".join(filter(None, (kept.get("NO_PROXY"), "127.0.0.1,localhost")))
        return {**kept, "NO_PROXY": loopback, "no_proxy": loopback, "PYTHONUNBUFFERED": "1"}


def funchost_command(layout: Layout, port: int) -> tuple[str, ...]:
    """The command line of one service's Functions host."""
    options = ("--app", str(layout.root), "--port", str(port), "--grace", f"{DRAIN_S:g}")
    return (sys.executable, "-m", "funchost", "start", *options)


def event_subscriptions(manifests: Mapping[str, ServiceManifest]) -> dict[str, list[str]]:
    """Queue name → event type patterns, from every service's subscriptions."""
    found: dict[str, set[str]] = {}
    for manifest in manifests.values():
        for subscription in manifest.subscriptions:
            found.setdefault(subscription.queue, set()).update(subscription.types)
    return {queue: sorted(types) for queue, types in sorted(found.items())}
