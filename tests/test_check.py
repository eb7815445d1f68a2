"""`docqa check`: every kind of damage is named, and what can be made again is queued."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from docqa.store import Store
from docqa.store.check import Finding, check, repair
from docqa.store.library import StoredPage, Vectors
from docqa.types import Document, Status

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
    store.library.remove([document.doc])


def _double_page(store: Store, document: Document) -> None:
    page = store.library.pages(document.doc)[0]
    image = store.library.image(document.doc, page.number)
    store.library.add([StoredPage(page, image)], [], _no_vectors())


def _alter_image(store: Store, document: Document) -> None:
    pages = store.library.pages(document.doc)
    images = [store.library.image(document.doc, page.number) for page in pages]
    store.library.remove([document.doc])
    store.library.add([StoredPage(p, i + b"x") for p, i in zip(pages, images, strict=True)], [], _no_vectors())


def _unknown_page(store: Store, document: Document) -> None:
    page = replace(store.library.pages(document.doc)[0], number=99)
    store.library.add([StoredPage(page, b"image")], [], _no_vectors())


def _no_vectors() -> Vectors:
    return np.empty((0, 0), np.float32)


@pytest.mark.parametrize(
    ("damage", "code", "repairable"),
    [
        (_lose_original, "original_damaged", False),
        (_alter_original, "original_damaged", False),
        (_lose_pages, "page_missing", True),
        (_double_page, "page_doubled", True),
        (_alter_image, "image_damaged", True),
        (_unknown_page, "page_unknown", True),
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


def test_an_original_that_no_document_knows_is_named(small_store: Store) -> None:
    doc, _ = small_store.originals.take(io.BytesIO(b"cut off before it was recorded"), 1000)
    assert [(finding.code, finding.doc) for finding in found(small_store)] == [("original_unknown", doc)]
