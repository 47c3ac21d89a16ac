"""What the Dockerfile makes for the edge, made here by its own commands, and the Deployment's arguments for it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from infra.checks.manifests import containers, environment
from infra.image.contents import ROOT, stages_for
from infra.image.edge import COMPILED

SOURCES = ROOT / "functions" / "gateway" / "envoy"


def compile_module(folder: Path) -> Path | None:
    """What the stage `module` leaves, in a folder; None where its compiler is not at hand."""
    command, file = _command("module"), folder / Path(COMPILED).name
    if shutil.which(command.split()[0]) is None:
        return None
    others = {COMPILED: str(file), "/module/": f"{SOURCES / 'module'}/"}
    subprocess.run(["sh", "-c", with_others(command, others)], check=True)
    return file


def render_bootstrap(folder: Path, module: Path | None) -> Path:
    """What the stage `bootstrap` writes, with the module's path and those of secrets below the folder."""
    code = re.fullmatch(r'\["python", "-c", "(.*)"\]', _command("bootstrap"))
    assert code is not None
    others = {
        "/bootstrap.yaml": str(SOURCES / "bootstrap.yaml"),
        "/rendered.yaml": str(folder / "bootstrap.yaml"),
        "/usr/local/lib/libedge.so": str(module or ""),
        "/var/run/platform/control": str(folder),
        "/var/run/platform/tls": str(folder / "tls"),
    }
    subprocess.run([sys.executable, "-c", with_others(code.group(1), others)], check=True)
    return folder / "bootstrap.yaml"


def arguments(bootstrap: Path) -> list[str]:
    """The Deployment's, with another path of the bootstrap."""
    [envoy] = containers(environment("prod").find("Deployment", "edge"))
    return [argument.replace("/etc/envoy/bootstrap.yaml", str(bootstrap)) for argument in envoy["args"]]


def with_others(text: str, others: dict[str, str]) -> str:
    """The text with parts replaced; each must be in it."""
    for known, other in others.items():
        assert known in text, known
        text = text.replace(known, other)
    return text


def _command(stage: str) -> str:
    [command] = [rest for word, rest in stages_for("gateway")[stage].instructions if word == "RUN"]
    return command
