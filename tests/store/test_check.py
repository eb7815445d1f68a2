"""`docqa check`: every kind of damage is named, and what can be made again is queued."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from docqa.store import Store
from docqa.store.check import Finding, check, repair
from docqa.store.library import StoredPage
from docqa.types import Chunk, Document, Page, Status

Damage = Callable[[Store, Document], None]


def found(store: Store) -> list[Finding]:
    return list(check(store, read_data=True))


def first(store: Store) -> Document:
    return store.catalog.documents()[0]


def test_a_sound_store_has_no_findings(small_store: Store) -> None:
    assert found(small_store) == []


def _lose_original(store: Store, document: Document) -> None:
    store.originals.path(document.doc).unlink()


def _alter_original(store: Store, document: Document) -> None:
    path = store.originals.path(document.doc)
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def _lose_pages(store: Store, document: Document) -> None:
    _replace_pages(store, document, [], [])


def _double_page(store: Store, document: Document) -> None:
    page = store.library.pages(document.doc)[0]
    image = store.library.image(document.doc, page.number)
    store.library.add([StoredPage(page, image)], [])


def _replace_pages(store: Store, document: Document, pages: list[Page], images: list[bytes]) -> None:
    """The same chunks and vectors, with other pages."""
    texts = store.library.chunk_texts(document.doc)
    store.library.remove([document.doc])
    stored = [StoredPage(page, image) for page, image in zip(pages, images, strict=True)]
    store.library.add(stored, [Chunk(*key, text, "", "") for key, text in texts])
    store.library.add_vectors([key for key, _ in texts], np.zeros((len(texts), 256), np.float32))


def _alter_image(store: Store, document: Document) -> None:
    pages = store.library.pages(document.doc)
    images = [store.library.image(document.doc, page.number) for page in pages]
    _replace_pages(store, document, pages, [image + b"x" for image in images])


def _unknown_page(store: Store, document: Document) -> None:
    page = replace(store.library.pages(document.doc)[0], number=99)
    store.library.add([StoredPage(page, b"image")], [])


def _alter_words(store: Store, document: Document) -> None:
    pages = store.library.pages(document.doc)
    images = [store.library.image(document.doc, page.number) for page in pages]
    altered = [replace(page, words=(replace(page.words[0], text="altered"), *page.words[1:])) for page in pages]
    _replace_pages(store, document, altered, images)


def _lose_chunks(store: Store, document: Document) -> None:
    pages = store.library.pages(document.doc)
    images = [store.library.image(document.doc, page.number) for page in pages]
    store.library.remove([document.doc])
    store.library.add([StoredPage(p, i) for p, i in zip(pages, images, strict=True)], [])


def _lose_vectors(store: Store, document: Document) -> None:
    store.library.remove_vectors([document.doc])


def _double_vectors(store: Store, document: Document) -> None:
    store.library.add_vectors([(document.doc, 1, 1)], np.zeros((1, 256), np.float32))


def _unknown_chunks(store: Store, document: Document) -> None:
    store.library.add([], [Chunk("f" * 64, 1, 1, "left over", "", "")])


@pytest.mark.parametrize(
    ("damage", "code", "repairable"),
    [
        (_lose_original, "original_damaged", False),
        (_alter_original, "original_damaged", False),
        (_lose_pages, "page_missing", True),
        (_double_page, "page_doubled", True),
        (_alter_image, "image_damaged", True),
        (_alter_words, "words_damaged", True),
        (_unknown_page, "page_unknown", True),
        (_lose_chunks, "chunks_wrong", True),
    ],
)
def test_damage_is_named_and_only_what_can_be_made_again_is_queued(
    small_store: Store, damage: Damage, code: str, repairable: bool
) -> None:
    document = first(small_store)
    damage(small_store, document)
    findings = found(small_store)
    assert {(finding.code, finding.doc, finding.repairable) for finding in findings} == {
        (code, document.doc, repairable)
    }
    with small_store.writing():
        assert repair(small_store, findings) == repairable
    queued = [d.doc for d in small_store.catalog.documents() if d.status is Status.QUEUED]
    assert queued == [document.doc] * repairable
    assert small_store.library.pages(document.doc) == [] or not repairable


@pytest.mark.parametrize("damage", [_lose_vectors, _double_vectors])
def test_vectors_that_are_wrong_are_made_again_without_reading_the_document(small_store: Store, damage: Damage) -> None:
    document = first(small_store)
    damage(small_store, document)
    findings = found(small_store)
    assert [(finding.code, finding.doc) for finding in findings] == [("vectors_wrong", document.doc)]
    with small_store.writing():
        assert repair(small_store, findings) == 0
    assert small_store.catalog.without_vectors() == [document.doc]
    assert found(small_store) == []


def test_chunks_of_no_document_are_named_and_removed(small_store: Store) -> None:
    _unknown_chunks(small_store, first(small_store))
    findings = found(small_store)
    assert [(finding.code, finding.doc) for finding in findings] == [("chunks_unknown", "f" * 64)]
    with small_store.writing():
        repair(small_store, findings)
    assert found(small_store) == []


def test_an_original_that_no_document_knows_is_named(small_store: Store) -> None:
    doc, _ = small_store.originals.take(io.BytesIO(b"cut off before it was recorded"), 1000)
    assert [(finding.code, finding.doc) for finding in found(small_store)] == [("original_unknown", doc)]
