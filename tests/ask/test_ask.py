"""The whole story of an answer: pages found, read, and every quote checked against the page it names."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import pytest

from docqa.ask import ask, finished, open_reader
from docqa.embed import Embedder
from docqa.errors import BadSettings, ModelUnreachable, UnknownCollection
from docqa.find import Finder, Scope
from docqa.readers import NOTHING_SAID, Conversation, Reader
from docqa.readers.quote import QuoteReader
from docqa.readers.vision import VisionReader
from docqa.settings import FindSettings, ModelSettings, Settings
from docqa.store import Store
from docqa.store.library import Vectors
from docqa.types import Answer, Document, Draft, Evidence, FieldSpec, Quote, Reading, Verdict

RENT = "The monthly rent is 1,850.00 EUR and is due on the third day of each month."
NOTICE = "Either party may terminate this lease with a notice period of three months."


class Says:
    """A reader that says what it was made to say, whatever it is given; `{doc}` is the first page's document."""

    name = "says"
    version = "says-1"

    def __init__(self, text: str, *quotes: tuple[int, str], verdict: Verdict = Verdict.FOUND) -> None:
        self._text, self._quotes, self._verdict = text, quotes, verdict
        self.given: list[Evidence] = []

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        self.given = list(pages)
        yield from self._text.split(" ")
        doc = pages[0].page.doc
        return Draft(self._verdict, self._text, tuple(Quote(doc, page, text) for page, text in self._quotes))

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        raise NotImplementedError


@pytest.fixture
def finder(small_store: Store, fake_embedder: Embedder) -> Finder:
    return Finder(small_store, fake_embedder, FindSettings())


@pytest.fixture
def lease(small_store: Store) -> Document:
    return next(document for document in small_store.catalog.documents() if document.label == "lease.pdf")


@pytest.fixture
def put(small_store: Store, finder: Finder, lease: Document) -> Callable[..., tuple[list[str], Answer]]:
    """Ask the lease; returns the pieces of text as they came, and the answer."""

    def put(reader: Reader, question: str = "What is the monthly rent?", limit: int = 6) -> tuple[list[str], Answer]:
        parts = ask(small_store, finder, reader, question, Scope(doc=lease.doc), limit)
        pieces: list[str] = []
        return pieces, finished(parts, pieces.append)

    return put


Put = Callable[..., tuple[list[str], Answer]]


def test_the_built_in_reader_answers_with_boxes_on_the_page(
    put: Put, small_store: Store, lease: Document, fake_embedder: Embedder
) -> None:
    pieces, answer = put(QuoteReader(fake_embedder.embed_documents), "What is the monthly rent?")
    assert answer.verdict is Verdict.FOUND
    assert "".join(pieces) == answer.text
    assert "1,850.00 EUR" in answer.text
    assert all(citation.verified for citation in answer.citations)
    citation = answer.citations[0]
    assert (citation.doc, citation.label, citation.page, citation.verified) == (lease.doc, "lease.pdf", 1, True)
    line = small_store.page(lease.doc, 1).lines[3]
    assert citation.boxes == ((line[0].box[0], line[0].box[1], line[-1].box[2], line[-1].box[3]),)
    assert (answer.question, answer.reader) == ("What is the monthly rent?", "quote")
    assert answer.seconds >= 0


def test_what_the_papers_do_not_say_is_not_found(put: Put, fake_embedder: Embedder) -> None:
    reader = QuoteReader(fake_embedder.embed_documents)
    pieces, answer = put(reader, "Who won the chess tournament in Reykjavik?")
    assert (pieces, answer.verdict, answer.text, answer.citations) == ([], Verdict.NOT_FOUND, "", ())
    assert len(answer.pages_read) == 2  # it looked


def test_a_true_quote_is_verified_word_for_word(put: Put) -> None:
    pieces, answer = put(Says("The rent is 1,850.00 EUR.", (1, "monthly rent is 1,850.00 EUR")))
    assert pieces == ["The", "rent", "is", "1,850.00", "EUR."]
    [citation] = answer.citations
    assert citation.verified and len(citation.boxes) == 1


@pytest.mark.parametrize(
    "misquote",
    [
        "The monthly rent is 1,950.00 EUR and is due on the third day of each month",
        "The monthly rent is not 1,850.00 EUR and is due on the third day of each month",
        "The tenant pays for all repairs of the premises",
        "",
    ],
)
def test_a_misquote_is_shown_as_unverified_and_has_no_boxes(put: Put, lease: Document, misquote: str) -> None:
    _, answer = put(Says("The rent is 1,950.00 EUR.", (1, misquote), (1, RENT)))
    false, true = answer.citations
    assert (false.verified, false.boxes, false.quote) == (False, (), misquote)
    assert (false.doc, false.page, false.label) == (lease.doc, 1, "lease.pdf")
    assert true.verified
    assert answer.verdict is Verdict.FOUND


def test_a_quote_from_another_page_than_named_is_moved_there(put: Put) -> None:
    _, answer = put(Says("Three months.", (1, NOTICE), (7, NOTICE), (2, NOTICE)))
    assert [(citation.page, citation.verified) for citation in answer.citations] == [(2, True)] * 3
    assert len({citation.boxes for citation in answer.citations}) == 1


def test_the_page_that_was_named_comes_before_others_that_say_the_same(
    empty_store: Store, add_document: Callable[..., Document], fake_embedder: Embedder
) -> None:
    same = "The deposit is 500 EUR."
    document = add_document(empty_store, "twice.pdf", "c", same, f"Once more:\n{same}")
    finder = Finder(empty_store, fake_embedder, FindSettings())
    for page in (1, 2):
        parts = ask(empty_store, finder, Says("500 EUR.", (page, same)), "deposit", Scope(doc=document.doc), 6)
        with pytest.raises(StopIteration) as end:
            while True:
                next(parts)
        assert [citation.page for citation in end.value.value.citations] == [page]


def test_a_quote_from_a_page_that_was_not_read_is_not_verified(put: Put) -> None:
    reader = Says("Three months.", (2, NOTICE))
    _, answer = put(reader, "What is the monthly rent?", limit=1)
    assert [one.page.number for one in reader.given] == [1]
    [citation] = answer.citations
    assert (citation.page, citation.label, citation.verified) == (2, "", False)


def test_an_answer_without_a_quote_is_shown_as_unverified(put: Put) -> None:
    _, answer = put(Says("The rent is 1,850.00 EUR, believe me."))
    assert (answer.verdict, answer.citations) == (Verdict.UNVERIFIED, ())
    assert answer.text == "The rent is 1,850.00 EUR, believe me."
    assert answer.unsupported == ("1,850.00",)  # no page was cited for it


def test_an_answer_is_found_only_if_one_quote_at_least_was_verified(put: Put) -> None:
    _, answer = put(Says("The rent is 1,950.00 EUR.", (1, RENT.replace("8", "9"))))
    assert answer.verdict is Verdict.UNVERIFIED
    assert answer.pages_read  # the nearest pages, to look for oneself
    _, answer = put(Says("The rent is 1,850.00 EUR.", (1, RENT.replace("8", "9")), (1, RENT)))
    assert answer.verdict is Verdict.FOUND


@pytest.mark.parametrize(
    ("said", "unsupported"),
    [
        ("The rent is 1,850.00 EUR.", ()),
        ("The rent is 1850 EUR.", ()),
        ("The rent is EUR 1.850,00, the deposit 5,550.", ()),
        ("The rent is 1,950.00 EUR.", ("1,950.00",)),
        ("That is 22,200.00 EUR a year, or 61 a day [1].", ("22,200.00", "61")),
        ("Asked about 2031: the rent was fixed on 14 March 2026.", ("14 March 2026",)),
        ("1. Rent: 1,850.00\n2. Deposit: 5,550.00", ()),
        ("The rent is due on the third day.", ()),
    ],
)
def test_figures_of_the_answer_that_no_cited_page_holds_are_marked(
    put: Put, said: str, unsupported: tuple[str, ...]
) -> None:
    _, answer = put(Says(said, (1, RENT)), "What will the monthly rent be in 2031?")
    assert answer.verdict is Verdict.FOUND
    assert answer.unsupported == unsupported


def test_a_reader_that_found_nothing_is_believed(put: Put) -> None:
    _, answer = put(Says("Nothing is said about it.", (1, RENT), verdict=Verdict.NOT_FOUND))
    assert answer.verdict is Verdict.NOT_FOUND


def test_the_reader_gets_the_pages_in_their_order_and_no_more_than_allowed(put: Put, lease: Document) -> None:
    reader = Says("x")
    _, answer = put(reader, "notice period to terminate this lease", limit=2)
    assert answer.pages_read == ((lease.doc, 2), (lease.doc, 1))
    assert [(one.page.doc, one.page.number) for one in reader.given] == list(answer.pages_read)
    assert all(one.label == "lease.pdf" and one.image() for one in reader.given)


def test_nothing_is_read_before_it_is_known_where_to_look(small_store: Store, finder: Finder) -> None:
    reader = Says("x")
    with pytest.raises(UnknownCollection):
        next(ask(small_store, finder, reader, "rent", Scope("cellar"), 6))
    assert reader.given == []


def test_an_error_of_the_model_comes_through(put: Put) -> None:
    class Away(Says):
        def answer(
            self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
        ) -> Generator[str, None, Draft]:
            yield "The rent"
            raise ModelUnreachable("gone")

    with pytest.raises(ModelUnreachable):
        put(Away(""))


# ── which reader ─────────────────────────────────────────────────────────────────────────────────────────────────────


def no_embedding(texts: Sequence[str]) -> Vectors:
    raise AssertionError("opening a reader loads nothing")


@pytest.mark.parametrize(
    ("wanted", "url", "kind"),
    [
        ("quote", None, QuoteReader),
        ("auto", None, QuoteReader),
        ("quote", "http://127.0.0.1:1/v1", QuoteReader),
        ("auto", "http://127.0.0.1:1/v1", VisionReader),
        ("vision", "http://127.0.0.1:1/v1", VisionReader),
    ],
)
def test_the_reader_is_the_one_that_was_asked_for(wanted: str, url: str | None, kind: type) -> None:
    reader = open_reader(Settings(model=ModelSettings(base_url=url)), wanted, no_embedding)
    assert type(reader) is kind


def test_without_a_server_there_is_no_vision() -> None:
    with pytest.raises(BadSettings, match="model.base_url is not set"):
        open_reader(Settings(model=ModelSettings(base_url=None)), "vision", no_embedding)
