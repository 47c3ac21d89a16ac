"""Queue, blob and table bindings."""

import json
import logging
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
STORAGE = "AzureWebJobsStorage"


@app.route(route="enqueue", methods=["POST"])
@app.queue_output(arg_name="out", queue_name="%PREFIX%-work", connection=STORAGE)
async def enqueue(req: func.HttpRequest, out: func.Out[list[str]]) -> str:
    out.set(req.get_json())
    return "queued"


@app.queue_trigger(arg_name="msg", queue_name="%PREFIX%-work", connection=STORAGE)
def work(msg: func.QueueMessage) -> None:
    text = msg.get_body().decode()
    logging.info("working on %s, time %d", text, msg.dequeue_count)
    if text == "bad":
        raise RuntimeError("bad message")
    if text.startswith("slow"):
        time.sleep(float(text.split()[1]))
    logging.info("worked on %s", text)


@app.route(route="orders", methods=["POST"])
@app.queue_output(arg_name="$return", queue_name="%PREFIX%-orders", connection=STORAGE)
@app.blob_output(arg_name="copy", path="%PREFIX%-copies/{id}.json", connection=STORAGE)
def order(req: func.HttpRequest, copy: func.Out[bytes]) -> str:
    copy.set(req.get_body())
    return req.get_body().decode()


@app.queue_trigger(arg_name="msg", queue_name="%PREFIX%-orders", connection=STORAGE)
@app.blob_input(arg_name="copy", path="%PREFIX%-copies/{id}.json", connection=STORAGE)
@app.blob_input(arg_name="absent", path="%PREFIX%-copies/absent", connection=STORAGE)
@app.table_output(arg_name="row", table_name="%PREFIX%orders", partition_key="{tenant}", connection=STORAGE)
def store(msg: str, copy: func.InputStream, absent: func.InputStream, row: func.Out[str]) -> None:
    order = json.loads(msg)
    same = copy.read() == msg.encode()
    row.set(json.dumps({"RowKey": order["id"], "same": same, "absent": absent is None, "amount": order["amount"]}))
    logging.info("stored %s", order["id"])


@app.route(route="orders/{tenant}/{id?}", methods=["GET"])
@app.table_input(
    arg_name="rows", table_name="%PREFIX%orders", partition_key="{tenant}", filter="amount ge 5", connection=STORAGE
)
def list_orders(req: func.HttpRequest, rows: str) -> str:
    return rows


@app.route(route="order/{tenant}/{id}", methods=["GET"])
@app.table_input(
    arg_name="row", table_name="%PREFIX%orders", partition_key="{tenant}", row_key="{id}", connection=STORAGE
)
def get_order(req: func.HttpRequest, row: str) -> func.HttpResponse:
    return func.HttpResponse(row, status_code=404 if row == "[]" else 200)
