"""Folders of small documents, made on the spot, for runs that are cut off."""

from __future__ import annotations

from pathlib import Path

import pymupdf

SEA = [
    "harbour",
    "lantern",
    "ferry",
    "anchor",
    "compass",
    "rudder",
    "breakwater",
    "mooring",
    "tide",
    "beacon",
    "keel",
    "galley",
]


def letter(name: str, pages: int) -> bytes:
    """A PDF with enough text on each page to need no OCR; no two names give the same."""
    with pymupdf.open() as file:
        for number in range(1, pages + 1):
            lines = [f"Page {number} of {pages} of the letter {name}"]
            lines += [f"The {first} lies beside the {SEA[number % len(SEA)]} of {name}." for first in SEA]
            file.new_page().insert_text((60, 80), lines, fontsize=12)
        return bytes(file.tobytes(no_new_id=True))


def damaged(name: str) -> bytes:
    """Bytes that begin like a PDF and are none."""
    return b"%PDF-1.7\n" + name.encode() + b"\n1 0 obj\n<< /Type /Catalog\n" + bytes(range(256))


def is_damaged(label: str) -> bool:
    """Whether a label is that of a damaged file of these folders."""
    return label.startswith("damaged")


def three_kinds(folder: Path) -> Path:
    """A PDF of three pages, the same bytes under another name, a damaged one, and one of a single page."""
    folder.mkdir(parents=True)
    (folder / "long.pdf").write_bytes(letter("long", 3))
    (folder / "long again.pdf").write_bytes(letter("long", 3))
    (folder / "damaged.pdf").write_bytes(damaged("damaged"))
    (folder / "short.pdf").write_bytes(letter("short", 1))
    return folder


def letters(folder: Path, count: int, pages: int) -> Path:
    """`count` PDFs, of 1 to `pages` pages, and one damaged file and one duplicate."""
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"letter {number}.pdf").write_bytes(letter(f"number {number}", 1 + number % pages))
    (folder / "twice.pdf").write_bytes(letter("number 0", 1))
    (folder / "damaged.pdf").write_bytes(damaged("damaged"))
    return folder
