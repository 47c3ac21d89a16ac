"""HTTP functions with FastAPI's requests and responses."""

import asyncio
from pathlib import Path

import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, StreamingResponse

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="count/{n:int}")
async def count(req: Request) -> StreamingResponse:
    """The first number at once, the others when the file is there."""

    async def numbers():
        for number in range(int(req.path_params["n"])):
            yield f"{number}\n"
            while not Path(req.query_params["until"]).exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
                await asyncio.sleep(0.05)

    return StreamingResponse(numbers(), media_type="text/plain")


@app.route(route="measure", methods=["POST"])
async def measure(req: Request) -> JSONResponse:
    sizes = [len(chunk) async for chunk in req.stream() if chunk]
    return JSONResponse({"chunks": len(sizes) > 1, "bytes": sum(sizes)}, status_code=201)


@app.route(route="plain/{name}")
def plain(req: Request):
    return {"name": req.path_params["name"], "query": req.query_params.get("q")}


@app.route(route="fail")
def fail(req: Request):
    raise RuntimeError("no")


@app.route(route="classic")
def classic(req: func.HttpRequest) -> str:
    return req.method
