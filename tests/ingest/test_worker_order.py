"""What the worker does first: it reads documents, then carries on extractions, and makes vectors when both rest."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
from after_a_run import Letter, Take

from docqa.commands import settings_of
from docqa.extract.run import is_waited_for, start_run
from docqa.settings import IngestSettings
from docqa.store import Store
from docqa.types import FieldSpec, FieldType
from ingest import vectors
from ingest.commands import worker
from ingest.worker import ingest_pending


def test_an_extraction_somebody_waits_for_goes_before_vectors(
    empty_store: Store,
    take: Take,
    letter: Letter,
    fake_embedder: Any,  # noqa: ANN401
    fake_ocr: object,
) -> None:
    doc = take(empty_store, "a.pdf", letter(1))
    settings = settings_of(argparse.Namespace(store=empty_store.folder))
    run = start_run(empty_store, settings, [FieldSpec("total", FieldType.AMOUNT)], "quote", [doc])
    done_before_vectors: list[int] = []

    def embedder() -> Any:  # noqa: ANN401
        done_before_vectors.append(empty_store.catalog.ledger.runs(run)[0].done)
        return fake_embedder

    assert worker._work_once(empty_store, settings, embedder, lambda: is_waited_for(empty_store))
    assert empty_store.catalog.ledger.runs(run)[0].done == 1
    assert empty_store.catalog.without_vectors() == [doc] and done_before_vectors == []
    worker._work_once(empty_store, settings, embedder, lambda: is_waited_for(empty_store))
    assert empty_store.catalog.without_vectors() == [] and done_before_vectors == [1]


def test_vectors_stop_for_what_goes_before_them_and_are_made_later(
    empty_store: Store,
    take: Take,
    letter: Letter,
    fake_embedder: Any,  # noqa: ANN401
    fake_ocr: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    docs = {take(empty_store, f"{n}.pdf", letter(2)) for n in range(3)}
    monkeypatch.setattr(vectors, "_SLICE", 1)
    settings = IngestSettings(jobs=2, image_budget=70)
    made: list[int] = []
    monkeypatch.setattr(
        empty_store.library,
        "add_vectors",
        lambda *given, add=empty_store.library.add_vectors: made.append(1) or add(*given),
    )
    assert ingest_pending(empty_store, lambda: fake_embedder, settings, held_up=lambda: len(made) >= 3) == 3
    assert len(made) == 3
    assert 0 < len(empty_store.catalog.without_vectors()) < 3
    ingest_pending(empty_store, lambda: fake_embedder, settings)
    assert empty_store.catalog.without_vectors() == []
    counts = empty_store.library.rows_by_document("vectors")
    assert counts == empty_store.library.rows_by_document("chunks") and set(counts) == docs


def test_nothing_is_loaded_for_vectors_that_have_to_wait(
    tmp_path: Path, take: Take, letter: Letter, empty_store: Store, fake_ocr: object
) -> None:
    def never() -> Any:  # noqa: ANN401
        raise AssertionError("the model was loaded")

    take(empty_store, "a.pdf", letter(1))
    assert ingest_pending(empty_store, never, IngestSettings(jobs=1, image_budget=70), held_up=lambda: True) == 1
