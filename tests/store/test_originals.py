"""The uploaded bytes: kept once under their sha256, on the disk before they are counted as kept."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest
from small_catalog import MB, files_below, sha256

from docqa.errors import DiskFull, EmptyFile, FileTooLarge, StoreDamaged
from docqa.store.originals import Originals


@pytest.fixture
def originals(tmp_path: Path) -> Originals:
    return Originals(tmp_path / "originals")


def test_bytes_are_kept_under_their_sha256(originals: Originals, tmp_path: Path) -> None:
    content = os.urandom(3 * MB + 1)
    doc, size = originals.take(io.BytesIO(content), 4 * MB)
    assert (doc, size) == (sha256(content), len(content))
    assert originals.path(doc) == tmp_path / "originals" / doc[:2] / doc
    assert originals.check(doc).read_bytes() == content
    assert list(originals) == [doc]


def test_the_same_bytes_are_kept_once(originals: Originals, tmp_path: Path) -> None:
    first = originals.take(io.BytesIO(b"content"), MB)
    assert originals.take(io.BytesIO(b"content"), MB) == first
    assert files_below(tmp_path) == [originals.path(first[0])]


@pytest.mark.parametrize(
    ("content", "expected"), [(b"", EmptyFile), (b"x" * (MB + 1), FileTooLarge)], ids=["empty", "too large"]
)
def test_what_is_refused_leaves_nothing(
    originals: Originals, tmp_path: Path, content: bytes, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        originals.take(io.BytesIO(content), MB)
    assert files_below(tmp_path) == []
    assert list(originals) == []


def test_a_file_as_large_as_allowed_is_kept(originals: Originals) -> None:
    assert originals.take(io.BytesIO(b"x" * MB), MB)[1] == MB


class _Breaks(io.RawIOBase):
    """A stream that ends in an error after its first block."""

    def __init__(self, error: BaseException) -> None:
        self._blocks: list[bytes | BaseException] = [b"the first block", error]

    def read(self, size: int = -1) -> bytes:
        block = self._blocks.pop(0)
        if isinstance(block, BaseException):
            raise block
        return block


def test_an_upload_that_breaks_off_leaves_nothing(originals: Originals, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        originals.take(_Breaks(ConnectionResetError()), MB)  # type: ignore[arg-type]
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_leaves_nothing(
    originals: Originals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="no space left"):
        originals.take(io.BytesIO(b"content"), MB)
    assert files_below(tmp_path) == []


def test_bytes_and_names_are_on_the_disk_before_take_returns(
    originals: Originals, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    real = os.fsync

    def record(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((place.name, any(len(path.name) == 64 for path in files_below(place.parent))))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    doc, _ = originals.take(io.BytesIO(b"content"), MB)
    (_, already_named), *folders = synced
    assert not already_named  # the bytes come first, then the rename, then the folders
    assert [name for name, _ in folders] == [doc[:2], "originals"]


def test_what_a_crash_left_behind_is_no_document(originals: Originals, tmp_path: Path) -> None:
    (tmp_path / "originals" / "incoming" / "tmp1234").write_bytes(b"half a fi")
    assert list(originals) == []
    doc, _ = originals.take(io.BytesIO(b"half a file, whole"), MB)
    assert list(Originals(tmp_path / "originals")) == [doc]


def test_an_altered_or_missing_original_is_noticed(originals: Originals) -> None:
    doc, _ = originals.take(io.BytesIO(b"content"), MB)
    originals.path(doc).write_bytes(b"c0ntent")
    with pytest.raises(StoreDamaged, match=f"{doc[:12]} is not what was uploaded"):
        originals.check(doc)
    originals.path(doc).unlink()
    with pytest.raises(StoreDamaged, match=f"{doc[:12]} is missing"):
        originals.check(doc)
