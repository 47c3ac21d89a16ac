"""How a delimited file separates and quotes its fields: given, or found from its first records."""

import csv
import io
from typing import Any, Literal

from pydantic import Field

from chassis.models import Contract

Delimiter = Literal[",", ";", "\t", "|"]
DELIMITERS: tuple[Delimiter, ...] = (",", ";", "\t", "|")
RECORDS_LOOKED_AT = 50


def _without_default(schema: dict[str, Any]) -> None:
    """Generators of clients stumble over a default that is a quote itself."""
    del schema["default"]


class Dialect(Contract):
    """The separator and the quote of a delimited file; RFC 4180's by default."""

    delimiter: Delimiter = ","
    quote: Literal['"', "'"] = Field(default='"', json_schema_extra=_without_default)

    @property
    def separator(self) -> int:
        """The delimiter's byte."""
        return ord(self.delimiter)

    @property
    def quotation(self) -> int:
        """The quote's byte."""
        return ord(self.quote)


RFC_4180 = Dialect()


def detect(block: bytes) -> Dialect:
    """The dialect under which the first records have the most fields, and all of them equally many.

    `block` is the beginning of the file. When no delimiter fits, RFC 4180 is taken: its checks then say what is wrong.
    """
    text = block.decode("utf-8", errors="replace").lstrip("\ufeff")
    complete = text[: text.rfind("\n") + 1] or text
    best, most = RFC_4180, 1
    for quote in ('"', "'") if "'" in text and '"' not in text else ('"',):
        for delimiter in DELIMITERS:
            candidate = Dialect.model_validate({"delimiter": delimiter, "quote": quote})
            fields = _fields(complete, candidate)
            if fields > most:
                best, most = candidate, fields
    return best


def _fields(text: str, dialect: Dialect) -> int:
    """How many fields each of the first records has; 0 when they differ."""
    reader = csv.reader(io.StringIO(text), delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
    counts: set[int] = set()
    try:
        for number, record in enumerate(reader):
            if number >= RECORDS_LOOKED_AT or len(counts) > 1:
                break
            if record:
                counts.add(len(record))
    except csv.Error:  # a quote that the block's end cuts off, or none at all
        pass
    return counts.pop() if len(counts) == 1 else 0
