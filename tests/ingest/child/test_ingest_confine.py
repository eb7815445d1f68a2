"""What a child gives up: the kernel's numbers, the secrets' pipe, its clock, and programs where they are allowed."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docqa.errors import SandboxMissing
from docqa.settings import IngestSettings, Settings
from ingest.child.confine import read_secrets
from ingest.child.syscalls import CLONE, CLONE3, NAMES_A_PROCESS, REFUSED, STARTS_PROCESSES
from ingest.sandbox import process, walls
from ingest.sandbox.launch import command_for, environment_for
from ingest.sandbox.wire import read_frame

HEADERS = (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h"))
TABLES = (REFUSED, STARTS_PROCESSES, CLONE, CLONE3, NAMES_A_PROCESS)
LONG = 30.0


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    walls._trial.cache_clear()
    yield
    walls._trial.cache_clear()


@pytest.mark.parametrize("column", [0, 1])
def test_the_numbers_are_the_kernels(column: int) -> None:
    if not HEADERS[column].exists():
        pytest.skip("the headers of the Linux kernel are not installed")
    known = dict(re.findall(r"#define __NR\w*?_(\w+)\s+(\d+)\n", HEADERS[column].read_text()))
    known = {re.sub(r"^(3264|arch)_", "", name): int(number) for name, number in known.items()}
    ours = {name: pair[column] for table in TABLES for name, pair in table.items()}
    shared = ours.keys() & known.keys()
    assert len(shared) > 70
    assert {name: ours[name] for name in shared} == {name: known[name] for name in shared}


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


@pytest.mark.parametrize("bubblewrap", [walls.BUBBLEWRAP, "bwrap-is-hidden-from-this-test"])
class TestAChild:
    @pytest.fixture
    def say(self, bubblewrap: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
        """`say(mode, secrets)`: what a child answers, with bubblewrap and without."""
        monkeypatch.setattr(walls, "BUBBLEWRAP", bubblewrap)

        def start(mode: str, secrets: tuple[str, ...] = ()) -> object:
            with process.Child("tests.ingest.stubs.confined", [mode], threading.Event(), secrets=secrets) as child:
                return child.receive(LONG)[0]["said"]

        return start

    def test_is_told_secrets_through_a_pipe_alone(self, say: Callable[..., object]) -> None:
        assert say("tells_secrets", ("öffne dich", "1234")) == {
            "secrets": ["öffne dich", "1234"],
            "elsewhere": False,
        }
        assert say("tells_secrets") == {"secrets": [], "elsewhere": False}

    def test_may_start_programs_of_the_system_where_that_is_allowed(self, say: Callable[..., object]) -> None:
        assert say("starts_a_program") == "hello\n"

    def test_but_still_reads_no_file_with_them(self, say: Callable[..., object]) -> None:
        assert say("reads_the_accounts_with_a_program") == "refused"

    def test_starts_threads_and_can_end_a_program(self, say: Callable[..., object]) -> None:
        assert say("ends_a_program") == "ended"

    def test_is_ended_by_its_own_clock(self, say: Callable[..., object]) -> None:
        assert say("counts_its_seconds") == [True, True]


def test_a_child_whose_worker_is_gone_does_not_start() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = command_for(None, "tests.ingest.stubs.confined", ["greets"])
    with os.fdopen(writing, "wb") as pipe:
        env = environment_for("tests.ingest.stubs.confined")
        assert subprocess.run(command, stdout=pipe, env=env, check=False, timeout=LONG).returncode == 1


def test_without_a_pipe_there_are_no_secrets() -> None:
    assert read_secrets(None) == []
    assert read_frame(io.BytesIO(b"")) is None
