"""The store: one folder that holds everything docqa knows.

    originals/       the uploaded bytes, content-addressed (`Originals`)
    catalog.sqlite   documents, pages, runs, cells, chats: the truth (`Catalog`)
    lance/           pages with images, chunks with vectors: can be made again (`Library`)
    writer.lock      held by the one process that writes into lance/
    runs.lock        a byte of it is held by the process that carries on that extraction
    docqa.toml       settings, if the office wants others than the defaults

`ui` and `ingest` meet here and nowhere else.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from docqa.errors import PathMissing, StoreBusy, StoreDamaged, UsageError
from docqa.pages.words import check_words, page_of
from docqa.store.catalog import Catalog
from docqa.store.library import Library
from docqa.store.originals import Originals
from docqa.types import Document, Evidence, Page

FIRST_COLLECTION = "documents"  #: where documents go while nobody named a collection
MAX_LABEL = 250  #: characters of a name that are kept, fewer than a file system takes; a label is only ever shown
#: Where the locks of measurements are, whose numbers are below zero: behind those of all extractions there can be.
_BELOW_ZERO = 1 << 40
MAX_COLLECTION = 80  #: characters of a collection's name
#: Printable in Python's eyes but not in anybody else's: fillers, joiners and selectors (Default_Ignorable_Code_Point in
#: Unicode's DerivedCoreProperties) and the empty Braille cell. Not U+FE0E and U+FE0F: emoji are written with them.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0))))
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file that was offered: its document, and whether its bytes were known before."""

    document: Document
    duplicate: bool


class Store:
    """The three parts of a store, and what needs more than one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.originals = Originals(folder / "originals")
        self.catalog = Catalog(folder / "catalog.sqlite")
        self.library = Library(folder / "lance")

    @classmethod
    def existing(cls, folder: Path) -> Store:
        """The store of a folder that has one. Raises PathMissing."""
        if not (folder / "catalog.sqlite").exists():
            raise PathMissing(f"There is no store at {folder}.", "Ingest something first: docqa ingest FOLDER.")
        return cls(folder)

    def take(self, stream: BinaryIO, label: str, collection: str, max_bytes: int) -> Taken:
        """Keep the bytes of a stream as a document to be read; from here on they cannot be lost.

        The label is a name to show, never a path. Raises EmptyFile, FileTooLarge, DiskFull.
        """
        doc, size = self.originals.take(stream, max_bytes)
        new = self.catalog.add_document(doc, size, clean_label(label), collection)
        return Taken(self.catalog.document(doc), duplicate=not new)

    def page(self, doc: str, number: int) -> Page:
        """One page. Raises StoreDamaged if the library lacks it, or has other words than were read."""
        pages = self._checked_pages(doc, [number])
        if not pages:
            raise StoreDamaged(f"Page {number} of document {doc[:12]} is not in the library.")
        return pages[0]

    def image(self, doc: str, number: int) -> bytes:
        """The image of a page (JPEG), compared with the catalog's sha256. Raises StoreDamaged."""
        image = self.library.image(doc, number)
        known = {record.number: record.image_sha256 for record in self.catalog.page_records(doc)}
        if number in known and hashlib.sha256(image).hexdigest() != known[number]:
            raise StoreDamaged(f"The image of page {number} of document {doc[:12]} is not what was stored.")
        return image

    def evidence(self, document: Document, numbers: Iterable[int] | None = None) -> list[Evidence]:
        """Pages of a document as a reader wants them: all in order, or those asked for. Raises StoreDamaged."""
        pages = self._checked_pages(document.doc, numbers)
        return [Evidence(page, document.label, self._image_of(page)) for page in pages]

    def _checked_pages(self, doc: str, numbers: Iterable[int] | None) -> list[Page]:
        """Pages whose words are those in the catalog by their sha256: no quote is checked against altered ones."""
        kept = self.library.packed_pages([doc], numbers).get(doc, [])
        check_words(doc, kept, self.words_known(doc))
        return [page_of(page) for page in kept]

    def words_known(self, doc: str) -> dict[int, str]:
        """The sha256 of each page's words as they were read; empty in a store of an earlier docqa until read again."""
        return {record.number: record.words_sha256 for record in self.catalog.page_records(doc)}

    def _image_of(self, page: Page) -> Callable[[], bytes]:
        return lambda: self.image(page.doc, page.number)

    @contextmanager
    def writing(self, *, wait: bool = False) -> Iterator[None]:
        """Hold the writer's lock; the kernel frees it if the process dies. Raises StoreBusy unless told to wait."""
        with (self.folder / "writer.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError as error:
                raise StoreBusy(f"Another process is ingesting into {self.folder}.") from error
            yield

    @contextmanager
    def carrying(self, run: int) -> Iterator[bool]:
        """Hold an extraction, so that no other process carries it on meanwhile; False if another one does.

        The kernel frees it if the process dies.
        """
        with (self.folder / "runs.lock").open("a") as lock:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, run if run > 0 else _BELOW_ZERO - run)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise
                yield False
                return
            yield True


def clean_label(label: str) -> str:
    """A name as it may be shown: control, direction and invisible characters replaced, length bounded.

    Other blanks than the plain one become that: macOS puts a narrow one into the names of screenshots.
    """
    shown = "".join(map(_shown, label))
    return shown if len(shown) <= MAX_LABEL else f"{shown[: MAX_LABEL // 2]}…{shown[-MAX_LABEL // 2 :]}"


def _shown(character: str) -> str:
    if character.isprintable() and character not in _INVISIBLE:
        return character
    return " " if unicodedata.category(character) == "Zs" else "\N{REPLACEMENT CHARACTER}"


def check_collection(name: str) -> None:
    """A collection's name is short and printable. Raises UsageError."""
    if not name:
        raise UsageError("The collection has no name.", "Choose a collection or name a new one.")
    if len(name) > MAX_COLLECTION or not name.isprintable():
        raise UsageError("That name cannot be used for a collection.", f"Use at most {MAX_COLLECTION} characters.")
