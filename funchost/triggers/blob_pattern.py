"""The path of a blob trigger: `container/name`, with expressions such as `orders/{folder}/{name}.json`.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob-trigger#blob-name-patterns
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\{\{|\}\}|\{(\w+)\}|[{}]")


@dataclass(frozen=True, slots=True)
class BlobPattern:
    """Which blobs trigger the function. `prefix` is what all their names begin with."""

    container: str
    prefix: str
    _names: re.Pattern[str]

    def match(self, name: str) -> dict[str, str] | None:
        """The values of the expressions in the blob's name; None when the blob is not meant."""
        found = self._names.fullmatch(name)
        return None if found is None else found.groupdict()


def parse_blob_path(path: str) -> BlobPattern:
    """The pattern; a container alone means all of its blobs. Raises ValueError when it is malformed."""
    container, _, name = path.strip("/").partition("/")
    if not container or "{" in container or "}" in container:
        raise ValueError(f"the path {path!r} must begin with the name of a container")
    return BlobPattern(container, *_compile(name)) if name else BlobPattern(container, "", re.compile(r".+"))


def _compile(name: str) -> tuple[str, re.Pattern[str]]:
    """Literal prefix and pattern; an expression takes as much as it can, `{{` and `}}` stand for braces."""
    pattern, literal, prefix, end = "", "", None, 0
    for token in _TOKEN.finditer(name):
        literal += name[end : token.start()]
        end = token.end()
        if token[1]:
            prefix = literal if prefix is None else prefix
            pattern += re.escape(literal) + _group(token[1], pattern)
            literal = ""
        elif token[0] in ("{{", "}}"):
            literal += token[0][0]
        else:
            raise ValueError(f"the path has a single {token[0]} at {token.start()}")
    literal += name[end:]
    return literal if prefix is None else prefix, re.compile(pattern + re.escape(literal))


def _group(name: str, before: str) -> str:
    if f"(?P<{name}>" in before:
        raise ValueError(f"the path names {{{name}}} twice")
    return f"(?P<{name}>.+)"
