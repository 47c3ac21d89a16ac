"""The base of every contract: frozen, closed, camelCase on the wire; and times as their documents promise them."""

from datetime import datetime
from typing import Annotated, Any

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel


class Contract(BaseModel):
    """A frozen model whose JSON keys are camelCase; unknown keys are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        serialize_by_alias=True,
    )


def example(**fields: Any) -> ConfigDict:
    """`model_config` of a contract with an example of it, by the names on the wire, for its document."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


def _written_as_a_date(sent: object) -> object:
    # pydantic takes a bare number for seconds since 1970; the documents promise RFC 3339.
    if isinstance(sent, int | float) or (isinstance(sent, str) and "-" not in sent[1:]):
        raise ValueError("a date and time as RFC 3339 writes it")
    return sent


Moment = Annotated[datetime, BeforeValidator(_written_as_a_date)]
"""A date and time, as RFC 3339 writes it or without its offset; a bare number is refused."""

AwareDatetime = Annotated[pydantic.AwareDatetime, BeforeValidator(_written_as_a_date)]
"""A date and time with its offset; likewise."""
