"""rollout.sh with the programs that it calls put in the place of real ones: each writes down how it was called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.image.contents import ROOT

STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
case "$(basename "$0") $*" in {fails}) exit 1 ;; esac
[ "$(basename "$0")" != kustomize ] || echo "kind: List"
[ -t 0 ] || cat > /dev/null
"""
PROGRAMS = ("kubectl", "kustomize", "python", "sleep", "az")
GIVE_BACK = "python -m infra.pipelines.rollout audit 0"
DELETE = "kubectl -n platform delete deployment,service audit-canary audit-canary-pods --ignore-not-found"
CANARY = "python -m infra.pipelines.rollout audit"
APPLY = "kubectl apply -l app.kubernetes.io/name=audit -f -"
NAMES = "kubectl apply -l app.kubernetes.io/component=endpoints -f -"


def run(folder: Path, image: str = "audit", fails: str = "never") -> tuple[int, list[str]]:
    """The script's exit code and the calls that it made, where those that fit the pattern fail."""
    log, programs = folder / "calls", folder / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).write_text(STUB.format(log=log, fails=fails))
        (programs / name).chmod(0o700)
    (folder / "infra" / "pipelines").mkdir(parents=True)
    shutil.copy(ROOT / "infra" / "pipelines" / "rollout.sh", folder / "infra" / "pipelines")
    (folder / "keda" / "overlays" / "prod").mkdir(parents=True)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "IMAGE": image,
        "DIGEST": "sha256:1",
        "REGISTRY": "x.azurecr.io",
        "OVERLAY": "prod",
        "ENVIRONMENT_FILE": "{}",
    }
    done = subprocess.run([str(folder / "infra/pipelines/rollout.sh")], env=environment, check=False, timeout=30)
    return done.returncode, log.read_text().splitlines()


def test_a_good_canary_takes_the_stables_place_and_goes(tmp_path: Path) -> None:
    code, calls = run(tmp_path)
    assert code == 0
    assert calls.index(CANARY) < calls.index(APPLY) < calls.index(GIVE_BACK) < calls.index(DELETE)
    assert calls.index(NAMES) < calls.index("kubectl apply -f -"), "what a new gateway has edges ask for is there first"
    assert calls[-1] == DELETE
    assert "kustomize edit set image platform/audit=x.azurecr.io/audit@sha256:1" in calls


@pytest.mark.parametrize(
    "fails",
    [f'"{CANARY}"', '"kubectl -n platform rollout status deployment/audit-canary --timeout=10m"'],
    ids=["a bad canary", "a canary that does not start"],
)
def test_what_goes_wrong_before_the_stable_is_touched_takes_the_canary_back(tmp_path: Path, fails: str) -> None:
    code, calls = run(tmp_path, fails=fails)
    assert code == 1
    assert APPLY not in calls
    assert calls[-1] == DELETE
    assert GIVE_BACK in calls


def test_a_roll_out_that_does_not_come_up_is_undone_and_the_canary_taken_back(tmp_path: Path) -> None:
    code, calls = run(tmp_path, fails='"kubectl -n platform rollout status deployment/audit --timeout=15m"')
    assert code == 1
    assert calls.index("kubectl -n platform rollout undo deployment/audit") < calls.index(GIVE_BACK)
    assert calls[-1] == DELETE


def test_the_edge_rolls_pod_by_pod_without_a_canary(tmp_path: Path) -> None:
    code, calls = run(tmp_path, image="edge")
    assert code == 0
    assert not [call for call in calls if "canary" in call or "rollout edge" in call]
