"""Words come in the order in which they are read, whatever order a file has them in."""

from __future__ import annotations

import random

import pytest

from ingest.readingorder import RawWord, in_reading_order, is_implausible, join_rows, mended


def said(words: list[RawWord]) -> str:
    return " ".join(word[0] for word in words)


def line(number: int, text: str, x: float, y: float) -> list[RawWord]:
    words, at_x = [], x
    for word in text.split():
        words.append((word, at_x, y, at_x + 0.012 * len(word), y + 0.012, number))
        at_x += 0.012 * (len(word) + 1)
    return words


PROSE = [
    line(number, f"row {number} of the only column on this page", 0.1, 0.1 + 0.02 * number) for number in range(20)
]
COLUMNS = [
    line(20 * column + row, f"side {column} row {row} of some prose", 0.1 + 0.42 * column, 0.1 + 0.02 * row)
    for column in (0, 1)
    for row in range(20)
]
TABLE = [
    line(3 * row + column, text, 0.1 + 0.3 * column, 0.1 + 0.03 * row)
    for row in range(12)
    for column, text in enumerate((f"article {row}", f"{row} pieces", f"{row}.50"))
]
PAGES = {"prose": PROSE, "columns": COLUMNS, "table": TABLE}


def flat(lines: list[list[RawWord]]) -> list[RawWord]:
    return [word for words in lines for word in words]


@pytest.mark.parametrize("kind", PAGES)
def test_a_good_order_is_left_alone(kind: str) -> None:
    assert not is_implausible(flat(PAGES[kind]))


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("disorder", ["upwards", "shuffled"])
def test_a_bad_order_is_mended(kind: str, disorder: str) -> None:
    lines = PAGES[kind][::-1] if disorder == "upwards" else random.Random(1).sample(PAGES[kind], len(PAGES[kind]))
    assert is_implausible(flat(lines))
    assert said(mended(flat(lines))) == said(flat(PAGES[kind]))


def test_lines_written_one_font_after_the_other_are_put_back() -> None:
    assert said(mended(flat(PROSE[::2] + PROSE[1::2]))) == said(flat(PROSE))


def test_columns_that_are_not_recognised_are_not_read_across() -> None:
    """Five columns of prose, written from the last to the first line: bad, but better than across."""
    narrow = [line(9 * c + r, f"c{c} r{r} is so", 0.02 + 0.2 * c, 0.1 + 0.03 * r) for c in range(5) for r in range(9)]
    assert is_implausible(flat(narrow[::-1]))
    assert mended(flat(narrow[::-1])) == flat(narrow[::-1])


def test_the_cells_of_a_row_are_one_line_in_a_mended_order() -> None:
    ordered = in_reading_order(flat(TABLE[::-1]))
    assert [word[5] for word in ordered] == [word[5] for word in join_rows(flat(TABLE))]


def test_a_heading_over_both_columns_comes_first_and_a_footer_last() -> None:
    heading = line(90, "a heading that runs across the whole width of both columns there", 0.1, 0.05)
    footer = line(91, "a footer that runs across the whole width of both columns there", 0.1, 0.9)
    shuffled = [footer, *COLUMNS[::-1], heading]
    assert said(in_reading_order(flat(shuffled))) == said(flat([heading, *COLUMNS, footer]))
