"""What goes into a small store, made without ingest: pages with synthetic words and a drawn image."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from docqa.store import Store
from docqa.store.catalog import PageRecord
from docqa.store.library import StoredPage, Vectors, page_digest
from docqa.types import Chunk, Document, Page, Problem, Status, TextSource, Word

DIMENSIONS = 16
INVOICE = (
    "Invoice number 4711",
    "Invoice date 3 May 2026",
    "Total amount due 1,190.00 EUR",
    "Please pay by 2 June 2026",
)
CONTRACT = (
    "This agreement is between Alder Ltd and Birch GmbH.",
    "The term is two years.",
    "The law of Austria applies.",
)


class BagOfWords:
    """Stands in for the embedding model: a word is a direction, chosen by its hash."""

    identity = "test:bag-of-words"

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self.embed_question(text) for text in texts])

    def embed_question(self, question: str) -> Vectors:
        vector = np.full(DIMENSIONS, 1e-3, dtype=np.float32)
        for word in question.lower().split():
            vector[hashlib.sha256(word.encode()).digest()[0] % DIMENSIONS] += 1
        return vector / np.linalg.norm(vector)


def jpeg(shade: int = 250) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (120, 160), shade).save(buffer, "JPEG")
    return buffer.getvalue()


def make_page(doc: str, number: int, lines: Sequence[str]) -> Page:
    words = []
    for line, text in enumerate(lines):
        top = 0.1 + 0.05 * line
        for place, word in enumerate(text.split()):
            words.append(Word(word, (0.1 + 0.08 * place, top, 0.17 + 0.08 * place, top + 0.03), line))
    return Page(doc, number, 120, 160, tuple(words), TextSource.TEXT_LAYER, 1.0)


def add_document(store: Store, label: str, collection: str, *pages: Sequence[str]) -> Document:
    """A document as a worker leaves it: pages, chunks and records of both."""
    taken = store.take(io.BytesIO(f"{label} {pages}".encode()), label, collection, 1 << 20)
    doc = taken.document.doc
    made = [make_page(doc, number, lines) for number, lines in enumerate(pages, start=1)]
    images = [jpeg(200 + page.number) for page in made]
    chunks = [Chunk(doc, page.number, 1, page.text, "", label) for page in made]
    store.library.add([StoredPage(*stored) for stored in zip(made, images, strict=True)], chunks)
    records = [
        PageRecord(page.number, page.text_source, 1.0, hashlib.sha256(image).hexdigest(), page_digest(page))
        for page, image in zip(made, images, strict=True)
    ]
    store.catalog.finish_document(
        doc,
        Status.READY,
        pipeline="test",
        pages=len(made),
        page_records=records,
        chunks=len(chunks),
        title=None,
        seconds=0.1,
    )
    vectors = BagOfWords().embed_documents([chunk.text for chunk in chunks])
    store.library.add_vectors([(chunk.doc, chunk.page, chunk.number) for chunk in chunks], vectors)
    store.catalog.set_vectors([doc], BagOfWords.identity)
    return store.catalog.document(doc)


def add_failed(store: Store, label: str, collection: str) -> Document:
    doc = store.take(io.BytesIO(label.encode()), label, collection, 1 << 20).document.doc
    problem = Problem("damaged_file", "The file cannot be opened.", "Copy it again.")
    store.catalog.finish_document(doc, Status.FAILED, pipeline="test", problem=problem, seconds=0.1)
    return store.catalog.document(doc)
