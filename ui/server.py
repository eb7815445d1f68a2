"""The server: Streamlit as an ASGI application with our own routes and guards around it, one process, one port.

Not here: the reading of documents (the worker, see `ui.commands`) and the screens (`ui.app`). There is no login yet, so
it listens on this machine only.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from streamlit.web import bootstrap

from docqa.errors import BadSettings, DocqaError
from docqa.settings import Settings
from docqa.types import Problem
from ui import resources
from ui.guards import LOOPBACK_NAMES, Closed, Headers, Hosts, SameOrigin
from ui.routes import ROUTES
from ui.screens.parts import show_problem

HERE = Path(__file__).parent
MAX_PORT = 65535
STOP_SECONDS = 3  #: how long open connections may hold up the end of the server

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve the interface until the process is told to stop. Raises BadSettings, StoreError."""
    with _listening(settings.ui.host, settings.ui.port) as listener:
        app = application(settings)
        resources.store()  # one that cannot be used is told here, not to the first visitor
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",  # what Streamlit itself uses with this uvicorn
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        threading.Thread(target=resources.preload, name="preload", daemon=True).start()
        print(f"docqa is at {_address(settings.ui.host, listener.getsockname()[1])} (Ctrl+C stops it)", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


def application(settings: Settings) -> st.App:
    """The ASGI application for one store."""
    resources.use(settings)
    bootstrap.load_config_options(dict(_streamlit_options()))
    return st.App(
        HERE / "app.py",
        routes=ROUTES,
        middleware=_guards(settings.ui.host),
        on_script_error=_show_script_error,
    )


def _guards(host: str) -> list[Middleware]:
    """In the order a request meets them. A login belongs at the end: everything behind it is Streamlit or a route."""
    return [
        Middleware(Headers),
        Middleware(Hosts, names=LOOPBACK_NAMES | {host.lower()}),
        Middleware(SameOrigin),
        Middleware(Closed),
    ]


def _streamlit_options() -> Iterator[tuple[str, object]]:
    """The settings of config.toml under dotted names, as Streamlit takes flags."""
    sections = tomllib.loads((HERE / "config.toml").read_text(encoding="utf-8"))
    todo = list(sections.items())
    while todo:
        name, value = todo.pop(0)
        if isinstance(value, dict):
            todo += [(f"{name}.{key}", inner) for key, inner in value.items()]
        else:
            yield name, value


def _listening(host: str, port: int) -> socket.socket:
    if not _is_this_machine(host):
        raise BadSettings(
            f"ui.host is {host}, but without a login docqa is served on this machine only.", "Use 127.0.0.1."
        )
    if not 0 <= port <= MAX_PORT:
        raise BadSettings(f"Port {port} cannot be used: there is no such port.", f"Ports go up to {MAX_PORT}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise BadSettings(f"Port {port} of {host} cannot be used: {error}.", "Try another --port.") from error


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _show_script_error(error: Exception) -> bool:
    """Show what a screen did not catch as a sentence; the details go to the log, not to the browser."""
    if isinstance(error, DocqaError):
        show_problem(error.problem, key="script")
        return True
    log.error("a screen failed", exc_info=error)
    sentence = "This screen could not be shown."
    show_problem(Problem("screen", sentence, "Reload the page; the server's log says more."), key="script")
    return True
