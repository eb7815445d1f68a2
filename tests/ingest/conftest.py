"""What the tests of ingest share: files, an OCR without a model, a run, a watched folder, a look at processes."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from watched_office import Office

from docqa.settings import IngestSettings
from docqa.store import Store
from ingest import watch
from ingest.sandbox import walls
from ingest.sandbox.untrusted import OcrReading
from ingest.worker import ingest_pending

A_FEW_LINES = [f"Line {number} of a letter about the harbour and its boats" for number in range(1, 8)]


class FakeOcr:
    """Stands where `ingest.worker.Ocr` does: answers what the test says, or raises it, and counts."""

    answer: OcrReading | Exception = OcrReading((), 0.0)
    calls = 0

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> FakeOcr:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, image: bytes) -> OcrReading:
        assert image.startswith(b"\xff\xd8")
        type(self).calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def fake_ocr(monkeypatch: pytest.MonkeyPatch) -> type[FakeOcr]:
    """Every reader of the worker gets this OCR; set `answer`, look at `calls`."""
    fake = type("FakeOcrOfThisTest", (FakeOcr,), {"calls": 0})
    monkeypatch.setattr("ingest.worker.Ocr", fake)
    return fake


@pytest.fixture
def make_pdf() -> Callable[..., bytes]:
    """`make_pdf("first page", "second page", …)`: one page for each text, lines as they stand in the text."""

    def make(*texts: str) -> bytes:
        with pymupdf.open() as file:
            for text in texts:
                page = file.new_page()
                if text:
                    page.insert_text((60, 80), text.splitlines(), fontsize=12)
            return bytes(file.tobytes())

    return make


@pytest.fixture
def letter(make_pdf: Callable[..., bytes]) -> Callable[[int], bytes]:
    """`letter(3)`: a PDF of three pages with enough text to need no OCR; another one for every number of pages."""
    return lambda pages: make_pdf(
        *("\n".join([f"Page {page} of {pages}", *A_FEW_LINES]) for page in range(1, pages + 1))
    )


@pytest.fixture
def take() -> Callable[..., str]:
    """`take(store, label, content)`: the id of the document under which the bytes are kept."""

    def take_in(store: Store, label: str, content: bytes) -> str:
        return store.take(io.BytesIO(content), label, "main", 1 << 30).document.doc

    return take_in


@pytest.fixture
def ingest(empty_store: Store, fake_embedder: Any, fake_ocr: Any) -> Callable[..., int]:  # noqa: ANN401
    """Run the worker over the store, with an OCR that finds nothing unless the test says what."""

    def run(**limits: int) -> int:
        return ingest_pending(empty_store, lambda: fake_embedder, IngestSettings(jobs=2, image_budget=70, **limits))

    return run


@pytest.fixture
def office(tmp_path: Path) -> Office:
    folder = tmp_path / "share"
    folder.mkdir()
    store = Store(tmp_path / "store")
    watch.add(store, folder, "cases")
    return Office(store, folder)


@pytest.fixture
def read(read_again: Callable[..., None]) -> Callable[[Office, str], None]:
    """`read(office, doc)`: a worker has read the document."""
    return lambda office, doc: read_again(office.store, doc, "The lease ends in May.", "The deposit is due in June.")


@pytest.fixture
def nobody_left() -> Callable[[str], bool]:
    """`nobody_left(token)`: no process has the token in its command line, now or soon: a killed one takes a moment."""

    def gone(token: str) -> bool:
        for _ in range(100):
            if not any(token.encode() in _command_line(process) for process in Path("/proc").glob("[0-9]*")):
                return True
            time.sleep(0.05)
        return False

    return gone


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # it ended meanwhile
        return b""


@pytest.fixture
def walls_found_anew() -> Iterator[None]:
    """Which walls stand is found out in this test, and forgotten after it."""
    walls._trial.cache_clear()
    yield
    walls._trial.cache_clear()
