"""Where functions of catalogs lie: `name:version@catalog`, or an address."""

import re
from typing import Any
from urllib.parse import urlsplit

from durable.workflow.faults import Fault, spec_error

FILE = "function.yaml"
_CATALOGED = re.compile(r"\A([A-Za-z0-9][A-Za-z0-9._\-]*):([0-9][0-9A-Za-z.+\-]*)@([^@/]+)\Z")
_GITHUB = re.compile(r"\A/([^/]+)/([^/]+)(?:/(?:tree|blob)/([^/]+))?((?:/.*)?)\Z")
_GITLAB = re.compile(r"\A/(.+?)/-/(?:tree|blob)/([^/]+)((?:/.*)?)\Z")


def cataloged(called: str) -> tuple[str, str, str] | None:
    """Name, version and catalog of `name:version@catalog`; None for anything else."""
    match = _CATALOGED.match(called)
    return (match[1], match[2], match[3]) if match else None


def function_address(called: str, catalogs: dict[str, Any]) -> Any:
    """The endpoint of a function's file: by URL, or below its catalog (`functions/<name>/<version>/function.yaml`).

    Pages of GitHub and GitLab become the address of the raw file, as the specification asks. Raises Fault.
    """
    found = cataloged(called)
    if found is None:
        return raw_address(called if called.endswith((".yaml", ".yml", ".json")) else f"{called.rstrip('/')}/{FILE}")
    name, version, catalog = found
    if catalog not in catalogs:
        raise Fault(spec_error("configuration", 400, "No such function", f"there is no catalog {catalog}"))
    endpoint = catalogs[catalog]["endpoint"]
    root = endpoint["uri"] if isinstance(endpoint, dict) else endpoint
    address = raw_address(f"{root.rstrip('/')}/functions/{name}/{version}/{FILE}")
    return {**endpoint, "uri": address} if isinstance(endpoint, dict) else address


def raw_address(url: str) -> str:
    """The raw file behind a page of a repository at GitHub or GitLab; any other address as it is."""
    parts = urlsplit(url)
    if parts.netloc == "github.com" and (match := _GITHUB.match(parts.path)):
        branch = f"refs/heads/{match[3]}" if match[3] else "HEAD"
        return f"https://raw.githubusercontent.com/{match[1]}/{match[2]}/{branch}{match[4]}"
    if parts.netloc == "gitlab.com" and (match := _GITLAB.match(parts.path)):
        return f"https://gitlab.com/{match[1]}/-/raw/{match[2]}{match[3]}"
    return url
