"""The two pages that identity shows: sign in, and what went wrong. Plain HTML that needs no script."""

from html import escape
from secrets import token_urlsafe
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; background: #f4f5f7; color: #1b1f24; }
main { max-width: 24rem; margin: 10vh auto 2rem; padding: 2rem; background: #fff; border-radius: .5rem;
       box-shadow: 0 1px 3px #0003; }
h1 { font-size: 1.375rem; margin: 0 0 .25rem; }
p { margin: 0 0 1.25rem; color: #4a5159; }
label { display: block; font-weight: 600; margin: 0 0 .25rem; }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem .75rem; margin: 0 0 1rem;
        border: 1px solid #6b737c; border-radius: .25rem; background: #fff; color: inherit; }
button { width: 100%; font: inherit; font-weight: 600; padding: .625rem; border: 0; border-radius: .25rem;
         background: #0b57a4; color: #fff; cursor: pointer; }
button:hover { background: #084482; }
input:focus-visible, button:focus-visible { outline: 3px solid #f2a900; outline-offset: 2px; }
.wrong { color: #8f1d14; border-left: 4px solid #8f1d14; padding: .25rem .75rem; }
.small { font-size: .875rem; margin: 1.5rem 0 0; }
@media (prefers-color-scheme: dark) {
  body { background: #16191d; color: #e8eaed; } main { background: #22262b; } p { color: #b6bcc3; }
  input { background: #16191d; border-color: #8b939c; } button { background: #7fb8f0; color: #10243a; }
  button:hover { background: #a5cdf5; } .wrong { color: #ffb4ab; border-color: #ffb4ab; }
}
"""


def sign_in(
    *, action: str, ticket: str, client: str, back_to: str, wrong: str = "", user: str = "", status: int = 200
) -> HTMLResponse:
    """The development login. `back_to` is the redirect URI, whose origin the form may lead to."""
    problem = f'<p class="wrong" role="alert" id="wrong">{escape(wrong)}</p>' if wrong else ""
    described = ' aria-describedby="wrong" aria-invalid="true"' if wrong else ""
    body = f"""<h1>Sign in</h1>
<p>to continue to {escape(client)}</p>
{problem}<form method="post" action="{escape(action)}">
<input type="hidden" name="ticket" value="{escape(ticket)}">
<label for="user">User name</label>
<input id="user" name="user" value="{escape(user)}" autocomplete="username" required maxlength="128"
 autocapitalize="none" spellcheck="false"{"" if user else " autofocus"}{described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
 maxlength="256"{" autofocus" if user else ""}{described}>
<button type="submit">Sign in</button>
</form>
<p class="small">Development login of this machine: the user name and password are in
<code>.local/console-login.json</code>.</p>"""
    return _page("Sign in", body, status, _origin(back_to))


def problem(title: str, text: str, status: int, go_on: str = "") -> HTMLResponse:
    """What went wrong, where the client can't be told, or only if the user follows the link `go_on`."""
    link = f'\n<p><a href="{escape(go_on)}" rel="noreferrer">Go on to {escape(_origin(go_on))}</a></p>' if go_on else ""
    return _page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>{link}", status, "")


def _page(title: str, body: str, status: int, leads_to: str) -> HTMLResponse:
    nonce = token_urlsafe(16)
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style nonce="{nonce}">{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self' {leads_to}".rstrip()
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'; base-uri 'none'",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(text, status, headers)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
