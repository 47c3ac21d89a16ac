"""What the app declares: functions and their bindings, as read from azure-functions' metadata."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding of a function, the trigger included.

    `properties` are the function.json keys (camelCase) with %SETTING% not yet expanded; `is_output` its direction.
    """

    name: str
    type: str
    is_output: bool
    properties: Mapping[str, Any]

    def text(self, key: str, default: str = "") -> str:
        """The property as text, or the default when it is absent."""
        value = self.properties.get(key)
        return default if value is None else str(value)

    @property
    def data_type(self) -> str:
        """ "" (undefined), "string", "binary" or "stream"."""
        value = self.text("dataType").lower()
        return "" if value == "undefined" else value


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """One function of the app."""

    name: str
    user_function: Callable[..., Any]
    script_file: Path
    bindings: tuple[Binding, ...]
    trigger: Binding
    retry: Mapping[str, Any] | None = None
    directory: str = field(init=False)
    """The folder of the script, which func.Context shows as function_directory."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "directory", str(self.script_file.parent))

    @property
    def where(self) -> str:
        """File, line and name, for messages."""
        return f"{place_of(self.user_function, self.script_file)}, function {self.name}"


def place_of(function: Any, script: Path) -> str:
    """File and line of the code the developer wrote; the script where there is none."""
    code = getattr(innermost(function), "__code__", None)
    return str(script) if code is None else f"{code.co_filename}:{code.co_firstlineno}"


def innermost(function: Any) -> Any:
    """The code the developer wrote, under functools.wraps and the Durable SDK's handles."""
    for attribute in ("orchestrator_function", "entity_function", "client_function", "__wrapped__"):
        inner = getattr(function, attribute, None)
        if inner is not None:
            return innermost(inner)
    return function
