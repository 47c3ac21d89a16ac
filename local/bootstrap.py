"""Sets the project up: `.venv/` with what the requirement files pin, Azurite in `.local/azurite/`, a Node for it.

Standard library only, and syntax that any Python 3.8+ can read, so that a wrong Python gets a clear answer.
A second run compares stamps, starts nothing and needs no network.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Iterator, Sequence  # noqa: UP035  (Python 3.8 reads this file, too)

from local import node as nodes
from local.line import Step

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3", "/usr/bin/python3")
PROBE = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
RETRY_SOON = ("--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=8000")
DISK_NEEDED_MB = 2500


class SetupError(Exception):
    """Set-up can't go on; the message says what to do next."""


class Project:
    """Where the parts of one clone are, as set-up sees them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.venv_stamp = self.venv / "setup.json"
        self.local = root / ".local"
        self.azurite = self.local / "azurite"
        self.azurite_stamp = self.azurite / "setup.json"
        self.azurite_pins = root / "local" / "azurite"
        self.node = self.local / "node.json"

    def requirement_files(self) -> list[Path]:
        """Every requirement file of the project, in a stable order."""
        return [*sorted(self.root.glob("requirements*.txt")), *sorted(self.root.glob("functions/*/requirements.txt"))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up what is missing. Returns 0, or 1 after a plain message on standard error."""
    quiet = "--quiet" in (sys.argv[1:] if arguments is None else arguments)
    try:
        changed = set_up(Project(ROOT))
    except SetupError as error:
        print(f"\nsetup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted; run it again to go on", file=sys.stderr)
        return 130
    if not changed and not quiet:
        print("setup: everything is in place")
    return 0


def set_up(project: Project) -> bool:
    """Bring the environment and Azurite to what the pins say; False when nothing was to do. May be repeated.

    Raises SetupError."""
    if _is_current(project):
        return False
    with _alone(project.local):
        if not _environment_is_current(project):
            make_environment(project)
        if not _azurite_is_current(project):
            install_azurite(project)
    return True


def make_environment(project: Project) -> None:
    """Create `.venv/` where needed and install every pinned package into it."""
    print(f"Setting up {project.root}")
    _check_disk(project.root)
    if not _runs(project.python):
        interpreter, version = find_python()
        step = Step(f"Python {version} environment")
        shutil.rmtree(project.venv, ignore_errors=True)
        _run([interpreter, "-m", "venv", str(project.venv)], step, _no_venv(version))
        step.done(str(project.venv))
    step = Step("Python packages")
    _pip(project, ["-r", str(project.root / "requirements-dev.txt")], step)
    _write(project.venv_stamp, {"requirements": _digest(project.requirement_files()), "place": str(project.venv)})
    step.done()


def install_azurite(project: Project) -> None:
    """Install the pinned Azurite with the Node of this machine, or with Node from PyPI where there is none."""
    project.azurite.mkdir(parents=True, exist_ok=True)
    node = nodes.from_machine() or _node_from_pypi(project)
    step = Step("Azurite, the storage emulator")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(project.azurite_pins / name, project.azurite / name)
    environment = {
        **os.environ,
        "PATH": f"{Path(node.executable).parent}:{os.environ.get('PATH', '')}",
        "NODE_USE_SYSTEM_CA": "1",  # as pip and curl do: where a proxy signs with the company's own certificate
    }
    command = [*node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=http", *RETRY_SOON]
    _run(command, step, _no_npm(), cwd=project.azurite, env=environment)
    nodes.remember(node, project.node)
    _write(project.azurite_stamp, {"lock": _digest([project.azurite_pins / "package-lock.json"])})
    step.done(f"on Node {node.version} of {node.source}")


def find_python() -> tuple[str, str]:
    """An interpreter from 3.11 to 3.13 that really runs and can make environments, with its version.

    Each candidate is run, because a shim of a version tool may exist and yet fail. Raises SetupError."""
    seen = []
    own = getattr(sys, "_base_executable", sys.executable)
    for candidate in (own, *PYTHONS):
        version = _probe(candidate)
        if version and OLDEST <= tuple(map(int, version.split("."))) <= NEWEST:
            return candidate, version
        seen.append(f"{candidate} ({version or 'does not run, or has no venv module'})")
    raise SetupError(
        "no Python from 3.11 to 3.13 with the venv module was found. Tried: " + ", ".join(seen) + ".\n"
        "  Install one, for example: sudo apt install python3.11 python3.11-venv"
    )


def _node_from_pypi(project: Project) -> nodes.Node:
    step = Step("Node.js from PyPI")
    _pip(project, [nodes.WHEEL], step)
    found = [nodes.from_wheel(path) for path in project.venv.glob("lib/python3*/site-packages")]
    node = next((node for node in found if node), None)
    if node is None:
        step.failed()
        raise SetupError(
            f"the Node.js of {nodes.WHEEL} does not run on {platform.machine()}.\n"
            "  Install Node.js 20 or newer with npm, then run `make setup` again."
        )
    step.done(node.version)
    return node


def _pip(project: Project, what: list[str], step: Step) -> None:
    command = [str(project.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    _run([*command, "--progress-bar", "off", *what], step, _no_pip())


def _run(
    command: list[str], step: Step, advice: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> None:
    tail: deque[str] = deque(maxlen=12)
    process = subprocess.Popen(  # noqa: S603
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None  # noqa: S101
    try:
        for line in process.stdout:
            tail.append(line.rstrip())
            step.update(line.strip()[:80])
    finally:
        if process.poll() is None:
            process.wait()
    if process.returncode:
        step.failed()
        raise SetupError(f"{advice}\n  The last lines were:\n" + "\n".join(f"    {line}" for line in tail))


def _is_current(project: Project) -> bool:
    return _environment_is_current(project) and _azurite_is_current(project)


def _environment_is_current(project: Project) -> bool:
    stamp = _read(project.venv_stamp)
    return (
        project.python.exists()  # a link: False when the interpreter behind it was removed
        and stamp.get("place") == str(project.venv)
        and stamp.get("requirements") == _digest(project.requirement_files())
    )


def _azurite_is_current(project: Project) -> bool:
    lock = _digest([project.azurite_pins / "package-lock.json"])
    return _read(project.azurite_stamp).get("lock") == lock and nodes.recall(project.node) is not None


def _digest(files: list[Path]) -> str:
    parts = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _read(stamp: Path) -> dict[str, str]:
    try:
        content = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(stamp: Path, content: dict[str, str]) -> None:
    stamp.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _probe(candidate: str) -> str | None:
    try:
        done = subprocess.run([candidate, "-c", PROBE], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _runs(python: Path) -> bool:
    version = _probe(str(python)) if python.exists() else None
    return bool(version) and OLDEST <= tuple(map(int, str(version).split("."))) <= NEWEST


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two set-ups at once would tear each other's files: the second waits."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_disk(root: Path) -> None:
    free_mb = shutil.disk_usage(root).free // 1_000_000
    if free_mb < DISK_NEEDED_MB:
        raise SetupError(f"{root} has {free_mb} MB free; {DISK_NEEDED_MB} MB are needed. Make room, then run it again.")


def _no_venv(version: str) -> str:
    return f"the virtual environment could not be made. Install it with: sudo apt install python{version}-venv"


def _no_pip() -> str:
    return (
        "the Python packages could not be installed. If the lines below speak of connections, check the network and\n"
        "  the proxy (pip reads PIP_INDEX_URL and HTTPS_PROXY), then run `make setup` again: it continues."
    )


def _no_npm() -> str:
    return (
        "Azurite could not be installed. If the lines below speak of connections, check the network and the proxy\n"
        "  (npm reads npm_config_registry and HTTPS_PROXY), then run `make setup` again: it continues."
    )


if __name__ == "__main__":
    sys.exit(main())
