"""A file that ends its reader every time: three attempts, then it is set aside until somebody asks for it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docqa.store import Store
from ingest import reading
from tests.faults.folders import is_damaged
from tests.faults.invariants import invariants

Run = Callable[..., tuple[int, list[dict[str, Any]]]]
DIES = "tests.ingest.stubs.dies_on_every_page"


def ended(lines: list[dict[str, Any]]) -> dict[str, tuple[str, str | None]]:
    """Label → (status, code of the problem)."""
    return {line["label"]: (line["status"], line["problem"] and line["problem"]["code"]) for line in lines[:-1]}


def test_three_attempts_then_set_aside_until_asked_for(
    tmp_path: Path, inputs: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    monkeypatch.setattr(reading, "RENDERER", DIES)
    for attempt in (1, 2, 3):
        code, lines = run("ingest", inputs)
        assert (code, ended(lines)["long.pdf"]) == (3, ("failed", "renderer_died"))
        assert attempts(store) == attempt
        assert invariants(store, inputs.iterdir(), None) == []

    monkeypatch.setattr(reading, "RENDERER", "ingest.child.render")
    code, lines = run("ingest", inputs)
    assert (code, ended(lines)["long.pdf"], attempts(store)) == (3, ("failed", "renderer_died"), 3)
    assert lines[-1]["summary"]["pages"] == 0

    code, lines = run("ingest", inputs, "--retry")
    assert code == 3
    assert sorted(status for status, _ in ended(lines).values()) == ["duplicate", "failed", "ready", "ready"]
    assert invariants(store, inputs.iterdir(), is_damaged) == []


def test_a_good_file_beside_it_is_read_all_the_same(
    tmp_path: Path, inputs: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader dies over the second page, so the file of one page is ready and the other lacks that page."""
    monkeypatch.setattr(reading, "RENDERER", "tests.ingest.stubs.dies_on_page_2")
    _, lines = run("ingest", inputs)
    assert ended(lines)["short.pdf"] == ("ready", None)
    assert ended(lines)["long.pdf"] == ("partial", "pages_missing")
    assert invariants(tmp_path / "store", inputs.iterdir(), lambda label: label != "short.pdf") == []


def attempts(store: Path) -> int:
    return next(d.attempts for d in Store(store).catalog.documents() if d.label.startswith("long"))
