"""The uploaded bytes, kept under the name of their content.

`originals/ab/abcd…` where abcd… is the sha256 of the bytes. A file appears under that name only when it is whole and
on the disk (written aside → fsync → rename → fsync of the folder), and is hashed again whenever it is read. No name
that anybody gave a file is used here: names are labels and live in the catalog.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from docqa.errors import DiskFull, EmptyFile, FileTooLarge, StoreDamaged

_BLOCK = 1 << 20


class Originals:
    """Content-addressed files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        with self._converted():
            self._incoming.mkdir(parents=True, exist_ok=True)
            self._sweep()

    def take(self, stream: BinaryIO, max_bytes: int) -> tuple[str, int]:
        """Keep the bytes of a stream; return their sha256 in hex and their number.

        Raises EmptyFile, FileTooLarge (more than `max_bytes`) and DiskFull; nothing is kept then.
        """
        with self._converted(), self._aside() as (aside, out):
            doc, size = _copy(stream, out, max_bytes)
            out.flush()
            os.fsync(out.fileno())
            self._settle(aside, doc)
        return doc, size

    def path(self, doc: str) -> Path:
        """Where the bytes of a document are."""
        return self._folder / doc[:2] / doc

    def check(self, doc: str) -> Path:
        """The path, after the bytes were hashed again. Raises StoreDamaged if they are gone or altered."""
        path = self.path(doc)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise StoreDamaged(f"The original of document {doc[:12]} is missing from the store.") from error
        if found != doc:
            raise StoreDamaged(f"The original of document {doc[:12]} is not what was uploaded.")
        return path

    def __iter__(self) -> Iterator[str]:
        """Every document kept, in no order."""
        for folder in self._folder.iterdir():
            if len(folder.name) == 2:
                yield from (path.name for path in folder.iterdir())

    @contextmanager
    def _aside(self) -> Iterator[tuple[Path, BinaryIO]]:
        """A new file among the incoming ones, locked as long as it is written, and gone afterwards."""
        while True:
            handle, name = tempfile.mkstemp(dir=self._incoming)
            with os.fdopen(handle, "wb") as out:
                fcntl.flock(out, fcntl.LOCK_EX)
                if not os.fstat(out.fileno()).st_nlink:
                    continue  # swept away in the moment before it was locked
                try:
                    yield Path(name), out
                finally:
                    Path(name).unlink(missing_ok=True)
                return

    def _sweep(self) -> None:
        """Remove what a process that was killed left among the incoming files: whatever nobody holds the lock of."""
        for left in self._incoming.iterdir():
            with suppress(OSError), left.open("rb") as file:  # somebody's who is at work, or gone by now
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()

    @contextmanager
    def _converted(self) -> Iterator[None]:
        """Turn a full disk into this program's error."""
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(f"There is no space left for {self._folder}.") from error
            raise

    def _settle(self, aside: Path, doc: str) -> None:
        final = self.path(doc)
        with suppress(StoreDamaged):  # what is there is replaced unless it is what it should be
            self.check(doc)
            return
        final.parent.mkdir(exist_ok=True)
        aside.rename(final)
        for folder in (final.parent, self._folder):  # the names must survive a power cut, not only the bytes
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _copy(stream: BinaryIO, out: BinaryIO, max_bytes: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while block := stream.read(_BLOCK):
        size += len(block)
        if size > max_bytes:
            raise FileTooLarge(f"The file is larger than {max_bytes >> 20} MB.")
        digest.update(block)
        out.write(block)
    if not size:
        raise EmptyFile("The file is empty.")
    return digest.hexdigest(), size
