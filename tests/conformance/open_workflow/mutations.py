"""Mutations of documents: what a person might get wrong, applied at every place, the same every time."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

Place = tuple[Any, ...]
WRONG: tuple[Any, ...] = (
    *(None, 42, 1.5, -1, True, "", "text", ".field", "${ .a }", " ${ .a } ", "PT1S", "http://host/{id}", "http://{"),
    *({}, {"unknown": {}}, {"use": "name"}, {"seconds": 1}, {"uri": "https://host"}, [], [{}], [1], ["text"]),
)
ADDED: dict[str, Any] = {"unknownKey": 1, "use": "name", "do": [], "set": {"a": 1}, "until": "${ .a }", "one": {}}


def mutations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document with one value removed, replaced by another, doubled, or with one key added; each with its name."""
    for path in places(document):
        at = "/" + "/".join(map(str, path))
        yield f"remove {at}", changed(document, path, remove=True)
        for value in WRONG:
            yield f"{at} = {value!r}", changed(document, path, value)
        old = get(document, path)
        if isinstance(old, dict):
            for key, value in ADDED.items():
                if key not in old:
                    yield f"{at} + {key}", changed(document, path, {**old, key: value})
        if isinstance(old, list):
            yield f"{at} twice", changed(document, path, [*old, *old])


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Every place in the document but its root."""
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from places(item, (*path, key))


def get(document: Any, path: Place) -> Any:
    """What is at the place."""
    for part in path:
        document = document[part]
    return document


def changed(document: dict[str, Any], path: Place, value: Any = None, *, remove: bool = False) -> dict[str, Any]:
    """A copy with one place changed."""
    copy = deepcopy(document)
    holder = get(copy, path[:-1])
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = deepcopy(value)
    return copy
