"""Which files of a folder are taken, under which label, and what type their content is."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from docqa.errors import PathMissing
from ingest.intake import media_type, offered


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "office"
    inside.mkdir()
    return inside


def put(folder: Path, name: str, content: bytes = b"x") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def labels(*paths: Path) -> tuple[list[str], int]:
    files, passed_over = offered(paths)
    return [file.label for file in files], passed_over


def test_files_are_taken_by_name_or_by_content(folder: Path) -> None:
    for name in ("a.pdf", "b.PDF", "c.png", "d.jpg", "e.jpeg", "f.tif", "g.tiff", "h.webp"):
        put(folder, name)
    put(folder, "i", b"%PDF-1.7\n")
    put(folder, "j.dat", b"\x89PNG\r\n\x1a\n")
    for name in ("k.txt", "l.docx", "m", "n.pdf.zip"):
        put(folder, name)
    assert labels(folder) == (
        ["a.pdf", "b.PDF", "c.png", "d.jpg", "e.jpeg", "f.tif", "g.tiff", "h.webp", "i", "j.dat"],
        4,
    )


def test_labels_are_relative_to_the_folder_and_in_order(folder: Path) -> None:
    for name in ("z.pdf", "b/2.pdf", "b/10.pdf", "a/deep/down/x.pdf"):
        put(folder, name)
    assert labels(folder) == (["a/deep/down/x.pdf", "b/10.pdf", "b/2.pdf", "z.pdf"], 0)
    assert labels(folder / "b") == (["10.pdf", "2.pdf"], 0)


def test_hidden_files_and_folders_are_left_alone(folder: Path) -> None:
    put(folder, ".hidden.pdf")
    put(folder, ".git/x.pdf")
    put(folder, "seen.pdf")
    assert labels(folder) == (["seen.pdf"], 0)


def test_a_file_that_is_named_is_taken_whatever_it_is(folder: Path) -> None:
    assert labels(put(folder, "notes.txt"), put(folder, ".hidden.pdf"), put(folder, "empty", b"")) == (
        ["notes.txt", ".hidden.pdf", "empty"],
        0,
    )


def test_links_to_files_are_read_and_links_to_folders_not_followed(folder: Path, tmp_path: Path) -> None:
    target = put(tmp_path, "elsewhere/x.pdf")
    (folder / "link.pdf").symlink_to(target)
    (folder / "folder").symlink_to(target.parent, target_is_directory=True)
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "broken.pdf").symlink_to(tmp_path / "gone")
    (folder / "itself.pdf").symlink_to(folder / "itself.pdf")
    assert labels(folder) == (["link.pdf"], 0)


def test_what_is_no_file_is_left_alone(folder: Path) -> None:
    import os

    os.mkfifo(folder / "pipe.pdf")
    put(folder, "seen.pdf")
    assert labels(folder) == (["seen.pdf"], 0)


def test_several_paths_in_the_order_given(folder: Path) -> None:
    one, two = put(folder, "b.pdf"), put(folder, "a.pdf")
    assert labels(one, two, folder) == (["b.pdf", "a.pdf", "a.pdf", "b.pdf"], 0)


def test_a_path_that_is_not_there(folder: Path) -> None:
    with pytest.raises(PathMissing, match="no file or folder .*gone"):
        offered([folder, folder / "gone"])


def test_the_message_about_it_shows_no_control_characters(folder: Path) -> None:
    with pytest.raises(PathMissing) as caught:
        offered([folder / "go\x1b[31mne\u202e\udcff"])
    assert caught.value.message.endswith("go\ufffd[31mne\ufffd\ufffd.")


def test_what_cannot_be_looked_into_is_offered_so_that_it_is_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests may run as root, who may look into everything; so the refusal is made up."""
    put(folder, "closed/x.pdf")
    put(folder, "locked")
    put(folder, "seen.pdf")
    walk, look = Path.iterdir, Path.open

    def refuse_folder(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return walk(path)

    def refuse_file(path: Path, *mode: str) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return look(path, *mode)

    monkeypatch.setattr(Path, "iterdir", refuse_folder)
    monkeypatch.setattr(Path, "open", refuse_file)
    assert labels(folder) == (["closed", "locked", "seen.pdf"], 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_the_type_of_an_image_by_its_content(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "misleading.pdf"
    Image.new("RGB", (9, 9)).save(file, kind)
    assert media_type(file) == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\xef\xbb\xbf\r\n%PDF-1.4\n", "application/pdf"),
        (b"\n" * 4000 + b"%PDF-1.4\n", "application/pdf"),
        (b"\n" * 4096 + b"%PDF-1.4\n", None),
        (b"MM\x00*" + bytes(9), "image/tiff"),
        (b"II+\x00" + bytes(9), "image/tiff"),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"GIF89a", None),
        (b"PK\x03\x04", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_the_type_by_content(tmp_path: Path, content: bytes, found: str | None) -> None:
    assert media_type(put(tmp_path, "any.png", content)) == found
