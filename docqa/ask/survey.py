"""Questions about every document: asked of one document after another, answered with a receipt.

"Which contracts mention a deposit?" has no best six pages. Every document in scope is read, the best pages of a long
one, and the answer names those that are meant, each with its quotes; the receipt says how many were read and which
could not be. One document is held in memory at a time. Whoever takes the answer's text may stop between two documents.

Not here: which questions are of that kind (`docqa.ask.everydocument`), how a single question is answered
(`docqa.ask.answer`), and adding up what was found: each line can be checked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence

from docqa.ask.everydocument import AboutAll
from docqa.errors import (
    ModelBadAnswer,
    ModelBusy,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
    StoreDamaged,
    UnknownDocument,
)
from docqa.find import Finder, Scope
from docqa.prompts import ONE_OF_MANY
from docqa.readers import Reader, finished
from docqa.store import Store
from docqa.types import Answer, Citation, Document, Draft, Evidence, Hit, NotRead, Problem, Receipt, Status, Verdict
from docqa.verify import check, cited_pages, printable, unsupported_figures

Progress = Callable[[int, int], None]  #: how many documents were read, and of how many

NEAREST = 3  #: pages named where no document is meant
MOST_SAID = 300  #: characters of what is said of one document
QUOTES = 2  #: kept of each document: the answer of a large collection has to stay one that can be shown
_BEING_READ = Problem("queued", "It is still being read.", "Ask again when it is ready.")


def unheard(read: int, of: int) -> None:
    """Nobody listens to the progress."""


def survey(
    store: Store,
    finder: Finder,
    reader: Reader,
    asked: AboutAll,
    scope: Scope,
    limit: int,
    progress: Progress = unheard,
) -> Generator[str, None, Answer]:
    """Ask every document in scope: yields a line for each that is meant, or "" for one that is not.

    Raises UnknownCollection, StoreError, and ModelError if the server answers for no document at all.
    """
    started, tally = time.monotonic(), _Tally()
    documents = [d for d in store.catalog.documents(scope.collection) if d.doc != scope.without]
    for number, document in enumerate(documents):
        progress(number, len(documents))
        try:
            line = _ask_one(store, finder, reader, asked, document, limit, tally)
        except (ModelUnreachable, ModelRefused, ModelBusy) as error:  # it will say the same about the next one
            if not tally.read:
                raise
            tally.failed += [_not_read(left, error.problem) for left in documents[number:]]
            break
        yield line
    progress(len(documents), len(documents))
    yield tally.summary(len(documents), reader.name)
    nearest = [] if tally.pages else finder.find(asked.topic, NEAREST, scope)
    return tally.answer(asked.question, len(documents), nearest, reader.name, time.monotonic() - started)


class _Tally:
    """What the documents said so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.citations: list[Citation] = []
        self.pages: list[tuple[str, int]] = []  #: of the documents that are meant
        self.failed: list[NotRead] = []
        self.unsupported: list[str] = []
        self.read = 0
        self.pages_read = 0

    @property
    def verdict(self) -> Verdict:
        if not self.lines:
            return Verdict.NOT_FOUND
        return Verdict.FOUND if any(citation.verified for citation in self.citations) else Verdict.UNVERIFIED

    def summary(self, of: int, reader: str) -> str:
        """The last line: nobody should have to count, or to guess what "all" means."""
        if not self.lines:
            return ""
        holds = "hold a passage that matches" if reader == "quote" else "are meant, as far as the reader can tell"
        return f"{len(self.lines)} of {of} documents {holds}; {self.read} of {of} were read."

    def answer(self, question: str, of: int, nearest: Sequence[Hit], reader: str, seconds: float) -> Answer:
        """All of it as the answer; where no document is meant, with the pages that come nearest."""
        return Answer(
            question=question,
            verdict=self.verdict,
            text="".join(self.lines) + self.summary(of, reader),
            citations=tuple(self.citations),
            pages_read=tuple(self.pages) or tuple((hit.doc, hit.page) for hit in nearest),
            reader=reader,
            seconds=round(seconds, 3),
            unsupported=tuple(dict.fromkeys(self.unsupported)),
            receipt=Receipt(self.read, of, tuple(self.failed), len(self.lines), self.pages_read),
        )

    def note(self, document: Document, draft: Draft, citations: Sequence[Citation]) -> str:
        """Keep what one document says; returns its line."""
        kept = [c for c in citations if c.verified][:QUOTES] or list(citations[:1])
        first = len(self.citations) + 1
        marks = " ".join(f"[{first + n}]" for n in range(len(kept)))
        said = " ".join(printable(draft.text).split())[:MOST_SAID]
        doubt = "" if any(c.verified for c in kept) else " (no quote of it could be verified)"
        self.citations += kept
        self.lines.append(f"{document.label}: {said} {marks}".rstrip() + f"{doubt}\n")
        return self.lines[-1]


def _ask_one(
    store: Store, finder: Finder, reader: Reader, asked: AboutAll, document: Document, limit: int, tally: _Tally
) -> str:
    """One document's line, empty if it is not meant or could not be read.

    Raises ModelUnreachable, ModelRefused, ModelBusy.
    """
    if document.status not in (Status.READY, Status.PARTIAL):
        tally.failed.append(_not_read(document, document.problem or _BEING_READ))
        return ""
    try:
        evidence = _evidence(store, finder, asked, document, limit)
        draft = _drafted(reader, asked, evidence)
    except (ModelBadAnswer, ModelTimeout, StoreDamaged, UnknownDocument) as error:
        tally.failed.append(_not_read(document, error.problem))
        return ""
    tally.pages_read += len(evidence)
    if document.status is Status.PARTIAL and document.problem is not None:
        tally.failed.append(_not_read(document, document.problem))
    else:
        tally.read += 1
    if draft.verdict is not Verdict.FOUND:
        return ""
    citations = [check(quote, evidence) for quote in draft.quotes]
    tally.pages += [(one.page.doc, one.page.number) for one in evidence]
    tally.unsupported += unsupported_figures(draft.text, asked.question, cited_pages(citations, evidence))
    return tally.note(document, draft, citations)


def _evidence(store: Store, finder: Finder, asked: AboutAll, document: Document, limit: int) -> list[Evidence]:
    """All pages of a short document, the best ones of a long one, in the order in which they answer."""
    if document.pages_done <= limit:
        return store.evidence(document)
    ranked = [hit.page for hit in finder.find(asked.topic, limit, Scope(doc=document.doc))]
    found = {one.page.number: one for one in store.evidence(document, ranked or range(1, limit + 1))}
    return [found[page] for page in ranked if page in found] if ranked else list(found.values())


def _drafted(reader: Reader, asked: AboutAll, evidence: Sequence[Evidence]) -> Draft:
    """What the reader says of one document. The built-in one looks for the topic; a model is told what is wanted."""
    question = asked.topic if reader.name == "quote" else ONE_OF_MANY + asked.question
    return finished(reader.answer(question, evidence))


def _not_read(document: Document, problem: Problem) -> NotRead:
    return NotRead(document.doc, document.label, problem)
