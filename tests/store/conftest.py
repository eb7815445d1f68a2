"""A catalog with three documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_catalog import doc_id

from docqa.store import catalog
from docqa.store.catalog import Catalog


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a second whenever it is looked at."""
    times = iter(f"2026-11-22T10:{minute:02}:{second:02}.000+00:00" for minute in range(60) for second in range(60))
    monkeypatch.setattr(catalog, "now", lambda: next(times))


@pytest.fixture
def documents(tmp_path: Path, clock: None) -> Catalog:
    """A catalog with the documents a, b and c, taken in in this order."""
    made = Catalog(tmp_path / "catalog.sqlite")
    for name in ("c", "a", "b"):
        made.add_document(doc_id(name), 10, f"{name}.pdf", "office")
    return made
