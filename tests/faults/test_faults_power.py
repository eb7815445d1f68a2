"""What was acknowledged survives a power cut: file and folder are on the disk before the catalog names them."""

from __future__ import annotations

import io
import os
import sqlite3
from pathlib import Path

import pytest

from docqa.store import Store


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What happens to the disk, in order: ("synced", path), ("renamed", path), ("committed", "")."""
    happened: list[tuple[str, str]] = []
    fsync, rename, connect = os.fsync, os.rename, sqlite3.connect

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        happened.append(("synced", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

    def renamed(source: Path, target: Path) -> None:
        rename(source, target)
        happened.append(("renamed", str(target)))

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:  # type: ignore[override]
            result = super().execute(sql, *values)  # type: ignore[arg-type]
            if sql == "COMMIT":
                happened.append(("committed", ""))
            return result

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **named: connect(*a, **named, factory=Connection))
    return happened


def test_a_file_is_on_the_disk_under_its_name_before_it_is_acknowledged(
    tmp_path: Path, steps: list[tuple[str, str]]
) -> None:
    store = Store(tmp_path / "store")
    steps.clear()
    doc = store.take(io.BytesIO(b"%PDF-1.7 something"), "label", "main", 1000).document.doc
    final = store.originals.path(doc)
    incoming = str(tmp_path / "store" / "originals" / "incoming")
    assert [what for what, _ in steps] == ["synced", "renamed", "synced", "synced", "committed"]
    assert steps[0][1].startswith(incoming)
    assert [place for _, place in steps[1:4]] == [str(final), str(final.parent), str(final.parent.parent)]


def test_the_catalog_waits_for_the_disk_at_every_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connected(*arguments: object, **named: object) -> sqlite3.Connection:
        made.append(connect(*arguments, **named))  # type: ignore[call-overload]
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", connected)
    Store(tmp_path / "store").catalog.collections()
    assert made
    for connection in made:
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
        assert found == [2, "wal"]  # 2 is FULL


def test_a_file_left_by_a_killed_upload_is_swept_away_and_one_in_the_making_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    incoming = tmp_path / "store" / "originals" / "incoming"
    (incoming / "tmpleft").write_bytes(b"half")

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            Store(tmp_path / "store")  # another process opens the store meanwhile
            assert not (incoming / "tmpleft").exists()
            assert len(list(incoming.iterdir())) == 1
            return super().read(size)

    doc = store.take(Slow(b"whole"), "label", "main", 1000).document.doc
    assert store.originals.check(doc).read_bytes() == b"whole"
    assert list(incoming.iterdir()) == []
