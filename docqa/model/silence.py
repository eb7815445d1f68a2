"""A connection on which silence is noticed while a reply is waited for.

Reading a dozen pages may honestly take a minute before the first word comes, so silence alone proves nothing; a person
should hear of it all the same, and somebody has to find out whether the server is there at all. HTTP clients know one
timeout, after which the connection is lost. `Listening` is put under one: inside `watched` it wakes up every few
seconds without a byte, says so, and goes on waiting.

All of it happens in the thread that waits, so what is done on waking may end the wait by raising, as Ctrl-C does.
Not here: what silence means (`docqa.model.connection`).
"""

from __future__ import annotations

import itertools
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpcore2

from docqa.errors import ModelError

#: Hears a sentence for the person who waits.
Tell = Callable[[str], object]


def untold(sentence: str) -> None:
    """Nobody waits."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is done about silence, every so many seconds.

    `on_silence` hears the how-manieth time it is, from 1, and the seconds waited so far. It raises ModelError to
    end the wait; if something has come in the meantime, that counts more.
    """

    every: float
    on_silence: Callable[[int, float], None]


class Listening(httpcore2.NetworkBackend):
    """Makes the connections of an HTTP client. Several threads may share one; each has its own watch."""

    def __init__(self) -> None:
        self._plain = httpcore2.SyncBackend()
        self._thread = threading.local()

    @contextmanager
    def watched(self, watch: Watch | None) -> Iterator[None]:
        """Within this, what this thread waits for is watched."""
        self._thread.watch = watch
        try:
            yield
        finally:
            self._thread.watch = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """See `httpcore2.NetworkBackend`."""
        return _Heard(self._plain.connect_tcp(host, port, timeout, local_address, socket_options), self._current)

    def _current(self) -> Watch | None:
        watch: Watch | None = getattr(self._thread, "watch", None)
        return watch


class _Heard(httpcore2.NetworkStream):
    """A connection that asks who watches whenever it waits for something to read."""

    def __init__(self, stream: httpcore2.NetworkStream, current: Callable[[], Watch | None]) -> None:
        self._stream = stream
        self._current = current

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        watch = self._current()
        if watch is None or timeout is None:
            return self._stream.read(max_bytes, timeout)
        began = time.monotonic()
        for time_of_silence in itertools.count(1):
            left = began + timeout - time.monotonic()
            try:
                return self._stream.read(max_bytes, max(0.001, min(watch.every, left)))  # a timeout of 0 is none
            except httpcore2.ReadTimeout:
                if left <= watch.every:
                    raise
            try:
                watch.on_silence(time_of_silence, time.monotonic() - began)
            except ModelError:
                if not self._stream.get_extra_info("is_readable"):
                    raise
        raise AssertionError("counting ends with reading or raising")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Heard(self._stream.start_tls(ssl_context, server_hostname, timeout), self._current)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
