"""Programs that some checks use: on PATH, or under build/tools, where set-up may have put them. None needs root."""

import os
import shutil
import subprocess
from pathlib import Path

from infra.checks.report import Skipped
from infra.image.contents import ROOT

FOLDER = ROOT / "build" / "tools"


def tool(*names: str, instead: str) -> str:
    """The path of the first program that is there. Raises Skipped, which says what was done instead."""
    path = os.pathsep.join((os.environ.get("PATH", ""), str(FOLDER), str(FOLDER / "checkov" / "bin")))
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise Skipped(f"{' and '.join(names)} not found; {instead}")


def run(*command: str | Path, timeout_s: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the repository and give its end; it may have failed."""
    return subprocess.run(  # noqa: S603 - programs of the checks, arguments of ours
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
