"""Passages: every word of a page is in one, none is too long, and each knows what it stands under."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docqa.types import Chunk, Page, TextSource, Word
from ingest.chunks.chunk import CHUNK, OVERLAP, DocumentChunks, document_date, document_title, page_head, spoken_name

SMALL, TALL = 0.01, 0.02


def page(*lines: tuple[str, float] | str, number: int = 1) -> Page:
    """A page of these lines, each with the height of its words if it is not small."""
    words = []
    for line, written in enumerate(lines):
        text, height = (written, SMALL) if isinstance(written, str) else written
        top = 0.02 + 0.9 * line / max(30, len(lines))
        words += [Word(word, (0.1, top, 0.2, top + height), line) for word in text.split()]
    return Page("d" * 64, number, 48, 48, tuple(words), TextSource.TEXT_LAYER, 1.0)


def chunks_of(*lines: tuple[str, float] | str, label: str = "letter.pdf") -> list[Chunk]:
    return DocumentChunks(label).of_page(page(*lines, number=4))


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


def test_the_context_is_name_title_date_head_and_heading_each_once() -> None:
    document = DocumentChunks("a/ACME_2022-10K.pdf")
    first = document.of_page(page(("Alder Ltd", TALL), "Annual report", "2 May 2022", LINE, ("Staff", TALL), LINE))
    assert first[0].context == "ACME 2022 10K | Alder Ltd | 2 May 2022 | Alder Ltd Annual report | Staff"
    assert document.title == "Alder Ltd"
    second = document.of_page(page("Chairman", LINE, number=2))
    assert second[0].context == f"ACME 2022 10K | Alder Ltd | 2 May 2022 | Chairman {LINE} | Staff"


def test_a_page_goes_on_under_the_headings_of_the_page_before_it() -> None:
    document = DocumentChunks("x.pdf")
    document.of_page(page(("Repairs", TALL), LINE))
    assert [chunk.heading for chunk in document.of_page(page(LINE, number=2))] == ["Repairs"]
    assert [chunk.heading for chunk in document.of_page(page(LINE, number=4))] == [""]


def test_runs_of_pages_may_come_side_by_side() -> None:
    document = DocumentChunks("x.pdf")
    document.of_page(page(("Repairs", TALL), LINE))
    document.of_page(page(("Deposit", TALL), LINE, number=10), goes_on=False)
    assert [chunk.heading for chunk in document.of_page(page(LINE, number=2))] == ["Repairs"]
    assert [chunk.heading for chunk in document.of_page(page(LINE, number=11))] == ["Deposit"]
    assert [chunk.heading for chunk in document.of_page(page(LINE, number=3), goes_on=False)] == [""]


def test_a_running_head_is_said_on_its_first_page_only() -> None:
    document = DocumentChunks("x.pdf")
    assert "ALDER LTD" in document.of_page(page("ALDER LTD 1", LINE))[0].context
    assert document.of_page(page("ALDER LTD 2", ("Staff", TALL), number=3))[0].heading == "Staff"
    after = document.of_page(page("ALDER LTD 3", LINE, number=4))[0]
    assert (after.heading, "ALDER LTD" in after.context.split(" | ", 2)[-1]) == ("Staff", False)


def test_rows_of_figures_keep_the_years_they_stand_under() -> None:
    rows = [f"Cost of item {n} 1,5{n:02} 1,4{n:02} (3)" for n in range(60)]
    made = chunks_of("December 31, 2022 2021", "Current assets:", *rows, LINE)
    assert len(made) > 3
    assert all("December 31, 2022 2021" in chunk.context + chunk.text for chunk in made)
    assert made[1].context.endswith("December 31, 2022 2021 Current assets:")


def test_prose_after_a_table_does_not_stand_under_its_years() -> None:
    made = chunks_of("December 31, 2022 2021", "Cash 1,577 1,402", *[f"{LINE} again"] * 30)
    assert not made[-1].context.endswith("2021")


def test_a_passage_of_figures_is_short_enough_to_be_read_to_its_end() -> None:
    made = chunks_of(*["1,577 1,402 (3) 12.5% 4,365 4,034"] * 40)
    assert all(len(chunk.text) < CHUNK / 1.5 for chunk in made)


def test_a_short_line_that_stands_apart_is_a_heading() -> None:
    tops = {"The tenant pays.": 0.1, "He pays monthly and in full, which is the rule here": 0.12, "2.1 Repairs": 0.18}
    tops |= {"The roof is the landlord's, and so are the windows of": 0.2, "the upper floor.": 0.22}
    placed = [
        Word(text, (0.1, top, 0.1 + len(text) / 100, top + SMALL), n) for n, (text, top) in enumerate(tops.items())
    ]
    lease = Page("d" * 64, 1, 48, 48, tuple(placed), TextSource.TEXT_LAYER, 1.0)
    assert DocumentChunks("x.pdf").of_page(lease)[-1].heading == "2.1 Repairs"


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


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        (["Office of Alder", "Re: Your lease of 2 May", LINE], "Your lease of 2 May"),
        (["Kanzlei Erle", "Betreff: Ihr Mietvertrag", LINE], "Ihr Mietvertrag"),
        (["Cabinet Aulne", "Objet : votre bail", LINE], "votre bail"),
        ([("hapter", TALL * 3), ("One Path", TALL), LINE, LINE, LINE], "One Path"),
        ([("Grand Total 319.00", TALL), LINE, LINE], None),
        ([("Annual report", TALL), ("and accounts", TALL), LINE, LINE, LINE], "Annual report"),
        (["Exhibit 10", "LEASE AGREEMENT", LINE], "LEASE AGREEMENT"),
    ],
)
def test_the_title_is_a_subject_or_what_stands_out(lines: list[tuple[str, float] | str], title: str | None) -> None:
    assert document_title(page(*lines)) == title


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("for the year ended December 31, 2022 or", "December 31, 2022"),
        ("Berlin, den 3. März 2021", "3. März 2021"),
        ("Lyon, le 1er février 2020", "1er février 2020"),
        ("Datum: 05.03.2018", "05.03.2018"),
        ("Issued 2024-02-29", "2024-02-29"),
        ("Version 1.2.3 of 2020", ""),
    ],
)
def test_the_date_of_a_document_as_printed(text: str, date: str) -> None:
    assert document_date(page(text)) == date


def test_the_head_of_a_page_is_its_first_lines_with_words_unless_they_are_prose() -> None:
    assert page_head(page("17", "Alder Ltd", "—", "Annual report", "more")) == "Alder Ltd Annual report"
    assert page_head(page("goes on from before", "Staff")) == "Staff"
    assert page_head(page("Word " * 50, "more")) == ""
    assert page_head(page("1", "2")) == ""
