"""The API of the function catalog: what `call: <name>` may name, and what each function takes and gives."""

from typing import Any

from fastapi import APIRouter

from chassis.context import Principal
from chassis.http.app import requires
from chassis.models import Contract
from durable.workflow.catalog import CATALOG, VERSION

router = APIRouter(prefix="/catalog")


class FunctionRead(Contract):
    """One function; `input` and `output` are JSON Schemas (2020-12) of its `with` and of what it gives."""

    name: str
    version: str
    service: str
    input: dict[str, Any]
    output: dict[str, Any]


class FunctionPage(Contract):
    """Every function, by name."""

    items: list[FunctionRead]


@router.get("")
async def list_functions(caller: Principal = requires("workflow.read")) -> FunctionPage:
    """The platform's functions; each may also be called as `<name>:<version>@default`."""
    return FunctionPage(
        items=[
            FunctionRead(name=name, version=VERSION, service=entry.service, input=entry.input, output=entry.output)
            for name, entry in sorted(CATALOG.items())
        ]
    )
