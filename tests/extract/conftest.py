"""A store with five papers, and whoever reads them."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from clerk import AddDocument, Clerk

from docqa.extract import run as extraction
from docqa.store import Store


@pytest.fixture
def store(empty_store: Store, add_document: AddDocument) -> Store:
    """Five papers of one page, p1.pdf to p5.pdf, in the order in which a run takes them."""
    docs = []
    for number in range(1, 6):
        docs.append(add_document(empty_store, f"x{number}", "papers", f"Total {number}.00 EUR\nSeller Firm{number}"))
    for place, document in enumerate(sorted(docs, key=lambda document: document.doc), start=1):
        content = empty_store.originals.path(document.doc).read_bytes()
        empty_store.take(io.BytesIO(content), f"p{place}.pdf", "named", 1 << 20)
    return empty_store


@pytest.fixture
def employ(monkeypatch: pytest.MonkeyPatch) -> Callable[[Clerk], Clerk]:
    """From now on this reader is the one that is opened."""

    def employ(clerk: Clerk) -> Clerk:
        monkeypatch.setattr(extraction, "open_reader", lambda settings, wanted, embed: clerk)
        return clerk

    return employ
