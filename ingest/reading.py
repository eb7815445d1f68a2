"""Reading one document: its pages from one child after another, words by OCR where the text layer has none.

A page that cannot be read costs itself, a file that cannot be opened becomes its document's problem. Not here: which
documents are read and how their pages are written (`ingest.worker`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

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
from ingest import sandbox
from ingest.intake import media_type
from ingest.tesseract import check_choice
from ingest.textsource import ReadPage, read_words
from ingest.untrusted import OcrReading, Opened, Rendered, check_ocr, check_opened, check_page

#: The children, as modules that Python is told to run.
RENDERER, OCR = "ingest.render", "ingest.ocr"

_MAX_CHILDREN = 3  #: that one document may use up


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
    """Reading one document page by page; afterwards it knows how that ended."""

    def __init__(self, store: Store, settings: IngestSettings, doc: str, ocr: Ocr, stopping: threading.Event) -> None:
        self._store = store
        self._settings = settings
        self._doc = doc
        self._ocr = ocr
        self._stopping = stopping
        self._media_type: str | None = None
        self._opened: Opened | None = None
        self._stored = 0
        self._only_images = 0  #: pages among the stored ones that the OCR failed on
        self._mishaps: list[DocumentError] = []  #: what cost a page or its words
        self._failure: DocumentError | None = None  #: what ended the reading before the last page

    def pages(self) -> Iterator[ReadPage]:
        """Every page that can be read. A page that cannot costs itself; what stops the file ends the iteration."""
        try:
            original = self._original()
            self._media_type = media_type(original)
            if self._media_type is None:
                raise UnsupportedType("The content is not a PDF and not an image that docqa reads.")
            for rendered in self._rendered(original):
                stored = self._with_words(rendered)
                self._stored += 1
                yield stored
        except DocumentError as error:
            self._failure = error

    def outcome(self, seconds: float) -> Outcome:
        """How it ended, once `pages` is exhausted."""
        total = self._opened.pages if self._opened else None
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
            return CutOff(f"The end of the file is missing; {self._stored} pages could be saved.") if cut_off else None
        if not self._stored or total is None:
            return reason
        unread = total - self._stored + self._only_images
        return PagesMissing(f"{unread} of {total} pages could not be read. {reason.message}")

    def _original(self) -> Path:
        """The file, hashed again. One that is lost or altered is its document's problem, not the whole run's."""
        try:
            return self._store.originals.check(self._doc)
        except StoreDamaged as error:
            raise DamagedFile(error.message, "Run `docqa check`; restore the file from a backup.") from error

    def _rendered(self, original: Path) -> Iterator[Rendered]:
        """Checked pages from one child after another: where one hangs or dies, the next goes on behind that page."""
        number = 1
        for _ in range(_MAX_CHILDREN):
            with original.open("rb") as file, self._child(file, number) as child:
                opened = check_opened(child.receive(self._settings.page_deadline)[0], self._settings.max_pages)
                self._opened = self._opened or opened
                try:
                    while number <= self._opened.pages:
                        yield from self._page(child, number)
                        number += 1
                except (RendererTimeout, RendererDied) as error:
                    self._mishaps.append(error)
                    number += 1
            if number > self._opened.pages:
                return

    def _page(self, child: sandbox.Child, number: int) -> Iterator[Rendered]:
        """One page, or none if the child says that it cannot be read."""
        frame = child.receive(self._settings.page_deadline)
        try:
            yield check_page(*frame, self._doc, number)
        except RendererLied:
            raise
        except DocumentError as error:
            self._mishaps.append(error)

    def _child(self, file: BinaryIO, first: int) -> sandbox.Child:
        arguments = [
            f"--media-type={self._media_type}",
            f"--first={first}",
            f"--max-pages={self._settings.max_pages}",
            f"--budget={self._settings.image_budget}",
            f"--memory-mb={self._settings.memory_mb}",
        ]
        return sandbox.Child(RENDERER, arguments, self._stopping, stdin=file)

    def _with_words(self, rendered: Rendered) -> ReadPage:
        """The page with its words; where the OCR fails it can still be looked at."""
        try:
            return read_words(rendered, self._ocr.read)
        except DocumentError as error:
            self._mishaps.append(error)
            self._only_images += 1
            return ReadPage(rendered.stored)


class Ocr:
    """One OCR child, started when it is first needed and again after it died or had to be ended."""

    def __init__(self, settings: IngestSettings, stopping: threading.Event) -> None:
        """Raises BadSettings if the settings ask for an engine or a language that is not installed."""
        check_choice(settings.ocr_engine, settings.ocr_languages)
        self._settings = settings
        self._stopping = stopping
        self._child: sandbox.Child | None = None

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

    def _running(self) -> sandbox.Child:
        if self._child is None or not self._child.running:
            self._end()
            arguments = [
                f"--memory-mb={self._settings.memory_mb}",
                f"--engine={self._settings.ocr_engine}",
                f"--languages={'+'.join(self._settings.ocr_languages)}",
                f"--seconds={self._settings.ocr_deadline / 3}",  # RapidOCR, then twice Tesseract at most
            ]
            self._child = sandbox.Child(OCR, arguments, self._stopping)
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None
