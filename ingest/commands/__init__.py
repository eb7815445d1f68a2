"""The commands `docqa ingest`, `docqa worker` and `docqa watch`, and what `docqa doctor` asks of this package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from docqa.commands import Commands
from docqa.doctor import Check
from docqa.settings import Settings
from ingest.commands import ingest, watch, worker
from ingest.sandbox import walls


def register(commands: Commands) -> None:
    """Add the commands, and what `docqa doctor` should look at."""
    commands.add_probe("sandbox", walls.examine)
    commands.add_probe("ocr model", _ocr_model)
    for module in (ingest, worker, watch):
        module.register(commands)


def _ocr_model(_: Settings) -> Check:
    """The files are there; whether they can be loaded shows when the first picture is read."""
    spec = importlib.util.find_spec("rapidocr")
    folders = spec.submodule_search_locations if spec is not None else None
    models = [file.name for folder in folders or () for file in Path(folder).glob("models/*.onnx")]
    if any("det" in name for name in models) and any("rec" in name for name in models):
        return Check("ocr model", True, "The models that read text in pictures are there.")
    return Check("ocr model", False, "The models of rapidocr are missing.", "Install docqa's packages again.")
