"""Datasets, validations and jobs through the edge, with real queues, blobs, tables and durable orchestrations."""

import asyncio
import io
from typing import Any

import polars as pl
import pytest
import pytest_asyncio
from polars.testing import assert_frame_equal

from chassis.storage.blobs import Blobs
from local.demo.data import airlines, flights_csv
from local.platform import Platform
from tests.flight_delays import expected

from .conftest import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS = ("carrier", "tailnum", "origin", "dest", "time_hour")
QUERY = """
SELECT carrier, name, month, COUNT(*) AS flights, COUNT(*) FILTER (WHERE dep_time IS NULL) AS cancelled,
    AVG(dep_delay) AS mean_dep_delay, MAX(dep_delay) AS max_dep_delay, quantile_cont(dep_delay, 0.95) AS p95_dep_delay,
    AVG(arr_delay) AS mean_arr_delay, SUM(distance) AS distance
FROM input JOIN airlines USING (carrier)
GROUP BY carrier, name, month ORDER BY carrier, month
"""


def first_flights(rows: int) -> list[bytes]:
    return flights_csv().splitlines()[: rows + 1]


def schema(columns: list[str]) -> dict[str, Any]:
    kinds = {name: ["string", "null"] if name in TEXTS else ["integer", "null"] for name in columns}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": columns,
        "additionalProperties": False,
        "properties": {name: {"type": kind} for name, kind in kinds.items()},
    }


@pytest_asyncio.fixture(loop_scope="module")
async def prepared(client: Client) -> Client:
    columns = first_flights(0)[0].decode().split(",")
    (await client.ask("PUT", "/metadata/schemas/flight", json=schema(columns))).raise_for_status()
    (await client.ask("PUT", "/metadata/reference-data/airlines", json={"items": airlines()})).raise_for_status()
    return client


def validation(dataset: str, **more: Any) -> dict[str, Any]:
    return {"dataset": dataset, "schema": {"name": "flight", "version": "latest"}, **more}


async def blobs_of(platform: Platform, kind: str, path: str) -> list[str]:
    storage = Blobs(platform.storage_connection)
    try:
        prefix = f"demo/{kind}/{path.rpartition('/')[2]}/"
        return [name async for name in storage.container("processing-work").list(prefix)]
    finally:
        await storage.close()


async def test_a_killed_service_still_gives_the_result_that_polars_gives(platform: Platform, prepared: Client) -> None:
    content = flights_csv()
    dataset = await prepared.dataset(content)
    path = await prepared.start("/processing/validations", validation(dataset))
    while (await prepared.ask("GET", path)).json()["progress"]["chunksDone"] < 2:  # noqa: ASYNC110 - nothing else tells it
        await asyncio.sleep(0.05)
    await platform.kill("processing")
    await platform.until_ready("processing")
    checked = await prepared.ended(path)
    assert checked["result"] == {"rows": 336_776, "valid": 336_776, "invalid": 0, "invalidRows": []}

    request = {"dataset": dataset, "query": QUERY, "validation": checked["id"], "referenceData": ["airlines"]}
    job = await prepared.do("/processing/jobs", request)
    assert (job["status"], job["plan"]) == ("completed", {"distributed": True, "reason": None})
    answer = await prepared.ask("GET", f"/processing/jobs/{job['id']}/result?format=csv")
    found = pl.read_csv(io.BytesIO(answer.content))
    wanted = expected(content, airlines())
    assert_frame_equal(found, wanted, check_dtypes=False, abs_tol=1e-9, rel_tol=1e-12)

    for _ in range(2):
        assert (await prepared.ask("DELETE", f"/processing/jobs/{job['id']}")).status_code == 204
    assert await blobs_of(platform, "job", job["id"]) == []
    assert (await prepared.ask("GET", f"/processing/jobs/{job['id']}/result")).status_code == 409


async def test_a_job_without_validation_takes_its_types_from_the_values(prepared: Client) -> None:
    dataset = await prepared.dataset(b'\xef\xbb\xbfa,b,c\r\n1,0.5,x\r\n2,NA,"y\r\nz"\r\n')
    query = "SELECT sum(a) AS a, sum(b) AS b, max(c) AS c FROM input"
    job = await prepared.do("/processing/jobs", {"dataset": dataset, "query": query})
    answer = await prepared.ask("GET", f"/processing/jobs/{job['id']}/result?format=json")
    assert answer.json() == [{"a": 3, "b": 0.5, "c": "y\r\nz"}]


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("csv", b"i;s;x\n1;a,b;0.5\nx;c;1\n3;;2\n"),
        ("ndjson", b'{"i":1,"s":"a,b","x":0.5}\n{"i":"x","s":"c","x":1}\n{"i":3,"s":null,"x":2}\n'),
    ],
)
async def test_a_job_that_checks_sets_records_aside_and_goes_on_or_stops(
    prepared: Client, format: str, content: bytes
) -> None:
    kinds = {"i": {"type": "integer"}, "s": {"type": ["string", "null"]}, "x": {"type": "number"}}
    answer = await prepared.ask("PUT", "/metadata/schemas/three", json={"type": "object", "properties": kinds})
    answer.raise_for_status()
    dataset = await prepared.dataset(content, format=format)
    request = {"dataset": dataset, "query": "SELECT sum(i) AS i, stddev(x) AS d FROM input"}
    stopped = await prepared.do("/processing/jobs", {**request, "schema": {"name": "three"}})
    assert (stopped["status"], stopped["result"]) == ("failed", None)
    assert "row 2: /i" in stopped["error"]["detail"]
    job = await prepared.do("/processing/jobs", {**request, "schema": {"name": "three"}, "maxInvalid": 1})
    assert (job["status"], job["result"]["invalid"]) == ("completed", 1)
    answer = await prepared.ask("GET", f"/processing/jobs/{job['id']}/result")
    assert answer.json() == [{"i": 4, "d": pytest.approx(1.0606601717798212)}]
    answer = await prepared.ask("GET", f"/processing/jobs/{job['id']}/quarantine")
    assert [(bad["row"], bad["field"]) for bad in answer.json()] == [(2, "/i")]


async def test_a_parquet_dataset_joins_another_dataset_by_name_and_says_how(prepared: Client) -> None:
    buffer = io.BytesIO()
    numbers = pl.DataFrame({"k": ["a", "b"] * 500, "n": range(1000)})
    numbers.write_parquet(buffer, row_group_size=100)
    dataset = await prepared.dataset(buffer.getvalue(), format="parquet")
    names = await prepared.dataset(b"k,label\na,Ay\nb,Bee\n")
    query = "SELECT label, mode(n % 2) AS m, sum(n) AS s FROM input JOIN names USING (k) GROUP BY label ORDER BY label"
    job = await prepared.do("/processing/jobs", {"dataset": dataset, "query": query, "datasets": {"names": names}})
    answer = await prepared.ask("GET", f"/processing/jobs/{job['id']}/result")
    assert answer.json() == [{"label": "Ay", "m": 0, "s": 249_500}, {"label": "Bee", "m": 1, "s": 250_000}]
    plan = (await prepared.ask("GET", f"/processing/jobs/{job['id']}/plan")).json()
    assert (plan["mode"], plan["chunks"]) == ("one-node", 10)
    query = "SELECT k, n, lag(n) OVER (PARTITION BY k ORDER BY n) AS l FROM input ORDER BY n LIMIT 3"
    job = await prepared.do("/processing/jobs", {"dataset": dataset, "query": query})
    answer = await prepared.ask("GET", f"/processing/jobs/{job['id']}/result?format=csv")
    assert answer.text == "k,n,l\na,0,\nb,1,\na,2,0\n"
    assert (await prepared.ask("GET", f"/processing/jobs/{job['id']}/plan")).json()["mode"] == "keys"
    assert (await prepared.ask("POST", f"/processing/jobs/{job['id']}/cancel")).status_code == 409


async def test_a_bad_number_fails_the_validation_names_its_row_and_leaves_nothing(
    platform: Platform, prepared: Client
) -> None:
    lines = first_flights(3000)
    fields = lines[1000].split(b",")
    fields[5] = b"abc"
    lines[1000] = b",".join(fields)
    dataset = await prepared.dataset(b"\n".join(lines) + b"\n")
    path = await prepared.start("/processing/validations", validation(dataset))
    failed = await prepared.ended(path)
    assert failed["status"] == "failed"
    assert failed["result"] is None
    assert "row 1000: /dep_delay" in failed["error"]["detail"]
    assert '"abc" is not of type' in failed["error"]["detail"]
    assert [row["row"] for row in failed["error"]["invalidRows"]] == [1000]
    assert await blobs_of(platform, "validation", path) == []

    allowed = await prepared.do("/processing/validations", validation(dataset, maxInvalid=1))
    assert (allowed["status"], allowed["result"]["valid"], allowed["result"]["invalid"]) == ("completed", 2999, 1)
    answer = await prepared.ask("GET", f"/processing/validations/{allowed['id']}/quarantine?format=json")
    assert [(bad["row"], bad["field"]) for bad in answer.json()] == [(1000, "/dep_delay")]
    assert '"dep_delay":"abc"' in answer.json()[0]["record"]
    query = {"dataset": dataset, "query": "SELECT count(*) AS n FROM input", "validation": allowed["id"]}
    job = await prepared.do("/processing/jobs", query)
    answer = await prepared.ask("GET", f"/processing/jobs/{job['id']}/result?format=json")
    assert answer.json() == [{"n": 2999}]


HEADER = b"year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,"
HEADER += b"origin,dest,air_time,distance,hour,minute,time_hour\n"
ROW = b"2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z\n"
CORRUPTED = [
    (b"", "the file is empty"),
    (HEADER, "no records"),
    (HEADER.replace(b"dep_delay,", b"") + ROW.replace(b",2,", b",", 1), "missing 'dep_delay'"),
    (HEADER.replace(b"day", b"dya") + ROW, "not in the schema: 'dya'"),
    (HEADER.replace(b"month", b"year") + ROW, "'year' twice"),
    (HEADER + ROW * 3 + b"1,2\n" + ROW, "row 4 has 2 fields, the header row has 19"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not a CSV file"),
    (HEADER + ROW + b"\xff\xfe" + ROW, "row 2 is not UTF-8"),
]


@pytest.mark.parametrize(("content", "message"), CORRUPTED, ids=[message for _, message in CORRUPTED])
async def test_a_corrupted_file_fails_with_a_clear_message_and_leaves_nothing(
    platform: Platform, prepared: Client, content: bytes, message: str
) -> None:
    path = await prepared.start("/processing/validations", validation(await prepared.dataset(content)))
    failed = await prepared.ended(path)
    assert failed["status"] == "failed"
    assert message in failed["error"]["detail"]
    assert await blobs_of(platform, "validation", path) == []


async def test_what_cannot_be_done_is_refused_when_it_is_asked_for(prepared: Client) -> None:
    dataset = await prepared.dataset(HEADER + ROW)

    async def refused(path: str, request: dict[str, Any]) -> tuple[int, str]:
        answer = await prepared.ask("POST", path, json=request)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["type"].rpartition(":")[2]

    for query in ("SELECT * FROM read_csv('/etc/passwd')", "DROP TABLE input", "SELECT 1; SELECT 2", "PRAGMA version"):
        assert await refused("/processing/jobs", {"dataset": dataset, "query": query}) == (422, "query-refused")
    query = {"dataset": "none", "query": "SELECT 1 AS one FROM input"}
    assert await refused("/processing/jobs", query) == (404, "dataset-not-found")
    assert await refused("/processing/datasets", {"name": "x", "format": "xml"}) == (400, "format-not-supported")
    assert await refused("/processing/jobs", {**query, "dataset": dataset, "validation": "none"}) == (
        422,
        "source-not-usable",
    )


async def test_the_same_idempotency_key_makes_one_job(prepared: Client) -> None:
    request = {"dataset": await prepared.dataset(HEADER + ROW), "query": "SELECT count(*) AS n FROM input"}
    headers = {"Idempotency-Key": "once"}
    first, second = [await prepared.ask("POST", "/processing/jobs", json=request, headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    other = await prepared.ask("POST", "/processing/jobs", json={**request, "query": "SELECT 1 AS n"}, headers=headers)
    assert other.status_code == 409


async def test_a_query_that_fails_names_the_reason(prepared: Client) -> None:
    dataset = await prepared.dataset(HEADER + ROW)
    for query, message in (
        ("SELECT nowhere FROM input", "nowhere"),
        ("SELECT CAST(carrier AS INTEGER) AS n FROM input", "UA"),
    ):
        failed = await prepared.do("/processing/jobs", {"dataset": dataset, "query": query})
        assert failed["status"] == "failed"
        assert message in failed["error"]["detail"]
