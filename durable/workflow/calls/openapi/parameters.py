"""Parameters in a URL, a header or a cookie: the styles of OpenAPI 3.1 (section 4.8.12) and of Swagger 2.0."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from durable.workflow.calls.openapi.document import Parameter
from durable.workflow.calls.uri import plain
from durable.workflow.faults import Fault, spec_error

RESERVED = ":/?#[]@!$&'()*+,;="
_SEPARATORS = {"form": ",", "spaceDelimited": "%20", "tabDelimited": "%09", "pipeDelimited": "|"}


def in_path(parameter: Parameter, value: Any) -> str:
    """What stands in the path in place of `{name}`, percent-encoded."""
    if parameter.media_type is not None:
        return quote(json.dumps(value, ensure_ascii=False), safe="")
    match parameter.style:
        case "label":
            prefix, separator = ".", "." if parameter.explode else ","
        case "matrix":
            return _matrix(parameter, value)
        case _:
            prefix, separator = "", ","
    return prefix + separator.join(_parts(value, parameter.explode, _safe))


def in_query(parameter: Parameter, value: Any) -> list[str]:
    """The query's parts `name=value`, percent-encoded."""
    name, encode = _safe(parameter.name), _kept if parameter.reserved else _safe
    if parameter.media_type is not None:
        return [f"{name}={encode(json.dumps(value, ensure_ascii=False))}"]
    if isinstance(value, dict):
        return _object_in_query(parameter, name, value, encode)
    if isinstance(value, list):
        if parameter.explode:
            return [f"{name}={encode(_scalar(item))}" for item in value]
        return [f"{name}={_SEPARATORS.get(parameter.style, ',').join(encode(_scalar(item)) for item in value)}"]
    return [f"{name}={encode(plain(value))}"]


def in_header(parameter: Parameter, value: Any) -> str:
    """A header's value, not encoded."""
    if parameter.media_type is not None:
        return json.dumps(value)
    return ",".join(_parts(value, parameter.explode, str))


def in_cookie(parameter: Parameter, value: Any) -> str:
    """One part of the Cookie header."""
    return "; ".join(in_query(parameter, value))


def _object_in_query(parameter: Parameter, name: str, value: dict[str, Any], encode: Callable[[str], str]) -> list[str]:
    if parameter.style == "deepObject":
        return [
            f"{name}[{_safe(key)}]={encode(_scalar(each))}"
            for key, item in value.items()
            for each in (item if isinstance(item, list) else [item])
        ]
    if parameter.explode:
        return [f"{_safe(key)}={encode(_scalar(item))}" for key, item in value.items()]
    separator = _SEPARATORS.get(parameter.style, ",")
    return [f"{name}={separator.join(encode(part) for pair in value.items() for part in (pair[0], _scalar(pair[1])))}"]


def _matrix(parameter: Parameter, value: Any) -> str:
    name = _safe(parameter.name)
    if parameter.explode and isinstance(value, dict):
        return "".join(f";{_safe(key)}={_safe(_scalar(item))}" for key, item in value.items())
    if parameter.explode and isinstance(value, list):
        return "".join(f";{name}={_safe(_scalar(item))}" for item in value)
    return f";{name}={','.join(_parts(value, False, _safe))}"


def _parts(value: Any, explode: bool, encode: Callable[[str], str]) -> list[str]:
    if isinstance(value, list):
        return [encode(_scalar(item)) for item in value]
    if isinstance(value, dict):
        if explode:
            return [f"{encode(key)}={encode(_scalar(item))}" for key, item in value.items()]
        return [encode(part) for key, item in value.items() for part in (key, _scalar(item))]
    return [encode(plain(value))]


def _scalar(value: Any) -> str:
    if isinstance(value, dict | list):
        detail = "a parameter is a text, a number, a list of those or an object of those"
        raise Fault(spec_error("configuration", 400, "Not a usable parameter", detail))
    return plain(value)


def _safe(text: str) -> str:
    return quote(text, safe="")


def _kept(text: str) -> str:
    return quote(text, safe=RESERVED)
