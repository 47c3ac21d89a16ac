"""Log lines on stdout: one line each, with the invocation id where there is one."""

import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from funchost.context import current_invocation, thread_local_storage

_LEVELS = {  # host.json names (Microsoft.Extensions.Logging) to Python's
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 10,
}
_HOST_CATEGORIES = ("Host", "Function")
_DEBUG_SETTING = "PYTHON_ENABLE_DEBUG_LOGGING"
_QUIET = ("azure", "urllib3", "asyncio", "aiohttp.access", "uvicorn")  # their INFO lines are one per storage request


class LineFormatter(logging.Formatter):
    """`2026-11-23T01:14:34.123Z INFO Function.name [invocation id] message`, newlines folded into ` | `."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        context = current_invocation.get()
        invocation = context.invocation_id if context else getattr(thread_local_storage, "invocation_id", "")
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        id_ = f" [{invocation}]" if invocation else ""
        line = f"{seconds}.{int(record.msecs):03d}Z {record.levelname} {record.name}{id_} {message}"
        return " | ".join(part for part in line.splitlines() if part.strip(" ~^")) if "\n" in line else line


def parse_levels(log_level: Mapping[str, str]) -> dict[str, int]:
    """Python levels by category; "default" becomes the root logger "". Raises ValueError for an unknown level."""
    levels = {}
    for category, name in log_level.items():
        if name.lower() not in _LEVELS:
            raise ValueError(f"{name!r} is not a log level; use one of {', '.join(k.title() for k in _LEVELS)}")
        levels["" if category.lower() == "default" else category] = _LEVELS[name.lower()]
    return levels


def set_up_logs(levels: Mapping[str, int], stream: TextIO = sys.stdout) -> None:
    """Send the root logger to the stream, at the levels of host.json (default Information).

    As in the Python worker, debug lines of the app need PYTHON_ENABLE_DEBUG_LOGGING=1, or a level that its logger sets.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    default = levels.get("", logging.INFO)
    root.setLevel(default if os.environ.get(_DEBUG_SETTING) == "1" else max(logging.INFO, default))
    for name in _HOST_CATEGORIES:
        logging.getLogger(name).setLevel(default)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for category, level in levels.items():
        if category:
            logging.getLogger(category).setLevel(level)
