"""The pipelines: linted where actionlint is at hand; what they decide is tested in tests/unit/infra."""

from collections.abc import Iterator

from infra.checks.tools import run, tool
from infra.image.contents import ROOT


def workflow_mistakes() -> Iterator[str]:
    """What actionlint says. Raises Skipped where it is not at hand: its PyPI package downloads it from GitHub."""
    binary = tool("actionlint", instead="`go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12` gets it")
    done = run(binary, "-oneline", *sorted((ROOT / ".github" / "workflows").glob("*.yml")))
    yield from (line for line in (done.stdout + done.stderr).splitlines() if line.strip())
