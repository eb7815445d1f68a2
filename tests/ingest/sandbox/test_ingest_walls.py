"""Which walls stand is found out by trying, and without enough of them no file is read."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from docqa.errors import SandboxMissing
from docqa.settings import IngestSettings, Settings
from ingest.sandbox import process, walls

LONG = 30.0

pytestmark = pytest.mark.usefixtures("walls_found_anew")


def test_what_holds_is_found_out_by_trying() -> None:
    stands = {wall.name: wall.active for wall in walls.protections()}
    assert stands.keys() == {"bubblewrap", "landlock", "seccomp", "limits"}
    assert stands["limits"]


@pytest.mark.parametrize(
    ("found", "enough"),
    [
        (walls._Trial(bubblewrap=True), True),
        (walls._Trial(landlock=True, seccomp=True), True),
        (walls._Trial(landlock=True), False),
        (walls._Trial(seccomp=True), False),
        (walls._Trial(limits=True), False),
    ],
)
def test_files_are_not_read_without_a_wall(monkeypatch: pytest.MonkeyPatch, found: walls._Trial, enough: bool) -> None:
    monkeypatch.setattr(walls, "_trial", lambda: found)
    monkeypatch.setattr(walls._trial, "cache_clear", lambda: None, raising=False)
    walls.require(unsafe=True)
    with contextlib.nullcontext() if enough else pytest.raises(SandboxMissing, match="Nothing on this machine"):
        walls.require(unsafe=False)
    check = walls.examine(Settings())
    assert check.ok == enough
    assert "bubblewrap" in check.hint or found.bubblewrap


def test_the_doctor_says_that_files_are_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walls, "_trial", walls._Trial)
    monkeypatch.setattr(walls._trial, "cache_clear", lambda: None, raising=False)
    check = walls.examine(Settings(ingest=IngestSettings(unsafe_parser=True)))
    assert not check.ok
    assert check.hint.startswith("Files are read all the same")


def test_a_bubblewrap_that_does_not_work_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(walls, "BUBBLEWRAP", str(broken))
    assert not next(wall.active for wall in walls.protections() if wall.name == "bubblewrap")
    with process.Child("tests.ingest.stubs.confined", ["greets"], threading.Event()) as child:
        assert child.receive(LONG)[0] == {"said": "hello"}
