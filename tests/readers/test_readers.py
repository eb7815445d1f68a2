"""Readers: what is true of each of them, and what the built-in one finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing

import pytest
from fake_server import MODEL, FakeServer, Say

from docqa.embed import Embedder
from docqa.model import ModelClient
from docqa.readers import Reader, finished
from docqa.readers.quote import QuoteReader
from docqa.readers.vision import VisionReader
from docqa.settings import ModelSettings
from docqa.types import Draft, Evidence, FieldSpec, FieldType, Page, TextSource, Verdict
from docqa.verify import locate

MakePage = Callable[[str, int, str], Page]
MakeReader = Callable[..., Reader]

INVOICE = """Harbour Joinery Ltd
Invoice number: RE-2026-0417
Invoice date: 3 May 2026
Article  Quantity  Price
Walnut shelf  4  310.00
Brass hinge  16  7.50
Total amount due: 1,360.00 EUR
Please pay by 2 June 2026 at the latest to the account that is named at the foot of this page."""
TERMS = """Terms of delivery
Goods are delivered within ten working days after the order was confirmed in writing.
The buyer must report visible defects within eight days of delivery.
Place of jurisdiction
Port Ellen"""

NUMBER = FieldSpec("invoice_number", FieldType.TEXT)
DATE = FieldSpec("invoice_date", FieldType.DATE)
TOTAL = FieldSpec("total", FieldType.AMOUNT)

DEFECTS = """<answer>Within eight days of delivery.</answer>
<quote page="P2">report visible defects within eight days of delivery</quote>"""
FORM = json.dumps(
    {
        "invoice_number": {"value": "RE-2026-0417", "page": 3, "quote": "Invoice number: RE-2026-0417"},
        "invoice_date": {"value": "3 May 2026", "page": 3, "quote": "Invoice date: 3 May 2026"},
        "total": {"value": "1,360.00 EUR", "page": 99, "quote": "Total amount due: 1,360.00 EUR"},
    }
)


def evidence_of(*pages: Page) -> list[Evidence]:
    return [Evidence(page, "harbour.pdf", lambda: b"\xff\xd8 an image \xff\xd9") for page in pages]


@pytest.fixture(scope="module")
def pages(make_page: MakePage) -> list[Evidence]:
    """Pages 3 and 8 of a document: numbers as they come from a search, not from 1."""
    return evidence_of(make_page("d" * 64, 3, INVOICE), make_page("d" * 64, 8, TERMS))


def read_out(answer: Generator[str, None, Draft]) -> tuple[list[str], Draft]:
    pieces: list[str] = []
    return pieces, finished(answer, pieces.append)


class TestEveryReader:
    """What everybody who is given a reader may rely on.

    - it has a name, and a version that stays the same as long as it reads the same
    - an answer comes in pieces that are together its text, and its quotes are of pages that were given
    - what is not on the pages is "not found": no text and no quote; so is anything without pages
    - an answer can be broken off
    - filling gives readings of fields that were asked for, on pages that were given, and no others
    """

    @pytest.fixture(params=["quote", "vision"])
    def make_reader(self, request: pytest.FixtureRequest, fake_embedder: Embedder) -> Iterator[MakeReader]:
        """Makes a reader; where there is a model behind it, the model says what is passed."""
        with ExitStack() as stack:

            def vision(model_says: str) -> Reader:
                server = stack.enter_context(FakeServer(Say(model_says)))
                settings = ModelSettings(base_url=server.url, name=MODEL)
                return VisionReader(stack.enter_context(closing(ModelClient(settings))), settings)

            def quote(model_says: str) -> Reader:
                return QuoteReader(fake_embedder.embed_documents)

            yield {"quote": quote, "vision": vision}[request.param]

    def test_it_has_a_name_and_a_version_that_stays(self, make_reader: MakeReader) -> None:
        one, other = make_reader(""), make_reader("")
        assert one.name and one.version
        assert (one.name, one.version) == (other.name, other.version)

    def test_the_pieces_of_an_answer_are_its_text(self, make_reader: MakeReader, pages: list[Evidence]) -> None:
        pieces, draft = read_out(make_reader(DEFECTS).answer("When must visible defects be reported?", pages))
        assert "".join(pieces) == draft.text
        assert draft.verdict is Verdict.FOUND
        assert "eight days" in draft.text
        assert "<" not in draft.text

    def test_quotes_are_of_pages_that_were_given(self, make_reader: MakeReader, pages: list[Evidence]) -> None:
        _, draft = read_out(make_reader(DEFECTS).answer("When must visible defects be reported?", pages))
        assert draft.quotes
        given = {(one.page.doc, one.page.number): one.page for one in pages}
        for quote in draft.quotes:
            assert locate(quote.text, given[quote.doc, quote.page])
        assert (draft.quotes[0].doc, draft.quotes[0].page) == ("d" * 64, 8)

    def test_what_is_not_there_is_not_found(self, make_reader: MakeReader, pages: list[Evidence]) -> None:
        reader = make_reader("<not_found/>")
        nothing = ([], Draft(Verdict.NOT_FOUND, "", ()))
        assert read_out(reader.answer("Who won the chess tournament in Reykjavik?", pages)) == nothing

    def test_without_pages_nothing_is_found(self, make_reader: MakeReader) -> None:
        reader = make_reader("<answer>Made up</answer>")
        nothing = ([], Draft(Verdict.NOT_FOUND, "", ()))
        assert read_out(reader.answer("When must visible defects be reported?", [])) == nothing

    def test_an_answer_can_be_broken_off(self, make_reader: MakeReader, pages: list[Evidence]) -> None:
        reader = make_reader(DEFECTS)
        answer = reader.answer("When must visible defects be reported?", pages)
        assert next(answer)
        answer.close()
        assert read_out(reader.answer("When must visible defects be reported?", pages))[1].text  # and asked again

    def test_only_fields_that_were_asked_for_are_filled(self, make_reader: MakeReader, pages: list[Evidence]) -> None:
        form = {field.name: json.loads(FORM)[field.name] for field in (NUMBER, DATE)}
        readings = make_reader(json.dumps(form)).fill([NUMBER, DATE], pages)
        assert {reading.field: reading.text for reading in readings} == {
            "invoice_number": "RE-2026-0417",
            "invoice_date": "3 May 2026",
        }

    def test_readings_are_of_pages_that_were_given(self, make_reader: MakeReader, pages: list[Evidence]) -> None:
        readings = make_reader(FORM).fill([NUMBER, DATE, TOTAL], pages)
        assert readings
        assert {reading.page for reading in readings} == {3}
        for reading in readings:
            assert locate(reading.text, pages[0].page) and locate(reading.quote, pages[0].page)
            assert 0 <= reading.score <= 1

    def test_a_field_that_is_not_there_has_no_reading(self, make_reader: MakeReader, pages: list[Evidence]) -> None:
        missing = FieldSpec("date_of_birth", FieldType.DATE)
        assert make_reader('{"date_of_birth":null}').fill([missing], pages[1:]) == []

    def test_without_fields_or_pages_nothing_is_read(self, make_reader: MakeReader, pages: list[Evidence]) -> None:
        reader = make_reader(FORM)
        assert reader.fill([], pages) == []
        assert reader.fill([NUMBER], []) == []


# ── the built-in reader ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def quotes(fake_embedder: Embedder) -> Callable[[str, Sequence[Evidence]], list[tuple[int, str]]]:
    """(page, text) of each quote the built-in reader answers with."""
    reader = QuoteReader(fake_embedder.embed_documents)

    def quotes(question: str, given: Sequence[Evidence]) -> list[tuple[int, str]]:
        return [(quote.page, quote.text) for quote in read_out(reader.answer(question, given))[1].quotes]

    return quotes


Quotes = Callable[[str, Sequence[Evidence]], list[tuple[int, str]]]


@pytest.mark.parametrize(
    ("question", "page", "text"),
    [
        pytest.param(
            "How soon must the buyer report visible defects?",
            8,
            "The buyer must report visible defects within eight days of delivery.",
            id="a sentence",
        ),
        pytest.param(
            "When is the latest to pay to the account named on the page?",
            3,
            "Please pay by 2 June 2026 at the latest to the account that is named at the foot of this page.",
            id="a date asked for",
        ),
        pytest.param("What is the price of the brass hinge?", 3, "Brass hinge 16 7.50", id="a row of a table"),
        pytest.param("What is the total amount due?", 3, "Total amount due: 1,360.00 EUR", id="a label and its value"),
        pytest.param(
            "Where is the place of jurisdiction?", 8, "Place of jurisdiction Port Ellen", id="a label above its value"
        ),
    ],
)
def test_the_best_passage_comes_first(
    quotes: Quotes, pages: list[Evidence], question: str, page: int, text: str
) -> None:
    assert quotes(question, pages)[0] == (page, text)


def test_a_sentence_is_quoted_whole_across_its_lines(quotes: Quotes, make_page: MakePage) -> None:
    text = """The landlord keeps the roof of the house in repair. The tenant however
keeps the garden, the fence and the gravel path of the house in good order at his
own cost. Pets are allowed in the house as long as they make no noise."""
    page = make_page("d" * 64, 1, text)
    sentence = (
        "The tenant however keeps the garden, the fence and the gravel path of the house in good order at his own cost."
    )
    [first, *_] = quotes("Who keeps the garden and the gravel path in order?", evidence_of(page))
    assert first == (1, sentence)
    match = locate(sentence, page)
    assert match is not None and len(match.boxes) == 3


def test_an_abbreviation_ends_no_sentence(quotes: Quotes, make_page: MakePage) -> None:
    text = "The order was signed by Dr. Birch of Alder Ltd. and Co. on behalf of the whole rowing club."
    assert quotes("Who signed the order?", evidence_of(make_page("d" * 64, 1, text))) == [(1, text)]


@pytest.mark.parametrize(
    "question",
    [
        "Who won the chess tournament in Reykjavik?",
        "How many inhabitants does the city have?",
        "the of and is",  # nothing is asked
        "?!",
        "",
    ],
)
def test_weak_evidence_is_no_evidence(quotes: Quotes, pages: list[Evidence], question: str) -> None:
    assert quotes(question, pages) == []


def test_pages_without_words_hold_no_answer(quotes: Quotes) -> None:
    blank = Page("d" * 64, 1, 10, 10, (), TextSource.NONE, 0.0)
    assert quotes("What is the total amount due?", evidence_of(blank)) == []


def test_nothing_is_quoted_twice(quotes: Quotes, make_page: MakePage) -> None:
    found = quotes("What is the deposit?", evidence_of(make_page("d" * 64, 1, "Deposit due\n500 EUR")))
    assert found
    texts = [text for _, text in found]
    assert not [(a, b) for a in texts for b in texts if a is not b and a in b]


def test_an_answer_has_at_most_three_quotes(quotes: Quotes, make_page: MakePage) -> None:
    text = "\n".join(f"Deposit of flat {number}: 500 EUR" for number in range(9))
    assert len(quotes("What is the deposit?", evidence_of(make_page("d" * 64, 1, text)))) == 3


def test_several_quotes_are_lines_of_the_answer(fake_embedder: Embedder, make_page: MakePage) -> None:
    page = make_page("d" * 64, 1, "Deposit of flat 1: 500 EUR\nDeposit of flat 2: 500 EUR")
    pieces, draft = read_out(QuoteReader(fake_embedder.embed_documents).answer("deposit flat", evidence_of(page)))
    assert len(pieces) == len(draft.quotes)
    assert "".join(pieces) == draft.text == "\n".join(quote.text for quote in draft.quotes)


def test_of_equal_passages_the_one_of_the_better_page_comes_first(quotes: Quotes, make_page: MakePage) -> None:
    better, worse = (make_page("d" * 64, number, "The deposit is 500 EUR.") for number in (9, 2))
    assert [page for page, _ in quotes("What is the deposit?", evidence_of(better, worse))] == [9, 2]
    assert [page for page, _ in quotes("What is the deposit?", evidence_of(worse, better))] == [2, 9]


def test_the_question_of_a_stranger_does_not_take_the_reader_down(quotes: Quotes, pages: list[Evidence]) -> None:
    for question in ("(" * 50, "\x00\ufffe", "a" * 10_000, "[[[", "🙂"):
        quotes(question, pages)
