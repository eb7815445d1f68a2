"""Questions about every document: recognised in the words of an office, asked of each, answered with a receipt."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest

from docqa.ask import ask, finished
from docqa.ask.survey import recognised
from docqa.embed import Embedder
from docqa.errors import ModelBadAnswer, ModelUnreachable
from docqa.find import Finder, Scope
from docqa.readers import NOTHING_SAID, Conversation, Reader
from docqa.readers.quote import QuoteReader
from docqa.settings import FindSettings
from docqa.store import Store
from docqa.types import Answer, Draft, Evidence, FieldSpec, Problem, Quote, Reading, Status, Verdict

DATA = Path(os.environ.get("DOCQA_DATA", Path(__file__).parents[3] / "shared" / "data"))

# ── recognising them ─────────────────────────────────────────────────────────────────────────────────────────────────

OF_ALL = """List all contracts that end in 2026.
List all invoices from Harbour Pine
How many invoices are over 1,000 EUR?
Which documents mention asbestos?
Which contracts have a notice period of three months?
Which of our leases allow pets?
Show me every letter from the tax office.
Show all unpaid invoices.
Give me a list of all agreements with Birch Bakery
Find all documents about the roof repair
Find every contract signed by Ms Holt.
How many letters did we get from the insurance company?
How many of the contracts are limited in time?
What documents mention data protection?
Name all contracts with an automatic renewal.
In which documents is the deposit mentioned?
In how many contracts is a penalty agreed?
Are there any contracts without a signature?
Do any of the leases mention a garden?
What is the total of all invoices from March?
Which receipts are from a restaurant?
Please list the delivery notes for walnut shelves.
Could you list all employment contracts that are limited to one year?
Do we have any agreements with Alder Estates?
Across all documents, who is named as managing director?
Summarise the deadlines in all letters.
Which purchase orders were placed in May?
What is the number of invoices in euros?
Count the reports on water damage.
Does every lease have an index clause?
Which files contain bank details?
Which certificates expire this year?
Welche Verträge enden 2026?
Welche Dokumente erwähnen Asbest?
Wie viele Rechnungen sind von Nordlicht?
Wieviele Mahnungen haben wir bekommen?
Liste alle Rechnungen über 1.000 Euro auf.
Nenne alle Mietverträge mit einer Indexklausel.
In welchen Unterlagen steht eine Kündigungsfrist?
Gibt es Verträge ohne Unterschrift? Zeige alle Verträge ohne Unterschrift.
Zeige mir alle Schreiben vom Finanzamt
In allen Dokumenten: Wer ist Geschäftsführer?
Welche unserer Lieferscheine nennen Walnussholz?
Sämtliche Angebote der Firma Birke
Enthält jeder Vertrag eine Haftungsklausel?
Wie hoch ist die Summe aller Rechnungen aus dem März?
Quels contrats mentionnent une clause de résiliation ?
Combien de factures dépassent 1 000 euros ?
Liste toutes les factures de l'atelier Vermeil
Toutes les lettres de la mairie""".splitlines()

OF_ONE = """What is the monthly rent?
When does the contract with Birch Bakery end?
How many days' notice must the tenant give?
How many employees does the company have?
Who signed the lease?
What is the invoice number?
Which party pays for repairs?
Which bank account is the invoice to be paid to?
What does the letter from the tax office ask for?
How many items are on the delivery note?
What is the total amount due, and when?
Which deadlines are mentioned?
Who are the parties, and when does the contract end?
Is there a penalty in the contract?
What is the total of the invoice from Harbour Pine?
List all the items on the invoice.
List the subsidiaries of the company.
Name the members of the board.
How many pages does the report have?
Which products does the price list offer?
How many shares were issued?
Which agreements listed in the annual report were amended?
What reports did the company file?
Show me the notice period.
What does the report say about all regions?
Did all employees agree?
Does every tenant have to pay?
How many orders did the company receive in 2022?
Which statements were audited?
Wie hoch ist die Miete?
Wann endet der Vertrag mit Birke?
Wie viele Mitarbeiter hat die Firma?
Welche Kündigungsfrist gilt?
Welche Partei zahlt die Reparaturen?
Wer hat den Mietvertrag unterschrieben?
Nenne die Vertragsparteien.
Wie lautet die Rechnungsnummer?
Quel est le montant de la facture ?
Combien de jours dure le préavis ?
Qui a signé la lettre ?""".splitlines()


@pytest.mark.parametrize("question", OF_ALL)
def test_a_question_about_every_document_is_recognised(question: str) -> None:
    assert recognised(question) is not None


@pytest.mark.parametrize("question", OF_ONE)
def test_a_question_with_one_answer_is_not_taken_for_one_about_all(question: str) -> None:
    assert recognised(question) is None


@pytest.mark.skipif(not (DATA / "qa.jsonl").exists(), reason="the questions are not here (DOCQA_DATA, ../shared/data)")
def test_no_question_of_the_measured_ones_is_taken_for_one_about_all() -> None:
    lines = (DATA / "qa.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    assert len(questions) > 100
    assert [question for question in questions if recognised(question)] == []


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("Which documents mention asbestos?", "asbestos"),
        ("How many invoices are over 1,000 EUR?", "invoices 1,000 EUR"),
        ("Please list all unpaid invoices from Harbour Pine.", "unpaid invoices Harbour Pine"),
        ("Welche Dokumente erwähnen eine Kündigungsfrist?", "eine Kündigungsfrist"),
    ],
)
def test_what_is_asked_of_each_document_is_the_rest_of_the_question(question: str, topic: str) -> None:
    about_all = recognised(question)
    assert about_all is not None
    assert (about_all.question, about_all.topic) == (question, topic)


@pytest.mark.parametrize("question", ["How many documents are there?", "List all files."])
def test_a_question_without_a_topic_is_none_about_what_documents_say(question: str) -> None:
    assert recognised(question) is None


# ── asking every document ────────────────────────────────────────────────────────────────────────────────────────────


class Tells:
    """A reader that says of each document what it was told to, by a word that stands on one of its pages."""

    name = "vision:tells"
    version = "tells-1"

    def __init__(self, by_word: dict[str, Draft | Exception]) -> None:
        self._by_word = by_word
        self.asked: list[tuple[str, list[int]]] = []

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        self.asked.append((question, [one.page.number for one in pages]))
        for word, told in self._by_word.items():
            if any(word in one.page.text for one in pages):
                if isinstance(told, Exception):
                    raise told
                yield told.text
                page = pages[0].page
                quotes = tuple(Quote(page.doc, page.number, quote.text) for quote in told.quotes)
                return Draft(told.verdict, told.text, quotes)
        return Draft(Verdict.NOT_FOUND, "", ())

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        raise NotImplementedError


def says(text: str, *quotes: str) -> Draft:
    return Draft(Verdict.FOUND, text, tuple(Quote("", 1, quote) for quote in quotes))


EVERYWHERE = Scope()


@pytest.fixture
def put(small_store: Store, fake_embedder: Embedder) -> Callable[..., Answer]:
    """Ask all documents of the small store; what was streamed has to be the answer's text."""

    def put(reader: Reader, question: str, scope: Scope = EVERYWHERE, limit: int = 6) -> Answer:
        pieces: list[str] = []
        finder = Finder(small_store, fake_embedder, FindSettings())
        answer = finished(ask(small_store, finder, reader, question, scope, limit), pieces.append)
        assert "".join(pieces) == answer.text
        return answer

    return put


Put = Callable[..., Answer]
RENT = "The monthly rent is 1,850.00 EUR"


def test_every_document_is_asked_and_those_that_are_meant_are_named(put: Put) -> None:
    reader = Tells({"rent": says("The rent is 1,850.00 EUR.", RENT), "rowing": says("No.", "it is nowhere printed so")})
    answer = put(reader, "Which documents mention a rent?")
    assert answer.text.splitlines() == [
        "lease.pdf: The rent is 1,850.00 EUR. [1]",
        "minutes.pdf: No. [2] (no quote of it could be verified)",
        "2 of 3 documents are meant, as far as the reader can tell; 3 of 3 were read.",
    ]
    assert [(c.label, c.verified) for c in answer.citations] == [("lease.pdf", True), ("minutes.pdf", False)]
    assert answer.verdict is Verdict.FOUND
    assert answer.receipt is not None
    receipt = answer.receipt
    assert (receipt.read, receipt.of, receipt.failed, receipt.matching, receipt.pages) == (3, 3, (), 2, 4)
    assert len(reader.asked) == 3 and all("Which documents mention a rent?" in asked for asked, _ in reader.asked)


def test_a_figure_that_a_document_does_not_hold_is_marked(put: Put) -> None:
    answer = put(Tells({"rent": says("22,200.00 EUR a year.", RENT)}), "Which documents mention a rent?")
    assert answer.unsupported == ("22,200.00",)


def test_the_built_in_reader_names_documents_with_a_passage_that_matches(put: Put, fake_embedder: Embedder) -> None:
    answer = put(QuoteReader(fake_embedder.embed_documents), "Which documents mention a notice period?")
    assert {(citation.label, citation.verified) for citation in answer.citations} == {("lease.pdf", True)}
    assert answer.text.splitlines()[-1] == "1 of 3 documents hold a passage that matches; 3 of 3 were read."


def test_nothing_anywhere_is_not_found_and_the_nearest_pages_are_named(put: Put) -> None:
    answer = put(Tells({}), "Which documents mention a monthly rent?")
    assert (answer.verdict, answer.text, answer.citations) == (Verdict.NOT_FOUND, "", ())
    assert answer.receipt is not None and answer.receipt.read == 3
    assert 0 < len(answer.pages_read) <= 3


def test_only_documents_in_scope_are_asked(put: Put, small_store: Store) -> None:
    answer = put(Tells({}), "Which documents mention a rent?", Scope("office"))
    assert answer.receipt is not None and answer.receipt.of == 2
    lease = next(document.doc for document in small_store.catalog.documents() if document.label == "lease.pdf")
    answer = put(Tells({}), "Which documents mention a rent?", Scope("office", without=lease))
    assert answer.receipt is not None and answer.receipt.of == 1
    assert (
        put(Tells({}), "Which documents mention a rent?", Scope(doc=lease)).receipt is None
    )  # one document: no survey


def test_of_a_long_document_the_best_pages_are_read(put: Put) -> None:
    reader = Tells({})
    put(reader, "Which contracts have a notice period to terminate?", Scope("office"), limit=1)
    assert sorted(pages for _, pages in reader.asked) == [[1], [2]]  # the invoice, and of the lease the page on notice


def test_documents_that_could_not_be_read_are_named_with_the_reason(put: Put, small_store: Store) -> None:
    locked = small_store.take(io.BytesIO(b"locked"), "locked.pdf", "office", 99).document.doc
    small_store.take(io.BytesIO(b"new"), "new.pdf", "office", 99)
    small_store.catalog.finish_document(
        locked, Status.NEEDS_PASSWORD, pipeline="1", problem=Problem("needs_password", "It is locked.", ""), seconds=0
    )
    partial = next(document for document in small_store.catalog.documents() if document.label == "lease.pdf")
    records = small_store.catalog.page_records(partial.doc)
    missing = Problem("pages_missing", "1 of 3 pages could not be read.", "Look.")
    small_store.catalog.finish_document(
        partial.doc, Status.PARTIAL, pipeline="1", pages=3, page_records=records, problem=missing, seconds=1
    )
    reader = Tells({"rent": says("Yes.", RENT), "Invoice number": ModelBadAnswer("It says nothing.")})
    answer = put(reader, "Which documents mention a rent?")
    assert answer.receipt is not None
    assert (answer.receipt.read, answer.receipt.of) == (1, 5)
    assert {left.label: left.problem.message for left in answer.receipt.failed} == {
        "invoice.pdf": "It says nothing.",
        "lease.pdf": "1 of 3 pages could not be read.",
        "locked.pdf": "It is locked.",
        "new.pdf": "It is still being read.",
    }
    assert [citation.label for citation in answer.citations] == ["lease.pdf"]  # what could be read of it counts


def test_a_server_that_goes_away_leaves_what_was_read_and_names_the_rest(put: Put) -> None:
    answer = put(
        Tells({"rent": ModelUnreachable("gone"), "Invoice": says("Yes.", "Total amount due")}),
        "List all files with a rent",
    )
    assert answer.receipt is not None
    assert (answer.receipt.read, [left.label for left in answer.receipt.failed]) == (1, ["lease.pdf", "minutes.pdf"])
    with pytest.raises(ModelUnreachable):
        put(Tells({"e": ModelUnreachable("gone")}), "List all files with a rent")


def test_it_can_be_stopped_between_two_documents(small_store: Store, fake_embedder: Embedder) -> None:
    reader, heard = Tells({}), []
    finder = Finder(small_store, fake_embedder, FindSettings())
    parts = ask(
        small_store,
        finder,
        reader,
        "Which files mention a rent?",
        Scope(),
        6,
        progress=lambda read, of: heard.append((read, of)),
    )
    assert next(parts) == ""
    parts.close()
    assert (len(reader.asked), heard) == (1, [(0, 3)])


def test_an_answer_with_its_receipt_is_kept_in_a_chat(put: Put, small_store: Store) -> None:
    small_store.take(io.BytesIO(b"new"), "new.pdf", "office", 99)
    answer = put(Tells({"rent": says("22 a year", RENT)}), "Which documents mention a rent?")
    chats = small_store.catalog.chats
    chat = chats.start("rent")
    chats.add_turn(chat, answer)
    assert [turn.answer for turn in chats.turns(chat)] == [answer]
