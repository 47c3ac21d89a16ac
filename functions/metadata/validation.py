"""Validating a batch of items: only invalid ones cost more than one call into the validator."""

from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any

import jsonschema_rs
import orjson

from functions.metadata.errors import BatchTooCostly, BatchTooLarge, NotJson
from functions.metadata.schema_document import pointer_of
from functions.metadata.schema_graph import escape

MAX_ITEMS = 10_000
MAX_BATCH_BYTES = 16 * 1024 * 1024
MAX_SECONDS = 20.0
ITEMS_BETWEEN_LOOKS = 100
MAX_REASON_CHARACTERS = 300


@dataclass(frozen=True)
class ItemError:
    """One mistake in one item. `field` is a JSON pointer into the item."""

    index: int
    field: str
    reason: str


@dataclass(frozen=True)
class BatchResult:
    """How many items are valid, how many not, and why; errors are in the order of the items."""

    valid: int
    invalid: int
    errors: list[ItemError]

    def to_json(self) -> bytes:
        """The answer's body."""
        return orjson.dumps(self)


def read_items(body: bytes) -> list[Any]:
    """The items of a request body `{"items": […]}`. Raises BatchTooLarge, NotJson."""
    if len(body) > MAX_BATCH_BYTES:
        raise BatchTooLarge(f"a batch has at most {MAX_BATCH_BYTES} bytes")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotJson(f"not JSON: {error}") from None
    if not isinstance(document, dict) or document.keys() != {"items"} or not isinstance(document["items"], list):
        raise NotJson('the body is {"items": […]}')
    items: list[Any] = document["items"]
    if len(items) > MAX_ITEMS:
        raise BatchTooLarge(f"a batch has at most {MAX_ITEMS} items")
    return items


def validate_items(validator: jsonschema_rs.Validator, items: list[Any], errors_per_item: int) -> BatchResult:
    """Validate each item; at most `errors_per_item` of an item's mistakes are told.

    Runs on one thread until done. Raises BatchTooCostly when it takes longer than MAX_SECONDS.
    """
    is_valid = validator.is_valid
    errors: list[ItemError] = []
    invalid, ends_at = 0, monotonic() + MAX_SECONDS
    for start in range(0, len(items), ITEMS_BETWEEN_LOOKS):
        for index, item in enumerate(items[start : start + ITEMS_BETWEEN_LOOKS], start):
            if not is_valid(item):
                invalid += 1
                errors += [item_error(index, error) for error in islice(validator.iter_errors(item), errors_per_item)]
        if monotonic() > ends_at:
            raise BatchTooCostly(f"not done after {MAX_SECONDS:.0f} s; send fewer or simpler items")
    return BatchResult(len(items) - invalid, invalid, errors)


def item_error(index: int, error: jsonschema_rs.ValidationError) -> ItemError:
    """A mistake as it is told; one about a missing member names that member."""
    field = pointer_of(error.instance_path)
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        field += "/" + escape(error.kind.property)
    return ItemError(index, field, error.message[:MAX_REASON_CHARACTERS])
