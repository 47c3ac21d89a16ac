"""The merged OpenAPI document is true: schemathesis holds every operation of every service to it, through the edge."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import aiohttp
import httpx
import pytest

from chassis.auth.service_token import ServiceToken
from chassis.manifest import SERVICES
from local.credentials import read_demo_client
from local.demo.api import Api
from local.platform import Platform
from tests.e2e.openapi_things import TENANT, dictionaries, make_things, own_client

CONFIG = Path(__file__).parent / "schemathesis.toml"
CHECKS = Path(__file__).parent / "schemathesis_checks.py"
WHOLE = os.environ.get("PLATFORM_SCHEMATHESIS") == "whole"
"""Five minutes of boundary values, missing fields and wrong methods too, and at things that are there."""

EFFORT = (
    ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "60")
    if WHOLE
    else ("--phases", "examples,fuzzing,stateful", "--max-examples", "1")
)
GENERATOR = """
post_hooks: []
content_type_overrides:  # what the generator does not know it may send as it is
  application/x-ndjson: application/octet-stream
  application/x-protobuf: application/octet-stream
  application/yaml: application/octet-stream
"""
BUCKET = {"requestsPerSecond": 100_000, "burst": 100_000}


def token(platform: Platform, client: tuple[str, str] | None = None) -> str:
    demo = platform.demo_client
    answer = httpx.post(
        f"{platform.edge_url}/identity/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=client or (demo.id, demo.secret.get_secret_value()),
    )
    return str(answer.json()["access_token"])


async def make_ready(platform: Platform, client: tuple[str, str]) -> str:
    """Things for the requests to find, and no limit in their way; gives the configuration that names them."""
    operator = read_demo_client(platform.layout.operator_client_file)
    assert operator is not None
    async with Api(platform.edge_url, operator.id, operator.secret.get_secret_value()) as api:
        await api.log_in()
        limits = {"tier": "premium", "buckets": dict.fromkeys(SERVICES, BUCKET)}
        await api.call("PUT", f"/gateway/tenants/{TENANT}/limits", limits)
    async with Api(platform.edge_url, *client) as api:
        await api.log_in()
        return dictionaries(await make_things(api))


async def schemathesis(platform: Platform, config: Path, authorization: str, *which: str) -> str:
    """Run it with this Authorization over the operations that are wanted (default: all); gives what it said."""
    command = (
        *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config)),
        *("run", f"{platform.edge_url}/gateway/openapi.json", "--url", platform.edge_url),
        *("-H", f"Authorization: {authorization}", "--seed", "1", "--no-color", *EFFORT, *which),
    )
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(CHECKS)}
    ran = await asyncio.to_thread(
        subprocess.run,
        command,
        capture_output=True,
        text=True,
        timeout=840,
        check=False,
        cwd=config.parent,
        env=environment,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]
    return str(ran.stdout)


@pytest.mark.asyncio(loop_scope="session")
async def test_every_operation_keeps_what_the_document_promises(platform: Platform, tmp_path: Path) -> None:
    client = own_client(platform)
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.read_text() + (await make_ready(platform, client) if WHOLE else ""))
    said = await schemathesis(platform, config, f"Bearer {token(platform, client)}")
    selected = re.search(r"Selected: (\d+)/(\d+)", said)
    assert selected
    assert selected[1] == selected[2]
    assert int(selected[1]) > 100


@pytest.mark.skipif(not WHOLE, reason="PLATFORM_SCHEMATHESIS is not whole")
@pytest.mark.parametrize("who", ["operator", "service", "client"])
@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_not_for_tenants_keeps_its_promises_too(platform: Platform, who: str) -> None:
    """The operators' operations but those on signing keys (whose tokens would all be refused), telemetry, OAuth."""
    operator = read_demo_client(platform.layout.operator_client_file)
    assert operator is not None
    client = (operator.id, operator.secret.get_secret_value())
    if who == "operator":
        authorization, paths = f"Bearer {token(platform, client)}", "^/(gateway|identity)/tenants"
    elif who == "service":
        identity = f"{platform.edge_url}/identity"
        key = platform.layout.keys / "processing.jwk"
        own = ServiceToken("processing", key, f"{identity}/oauth2/token", identity)
        authorization, paths = f"Bearer {await own.get()}", "^/monitoring/otlp/"
    else:
        authorization, paths = aiohttp.encode_basic_auth(*client), "^/identity/oauth2/(introspect|revoke)$"
    said = await schemathesis(platform, CONFIG, authorization, "--include-path-regex", paths)
    assert "Authentication failed" not in said


def test_the_document_is_shown_by_a_page_that_loads_nothing_from_elsewhere(platform: Platform) -> None:
    page = httpx.get(f"{platform.edge_url}/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [path for path in loaded if not path.startswith(("/docs/", "data:"))] == []
    for path in loaded:
        if path.startswith("/"):
            assert httpx.get(platform.edge_url + path).status_code == 200


def test_a_client_generated_from_the_document_works(platform: Platform, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx.get(f"{platform.edge_url}/gateway/openapi.json").content)
    generator = str(Path(sys.executable).parent / "openapi-python-client")
    config = tmp_path / "generator.yaml"
    config.write_text(GENERATOR)
    options = ("--path", document, "--output-path", tmp_path / "generated", "--meta", "none", "--config", config)
    made = subprocess.run((generator, "generate", *options), capture_output=True, text=True, timeout=120, check=False)
    assert (made.returncode, made.stderr) == (0, "")
    assert not re.search("warning|unable", made.stdout, re.IGNORECASE), made.stdout[:3000]
    secret = tmp_path / "token"
    secret.write_text(token(platform))
    shutil.copy(Path(__file__).parent / "generated_client_use.py", tmp_path)
    ran = subprocess.run(
        (sys.executable, "generated_client_use.py", platform.edge_url, str(secret)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "all done\n"), ran.stderr[-3000:]
