"""Zip archives: every file inside is taken in like a file of a folder.

Nothing is unpacked under any name of the archive's: the bytes of an entry go straight into the store, under the hash of
their content, and its path becomes part of a label. What an archive claims is bounded before anything is inflated:
files, bytes of one, bytes of all, and how much a file may grow. Archives inside are not opened.

An archive's directory is foreign content that Python's own zipfile parses in this process, not in a child. That is why
its size is bounded before it is parsed, and why of all methods only "stored" and "deflated" are read.

Not here: Office files, e-books and the like, which are zips inside. They are no archives; whoever reads them says so.
"""

from __future__ import annotations

import errno
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from docqa.errors import (
    ArchiveTooLarge,
    DamagedFile,
    DiskFull,
    DocumentError,
    FileTooLarge,
    NeedsPassword,
    UnsupportedType,
)
from docqa.mediatype import ENDINGS, HEAD, is_zip, media_type_of
from docqa.settings import IngestSettings
from docqa.store import Store, Taken, clean_label
from docqa.types import Problem

_MB = 1 << 20
_BLOCK = 1 << 20  #: bytes
_MAX_DIRECTORY = 16 * _MB  #: bytes: 10,000 files with paths of 250 characters need 3
_DIRECTORY_RECORD = b"PK\x01\x02"  #: begins what the directory says of one file
#: A file may grow by so much once it is larger than `_MAY_GROW`. Deflate reaches 1,032; an empty page as uncompressed
#: TIFF comes near to that, but has 25 MB (A4 at 300 dpi in colour).
_MAX_GROWTH, _MAY_GROW = 200, 64 * _MB
_ENCRYPTED, _STRONG, _AES = 0x1, 0x40, 99  #: two flags of an entry; the compression method that stands for AES
_UTF8 = 0x800  #: a flag of an entry: its name is UTF-8
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
#: What stands in a zip that is a document or a program: OOXML, OpenDocument and EPUB, JAR and APK.
_NO_ARCHIVE = frozenset({"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF", "META-INF/container.xml"})
#: What zipfile raises for an archive that is not as it should be: 24,000 damaged ones raised nothing else.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, IndexError, OverflowError)
_UNPACK = "Unpack the archive and ingest the folder."


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive: the document it became, or why it did not become one."""

    label: str
    taken: Taken | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What became of the files of an archive; those that docqa does not read were passed over, as in a folder."""

    entries: tuple[Entry, ...]
    passed_over: int


def is_archive(file: BinaryIO) -> bool:
    """Whether a seekable file is a zip that can be opened and whose files are documents of their own."""
    try:
        archive = _opened(file, IngestSettings().max_archive_files)
    except ArchiveTooLarge:
        return True
    except DocumentError:
        return False
    return archive is not None


def take_archive(
    store: Store, file: BinaryIO, label: str, collection: str, limits: IngestSettings, passwords: Sequence[str] = ()
) -> Unpacked | None:
    """Take in every file of an archive; None, with nothing taken, for a file that is none.

    `file` is seekable, `label` what the archive is called; `passwords` are tried on encrypted files. What is wrong with
    one file of the archive is that entry's problem. Raises DamagedFile, ArchiveTooLarge (nothing was taken), DiskFull.
    """
    archive = _opened(file, limits.max_archive_files)
    if archive is None:
        file.seek(0)
        return None
    with archive:
        return _Unpacking(store, archive, label, collection, limits, passwords).run()


@contextmanager
def spooled(stream: BinaryIO, folder: Path, max_bytes: int) -> Iterator[BinaryIO]:
    """A stream as a file one can seek in, without a name and gone with the block. Raises ArchiveTooLarge, DiskFull."""
    with tempfile.TemporaryFile(dir=folder) as file:
        size = 0
        try:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > max_bytes:
                    raise ArchiveTooLarge(f"The archive is larger than {max_bytes // _MB} MB.")
                file.write(block)
            file.seek(0)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(f"There is no space left for {folder}.") from error
            raise
        yield cast(BinaryIO, file)


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _opened(file: BinaryIO, max_files: int) -> zipfile.ZipFile | None:
    """The archive; None if the file is no zip or is a document. Raises DamagedFile, ArchiveTooLarge."""
    file.seek(0)
    if not is_zip(file.read(4)):
        return None
    try:
        guarded = _Bounded(file, max_files)
        archive = zipfile.ZipFile(cast(BinaryIO, guarded))
        guarded.opening = False
    except (*_BROKEN, NotImplementedError) as error:
        raise DamagedFile("The archive cannot be opened: its directory is missing or damaged.") from error
    return None if _NO_ARCHIVE & {info.filename for info in archive.infolist()} else archive


class _Bounded:
    """The file of an archive as zipfile gets it: a directory with too much in it is not handed out.

    Whatever the end of the archive claims, zipfile reads the whole directory in one piece, and each of its records
    begins with the same four bytes.
    """

    def __init__(self, file: BinaryIO, max_files: int) -> None:
        self._file = file
        self._max_files = max_files
        self.opening = True
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """As of a file. Raises ArchiveTooLarge."""
        if not self.opening:
            return self._file.read(size)
        block = self._file.read(size if 0 <= size <= _MAX_DIRECTORY else _MAX_DIRECTORY + 1)
        if len(block) > _MAX_DIRECTORY:
            raise ArchiveTooLarge(f"The archive's directory has more than {_MAX_DIRECTORY // _MB} MB.")
        if block.startswith(_DIRECTORY_RECORD) and block.count(_DIRECTORY_RECORD) > self._max_files:
            raise ArchiveTooLarge(f"The archive holds more than {self._max_files:,} files.")
        return block

    def close(self) -> None:
        """Whoever opened the file closes it."""


# ── taking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Unpacking:
    """The files of one archive on their way into the store."""

    def __init__(
        self,
        store: Store,
        archive: zipfile.ZipFile,
        label: str,
        collection: str,
        limits: IngestSettings,
        passwords: Sequence[str],
    ) -> None:
        self._store = store
        self._archive = archive
        self._label = label
        self._collection = collection
        self._max_bytes = limits.max_file_mb * _MB
        self._max_total = limits.max_archive_mb * _MB
        self._left = self._max_total
        self._passwords = [password.encode() for password in passwords]

    def run(self) -> Unpacked:
        entries: list[Entry] = []
        passed_over = 0
        for info in self._archive.infolist():
            name = _name(info)
            if name.endswith("/") or _hidden(name):
                continue
            entry = None if _is_link(info) else self._take(info, name)
            if entry is None:
                passed_over += 1
            else:
                entries.append(entry)
        return Unpacked(tuple(entries), passed_over)

    def _take(self, info: zipfile.ZipInfo, name: str) -> Entry | None:
        """One file; None if docqa does not read its kind."""
        label = clean_label(f"{self._label}/{name}")
        try:
            taken = self._taken(info, name, label)
        except DocumentError as error:
            return Entry(label, None, error.problem)
        except (*_BROKEN, OSError, RuntimeError):  # RuntimeError: zipfile refuses an entry by that, too
            problem = DamagedFile(
                "The archive is damaged at this file.", "Get the archive again; its other files are in."
            )
            return Entry(label, None, problem.problem)
        return None if taken is None else Entry(label, taken, None)

    def _taken(self, info: zipfile.ZipInfo, name: str, label: str) -> Taken | None:
        named = PurePosixPath(name).suffix.lower() in ENDINGS
        if name.lower().endswith(".zip"):
            raise UnsupportedType("This is an archive inside an archive, which is not opened.", _UNPACK)
        self._check_method(info)
        if not info.flag_bits & _ENCRYPTED:
            return self._stored(info, label, None) if named or self._readable(info, None) else None
        for password in self._passwords:
            try:
                return self._stored(info, label, password) if named or self._readable(info, password) else None
            except (*_BROKEN, RuntimeError):  # the wrong one: one in 256 is noticed by its garbage only
                continue
        raise NeedsPassword(
            "The file is encrypted.",
            "Run `docqa ingest --password` on the archive, or unpack it and ingest the folder.",
        )

    def _check_method(self, info: zipfile.ZipInfo) -> None:
        if info.compress_type == _AES or info.flag_bits & _STRONG:
            raise NeedsPassword("The file is encrypted with AES, which docqa does not open in archives.", _UNPACK)
        if info.compress_type not in _METHODS:
            raise UnsupportedType("The file is compressed in a way that docqa does not read.", _UNPACK)

    def _readable(self, info: zipfile.ZipInfo, password: bytes | None) -> bool:
        with self._archive.open(info, pwd=password) as stream:
            return media_type_of(stream.read(HEAD)) is not None

    def _stored(self, info: zipfile.ZipInfo, label: str, password: bytes | None) -> Taken:
        """Into the store. No more comes out of an entry than the directory claims, so that is what is bounded."""
        claimed = info.file_size
        if claimed > self._max_bytes:
            raise FileTooLarge(f"The file is larger than {self._max_bytes // _MB} MB.")
        if claimed > _MAY_GROW and claimed > _MAX_GROWTH * info.compress_size:
            raise ArchiveTooLarge(f"The file grows more than {_MAX_GROWTH} times when it is unpacked.")
        if claimed > self._left:
            raise ArchiveTooLarge(f"The files of the archive have more than {self._max_total // _MB} MB together.")
        with self._archive.open(info, pwd=password) as stream:
            taken = self._store.take(cast(BinaryIO, stream), label, self._collection, self._max_bytes)
        self._left -= claimed
        return taken


def _name(info: zipfile.ZipInfo) -> str:
    """The name as the archive has it: zipfile cuts it at a NUL. Many programs write UTF-8 without saying so."""
    name = info.orig_filename
    if info.flag_bits & _UTF8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _hidden(name: str) -> bool:
    """Hidden as in a folder: what begins with a dot, such as the `._` files that macOS packs beside each file."""
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")]
    return any(part.startswith(".") for part in parts)


def _is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)
