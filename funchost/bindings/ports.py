"""What an input or output binding does for a function."""

from collections.abc import Mapping
from typing import Any, Protocol

from azure.functions.meta import Datum

BindingData = Mapping[str, Any]
"""What binding expressions can name: trigger metadata, and the fields of a JSON body."""

NOTHING = Datum(None, None)
"""The datum of something that is not there; parameters get None."""


class InputBinding(Protocol):
    """Reads a value before the function runs."""

    async def read(self, data: BindingData) -> Datum:
        """The value; NOTHING when it does not exist. Raises InvocationError or the service's own error."""
        ...


class OutputBinding(Protocol):
    """Writes a value after the function returned."""

    async def write(self, datum: Datum, data: BindingData) -> None:
        """Write the value. Raises InvocationError or the service's own error; the invocation then fails."""
        ...
