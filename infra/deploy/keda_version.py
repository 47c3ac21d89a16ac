"""Whether a cluster's KEDA can do what an overlay asks of it.

`python -m infra.deploy.keda_version mcr.microsoft.com/…/keda:2.18.1 prod` exits with 1, saying what to do, when not.
"""

import re
import sys
from pathlib import Path

from infra.kustomize import build

ROOT = Path(__file__).resolve().parents[2]
NEEDED = (2, 20)
"""The first with workload identity for the mssql scaler (keda.sh, scalers, MSSQL, "Microsoft Entra Workload ID")."""


def mistake(image: str, overlay: str, root: Path = ROOT) -> str | None:
    """What stands in the way; None when nothing does. An image whose tag is no version is let pass with a word."""
    triggers = (
        trigger["type"]
        for found in build(root / "keda" / "overlays" / overlay)
        if found["kind"] == "ScaledObject"
        for trigger in found["spec"]["triggers"]
    )
    version = re.search(r":v?(\d+)\.(\d+)", image.partition("@")[0])
    if "mssql" not in triggers or (version and (int(version[1]), int(version[2])) >= NEEDED):
        return None
    if version is None:
        print(f"KEDA's version can't be told from {image}; overlay {overlay} needs {_dotted(NEEDED)}", file=sys.stderr)
        return None
    return (
        f"KEDA {version[1]}.{version[2]} can't sign in to Azure SQL by workload identity ({_dotted(NEEDED)} can): add "
        f"../../components/older-keda to the components of keda/overlays/{overlay}, or install a newer KEDA"
    )


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    if found := mistake(sys.argv[1], sys.argv[2]):
        sys.exit(found)
