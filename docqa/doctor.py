"""`docqa doctor`: what this installation needs, looked for one by one. It repairs nothing and reads no document.

`ingest` adds what it knows through `docqa.commands.Commands.add_probe`, because this package does not import it. What
is inside the store is `docqa check`'s matter.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from docqa.embed import check_model
from docqa.errors import DocqaError
from docqa.model import ModelClient
from docqa.settings import ModelSettings, Settings

LOW_SPACE = 1 << 30  #: bytes; a thousand pages take about half of it


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `hint` says what to do and is empty where nothing is to be done."""

    name: str
    ok: bool
    message: str
    hint: str = ""


Probe = Callable[[Settings], Check]


def examine(settings: Settings, probes: Sequence[tuple[str, Probe]] = ()) -> Iterator[Check]:
    """Every check, in turn; an error of docqa in one becomes its outcome."""
    ours: tuple[tuple[str, Probe], ...] = (
        ("store", lambda settings: _store(settings.store)),
        ("disk space", lambda settings: _space(settings.store)),
        ("embedding model", lambda settings: Check("embedding model", True, check_model(settings.embedder))),
        ("model server", lambda settings: _server(settings.model)),
    )
    for name, probe in (*ours, *probes):
        try:
            yield probe(settings)
        except DocqaError as error:
            yield Check(name, False, error.message, error.hint)


def _store(folder: Path) -> Check:
    nearest = _nearest(folder)
    there = nearest == folder.absolute()
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        hint = "Change its permissions, or choose another --store."
        return Check("store", False, f"{nearest} cannot be written.", hint)
    return Check("store", True, f"{folder} can be written." if there else f"{folder} will be made.")


def _space(folder: Path) -> Check:
    free = shutil.disk_usage(_nearest(folder)).free
    enough = free >= LOW_SPACE
    said = f"{free / (1 << 30):.1f} GB are free where the store is."
    return Check("disk space", enough, said, "" if enough else "Free some space, or move the store.")


def _nearest(folder: Path) -> Path:
    """The folder, or the one above it that is there."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


def _server(settings: ModelSettings) -> Check:
    if settings.base_url is None:
        return Check("model server", True, "No model server is set: the built-in reader quotes, it writes no answers.")
    client = ModelClient(settings)
    try:
        facts = client.probe()
    finally:
        client.close()
    if settings.name not in facts.models:
        said = f"The model server answers, and serves {', '.join(facts.models) or 'no model'}, not {settings.name}."
        return Check("model server", False, said, "Set model.name to the model that the server serves.")
    return Check("model server", True, f"The model server answers and serves {settings.name} ({facts.engine}).")
