"""What the SDK of Azure Tables is asked, and what its errors mean."""

import re
from collections.abc import Mapping
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import TableErrorCode, UpdateMode
from azure.data.tables.aio import TableClient

from chassis.messaging.outbox import OUTBOX_PREFIX
from chassis.storage.keys import after_prefix, encode_key
from chassis.storage.rows import Change, Delete, Insert, Replace, RowChanged, RowExists, Upsert, to_entity

_ODATA_CODE = re.compile(r'"code"\s*:\s*"(\w+)"')


async def submit(client: TableClient, operations: list[tuple[Any, ...]]) -> list[str]:
    """Do the operations, more than one as one transaction; gives each one's new ETag ("": removed)."""
    if len(operations) > 1:
        return [_etag(done) for done in await client.submit_transaction(operations)]
    kind, entity, *options = operations[0]
    extra = options[0] if options else {}
    if kind == "create":
        return [_etag(await client.create_entity(entity))]
    if kind == "delete":
        await client.delete_entity(entity, **extra)
        return [""]
    if kind == "upsert":
        return [_etag(await client.upsert_entity(entity, **extra))]
    return [_etag(await client.update_entity(entity, **extra))]


def _etag(done: Mapping[str, Any]) -> str:
    return str(done.get("etag") or "")


def operation(pk: str, change: Change) -> tuple[Any, ...]:
    """A change as the SDK's transactions want it: kind, entity, options. `pk` is the stored partition key."""
    rk = encode_key(change.key)
    match change:
        case Insert(_, values):
            return ("create", to_entity(pk, rk, values))
        case Upsert(_, values):
            return ("upsert", to_entity(pk, rk, values), {"mode": UpdateMode.REPLACE})
        case Replace(_, values, etag):
            condition = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
            return ("update", to_entity(pk, rk, values), {"mode": UpdateMode.REPLACE, **condition})
        case Delete(_, None):
            return ("delete", {"PartitionKey": pk, "RowKey": rk})
        case Delete(_, etag):
            condition = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
            return ("delete", {"PartitionKey": pk, "RowKey": rk}, condition)


def filters(
    partition: str | None, prefix: str | None, after: str | None, where: str | None, values: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The OData filter of a query, outbox rows left out, and its @parameters."""
    parts = ["RowKey lt @endOfRows"]
    values["endOfRows"] = OUTBOX_PREFIX
    if partition is not None:
        parts.append("PartitionKey eq @partition")
        values["partition"] = encode_key(partition)
    if prefix:
        parts.append("RowKey ge @prefix and RowKey lt @prefixEnd")
        values["prefix"] = encode_key(prefix)
        values["prefixEnd"] = after_prefix(values["prefix"])
    if after:
        parts.append("RowKey gt @after")
        values["after"] = encode_key(after)
    if where:
        parts.append(f"( {where} )")  # the SDK finds @parameters by white space
    return " and ".join(parts), values


def translated(error: Exception, table: str) -> Exception:
    """RowExists or RowChanged where the service says so, else the error itself."""
    code = error_code(error)
    if code == TableErrorCode.ENTITY_ALREADY_EXISTS.value:
        return RowExists(f"a row of {table} exists already")
    if code in {TableErrorCode.UPDATE_CONDITION_NOT_SATISFIED.value, TableErrorCode.RESOURCE_NOT_FOUND.value}:
        return RowChanged(f"a row of {table} has changed")
    return error


def error_code(error: Exception) -> str:
    """The service's error code. Some SDK paths leave it in the body only: `{"odata.error":{"code": …}}`."""
    code = getattr(error, "error_code", None)
    if code is not None:
        return str(getattr(code, "value", code))
    found = _ODATA_CODE.search(str(error))
    return found.group(1) if found else ""
