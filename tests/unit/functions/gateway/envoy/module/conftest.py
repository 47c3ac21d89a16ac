"""The edge's module, compiled with sanitizers into a program that stands in for Envoy."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.edge import COMPILERS, LIBRARIES, MODULE
from local.layout import ROOT
from tests.unit.functions.gateway.envoy.module.driver import Host

WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror")
FOR_MEMORY = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
FOR_THREADS = ("-fsanitize=thread", "-g", "-O1", "-pthread")
REPLACED = ("-Wl,--wrap=clock_gettime,--wrap=getrandom,--wrap=malloc,--wrap=calloc",)
NO_TRACING = "LeakSanitizer has encountered a fatal error"


def _compiled(folder: Path, main: str, *sanitizers: str) -> Path:
    """The module around a main file. Skips without a C compiler, or with one that has no such sanitizers."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        pytest.skip("no C compiler")
    empty = folder / "empty.c"
    empty.write_text("int main(void) { return 0; }\n")
    try:
        subprocess.run([compiler, *sanitizers, "-o", folder / "empty", empty], check=True, capture_output=True)
        subprocess.run([folder / "empty"], check=True, capture_output=True, env={"ASAN_OPTIONS": "detect_leaks=0"})
    except subprocess.CalledProcessError:
        pytest.skip(f"{compiler} has not {sanitizers[0]}, or it does not run here")
    here = Path(__file__).parent
    sources = [*sorted((ROOT / MODULE).glob("*.c")), here / "host.c", here / main]
    flags = [*WARNINGS, *sanitizers, f"-I{ROOT / MODULE}"]
    command = [compiler, *flags, "-o", folder / "host", *sources, *REPLACED, *LIBRARIES]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return folder / "host"


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that takes commands."""
    return _compiled(tmp_path_factory.mktemp("module"), "commands.c", *FOR_MEMORY)


@pytest.fixture(scope="session")
def threads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of many threads."""
    return _compiled(tmp_path_factory.mktemp("threads"), "threads.c", *FOR_THREADS)


@pytest.fixture(scope="session")
def environment(binary: Path) -> dict[str, str]:
    """Leaks are looked for at the end of each process, except where no process may trace another."""
    trial = Host(binary, {})
    trial.ask("leak")
    return {"ASAN_OPTIONS": "detect_leaks=0"} if NO_TRACING in trial.end() else {}


@pytest.fixture
def host(binary: Path, environment: dict[str, str]) -> Iterator[Host]:
    """A process of the test's own, in which nothing may leak."""
    started = Host(binary, environment)
    yield started
    assert started.end() == ""
