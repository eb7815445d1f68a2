"""Going on from an earlier question: what is searched for, and which pages are read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from docqa.ask.followup import conversation, read_pages, searched
from docqa.embed import Embedder
from docqa.readers import NOTHING_SAID, Conversation, Exchange
from docqa.readers.quote import QuoteReader
from docqa.readers.vision import MAX_PAGES
from docqa.store import Store
from docqa.types import Answer, Draft, Verdict


@pytest.fixture
def answer(small_store: Store) -> Answer:
    """An answer that was read from the lease's second page, and then from its first."""
    lease = next(one for one in small_store.catalog.documents() if one.label == "lease.pdf")
    read = ((lease.doc, 2), (lease.doc, 1))
    return Answer("What is the rent?", Verdict.FOUND, "1,850.00 EUR", (), read, "quote", 0.1)


def test_a_chat_leaves_its_turns_and_the_pages_of_the_last(small_store: Store, answer: Answer) -> None:
    earlier = replace(answer, question="Who?", text="Somebody", verdict=Verdict.NOT_FOUND, pages_read=())
    history = conversation(small_store, [earlier, answer])
    assert history.turns == (Exchange("Who?", ""), Exchange("What is the rent?", "1,850.00 EUR"))
    assert [(one.label, one.page.number) for one in history.pages] == [("lease.pdf", 2), ("lease.pdf", 1)]
    assert conversation(small_store, []) == NOTHING_SAID


def test_pages_that_are_gone_or_too_many_are_left_out(small_store: Store, answer: Answer) -> None:
    gone = replace(answer, pages_read=(("0" * 64, 1), *answer.pages_read[:1], (answer.pages_read[0][0], 99)))
    assert [one.page.number for one in conversation(small_store, [gone]).pages] == [2]
    many = replace(answer, pages_read=answer.pages_read * MAX_PAGES)
    assert conversation(small_store, [many]).pages == ()


def test_a_question_is_searched_for_with_the_one_before(fake_embedder: Embedder) -> None:
    reader = QuoteReader(fake_embedder.embed_documents)
    history = Conversation((Exchange("What is the rent?", "1,850.00 EUR"),))
    assert searched(reader, "And the deposit?", history) == "And the deposit? What is the rent?"
    assert searched(reader, "And the deposit?", NOTHING_SAID) == "And the deposit?"


def test_the_pages_that_were_read_are_those_the_draft_names(small_store: Store, answer: Answer) -> None:
    second, first = conversation(small_store, [answer]).pages
    history = Conversation((), (second,))
    draft = Draft(Verdict.FOUND, "x", ())
    assert read_pages(draft, [first], history) == [first]
    both = replace(draft, pages_read=answer.pages_read)
    assert read_pages(both, [first], history) == [second, first]
