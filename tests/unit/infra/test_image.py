"""The images hold what the services import, all of it and nothing else; and the check would say so if not."""

import shlex
import shutil
from pathlib import Path

import pytest

from chassis.manifest import SERVICES
from infra.image.closure import requirement_names
from infra.image.contents import ROOT, closure, image_files, image_mistakes, mistakes, stages_for
from infra.image.edge import COMPILED, edge_sources
from local.edge import COMPILE, LIBRARIES, MODULE, TEMPLATE


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the image check reads, to be spoilt."""
    names = ("Dockerfile", "function_app.py", "host.json", "requirements.txt", "requirements-dev.txt")
    for name in names:
        shutil.copy(ROOT / name, tmp_path / name)
    for folder in ("chassis", "functions", "durable"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_what_its_service_imports_and_nothing_else(service: str) -> None:
    assert list(mistakes(service)) == []


def test_images_run_without_root_from_pinned_bases_with_labels() -> None:
    assert list(image_mistakes()) == []


def test_no_image_holds_the_local_platform_tests_or_another_service() -> None:
    for service in SERVICES:
        tops = {Path(path).parts[0] for path in image_files(service)}
        assert tops <= {"function_app.py", "host.json", "chassis", "functions", "durable"}
        folders = {Path(path).parts[1] for path in image_files(service) if path.startswith("functions/")}
        assert folders == {"__init__.py", service}


def test_a_durable_topic_that_is_not_copied_is_missed(copy: Path) -> None:
    edit(copy / "Dockerfile", "COPY durable/jobs/ /durable/jobs/\n", "")
    assert "processing: durable/jobs/orchestrator.py is imported, and not copied" in mistakes("processing", copy)


def test_a_folder_that_nothing_imports_is_found(copy: Path) -> None:
    edit(copy / "Dockerfile", "FROM code AS code-audit", "FROM code AS code-audit\nCOPY durable/jobs/ /durable/jobs/")
    assert "audit: durable/jobs is copied, and nothing in it is imported" in mistakes("audit", copy)


def test_an_import_of_another_service_is_missed(copy: Path) -> None:
    with (copy / "functions" / "audit" / "service.py").open("a") as file:
        file.write("\nfrom functions.metadata import schemas as other\n")
    assert "audit: functions/metadata/schemas.py is imported, and not copied" in mistakes("audit", copy)


def test_a_package_that_no_requirement_brings_is_found(copy: Path) -> None:
    with (copy / "functions" / "audit" / "service.py").open("a") as file:
        file.write("\nimport duckdb\n")
    assert list(mistakes("audit", copy)) == [
        "audit: functions.audit.service imports duckdb, which no requirement of the service brings"
    ]


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("HOME=/tmp\n# Owned", "HOME=/tmp\nUSER root\n# Owned", None),
        ("USER 10001:10001\nEXPOSE 8080\n", "EXPOSE 8080\n", "service: runs as root"),
        ("EXPOSE 8080\nHEALTHCHECK --interval", "EXPOSE 80\nHEALTHCHECK --interval", "service: port 8080"),
        ("distroless-v1.40.0", "distroless-v1.39.0", "not the Envoy that runs locally"),
        ("4-python3.11@sha256:", "4-python3.11@sha257:", "pinned by digest"),
        ("EDGE_MODULE='/usr/local/lib/libedge.so', ", "", "asks for ['EDGE_MODULE']"),
        ("EDGE_MODULE='/usr/local/lib/", "EDGE_MODULE='/usr/lib/", "names the module '/usr/lib/libedge.so'"),
        ("COPY --from=module --chown=0:0 ", "COPY --from=module --chown=10001:10001 ", "what is copied from its stage"),
        ("COPY --from=module ", "# ", "what is copied from its stage is []"),
        ("-o /libedge.so", "-o /edge.so", "the stage `module` leaves no /libedge.so"),
        ("chmod 0444", "chmod 0666", "the stage `module` leaves no /libedge.so"),
    ],
)
def test_a_spoilt_dockerfile_is_found(copy: Path, old: str, new: str, mistake: str | None) -> None:
    edit(copy / "Dockerfile", old, new)
    found = list(image_mistakes(copy))
    assert found == [] if mistake is None else any(mistake in line for line in found)


def test_the_edges_image_is_made_of_bootstrap_and_module() -> None:
    assert edge_sources(stages_for("gateway")) == (str(TEMPLATE), f"{MODULE}/")


def test_the_images_module_is_compiled_from_all_sources_with_the_flags_that_are_used_locally() -> None:
    module = stages_for("gateway")["module"]
    [(source, target)] = [(copy.sources, copy.target) for copy in module.copies]
    assert (source, target) == ((f"{MODULE}/",), "/module/")
    [command] = [rest for word, rest in module.instructions if word == "RUN"]
    compiles, _, _ = command.partition(" && ")
    assert shlex.split(compiles) == ["gcc", *COMPILE, "-o", COMPILED, "/module/*.c", *LIBRARIES]


def test_the_compilers_glibc_is_that_of_envoys_image() -> None:
    assert stages_for("gateway")["module"].base.endswith("-bookworm")


def test_names_in_strings_count_as_imports_of_child_processes() -> None:
    assert "durable.workflow.jq_child" in closure("workflow")


def test_requirement_names_leave_includes_and_comments_out(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("# none\nabc==1.0\n-r other.txt\ndef_g==2; python_version < '3.13'  # why\n")
    assert list(requirement_names(path)) == ["abc", "def_g"]
