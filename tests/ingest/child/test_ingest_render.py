"""The child that opens untrusted files, run for real: what it sends of small files made here.

Where a word stands is read back from the pixels of the page: one word of each page is printed in red, so that its ink
must fill its box and must not be anywhere else.
"""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pymupdf
import pytest
from PIL import Image, ImageDraw

from docqa.errors import DamagedFile, DocumentError, NeedsPassword, NoPages, TooManyPages
from docqa.pages.grid import grid_size
from docqa.types import Box
from ingest.child import render
from ingest.child.textlayer import Layer
from ingest.sandbox import process, untrusted
from ingest.sandbox.wire import MAX_UNSEEN, MAX_WORD, MAX_WORDS, read_frame

DOC = "d" * 64
BUDGET = 280
LONG = 120.0
WORD = "Harbourmaster"
SLACK = 4  # pixels that JPEG blurs, and the grid stretches


class Sent(NamedTuple):
    """Everything a child sent: a rendered page, or the error it reported of it."""

    opened: untrusted.Opened
    pages: list[untrusted.Rendered | DocumentError]

    def page(self, number: int = 1) -> untrusted.Rendered:
        page = self.pages[number - 1]
        assert isinstance(page, untrusted.Rendered), page
        return page

    def picture(self, number: int = 1) -> npt.NDArray[np.int_]:
        return pixels(self.page(number))


def rendered(content: bytes, media_type: str, *, first: int = 1, max_pages: int = 100, budget: int = BUDGET) -> Sent:
    options = {
        "media-type": media_type,
        "first": first,
        "last": max_pages,
        "max-pages": max_pages,
        "budget": budget,
        "memory-mb": 4096,
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    module, stopping = "ingest.child.render", threading.Event()
    with _file(content) as file, process.Child(module, arguments, stopping, stdin=file) as child:
        opened = untrusted.check_opened(child.receive(LONG)[0], max_pages)
        return Sent(opened, [_page(child, number) for number in range(first, opened.pages + 1)])


def _file(content: bytes) -> Any:  # noqa: ANN401
    import tempfile

    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(content)
    file.seek(0)
    return file


def _page(child: process.Child, number: int) -> untrusted.Rendered | DocumentError:
    try:
        return untrusted.check_page(*child.receive(LONG), DOC, number)
    except DocumentError as error:
        return error


def pixels(page: untrusted.Rendered) -> npt.NDArray[np.int_]:
    return np.asarray(Image.open(io.BytesIO(page.stored.image)).convert("RGB")).astype(int)


def red_ink(picture: npt.NDArray[np.int_]) -> Box:
    """The rectangle of the red pixels, in pixels."""
    red = (picture[:, :, 0] > 150) & (picture[:, :, 1] < 110) & (picture[:, :, 2] < 110)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def image_file(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# ── words of a text layer ────────────────────────────────────────────────────────────────────────────────────────────

PLAIN, LANDSCAPE = (400, 500), (500, 400)
CROP = pymupdf.Rect(30, 60, 350, 440)
VIEWS = [
    (size, rotation, crop, origin)
    for size in (PLAIN, LANDSCAPE)
    for rotation in (0, 90, 180, 270)
    for crop in (None, CROP if size == PLAIN else pymupdf.Rect(60, 30, 480, 350))
    for origin in (0, -70)
]


def _name(view: tuple[tuple[int, int], int, pymupdf.Rect | None, int]) -> str:
    size, rotation, crop, origin = view
    return f"{size[0]}x{size[1]}-{rotation}-{'crop' if crop else 'whole'}-{origin}"


@pytest.fixture(scope="module")
def views() -> Sent:
    """One page for each way to look at a page: red word, black words around it."""
    with pymupdf.open() as file:
        for size, rotation, crop, origin in VIEWS:
            page = file.new_page(width=size[0], height=size[1])
            if origin:
                page.set_mediabox(pymupdf.Rect(origin, origin, size[0] + origin, size[1] + origin))
            if crop:
                page.set_cropbox(crop + (origin, 0, origin, 0))
            page.insert_text((50, 50), "written above it", fontsize=14)
            page.insert_text((70, 130), WORD, fontsize=24, color=(1, 0, 0))
            page.insert_text((50, 200), "written below it", fontsize=14)
            page.set_rotation(rotation)
        return rendered(file.tobytes(), "application/pdf")


@pytest.mark.parametrize("number", range(1, len(VIEWS) + 1), ids=[_name(view) for view in VIEWS])
def test_a_word_is_where_its_ink_is(views: Sent, number: int) -> None:
    page = views.page(number).stored.page
    (box,) = [word.box for word in page.words if word.text == WORD]
    left, top, right, bottom = np.multiply(box, (page.width, page.height) * 2)
    ink = red_ink(views.picture(number))
    assert left - SLACK <= ink[0] < ink[2] <= right + SLACK
    assert top - SLACK <= ink[1] < ink[3] <= bottom + SLACK
    along, across = (0, 1) if right - left > bottom - top else (1, 0)
    box_sides, ink_sides = (right - left, bottom - top), (ink[2] - ink[0], ink[3] - ink[1])
    assert ink_sides[along] > 0.9 * box_sides[along]
    assert ink_sides[across] > 0.4 * box_sides[across]


@pytest.mark.parametrize("number", range(1, len(VIEWS) + 1), ids=[_name(view) for view in VIEWS])
def test_a_page_image_is_on_the_grid_as_displayed(views: Sent, number: int) -> None:
    (width, height), rotation, crop, _ = VIEWS[number - 1]
    if crop:
        width, height = crop.width, crop.height
    if rotation in (90, 270):
        width, height = height, width
    page = views.page(number).stored.page
    assert (page.width, page.height) == grid_size(width, height, BUDGET)
    assert views.picture(number).shape == (page.height, page.width, 3)


@pytest.mark.parametrize("budget", [70, 1120])
def test_any_size_and_budget(budget: int) -> None:
    sizes = [(595, 842), (5000, 20), (3, 3), (14000, 14000)]
    with pymupdf.open() as file:
        for width, height in sizes:
            file.new_page(width=width, height=height)
        sent = rendered(file.tobytes(), "application/pdf", budget=budget)
    shapes = [sent.picture(number).shape[1::-1] for number in range(1, 5)]
    assert shapes == [grid_size(*size, budget) for size in sizes]


def lines_of(*places: tuple[float, float, str]) -> list[str]:
    with pymupdf.open() as file:
        page = file.new_page()
        for x, y, text in places:
            page.insert_text((x, y), text, fontsize=11)
        return rendered(file.tobytes(), "application/pdf").page().stored.page.text.splitlines()


def test_the_row_of_a_table_is_one_line() -> None:
    rows = [("Article", "Quantity", "Price"), ("Walnut shelf", "4", "310.00"), ("Brass hinge", "16", "7.50")]
    cells = [
        (60.0 + 170 * column, 100.0 + 20 * row, text)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]
    assert lines_of(*cells) == ["Article Quantity Price", "Walnut shelf 4 310.00", "Brass hinge 16 7.50"]


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left = [f"left column line {number}" for number in range(6)]
    right = [f"right column line {number}" for number in range(6)]
    places = [(60.0, 100.0 + 14 * row, text) for row, text in enumerate(left)]
    places += [(320.0, 100.0 + 14 * row, text) for row, text in enumerate(right)]
    assert lines_of(*places) == left + right


def test_ligatures_are_spelled_out() -> None:
    font = pymupdf.Font("cjk")
    assert font.has_glyph(0xFB01)
    with pymupdf.open() as file:
        page = file.new_page()
        writer = pymupdf.TextWriter(page.rect)
        writer.append((60, 100), "con\ufb01dential of\ufb02ine", font=font)
        writer.write_text(page)
        sent = rendered(file.tobytes(), "application/pdf")
    assert sent.page().stored.page.text == "confidential offline"


def test_words_off_the_page_are_left_out_and_those_at_its_edge_cut() -> None:
    with pymupdf.open() as file:
        page = file.new_page(width=300, height=300)
        page.insert_text((250, 100), "overhanging", fontsize=20)
        page.insert_text((400, 100), "outside", fontsize=20)
        sent = rendered(file.tobytes(), "application/pdf")
    (word,) = sent.page().stored.page.words
    assert "overhanging".startswith(word.text)
    assert word.box[2] == 1


def test_ink_that_no_word_explains_is_told() -> None:
    drawing = Image.new("L", (400, 400), 250)
    for number in range(60):
        drawing.paste(
            20, (30 + number % 12 * 28, 60 + number // 12 * 50, 48 + number % 12 * 28, 74 + number // 12 * 50)
        )
    scan = image_file(drawing, "PNG")
    with pymupdf.open() as file:
        file.new_page(width=400, height=400).insert_image(pymupdf.Rect(0, 0, 400, 400), stream=scan)
        file.new_page(width=400, height=400).insert_text((60, 200), "only words stand here", fontsize=20)
        stamped = file.new_page(width=400, height=400)
        stamped.insert_image(pymupdf.Rect(0, 0, 400, 400), stream=scan)
        stamped.insert_text((60, 30), "words over a scan", fontsize=20)
        file.new_page(width=400, height=400)
        sent = rendered(file.tobytes(), "application/pdf")
    scanned, written, both, empty = (sent.page(number) for number in (1, 2, 3, 4))
    assert scanned.unexplained == 1
    assert written.unexplained < 0.1
    assert 0.6 < both.unexplained < 1
    assert [page.blank for page in (scanned, written, both, empty)] == [False, False, False, True]


# ── files that are not whole, not open, not what they say ────────────────────────────────────────────────────────────


def encrypted(content: bytes, user: str) -> bytes:
    with pymupdf.open(stream=content, filetype="pdf") as file:
        return bytes(file.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="owner", user_pw=user))


def test_a_password_is_needed(letter: Callable[[int], bytes]) -> None:
    with pytest.raises(NeedsPassword):
        rendered(encrypted(letter(1), "secret"), "application/pdf")


def test_a_password_that_fits_opens(letter: Callable[[int], bytes]) -> None:
    content = encrypted(letter(1), "secret")
    assert "Page 1 of 1" in opened_with(content, "wrong", "secret").page().stored.page.text
    with pytest.raises(NeedsPassword):
        opened_with(content, "wrong", "Secret")


def opened_with(content: bytes, *passwords: str) -> Sent:
    """What the child sends when it is given passwords; without the sandbox's own way to hand them over."""
    reader, writer = os.pipe()
    os.write(writer, json.dumps(passwords).encode())
    os.close(writer)
    options = ["--media-type=application/pdf", "--last=9", "--max-pages=9", "--budget=280", "--memory-mb=4096"]
    with _file(content) as file:
        done = subprocess.run(
            [sys.executable, "-m", "ingest.child.render", *options, f"--secrets-fd={reader}"],
            stdin=file,
            pass_fds=(reader,),
            capture_output=True,
            check=True,
        )
    os.close(reader)
    frames = io.BytesIO(done.stdout)
    header, _ = read_frame(frames) or ({}, b"")
    opened = untrusted.check_opened(header, 9)
    frame = read_frame(frames)
    assert frame is not None
    return Sent(opened, [untrusted.check_page(*frame, DOC, 1)])


def test_a_file_that_only_restricts_printing_opens(letter: Callable[[int], bytes]) -> None:
    sent = rendered(encrypted(letter(1), ""), "application/pdf")
    assert "Page 1 of 1" in sent.page().stored.page.text


def test_a_cut_off_file_gives_what_is_left_and_says_so(letter: Callable[[int], bytes]) -> None:
    whole = letter(5)
    assert not rendered(whole, "application/pdf").opened.cut_off
    sent = rendered(whole[: whole.rindex(b"xref")], "application/pdf")
    assert sent.opened == untrusted.Opened(5, cut_off=True)
    assert "Page 5 of 5" in sent.page(5).stored.page.text


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_a_file_cut_anywhere_is_cut_off_or_named(letter: Callable[[int], bytes], share: float) -> None:
    whole = letter(3)
    try:
        sent = rendered(whole[: int(share * len(whole))], "application/pdf")
    except (DamagedFile, NoPages):
        return
    assert sent.opened.cut_off


NO_PAGES = b"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [] /Count 0>> endobj
trailer <</Root 1 0 R>>
%%EOF
"""


@pytest.mark.parametrize(
    ("content", "media_type", "error"),
    [
        (NO_PAGES, "application/pdf", NoPages),
        (b"Dear Sir, this is a text.\n" * 50, "application/pdf", DamagedFile),
        (b"%PDF-1.7\n" + bytes(range(256)) * 20, "application/pdf", (DamagedFile, NoPages)),
        (b"", "image/png", DamagedFile),
        (b"\x89PNG\r\n\x1a\n", "image/png", DamagedFile),
        (b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(40), "image/tiff", DamagedFile),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "image/png", DamagedFile),
    ],
)
def test_what_cannot_be_opened_is_named(content: bytes, media_type: str, error: type[DocumentError]) -> None:
    with pytest.raises(error):
        rendered(content, media_type)


@pytest.mark.parametrize("side", [11_000, 40_000])
def test_a_picture_that_would_fill_the_memory_is_refused(side: int) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(DamagedFile):
        rendered(bomb, "image/png")


def test_a_lie_about_the_number_of_pages_is_no_trap() -> None:
    with pytest.raises(DocumentError):
        rendered(NO_PAGES.replace(b"/Count 0", b"/Count 2000000000"), "application/pdf")


def test_more_pages_than_allowed(letter: Callable[[int], bytes]) -> None:
    with pytest.raises(TooManyPages):
        rendered(letter(3), "application/pdf", max_pages=2)


def test_reading_goes_on_at_a_page(letter: Callable[[int], bytes]) -> None:
    sent = rendered(letter(3), "application/pdf", first=3)
    assert sent.opened.pages == 3
    assert [page.stored.page.number for page in sent.pages if isinstance(page, untrusted.Rendered)] == [3]
    assert "Page 3 of 3" in sent.pages[0].stored.page.text  # type: ignore[union-attr]


def test_a_child_sends_no_more_words_than_are_taken() -> None:
    words = [("x" * (MAX_WORD + 1), 0.0, 0.0, 1.0, 1.0, 0)] * 3 + [("y", 0.0, 0.0, 1.0, 1.0, 0)] * MAX_WORDS
    raw = render.RawPage(Image.new("L", (48, 48)), Layer(words, words, words, 1.0, 0.0), False)
    header: Any = render._header(1, raw)
    assert [len(header[kind]) for kind in ("words", "hidden", "sandwiched")] == [MAX_WORDS, MAX_UNSEEN, MAX_UNSEEN]
    assert header["words"][0] == ("x" * MAX_WORD, 0.0, 0.0, 1.0, 1.0, 0)


# ── image files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def marked(mode: str, size: tuple[int, int], quarter: tuple[int, int], paper: object = "white") -> Image.Image:
    """A sheet with one dark quarter: column and row, 0 or 1."""
    image = Image.new(mode, size, paper)  # type: ignore[arg-type]
    width, height = size[0] // 2, size[1] // 2
    left, top = quarter[0] * width, quarter[1] * height
    ImageDraw.Draw(image).rectangle((left, top, left + width, top + height), fill="black")
    return image


def dark_quarter(picture: npt.NDArray[np.int_]) -> tuple[int, int]:
    """Column and row of the dark quarter of a picture whose other quarters are white."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    means = {
        (c, r): picture[r * height :, c * width :][: height - 9, : width - 9].mean() for c in (0, 1) for r in (0, 1)
    }
    dark = min(means, key=lambda quarter: means[quarter])
    assert means.pop(dark) < 60
    assert min(means.values()) > 235
    return dark


def test_every_frame_of_a_tiff_is_a_page() -> None:
    sheets = [
        ("1", (300, 400), (0, 0)),
        ("L", (400, 300), (1, 0)),
        ("RGB", (300, 420), (0, 1)),
        ("RGBA", (500, 500), (1, 1)),
    ]
    first, *others = [marked(*sheet) for sheet in sheets]
    sent = rendered(image_file(first, "TIFF", save_all=True, append_images=others), "image/tiff")
    assert sent.opened == untrusted.Opened(4, cut_off=False)
    for number, (_, size, quarter) in enumerate(sheets, start=1):
        assert sent.picture(number).shape[1::-1] == grid_size(*size, BUDGET)
        assert dark_quarter(sent.picture(number)) == quarter


def test_a_picture_has_no_words_and_all_its_ink_is_unexplained() -> None:
    sent = rendered(image_file(marked("RGB", (300, 400), (1, 0)), "WEBP"), "image/webp")
    assert dark_quarter(sent.picture()) == (1, 0)
    page = sent.page()
    assert (page.stored.page.words, page.quality, page.unexplained, page.blank) == ((), 0.0, 1.0, False)
    assert rendered(image_file(Image.new("RGB", (300, 400), "ivory"), "PNG"), "image/png").page().blank


def test_what_is_transparent_is_white() -> None:
    for clear in (marked("RGBA", (300, 300), (0, 1), (0, 0, 0, 0)), marked("LA", (300, 300), (0, 1), (0, 0))):
        assert dark_quarter(rendered(image_file(clear, "PNG"), "image/png").picture()) == (0, 1)


def test_a_palette_with_a_transparent_colour() -> None:
    sheet = marked("L", (300, 300), (1, 1), 128).convert("P")
    assert dark_quarter(rendered(image_file(sheet, "PNG", transparency=128), "image/png").picture()) == (1, 1)


EIGHT_BITS = [0, 64, 128, 191, 255]
SHADES = np.repeat(np.linspace(0, 1, 5), 100)[None, :].repeat(300, axis=0)


def seen_shades(picture: npt.NDArray[np.int_]) -> list[float]:
    step = picture.shape[1] // 5
    return [picture[:, step * n + 20 : step * (n + 1) - 20].mean() for n in range(5)]


def test_a_scan_in_16_bits_keeps_its_shades() -> None:
    """Cut to 8 bits instead of scaled, the page would be white."""
    scan = Image.fromarray((SHADES * 65535).astype(np.uint16))
    assert seen_shades(rendered(image_file(scan, "PNG"), "image/png").picture()) == pytest.approx(EIGHT_BITS, abs=3)


@pytest.mark.parametrize(
    ("kind", "black", "white"),
    [(np.int32, 0, 65535), (np.int32, 0, 255), (np.float32, 0, 1), (np.int32, -500, 99_000), (np.float32, 0, 2**20)],
)
def test_deep_gray_keeps_its_shades(kind: type[np.generic], black: int, white: int) -> None:
    deep = Image.fromarray((black + SHADES * (white - black)).astype(kind))
    assert seen_shades(np.asarray(render._on_white(deep)).astype(int)) == pytest.approx(EIGHT_BITS, abs=2)


def test_print_colours() -> None:
    red = Image.new("CMYK", (300, 300), (0, 255, 255, 0))
    assert rendered(image_file(red, "JPEG"), "image/jpeg").picture().mean(axis=(0, 1)) == pytest.approx(
        [254, 0, 0], abs=3
    )


@pytest.mark.parametrize(
    ("kind", "orientation", "seen"),
    [("JPEG", 3, (1, 1)), ("JPEG", 6, (1, 0)), ("JPEG", 8, (0, 1)), ("TIFF", 6, (1, 0)), ("PNG", 6, (1, 0))],
)
def test_a_picture_is_turned_as_its_camera_says(kind: str, orientation: int, seen: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    sent = rendered(image_file(marked("RGB", (300, 400), (0, 0)), kind, exif=exif), f"image/{kind.lower()}")
    size = (300, 400) if orientation == 3 else (400, 300)
    assert sent.picture().shape[1::-1] == grid_size(*size, BUDGET)
    assert dark_quarter(sent.picture()) == seen


def test_a_damaged_picture_costs_itself() -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 300), dtype=np.uint8))
    whole = image_file(noise, "JPEG")
    (page,) = rendered(whole[: len(whole) // 2], "image/jpeg").pages
    assert isinstance(page, DamagedFile)


def test_a_damaged_frame_costs_itself_only() -> None:
    sheets = [marked("L", (300, 300), (0, 0)), marked("L", (300, 300), (1, 1)), marked("L", (300, 300), (0, 1))]
    whole = bytearray(image_file(sheets[0], "TIFF", save_all=True, append_images=sheets[1:], compression="tiff_lzw"))
    middle = len(whole) // 2
    whole[middle : middle + 60] = b"\xff" * 60
    sent = rendered(bytes(whole), "image/tiff")
    assert isinstance(sent.pages[1], DamagedFile)
    assert (dark_quarter(sent.picture(1)), dark_quarter(sent.picture(3))) == ((0, 0), (0, 1))
