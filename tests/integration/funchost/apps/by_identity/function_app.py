"""Queue in, blob out, over a connection that has no key."""

import azure.functions as func

app = func.FunctionApp()


@app.queue_trigger(arg_name="msg", queue_name="orders", connection="Store")
@app.blob_output(arg_name="copy", path="copies/{queueTrigger}", connection="Store")
def keep(msg: func.QueueMessage, copy: func.Out[str]) -> None:
    copy.set(msg.get_body().decode().upper())
