"""Set-up: what it takes for current, what it says when it can't go on."""

import json
import os
import shutil
from pathlib import Path

import pytest

from local import bootstrap
from local import node as nodes
from local.bootstrap import Project, SetupError


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A clone that is set up, as far as its stamps say."""
    made = Project(tmp_path)
    (tmp_path / "requirements.txt").write_text("one==1\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n")
    for folder in (made.python.parent, made.azurite, made.azurite_pins):
        folder.mkdir(parents=True)
    made.python.symlink_to(shutil.which("true") or "/bin/true")
    (made.azurite_pins / "package-lock.json").write_text("{}")
    stamp = {"requirements": bootstrap._digest(made.requirement_files()), "place": str(made.venv)}
    made.venv_stamp.write_text(json.dumps(stamp))
    made.azurite_stamp.write_text(json.dumps({"lock": bootstrap._digest([made.azurite_pins / "package-lock.json"])}))
    nodes.remember(nodes.Node(str(made.python), ["npm"], "v20.0.0", "a test"), made.node)
    return made


def test_a_second_run_finds_everything_in_place(project: Project) -> None:
    assert bootstrap.set_up(project) is False


def test_a_changed_requirement_makes_the_environment_stale(project: Project) -> None:
    (project.root / "requirements.txt").write_text("one==2\n")
    assert not bootstrap._environment_is_current(project)


def test_an_environment_that_was_moved_is_stale(project: Project, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    project.venv.rename(moved)
    project.venv.symlink_to(moved)
    stamp = json.loads(project.venv_stamp.read_text())
    project.venv_stamp.write_text(json.dumps({**stamp, "place": str(moved)}))
    assert not bootstrap._environment_is_current(project)


def test_an_environment_whose_interpreter_was_removed_is_stale(project: Project) -> None:
    project.python.unlink()
    project.python.symlink_to("/nowhere/python3.11")
    assert not bootstrap._environment_is_current(project)


def test_a_new_lock_file_makes_azurite_stale(project: Project) -> None:
    (project.azurite_pins / "package-lock.json").write_text('{"changed": true}')
    assert not bootstrap._azurite_is_current(project)


def test_a_node_that_is_gone_makes_azurite_stale(project: Project) -> None:
    nodes.remember(nodes.Node("/nowhere/node", ["npm"], "v20.0.0", "a test"), project.node)
    assert not bootstrap._azurite_is_current(project)


def test_a_python_that_does_not_run_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = _executable(tmp_path / "broken", "exit 127")
    good = _executable(tmp_path / "good", "echo 3.12")
    monkeypatch.setattr(bootstrap.sys, "_base_executable", str(broken), raising=False)
    monkeypatch.setattr(bootstrap, "PYTHONS", (str(good),))
    assert bootstrap.find_python() == (str(good), "3.12")


def test_without_a_suitable_python_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = _executable(tmp_path / "old", "echo 3.9")
    monkeypatch.setattr(bootstrap.sys, "_base_executable", str(old), raising=False)
    monkeypatch.setattr(bootstrap, "PYTHONS", ())
    with pytest.raises(SetupError, match=r"3\.9.*\n.*apt install python3\.11"):
        bootstrap.find_python()


def test_a_full_disk_is_told_before_anything_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = type(shutil.disk_usage(tmp_path))(10, 9, 1)
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SetupError, match="MB are needed"):
        bootstrap.make_environment(Project(tmp_path))
    assert not (tmp_path / ".venv").exists()


def test_an_old_node_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _executable(tmp_path / "node", "echo v18.20.0")
    _executable(tmp_path / "npm", "echo 10.0.0")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    assert nodes.from_machine() is None


def test_a_node_of_version_20_with_npm_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _executable(tmp_path / "node", "echo v20.1.0")
    _executable(tmp_path / "npm", "echo 10.0.0")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    found = nodes.from_machine()
    assert found is not None
    assert found.version == "v20.1.0"


def test_the_lock_file_names_no_registry_but_the_public_one() -> None:
    lock = json.loads((bootstrap.ROOT / "local" / "azurite" / "package-lock.json").read_text())
    addresses = [entry.get("resolved", "https://registry.npmjs.org/") for entry in lock["packages"].values()]
    assert all(address.startswith("https://registry.npmjs.org/") for address in addresses)
    assert lock["packages"]["node_modules/azurite"]["version"] == "3.35.0"


def _executable(file: Path, body: str) -> Path:
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file
