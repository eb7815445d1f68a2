"""Reading text in page images: the order of what the engine finds, and one real run of the engine itself."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from docqa.errors import DamagedFile
from docqa.pages.grid import grid_size
from docqa.types import Word
from ingest import languages
from ingest.child.lines import Line, reading_order, row_words
from ingest.child.ocr import _placed
from ingest.child.recogniser import _answer, _decoded
from ingest.child.upright import _found, _on_its_side, turned_back
from ingest.sandbox import process, untrusted

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
    (first, second) = row_words([line("ab cde", 100, 10, 160, 30)], 7)
    assert first == ("ab", 100, 10, 120, 30, 7)
    assert second == ("cde", 130, 10, 160, 30, 7)
    assert row_words([line("  ", 0, 0, 9, 9), line("", 0, 0, 9, 9)], 0) == []


def corners(x0: float, y0: float, x1: float, y1: float) -> npt.NDArray[np.float32]:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def test_a_page_lies_on_its_side_if_most_long_lines_run_up_or_down() -> None:
    down, across, digit = corners(0, 0, 20, 300), corners(0, 0, 300, 20), corners(0, 0, 10, 20)
    assert _on_its_side([down] * 5 + [across])
    assert not _on_its_side([across] * 5 + [down])
    assert not _on_its_side([digit] * 9)
    assert not _on_its_side([down] * 2)


def test_lines_that_are_written_from_right_to_left_are_read_so() -> None:
    cells = [line("b", 50, 100, 300, 120), line("a", 550, 100, 700, 120)]
    assert texts(reading_order(cells, 1000, right_to_left=True)) == ["a b"]
    rows = texts(reading_order([*column("r", 530, 950), *column("l", 50, 470)], 1000, right_to_left=True))
    assert (rows[0], rows[-1]) == ("r0", "l9")


# ── what the recogniser measures ─────────────────────────────────────────────────────────────────────────────────────


def test_a_wide_gap_in_a_line_is_a_space() -> None:
    answer = _answer("TOTAL2.28", 0.9, [2, 4, 6, 8, 10, 40, 42, 43, 45], 50)
    assert answer.text == "TOTAL 2.28"
    assert answer.at[5] == 40.5 / 50
    assert _answer("AB C", 0.9, [2, 4, 20], 50).text == "AB C"
    assert _answer("", 0.0, [], 50).at == ()


def test_a_narrow_gap_is_a_space_where_the_recogniser_has_a_hint_of_one() -> None:
    steps, hint = [1, 3, 6, 8, 10, 12], [0.0] * 4 + [0.04] + [0.0] * 8
    assert _answer("NO4321", 0.9, steps, 14, hint).text == "NO 4321"
    assert _answer("NO4321", 0.9, steps, 14, [0.0] * 13).text == "NO4321"
    assert _answer("NO4321", 0.9, steps, 14, [0.0] * 7 + [0.04] + [0.0] * 5).text == "NO4321"


def test_letters_are_decoded_with_their_steps() -> None:
    shares = np.zeros((8, 5), np.float32)
    for step, (letter, share) in enumerate([(1, 0.8), (1, 0.9), (0, 1), (1, 0.6), (4, 1), (2, 1), (0, 1), (3, 0.6)]):
        shares[step, letter] = share
    answer = _decoded(shares, ["", "a", "b", "c", " "], 16)
    assert answer.text == "aa bc"
    assert answer.confidence == pytest.approx((0.8 + 0.6 + 1 + 1 + 0.6) / 5)
    assert answer.at == (0.5 / 16, 3.5 / 16, 5.5 / 16, 7.5 / 16)
    assert _decoded(shares[2:3], ["", "a", "b", "c", " "], 1) == ("", 0.0, ())


def test_words_are_where_their_characters_were_seen() -> None:
    answer = _answer("ab cd", 0.9, [1, 4, 80, 84], 88)
    found = _found([corners(100, 10, 300, 30)], [answer], 500, 500)
    first, second = found.lines[0].parts
    assert (first.text, second.text) == ("ab", "cd")
    assert first.x0 == 100
    assert 112 < first.x1 < 122
    assert 275 < second.x0 < 285
    assert second.x1 == 300


@pytest.mark.parametrize("degrees", [-5, -3, -1, 1, 3, 5])
def test_the_rows_of_a_tilted_table_are_read_across_and_stay_where_they_are(degrees: int) -> None:
    turn = np.radians(degrees)
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    level = [corners(left, 60 + 30 * row, left + 200, 82 + 30 * row) for row in range(10) for left in (700, 80, 400)]
    tilted = [((box - 500) @ spin + 500).astype(np.float32) for box in level]
    answers = [_answer("ab cd", 0.9, [2, 4, 6, 8], 10)] * len(level)
    words, _ = _placed(_found(tilted, answers, 500, 500), (1000, 1000), 0)
    assert [word[5] for word in words] == [row for row in range(10) for _ in range(6)]
    centre = (tilted[1][0] + tilted[1][2]) / 2000
    pair = np.mean([[(w[1] + w[3]) / 2, (w[2] + w[4]) / 2] for w in words[:2]], axis=0)
    assert pair == pytest.approx(centre, abs=0.01)


# ── turned pages ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("turns", range(4))
def test_a_box_turned_back_is_on_the_same_pixels(turns: int) -> None:
    before = np.zeros((60, 40), dtype=np.uint8)
    before[12:18, 4:20] = 1
    after = np.rot90(before, turns)
    rows, columns = np.nonzero(after)
    height, width = after.shape
    found = (columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height)
    assert turned_back(*found, turns) == pytest.approx((4 / 40, 12 / 60, 20 / 40, 18 / 60))


def test_a_box_turned_back_stays_on_the_page() -> None:
    assert turned_back(-0.1, 0.2, 1.3, 0.4, 0) == (0.0, 0.2, 1.0, 0.4)


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
    with process.Child("ingest.child.ocr", ["--memory-mb=4096"], threading.Event()) as child:
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
        assert child.receive(LONG)[0] == {"words": [], "quality": 0.0, "unread": []}
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


# ── other scripts ────────────────────────────────────────────────────────────────────────────────────────────────────

SCRIPTS = {
    "Greek": ("Η εταιρεία ιδρύθηκε στην Αθήνα τον Μάρτιο του προηγούμενου έτους", "ell"),
    "Cyrillic": ("Компания была основана в Москве в феврале прошлого года и растёт", "rus"),
    "Arabic": ("تأسست الشركة في القاهرة في شهر مارس من العام الماضي", "ara"),
}


def written(text: str) -> bytes:
    """A page with eight lines of a text in any script, as it is stored."""
    width, height = grid_size(595, 300, 700)
    with pymupdf.open() as file:
        page = file.new_page(width=595, height=300)
        page.insert_htmlbox(pymupdf.Rect(40, 20, 560, 290), f"<p>{text}.</p>" * 8)
        pixels = page.get_pixmap(matrix=pymupdf.Matrix(width / 595, height / 300))
        return jpeg(Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples))


def ocr_child(*arguments: str) -> process.Child:
    return process.Child("ingest.child.ocr", ["--memory-mb=4096", *arguments], threading.Event())


def read_scripts(*arguments: str) -> dict[str, untrusted.OcrReading]:
    """What one child makes of a page in each of the scripts."""
    readings = {}
    with ocr_child(*arguments) as child:
        for script, (text, _) in SCRIPTS.items():
            child.send({}, written(text), LONG)
            readings[script] = untrusted.check_ocr(child.receive(LONG)[0])
    return readings


@pytest.fixture(scope="module")
def by_rapidocr() -> dict[str, untrusted.OcrReading]:
    return read_scripts("--engine=rapidocr")


@pytest.fixture(scope="module")
def by_either() -> dict[str, untrusted.OcrReading]:
    return read_scripts("--engine=auto")


@pytest.mark.parametrize(("script", "named"), [("Greek", "Greek"), ("Cyrillic", "unknown"), ("Arabic", "unknown")])
def test_a_script_that_cannot_be_read_is_said_to_be_there(
    by_rapidocr: dict[str, untrusted.OcrReading], script: str, named: str
) -> None:
    assert by_rapidocr[script].unread == (named,)
    assert by_rapidocr[script].words == ()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_that_rapidocr_cannot_read_is_read_by_tesseract(
    by_either: dict[str, untrusted.OcrReading], script: str
) -> None:
    text, language = SCRIPTS[script]
    if language not in languages.installed():
        pytest.skip(f"needs Tesseract with its data for {language}")
    assert by_either[script].unread == ()
    said = [word.text.strip(".") for word in by_either[script].words]
    words = text.split()
    assert sum(said.count(word) >= 6 for word in words) >= 0.8 * len(words)
    once = [word for word in words if words.count(word) == 1]
    first_line = [word.text.strip(".") for word in by_either[script].words if word.line == 0]
    in_order = [word for word in first_line if word in once]
    assert len(in_order) >= 5
    assert in_order == [word for word in once if word in in_order]


def tesseracts() -> set[str]:
    """The processes of the program that run now, whoever started them."""
    names = {}
    for file in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it ended in between
            names[file.parent.name] = file.read_text().strip()
    return {process for process, name in names.items() if name == languages.PROGRAM}


def descends_from(process: str, ancestor: int) -> bool:
    with contextlib.suppress(OSError):  # it ended in between
        while process not in ("0", "1"):
            process = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[1]
            if process == str(ancestor):
                return True
    return False


def awaited(condition: Callable[[], object]) -> bool:
    """Whether it comes true at all."""
    end = time.monotonic() + LONG
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


@pytest.mark.skipif("eng" not in languages.installed(), reason="needs Tesseract with its data for eng")
def test_tesseract_ends_with_the_child_that_started_it() -> None:
    started: set[str] = set()
    with ocr_child("--engine=tesseract", "--languages=eng") as child:
        child.send({}, written(SCRIPTS["Greek"][0]), LONG)
        assert awaited(lambda: started.update(t for t in tesseracts() if descends_from(t, os.getpid())) or started)
    assert awaited(lambda: not started & tesseracts())
