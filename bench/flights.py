"""The flights as the validation of the main job leaves them, and what belongs to them."""

from functools import cache

import orjson
import polars as pl

from functions.processing.parsing.conversion import POLARS_TYPES, convert, kinds_of_schema, read_texts
from functions.processing.parsing.structure import read_header
from local.demo.data import airlines, flights_csv
from local.layout import ROOT

EXAMPLE = ROOT / "examples" / "flight-delays"
SCHEMA = EXAMPLE / "flight.schema.json"
QUERY = EXAMPLE / "query.sql"


@cache
def typed_flights() -> pl.DataFrame:
    """All 336,776 flights, typed by the schema; NA is null."""
    content = flights_csv()
    header = read_header(content, at_end=True)
    kinds = kinds_of_schema(orjson.loads(SCHEMA.read_bytes()))
    body = content[header.end :]
    texts = read_texts(body, header.columns, ("NA",), rows=body.rstrip(b"\n").count(b"\n") + 1)
    return convert(texts, kinds).typed.select(pl.col(name).cast(POLARS_TYPES[kinds[name]]) for name in header.columns)


def airlines_table() -> pl.DataFrame:
    """The reference data: carrier and name."""
    return pl.DataFrame(list(airlines().values()))
