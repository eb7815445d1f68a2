"""Children that meet untrusted files: how they are started, waited for and ended.

A child is a process of its own in a process group of its own, with limits on memory, open files and written bytes, and
no wait on it is without a deadline. It is ended with KILL, at once: it holds nothing that a farewell could save.
Whatever arrives from it is called `untrusted_…` until `ingest.untrusted` looked at it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from docqa.errors import RendererDied, RendererTimeout
from ingest.untrusted import lie
from ingest.wire import LENGTHS, MAX_BYTES, MAX_JSON, frame

_PATIENCE = 2.0  #: seconds the kernel has to clear a killed process away
_BLINK = 0.25  #: seconds after which a wait looks up whether to go on
_PIPE_BYTES = 1 << 20


class Stopped(Exception):
    """The worker is shutting down; nobody waits for the child any more."""


class Child:
    """One running child. Use as a context manager; leaving it ends the process whatever it does.

    Waiting for it ends with `Stopped` soon after the `stopping` event was set.
    """

    def __init__(
        self, module: str, arguments: Sequence[str], stopping: threading.Event, stdin: BinaryIO | None = None
    ) -> None:
        self._stopping = stopping
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=_environment(),
            cwd=Path(__file__).parent.parent,
        )
        assert self._process.stdout is not None  # it was asked for
        self._out = self._process.stdout.fileno()
        self._in = self._process.stdin.fileno() if self._process.stdin else None
        _widen(self._out)
        if self._in is not None:
            os.set_blocking(self._in, False)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def running(self) -> bool:
        """Whether the process is still there. It is not reaped by asking: its id must stay its own until `end`."""
        if self._process.returncode is not None:
            return False
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def send(self, header: dict[str, object], body: bytes, seconds: float) -> None:
        """Give the child a frame. Raises RendererTimeout if it does not take it, RendererDied if it is gone."""
        assert self._in is not None  # only children without a file on stdin are sent frames
        deadline = time.monotonic() + seconds
        left = memoryview(frame(header, body))
        try:
            while left:
                self._wait(self._in, select.POLLOUT, deadline, seconds)
                left = left[os.write(self._in, left) :]
        except BrokenPipeError as error:
            raise _death() from error

    def receive(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        """The next frame, unchecked but for its lengths. Raises RendererTimeout, RendererDied, RendererLied."""
        deadline = time.monotonic() + seconds
        json_length, body_length = LENGTHS.unpack(self._read(LENGTHS.size, deadline, seconds))
        if json_length > MAX_JSON or body_length > MAX_BYTES:
            raise lie("more than a page can hold")
        untrusted_json = self._read(json_length, deadline, seconds)
        untrusted_body = self._read(body_length, deadline, seconds)
        try:
            untrusted_header = json.loads(untrusted_json)
        except (ValueError, RecursionError) as error:
            raise lie("something unreadable") from error
        if not isinstance(untrusted_header, dict):
            raise lie("something unreadable")
        return untrusted_header, untrusted_body

    def end(self) -> None:
        """KILL to the whole process group, and wait until the kernel has taken the child back."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self, count: int, deadline: float, seconds: float) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            self._wait(self._out, select.POLLIN, deadline, seconds)
            piece = os.read(self._out, min(count - len(parts), _PIPE_BYTES))
            if not piece:
                raise _death()
            parts += piece
        return bytes(parts)

    def _wait(self, pipe: int, readiness: int, deadline: float, seconds: float) -> None:
        """Until the pipe is ready; looks at the clock every time, or a child that drips bytes would never be late."""
        poll = select.poll()
        poll.register(pipe, readiness)
        while True:
            if self._stopping.is_set():
                raise Stopped
            left = deadline - time.monotonic()
            if left <= 0:
                raise RendererTimeout(f"Reading took longer than {seconds:g} seconds and was stopped.")
            if poll.poll(1000 * min(_BLINK, left)):
                return


def _environment() -> dict[str, str]:
    """What a child may know of this process's environment: how to find Python's packages, nothing else."""
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _widen(pipe: int) -> None:
    """A page image fits into the pipe, so that the child need not wait for the worker. Linux only, and optional."""
    import fcntl

    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _death() -> RendererDied:
    return RendererDied("The process that reads the file ended unexpectedly.")
