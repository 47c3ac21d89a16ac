"""What tests of calls share: a service of somebody else, settings that allow it, and a way to run one definition."""

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.integration.workflow.calls.third_party import ThirdParty


@pytest.fixture
def workflow_settings(tmp_path: Path) -> dict[str, Any]:
    """Calls may go to this machine."""
    return {
        "secrets_file": tmp_path / "secrets.json",
        "workflow_call_networks": (ip_network("127.0.0.0/8"),),
    }


@pytest.fixture
def impatient(workflow_settings: dict[str, Any]) -> None:
    """Calls and processes are not waited for long."""
    workflow_settings |= {"workflow_call_timeout_s": 0.5, "workflow_process_timeout_s": 1.0}


@pytest.fixture
async def third_party() -> AsyncIterator[ThirdParty]:
    made = ThirdParty()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    made.release.set()
    await runner.cleanup()
