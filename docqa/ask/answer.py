"""The whole story of an answer: find the pages, have them read, check every quote.

A question about every document goes another way: see `docqa.ask.survey`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace

from docqa.ask.everydocument import recognised
from docqa.ask.followup import read_pages, searched
from docqa.ask.survey import Progress, survey, unheard
from docqa.errors import BadSettings
from docqa.find import Finder, Scope
from docqa.model import Tell, client_for, untold
from docqa.readers import NOTHING_SAID, Conversation, Reader
from docqa.readers.quote import QuoteReader
from docqa.readers.vision import VisionReader
from docqa.settings import Settings
from docqa.store import Store
from docqa.store.library import Vectors
from docqa.types import Answer, Citation, Draft, Evidence, Hit, Verdict
from docqa.verify import check, cited_pages, printable, unsupported_figures


def open_reader(
    settings: Settings, wanted: str, embed: Callable[[Sequence[str]], Vectors], tell: Tell = untold
) -> Reader:
    """The reader asked for: "quote", "vision", or "auto" for vision where a model server is set.

    `embed` is `Embedder.embed_documents`, or something that will load it; `tell` hears, in a sentence, when the model
    server says nothing for a while. Raises BadSettings.
    """
    if wanted == "quote" or (wanted == "auto" and settings.model.base_url is None):
        return QuoteReader(embed)
    if settings.model.base_url is None:
        raise BadSettings("There is no model server: model.base_url is not set.", "Set it, or use --reader quote.")
    return VisionReader(client_for(settings.model), settings.model, tell)


def ask(
    store: Store,
    finder: Finder,
    reader: Reader,
    question: str,
    scope: Scope,
    limit: int,
    history: Conversation = NOTHING_SAID,
    progress: Progress = unheard,
) -> Generator[str, None, Answer]:
    """Answer a question from at most `limit` pages: yields the text as it comes, returns the checked answer.

    With a `history` the pages of the turn before are read as well. A piece that begins with LOOKED_AGAIN replaces all
    before it. A question about every document is asked of each in turn; `progress` hears how far that is.
    Raises ModelError, UnknownCollection, UnknownDocument, StoreError.
    """
    about_all = recognised(question) if scope.doc is None else None
    if about_all is not None:
        return (yield from survey(store, finder, reader, about_all, scope, limit, progress))
    started = time.monotonic()
    found = _evidence(store, finder.find(searched(reader, question, history), limit, scope))
    draft = yield from _printable(reader.answer(question, found, history))
    evidence = read_pages(draft, found, history)
    citations = tuple(check(quote, evidence) for quote in draft.quotes)
    return Answer(
        question=question,
        verdict=_verdict(draft, citations),
        text=draft.text,
        citations=citations,
        pages_read=tuple((one.page.doc, one.page.number) for one in evidence),
        reader=reader.name,
        seconds=round(time.monotonic() - started, 3),
        unsupported=unsupported_figures(draft.text, question, cited_pages(citations, evidence)),
    )


def _printable(parts: Generator[str, None, Draft]) -> Generator[str, None, Draft]:
    """Whatever a document or a model says, nothing in it may steer a terminal or turn text around."""
    with closing(parts):
        while True:
            try:
                yield printable(next(parts))
            except StopIteration as end:
                draft: Draft = end.value
                return replace(draft, text=printable(draft.text))


def _evidence(store: Store, hits: Sequence[Hit]) -> list[Evidence]:
    """The pages of the hits, in their order.

    A page whose chunks are there before it, for a moment, is left out, and so is a document withdrawn since the search.
    """
    there = {document.doc: document for document in store.catalog.documents(docs={hit.doc for hit in hits})}
    return [one for hit in hits if hit.doc in there for one in store.evidence(there[hit.doc], [hit.page])]


def _verdict(draft: Draft, citations: Sequence[Citation]) -> Verdict:
    """An answer that no verified quote proves is shown, but it is not found."""
    if draft.verdict is not Verdict.FOUND:
        return draft.verdict
    return Verdict.FOUND if any(citation.verified for citation in citations) else Verdict.UNVERIFIED
