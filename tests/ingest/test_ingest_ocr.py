"""Reading text in page images: the order of what the engine finds, and one real run of the engine itself."""

from __future__ import annotations

import io
import threading

import numpy as np
import numpy.typing as npt
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from docqa.errors import DamagedFile
from docqa.imagegrid import grid_size
from docqa.types import Word
from ingest import sandbox, untrusted
from ingest.ocr import Line, _on_its_side, _row_words, _turned_back, reading_order

LONG = 150.0
TEXT = ["The harbour opens at seven", "Größere Schiffe fahren später", "Le prix est indiqué à côté"]


def line(text: str, x0: float, y0: float, x1: float, y1: float) -> Line:
    return Line(text, 0.9, x0, y0, x1, y1)


def texts(rows: list[list[Line]]) -> list[str]:
    return [" ".join(each.text for each in row) for row in rows]


# ── the order ────────────────────────────────────────────────────────────────────────────────────────────────────────


def column(name: str, left: float, right: float, count: int = 10) -> list[Line]:
    return [line(f"{name}{n}", left, 100 + 30 * n, right, 120 + 30 * n) for n in range(count)]


def test_two_columns_of_prose_are_read_one_after_the_other() -> None:
    left, right = column("l", 50, 470), column("r", 530, 950)
    shuffled = [each for pair in zip(right, left, strict=True) for each in pair]
    assert texts(reading_order(shuffled, 1000)) == [f"l{n}" for n in range(10)] + [f"r{n}" for n in range(10)]


def test_what_runs_across_columns_comes_before_or_after_them() -> None:
    head, foot = line("head", 50, 40, 900, 70), line("foot", 50, 600, 900, 630)
    rows = texts(reading_order([*column("r", 530, 950), foot, head, *column("l", 50, 470)], 1000))
    assert (rows[0], rows[1], rows[11], rows[-1]) == ("head", "l0", "r0", "foot")


def test_the_rows_of_a_table_are_read_across() -> None:
    cells = [
        line(f"{name}{row}", left, 100 + 30 * row + skew, right, 120 + 30 * row + skew)
        for row in range(12)
        for name, left, right, skew in (("c", 800, 900, 4), ("a", 50, 300, 0), ("b", 550, 700, -4))
    ]
    assert texts(reading_order(cells, 1000)) == [f"a{row} b{row} c{row}" for row in range(12)]


def test_a_letter_with_few_lines_on_each_side_is_no_two_columns() -> None:
    rows = texts(reading_order([*column("r", 530, 950, 5), *column("l", 50, 470, 5)], 1000))
    assert rows == [f"l{n} r{n}" for n in range(5)]


def test_of_nothing_comes_nothing() -> None:
    assert reading_order([], 1000) == []


lines = st.builds(
    lambda x, y, w, h: line("x", x, y, x + w, y + h),
    st.floats(0, 900),
    st.floats(0, 900),
    st.floats(1, 600),
    st.floats(1, 60),
)


@given(st.lists(lines, max_size=40))
def test_no_line_is_lost_or_doubled(found: list[Line]) -> None:
    ordered = [each for row in reading_order(found, 1000) for each in row]
    assert sorted(ordered) == sorted(found)


def test_a_line_is_cut_into_words_by_its_characters() -> None:
    (first, second) = _row_words([line("ab cde", 100, 10, 160, 30)], 7)
    assert first == ("ab", 100, 10, 120, 30, 7)
    assert second == ("cde", 130, 10, 160, 30, 7)
    assert _row_words([line("  ", 0, 0, 9, 9), line("", 0, 0, 9, 9)], 0) == []


def test_a_page_lies_on_its_side_if_most_long_lines_run_up_or_down() -> None:
    down, across, digit = line("x", 0, 0, 20, 300), line("x", 0, 0, 300, 20), line("1", 0, 0, 10, 20)
    assert _on_its_side([down] * 5 + [across])
    assert not _on_its_side([across] * 5 + [down])
    assert not _on_its_side([digit] * 9)
    assert not _on_its_side([down] * 2)


# ── turned pages ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("turns", range(4))
def test_a_box_turned_back_is_on_the_same_pixels(turns: int) -> None:
    before = np.zeros((60, 40), dtype=np.uint8)
    before[12:18, 4:20] = 1
    after = np.rot90(before, turns)
    rows, columns = np.nonzero(after)
    height, width = after.shape
    found = (columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height)
    assert _turned_back(*found, turns) == pytest.approx((4 / 40, 12 / 60, 20 / 40, 18 / 60))


def test_a_box_turned_back_stays_on_the_page() -> None:
    assert _turned_back(-0.1, 0.2, 1.3, 0.4, 0) == (0.0, 0.2, 1.0, 0.4)


# ── the engine ───────────────────────────────────────────────────────────────────────────────────────────────────────


def drawn() -> Image.Image:
    """Three lines in three languages on a small page, at its grid."""
    width, height = grid_size(400, 260, 280)
    with pymupdf.open() as file:
        page = file.new_page(width=400, height=260)
        for number, text in enumerate(TEXT):
            page.insert_text((30, 60 + 60 * number), text, fontsize=22)
        pixels = page.get_pixmap(matrix=pymupdf.Matrix(width / 400, height / 260))
        return Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def read() -> dict[int, tuple[Image.Image, tuple[Word, ...], float]]:
    """What one child reads, by how many degrees counter-clockwise the page was turned before."""
    found = {}
    with sandbox.Child("ingest.ocr", ["--memory-mb=4096"], threading.Event()) as child:
        for degrees in (0, 90, 180):
            image = drawn().rotate(degrees, expand=True)
            child.send({}, jpeg(image), LONG)
            header, _ = child.receive(LONG)
            read = untrusted.check_ocr(header)
            found[degrees] = image, read.words, read.quality
        for unreadable in (jpeg(drawn())[:500], b"", b"no image"):
            child.send({}, unreadable, LONG)
            with pytest.raises(DamagedFile):
                untrusted.check_failure(child.receive(LONG)[0])
        child.send({}, jpeg(Image.new("RGB", (96, 96), "white")), LONG)
        assert child.receive(LONG)[0] == {"words": [], "quality": 0.0}
    return found


Read = dict[int, tuple[Image.Image, tuple[Word, ...], float]]


@pytest.mark.parametrize("degrees", [0, 90, 180])
def test_text_is_read_however_the_page_lies(read: Read, degrees: int) -> None:
    _, words, quality = read[degrees]
    assert [word.text for word in words] == " ".join(TEXT).split()
    assert [word.line for word in words] == [0] * 5 + [1] * 4 + [2] * 6
    assert quality > 0.9


@pytest.mark.parametrize("degrees", [0, 90, 180])
def test_boxes_are_on_the_ink_of_the_page_as_displayed(read: Read, degrees: int) -> None:
    """Every box has ink, and hardly any ink is outside all boxes. Within a line the engine does not measure words."""
    image, words, _ = read[degrees]
    ink: npt.NDArray[np.bool_] = np.asarray(image.convert("L")) < 128
    rest = ink.copy()
    height, width = ink.shape
    for word in words:
        x0, y0, x1, y1 = np.rint(np.multiply(word.box, (width, height) * 2)).astype(int)
        assert 0.05 < ink[y0:y1, x0:x1].mean() < 0.6, word
        rest[max(0, y0 - 4) : y1 + 4, max(0, x0 - 4) : x1 + 4] = False
    assert rest.sum() < 0.1 * ink.sum()


def test_where_a_word_is_does_not_depend_on_how_the_page_lies(read: Read) -> None:
    upright = [word.box for word in read[0][1]]
    upside_down = [(1 - x1, 1 - y1, 1 - x0, 1 - y0) for x0, y0, x1, y1 in (word.box for word in read[180][1])]
    on_its_side = [(1 - y1, x0, 1 - y0, x1) for x0, y0, x1, y1 in (word.box for word in read[90][1])]
    assert np.abs(np.subtract(upright, upside_down)).max() < 0.03
    assert np.abs(np.subtract(upright, on_its_side)).max() < 0.03
