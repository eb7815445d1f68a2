"""Vectors are made after the pages: cut off anywhere, each passage has one in the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from after_a_run import Letter, Take, one_vector_a_chunk, threads, whole_and_once

from docqa.errors import EmbedderUnusable
from docqa.settings import IngestSettings
from docqa.store import Store
from docqa.types import Status
from ingest import vectors
from ingest.worker import PIPELINE, Progress, ingest_pending


def test_a_document_is_found_by_its_words_even_without_an_embedder(
    empty_store: Store, take: Take, letter: Letter, ingest: Callable[..., int]
) -> None:
    doc = take(empty_store, "letter.pdf", letter(1))

    def missing() -> Any:  # noqa: ANN401
        raise EmbedderUnusable("The embedding model cannot be loaded.")

    with pytest.raises(EmbedderUnusable):
        ingest_pending(empty_store, missing, IngestSettings(jobs=1, image_budget=70))
    assert threads() == 0
    document = empty_store.catalog.document(doc)
    assert (document.status, document.attempts, document.embedded) == (Status.READY, 0, False)
    assert [hit.doc for hit in empty_store.library.search_words("harbour", 5, None)] == [doc]
    assert ingest() == 0  # nothing to read
    assert empty_store.catalog.document(doc).embedded
    one_vector_a_chunk(empty_store)


def test_vectors_that_were_cut_off_are_made_once(
    empty_store: Store,
    take: Take,
    letter: Letter,
    ingest: Callable[..., int],
    fake_embedder: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for pages in (1, 4, 3):
        take(empty_store, f"{pages}.pdf", letter(pages))
    monkeypatch.setattr(vectors, "_SLICE", 2)
    stops = 0

    def interrupt(progress: Progress) -> None:
        if progress.stage == "vectors" and progress.done:
            raise KeyboardInterrupt

    while empty_store.catalog.pending(PIPELINE) or empty_store.catalog.without_vectors():
        stops += 1
        with contextlib.suppress(KeyboardInterrupt):
            done = interrupt if stops < 3 else lambda progress: None
            ingest_pending(empty_store, lambda: fake_embedder, IngestSettings(jobs=2, image_budget=70), done)
    assert stops == 3
    assert all(document.embedded for document in empty_store.catalog.documents())
    one_vector_a_chunk(empty_store)
    whole_and_once(empty_store)


def test_what_comes_in_meanwhile_is_read_before_more_vectors_are_made(
    empty_store: Store,
    take: Take,
    letter: Letter,
    fake_embedder: Any,  # noqa: ANN401
    fake_ocr: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = take(empty_store, "first.pdf", letter(6))
    monkeypatch.setattr(vectors, "_SLICE", 1)
    seen = []

    def look(progress: Progress) -> None:
        seen.append((progress.stage, progress.done))
        if seen.count(("vectors", 2)) == 1 and seen[-1] == ("vectors", 2):
            take(empty_store, "second.pdf", letter(1))
            empty_store.catalog.requeue([first])  # as if somebody had asked for it to be read again

    read = ingest_pending(empty_store, lambda: fake_embedder, IngestSettings(jobs=2, image_budget=70), look)
    assert read == 3
    assert [stage for stage, _ in seen].index("reading", seen.index(("vectors", 2))) == seen.index(("vectors", 2)) + 1
    one_vector_a_chunk(empty_store)
    whole_and_once(empty_store)


def test_vectors_of_another_model_are_refused(
    empty_store: Store,
    take: Take,
    letter: Letter,
    ingest: Callable[..., int],
    fake_embedder: Any,  # noqa: ANN401
) -> None:
    take(empty_store, "first.pdf", letter(1))
    ingest()
    assert empty_store.catalog.fact("embedder") == fake_embedder.identity
    doc = take(empty_store, "second.pdf", letter(2))
    empty_store.catalog.set_fact("embedder", "another")
    with pytest.raises(EmbedderUnusable, match="another embedding model"):
        ingest()
    assert empty_store.catalog.without_vectors() == [doc]
    empty_store.catalog.set_fact("embedder", fake_embedder.identity)
    assert ingest() == 0
    one_vector_a_chunk(empty_store)
