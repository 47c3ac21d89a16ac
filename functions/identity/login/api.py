"""The authorization endpoint and the steps behind it, as a browser meets them."""

import logging
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from chassis.http.headers import CACHE_CONTROL, LOCATION
from chassis.http.openapi import asks, sometimes
from functions.identity.errors import InvalidClient, LockedOut, OAuthError
from functions.identity.forms import caller_address, read_form
from functions.identity.login import pages
from functions.identity.login.entra import SignInFailed
from functions.identity.login.request import AuthorizationRequest, BadRedirect, RefusedRequest
from functions.identity.login.service import Login
from functions.identity.login.tickets import COOKIE, LIFETIME_S, BadTicket, Browser, new_browser
from functions.identity.schemas import Client

LOGIN_PATH, CALLBACK_PATH = "/identity/login", "/identity/login/callback"
log = logging.getLogger(__name__)
router = APIRouter(tags=["login"])
_PAGE = {"content": {"text/html": {}}, "description": "A page for the user", "headers": CACHE_CONTROL}
_REFUSAL = {**_PAGE, "headers": sometimes(CACHE_CONTROL)}
_ASKED = asks(
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
_REDIRECT = {"description": "Back to the client, or on to Microsoft Entra ID", "headers": CACHE_CONTROL | LOCATION}


@router.get(
    "/identity/oauth2/authorize",
    response_class=Response,
    responses={200: _PAGE, 303: _REDIRECT, 400: _REFUSAL, 503: _REFUSAL},
    openapi_extra=_ASKED,
)
async def authorize(request: Request) -> Response:
    """RFC 6749 section 4.1.1 with PKCE: shows the login, or sends the browser to Microsoft Entra ID."""
    login = await _login(request)
    query = request.query_params
    try:
        asked, client = await login.reader.read(dict(query), len(query.multi_items()) != len(query))
    except BadRedirect as error:
        return pages.problem("This link can't be used", f"The application sent a bad request: {error}.", 400)
    except RefusedRequest as refused:
        return _redirect(refused.redirect) if refused.at_once else _not_at_once(refused.redirect)
    browser = new_browser()
    ticket = login.tickets.issue(asked, browser)
    if login.entra is not None:
        try:
            response: Response = _redirect(await login.entra.address(ticket, browser))
        except SignInFailed as error:
            log.warning("nobody can sign in: %s", error)
            return pages.problem("Sign-in is not available", "Microsoft Entra ID can't be reached. Try again.", 503)
    elif login.development is not None:
        response = _form(asked, client, ticket)
    else:
        return pages.problem("Sign-in is not available", "This platform has no sign-in for users configured.", 503)
    _set_cookie(response, browser, request)
    return response


@router.post(
    LOGIN_PATH,
    response_class=Response,
    responses={303: _REDIRECT, 400: _REFUSAL, 401: _REFUSAL, 404: _REFUSAL, 429: _REFUSAL},
    include_in_schema=False,
)
async def sign_in(request: Request) -> Response:
    """The development login's form."""
    login = await _login(request)
    if login.development is None:
        return pages.problem("Not here", "There is no development login on this platform.", 404)
    try:
        form = read_form(request.headers.get("content-type"), await request.body())
        ticket = form.get("ticket", "")
        asked, client = await _resumed(login, ticket, request)
    except (OAuthError, BadTicket, BadRedirect):
        return _too_late()
    user, password = form.get("user", ""), form.get("password", "")
    try:
        outsider, roles = await login.development.sign_in(user, password, caller_address(request.headers))
    except LockedOut as locked:
        text = f"Too many failed attempts. Wait {locked.retry_after_s} seconds, then try again."
        response = _form(asked, client, ticket, wrong=text, user=user, status=429)
        response.headers["Retry-After"] = str(locked.retry_after_s)
        return response
    except InvalidClient:
        return _form(asked, client, ticket, wrong="The user name or the password is wrong.", user=user, status=401)
    return _done(await login.answer(asked, client, outsider, roles))


@router.get(
    CALLBACK_PATH,
    response_class=Response,
    responses={303: _REDIRECT, 400: _REFUSAL, 404: _REFUSAL},
    openapi_extra=asks("state", "code"),
)
async def return_from_entra(request: Request) -> Response:
    """Where Microsoft Entra ID sends the browser back to."""
    login = await _login(request)
    if login.entra is None:
        return pages.problem("Not here", "Microsoft Entra ID is not configured on this platform.", 404)
    browser = _browser(request)
    try:
        asked, client = await _resumed(login, request.query_params.get("state", ""), request)
    except (BadTicket, BadRedirect):
        return _too_late()
    code = request.query_params.get("code")
    try:
        if not code or browser is None:
            raise SignInFailed("no code came back")
        outsider = await login.entra.outsider(code, browser)
    except SignInFailed as error:
        log.warning("a sign-in failed: %s", error)
        told = "the sign-in at Microsoft Entra ID failed"
        return _done(
            login.reader.answer(asked.redirect_uri, asked.state, error="access_denied", error_description=told)
        )
    return _done(await login.answer(asked, client, outsider))


async def _login(request: Request) -> Login:
    identity = request.app.state.identity
    await identity.keys()
    found: Login = identity.login
    return found


async def _resumed(login: Login, ticket: str, request: Request) -> tuple[AuthorizationRequest, Client]:
    asked = login.tickets.read(ticket, _browser(request))
    client = await login.reader.find_client(asked.client_id)
    if client is None or client.disabled or asked.redirect_uri not in client.redirect_uris:
        raise BadRedirect("the client has changed")
    return asked, client


def _browser(request: Request) -> Browser | None:
    secret = request.cookies.get(COOKIE)
    return Browser(secret) if secret else None


def _form(asked: AuthorizationRequest, client: Client, ticket: str, **more: str | int) -> Response:
    return pages.sign_in(
        action=LOGIN_PATH,
        ticket=ticket,
        client=client.client_id,
        back_to=asked.redirect_uri,
        **more,  # type: ignore[arg-type]
    )


def _set_cookie(response: Response, browser: Browser, request: Request) -> None:
    issuer = urlsplit(request.app.state.runtime.settings.issuer)
    response.set_cookie(
        COOKIE,
        browser.secret,
        max_age=LIFETIME_S,
        path=LOGIN_PATH,
        secure=issuer.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _redirect(address: str) -> Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(address, 303, headers)


def _not_at_once(address: str) -> Response:
    text = "An application asked for something that it may not have. If you know where the link leads, you can go on."
    return pages.problem("This link can't be used", text, 400, address)


def _done(address: str) -> Response:
    response = _redirect(address)
    response.delete_cookie(COOKIE, path=LOGIN_PATH)
    return response


def _too_late() -> Response:
    return pages.problem(
        "Please start again", "The sign-in took too long, or began in another browser. Go back and try again.", 400
    )
