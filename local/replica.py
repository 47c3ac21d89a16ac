"""One more process of a service, beside the platform that runs: what KEDA does on AKS, by hand."""

import os

from rich.console import Console

from chassis.manifest import read_manifests
from local import ports
from local.credentials import make_credentials
from local.layout import Layout
from local.plan import Plan, funchost_command
from local.platform import running_endpoints


def run(layout: Layout, service: str) -> int:  # noqa: RET503 - ends as another program
    """Become a replica of the service, on a free port, with durable state of its own. Gives 1 when nothing runs.

    It shares the service's queues with the first process, and is not routed to by the edge. Ctrl-C drains and ends it.
    """
    console = Console()
    running = running_endpoints(layout)
    if running is None:
        console.print("The platform does not run. Start it first: make up")
        return 1
    manifests = read_manifests(layout.root / "functions")
    plan = Plan(layout, running.ports, make_credentials(layout, manifests, running.edge_url), manifests, {})
    (port,) = ports.any_free(1)
    state = layout.durable / f"{service}-{port}"
    state.mkdir(parents=True, exist_ok=True)
    environment = {**plan.service_environment(service), "FUNCHOST_STATE_DIR": str(state)}
    console.print(f"One more {service} process on port {port}; Ctrl-C ends it.")
    command = funchost_command(layout, port)
    os.chdir(layout.root)
    os.execve(command[0], command, environment)  # noqa: S606 - this very interpreter; never returns
