import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from chassis.manifest import SERVICES
from chassis.settings import Settings
from functions.gateway.envoy.canaries import canary_of
from infra.checks.manifests import environment
from infra.image.contents import ROOT
from infra.pipelines.canary import Patience, Seen, carry, judge, queries, seen
from infra.pipelines.canary_objects import canary_objects
from infra.pipelines.changed import EVERY, changed_images
from infra.pipelines.rollout import give_share

EDGE_TEMPLATE = "PLATFORM_EDGE_SERVICE_URL_TEMPLATE"
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
        (["functions/gateway/envoy/module/gate.c"], ["gateway", "edge"]),
        (["functions/gateway/envoy/module/gone.h"], ["gateway", "edge"]),
        (["functions/gateway/envoy/gate.py"], ["gateway"]),
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
    ("canary", "stable", "since_s", "decision"),
    [
        (Seen(1000, 0.0, 50), Seen(9000, 0.0, 50), 300, "promote"),
        (Seen(1000, 0.0, 50), Seen(9000, 0.0, 50), 299, "wait"),
        (Seen(1000, 0.05, 50), Seen(9000, 0.0, 50), 60, "roll-back"),
        (Seen(1000, 0.05, 50), Seen(9000, 0.05, 50), 300, "promote"),
        (Seen(1000, 0.0, 90), Seen(9000, 0.0, 50), 60, "roll-back"),
        (Seen(49, 1.0, 50), Seen(9000, 0.0, 50), 899, "wait"),
        (Seen(49, 0.0, 50), Seen(9000, 0.0, 50), 900, "roll-back"),
        (Seen(1000, 0.0, None), Seen(0, 0.0, None), 300, "promote"),
    ],
)
def test_a_canary_is_judged_by_what_is_there(canary: Seen, stable: Seen, since_s: float, decision: str) -> None:
    assert judge(canary, stable, since_s, Patience()).decision == decision


def test_what_is_refused_or_left_unanswered_has_failed() -> None:
    answers = {"requests": 90.0, "upstream_cx_connect_fail": 7.0, "upstream_rq_timeout": 4.0, "failed": 6.0}
    answers |= {"upstream_cx_none_healthy": 3.0}
    named = {query: answers.get(name) for name, query in queries("audit-canary", 60).items()}
    assert answers.keys() <= queries("audit-canary", 60).keys()
    assert seen("audit-canary", named.get, 60) == Seen(100.0, 0.2, None)


@dataclass
class Traffic:
    """An edge that sees so many requests a minute, of which the canary gets its share; its clock is the waiting."""

    per_minute: float
    failing_from: int = 101
    """The share from which the canary fails."""
    shares: list[int] = field(default_factory=list)
    passed_s: float = 0
    began_s: float = 0

    def give(self, share: int) -> None:
        self.shares.append(share)
        self.began_s = self.passed_s

    def wait(self, seconds: float) -> None:
        self.passed_s += seconds

    def ask(self, query: str) -> float | None:
        if "upstream_rq_total" not in query and "5.." not in query:
            return None
        share = self.shares[-1] / 100 if "-canary" in query else 1 - self.shares[-1] / 100
        requests = self.per_minute * share * (self.passed_s - self.began_s) / 60
        fails = "-canary" in query and self.shares[-1] >= self.failing_from
        return (requests if fails else 0.0) if "5.." in query else requests

    def carry(self) -> bool:
        return carry("audit", self.give, self.ask, self.wait, lambda _: None, Patience())


def test_a_good_canary_gets_more_and_more_and_each_step_lasts_its_time() -> None:
    traffic = Traffic(per_minute=10_000)
    assert traffic.carry()
    assert traffic.shares == [5, 25, 50]
    assert traffic.passed_s == 3 * Patience.least_s


def test_a_step_with_too_few_requests_is_not_left_before_they_came() -> None:
    """Five per cent of 100 a minute are 50 after ten minutes; a quarter of them after two, but a step lasts five."""
    traffic = Traffic(per_minute=100)
    assert traffic.carry()
    assert traffic.passed_s == 600 + 300 + 300


def test_a_canary_that_too_few_ask_is_taken_back_at_the_limit() -> None:
    traffic = Traffic(per_minute=1)
    assert not traffic.carry()
    assert traffic.shares == [5, 0]
    assert traffic.passed_s == Patience.most_s


def test_a_canary_that_fails_later_is_taken_back_then() -> None:
    traffic = Traffic(per_minute=10_000, failing_from=25)
    assert not traffic.carry()
    assert traffic.shares == [5, 25, 0]
    assert traffic.passed_s == Patience.least_s + Patience.look_s


def test_a_canary_whose_figures_can_not_be_had_is_taken_back() -> None:
    traffic = Traffic(per_minute=10_000)
    traffic.ask = lambda query: 1 / 0  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        traffic.carry()
    assert traffic.shares == [5, 0]


KUBECTL = """#!{python}
import json, pathlib, sys
file = pathlib.Path({folder!r}) / "map.json"
verb = sys.argv[3]
if verb == "get":
    print(file.read_text() if file.exists() else "")
    # Another service's roll-out, right after this one's look.
    other = json.loads(file.read_text()) if file.exists() else {{"metadata": {{"name": "canaries"}}, "data": {{}}}}
    shares = json.loads(other["data"].get("canaries.json", "{{}}"))
    if "metadata" not in shares:
        other["data"]["canaries.json"] = json.dumps({{**shares, "metadata": 25}})
        other["metadata"]["resourceVersion"] = "2"
        file.write_text(json.dumps(other))
    sys.exit(0)
given, there = json.load(sys.stdin), json.loads(file.read_text()) if file.exists() else None
if verb == "create" and there:
    sys.exit("Error from server (AlreadyExists): configmaps already exists")
if verb == "replace" and given["metadata"]["resourceVersion"] != there["metadata"]["resourceVersion"]:
    sys.exit("Error from server (Conflict): the object has been modified")
given["metadata"]["resourceVersion"] = str(int(given["metadata"].get("resourceVersion", 0)) + 1)
file.write_text(json.dumps(given))
"""


@pytest.mark.parametrize("there", [None, {"metadata": {"resourceVersion": "1"}, "data": {"canaries.json": "{}"}}])
def test_services_that_roll_out_side_by_side_keep_each_others_shares(tmp_path: Path, there: object) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL.format(python=sys.executable, folder=str(tmp_path)))
    kubectl.chmod(0o700)
    if there:
        (tmp_path / "map.json").write_text(json.dumps(there))
    give_share("audit", 5, str(kubectl))
    written = json.loads((tmp_path / "map.json").read_text())
    assert json.loads(written["data"]["canaries.json"]) == {"audit": 5, "metadata": 25}


def test_a_canary_has_pods_of_its_own_behind_services_of_its_own() -> None:
    objects = environment("prod").objects
    deployment, service, endpoints = canary_objects("audit", objects)
    pods = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["metadata"]["name"] == deployment["metadata"]["name"] == "audit-canary"
    for canary, name in ((service, "audit"), (endpoints, "audit-pods")):
        stable = environment("prod").find("Service", name)
        assert stable is not None
        assert canary["spec"]["selector"].items() <= pods.items()
        assert not stable["spec"]["selector"].items() <= pods.items()
        assert {**stable["spec"], "selector": {}} == {**canary["spec"], "selector": {}}
    policy = environment("prod").find("NetworkPolicy", "audit")
    assert policy is not None
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pods.items()
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == "audit"


def test_the_edge_asks_for_a_canarys_pods_by_the_name_that_they_have() -> None:
    settings = Settings(edge_service_url_template=environment("prod").variables("gateway")[EDGE_TEMPLATE])
    asked = urlsplit(settings.edge_service_url(canary_of("audit"))).hostname
    assert asked in [found["metadata"]["name"] for found in canary_objects("audit", environment("prod").objects)]


def test_a_service_without_its_headless_name_has_no_canary() -> None:
    objects = [found for found in environment("prod").objects if found["metadata"]["name"] != "audit-pods"]
    with pytest.raises(LookupError, match="no Service audit-pods"):
        canary_objects("audit", objects)


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
