"""A model's shape, programs on the PATH, and a store whose settings name a model."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sound_model import model_folder

from docqa.modelserver.checkpoint import Checkpoint, read_checkpoint


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return read_checkpoint(model_folder(tmp_path_factory.mktemp("shape") / "model"))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """`programs(name, script)` puts a program on the PATH, before all others."""
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def add(name: str, script: str) -> Path:
        program = folder / name
        program.write_text(script, encoding="utf-8")
        program.chmod(0o755)
        return program

    return add


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    settings = f"""
model = {{base_url = "http://localhost:8123/v1", name = "gemma", api_key = "a secret"}}
model_server = {{folder = "{model_folder(tmp_path / "model")}"}}
"""
    (folder / "docqa.toml").write_text(settings, encoding="utf-8")
    return folder
