"""The diagram of Deployments and ingress in README.md, drawn from the prod overlay: `python -m infra.diagram`."""

import re

from infra.checks.manifests import Environment, environment
from infra.checks.network import peers
from infra.image.contents import ROOT

BEGIN, END = "<!-- deployments: python -m infra.diagram -->", "<!-- /deployments -->"
README = ROOT / "README.md"


def diagram(built: Environment) -> str:
    """A Mermaid flowchart: ingress, Deployments with their replicas and triggers, queues, and who calls whom."""
    lines = ["```mermaid", "flowchart LR", "  internet([internet]) -->|443, TLS| edge"]
    deployments = [found["metadata"]["name"] for found in built.of_kind("Deployment")]
    for name in deployments:
        scaled = built.find("ScaledObject", name)
        spec = scaled["spec"] if scaled else {}
        shape = f"{spec.get('minReplicaCount', 1)} to {spec.get('maxReplicaCount', 1)}"
        lines.append(f'  {name}["{name}<br/>{shape} replicas"]')
        for trigger in built.triggers(name):
            if trigger["type"] == "azure-servicebus":
                lines.append(f"  {trigger['name']}[/{trigger['name']}/] --> {name}")
            if trigger["type"] == "mssql":
                lines.append(f"  sql[(task hubs<br/>Azure SQL)] --- {name}")
    for name in deployments:
        callers = peers(built.find("NetworkPolicy", name), "ingress", "from") - {"edge", "gateway", "monitoring"}
        if name == "identity":
            continue
        lines += [f"  {caller} --> {name}" for caller in sorted(callers)]
    routed = peers(built.find("NetworkPolicy", "edge"), "egress", "to")
    lines.append(f"  edge --> {' & '.join(sorted(routed))}")
    return "\n".join([*lines, "```"])


def with_diagram(text: str, drawn: str) -> str:
    """The README with the diagram between its two marks. Raises ValueError when they are missing."""
    changed, count = re.subn(re.escape(BEGIN) + ".*?" + re.escape(END), f"{BEGIN}\n{drawn}\n{END}", text, flags=re.S)
    if count != 1:
        raise ValueError("README.md has no place for the diagram of deployments")
    return changed


def main() -> None:
    """Write the diagram into README.md."""
    README.write_text(with_diagram(README.read_text(encoding="utf-8"), diagram(environment("prod"))), encoding="utf-8")


if __name__ == "__main__":
    main()
