"""A queue function that only counts."""

import azure.functions as func

from bench.apps.stopwatch import Stopwatch

app = func.FunctionApp()
stopwatch = Stopwatch()


@app.queue_trigger(arg_name="msg", queue_name="%BENCH_QUEUE%", connection="AzureWebJobsStorage")
async def count(msg: func.QueueMessage) -> None:
    """Count a message."""
    msg.get_body()
    stopwatch.handled()
