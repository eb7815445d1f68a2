"""The command `docqa serve`: the interface in this process, the worker that reads documents in a child process."""

from __future__ import annotations

import argparse
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from docqa.commands import Commands, settings_of
from docqa.settings import Settings

STEADY_SECONDS = 60.0  #: a worker that ran for so long was fine; its end is no reason to lose patience
MAX_RESTARTS = 5  #: in a row, before the worker is given up
LONGEST_PAUSE = 30.0
END_SECONDS = 15.0  #: what a worker gets to finish its page when the server stops

log = logging.getLogger(__name__)


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add("serve", run_serve, "serve the browser interface and read documents in the background")
    parser.add_argument("--host", help="address to listen on (default: ui.host, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: ui.port, 8501)")


def run_serve(arguments: argparse.Namespace) -> int:
    """Serve until stopped."""
    from ui.server import serve  # imports Streamlit: no other command should wait for it

    settings = _with_address(settings_of(arguments), arguments.host, arguments.port)
    # uvicorn ends in good order on SIGTERM, then sends it again: as an exception it lets the worker be stopped, too
    signal.signal(signal.SIGTERM, _leave)
    try:
        with kept_running([sys.executable, "-m", "docqa", "--store", str(settings.store), "worker"]):
            serve(settings)
    except KeyboardInterrupt:
        pass  # Ctrl+C is how it is meant to end
    return 0


@contextmanager
def kept_running(command: Sequence[str]) -> Iterator[None]:
    """Run a command beside the block: started again when it dies, a bounded number of times, ended with the block."""
    stop = threading.Event()
    keeper = threading.Thread(target=_keep, args=(command, stop), name="worker-keeper")
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def _keep(command: Sequence[str], stop: threading.Event) -> None:
    deaths = 0
    while deaths <= MAX_RESTARTS:
        started = time.monotonic()
        status = _run_once(command, stop)
        if stop.is_set():
            return
        deaths = 1 if time.monotonic() - started > STEADY_SECONDS else deaths + 1
        log.warning("the worker ended with status %s (%d in a row)", status, deaths)
        stop.wait(min(2.0**deaths, LONGEST_PAUSE))
    log.error("the worker was given up; documents are not read until `docqa serve` is started again")


def _run_once(command: Sequence[str], stop: threading.Event) -> int:
    child = subprocess.Popen(command)
    while child.poll() is None:
        if stop.wait(0.2):
            return _end(child)
    return child.returncode


def _end(child: subprocess.Popen[bytes]) -> int:
    child.terminate()
    try:
        return child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _with_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update={"ui": settings.ui.model_copy(update=given)})


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
