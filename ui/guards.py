"""What every request passes first: who it is addressed to, where it comes from, what its answer may load.

    Hosts        only names this server is known by (a page of another site cannot rebind its name to us)
    SameOrigin   what changes something, and the WebSocket, only from our own pages
    Closed       doors Streamlit holds open for programs, which nobody here uses
    Headers      a content security policy and its companions on every answer

Not here: who the person is. There is no login yet, which is why `ui.server` listens on this machine only.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import streamlit
from starlette.datastructures import Headers as RequestHeaders
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
CLOSED = ("/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def _own_scripts() -> str:
    """The hashes of the scripts inside Streamlit's page: so these may run, and no script that text smuggles in."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    digests = [hashlib.sha256(script.encode()).digest() for script in re.findall(r"<script>(.*?)</script>", page, re.S)]
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


# Streamlit starts components from blob: URLs, plays a recording from one and styles elements inline. Nothing may come
# from, or go to, elsewhere.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        f"script-src 'self' blob: {_own_scripts()}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' blob: ws://{host} wss://{host}",
        "media-src 'self' blob:",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
_FIXED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(self), geolocation=()",
}


class Hosts:
    """Refuses requests that are addressed to a name this server does not go by."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421."""
        if _is_request(scope) and host_name(RequestHeaders(scope=scope).get("host", "")) not in self._names:
            response = PlainTextResponse("This server does not answer to that host name.", 421)
            return await response(scope, receive, send)
        return await self._app(scope, receive, send)


class SameOrigin:
    """Refuses what other sites' pages make a browser send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if _is_request(scope) and _changes_something(scope) and not _is_ours(RequestHeaders(scope=scope)):
            response = PlainTextResponse("Only pages of this server may ask for that.", 403)
            return await response(scope, receive, send)
        return await self._app(scope, receive, send)


class Closed:
    """Hides what Streamlit offers to monitoring and to agents: it would tell about the server without any need."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 404."""
        if _is_request(scope) and scope["path"].startswith(CLOSED):
            return await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)
        return await self._app(scope, receive, send)


class Headers:
    """Puts the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to what comes back."""
        host = RequestHeaders(scope=scope).get("host", "") if _is_request(scope) else ""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = _POLICY.format(host=host if host_name(host) else "localhost")
                headers.update(_FIXED)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def host_name(host: str) -> str:
    """The name in a Host header, without its port; empty for anything that is not name[:port]."""
    try:
        parts = urlsplit(f"//{host}")
        plain = parts.netloc == host and "@" not in host and (parts.port or 1) > 0 and not set(host) & set(" ;,'\"")
    except ValueError:  # a port that is no number, brackets without an address
        return ""
    return (parts.hostname or "") if plain else ""


def _is_request(scope: Scope) -> bool:
    return scope["type"] in ("http", "websocket")


def _changes_something(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in _READING


def _is_ours(headers: RequestHeaders) -> bool:
    """Browsers say where a request comes from; a caller that says nothing is no browser and holds no one's rights."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    return origin is None or urlsplit(origin).netloc == headers.get("host")
