"""Boxes on pages of every geometry, checked against the pixels.

Every word's box holds its ink, and little ink is outside all boxes: through the renderer for text layers, and once
through the real OCR for scans that lie askew.
"""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pymupdf
import pytest
from PIL import Image

from docqa.types import Word
from ingest.sandbox import process, untrusted
from ingest.sandbox.wire import read_frame

TEXT = [
    "The harbour opens at seven",
    "Vessels pay for every night",
    "Storage costs extra in winter",
    "Ask at the office",
]
DARK = 128  #: gray level under which a pixel is ink
MARGIN = 3  #: pixels that JPEG and the grid blur
LONG = 300.0

Change = Callable[[pymupdf.Document, pymupdf.Page], object]


def user_unit(file: pymupdf.Document, page: pymupdf.Page) -> None:
    file.xref_set_key(page.xref, "UserUnit", "2.5")


def box_of(name: str, x0: int, y0: int, x1: int, y1: int) -> Change:
    """Set a box in the raw coordinates of the file, y upwards."""
    return lambda file, page: file.xref_set_key(page.xref, name, f"[{x0} {y0} {x1} {y1}]")


def turned(degrees: int) -> Change:
    return lambda file, page: page.set_rotation(degrees)


def inherited(file: pymupdf.Document, page: pymupdf.Page) -> None:
    """Rotation from the node above the page, where many generators put it."""
    parent = int(file.xref_get_key(page.xref, "Parent")[1].split()[0])
    file.xref_set_key(parent, "Rotate", "90")
    file.xref_set_key(page.xref, "Rotate", "null")


CROP = box_of("CropBox", 40, 300, 560, 800)
NEGATIVE = box_of("MediaBox", -100, -80, 595, 842)
#: Name of the page, its size in points, and what was done to it.
PAGES: dict[str, tuple[tuple[int, int], tuple[Change, ...]]] = {
    "portrait": ((595, 842), ()),
    "landscape": ((842, 595), ()),
    "turned 90": ((595, 842), (turned(90),)),
    "turned 180": ((595, 842), (turned(180),)),
    "turned 270": ((595, 842), (turned(270),)),
    "turned by its parent": ((595, 842), (inherited,)),
    "landscape turned 270": ((842, 595), (turned(270),)),
    "cropped": ((595, 842), (CROP,)),
    "cropped and turned": ((595, 842), (CROP, turned(90))),
    "crop box larger than the page": ((595, 842), (box_of("CropBox", -50, -50, 700, 900),)),
    "media box from below zero": ((595, 842), (NEGATIVE,)),
    "media box from below zero, turned": ((595, 842), (NEGATIVE, turned(90))),
    "media box far from zero": ((595, 842), (box_of("MediaBox", 30, 200, 580, 860),)),
    "media box from below zero, cropped": ((595, 842), (NEGATIVE, CROP)),
    "media box upside down": ((595, 842), (box_of("MediaBox", 595, 842, 0, 0),)),
    "user unit": ((595, 842), (user_unit,)),
    "user unit, cropped and turned": ((595, 842), (user_unit, CROP, turned(270))),
    "long strip": ((300, 842), ()),
}


def written(size: tuple[int, int], changes: Sequence[Change]) -> bytes:
    with pymupdf.open() as file:
        page = file.new_page(width=size[0], height=size[1])
        for number, text in enumerate(TEXT):
            page.insert_text((80, 100 + 40 * number), text, fontsize=14)
        content = file.tobytes()
    with pymupdf.open(stream=content) as file:
        for change in changes:
            change(file, file[0])
        return bytes(file.tobytes())


@pytest.fixture(scope="module")
def pages() -> dict[str, untrusted.Rendered]:
    """Every page, through one child."""
    with pymupdf.open() as file:
        for size, changes in PAGES.values():
            with pymupdf.open(stream=written(size, changes)) as single:
                file.insert_pdf(single)
                _carry_over(single, file)
        return dict(zip(PAGES, rendered(file.tobytes()), strict=True))


def _carry_over(single: pymupdf.Document, file: pymupdf.Document) -> None:
    """The entries of the page that copying normalises or drops."""
    for key in ("MediaBox", "CropBox", "Rotate", "UserUnit"):
        kind, value = single.xref_get_key(single[0].xref, key)
        if key == "Rotate" and kind == "null":
            kind, value = "int", str(single[0].rotation)
        if kind != "null":
            file.xref_set_key(file[-1].xref, key, value)


def rendered(content: bytes) -> list[untrusted.Rendered]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ingest.child.render",
            "--media-type=application/pdf",
            "--last=99",
            "--max-pages=99",
            "--budget=560",
        ]
        + ["--memory-mb=4096"],
        input=content,
        capture_output=True,
        check=True,
    )
    frames = io.BytesIO(done.stdout)
    opened = untrusted.check_opened((read_frame(frames) or ({}, b""))[0], 99)
    sent = [read_frame(frames) for _ in range(opened.pages)]
    return [untrusted.check_page(*frame, "d" * 64, n) for n, frame in enumerate(sent, start=1) if frame is not None]


def ink_of(image: bytes) -> npt.NDArray[np.bool_]:
    return np.asarray(Image.open(io.BytesIO(image)).convert("L")) < DARK


def places(words: Sequence[Word], ink: npt.NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    height, width = ink.shape
    return [
        (
            slice(max(0, round(y0 * height) - MARGIN), round(y1 * height) + MARGIN),
            slice(max(0, round(x0 * width) - MARGIN), round(x1 * width) + MARGIN),
        )
        for x0, y0, x1, y1 in (word.box for word in words)
    ]


def outside(words: Sequence[Word], ink: npt.NDArray[np.bool_]) -> float:
    """The share of the ink that is in no box."""
    left = ink.copy()
    for place in places(words, ink):
        left[place] = False
    return float(left.sum() / ink.sum())


@pytest.mark.parametrize("name", PAGES)
def test_every_word_of_a_text_layer_is_where_its_ink_is(pages: dict[str, untrusted.Rendered], name: str) -> None:
    stored = pages[name].stored
    ink = ink_of(stored.image)
    shown = {word.text for word in stored.page.words}
    assert {"harbour", "every", "Storage"} <= shown
    assert not pages[name].hidden or name == "long strip"
    for word, place in zip(stored.page.words, places(stored.page.words, ink), strict=True):
        assert ink[place].mean() > 0.02, word
    assert outside(stored.page.words, ink) < 0.01


@pytest.mark.parametrize("name", PAGES)
def test_the_ink_of_a_word_fills_its_box_and_no_other(pages: dict[str, untrusted.Rendered], name: str) -> None:
    """The longest word has the widest ink: boxes that were turned or shifted by a line would not fit."""
    stored = pages[name].stored
    ink = ink_of(stored.image)
    (word,) = [word for word in stored.page.words if word.text == "harbour"]
    (place,) = places([word], ink)
    part = ink[place]
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    along, across = (
        (np.ptp(columns), np.ptp(rows)) if part.shape[1] > part.shape[0] else (np.ptp(rows), np.ptp(columns))
    )
    assert along > 0.8 * (max(part.shape) - 2 * MARGIN)
    assert 0.3 * min(part.shape) < across


# ── scans ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def scanned(turn: float) -> bytes:
    """The page as a scanner sees it that was fed askew, or sideways."""
    with pymupdf.open(stream=written((595, 400), ())) as file:
        pixels = file[0].get_pixmap(dpi=110)
    straight = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples).convert("L")
    askew = straight.rotate(turn, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    buffer = io.BytesIO()
    askew.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def test_words_of_scans_askew_and_sideways_are_where_their_ink_is() -> None:
    """One run of the real OCR, for both: loading its models takes longer than reading."""
    with process.Child("ingest.child.ocr", ["--memory-mb=4096"], threading.Event()) as child:
        for turn in (2.5, 90):
            image = scanned(turn)
            child.send({}, image, LONG)
            read = untrusted.check_ocr(child.receive(LONG)[0])
            ink = ink_of(image)
            assert {"harbour", "every", "Storage"} <= {word.text for word in read.words}, turn
            assert outside(read.words, ink) < 0.06, turn
            for word, place in zip(read.words, places(read.words, ink), strict=True):
                assert ink[place].mean() > 0.01, (turn, word)
