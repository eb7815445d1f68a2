"""What the tests of the docqa package share: pages, a small store made without ingest, and an embedder without a model.

Everything is handed out as fixtures, the functions too: a module called `conftest` is not safe to import from where
several folders have one.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from starlette.testclient import TestClient

from docqa.settings import Settings
from docqa.store import Store
from docqa.store.catalog import PageRecord
from docqa.store.library import StoredPage, Vectors, page_digest
from docqa.store.rowsums import digest_of
from docqa.types import Chunk, Document, Page, Status, TextSource, Word

# A busy machine is no bug: nothing that hypothesis times is a reason to fail.
settings.register_profile("docqa", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("docqa")

DIMENSIONS = 256
MEANING = re.compile(r"\b(?!what|when|where|which|must|that|this|with|from|does|have)[a-zäöü]{4,6}|\d+")
LETTER, HEIGHT, PITCH = 0.009, 0.014, 0.02  # of a page set in 12 point: 70 lines, 85 letters a line
MARGIN = 0.1


class BagOfWords:
    """An embedder: every word that means something is a direction of its own, so texts are close that share words."""

    identity = "test:bag-of-words"

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self.embed_question(text) for text in texts])

    def embed_question(self, question: str) -> Vectors:
        vector = np.full(DIMENSIONS, 1e-3, dtype=np.float32)
        for word in MEANING.findall(question.casefold()):
            vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % DIMENSIONS] += 1
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def page_of(doc: str, number: int, text: str) -> Page:
    """A page with one line for each line of the text; two blanks or more make a gap as wide as between columns."""
    words = []
    for line, written in enumerate(line for line in text.splitlines() if line.strip()):
        left, top = MARGIN, MARGIN + line * PITCH
        for part in re.findall(r"\S+| {2,}", written):
            if part.isspace():
                left += 5 * LETTER * len(part)
                continue
            right = left + LETTER * len(part)
            words.append(Word(part, (left, top, right, top + HEIGHT), line))
            left = right + LETTER
    return Page(doc, number, 1240, 1754, tuple(words), TextSource.TEXT_LAYER if words else TextSource.NONE, 1.0)


def image_of(page: Page) -> bytes:
    """Bytes that stand for the page's image: nothing here looks at them, and no two pages have the same."""
    return b"\xff\xd8" + f"the image of page {page.number} of {page.doc}".encode() + b"\xff\xd9"


def fill_in(store: Store, doc: str, *texts: str) -> None:
    """Leave a document that was taken in as a worker leaves it: pages, chunks, vectors and the records of them."""
    pages = [page_of(doc, number, text) for number, text in enumerate(texts, start=1)]
    chunks = [
        Chunk(doc, page.number, number, "\n".join(lines), "", store.catalog.document(doc).label)
        for page in pages
        for number, lines in enumerate(_passages(page.text.splitlines()), start=1)
    ]
    store.library.remove([doc])
    sums = store.library.add([StoredPage(page, image_of(page)) for page in pages], chunks)
    records = [record_of(page, image_of(page)) for page in pages]
    store.catalog.finish_document(
        doc,
        Status.READY,
        pipeline="test-1",
        pages=len(pages),
        page_records=records,
        chunks=len(chunks),
        chunks_digest=digest_of(sums[doc]),
        title=None,
        seconds=0.1,
    )
    vectors = BagOfWords().embed_documents([chunk.text for chunk in chunks])
    sums = store.library.add_vectors([(chunk.doc, chunk.page, chunk.number) for chunk in chunks], vectors)
    store.catalog.set_vectors([doc], BagOfWords.identity, {doc: digest_of(sums[doc])})


def record_of(page: Page, image: bytes) -> PageRecord:
    """What the catalog knows of a page that was stored with that image."""
    image_sha256 = hashlib.sha256(image).hexdigest()
    return PageRecord(page.number, page.text_source, page.quality, image_sha256, page_digest(page))


def add_to(store: Store, label: str, collection: str, *texts: str) -> Document:
    """Take a document in and leave it as a worker leaves it."""
    content = "\f".join(texts).encode()
    doc = store.take(io.BytesIO(content), label, collection, 1 << 20).document.doc
    fill_in(store, doc, *texts)
    return store.catalog.document(doc)


def _passages(lines: Sequence[str]) -> list[Sequence[str]]:
    return [lines[start : start + 4] for start in range(0, len(lines), 4)]


LEASE = (
    """Lease agreement
This lease is made between Alder Estates Ltd and Birch Bakery GmbH.
The premises are at 12 Harbour Street, Port Ellen.
The monthly rent is 1,850.00 EUR and is due on the third day of each month.
The deposit is 5,550.00 EUR.""",
    """Termination
Either party may terminate this lease with a notice period of three months.
The tenant may not sublet the premises without written consent of the landlord.""",
)
INVOICE = (
    """Invoice number: RE-2026-0417
Invoice date: 3 May 2026
Article  Quantity  Price
Walnut shelf  4  310.00
Brass hinge  16  7.50
Total amount due
1,360.00 EUR
Please pay by 2 June 2026.""",
)
MINUTES = (
    """Minutes of the rowing club
The treasurer reported that the boathouse roof was repaired in March.
The next meeting takes place on 14 September 2026.""",
)


@pytest.fixture(scope="session")
def fake_embedder() -> BagOfWords:
    return BagOfWords()


@pytest.fixture(scope="session")
def make_page() -> Callable[[str, int, str], Page]:
    return page_of


@pytest.fixture(scope="session")
def page_image() -> Callable[[Page], bytes]:
    return image_of


@pytest.fixture(scope="session")
def add_document() -> Callable[..., Document]:
    """`add_document(store, label, collection, *texts)`: one text a page."""
    return add_to


@pytest.fixture(scope="session")
def read_again() -> Callable[..., None]:
    """`read_again(store, doc, *texts)`: the document is ingested once more."""
    return fill_in


@pytest.fixture
def empty_store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def small_store(empty_store: Store) -> Store:
    """A lease of two pages and an invoice in the collection "office", and the minutes of a club in "club"."""
    add_to(empty_store, "lease.pdf", "office", *LEASE)
    add_to(empty_store, "invoice.pdf", "office", *INVOICE)
    add_to(empty_store, "minutes.pdf", "club", *MINUTES)
    return empty_store


@pytest.fixture(scope="session")
def served_application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The whole browser interface, with an empty store; one for all tests: Streamlit has one runtime in a process."""
    from ui.server import application  # only the tests of the interface need Streamlit, which takes a second

    app = application(Settings(store=tmp_path_factory.mktemp("served") / "store"))
    with TestClient(app, base_url="http://127.0.0.1:8501") as client:
        yield client
