"""Reading one document: its pages from one child after another, words by OCR where the text layer has none.

A page that cannot be read costs itself, a file that cannot be opened becomes its document's problem. A long document is
read in parts, each by a child of its own. Not here: which documents are read and how their pages are written
(`ingest.worker`).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from docqa.errors import (
    CutOff,
    DamagedFile,
    DocumentError,
    NeedsPassword,
    PagesMissing,
    RendererDied,
    RendererLied,
    RendererTimeout,
    StoreDamaged,
    UnsupportedType,
)
from docqa.settings import IngestSettings
from docqa.store import Store
from docqa.types import Problem, Status
from ingest.intake import media_type
from ingest.languages import check_choice
from ingest.sandbox import process
from ingest.sandbox.untrusted import OcrReading, Opened, Rendered, check_ocr, check_opened, check_page
from ingest.textsource import ReadPage, read_words

#: The children, as modules that Python is told to run.
RENDERER, OCR = "ingest.child.render", "ingest.child.ocr"

PART = 200  #: pages a child reads of a long document: 4 s of work, against 0.3 s for starting it
_MAX_LOST = 3  #: children that may hang or die over one document


@dataclass(frozen=True, slots=True)
class Outcome:
    """How reading one document ended. `pages` is None if it never opened."""

    status: Status
    media_type: str | None
    pages: int | None
    problem: Problem | None
    transient: bool
    seconds: float


class DocumentReading:
    """Reading one document in parts of `PART` pages, by several threads at once if it is long.

    Part by part, `pages` is exhausted and `part_ended` called; once that says so, `outcome` tells how it ended.
    """

    def __init__(self, store: Store, settings: IngestSettings, doc: str, stopping: threading.Event) -> None:
        self.doc = doc
        self._store = store
        self._settings = settings
        self._stopping = stopping
        self._started = time.monotonic()
        self._lock = threading.Lock()  # held while what follows is changed
        self._original: Path | None = None
        self._media_type: str | None = None
        self._opened: Opened | None = None
        self._split = False
        self._parts = 1  #: that have not ended
        self._stored = 0
        self._only_images = 0  #: pages among the stored ones that the OCR failed on
        self._lost = 0  #: children that hung or died
        self._waited = 0.0  #: seconds, for all children
        self._mishaps: list[DocumentError] = []  #: what cost a page or its words
        self._failure: DocumentError | None = None  #: what ended the reading before the last page

    def pages(self, first: int, ocr: Ocr) -> Iterator[ReadPage]:
        """Every page of a part that can be read. A page that cannot costs itself; what stops the file ends it."""
        try:
            if first == 1:
                self._started = time.monotonic()
                self._look_at_original()
            for rendered in self._rendered(first):
                page = self._with_words(rendered, ocr)
                with self._lock:
                    self._stored += 1
                yield page
        except DocumentError as error:
            self._failure = error

    def further_parts(self) -> list[int]:
        """The first pages of the parts behind the first one; empty until the file is open, and ever after."""
        with self._lock:
            if self._split or self._opened is None:
                return []
            self._split = True
            firsts = list(range(PART + 1, self._opened.pages + 1, PART))
            self._parts += len(firsts)
            return firsts

    def part_ended(self) -> bool:
        """Count a part as ended; True if it was the last one."""
        with self._lock:
            self._parts -= 1
            return not self._parts

    def outcome(self) -> Outcome:
        """How it ended, after the last part."""
        total = self._opened.pages if self._opened else None
        seconds = time.monotonic() - self._started
        problem = self._problem(total)
        if problem is None:
            return Outcome(Status.READY, self._media_type, total, None, False, seconds)
        if self._stored:
            return Outcome(Status.PARTIAL, self._media_type, total, problem.problem, False, seconds)
        status = Status.NEEDS_PASSWORD if isinstance(problem, NeedsPassword) else Status.FAILED
        return Outcome(status, self._media_type, total, problem.problem, problem.transient, seconds)

    def _problem(self, total: int | None) -> DocumentError | None:
        reason = self._failure or next(iter(self._mishaps), None)
        if reason is None:
            cut_off = self._opened is not None and self._opened.cut_off
            return CutOff(f"The end of the file is missing; pages saved: {self._stored}.") if cut_off else None
        if not self._stored or total is None:
            return reason
        unread = total - self._stored + self._only_images
        return PagesMissing(f"{unread} of {total} pages could not be read. {reason.message}")

    def _look_at_original(self) -> None:
        """Hash the file again and look what it is. One that is lost or altered is its document's problem only."""
        try:
            self._original = self._store.originals.check(self.doc)
        except StoreDamaged as error:
            raise DamagedFile(error.message, "Run `docqa check`; restore the file from a backup.") from error
        self._media_type = media_type(self._original)
        if self._media_type is None:
            raise UnsupportedType("The content is not a PDF and not an image that docqa reads.")

    def _rendered(self, first: int) -> Iterator[Rendered]:
        """Checked pages from one child after another: where one hangs or dies, the next goes on behind that page."""
        assert self._original is not None  # the first part, which ran before any other, has seen to that
        number, end = first, first + PART - 1
        while number <= end and not self._given_up():
            with self._original.open("rb") as file, self._child(file, number, end) as child:
                opened = check_opened(self._receive(child)[0], self._settings.max_pages)
                self._opened = self._opened or opened
                end = min(end, self._opened.pages)
                try:
                    while number <= end and self._failure is None:
                        yield from self._page(child, number)
                        number += 1
                except (RendererTimeout, RendererDied) as error:
                    self._mishap(error)
                    self._lost += 1
                    number += 1

    def _given_up(self) -> bool:
        return self._failure is not None or self._lost >= _MAX_LOST

    def _page(self, child: process.Child, number: int) -> Iterator[Rendered]:
        """One page, or none if the child says that it cannot be read."""
        frame = self._receive(child)
        try:
            yield check_page(*frame, self.doc, number)
        except RendererLied:
            raise
        except DocumentError as error:
            self._mishap(error)

    def _receive(self, child: process.Child) -> tuple[dict[str, Any], bytes]:
        """The next frame, within the deadline of a page and what is left of the document's."""
        left = self._settings.document_deadline - self._waited
        began = time.monotonic()
        try:
            return child.receive(min(self._settings.page_deadline, max(left, 0.0)))
        finally:
            with self._lock:
                self._waited += time.monotonic() - began

    def _child(self, file: BinaryIO, first: int, last: int) -> process.Child:
        arguments = [
            f"--media-type={self._media_type}",
            f"--first={first}",
            f"--last={last}",
            f"--max-pages={self._settings.max_pages}",
            f"--budget={self._settings.image_budget}",
            f"--memory-mb={self._settings.memory_mb}",
            f"--page-seconds={math.ceil(self._settings.page_deadline)}",
        ]
        secrets = self._store.catalog.passwords_for(self.doc)
        return process.Child(RENDERER, arguments, self._stopping, stdin=file, secrets=secrets)

    def _with_words(self, rendered: Rendered, ocr: Ocr) -> ReadPage:
        """The page with its words; where the OCR fails it can still be looked at."""
        try:
            return read_words(rendered, ocr.read)
        except DocumentError as error:
            self._mishap(error)
            with self._lock:
                self._only_images += 1
            return ReadPage(rendered.stored)

    def _mishap(self, error: DocumentError) -> None:
        with self._lock:
            self._mishaps.append(error)


class Ocr:
    """One OCR child, started when it is first needed and again after it died or had to be ended."""

    def __init__(self, settings: IngestSettings, stopping: threading.Event) -> None:
        """Raises BadSettings if the settings ask for an engine or a language that is not installed."""
        check_choice(settings.ocr_engine, settings.ocr_languages)
        self._settings = settings
        self._stopping = stopping
        self._child: process.Child | None = None

    def __enter__(self) -> Ocr:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, image: bytes) -> OcrReading:
        """The words of a page image and how sure they are. Raises RendererTimeout, RendererDied, RendererLied."""
        child = self._running()
        try:
            child.send({}, image, self._settings.ocr_deadline)
            untrusted_header, _ = child.receive(self._settings.ocr_deadline)
            return check_ocr(untrusted_header)
        except DocumentError:
            self._end()
            raise

    def _running(self) -> process.Child:
        if self._child is None or not self._child.running:
            self._end()
            arguments = [
                f"--memory-mb={self._settings.memory_mb}",
                f"--page-seconds={math.ceil(self._settings.ocr_deadline)}",
                f"--engine={self._settings.ocr_engine}",
                f"--languages={'+'.join(self._settings.ocr_languages)}",
            ]
            self._child = process.Child(OCR, arguments, self._stopping)
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None
