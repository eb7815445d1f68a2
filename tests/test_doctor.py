"""`docqa doctor`: every check says what it found, and a problem is one line and exit code 1, not the end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docqa import doctor, embed
from docqa.cli import main
from docqa.doctor import Check, examine
from docqa.errors import EmbedderUnusable
from docqa.settings import EmbedderSettings, ModelSettings, Settings


@pytest.fixture(autouse=True)
def _a_small_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not the 90 MB that would be hashed every time."""
    monkeypatch.setattr(embed, "_default_model", lambda: tmp_path)


def found(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in examine(settings)}


def test_what_is_fine_is_said_and_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor_says = main(["doctor", "--store", str(tmp_path), "--json"])
    checks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"store", "disk space", "embedding model", "model server", "sandbox", "ocr model"} <= {
        check["name"] for check in checks
    }
    assert all(check.keys() == {"name", "ok", "message", "hint"} for check in checks)
    assert doctor_says == (0 if all(check["ok"] for check in checks) else 1)


def test_a_problem_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LOW_SPACE", 1 << 62)
    assert main(["doctor", "--store", str(tmp_path)]) == 1
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("PROBLEM")]
    assert len(said) == 1
    assert "GB are free" in said[0]
    assert said[0].endswith("Free some space, or move the store.")


def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    assert not found(Settings(store=file / "store"))["store"].ok
    assert found(Settings(store=tmp_path / "new" / "store"))["store"].message.endswith("will be made.")


def test_an_altered_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def altered() -> Path:
        raise EmbedderUnusable("The embedding model is not the published one.", "Install it again.")

    monkeypatch.setattr(embed, "_default_model", altered)
    check = found(Settings(store=tmp_path))["embedding model"]
    assert (check.ok, check.message, check.hint) == (
        False,
        "The embedding model is not the published one.",
        "Install it again.",
    )
    settings = Settings(store=tmp_path, embedder=EmbedderSettings(model=str(tmp_path)))
    assert not found(settings)["embedding model"].ok


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("docqa.model.connection.RETRY_PAUSES", ())
    server = ModelSettings(base_url="http://127.0.0.1:9/v1", connect_timeout=1)
    check = found(Settings(store=tmp_path, model=server))["model server"]
    assert not check.ok
    assert check.message.startswith("No connection to the model server")
    assert check.hint
