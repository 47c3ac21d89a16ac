"""Identity's triggers: its HTTP API, the relay of its outbox, and the removal of what has expired."""

import azure.functions as func

from chassis.http.trigger import METHODS, HttpFront
from chassis.messaging.relay import add_outbox_relay
from chassis.runtime import runtime_for
from functions.identity.api import identity_app
from functions.identity.directory.documents import TABLE as DIRECTORY
from functions.identity.keys.store import TABLE as SIGNING_KEYS
from functions.identity.repository import ASSERTIONS, REVOCATIONS
from functions.identity.sessions.store import TABLE as SESSIONS

runtime = runtime_for("identity")
app = identity_app(runtime)
front = HttpFront(app)
blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
add_outbox_relay(blueprint, runtime, ASSERTIONS, REVOCATIONS, SIGNING_KEYS, DIRECTORY, SESSIONS)


@blueprint.function_name("identity_handle_http")
@blueprint.route(route="identity/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def identity_handle_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request below /identity."""
    return await front.handle(req, context)


@blueprint.function_name("identity_get_metadata")
@blueprint.route(
    route=".well-known/oauth-authorization-server/identity", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS
)
async def identity_get_metadata(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The discovery document where RFC 8414 section 3.1 puts it for an issuer with a path."""
    return await front.handle(req, context)


@blueprint.function_name("identity_purge_expired")
@blueprint.timer_trigger(arg_name="timer", schedule="0 */10 * * * *", use_monitor=False)
async def identity_purge_expired(timer: func.TimerRequest) -> None:
    """Drop used assertions, revocations and sessions that have expired."""
    await app.state.identity.purge()


@blueprint.function_name("identity_rotate_keys")
@blueprint.timer_trigger(arg_name="timer", schedule="30 * * * * *", use_monitor=False)
async def identity_rotate_keys(timer: func.TimerRequest) -> None:
    """Let the next signing key take over when its time has come, and drop the ones that nobody needs any more."""
    await app.state.identity.rotation.advance()
