"""A platform with many tenants, each with a client: what one client may ask for in a second is limited at the edge."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chassis.manifest import read_manifests
from local.credentials import make_credentials
from local.demo.api import Api
from local.layout import ROOT, Layout
from local.platform import Platform


@dataclass(frozen=True)
class Estate:
    """A running platform and a logged-in client of each tenant."""

    platform: Platform
    clients: Sequence[Api]


@asynccontextmanager
async def estate(services: Sequence[str], tenants: int) -> AsyncIterator[Estate]:
    """Start these services behind the edge, with that many tenants."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        layout = Layout(ROOT, folder)
        layout.make()
        demo = make_credentials(layout, read_manifests(ROOT / "functions"), "http://127.0.0.1").demo_client
        known = json.loads(layout.clients_file.read_bytes())
        [own] = [client for client in known if client["clientId"] == demo.id]
        named = [{**own, "clientId": f"bench-{n}", "tenant": f"bench-{n}"} for n in range(tenants)]
        file = folder / "bench-clients.json"
        file.write_text(json.dumps([*known, *named]))
        environment = {"PLATFORM_CLIENTS_FILE": str(file)}
        started = Platform(state_dir=folder, environment=environment, services=services, free_ports=True)
        platform = await stack.enter_async_context(started)
        secret = demo.secret.get_secret_value()
        clients = [
            await stack.enter_async_context(Api(platform.edge_url, f"bench-{n}", secret)) for n in range(tenants)
        ]
        await asyncio.gather(*(client.log_in() for client in clients))
        yield Estate(platform, clients)
