"""What the tests of this folder share: the command line in this process, with the stand-ins put back afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from docqa.cli import main
from docqa.embed import Embedder
from ingest import reading
from tests.faults import stand_ins
from tests.faults.folders import three_kinds

Run = Callable[..., tuple[int, list[dict[str, object]]]]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-ins, for one test: what `install` changes is put back."""
    for name in ("__init__", "embed_documents", "embed_question"):
        monkeypatch.setattr(Embedder, name, getattr(Embedder, name))
    monkeypatch.setattr(reading, "OCR", reading.OCR)
    for name in ("JOBS", "IMAGE_BUDGET", "PAGE_DEADLINE"):
        monkeypatch.setenv(f"DOCQA_INGEST__{name}", "1")
    stand_ins.install()


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    return three_kinds(tmp_path / "inputs")


@pytest.fixture
def run(stand_in: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("check", "--read-data")`: the exit code and the lines of JSON of a command."""

    def run(*arguments: object) -> tuple[int, list[dict[str, object]]]:
        capsys.readouterr()
        code = main(["--store", str(tmp_path / "store"), *map(str, arguments), "--json"])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run
