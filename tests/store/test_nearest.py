"""Nearest passages: what is held in memory says what the table says, whoever changed it last."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from docqa.store import library as module
from docqa.store.library import ChunkKey, Found, Library, Vectors

DIMENSIONS = 8
DOCS = [hashlib.sha256(name.encode()).hexdigest() for name in "abcdefgh"]
RANDOM = np.random.default_rng(7)


def some(count: int) -> Vectors:
    """Vectors of any length: an embedder of somebody else's may not make unit vectors."""
    return RANDOM.standard_normal((count, DIMENSIONS)).astype(np.float32)


def keys(doc: str, count: int) -> list[ChunkKey]:
    return [(doc, 1 + number // 3, 1 + number % 3) for number in range(count)]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(tmp_path / "lance")
    for place, doc in enumerate(DOCS):
        library.add_vectors(keys(doc, 20 + place), some(20 + place))
    return library


def same(found: Sequence[Found], expected: Sequence[Found]) -> None:
    assert [(one.doc, one.page, one.number) for one in found] == [(one.doc, one.page, one.number) for one in expected]
    assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-5)


@pytest.mark.parametrize("docs", [None, DOCS, DOCS[:5], DOCS[3:4], ["f" * 64], []], ids=["all", 8, 5, 1, "none", 0])
@pytest.mark.parametrize("limit", [1, 30, 1000])
def test_memory_says_what_the_table_says(library: Library, limit: int, docs: list[str] | None) -> None:
    question = some(1)[0]
    same(library.search_vectors(question, limit, docs), library._nearest("vectors", question, limit, docs))


def test_it_is_not_read_again_for_every_question(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    first = library.search_vectors(some(1)[0], 1, None)
    monkeypatch.setattr(module, "_read_vectors", lambda table: pytest.fail("read again"))
    assert len(first) == len(library.search_vectors(some(1)[0], 1, None)) == 1


def test_what_another_process_changes_is_seen_at_once(library: Library, tmp_path: Path) -> None:
    question = some(1)[0]
    assert len(library.search_vectors(question, 1000, None)) == 188
    other = Library(tmp_path / "lance")
    other.add_vectors([("f" * 64, 1, 1)], question[None])
    [best] = library.search_vectors(question, 1, None)
    assert (best.doc, best.score) == ("f" * 64, pytest.approx(1))
    other.remove_vectors(["f" * 64, *DOCS[1:]])
    assert {found.doc for found in library.search_vectors(question, 1000, None)} == {DOCS[0]}
    other._db.open_table("vectors").optimize()
    same(library.search_vectors(question, 9, None), library._nearest("vectors", question, 9, None))
    other.remove_vectors(DOCS)
    assert library.search_vectors(question, 9, None) == []


def test_more_than_memory_is_given_are_compared_on_the_disk(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    question = some(1)[0]
    held = library.search_vectors(question, 30, DOCS[:2])
    monkeypatch.setattr(module, "_HELD_AT_MOST", 188 * DIMENSIONS * 4 - 1)
    again = Library(library._folder)
    same(again.search_vectors(question, 30, DOCS[:2]), held)
    assert again._held[1] is None
