"""Settings in place of host.json: `AzureFunctionsJobHost__extensions__queues__batchSize=1`.

Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values
Names are case-insensitive, as .NET configuration is; true, false, lists and
objects are read as JSON, everything else is a text that the model makes a number or a time span of.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_PREFIX = "azurefunctionsjobhost__"
_SEPARATOR = "__"


def override(raw: dict[str, Any], environ: Mapping[str, str], model: type[BaseModel]) -> dict[str, Any]:
    """The raw host.json with the settings laid over it, its keys spelled as the model spells them."""
    merged = _spelled(raw, model)
    for name, text in sorted(environ.items()):
        if name.lower().startswith(_PREFIX):
            path = [part for part in name[len(_PREFIX) :].split(_SEPARATOR) if part]
            if path:
                _set(merged, path, _value(text), model)
    return merged


def _set(section: dict[str, Any], path: list[str], value: Any, model: type[BaseModel] | None) -> None:
    key, inner = _key(section, path[0], model)
    if len(path) == 1:
        section[key] = value
        return
    below = section.get(key)
    if not isinstance(below, dict):
        below = section[key] = {}
    _set(below, path[1:], value, inner)


def _spelled(raw: Mapping[str, Any], model: type[BaseModel] | None) -> dict[str, Any]:
    spelled = {}
    for name, value in raw.items():
        key, inner = _key({}, name, model)
        spelled[key] = _spelled(value, inner) if isinstance(value, dict) else value
    return spelled


def _key(section: Mapping[str, Any], name: str, model: type[BaseModel] | None) -> tuple[str, type[BaseModel] | None]:
    """The model's spelling of a key and the model below it, else the spelling that is there already."""
    for field_name, field in model.model_fields.items() if model else ():
        alias = field.alias or field_name
        if alias.lower() == name.lower():
            inner = field.annotation
            return alias, inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    return next((key for key in section if key.lower() == name.lower()), name), None


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | list | dict) else text
