"""The command `docqa fields suggest`: fields proposed from documents of the store, as a file to edit."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from docqa.commands import Commands, emit, settings_of
from docqa.errors import PathMissing, UsageError
from docqa.extract.commands.extract import documents_in
from docqa.extract.suggest import MAX_DOCUMENTS, Suggestion, suggest, suggestions_toml
from docqa.store import Store
from docqa.wholefile import check_folder, write_whole

_NOTHING = "No labels with values recur in these documents, so there is nothing to suggest."


def register(commands: Commands) -> None:
    """Add the command to the command line."""
    group = commands.group("fields", "fields files: what to extract")
    parser = group.add("suggest", _suggest, "propose fields from sample documents: labels that recur with a value")
    parser.add_argument("paths", nargs="*", metavar="DOCUMENT", help="labels or ids of documents (default: all)")
    parser.add_argument("--collection", help="only this collection")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the fields file here (default: to the screen)")


def _suggest(arguments: argparse.Namespace) -> int:
    if arguments.out is not None:
        _check_target(arguments.out)
    store = Store.existing(settings_of(arguments).store)
    documents = documents_in(store, arguments.collection, arguments.paths)
    if documents and not any(document.pages_done for document in documents):
        raise UsageError("None of these documents was read.", "`docqa ingest` says what their problem is.")
    suggestions = suggest(store, documents)
    if not suggestions:
        raise UsageError(_NOTHING, "Name documents of one kind, or write a fields file by hand: see the presets.")
    if arguments.out is not None:
        write_whole(arguments.out, suggestions_toml(suggestions).encode())
    if arguments.json:
        emit([_as_json(one) for one in suggestions])
    elif arguments.out is None:
        print(suggestions_toml(suggestions), end="")
    looked_at = f"{suggestions[0].of} of {len(documents)} documents"
    more = "" if len(documents) <= MAX_DOCUMENTS else f" (at most {MAX_DOCUMENTS} are)"
    where = "" if arguments.out is None else f": {arguments.out}"
    fields = "1 field" if len(suggestions) == 1 else f"{len(suggestions)} fields"
    print(f"{fields} from {looked_at} that were looked at{more}{where}", file=sys.stderr)
    return 0


def _as_json(one: Suggestion) -> dict[str, object]:
    return asdict(one.field) | {"documents": one.documents, "of": one.of, "example": one.untrusted_example}


def _check_target(file: Path) -> None:
    if not file.parent.is_dir():
        raise PathMissing(f"There is no folder {file.parent}.")
    if file.suffix.lower() != ".toml":
        raise UsageError(f"{file.name} cannot be written.", "Give the fields file a name that ends in .toml.")
    if file.exists():
        raise UsageError(f"{file} is there already and may have been edited.", "Choose another name, or remove it.")
    check_folder(file.parent)
