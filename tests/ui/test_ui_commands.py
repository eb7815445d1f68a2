"""The worker beside the server: started again when it dies, within bounds, and ended with the server."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ui import commands

DIES = "import sys; open(sys.argv[1], 'a').write('x'); sys.exit(1)"
STAYS = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def test_a_worker_that_dies_is_started_again_but_not_for_ever(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(commands, "MAX_RESTARTS", 2)
    with commands.kept_running([sys.executable, "-S", "-c", DIES, str(trace)]):
        assert eventually(lambda: text(trace) == "xxx")
        time.sleep(0.3)
    assert text(trace) == "xxx"


def test_the_worker_ends_with_the_server(trace: Path) -> None:
    with commands.kept_running([sys.executable, "-S", "-c", STAYS, str(trace)]):
        assert eventually(lambda: text(trace) != "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(text(trace)), 0)
