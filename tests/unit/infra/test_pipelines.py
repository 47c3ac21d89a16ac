import re
import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

from chassis.manifest import SERVICES
from infra.checks.manifests import environment
from infra.image.contents import ROOT
from infra.pipelines.canary import Seen, judge, queries, seen
from infra.pipelines.canary_objects import canary_objects
from infra.pipelines.changed import EVERY, changed_images

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize(
    ("paths", "images"),
    [
        (["functions/metadata/api.py"], ["metadata"]),
        (["functions/metadata/gone.py"], ["metadata"]),
        (["functions/metadata/requirements.txt", "functions/audit/service.yaml"], ["metadata", "audit"]),
        (["durable/workflow/orchestrator.py"], ["workflow"]),
        (["durable/jobs/orchestrator.py"], ["processing"]),
        (["keda/base/reporting/scaledobject.yaml"], ["reporting"]),
        (["keda/base/edge/deployment.yaml"], ["edge"]),
        (["functions/gateway/envoy/bootstrap.yaml"], ["gateway", "edge"]),
        (["chassis/errors.py"], list(SERVICES)),
        (["requirements.txt"], list(SERVICES)),
        (["Dockerfile"], list(EVERY)),
        (["keda/overlays/prod/kustomization.yaml"], list(EVERY)),
        (["README.md", "docs/x.md", "tests/unit/functions/metadata/test_api.py", "funchost/cli.py", "bench/x.py"], []),
        ([], []),
    ],
)
def test_a_change_concerns_the_images_that_hold_it(paths: list[str], images: list[str]) -> None:
    assert changed_images(paths) == images


@pytest.mark.parametrize("service", SERVICES)
def test_a_change_in_one_services_folder_concerns_that_service_alone(service: str) -> None:
    assert changed_images([f"functions/{service}/service.py", f"functions/{service}/api.py"]) == [service]


@pytest.mark.parametrize(
    ("canary", "stable", "decision"),
    [
        (Seen(1000, 0.0, 50), Seen(9000, 0.0, 50), "promote"),
        (Seen(1000, 0.05, 50), Seen(9000, 0.0, 50), "roll-back"),
        (Seen(1000, 0.05, 50), Seen(9000, 0.05, 50), "promote"),
        (Seen(1000, 0.0, 90), Seen(9000, 0.0, 50), "roll-back"),
        (Seen(49, 1.0, 50), Seen(9000, 0.0, 50), "wait"),
        (Seen(1000, 0.0, None), Seen(0, 0.0, None), "promote"),
    ],
)
def test_a_canary_is_judged_by_what_is_there(canary: Seen, stable: Seen, decision: str) -> None:
    assert judge(canary, stable).decision == decision


def test_refused_connections_are_failed_requests() -> None:
    answers = dict(zip(queries("audit-canary").values(), (90.0, 0.0, 10.0, None), strict=True))
    assert seen("audit-canary", answers.get) == Seen(100.0, 0.1, None)


def test_a_canary_has_pods_of_its_own_behind_a_service_of_its_own() -> None:
    objects = environment("prod").objects
    deployment, service = canary_objects("audit", objects)
    pods = deployment["spec"]["template"]["metadata"]["labels"]
    stable = environment("prod").find("Service", "audit")
    assert stable is not None
    assert service["metadata"]["name"] == deployment["metadata"]["name"] == "audit-canary"
    assert service["spec"]["selector"].items() <= pods.items()
    assert not stable["spec"]["selector"].items() <= pods.items()
    policy = environment("prod").find("NetworkPolicy", "audit")
    assert policy is not None
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pods.items()
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == "audit"


def test_actions_are_pinned_by_commit_and_no_workflow_has_a_secret() -> None:
    for path in WORKFLOWS:
        text = path.read_text()
        for used in re.findall(r"uses: (\S+)", text):
            assert used.startswith("./") or re.search(r"@[0-9a-f]{40}$", used), f"{path.name}: {used}"
        assert "secrets." not in text
        assert "permissions:" in text


def test_only_jobs_that_sign_in_to_azure_may_ask_for_a_token() -> None:
    for path in WORKFLOWS:
        content = YAML(typ="safe", pure=True).load(path.read_text())
        assert content["permissions"] == {"contents": "read"}, path.name
        for name, job in content["jobs"].items():
            asks = (job.get("permissions") or {}).get("id-token") == "write"
            uses = "azure/login" in str(job.get("steps")) or "service.yml" in str(job.get("uses"))
            assert asks == uses, f"{path.name}: {name}"


@pytest.mark.parametrize("script", ["rollout.sh", "install_tools.sh"])
def test_scripts_stop_at_the_first_error_and_parse(script: str) -> None:
    path = ROOT / "infra" / "pipelines" / script
    assert "set -euo pipefail" in path.read_text()
    assert subprocess.run([str(shutil.which("bash")), "-n", str(path)], check=False).returncode == 0
