"""The worker: whatever is in the folder and whenever it is cut off, each page is in the library once or is reported.

Renderers and OCR children that fail on purpose are in `stubs/`; the others are the real ones.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from docqa.errors import DiskFull, EmbedderUnusable, RendererDied, RendererTimeout, StoreBusy
from docqa.settings import IngestSettings
from docqa.store import Store
from docqa.store.rowsums import digest_of
from docqa.types import Document, Status, TextSource, Word
from ingest import reading, vectors, worker
from ingest.untrusted import OcrReading
from ingest.worker import PIPELINE, Progress, ingest_pending

ROOT = Path(__file__).parent.parent.parent
NO_PAGES = (
    b"%PDF-1.4\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n2 0 obj <</Type /Pages /Kids [] /Count 0>> endobj\n"
)
A_WORD = Word("read", (0.1, 0.1, 0.2, 0.2), 0)
Take = Callable[..., str]
Letter = Callable[[int], bytes]


@pytest.fixture
def ingest(empty_store: Store, fake_embedder: Any, fake_ocr: Any) -> Callable[..., int]:  # noqa: ANN401
    """Run the worker over the store, with an OCR that finds nothing unless the test says what."""

    def run(**limits: int) -> int:
        return ingest_pending(empty_store, lambda: fake_embedder, IngestSettings(jobs=2, image_budget=70, **limits))

    return run


def whole_and_once(store: Store) -> None:
    """The invariant: the library holds exactly the pages that the catalog knows, each once, unaltered."""
    known = [(d.doc, p.number) for d in store.catalog.documents() for p in store.catalog.page_records(d.doc)]
    assert sorted(store.library.page_keys()) == sorted(known)
    for doc, number in known:
        store.image(doc, number)
    for document in store.catalog.documents():
        assert document.pages_done == len(store.catalog.page_records(document.doc))
        assert document.status is not Status.READY or document.pages_done == document.pages


def by_label(store: Store) -> dict[str, Document]:
    return {document.label: document for document in store.catalog.documents()}


def test_a_mixed_folder(empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int]) -> None:
    store, whole = empty_store, letter(4)
    with pymupdf.open(stream=letter(1), filetype="pdf") as file:
        locked = file.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="o", user_pw="u")
    sheet = Image.new("1", (300, 400), 1)
    tiff = store.folder / "sheets.tif"
    sheet.save(tiff, "TIFF", save_all=True, append_images=[sheet] * 2)
    take(store, "fine.pdf", letter(2))
    take(store, "locked.pdf", locked)
    take(store, "text.pdf", b"This is a text.\n" * 20)
    take(store, "broken.png", b"\x89PNG\r\n\x1a\n" + b"?" * 50)
    take(store, "empty tree.pdf", NO_PAGES)
    take(store, "cut.pdf", whole[: whole.rindex(b"xref")])
    take(store, "long.pdf", letter(6))
    take(store, "sheets.tif", tiff.read_bytes())
    assert ingest(max_pages=5) == 8

    found = by_label(store)
    told = {
        label: (d.status, d.problem and d.problem.code, d.media_type, d.pages, d.pages_done)
        for label, d in found.items()
    }
    pdf = "application/pdf"
    assert told == {
        "fine.pdf": (Status.READY, None, pdf, 2, 2),
        "locked.pdf": (Status.NEEDS_PASSWORD, "needs_password", pdf, None, 0),
        "text.pdf": (Status.FAILED, "unsupported_type", None, None, 0),
        "broken.png": (Status.FAILED, "damaged_file", "image/png", None, 0),
        "empty tree.pdf": (Status.FAILED, "no_pages", pdf, None, 0),
        "cut.pdf": (Status.PARTIAL, "cut_off", pdf, 4, 4),
        "long.pdf": (Status.FAILED, "too_many_pages", pdf, None, 0),
        "sheets.tif": (Status.READY, None, "image/tiff", 3, 3),
    }
    for document in found.values():
        assert document.problem is None or (document.problem.message.endswith(".") and document.problem.hint)
        assert document.seconds is not None
    page = store.page(found["fine.pdf"].doc, 2)
    assert page.text.startswith("Page 2 of 2\nLine 1 of a letter")
    assert (page.text_source, page.quality) == (TextSource.TEXT_LAYER, 1.0)
    assert [hit.page for hit in store.library.search_words("harbour", 9, [found["fine.pdf"].doc])] == [1, 2]
    whole_and_once(store)

    before = sorted(store.library.page_keys()), store.catalog.documents()
    assert ingest(max_pages=5) == 0
    assert (sorted(store.library.page_keys()), store.catalog.documents()) == before


def test_the_same_bytes_under_two_names_are_read_once(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int]
) -> None:
    content = letter(2)
    assert take(empty_store, "one.pdf", content) == take(empty_store, "two.pdf", content)
    assert ingest() == 1
    assert len(empty_store.library.page_keys()) == 2
    whole_and_once(empty_store)


def test_another_pipeline_reads_again(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(empty_store, "fine.pdf", letter(2))
    ingest()
    monkeypatch.setattr(worker, "PIPELINE", "next")
    assert ingest() == 1
    assert ingest() == 0
    whole_and_once(empty_store)


@pytest.mark.parametrize("altered", [None, b"%PDF-1.4 something else"])
def test_an_original_that_is_lost_or_altered_is_the_problem_of_its_document(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int], altered: bytes | None
) -> None:
    doc = take(empty_store, "bad.pdf", letter(1))
    take(empty_store, "good.pdf", letter(2))
    empty_store.originals.path(doc).unlink()
    if altered is not None:
        empty_store.originals.path(doc).write_bytes(altered)
    assert ingest() == 2
    found = by_label(empty_store)
    assert found["good.pdf"].status is Status.READY
    assert found["bad.pdf"].status is Status.FAILED
    assert found["bad.pdf"].problem is not None
    assert found["bad.pdf"].problem.code == "damaged_file"


# ── renderers that fail ──────────────────────────────────────────────────────────────────────────────────────────────


def stub(name: str) -> str:
    return f"tests.ingest.stubs.{name}"


@pytest.mark.parametrize(
    ("renderer", "pages", "said"),
    [
        (
            "dies_on_page_2",
            [1, 3],
            "1 of 3 pages could not be read. The process that reads the file ended unexpectedly.",
        ),
        ("cannot_read_page_2", [1, 3], "1 of 3 pages could not be read. The content is damaged."),
        (
            "lies_on_page_2",
            [1],
            "2 of 3 pages could not be read. The process that reads the file sent pages out of order.",
        ),
    ],
)
def test_a_bad_page_does_not_cost_the_others(
    empty_store: Store,
    take: Take,
    letter: Letter,
    ingest: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    renderer: str,
    pages: list[int],
    said: str,
) -> None:
    monkeypatch.setattr(reading, "RENDERER", stub(renderer))
    doc = take(empty_store, "letter.pdf", letter(3))
    ingest()
    document = empty_store.catalog.document(doc)
    assert (document.status, document.pages, document.pages_done) == (Status.PARTIAL, 3, len(pages))
    assert document.problem is not None
    assert (document.problem.code, document.problem.message) == ("pages_missing", said)
    assert sorted(empty_store.library.page_keys()) == [(doc, number) for number in pages]
    assert ingest() == 0
    whole_and_once(empty_store)


def test_the_last_page_may_be_the_bad_one(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "RENDERER", stub("dies_on_page_2"))
    doc = take(empty_store, "letter.pdf", letter(2))
    ingest()
    assert empty_store.catalog.document(doc).status is Status.PARTIAL
    assert empty_store.library.page_keys() == [(doc, 1)]


def test_three_attempts_then_it_is_set_aside_until_asked_for(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "RENDERER", stub("dies_on_every_page"))
    doc = take(empty_store, "letter.pdf", letter(5))
    assert [ingest() for _ in range(4)] == [1, 1, 1, 0]
    document = empty_store.catalog.document(doc)
    assert (document.status, document.attempts, document.pages_done) == (Status.FAILED, 3, 0)
    assert document.problem is not None
    assert document.problem.code == "renderer_died"
    monkeypatch.setattr(reading, "RENDERER", "ingest.render")
    assert ingest() == 0
    empty_store.catalog.retry([doc])
    assert ingest() == 1
    assert empty_store.catalog.document(doc).status is Status.READY
    whole_and_once(empty_store)


def test_what_was_cut_off_three_times_is_set_aside_unread(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int]
) -> None:
    doc = take(empty_store, "letter.pdf", letter(1))
    for _ in range(3):
        empty_store.catalog.start_document(doc)
    assert ingest() == 0
    document = empty_store.catalog.document(doc)
    assert document.status is Status.FAILED
    assert document.problem is not None
    assert (document.problem.code, document.problem.message) == (
        "renderer_died",
        "Reading this file was cut off three times.",
    )


# ── when the run itself is cut off ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def marked_settings() -> IngestSettings:
    """Settings whose children can be told from everybody else's: the number is in their command line."""
    return IngestSettings(jobs=2, image_budget=70, max_pages=random.randint(10**6, 10**9))


def token(settings: IngestSettings) -> str:
    return f"--max-pages={settings.max_pages}"


WORKER = """
import sys
sys.path[:0] = ["tests"]
from pathlib import Path
from conftest import BagOfWords
from docqa.settings import IngestSettings
from docqa.store import Store
from ingest import reading, vectors, worker
reading.RENDERER = "tests.ingest.stubs.stalls_on_page_3"
settings = IngestSettings(jobs=2, image_budget=70, max_pages=int(sys.argv[2]))
worker.ingest_pending(Store(Path(sys.argv[1])), BagOfWords, settings)
"""


def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(
    empty_store: Store,
    take: Take,
    letter: Letter,
    ingest: Callable[..., int],
    marked_settings: IngestSettings,
    nobody_left: Callable[[str], bool],
) -> None:
    docs = [take(empty_store, f"{pages}.pdf", letter(pages)) for pages in (4, 5)]
    command = [sys.executable, "-c", WORKER, str(empty_store.folder), str(marked_settings.max_pages)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        wait_until(lambda: len(empty_store.library.page_keys()) == 4 or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert nobody_left(token(marked_settings))
    assert [empty_store.catalog.document(doc).attempts for doc in docs] == [1, 1]
    assert ingest() == 2
    assert {document.status for document in empty_store.catalog.documents()} == {Status.READY}
    assert len(empty_store.library.page_keys()) == 9
    whole_and_once(empty_store)


def wait_until(happened: Callable[[], bool]) -> None:
    while not happened():  # the test's own time limit ends this
        time.sleep(0.1)


def test_ctrl_c_gives_the_attempt_back_and_the_next_run_starts_clean(
    empty_store: Store,
    take: Take,
    letter: Letter,
    ingest: Callable[..., int],
    fake_embedder: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    marked_settings: IngestSettings,
    nobody_left: Callable[[str], bool],
) -> None:
    doc = take(empty_store, "letter.pdf", letter(4))
    monkeypatch.setattr(reading, "RENDERER", stub("stalls_on_page_3"))

    def interrupt(progress: Progress) -> None:
        if progress.pages == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest_pending(empty_store, lambda: fake_embedder, marked_settings, interrupt)
    assert nobody_left(token(marked_settings))
    document = empty_store.catalog.document(doc)
    assert (document.status, document.attempts) == (Status.QUEUED, 0)
    assert sorted(empty_store.library.page_keys()) == [(doc, 1), (doc, 2)]

    monkeypatch.setattr(reading, "RENDERER", "ingest.render")
    assert ingest() == 1
    assert sorted(empty_store.library.page_keys()) == [(doc, number) for number in (1, 2, 3, 4)]
    whole_and_once(empty_store)


def test_a_writer_that_fails_ends_the_run_and_its_children(
    empty_store: Store,
    take: Take,
    letter: Letter,
    fake_ocr: object,
    fake_embedder: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    marked_settings: IngestSettings,
    nobody_left: Callable[[str], bool],
) -> None:
    """The readers are full of pages just then, and wait for room in the queue."""
    docs = [take(empty_store, f"{pages}.pdf", letter(pages)) for pages in (1, 2, 3)]
    monkeypatch.setattr(reading, "RENDERER", stub("endless"))

    def full(*_: object) -> None:
        time.sleep(0.5)
        raise DiskFull("There is no space left.")

    monkeypatch.setattr(empty_store.library, "add", full)
    with pytest.raises(DiskFull):
        ingest_pending(empty_store, lambda: fake_embedder, marked_settings)
    assert nobody_left(token(marked_settings))
    assert threads() == 0
    assert [empty_store.catalog.document(doc).attempts for doc in docs] == [0, 0, 0]


def threads() -> int:
    return sum(thread.name.startswith("reader-") for thread in threading.enumerate())


@pytest.mark.parametrize("error", [StoreBusy("The catalog is held."), ZeroDivisionError("a bug")])
def test_a_reader_that_fails_is_heard_of(
    empty_store: Store,
    take: Take,
    letter: Letter,
    ingest: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    docs = [take(empty_store, f"{pages}.pdf", letter(pages)) for pages in (1, 2, 3)]

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(reading.DocumentReading, "pages", fail)
    with pytest.raises(type(error)):
        ingest()
    assert threads() == 0
    assert [empty_store.catalog.document(doc).attempts for doc in docs] == [0, 0, 0]


# ── vectors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_document_is_found_by_its_words_even_without_an_embedder(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int]
) -> None:
    doc = take(empty_store, "letter.pdf", letter(1))

    def missing() -> Any:  # noqa: ANN401
        raise EmbedderUnusable("The embedding model cannot be loaded.")

    with pytest.raises(EmbedderUnusable):
        ingest_pending(empty_store, missing, IngestSettings(jobs=1, image_budget=70))
    assert threads() == 0
    document = empty_store.catalog.document(doc)
    assert (document.status, document.attempts, document.embedded) == (Status.READY, 0, False)
    assert [hit.doc for hit in empty_store.library.search_words("harbour", 5, None)] == [doc]
    assert ingest() == 0  # nothing to read
    assert empty_store.catalog.document(doc).embedded
    one_vector_a_chunk(empty_store)


def one_vector_a_chunk(store: Store) -> None:
    chunks = {document.doc: len(store.library.chunk_texts(document.doc)) for document in store.catalog.documents()}
    assert store.library.rows_by_document("vectors") == store.library.rows_by_document("chunks") == chunks
    assert {document.doc: document.chunks for document in store.catalog.documents() if document.embedded} == chunks
    for table in ("chunks", "vectors"):  # of every document that has any; others may have a digest of nothing
        sums = store.library.row_sums(table)
        assert store.catalog.row_digests(table) == {doc: digest_of(sums[doc]) for doc in chunks}


def test_vectors_that_were_cut_off_are_made_once(
    empty_store: Store,
    take: Take,
    letter: Letter,
    ingest: Callable[..., int],
    fake_embedder: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for pages in (1, 4, 3):
        take(empty_store, f"{pages}.pdf", letter(pages))
    monkeypatch.setattr(vectors, "_SLICE", 2)
    stops = 0

    def interrupt(progress: Progress) -> None:
        if progress.stage == "vectors" and progress.done:
            raise KeyboardInterrupt

    while empty_store.catalog.pending(PIPELINE) or empty_store.catalog.without_vectors():
        stops += 1
        with contextlib.suppress(KeyboardInterrupt):
            done = interrupt if stops < 3 else lambda progress: None
            ingest_pending(empty_store, lambda: fake_embedder, IngestSettings(jobs=2, image_budget=70), done)
    assert stops == 3
    assert all(document.embedded for document in empty_store.catalog.documents())
    one_vector_a_chunk(empty_store)
    whole_and_once(empty_store)


def test_what_comes_in_meanwhile_is_read_before_more_vectors_are_made(
    empty_store: Store,
    take: Take,
    letter: Letter,
    fake_embedder: Any,  # noqa: ANN401
    fake_ocr: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = take(empty_store, "first.pdf", letter(6))
    monkeypatch.setattr(vectors, "_SLICE", 1)
    seen = []

    def look(progress: Progress) -> None:
        seen.append((progress.stage, progress.done))
        if seen.count(("vectors", 2)) == 1 and seen[-1] == ("vectors", 2):
            take(empty_store, "second.pdf", letter(1))
            empty_store.catalog.requeue([first])  # as if somebody had asked for it to be read again

    read = ingest_pending(empty_store, lambda: fake_embedder, IngestSettings(jobs=2, image_budget=70), look)
    assert read == 3
    assert [stage for stage, _ in seen].index("reading", seen.index(("vectors", 2))) == seen.index(("vectors", 2)) + 1
    one_vector_a_chunk(empty_store)
    whole_and_once(empty_store)


def test_vectors_of_another_model_are_refused(
    empty_store: Store,
    take: Take,
    letter: Letter,
    ingest: Callable[..., int],
    fake_embedder: Any,  # noqa: ANN401
) -> None:
    take(empty_store, "first.pdf", letter(1))
    ingest()
    assert empty_store.catalog.fact("embedder") == fake_embedder.identity
    doc = take(empty_store, "second.pdf", letter(2))
    empty_store.catalog.set_fact("embedder", "another")
    with pytest.raises(EmbedderUnusable, match="another embedding model"):
        ingest()
    assert empty_store.catalog.without_vectors() == [doc]
    empty_store.catalog.set_fact("embedder", fake_embedder.identity)
    assert ingest() == 0
    one_vector_a_chunk(empty_store)


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
