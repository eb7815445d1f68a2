"""What a child gives up: the kernel's numbers, the secrets' pipe, its clock, and programs where they are allowed."""

from __future__ import annotations

import io
import os
import re
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.child.confine import read_secrets
from ingest.child.syscalls import CLONE, CLONE3, NAMES_A_PROCESS, REFUSED, STARTS_PROCESSES
from ingest.sandbox import process, walls
from ingest.sandbox.launch import command_for, environment_for
from ingest.sandbox.wire import read_frame

HEADERS = (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h"))
TABLES = (REFUSED, STARTS_PROCESSES, CLONE, CLONE3, NAMES_A_PROCESS)
LONG = 30.0

pytestmark = pytest.mark.usefixtures("walls_found_anew")


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
