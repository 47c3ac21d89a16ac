"""azure-functions' own converters, and the generic one of the Python worker for everything else."""

from typing import Any, Protocol, cast

from azure.functions.meta import Datum, get_binding_registry

from funchost.errors import InvocationError

GENERIC = "generic"


class Converter(Protocol):
    """What the worker asks of a converter class."""

    def check_input_type_annotation(self, pytype: Any) -> bool: ...
    def check_output_type_annotation(self, pytype: Any) -> bool: ...
    def decode(self, data: Datum, *, trigger_metadata: Any) -> Any: ...
    def encode(self, obj: Any, *, expected_type: Any) -> Datum | None: ...


class GenericConverter:
    """Text, bytes and JSON as they are: what the worker does for binding types without a converter."""

    @classmethod
    def check_input_type_annotation(cls, pytype: Any) -> bool:
        """Any type is passed through; the worker only ever hands over str or bytes."""
        return True

    @classmethod
    def check_output_type_annotation(cls, pytype: Any) -> bool:
        """Any type is accepted; `encode` refuses what it cannot write."""
        return True

    @classmethod
    def decode(cls, data: Datum | None, *, trigger_metadata: Any) -> Any:
        """The value itself; None when there is none."""
        return None if data is None or data.type is None else data.value

    @classmethod
    def encode(cls, obj: Any, *, expected_type: Any) -> Datum:
        """A datum of the value. Raises NotImplementedError for types that have no wire form."""
        if isinstance(obj, str):
            return Datum(obj, "string")
        if isinstance(obj, bytes | bytearray):
            return Datum(bytes(obj), "bytes")
        raise NotImplementedError


def converter_for(binding_type: str) -> Converter:
    """The converter registered for the binding type, else the generic one."""
    registered = get_binding_registry().get(binding_type)  # type: ignore[no-untyped-call]
    return cast(Converter, GenericConverter if registered is None else registered)


def encode(converter: Converter, value: Any, expected_type: Any, what: str) -> Datum:
    """The datum of an output value. Raises InvocationError when the binding does not take such a value."""
    try:
        datum = converter.encode(value, expected_type=expected_type)
    except NotImplementedError:
        raise InvocationError(f"{what} does not accept a value of type {type(value).__name__}") from None
    if datum is None:
        raise InvocationError(f"{what} got nothing to write")
    return datum


def decode(converter: Converter, datum: Datum, metadata: Any, what: str) -> Any:
    """The Python value of an input. Raises InvocationError when the parameter's type does not fit the data."""
    try:
        return converter.decode(datum, trigger_metadata=metadata)
    except NotImplementedError:
        raise InvocationError(f"{what} cannot be made from {datum.type} data") from None
