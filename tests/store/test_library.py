"""The library: pages and passages come back as they were, searches are filtered, and no question is a query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_catalog import doc_id, sha256

from docqa.errors import StoreDamaged
from docqa.store.library import Library, StoredPage, Vectors, page_digest
from docqa.types import Chunk, Page, TextSource, Word

NOT_IDS = ["", "abc", "A" * 64, "0" * 63, "0" * 65, "' OR 1=1 --", f"{'0' * 64}'", f"{'0' * 64}\n", "../" + "0" * 61]


def vectors(*places: int) -> Vectors:
    """Unit vectors, each along the axis of that number."""
    return np.eye(8, dtype=np.float32)[list(places)]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("library") / "lance")


def test_an_empty_library_holds_nothing(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    assert library.pages(doc_id("a")) == []
    assert library.page_keys() == []
    assert library.search_words("anything", 5, None) == []
    assert library.search_vectors(vectors(0)[0], 5, None) == []
    library.remove([doc_id("a")])
    library.tidy()


def test_more_documents_than_fit_into_one_filter_are_removed(
    tmp_path: Path, make_page: Callable[[str, int, str], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docqa.store.library._REMOVED_AT_ONCE", 2)
    library = Library(tmp_path / "lance")
    library.add([StoredPage(make_page(doc_id(name), 1, name), b"x") for name in "abcdef"], [])
    library.remove(doc_id(name) for name in "abcde")
    assert library.page_keys() == [(doc_id("f"), 1)]


def test_pages_come_back_in_order_and_those_asked_for(
    tmp_path: Path, make_page: Callable[[str, int, str], Page]
) -> None:
    library = Library(tmp_path / "lance")
    pages = [make_page(doc_id("a"), number, f"page {number}") for number in (3, 1, 2)]
    library.add([StoredPage(page, bytes([page.number])) for page in pages], [])
    library.add([StoredPage(make_page(doc_id("b"), 1, "another"), b"b")], [])
    assert [page.number for page in library.pages(doc_id("a"))] == [1, 2, 3]
    assert [page.text for page in library.pages(doc_id("a"), [3, 2, 9])] == ["page 2", "page 3"]
    assert library.pages(doc_id("a"), []) == []
    assert library.image(doc_id("a"), 3) == b"\x03"
    assert sorted(library.page_keys()) == sorted([(doc_id("a"), n) for n in (1, 2, 3)] + [(doc_id("b"), 1)])
    library.remove([doc_id("a")])
    library.tidy()
    assert library.page_keys() == [(doc_id("b"), 1)]
    with pytest.raises(StoreDamaged, match="Page 1 of document"):
        library.image(doc_id("a"), 1)


def test_searches_are_filtered_before_they_are_cut_off(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    crowd = [Chunk(doc_id("crowd"), number, 1, "rent rent rent", "", "") for number in range(1, 30)]
    chunks = [*crowd, Chunk(doc_id("one"), 1, 1, "rent", "", "")]
    library.add([], chunks)
    library.add_vectors([(chunk.doc, chunk.page, chunk.number) for chunk in chunks], vectors(*[0] * 29, 1))
    for found in (
        library.search_words("rent", 3, [doc_id("one")]),
        library.search_vectors(vectors(0)[0], 3, [doc_id("one")]),
    ):
        assert [(hit.doc, hit.page) for hit in found] == [(doc_id("one"), 1)]
    assert library.search_words("rent", 3, []) == []
    assert len(library.search_words("rent", 3, None)) == 3
    assert library.search_vectors(vectors(1)[0], 1, None)[0].score == pytest.approx(1)


def test_the_context_counts_less_than_the_passage(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    chunks = [
        Chunk(doc_id("context"), 1, 1, "nothing of it", "", "deposit"),
        Chunk(doc_id("text"), 1, 1, "deposit of five", "", "nothing"),
        Chunk(doc_id("neither"), 1, 1, "another matter", "", "nothing"),
    ]
    library.add([], chunks)
    assert [hit.doc for hit in library.search_words("deposit", 5, None)] == [doc_id("text"), doc_id("context")]


@pytest.mark.parametrize("question", ['"', '"unclosed', "a AND (b", "text:x", "*", "x~9 ^ \\", "?!", "' OR 1=1", ""])
def test_no_question_is_a_query_language(tmp_path: Path, question: str) -> None:
    library = Library(tmp_path / "lance")
    library.add([], [Chunk(doc_id("a"), 1, 1, "some words", "", "")])
    assert library.search_words(question, 5, None) == []


@pytest.mark.parametrize("name", NOT_IDS)
def test_a_filter_takes_nothing_but_document_ids(tmp_path: Path, name: str) -> None:
    library = Library(tmp_path / "lance")
    page = Page(doc_id("x"), 1, 1, 1, (), TextSource.NONE, 0.0)
    library.add([StoredPage(page, b"i")], [Chunk(doc_id("x"), 1, 1, "x", "", "")])
    library.add_vectors([(doc_id("x"), 1, 1)], vectors(0))
    uses: list[Callable[[], object]] = [
        lambda: library.pages(name),
        lambda: library.image(name, 1),
        lambda: library.remove([doc_id("x"), name]),
        lambda: library.search_words("x", 1, [name]),
        lambda: library.search_vectors(vectors(0)[0], 1, [doc_id("x"), name]),
    ]
    for use in uses:
        with pytest.raises((ValueError, StoreDamaged), match="not a document id"):
            use()
    assert library.pages(doc_id("x")) == [page]
    assert len(library.search_words("x", 1, None)) == 1


def test_an_index_that_a_kill_left_out_is_made_by_tidying(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    library.add([], [Chunk(doc_id("a"), 1, 1, "some words", "", "")])
    table = library._db.open_table("chunks")
    names = {index.name for index in table.list_indices()}
    for name in names:
        table.drop_index(name)
    library.tidy()
    assert {index.name for index in library._db.open_table("chunks").list_indices()} == names
    assert [hit.doc for hit in library.search_words("words", 5, None)] == [doc_id("a")]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
EDGES = st.floats(0, 1)


#: A word may hold anything but what parts words.
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@st.composite
def words(draw: st.DrawFn) -> tuple[Word, ...]:
    return tuple(
        Word(draw(WORDS), (draw(EDGES), draw(EDGES), draw(EDGES), draw(EDGES)), draw(st.integers(0, 99)))
        for _ in range(draw(st.integers(0, 6)))
    )


_NUMBERS = iter(range(1, 1_000_000))


@settings(max_examples=50)
@given(words())
def test_words_come_back_with_their_boxes_to_the_65535th(library: Library, drawn: tuple[Word, ...]) -> None:
    page = Page(doc_id("words"), next(_NUMBERS), 1240, 1754, drawn, TextSource.OCR, 0.75)
    library.add([StoredPage(page, b"image")], [])
    [back] = library.pages(page.doc, [page.number])
    assert (back.width, back.height, back.text_source, back.quality) == (1240, 1754, TextSource.OCR, 0.75)
    assert [(word.text, word.line) for word in back.words] == [(word.text, word.line) for word in drawn]
    for word, stored in zip(drawn, back.words, strict=True):
        assert all(abs(a - b) <= 0.5000001 / 65535 for a, b in zip(word.box, stored.box, strict=True))


def test_a_word_that_would_come_back_as_two_is_not_stored(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    page = Page(doc_id("a"), 1, 100, 100, (Word("one\0two", (0, 0, 1, 1), 0),), TextSource.OCR, 1.0)
    with pytest.raises(ValueError, match="holds a NUL"):
        library.add([StoredPage(page, b"image")], [])


def test_a_box_ends_with_its_page(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    page = Page(doc_id("a"), 1, 100, 100, (Word("wide", (-0.5, 0.25, 1.5, 0.5), 0),), TextSource.OCR, 1.0)
    library.add([StoredPage(page, b"image")], [])
    [back] = library.pages(page.doc)
    left, _, right, _ = back.words[0].box
    assert (left, right) == (0.0, 1.0)
    assert page_digest(back) == page_digest(page)


@settings(max_examples=10)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=5))
def test_the_sum_of_chunks_is_the_same_before_and_after_storing(
    library: Library, drawn: list[tuple[str, str, str]]
) -> None:
    doc = sha256(repr(drawn).encode())
    made = [Chunk(doc, 1, number, *texts) for number, texts in enumerate(drawn)]
    library.remove([doc])
    sums = library.add([], made[1:]) + library.add([], made[:1])  # in any order
    assert library.row_sums("chunks")[doc] == sums[doc]
    library.add([], made[:1])  # there twice
    assert library.row_sums("chunks")[doc] != sums[doc]


def test_the_sum_of_vectors_tells_one_bit_and_whose_vector_it_is(tmp_path: Path) -> None:
    library, doc = Library(tmp_path / "lance"), doc_id("a")
    made = vectors(0, 1)
    sums = library.add_vectors([(doc, 1, 1), (doc, 1, 2)], made)
    assert library.row_sums("vectors") == sums
    library.remove_vectors([doc])
    assert library.row_sums("vectors") == Counter()
    assert library.add_vectors([(doc, 1, 2), (doc, 1, 1)], made) != sums
    library.remove_vectors([doc])
    made.view(np.uint32)[0, 0] ^= 1
    assert library.add_vectors([(doc, 1, 1), (doc, 1, 2)], made) != sums


def test_a_damaged_text_that_is_no_utf8_is_an_error_that_says_so(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    library.add([], [Chunk(doc_id("a"), 1, 1, "some words", "", "")])
    [file] = (tmp_path / "lance" / "chunks.lance" / "data").iterdir()
    file.write_bytes(file.read_bytes().replace(b"some words", b"some\xffwords"))
    with pytest.raises(StoreDamaged, match="cannot be used"):
        Library(tmp_path / "lance").row_sums("chunks")
