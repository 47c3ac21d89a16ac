"""JSON as the Functions host reads it: with // and /* */ comments and trailing commas."""

import json
import re
from pathlib import Path
from typing import Any

from funchost.errors import HostError

_STRING = r'"(?:\\.|[^"\\])*"'
_COMMENT = re.compile(_STRING + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(_STRING + r"|,(?=\s*[}\]])", re.DOTALL)


def strip_comments(text: str) -> str:
    """Plain JSON from JSON with comments; every other character keeps its line and column."""
    return _TRAILING_COMMA.sub(_blank, _COMMENT.sub(_blank, text))


def _blank(match: re.Match[str]) -> str:
    token = match.group()
    return token if token.startswith('"') else re.sub(r"[^\n]", " ", token)


def read_object(path: Path) -> dict[str, Any]:
    """The object in the file. Raises HostError with line and column when it holds anything else."""
    try:
        value = json.loads(strip_comments(path.read_text(encoding="utf-8-sig")))
    except json.JSONDecodeError as error:
        raise HostError(
            f"{path.name} is not valid JSON: {error.msg}",
            where=f"{path}:{error.lineno}:{error.colno}",
            remedy="Correct the JSON at that place (comments and trailing commas are allowed).",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(
            f"{path.name} cannot be read: {error}", where=str(path), remedy="Save it as UTF-8 text."
        ) from None
    if not isinstance(value, dict):
        raise HostError(
            f"{path.name} must hold a JSON object", where=str(path), remedy="Begin it with { and end it with }."
        )
    return value
