"""Two functions of one name."""

import azure.functions as func

app = func.FunctionApp()


@app.function_name("same")
@app.route(route="one")
def one(req: func.HttpRequest) -> str:
    return ""


@app.function_name("same")
@app.route(route="two")
def two(req: func.HttpRequest) -> str:
    return ""
