"""Blob triggers: a path with expressions, one that always fails, one that takes text."""

import logging

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
STORAGE = "AzureWebJobsStorage"


@app.blob_trigger(arg_name="order", path="%PREFIX%-orders/{day}/{name}.json", connection=STORAGE)
@app.blob_output(arg_name="copy", path="%PREFIX%-copies/{name}-of-{day}", connection=STORAGE)
def copy_order(order: func.InputStream, copy: func.Out[func.InputStream]) -> None:
    copy.set(order)
    logging.info("copied %s of %d bytes, kind %s", order.name, order.length, (order.metadata or {}).get("kind"))


@app.blob_trigger(arg_name="bad", path="%PREFIX%-bad/{name}", connection=STORAGE)
def refuse(bad: func.InputStream) -> None:
    logging.info("refusing %s", bad.name)
    raise RuntimeError("refused")


@app.generic_trigger(arg_name="note", type="blobTrigger", path="%PREFIX%-notes", connection=STORAGE, data_type="STRING")
@app.generic_output_binding(arg_name="$return", type="queue", queue_name="%PREFIX%-notes", connection=STORAGE)
def forward_note(note: str) -> str:
    logging.info("note %s", note)
    return note.upper()
