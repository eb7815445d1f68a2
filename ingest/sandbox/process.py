"""One child that meets an untrusted file: started, waited for and ended.

A child is a process of its own in a process group of its own, and no wait on it is without a deadline. Whatever arrives
from it is called `untrusted_…` until `ingest.sandbox.untrusted` looked at it. Not here: the command it is started by
(`ingest.sandbox.launch`), and whether bubblewrap stands around it (`ingest.sandbox.walls`).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from docqa.errors import RendererDied, RendererTimeout
from ingest.sandbox import walls
from ingest.sandbox.launch import command_for, environment_for
from ingest.sandbox.untrusted import lie
from ingest.sandbox.wire import LENGTHS, MAX_BYTES, MAX_JSON, frame

_PATIENCE = 2.0  #: seconds the kernel has to clear a killed process away
_GRACE = 0.5  #: seconds between TERM and KILL; only a child that ignores TERM uses any of it up
_BLINK = 0.25  #: seconds after which a wait looks up whether to go on
_PIPE_BYTES = 1 << 20


class Stopped(Exception):
    """The worker is shutting down; nobody waits for the child any more."""


class Child:
    """One running child. Use as a context manager; leaving it ends the process whatever it does.

    Waiting for it ends with `Stopped` soon after the `stopping` event was set. With `secrets` an argument,
    `--secrets-fd=N`, says where to read them; they stand neither among the arguments nor in the environment.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        stopping: threading.Event,
        stdin: BinaryIO | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self._stopping = stopping
        with _sent(secrets) as fds:
            self._process = subprocess.Popen(
                command_for(walls.bubblewrap(), module, [*arguments, *(f"--secrets-fd={fd}" for fd in fds)]),
                stdin=subprocess.PIPE if stdin is None else stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=environment_for(module),
                cwd="/",
                pass_fds=fds,
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
        """TERM to the whole process group, then KILL, and wait until the kernel has taken the child back.

        A child that ended, or ends of TERM as every honest one does, costs no grace. Around it, bubblewrap ends of
        either signal, and the kernel kills with it whatever runs inside.
        """
        if self._process.returncode is not None:
            return
        self._signal(signal.SIGTERM)
        patience = time.monotonic() + _GRACE
        while self.running and time.monotonic() < patience:
            time.sleep(0.0005)
        self._signal(signal.SIGKILL)  # also when it is gone: others of its group may not be
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

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


@contextlib.contextmanager
def _sent(secrets: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """A pipe that holds the secrets, to be inherited; none for none. They must fit into it: nobody reads yet."""
    if not secrets:
        yield ()
        return
    reading, writing = os.pipe()
    try:
        _widen(writing)
        os.set_blocking(writing, False)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(list(secrets)).encode())
        yield (reading,)
    finally:
        os.close(reading)


def _widen(pipe: int) -> None:
    """A page image fits into the pipe, so that the child need not wait for the worker. Linux only, and optional."""
    import fcntl

    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _death() -> RendererDied:
    return RendererDied("The process that reads the file ended unexpectedly.")
