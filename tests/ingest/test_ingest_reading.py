"""One document: in parts where it is long, by OCR where its text says too little, and with a deadline of its own."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pymupdf
import pytest
from after_a_run import A_WORD, Letter, Take, one_vector_a_chunk, stub, wait_until, whole_and_once
from PIL import Image

from docqa.errors import RendererDied, RendererTimeout
from docqa.settings import IngestSettings
from docqa.store import Store
from docqa.types import Status, TextSource
from ingest import reading
from ingest.sandbox.untrusted import OcrReading

# ── long documents ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two pages, so that a letter is a long document."""
    monkeypatch.setattr(reading, "PART", 2)


@pytest.mark.parametrize("pages", [1, 2, 3, 7])
@pytest.mark.usefixtures("short_parts")
def test_a_long_document_is_read_in_parts(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int], pages: int
) -> None:
    doc = take(empty_store, "letter.pdf", letter(pages))
    other = take(empty_store, "other.pdf", letter(pages + 1))
    assert ingest() == 2
    assert {empty_store.catalog.document(one).status for one in (doc, other)} == {Status.READY}
    assert [page.number for page in empty_store.library.pages(doc)] == list(range(1, pages + 1))
    assert empty_store.page(doc, pages).text.startswith(f"Page {pages} of {pages}")
    one_vector_a_chunk(empty_store)
    whole_and_once(empty_store)


@pytest.mark.usefixtures("short_parts")
def test_a_document_uses_up_three_children_however_many_parts_it_has(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "RENDERER", stub("dies_after_page_2"))
    doc = take(empty_store, "letter.pdf", letter(12))
    started = []
    monkeypatch.setattr(reading.DocumentReading, "_child", counted(reading.DocumentReading._child, started))
    ingest()
    document = empty_store.catalog.document(doc)
    assert (document.status, document.pages, document.pages_done) == (Status.PARTIAL, 12, 2)
    assert 1 + 3 <= len(started) <= 1 + 3 + 1  # one that read; two threads may each be at one when the third dies
    assert document.problem is not None
    assert document.problem.code == "pages_missing"
    whole_and_once(empty_store)


def counted(method: Callable[..., Any], calls: list[object]) -> Callable[..., Any]:
    def call(*arguments: object) -> Any:  # noqa: ANN401
        calls.append(arguments)
        return method(*arguments)

    return call


def test_a_document_has_a_deadline_of_its_own(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "RENDERER", stub("stalls_on_page_3"))
    doc = take(empty_store, "letter.pdf", letter(12))
    began = time.monotonic()
    ingest(document_deadline=3)
    assert time.monotonic() - began < 60  # the deadline of a single page, which it would have reached otherwise
    assert empty_store.catalog.document(doc).status is Status.PARTIAL
    whole_and_once(empty_store)


# ── where words come from ────────────────────────────────────────────────────────────────────────────────────────────


def scan_with(text: str) -> bytes:
    """A page that is all picture, with a few words of text layer over it."""
    scan = Image.new("L", (100, 100), 230)
    for row in range(20, 90, 5):
        for column in range(10, 90, 3):
            scan.paste(30, (column, row, column + 2, row + 2))
    with pymupdf.open() as file:
        page = file.new_page()
        picture = pymupdf.Pixmap(pymupdf.csGRAY, 100, 100, scan.tobytes(), False)
        page.insert_image(page.rect, pixmap=picture)
        page.insert_text((60, 60), text)
        return bytes(file.tobytes())


STAMP = "Copy for the file of 3 May 2026"


@pytest.mark.parametrize(
    ("kind", "text", "calls", "read", "source"),
    [
        ("text", "six words are enough without picture", 0, 0, TextSource.TEXT_LAYER),
        ("text", "Page 7", 1, 20, TextSource.BOTH),
        ("text", "Page 7", 1, 0, TextSource.TEXT_LAYER),
        ("text", "", 0, 3, TextSource.NONE),
        ("scan", "", 1, 20, TextSource.OCR),
        ("scan", "", 1, 0, TextSource.NONE),
        ("scan", STAMP, 1, 20, TextSource.BOTH),
        ("scan", STAMP, 1, 0, TextSource.TEXT_LAYER),
        ("scan", "\n".join([STAMP] * 8), 1, 20, TextSource.TEXT_LAYER),
    ],
)
def test_ocr_only_where_the_text_layer_says_too_little(
    empty_store: Store,
    take: Take,
    make_pdf: Callable[..., bytes],
    ingest: Callable[..., int],
    fake_ocr: Any,  # noqa: ANN401
    kind: str,
    text: str,
    calls: int,
    read: int,
    source: TextSource,
) -> None:
    fake_ocr.answer = OcrReading((A_WORD,) * read, 0.5)
    doc = take(empty_store, "page.pdf", make_pdf(text) if kind == "text" else scan_with(text))
    ingest()
    assert fake_ocr.calls == calls
    assert empty_store.catalog.document(doc).status is Status.READY
    page = empty_store.page(doc, 1)
    assert page.text_source is source
    layer = len(text.split())
    count = {TextSource.NONE: 0, TextSource.OCR: read, TextSource.TEXT_LAYER: layer, TextSource.BOTH: layer + read}
    assert len(page.words) == count[source]
    whole_and_once(empty_store)


def test_a_page_the_ocr_fails_on_can_still_be_looked_at(
    empty_store: Store,
    take: Take,
    letter: Letter,
    ingest: Callable[..., int],
    fake_ocr: Any,  # noqa: ANN401
) -> None:
    with pymupdf.open(stream=letter(2), filetype="pdf") as file, pymupdf.open(stream=scan_with("")) as scan:
        file.insert_pdf(scan)
        doc = take(empty_store, "letter.pdf", file.tobytes())
    fake_ocr.answer = RendererTimeout("Reading took longer than 120 seconds and was stopped.")
    ingest()
    document = empty_store.catalog.document(doc)
    assert (document.status, document.pages, document.pages_done) == (Status.PARTIAL, 3, 3)
    assert document.problem is not None
    assert document.problem.code == "pages_missing"
    assert document.problem.message.startswith("1 of 3 pages could not be read. Reading took longer")
    assert empty_store.page(doc, 3).text_source is TextSource.NONE
    whole_and_once(empty_store)


def test_an_ocr_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "OCR", stub("ocr_dies_on_second"))
    with reading.Ocr(IngestSettings(), threading.Event()) as ocr:
        assert ocr.read(b"image") == OcrReading((A_WORD,), 0.9)
        with pytest.raises(RendererDied):
            ocr.read(b"image")
        assert ocr.read(b"image") == OcrReading((A_WORD,), 0.9)


def test_an_ocr_that_died_between_two_pages_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "OCR", stub("ocr_dies_on_second"))
    with reading.Ocr(IngestSettings(), threading.Event()) as ocr:
        ocr.read(b"image")
        assert ocr._child is not None
        os.kill(ocr._child._process.pid, signal.SIGKILL)
        wait_until(lambda: ocr._child is None or not ocr._child.running)
        assert ocr.read(b"image") == OcrReading((A_WORD,), 0.9)
