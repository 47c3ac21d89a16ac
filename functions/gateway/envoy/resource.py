"""The few words in which every piece of Envoy configuration is written."""

from typing import Any

Resource = dict[str, Any]
"""One message of the Envoy v3 API in protobuf's JSON form (field names as in the .proto files)."""

TYPE_PREFIX = "type.googleapis.com/"


def typed(message: str, /, **fields: Any) -> Resource:
    """A message inside a google.protobuf.Any: its full name and its fields."""
    return {"@type": TYPE_PREFIX + message, **fields}


def extension(name: str, message: str, /, **fields: Any) -> Resource:
    """A named extension (a filter, a logger, a tracer) with its typed configuration."""
    return {"name": name, "typed_config": typed(message, **fields)}


def seconds(value: float) -> str:
    """A google.protobuf.Duration in JSON form, exact to a millisecond."""
    return f"{value:.3f}s"


def always() -> Resource:
    """A runtime fraction that is 100 %."""
    return {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}


def set_header(name: str, value: str) -> Resource:
    """A header mutation: this value in place of any other; `value` may use Envoy's command operators."""
    return {"append": {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
