"""A file that appears under its name only when it is whole; an older one of that name is replaced in one step."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from docqa.errors import DiskFull, UsageError


def check_folder(folder: Path) -> None:
    """That files can be made in a folder. Raises UsageError."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"Nothing can be written into {folder}: {error.strerror}.", "Choose another folder."
        ) from error


def write_whole(file: Path, content: bytes) -> None:
    """Write, put on the disk, rename. Whatever fails, the older file stays as it was. Raises UsageError, DiskFull."""
    with whole_file(file) as out:
        out.write(content)


@contextmanager
def whole_file(file: Path) -> Iterator[BinaryIO]:
    """The same for what is written piece by piece: it is there under its name once all of it was.

    Raises UsageError, DiskFull.
    """
    name = None
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"There is no space left for {file}.") from error
        raise UsageError(f"{file} cannot be written: {error.strerror}.", "Choose another place for it.") from error
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)
