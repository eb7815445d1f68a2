"""What is to be read: files found below folders, and what their content really is.

A file's name is only a label to show. In a folder, files are taken whose name or content says that docqa can read them,
and the others are counted; a file that was named itself is always taken, so that its problem is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from docqa.errors import PathMissing
from docqa.store import clean_label

#: How a file of each type begins; a PDF may have some bytes before that.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
)
_PDF_WITHIN = 1024  #: bytes: how far into the file PDF readers look for its header
#: Names that say that docqa can read a file; what a file with another name is, its first bytes say.
ENDINGS = frozenset({".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class Offered:
    """A file to take in, and the name it is to be shown by."""

    path: Path
    label: str


def media_type(file: Path) -> str | None:
    """The type by content, whatever the name says; None if docqa cannot read it."""
    with file.open("rb") as stream:
        head = stream.read(_PDF_WITHIN)
    if b"%PDF-" in head:
        return "application/pdf"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((name for signature, name in _SIGNATURES if head.startswith(signature)), None)


def offered(paths: Iterable[Path]) -> tuple[list[Offered], int]:
    """The files of the paths given, in order of name, and how many files in folders were passed over.

    A file's label is its path relative to the folder that was given. Raises PathMissing.
    """
    taken: list[Offered] = []
    passed_over = 0
    for path in paths:
        if not path.exists():
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


def _may_be_readable(file: Path) -> bool:
    try:
        return media_type(file) is not None
    except OSError:  # nobody can say; whoever opens it next reports why
        return True


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
