"""Passages: every word of a page is in one, none is too long, and each knows what it stands under."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docqa.types import Chunk, Page, TextSource, Word
from ingest.chunk import CHUNK, OVERLAP, document_title, page_chunks, page_head, spoken_name

SMALL, TALL = 0.01, 0.02


def page(*lines: tuple[str, float] | str, number: int = 1) -> Page:
    """A page of these lines, each with the height of its words if it is not small."""
    words = []
    for line, written in enumerate(lines):
        text, height = (written, SMALL) if isinstance(written, str) else written
        top = 0.02 + 0.9 * line / max(30, len(lines))
        words += [Word(word, (0.1, top, 0.2, top + height), line) for word in text.split()]
    return Page("d" * 64, number, 48, 48, tuple(words), TextSource.TEXT_LAYER, 1.0)


def chunks_of(*lines: tuple[str, float] | str, label: str = "letter.pdf", title: str | None = None) -> list[Chunk]:
    return page_chunks(page(*lines, number=4), label, title)


LINE = "The tenant pays for the repairs of the roof and of the windows"  # 62 characters

words = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30)
texts = st.lists(words, min_size=1, max_size=12).map(" ".join)
lines = st.tuples(texts, st.sampled_from([SMALL, SMALL, SMALL, TALL]))


@given(st.lists(lines, max_size=60))
def test_every_line_is_in_a_passage_and_in_order(written: list[tuple[str, float]]) -> None:
    made = chunks_of(*written)
    told = [line for chunk in made for line in chunk.text.splitlines()]
    rest = iter(told)
    assert all(line in rest for line in page(*written).text.splitlines())
    assert set(told) == set(page(*written).text.splitlines())


@given(st.lists(lines, max_size=60))
def test_passages_are_numbered_and_bounded(written: list[tuple[str, float]]) -> None:
    made = chunks_of(*written)
    assert [chunk.number for chunk in made] == list(range(1, len(made) + 1))
    longest = max((len(text) for text, _ in written), default=0)
    assert all(0 < len(chunk.text) <= CHUNK + OVERLAP + longest for chunk in made)
    assert {(chunk.doc, chunk.page) for chunk in made} <= {("d" * 64, 4)}


def test_a_page_of_prose_is_cut_about_every_600_characters_with_an_overlap() -> None:
    written = [f"{LINE} number {number}" for number in range(40)]
    made = chunks_of(*written)
    assert all(CHUNK - 1 <= len(chunk.text) < CHUNK + 80 for chunk in made[:-1])
    for before, after in zip(made, made[1:], strict=False):
        repeated = after.text.splitlines()[0]
        assert before.text.endswith(repeated)
        assert len(repeated) <= OVERLAP


def test_a_line_as_long_as_a_page_is_cut_too() -> None:
    written = " ".join(f"cell{number}" for number in range(1000))
    made = chunks_of(written)
    assert all(len(chunk.text) <= 2 * CHUNK for chunk in made)
    assert re.findall(r"\S+", " ".join(chunk.text for chunk in made)) == written.split()


def test_a_word_that_is_too_long_stays_whole() -> None:
    assert [chunk.text for chunk in chunks_of("before", "x" * 3000)] == ["before\n" + "x" * 3000]


def test_nothing_comes_of_a_blank_page() -> None:
    assert chunks_of() == []


def test_a_short_page_is_one_passage() -> None:
    assert [chunk.text for chunk in chunks_of("Dear Sir,", "thank you.", "Yours")] == ["Dear Sir,\nthank you.\nYours"]


def test_the_overlap_alone_is_no_passage() -> None:
    written = [LINE] * 10
    assert len("\n".join(written)) >= CHUNK
    assert len(chunks_of(*written)) == 1


@pytest.mark.parametrize("heading", [("Repairs", TALL), ("REPAIRS", SMALL)])
def test_a_heading_begins_a_passage_and_is_its_context(heading: tuple[str, float]) -> None:
    first, second = chunks_of(*[LINE] * 5, heading, *[LINE] * 3)
    assert (first.heading, second.heading) == ("", heading[0])
    assert second.text.startswith(f"{heading[0]}\n{LINE}")
    assert second.context.split(" | ")[-1] == heading[0]


def test_a_heading_goes_on_over_the_passages_below_it() -> None:
    made = chunks_of(("Repairs", TALL), *[LINE] * 30)
    assert len(made) > 2
    assert {chunk.heading for chunk in made} == {"Repairs"}


def test_headings_close_together_stay_in_one_passage() -> None:
    assert len(chunks_of(("Lease", TALL), LINE, ("Rent", TALL), LINE, *[LINE] * 3)) == 1


@pytest.mark.parametrize("line", [("12.50", TALL), ("§ 4", TALL), ("12.50 EUR 7", SMALL), ("x " * 70, TALL)])
def test_what_is_no_heading(line: tuple[str, float]) -> None:
    assert {chunk.heading for chunk in chunks_of(*[LINE] * 5, line, *[LINE] * 3)} == {""}


def test_the_context_is_name_title_head_and_heading_each_once() -> None:
    made = chunks_of(
        "Alder Ltd", "Annual report", LINE, ("Staff", TALL), LINE, label="a/ACME_2022-10K.pdf", title="Alder Ltd"
    )
    assert made[0].context == "ACME 2022 10K | Alder Ltd | Alder Ltd Annual report | Staff"
    assert chunks_of("Alder", "x", label="Alder.pdf", title="Alder")[0].context == "Alder"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("reports/ACME_2022-10K.pdf", "ACME 2022 10K"),
        ("Größe.v2.tiff", "Größe v2"),
        ("noending", "noending"),
        ("__--.pdf", ""),
        ("", ""),
    ],
)
def test_the_words_of_a_file_name(label: str, name: str) -> None:
    assert spoken_name(label) == name


def test_the_title_is_the_tallest_line_of_the_upper_half() -> None:
    assert document_title(page("small print", ("Annual report", TALL), LINE, LINE)) == "Annual report"
    assert document_title(page("all", "lines", "alike", "here")) is None
    assert document_title(page(*[LINE] * 25, ("Too far down", TALL))) is None
    assert document_title(page(("2026", TALL), LINE, LINE)) is None
    assert document_title(page()) is None


def test_the_head_of_a_page_is_its_first_lines_with_words() -> None:
    assert page_head(page("17", "Alder Ltd", "—", "Annual report", "more")) == "Alder Ltd Annual report"
    assert len(page_head(page("word " * 50, "more"))) == 120
    assert page_head(page("1", "2")) == ""
