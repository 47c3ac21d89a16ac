"""Things that are there, in a tenant of their own: a random request that names one gets past the 404."""

import asyncio
from typing import Any

import orjson

from local.demo.api import Api
from local.demo.job import EXAMPLE
from local.platform import Platform

TENANT = "openapi"
Things = dict[tuple[str, str], list[Any]]
"""Values by path (its beginning) and parameter, such as `path.id`."""

OF_EACH = 8
"""So many things of a kind are made: some requests take them away."""
UPLOADED = OF_EACH - 2
MOST_LOOKS = 240
RECORDS = b"id,n\na,1\nb,-2\nc,x\nd,4\n"
READING = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0}}, "required": ["id", "n"]}
WORKFLOWS = {
    "ends": "{set: {x: 1}}",
    "waits": "{wait: {hours: 1}}",
    "listens": "{listen: {to: {one: {with: {type: never.comes}}}}}",
    "fails": "{raise: {error: {type: 'https://example.com/errors/no', status: 422, title: No}}}",
}
STREAM = EXAMPLE.parent / "streams"


def own_client(platform: Platform, tenant: str = TENANT) -> tuple[str, str]:
    """The id and secret of a client that may do what the demo's may, in a tenant of its own. May be repeated."""
    demo, file = platform.demo_client, platform.layout.clients_file
    clients = [client for client in orjson.loads(file.read_bytes()) if client["clientId"] != tenant]
    (like,) = (client for client in clients if client["clientId"] == demo.id)
    file.write_bytes(orjson.dumps([*clients, {**like, "clientId": tenant, "tenant": tenant}]))
    return tenant, demo.secret.get_secret_value()


async def make_things(api: Api) -> Things:
    """Make some of everything, and wait until what is computed is there."""
    things: Things = {
        ("/monitoring/traces/", "path.traceId"): [api.trace_id],
        ("/audit/", "query.traceId"): [api.trace_id],
    }
    things |= await _documents(api)
    things |= await _access(api)
    things |= await _workflows(api)
    things |= await _streams(api)
    things |= await _computed(api)
    things |= await _told(api)
    return things


def dictionaries(things: Things, probability: float = 0.5) -> str:
    """The part of schemathesis' configuration that lets the parameters have these values."""
    values, bound = "", dict.fromkeys((path for path, _ in things), "")
    for number, ((path, parameter), found) in enumerate(things.items()):
        values += f"\n[dictionaries.things{number}]\nvalues = {orjson.dumps(found).decode()}\n"
        bound[path] += f'"{parameter}" = {{dictionary = "things{number}", probability = {probability}}}\n'
    return values + "".join(
        f'\n[[operations]]\ninclude-path-regex = "^{path}"\n\n[operations.parameters]\n{parameters}'
        for path, parameters in bound.items()
    )


async def _documents(api: Api) -> Things:
    await api.call("PUT", "/metadata/schemas/reading", READING)
    await api.call("PUT", "/metadata/schemas/reading", {**READING, "title": "Reading"})
    items = {f"room-{number}": {"n": number} for number in range(OF_EACH)}
    await api.call("PUT", "/metadata/reference-data/rooms", {"items": items})
    for key in items:
        await api.call("PUT", f"/metadata/configuration/{key}", {"value": key})
    return {
        ("/metadata/schemas/", "path.name"): ["reading"],
        ("/metadata/schemas/", "path.version"): ["latest", "1", "2"],
        ("/metadata/reference-data/", "path.set"): ["rooms"],
        ("/metadata/reference-data/", "path.key"): list(items),
        ("/metadata/configuration/", "path.key"): list(items),
        ("/metadata/configuration/", "path.version"): ["latest", "1"],
    }


async def _access(api: Api) -> Things:
    names = [f"own-{number}" for number in range(OF_EACH)]
    for name in names:
        await api.call("PUT", f"/identity/roles/{name}", {"scopes": ["metadata.read"]})
        await api.call("PUT", f"/workflow/secrets/{name}", {"value": name})
    orders = [{"role": names[0], "principal": {"type": "user", "id": name}} for name in names]
    return {
        ("/identity/roles/", "path.name"): names,
        ("/workflow/secrets/", "path.name"): names,
        ("/identity/assignments/", "path.id"): await _made(api, "/identity/assignments", orders),
        ("/identity/clients/", "path.id"): await _made(
            api, "/identity/clients", [{"name": name} for name in names], id="clientId"
        ),
        ("/gateway/api-keys/", "path.id"): await _made(
            api, "/gateway/api-keys", [{"name": name, "scopes": ["metadata.read"]} for name in names]
        ),
    }


async def _workflows(api: Api) -> Things:
    orders = []
    for name, task in WORKFLOWS.items():
        document = f"document: {{dsl: '1.0.3', namespace: own, name: {name}, version: '1.0.0'}}\ndo: [{{a: {task}}}]\n"
        await api.raw("PUT", "/workflow/definitions", content=document.encode(), content_type="application/yaml")
        orders += [{"namespace": "own", "name": name, "version": "1.0.0", "input": {}}] * (OF_EACH // 2)
    return {
        ("/workflow/instances/", "path.instance_id"): await _made(api, "/workflow/instances", orders),
        ("/workflow/definitions/", "path.namespace"): ["own"],
        ("/workflow/definitions/", "path.name"): list(WORKFLOWS),
        ("/workflow/definitions/", "path.version"): ["1.0.0"],
    }


async def _streams(api: Api) -> Things:
    names = [f"own-{number}" for number in range(OF_EACH)]
    late = {"carrier": "UA", "time": "2013-01-01T09:00:05Z", "delay": 1}
    messages = (STREAM / "messages.ndjson").read_bytes()
    messages += orjson.dumps({"id": "late", "data": late}) + b"\n" + orjson.dumps({"data": {"time": "x"}}) + b"\n"
    for name in names:
        await api.call("PUT", f"/processing/streams/{name}", orjson.loads((STREAM / "stream.json").read_bytes()))
        path = f"/processing/streams/{name}/messages"
        await api.raw("POST", path, content=messages, content_type="application/x-ndjson")
    return {("/processing/streams/", "path.name"): names}


async def _computed(api: Api) -> Things:
    made = [await api.call("POST", "/processing/datasets", {"name": "own"}) for _ in range(OF_EACH)]
    for dataset in made[:UPLOADED]:
        await api.upload(dataset["uploadUrl"], RECORDS)
    datasets = [str(dataset["id"]) for dataset in made]
    schema = {"schema": {"name": "reading", "version": 1}}
    checked = [{"dataset": datasets[0], **schema, "maxInvalid": number % 2 * 10} for number in range(OF_EACH)]
    validations = await _made(api, "/processing/validations", checked)
    queries = [{"dataset": id, "query": "SELECT id, n FROM input"} for id in datasets]
    jobs = await _made(
        api, "/processing/jobs", [*queries, *({**query, **schema, "maxInvalid": 10} for query in queries)]
    )
    await _settled(
        api, [f"/processing/jobs/{id}" for id in jobs] + [f"/processing/validations/{id}" for id in validations]
    )
    reports = await _made(api, "/reporting/reports", [{"title": "Own", "job": job} for job in jobs[:OF_EACH]])
    await _settled(api, [f"/reporting/reports/{id}" for id in reports])
    return {
        ("/processing/datasets/", "path.id"): datasets,
        ("/processing/(jobs|validations)$", "body.dataset"): datasets[:UPLOADED],
        ("/reporting/reports$", "body.job"): jobs[:UPLOADED],
        ("/processing/validations/", "path.id"): validations,
        ("/processing/jobs/", "path.id"): jobs,
        ("/processing/poison/", "path.id"): [
            item["id"] for item in (await api.call("GET", "/processing/poison"))["items"]
        ],
        ("/reporting/reports/", "path.id"): reports,
    }


async def _told(api: Api) -> Things:
    names = [f"own-{number}" for number in range(OF_EACH)]
    for name in names:
        await api.call("PUT", f"/notification/webhooks/{name}", {"url": "http://127.0.0.1:9/none"})
    channels = [{"type": "email", "to": ["ada@example.com"]}, {"type": "webhook", "webhook": names[0]}]
    orders = [{"subject": "Done", "channels": channels}] * 2
    return {
        ("/notification/webhooks/", "path.id"): names,
        ("/notification/messages/", "path.id"): await _made(api, "/notification/messages", orders),
    }


async def _made(api: Api, path: str, orders: list[dict[str, Any]], id: str = "id") -> list[Any]:
    return [(await api.call("POST", path, order))[id] for order in orders]


async def _settled(api: Api, paths: list[str]) -> None:
    for path in paths:
        for _ in range(MOST_LOOKS):
            if (await api.call("GET", path))["status"] not in {"pending", "running"}:
                break
            await asyncio.sleep(0.5)
