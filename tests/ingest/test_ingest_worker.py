"""The worker: whatever is in the folder and whenever it is cut off, each page is in the library once or is reported.

Renderers and OCR children that fail on purpose are in `stubs/`; the others are the real ones.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from after_a_run import Letter, Take, by_label, stub, threads, wait_until, whole_and_once
from PIL import Image

from docqa.errors import DiskFull, StoreBusy
from docqa.settings import IngestSettings
from docqa.store import Store
from docqa.types import Status, TextSource
from ingest import reading, worker
from ingest.worker import Progress, ingest_pending

ROOT = Path(__file__).parent.parent.parent
NO_PAGES = (
    b"%PDF-1.4\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n2 0 obj <</Type /Pages /Kids [] /Count 0>> endobj\n"
)


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
    monkeypatch.setattr(reading, "RENDERER", "ingest.child.render")
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

    monkeypatch.setattr(reading, "RENDERER", "ingest.child.render")
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
