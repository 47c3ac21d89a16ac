"""Binding expressions, an Out that is never set, and a retry policy."""

import logging

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
STORAGE = "AzureWebJobsStorage"


@app.route(route="store", methods=["POST"])
@app.blob_output(arg_name="by_path", path="%PREFIX%-out/{customer.city}/{id}", connection=STORAGE)
@app.blob_output(arg_name="by_chance", path="%PREFIX%-out/chance/{rand-guid}", connection=STORAGE)
@app.blob_output(arg_name="by_day", path="%PREFIX%-out/days/{datetime:yyyy-MM-dd}", connection=STORAGE)
@app.queue_output(arg_name="message", queue_name="%PREFIX%-flaky", connection=STORAGE)
def store(
    req: func.HttpRequest,
    by_path: func.Out[str],
    by_chance: func.Out[str],
    by_day: func.Out[str],
    message: func.Out[str],
) -> str:
    for out in (by_path, by_chance, by_day, message):
        out.set(req.get_json()["id"])
    return "stored"


@app.route(route="unset", binding_arg_name="answer")
def leave_unset(req: func.HttpRequest, answer: func.Out[func.HttpResponse]) -> None:
    logging.info("nothing is set")


@app.queue_trigger(arg_name="msg", queue_name="%PREFIX%-flaky", connection=STORAGE)
@app.blob_output(arg_name="$return", path="%PREFIX%-done/{queueTrigger}", connection=STORAGE)
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:00.100")
def flaky(msg: func.QueueMessage, context: func.Context) -> str:
    retry = context.retry_context
    logging.info("attempt %d of %d, dequeued %s", retry.retry_count, retry.max_retry_count, msg.dequeue_count)
    if retry.retry_count < 2:
        raise RuntimeError("not yet")
    return type(retry.exception).__name__
