"""The smallest HTTP function."""

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="hello", methods=["GET"])
async def hello(req: func.HttpRequest) -> func.HttpResponse:
    """Answer `Hello, world!`."""
    return func.HttpResponse("Hello, world!")
