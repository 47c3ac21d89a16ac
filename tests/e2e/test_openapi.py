"""The merged OpenAPI document is true: schemathesis holds every operation of every service to it, through the edge."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from local.platform import Platform

CONFIG = Path(__file__).parent / "schemathesis.toml"
WHOLE = os.environ.get("PLATFORM_SCHEMATHESIS") == "whole"
"""Two minutes of boundary values, missing fields and wrong methods besides the random requests."""


def token(platform: Platform) -> str:
    client = platform.demo_client
    answer = httpx.post(
        f"{platform.edge_url}/identity/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(client.id, client.secret.get_secret_value()),
    )
    return str(answer.json()["access_token"])


def test_every_operation_keeps_what_the_document_promises(platform: Platform) -> None:
    effort = ("--phases", "coverage,fuzzing") if WHOLE else ("--phases", "fuzzing")
    command = (
        *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(CONFIG)),
        *("run", f"{platform.edge_url}/gateway/openapi.json", "--url", platform.edge_url),
        *("-H", f"Authorization: Bearer {token(platform)}"),
        *("--max-examples", "3" if WHOLE else "1", "--seed", "1", "--no-color", *effort),
    )
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:]
    selected = re.search(r"Selected: (\d+)/(\d+)", ran.stdout)
    assert selected
    assert selected[1] == selected[2]
    assert int(selected[1]) > 100


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
    options = ("--path", str(document), "--output-path", str(tmp_path / "generated"), "--meta", "none")
    made = subprocess.run((generator, "generate", *options), capture_output=True, text=True, timeout=120, check=False)
    assert made.returncode == 0, made.stdout[-3000:]
    use = (
        "import sys\n"
        "from generated import AuthenticatedClient\n"
        "from generated.api.gateway import gateway_list_routes_gateway_routes_get as list_routes\n"
        "client = AuthenticatedClient(base_url=sys.argv[1], token=sys.stdin.read())\n"
        "found = list_routes.sync(client=client)\n"
        "print(len(found.items), found.refused)\n"
    )
    ran = subprocess.run(
        (sys.executable, "-c", use, platform.edge_url),
        input=token(platform),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    number, refused = ran.stdout.split(maxsplit=1)
    assert int(number) > 100
    assert refused.strip() == "[]"
