"""`docqa extract`: it takes up what is missing, says how far it is, and how to go on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from docqa.cli import main
from docqa.errors import DiskFull
from docqa.extract.commands import extract, progress
from docqa.store import Store
from docqa.store.ledger import Run

# ── what people see of it ────────────────────────────────────────────────────────────────────────────────────────────


class Screen(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def shown(terminal: bool, *seen: tuple[float, int, int]) -> str:
    """What is printed of a run of 100 documents, told at these seconds how many are done and failed."""
    now = [0.0]
    out = Screen(terminal)
    with progress.ProgressLine(out, clock=lambda: now[0]) as line:
        for seconds, done, failed in seen:
            now[0] = seconds
            line(Run(1, "[]", "quote", "quote-1", "", False, 100, done, failed))
    return out.getvalue()


def test_a_log_has_a_line_every_half_a_minute() -> None:
    assert shown(False, (1, 1, 0), (10, 10, 0), (60, 61, 0), (61, 62, 0), (99, 98, 2)).splitlines() == [
        "61 of 100 documents, 61 a minute, about 38 s left",
        "100 of 100 documents, 61 a minute, 2 failed",
    ]


def test_a_terminal_has_one_line_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    out = shown(True, (1, 1, 0), (60, 51, 0))
    assert out.count("\r") == 3
    assert out.endswith("\n")
    assert "[############............] 51 of 100 documents, 51 a minute, about 58 s left" in out
    monkeypatch.setenv("COLUMNS", "60")
    assert all(len(line) < 60 for line in shown(True, (1, 1, 0), (60, 51, 0)).rstrip("\n").split("\r"))
    assert shown(True) == ""


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


def command(store: Store, tmp_path: Path, *words: str) -> tuple[int, int]:
    """What `docqa extract` ends with, and how many documents are in the table then."""
    (tmp_path / "fields.toml").write_text('[[field]]\nname = "total"\ntype = "amount"\n', encoding="utf-8")
    out = tmp_path / "table.csv"
    fixed = ["--store", str(store.folder), "extract", "--fields", str(tmp_path / "fields.toml"), "--out", str(out)]
    code = main([*fixed, *words])
    return code, len(out.read_text(encoding="utf-8").splitlines()) - 1 if out.exists() else 0


def test_the_command_takes_some_and_then_what_is_missing(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(store, tmp_path, "--limit", "2", "--json") == (0, 2)
    assert capsys.readouterr().err == ""
    assert command(store, tmp_path, "--only-missing", "--limit", "2") == (0, 4)
    assert "4 of 4 documents" in capsys.readouterr().err
    assert command(store, tmp_path, "--retry") == (0, 5)
    assert [(run.documents, run.done) for run in store.catalog.ledger.runs()] == [(5, 5)]


def test_a_table_that_cannot_be_written_is_said_before_and_what_was_read_is_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = tmp_path / "fields.toml"
    fields.write_text('[[field]]\nname = "total"\ntype = "amount"\n', encoding="utf-8")
    words = ["--store", str(store.folder), "extract", "--fields", str(fields), "--out"]

    def full(*_: object) -> dict[str, object]:
        raise DiskFull("There is no space left.")

    for out in ("/proc/table.csv", str(tmp_path / "folder.csv")):  # root may write into any folder but this one
        (tmp_path / "folder.csv").mkdir(exist_ok=True)
        assert main([*words, out]) == 2
    assert store.catalog.ledger.runs() == []
    with monkeypatch.context() as patched:
        patched.setattr(extract, "write_run", full)
        assert main([*words, str(tmp_path / "table.csv")]) == 5
    assert "extraction 1 is kept: docqa export 1 --out FILE" in capsys.readouterr().err
    assert command(store, tmp_path, "--only-missing") == (0, 5)
    assert "Extraction 1: 5 documents" in capsys.readouterr().out


def test_a_command_that_is_stopped_says_how_to_go_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(line: progress.ProgressLine, run: Run) -> None:
        if run.done == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(progress.ProgressLine, "__call__", stop)
        assert command(store, tmp_path) == (130, 0)
    assert "the same command goes on from there" in capsys.readouterr().err
    assert store.catalog.ledger.runs()[0].done == 2
    assert command(store, tmp_path) == (0, 5)
    assert [(run.documents, run.done) for run in store.catalog.ledger.runs()] == [(5, 5)]
