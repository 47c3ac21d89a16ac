"""checkov (in a virtual environment of its own, build/tools/checkov) over image, manifests, Bicep and pipelines."""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from infra.checks.manifests import Environment
from infra.checks.tools import run, tool
from infra.image.contents import ROOT

SKIPPED: dict[str, str] = {
    # image
    "CKV_DOCKER_7": "stages that start from an ARG: its default is pinned (infra/image/contents.py checks it)",
    # pipelines
    "CKV_GHA_7": "the one input chooses between two environments, each with its own approval",
    # Bicep: conditions on a parameter, which these read as "not set"; prod.bicepparam sets the strict side
    "CKV_AZURE_109": "the vaults' firewall denies where private endpoints are on, as in production",
    "CKV_AZURE_113": "the database server's public access is off where private endpoints are on",
    "CKV_AZURE_139": "the registry's public access is off where private endpoints are on",
    "CKV_AZURE_35": "the storage account denies by default where private endpoints are on",
    "CKV_AZURE_206": "storage is zone-redundant where there are several zones",
    "CKV_AZURE_229": "the database is zone-redundant where there are several zones",
    "CKV_AZURE_6": "in production the API server is private; elsewhere people reach it with Entra ID alone",
    # Bicep: what is there, in another form
    "CKV_AZURE_23": "auditing is on, in a resource of its own (modules/sql.bicep)",
    "CKV_AZURE_25": "threat detection is on for all types, in a resource of its own",
    "CKV_AZURE_26": "alerts go to the account's administrators, in a resource of its own",
    "CKV_AZURE_27": "alerts go to the account's administrators, in a resource of its own",
    "CKV_AZURE_172": "rotation is on; ARM wants the text 'true', which the check does not take",
    "CKV_AZURE_8": "AKS has no dashboard add-on any more",
    "CKV_AZURE_163": "the pipeline scans each image before it is signed",
    "CKV_AZURE_166": "a roll-out takes only what the pipeline has signed",
    # manifests
    "CKV_K8S_43": "overlays name tags; a roll-out sets the digest (infra/pipelines/rollout.sh)",
    "CKV_K8S_15": "tags are never moved, so a pulled image stays right",
    "CKV_K8S_35": "the one secret in a variable is SQL Server's in the overlay for trying things out",
    "CKV_K8S_40": "the user id is 10001",
    "CKV2_K8S_6": "every pod has a NetworkPolicy: infra/checks/network.py",
}
"""Checks that are not asked, each with the reason."""


def checkov_mistakes(environments: Iterator[Environment]) -> Iterator[str]:
    """Findings of checkov. Raises Skipped where it is not at hand."""
    binary = tool("checkov", instead="`make tools` puts it into build/tools (300 MB)")
    with tempfile.TemporaryDirectory() as folder:
        for environment in environments:
            _write(Path(folder) / f"{environment.name}.yaml", environment)
        looks = {
            "kubernetes": ("-d", folder),
            "bicep": ("-d", str(ROOT / "infra" / "bicep")),
            "dockerfile": ("-f", str(ROOT / "Dockerfile")),
            "github_actions": ("-d", str(ROOT / ".github")),
        }
        with ThreadPoolExecutor(2) as pool:  # each look is a process of its own, half of it its start
            for found in pool.map(lambda name: list(_findings(binary, name, *looks[name])), looks):
                yield from found


def _write(path: Path, environment: Environment) -> None:
    yaml = YAML(typ="safe", pure=True)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump_all(environment.objects, file)


def _findings(binary: str, framework: str, *where: str) -> Iterator[str]:
    skip = ",".join(SKIPPED)
    options = ("--skip-check", skip, "--output", "json", "--quiet")
    done = run(binary, "--framework", framework, *where, *options, timeout_s=300)
    try:
        report: Any = json.loads(done.stdout or "{}")
    except ValueError:
        yield f"checkov {framework}: {done.stderr.strip()[-300:]}"
        return
    for each in report if isinstance(report, list) else [report]:
        for failed in each.get("results", {}).get("failed_checks", ()):
            yield f"{failed['check_id']} {Path(failed['file_path']).name} {failed['resource']}: {failed['check_name']}"
