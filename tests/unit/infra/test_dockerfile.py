from pathlib import Path

import pytest

from infra.image.dockerfile import DockerfileError, context_copies, read_dockerfile

EXAMPLE = """
# a comment
ARG BASE=python:3.11
ARG SERVICE=one
FROM scratch AS code
ARG SERVICE
COPY a.py /
COPY \\
    src/${SERVICE}/ /src/$SERVICE/
FROM code AS code-one
FROM code AS code-two
COPY extra/ /extra/
FROM code-${SERVICE} AS selected
FROM ${BASE} AS final
COPY --from=selected / /app/
COPY late.py /app/
"""


@pytest.fixture
def dockerfile(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_text(EXAMPLE)
    return path


def test_build_arguments_choose_the_stage_and_fill_the_paths(dockerfile: Path) -> None:
    one = set(context_copies(read_dockerfile(dockerfile, {"SERVICE": "one"}), "selected"))
    two = set(context_copies(read_dockerfile(dockerfile, {"SERVICE": "two"}), "selected"))
    assert one == {("a.py", "/"), ("src/one/", "/src/one/")}
    assert two == {("a.py", "/"), ("src/two/", "/src/two/"), ("extra/", "/extra/")}


def test_an_argument_without_a_value_takes_its_default(dockerfile: Path) -> None:
    stages = read_dockerfile(dockerfile, {})
    assert stages["final"].base == "python:3.11"
    assert stages["selected"].base == "code-one"


def test_what_a_copied_stage_holds_is_in_the_final_one(dockerfile: Path) -> None:
    copied = set(context_copies(read_dockerfile(dockerfile, {}), "final"))
    assert ("late.py", "/app/") in copied
    assert ("a.py", "/") in copied


@pytest.mark.parametrize(
    ("line", "reason"),
    [("ADD https://example.com/x /x", "ADD"), ("COPY *.py /", "wildcards"), ("RUN <<END", "heredocs")],
)
def test_what_would_be_misread_is_refused_by_name(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(f"FROM scratch AS code\n{line}\n")
    with pytest.raises(DockerfileError, match=reason):
        read_dockerfile(path, {})
