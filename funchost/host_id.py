"""What hosts of one app have in common: the id under which they share locks and receipts in storage."""

import hashlib
import os
import re
import socket
from pathlib import Path

HOSTS_CONTAINER = "azure-webjobs-hosts"
"""The container of AzureWebJobsStorage that the official host keeps its own blobs in."""

_HOST_ID_SETTING = "AzureFunctionsWebHost__hostid"
_LONGEST = 32


def host_id(app_dir: Path) -> str:
    """The setting AzureFunctionsWebHost__hostid, else WEBSITE_SITE_NAME, else one made from machine and folder.

    At most 32 letters, digits and single dashes, as storage queues are named after it.
    """
    configured = os.environ.get(_HOST_ID_SETTING) or os.environ.get("WEBSITE_SITE_NAME")
    if configured:
        return _plain(configured)
    digest = hashlib.sha256(str(app_dir.resolve()).encode()).hexdigest()[:12]
    return f"{_plain(socket.gethostname())[: _LONGEST - 13].rstrip('-')}-{digest}"


def function_id(name: str) -> str:
    """The function's id in locks and receipts, as the official host writes it."""
    return f"Host.Functions.{name}"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].rstrip("-") or "host"
