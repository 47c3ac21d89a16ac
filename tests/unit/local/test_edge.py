"""Envoy's bootstrap, and the module that it names."""

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local import edge
from local.edge import COMPILE, COMPILERS, MODULE, MODULE_SETTING, TEMPLATE, EdgeError, edge_module, render
from local.layout import ROOT, Layout

OFF = {MODULE_SETTING: "off"}
needs_compiler = pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="there is no C compiler here")


def _render(folder: Path, template: str) -> Path:
    layout = Layout(folder, folder / "state")
    layout.make()
    (folder / TEMPLATE).parent.mkdir(parents=True, exist_ok=True)
    (folder / TEMPLATE).write_text(template)
    return render(layout, edge_port=1, admin_port=2, gateway_port=3, environment=OFF)


def test_the_template_is_filled_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    text = "${EDGE_HOST}:${EDGE_PORT} ${ADMIN_PORT} ${GATEWAY_HOST}:${GATEWAY_PORT} $$ '${EDGE_MODULE}'"
    file = _render(tmp_path, text)
    assert file.read_text() == "127.0.0.1:1 2 127.0.0.1:3 $ ''"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_unknown_placeholder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="SURPRISE"):
        _render(tmp_path, "${SURPRISE}")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the module's sources, and nothing compiled."""
    shutil.copytree(ROOT / MODULE, tmp_path / MODULE)
    return tmp_path


def _compiles_with(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a compiler of the test's own before all others."""
    compiler = folder / "bin" / COMPILERS[0]
    compiler.parent.mkdir()
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o700)
    monkeypatch.setenv("PATH", str(compiler.parent), prepend=":")


@needs_compiler
def test_the_module_is_compiled_once_and_again_when_a_source_changes(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = edge_module(clone)
    assert first is not None
    assert first.is_absolute()
    assert first.read_bytes().startswith(b"\x7fELF")
    _compiles_with(clone, "exit 1", monkeypatch)
    assert edge_module(clone) == first
    with (clone / MODULE / "text.h").open("a") as source:
        source.write("// changed\n")
    with pytest.raises(EdgeError):
        edge_module(clone)


def test_switched_off_there_is_no_module(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert edge_module(clone, OFF) is None
    monkeypatch.setenv(MODULE_SETTING, "off")
    assert edge_module(clone) is None
    assert not (clone / "build").exists()
    assert MODULE_SETTING in str(edge.without_module())


def test_without_a_compiler_there_is_no_module_and_people_are_told(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(clone))
    assert edge_module(clone, {}) is None
    assert "No C compiler" in str(edge.without_module({}))


@needs_compiler
def test_with_a_compiler_there_is_nothing_to_tell() -> None:
    assert edge.without_module({}) is None


@needs_compiler
def test_a_source_that_does_not_compile_is_shown_with_the_setting_that_goes_without(clone: Path) -> None:
    with (clone / MODULE / "text.c").open("a") as source:
        source.write("int broken(\n")
    with pytest.raises(EdgeError, match=f"{MODULE_SETTING}=off(.|\n)*text.c"):
        edge_module(clone, {})
    assert list((clone / "build" / "edge").iterdir()) == []


HALVES = """
while [ "$1" != -o ]; do shift; done
printf 'one half, ' > "$2"
# The other half not before the other process has come as far.
until [ "$(ls build/edge | wc -l)" = 2 ]; do :; done
printf 'the other' >> "$2"
"""
"""A compiler that two processes use at once."""


def test_two_processes_at_once_both_have_the_whole_module(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _compiles_with(clone, f"cd {clone}\n{HALVES}", monkeypatch)
    code = "import sys, pathlib, local.edge as e; print(e.edge_module(pathlib.Path(sys.argv[1]), {}).read_text())"
    command = [sys.executable, "-c", code, str(clone)]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in both] == ["one half, the other\n"] * 2


@needs_compiler
def test_the_sources_give_no_warning(tmp_path: Path) -> None:
    compiler = next(filter(None, map(shutil.which, COMPILERS)))
    sources = map(str, sorted((ROOT / MODULE).glob("*.c")))
    strict = ("-Wall", "-Wextra", "-Werror", "-o", str(tmp_path / "module.so"))
    done = subprocess.run([compiler, *COMPILE, *strict, *sources], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_compiler
def test_the_module_asks_for_no_newer_glibc_than_distributions_of_2022_have(clone: Path) -> None:
    """Debian 12, of which the image of Envoy is made, has 2.36, Ubuntu 22.04 has 2.35, RHEL 9 has 2.34."""
    module = edge_module(clone, {})
    assert module is not None
    asked = {tuple(map(int, found)) for found in re.findall(rb"GLIBC_(\d+)\.(\d+)", module.read_bytes())}
    assert asked
    assert max(asked) <= (2, 34)
