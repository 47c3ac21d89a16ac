"""funchost as a package of its own: built, installed elsewhere, started from elsewhere, without network."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

_SOURCE = Path(__file__).parents[3] / "funchost"
_APP = """
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route("hello")
def hello(req: func.HttpRequest) -> str:
    return "Hello from elsewhere"
"""
_TEST = """
def test_hello(function_host):
    assert function_host("app").get("/api/hello").text == "Hello from elsewhere"
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel of funchost was installed into; its requirements are those of this environment."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(_SOURCE, folder / "funchost", ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    options = ("--no-deps", "--no-build-isolation", "--no-index", "-q", "--target", str(folder / "site"))
    command = [sys.executable, "-m", "pip", "install", *options, str(folder / "funchost")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with an app and a test of it, and nothing of this project."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function_app.py").write_text(_APP)
    (tmp_path / "app" / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "test_app.py").write_text(_TEST)
    return tmp_path


def _environment(installed: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(installed)}


@pytest.mark.parametrize("command", ["module", "script"])
def test_the_installed_package_starts_an_app(installed: Path, elsewhere: Path, command: str) -> None:
    how = (
        [sys.executable, "-m", "funchost"] if command == "module" else [sys.executable, str(installed / "bin/funchost")]
    )
    with subprocess.Popen(
        [*how, "start", "--app", "app", "--port", "0"],
        cwd=elsewhere,
        env=_environment(installed),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as host:
        assert host.stdout is not None
        lines: list[str] = []
        address = None
        for line in host.stdout:
            lines.append(line)
            if address := re.search(r"Host ready in \S+ s on (\S+)", line):
                break
        assert address, "".join(lines)
        with urllib.request.urlopen(f"{address[1]}/api/hello", timeout=10) as answer:
            assert answer.read() == b"Hello from elsewhere"
        host.terminate()
        host.stdout.read()
        assert host.wait(20) == 0


def test_its_pytest_plugin_is_found_without_being_named(installed: Path, elsewhere: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(elsewhere)]
    done = subprocess.run(
        command, cwd=elsewhere, env=_environment(installed), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_is_whole_and_its_own(installed: Path) -> None:
    modules = {str(path.relative_to(_SOURCE)) for path in _SOURCE.rglob("*.py") if "build" not in path.parts}
    assert {str(path.relative_to(installed / "funchost")) for path in (installed / "funchost").rglob("*.py")} == modules
    code = "import funchost, funchost.cli, funchost.testing; print(funchost.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed.parent / "site",
        env=_environment(installed),
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == installed / "funchost" / "__init__.py"
