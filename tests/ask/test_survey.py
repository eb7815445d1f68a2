"""Questions about every document: asked of each, answered with a receipt."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Sequence

import pytest

from docqa.ask import ask, finished
from docqa.embed import Embedder
from docqa.errors import ModelBadAnswer, ModelUnreachable
from docqa.find import Finder, Scope
from docqa.readers import NOTHING_SAID, Conversation, Reader
from docqa.readers.quote import QuoteReader
from docqa.settings import FindSettings
from docqa.store import Store
from docqa.types import Answer, Draft, Evidence, FieldSpec, Problem, Quote, Reading, Status, Verdict


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
