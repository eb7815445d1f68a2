"""`docqa check`: every kind of damage is named, and what can be made again is queued."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from docqa.store import Store
from docqa.store.check import Finding, check, repair
from docqa.store.library import StoredPage, Vectors
from docqa.types import Chunk, Document, Page, Status
from ingest.vectors import make_picture_vectors

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
    store.library._remove([document.doc], ["pages"])
    store.library.add([StoredPage(page, image) for page, image in zip(pages, images, strict=True)], [])


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
    altered = [replace(page, words=(page.words[0]._replace(text="altered"), *page.words[1:])) for page in pages]
    _replace_pages(store, document, altered, images)


def _lose_chunks(store: Store, document: Document) -> None:
    pages = store.library.pages(document.doc)
    images = [store.library.image(document.doc, page.number) for page in pages]
    store.library.remove([document.doc])
    store.library.add([StoredPage(p, i) for p, i in zip(pages, images, strict=True)], [])


def _alter_chunk(store: Store, document: Document) -> None:
    _alter(store, document, "chunks", {"context": "altered"})


def _alter_vector(store: Store, document: Document) -> None:
    _alter(store, document, "vectors", {"vector": [0.0] * 256})


def _alter(store: Store, document: Document, table: str, values: dict[str, object], number: int = 1) -> None:
    """The same rows as before, one with something else in it."""
    where = f"doc = '{document.doc}' AND page = 1 AND number = {number}"
    store.library._db.open_table(table).update(where=where, values=values)


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
        (_alter_chunk, "chunks_damaged", True),
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


@pytest.mark.parametrize(
    ("damage", "code"),
    [(_lose_vectors, "vectors_wrong"), (_double_vectors, "vectors_wrong"), (_alter_vector, "vectors_damaged")],
)
def test_vectors_that_are_wrong_are_made_again_without_reading_the_document(
    small_store: Store, damage: Damage, code: str
) -> None:
    document = first(small_store)
    damage(small_store, document)
    findings = found(small_store)
    assert [(finding.code, finding.doc) for finding in findings] == [(code, document.doc)]
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


def test_a_document_is_read_again_if_more_than_its_vectors_is_wrong(small_store: Store) -> None:
    document = first(small_store)
    _lose_pages(small_store, document)
    _lose_vectors(small_store, document)
    findings = found(small_store)
    assert [finding.code for finding in findings] == ["page_missing", "vectors_wrong"]
    with small_store.writing():
        assert repair(small_store, findings) == 1


def test_what_an_earlier_docqa_wrote_is_not_compared(small_store: Store) -> None:
    """It had no digests: nothing is known of what its rows were, and nothing is wrong with them."""
    with small_store.catalog._database.write() as sql:
        sql.execute("UPDATE documents SET chunks_digest = NULL, vectors_digest = NULL")
    _alter_chunk(small_store, first(small_store))
    _alter_vector(small_store, first(small_store))
    assert found(small_store) == []


def test_what_is_read_again_while_it_is_compared_raises_no_alarm(
    small_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = first(small_store)
    read = small_store.library.row_sums

    def meanwhile(table: str) -> Counter[str]:
        small_store.catalog.start_document(document.doc)
        small_store.library.remove([document.doc])
        return read(table)

    monkeypatch.setattr(small_store.library, "row_sums", meanwhile)
    assert [finding for finding in found(small_store) if finding.code.endswith("_damaged")] == []


def test_commits_that_are_folded_together_raise_no_alarm(small_store: Store) -> None:
    for table in ("chunks", "vectors"):
        small_store.library._db.open_table(table).optimize()
    assert found(small_store) == []


class _Colours:
    """Stands for a model of page images: a vector that is the same for the same image."""

    identity = "test:colours"

    def embed_pages(self, images: Sequence[bytes]) -> Vectors:
        return np.stack([np.frombuffer(hashlib.sha256(image).digest(), np.uint8) for image in images]).astype("f4")


def test_vectors_of_page_images_that_changed_are_made_again(small_store: Store) -> None:
    document = first(small_store)
    pictures: Any = _Colours()
    make_picture_vectors(small_store, pictures)
    assert found(small_store) == []
    _alter(small_store, document, "pictures", {"vector": [0.0] * 32}, number=0)
    findings = found(small_store)
    assert [(finding.code, finding.doc) for finding in findings] == [("pictures_damaged", document.doc)]
    with small_store.writing():
        assert repair(small_store, findings) == 0
    assert found(small_store) == []
    make_picture_vectors(small_store, pictures)
    assert small_store.library.rows_by_document("pictures")[document.doc] == document.pages
    assert found(small_store) == []


def test_vectors_of_page_images_that_were_cut_off_raise_no_alarm(
    small_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digests of what was there before must not be compared with what another model has made since."""
    pictures: Any = _Colours()
    make_picture_vectors(small_store, pictures)
    pictures.identity = "test:other"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(small_store.catalog, "set_pictures", _cut_off_at(small_store.catalog.set_pictures))
        patch.setattr(pictures, "embed_pages", lambda images: np.ones((len(images), 32), np.float32))
        make_picture_vectors(small_store, pictures)
    assert sum(small_store.library.rows_by_document("pictures").values()) > 0
    assert found(small_store) == []


def _cut_off_at(record: Callable[[str, str | None], None]) -> Callable[[str, str | None], None]:
    def cut_off(doc: str, digest: str | None) -> None:
        if digest is not None:
            raise KeyboardInterrupt
        record(doc, digest)

    return cut_off
