"""The store: what was taken in is kept once, what is read is what was written, no crash leaves a half of anything."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_catalog import MB, files_below, sha256

from docqa import store as store_module
from docqa.errors import EmptyFile, PathMissing, StoreBusy, StoreDamaged
from docqa.store import MAX_LABEL, Store, clean_label
from docqa.store.catalog import Catalog
from docqa.types import Document, Page

# ── several at once ──────────────────────────────────────────────────────────────────────────────────────────────────

_OTHER_PROCESS = """
import io, sys
from pathlib import Path
from docqa.store import Store

store = Store(Path(sys.argv[1]))
with store.writing():
    for number in range(20):
        store.take(io.BytesIO(b"content %d" % number), f"theirs {number}", "theirs", 100)
    print("written", flush=True)
    sys.stdin.read()
"""


def test_two_processes_write_at_once_and_only_one_holds_the_writers_lock(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    command = [sys.executable, "-c", _OTHER_PROCESS, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        new = 0
        for number in range(20):
            new += not store.take(io.BytesIO(b"content %d" % number), f"ours {number}", "ours", 100).duplicate
        assert other.stdout.readline() == b"written\n"
        with pytest.raises(StoreBusy, match="Another process is ingesting"), store.writing():
            pass
        other.kill()
    with store.writing(wait=True):  # the kernel gave the lock back
        pass
    assert len(store.catalog.documents()) == len(list(store.originals)) == 20
    assert len(store.catalog.documents("ours")) == len(store.catalog.documents("theirs")) == 20
    assert new <= 20


def test_threads_take_in_the_same_files_and_each_is_new_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    news: list[str] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for number in range(10):
                taken = store.take(io.BytesIO(b"content %d" % number), "label", "c", 100)
                if not taken.duplicate:
                    news.append(taken.document.doc)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(news) == len(set(news)) == 10
    assert sorted(store.originals) == sorted(news)


def test_a_new_store_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(8)
    opened: list[Catalog] = []

    def work() -> None:
        together.wait()
        opened.append(Catalog(tmp_path / "catalog.sqlite"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [made.documents() for made in opened] == [[]] * 8


def test_the_writers_lock_is_free_again_after_an_error(empty_store: Store) -> None:
    with pytest.raises(ZeroDivisionError), empty_store.writing():
        raise ZeroDivisionError
    with (
        empty_store.writing(),
        pytest.raises(StoreBusy),
        Store(empty_store.folder).writing(),
    ):
        pass
    with empty_store.writing():
        pass


# ── the store as a whole ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_store_is_only_there_once_something_was_taken_in(tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match="There is no store at"):
        Store.existing(tmp_path / "store")
    assert not (tmp_path / "store").exists()
    Store(tmp_path / "store")
    assert Store.existing(tmp_path / "store").catalog.documents() == []


def test_taking_in_keeps_the_bytes_and_the_label(empty_store: Store) -> None:
    taken = empty_store.take(io.BytesIO(b"content"), "../../etc/pass\x00wd\u202e.pdf", "office", MB)
    assert not taken.duplicate
    assert taken.document.doc == sha256(b"content")
    assert taken.document.label == "../../etc/pass\N{REPLACEMENT CHARACTER}wd\N{REPLACEMENT CHARACTER}.pdf"
    assert empty_store.take(io.BytesIO(b"content"), "again", "office", MB).duplicate
    assert [path.name for path in files_below(empty_store.folder / "originals")] == [taken.document.doc]


def test_what_is_refused_is_not_in_the_catalog(empty_store: Store) -> None:
    with pytest.raises(EmptyFile):
        empty_store.take(io.BytesIO(b""), "empty.pdf", "office", MB)
    assert empty_store.catalog.documents() == []


@given(st.text(max_size=900))
def test_a_label_can_be_shown_whatever_it_was(label: str) -> None:
    shown = clean_label(label)
    assert shown.isprintable()
    assert len(shown) <= MAX_LABEL + 1
    assert clean_label(shown) == shown or len(shown) > MAX_LABEL
    if label.isprintable() and not store_module._INVISIBLE & set(label) and len(label) <= MAX_LABEL:
        assert shown == label


def test_a_long_label_keeps_both_ends() -> None:
    shown = clean_label(f"begin{'x' * 1000}end.pdf")
    assert shown.startswith("begin") and shown.endswith("end.pdf") and "…" in shown


def test_evidence_is_the_page_its_label_and_its_image(small_store: Store, page_image: Callable[[Page], bytes]) -> None:
    [lease] = [document for document in small_store.catalog.documents() if document.label == "lease.pdf"]
    first, second = small_store.evidence(lease)
    assert [(one.page.number, one.label) for one in (first, second)] == [(1, "lease.pdf"), (2, "lease.pdf")]
    assert second.image() == small_store.image(lease.doc, 2) == page_image(second.page)
    assert [one.page.number for one in small_store.evidence(lease, [2])] == [2]
    assert small_store.page(lease.doc, 2) == second.page
    with pytest.raises(StoreDamaged, match="Page 3 of document"):
        small_store.page(lease.doc, 3)


def test_an_image_with_one_bit_flipped_is_not_shown(small_store: Store, page_image: Callable[[Page], bytes]) -> None:
    doc = small_store.catalog.documents()[0].doc
    image = page_image(small_store.page(doc, 1))
    [(file, content)] = [
        (path, path.read_bytes()) for path in files_below(small_store.folder / "lance") if image in path.read_bytes()
    ]
    place = content.index(image) + 10
    file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(StoreDamaged, match=f"The image of page 1 of document {doc[:12]} is not what was stored"):
        Store(small_store.folder).image(doc, 1)


def test_a_library_that_lost_a_file_is_damaged(small_store: Store) -> None:
    doc = small_store.catalog.documents()[0].doc
    for path in files_below(small_store.folder / "lance"):
        if path.suffix == ".lance":
            path.unlink()
    with pytest.raises(StoreDamaged, match="lance cannot be used"):
        Store(small_store.folder).page(doc, 1)


def test_a_run_that_was_cut_off_while_it_made_a_table_leaves_none(
    empty_store: Store, add_document: Callable[..., Document]
) -> None:
    for name in ("pages", "chunks", "vectors"):
        (empty_store.folder / "lance" / f"{name}.lance" / "_transactions").mkdir(parents=True)
    assert empty_store.library.page_keys() == []
    document = add_document(empty_store, "a.pdf", "papers", "Total 12.00")
    assert [page.number for page in empty_store.library.pages(document.doc)] == [1]
