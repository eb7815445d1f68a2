"""Children that meet untrusted files, and the checks their words have to pass.

A child is a process of its own in a process group of its own, with limits on memory, open files and written bytes, and
no wait on it is without a deadline. It is ended with KILL, at once: it holds nothing that a farewell could save.
Whatever arrives from it is called `untrusted_…` until `check_…` looked at it: numbers in range, texts without control
characters, images of the right kind and size.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from docqa.errors import RendererDied, RendererLied, RendererTimeout
from docqa.imagegrid import CELL, MAX_BUDGET
from docqa.store.library import StoredPage
from docqa.types import Page, TextSource, Word
from ingest.render import FAILURES
from ingest.wire import LENGTHS, MAX_BYTES, MAX_JSON, MAX_WORD, MAX_WORDS, frame

_PATIENCE = 2.0  #: seconds the kernel has to clear a killed process away
_BLINK = 0.25  #: seconds after which a wait looks up whether to go on
_PIPE_BYTES = 1 << 20
_FRAME_HEADERS = (0xC0, 0xC2)  #: JPEG segments that tell the size, of baseline and progressive images
_SIDES = struct.Struct(">HH")


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
            raise _lie("more than a page can hold")
        untrusted_json = self._read(json_length, deadline, seconds)
        untrusted_body = self._read(body_length, deadline, seconds)
        try:
            untrusted_header = json.loads(untrusted_json)
        except (ValueError, RecursionError) as error:
            raise _lie("something unreadable") from error
        if not isinstance(untrusted_header, dict):
            raise _lie("something unreadable")
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


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that could be opened: how many pages it has, and whether its end is missing."""

    pages: int
    cut_off: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """A checked page with what decides where its words come from."""

    stored: StoredPage
    readable: float
    picture: float


def check_failure(untrusted_header: dict[str, Any]) -> None:
    """Raise the error whose number the child sent, if it sent one."""
    if "error" not in untrusted_header:
        return
    kind = FAILURES[_integer(untrusted_header["error"], 0, len(FAILURES) - 1)]
    raise kind(_SENTENCES[kind.code])


_SENTENCES = {
    "damaged_file": "The content is damaged.",
    "needs_password": "The file is protected by a password.",
    "no_pages": "The file has no pages.",
    "too_many_pages": "The file has more pages than the settings allow.",
}


def check_opened(untrusted_header: dict[str, Any], max_pages: int) -> Opened:
    """The first frame. Raises what the child reports, or RendererLied."""
    check_failure(untrusted_header)
    pages = _integer(untrusted_header.get("pages"), 1, max_pages)
    return Opened(pages, untrusted_header.get("cut_off") is True)


def check_page(untrusted_header: dict[str, Any], untrusted_image: bytes, doc: str, number: int) -> Rendered:
    """A page frame for the page that is due. Raises what the child reports of it, or RendererLied."""
    if untrusted_header.get("page") != number:
        raise _lie("pages out of order")
    check_failure(untrusted_header)
    width, height = (_integer(untrusted_header.get(side), CELL, MAX_BUDGET * CELL) for side in ("width", "height"))
    if jpeg_size(untrusted_image) != (width, height):
        raise _lie("an image that is none, or of another size")
    words = check_words(untrusted_header.get("words"))
    readable = _number(untrusted_header.get("readable"), 0, 1)
    source = TextSource.TEXT_LAYER if words else TextSource.NONE
    page = Page(doc, number, width, height, words, source, readable)
    return Rendered(StoredPage(page, untrusted_image), readable, _number(untrusted_header.get("picture"), 0, 1))


def check_words(untrusted_words: object) -> tuple[Word, ...]:
    """Words with boxes inside the page and line numbers that never fall."""
    if not isinstance(untrusted_words, list) or len(untrusted_words) > MAX_WORDS:
        raise _lie("an impossible number of words")
    return tuple(_checked_words(untrusted_words))


def check_quality(untrusted_quality: object) -> float:
    """A confidence between 0 and 1."""
    return _number(untrusted_quality, 0, 1)


def _checked_words(untrusted_words: list[Any]) -> Iterator[Word]:
    last = 0
    for item in untrusted_words:
        if not isinstance(item, list) or len(item) != 6 or not isinstance(item[0], str):
            raise _lie("words that are none")
        x0, y0, x1, y1 = (_number(edge, 0, 1) for edge in item[1:5])
        last = _integer(item[5], last, MAX_WORDS)
        if x0 > x1 or y0 > y1:
            raise _lie("a box that is none")
        if text := _plain(item[0][:MAX_WORD]):
            yield Word(text, (x0, y0, x1, y1), last)


def _plain(untrusted_text: str) -> str:
    """Text without control characters, lone surrogates and white space, which would break lines and files."""
    text = untrusted_text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in text if c.isprintable() and not c.isspace())


def jpeg_size(untrusted_image: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG by its frame header, or None if it is none; nothing is decoded."""
    if not (untrusted_image.startswith(b"\xff\xd8") and untrusted_image.endswith(b"\xff\xd9")):
        return None
    at = 2
    while at + 9 <= len(untrusted_image) and untrusted_image[at] == 0xFF:
        kind, length = untrusted_image[at + 1], int.from_bytes(untrusted_image[at + 2 : at + 4])
        if kind in _FRAME_HEADERS:
            height, width = _SIDES.unpack_from(untrusted_image, at + 5)
            return width, height
        at += 2 + length
    return None


def _number(untrusted: object, low: float, high: float) -> float:
    if isinstance(untrusted, bool) or not isinstance(untrusted, int | float):
        raise _lie("a number that is none")
    if not low <= untrusted <= high:  # NaN is not, either
        raise _lie("a number out of range")
    return float(untrusted)


def _integer(untrusted: object, low: int, high: int) -> int:
    number = _number(untrusted, low, high)
    if not number.is_integer():
        raise _lie("a number that is none")
    return int(number)


def _lie(what: str) -> RendererLied:
    return RendererLied(f"The process that reads the file sent {what}.")


def _death() -> RendererDied:
    return RendererDied("The process that reads the file ended unexpectedly.")
