"""What is wrong with a definition: each mistake with its place and reason, and whether it is only not supported."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError


@dataclass(frozen=True)
class Mistake:
    """One reason to refuse a definition; `path` is a JSON Pointer into the document."""

    path: str
    reason: str
    kind: Literal["invalid", "not-supported"] = "invalid"

    def __str__(self) -> str:
        """In one line, as a person would read it."""
        return f"{self.reason} at {self.path or '/'}"


class DefinitionRefused(ValueError):
    """A definition that can't be accepted, with every mistake found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)

    @property
    def only_unsupported(self) -> bool:
        """Whether the document is good and only uses what this runtime does not do."""
        return all(mistake.kind == "not-supported" for mistake in self.mistakes)


def pointer(*parts: str | int) -> str:
    """The parts as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def from_validation(error: ValidationError, document: Any) -> list[Mistake]:
    """Pydantic's findings by their place in the document; names of union members are left out of the path."""
    found: dict[str, Mistake] = {}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        path = _place(item["loc"], document, missing=item["type"] == "missing")
        found.setdefault(path + item["type"], Mistake(path, item["msg"].removeprefix("Value error, ")))
    return list(found.values())


def _place(location: tuple[int | str, ...], document: Any, *, missing: bool) -> str:
    parts: list[int | str] = []
    here = document
    for index, part in enumerate(location):
        if _has(here, part):
            here = here[part]
        elif not (missing and index == len(location) - 1):
            continue
        parts.append(part)
    return pointer(*parts)


def _has(value: Any, part: int | str) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)
