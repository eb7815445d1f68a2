"""How the program begins: somebody may stop it before it is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from docqa import __version__, cli
from docqa.__main__ import main


def test_whoever_stops_it_before_a_command_began_sees_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", stopped)
    assert main() == 130


def test_it_begins_as_a_module_too() -> None:
    started = subprocess.run([sys.executable, "-m", "docqa", "--version"], capture_output=True, text=True, check=True)
    assert __version__ in started.stdout
