"""What is to be read: files found below folders, and what their content really is.

A file's name is only a label to show. In a folder, files are taken whose name or content says that docqa can read them
and zips whose files are documents of their own (`docqa.archive`); the others are counted. A file that was named itself
is always taken, so that its problem is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from docqa.archive import is_archive
from docqa.errors import PathMissing
from docqa.mediatype import ENDINGS, HEAD, is_zip, media_type_of
from docqa.store import clean_label


@dataclass(frozen=True, slots=True)
class Offered:
    """A file to take in, and the name it is to be shown by."""

    path: Path
    label: str


def media_type(file: Path) -> str | None:
    """The type by content, whatever the name says; None if docqa cannot read it."""
    with file.open("rb") as stream:
        return media_type_of(stream.read(HEAD))


def offered(paths: Iterable[Path]) -> tuple[list[Offered], int]:
    """The files of the paths given, in order of name, and how many files in folders were passed over.

    A file's label is its path relative to the folder that was given. Raises PathMissing.
    """
    taken: list[Offered] = []
    passed_over = 0
    for path in paths:
        if not _is_there(path):
            raise PathMissing(f"There is no file or folder {clean_label(str(path))}.")
        if not path.is_dir():
            taken.append(Offered(path, path.name))
            continue
        for file in _files(path):
            if file.suffix.lower() in ENDINGS or _may_be_readable(file):
                taken.append(Offered(file, file.relative_to(path).as_posix()))
            else:
                passed_over += 1
    return taken, passed_over


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for any file system, a folder on the way that may not be entered
        return False


def _may_be_readable(file: Path) -> bool:
    """Whether the content is worth a look; a damaged zip only if it is called one: it may be any Office file."""
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD)
            if is_zip(head):
                return file.suffix.lower() == ".zip" or is_archive(stream)
    except OSError:  # nobody can say; whoever opens it next reports why
        return True
    return media_type_of(head) is not None


def _files(folder: Path) -> Iterator[Path]:
    """Every regular file below a folder; hidden ones are left out and links to folders not followed.

    A folder that cannot be looked into comes itself: opening it fails, and that is reported like a bad file.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        yield folder
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not entry.is_symlink():
                yield from _files(entry)
        elif entry.is_file():
            yield entry
