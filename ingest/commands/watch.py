"""`docqa watch`: folders that the worker looks through again and again, and what people say of them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from docqa.commands import Commands, emit, settings_of
from docqa.store import FIRST_COLLECTION, Store
from ingest import watch
from ingest.commands.ingest import collection_name


def register(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("watch", "folders that the worker looks through again and again")
    add = group.add("add", _watch, "have the worker take in what is and will be in a folder")
    add.add_argument("folder", type=Path, metavar="FOLDER")
    add.add_argument("--collection", default=FIRST_COLLECTION, type=collection_name, help="where the documents belong")
    group.add("list", _list_watched, "show the watched folders, their last scan and their problems")
    confirm = group.add("confirm", _confirm_deleted, "say that the files missing from a folder were deleted on purpose")
    confirm.add_argument("folder", type=Path, metavar="FOLDER")
    remove = group.add("remove", _unwatch, "watch a folder no more")
    remove.add_argument("folder", type=Path, metavar="FOLDER")
    remove.add_argument("--withdraw", action="store_true", help="withdraw its documents, too (default: they stay)")


def _watch(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    folder = watch.add(Store(settings.store), arguments.folder, arguments.collection)
    said = f"{folder} is watched from now on, by `docqa worker`, every {settings.ingest.watch_seconds:g} s."
    return _said(arguments, {"folder": folder, "collection": arguments.collection}, said)


def _list_watched(arguments: argparse.Namespace) -> int:
    for folder in Store.existing(settings_of(arguments).store).catalog.watched.folders():
        last = f"last scan {folder.scanned_at}" if folder.scanned_at else "not scanned yet: is `docqa worker` running?"
        counts = f"{folder.files} files, {folder.waiting} waiting"
        problem = f"\n  {folder.problem}" if folder.problem else ""
        _said(arguments, asdict(folder), f"{folder.folder} ({folder.collection}): {counts}, {last}{problem}")
    return 0


def _confirm_deleted(arguments: argparse.Namespace) -> int:
    folder = watch.name_of(arguments.folder)
    Store.existing(settings_of(arguments).store).catalog.watched.confirm(folder)
    return _said(arguments, {"folder": folder}, "The next scan withdraws the documents whose files are missing.")


def _unwatch(arguments: argparse.Namespace) -> int:
    store, folder = Store.existing(settings_of(arguments).store), watch.name_of(arguments.folder)
    store.catalog.watched.remove(folder, withdraw=arguments.withdraw)
    watch.remove_withdrawn(store)
    became = "were withdrawn" if arguments.withdraw else "stay"
    return _said(arguments, {"folder": folder}, f"{folder} is not watched any more; its documents {became}.")


def _said(arguments: argparse.Namespace, value: object, sentence: str) -> int:
    if arguments.json:
        emit(value)
    else:
        print(sentence)
    return 0
