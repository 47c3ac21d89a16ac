"""A service's HTTP application: its router, and what every service has besides."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chassis.http.openapi import describe_problems
from chassis.http.problems import add_problem_handlers
from chassis.http.security import requires
from chassis.http.tracing import RequestTracing

if TYPE_CHECKING:
    from chassis.runtime import Runtime

__all__ = ["create_app", "requires"]

CHECK_TIMEOUT_S = 2.0
Check = Callable[[], Awaitable[None]]
_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": dict[str, Any], "description": "A dependency can't be used"}
}


def create_app(
    runtime: "Runtime",
    *routers: APIRouter,
    checks: Mapping[str, Check] | None = None,
    untraced: tuple[str, ...] = (),
) -> FastAPI:
    """The application of `runtime.service`.

    `checks` are the dependencies that `health/ready` names; each raises when its dependency is not usable.
    """
    service = runtime.service
    app = FastAPI(
        title=service,
        version=runtime.version,
        openapi_url=f"/{service}/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,  # what a generated client calls the operation
    )
    app.state.runtime = runtime
    add_problem_handlers(app)
    describe_problems(app)
    app.include_router(_own_routes(runtime, dict(checks or {})))
    for router in routers:
        app.include_router(router)
    quiet = (f"/{service}/health/", f"/{service}/metrics", f"/{service}/openapi.json")
    app.add_middleware(RequestTracing, runtime=runtime, untraced=quiet + untraced)
    return app


def _own_routes(runtime: "Runtime", checks: Mapping[str, Check]) -> APIRouter:
    router = APIRouter(prefix=f"/{runtime.service}", tags=["health"])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """The process runs and answers."""
        return {"status": "live"}

    @router.get("/health/ready", responses=_NOT_READY)
    async def ready(response: Response) -> dict[str, Any]:
        """Whether each dependency can be used; 503 when one can't."""
        results = dict(zip(checks, await asyncio.gather(*map(_run, checks.values())), strict=True))
        good = all(result["status"] == "up" for result in results.values())
        response.status_code = 200 if good else 503
        return {"status": "ready" if good else "not ready", "service": runtime.service, "checks": results}

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        """The service's metrics in Prometheus text format."""
        text = await asyncio.to_thread(generate_latest, runtime.telemetry.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


async def _run(check: Check) -> dict[str, Any]:
    started = perf_counter()
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the dependency is not usable
        return {"status": "down", "reason": type(error).__name__}
    return {"status": "up", "latencyMs": round((perf_counter() - started) * 1000, 1)}
