"""Which documents the commands mean: by label, id, file, folder or collection."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from docqa.errors import UnknownCollection, UnknownDocument
from docqa.extract.commands.extract import document_named, documents_in
from docqa.store import Store


def chosen(store: Store, collection: str | None, *names: str) -> list[str]:
    return [document.label for document in documents_in(store, collection, names)]


def test_documents_are_named_by_label_id_file_or_folder(small_store: Store, tmp_path: Path) -> None:
    lease = next(d for d in small_store.catalog.documents() if d.label == "lease.pdf")
    content = small_store.originals.path(lease.doc).read_bytes()
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "renamed.pdf").write_bytes(content)
    (tmp_path / "folder" / "notes.txt").write_text("not in the store")
    file = str(tmp_path / "folder" / "deep" / "renamed.pdf")
    for name in ("lease.pdf", lease.doc, lease.doc[:12], file, str(tmp_path / "folder")):
        assert chosen(small_store, None, name) == ["lease.pdf"]
    assert chosen(small_store, None, "lease.pdf", file, lease.doc) == ["lease.pdf"]
    assert chosen(small_store, None, "minutes.pdf", "lease.pdf") == ["minutes.pdf", "lease.pdf"]


def test_a_name_means_every_document_that_is_called_so(small_store: Store, tmp_path: Path) -> None:
    lease, minutes = (d for d in small_store.catalog.documents() if d.label != "invoice.pdf")
    for document, label in ((lease, "copy.pdf"), (minutes, "copy.pdf"), (lease, "once.pdf")):
        content = io.BytesIO(small_store.originals.path(document.doc).read_bytes())
        small_store.take(content, label, "copies", 1 << 20)
    assert document_named(small_store, "once.pdf").doc == lease.doc
    assert {document.doc for document in documents_in(small_store, None, ["copy.pdf"])} == {lease.doc, minutes.doc}
    with pytest.raises(UnknownDocument, match=r"copy\.pdf is 2 documents") as caught:
        document_named(small_store, "copy.pdf")
    assert lease.doc[:12] in caught.value.hint and minutes.doc[:12] in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnknownDocument, match="No file of .*empty is in the store"):
        document_named(small_store, str(tmp_path / "empty"))


def test_without_names_it_is_the_whole_collection(small_store: Store) -> None:
    assert chosen(small_store, None) == ["invoice.pdf", "lease.pdf", "minutes.pdf"]
    assert chosen(small_store, "office") == ["invoice.pdf", "lease.pdf"]
    with pytest.raises(UnknownCollection):
        chosen(small_store, "cellar")


def test_a_document_that_is_not_in_the_store_is_said(small_store: Store, tmp_path: Path) -> None:
    file = tmp_path / "new.pdf"
    file.write_bytes(b"new")
    with pytest.raises(UnknownDocument, match=r"new\.pdf is not in the store"):
        chosen(small_store, None, str(file))
    with pytest.raises(UnknownDocument, match="There is no document 'nothing.pdf'"):
        chosen(small_store, None, "nothing.pdf")
