"""Questions about every document: recognised, asked of one document after another, answered with a receipt.

"Which contracts mention a deposit?" has no best six pages. Every document in scope is read, the best pages of a long
one, and the answer names those that are meant, each with its quotes; the receipt says how many were read and which
could not be. One document is held in memory at a time. Whoever takes the answer's text may stop between two documents.

Not here: how a single question is answered (`docqa.ask.answer`), and adding up what was found: each line can be
checked.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

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
from docqa.readers import Reader
from docqa.store import Store
from docqa.types import Answer, Citation, Document, Draft, Evidence, NotRead, Problem, Receipt, Status, Verdict
from docqa.verify import check, cited_pages, printable, unsupported_figures

Progress = Callable[[int, int], None]  #: how many documents were read, and of how many

NEAREST = 3  #: pages named where no document is meant
MOST_SAID = 300  #: characters of what is said of one document
QUOTES = 2  #: kept of each document: the answer of a large collection has to stay one that can be shown
_BEING_READ = Problem("queued", "It is still being read.", "Ask again when it is ready.")


def unheard(read: int, of: int) -> None:
    """Nobody listens to the progress."""


@dataclass(frozen=True, slots=True)
class AboutAll:
    """A question about every document; `topic` is what it asks of each, without the words that ask for all."""

    question: str
    topic: str


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
    summary = tally.summary(len(documents), reader.name)
    yield summary
    nearest = [] if tally.pages else finder.find(asked.topic, NEAREST, scope)
    return Answer(
        question=asked.question,
        verdict=tally.verdict,
        text="".join(tally.lines) + summary,
        citations=tuple(tally.citations),
        pages_read=tuple(tally.pages) or tuple((hit.doc, hit.page) for hit in nearest),
        reader=reader.name,
        seconds=round(time.monotonic() - started, 3),
        unsupported=tuple(dict.fromkeys(tally.unsupported)),
        receipt=Receipt(tally.read, len(documents), tuple(tally.failed), len(tally.lines), tally.pages_read),
    )


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
    answer = reader.answer(question, evidence)
    while True:
        try:
            next(answer)
        except StopIteration as end:
            draft: Draft = end.value
            return draft


def _not_read(document: Document, problem: Problem) -> NotRead:
    return NotRead(document.doc, document.label, problem)


# ── recognising them ─────────────────────────────────────────────────────────────────────────────────────────────────

#: What an office calls its papers, in the plural. Words for other things as well (orders, statements) are not here:
#: "how many orders" is a question about one report as often as not.
_PAPERS = (
    r"(?:documents|files|papers|pdfs|scans|contracts|agreements|leases|invoices|bills|receipts|letters|e-?mails|memos"
    r"|reports|quotations|delivery notes|credit notes|purchase orders|certificates|permits|ndas|payslips|minutes"
    r"|reminders|proposals|cvs|resumes|deeds|judge?ments|applications|claims forms|forms"
    r"|\w*(?:dokumente|dateien|unterlagen|vertrage|vereinbarungen|rechnungen|gutschriften|belege|quittungen|briefe"
    r"|schreiben|e-?mails|angebote|bestellungen|auftrage|lieferscheine|mahnungen|gutachten|protokolle|bescheide|antrage"
    r"|bescheinigungen|urkunden|akten|kundigungen|zeugnisse|berichte|formulare|auszuge)n?"
    r"|documents|fichiers|contrats|factures|lettres|courriers|devis|recus|rapports|attestations|avenants|baux)"
)
_PAPER = (
    r"(?:document|file|paper|pdf|contract|agreement|lease|invoice|bill|receipt|letter|e-?mail|memo|report|quotation"
    r"|delivery note|credit note|purchase order|certificate|permit|nda|payslip|reminder|proposal|cv|deed|form"
    r"|\w*(?:dokument|datei|vertrag|rechnung|beleg|quittung|brief|angebot|bestellung|auftrag|lieferschein|mahnung"
    r"|protokoll|bescheid|antrag|urkunde|akte|bericht|formular))"
)
_BETWEEN = (  # adjectives and the like between "all" and "invoices", never a verb or a preposition
    r"(?:(?!(?:are|is|was|were|do|does|did|has|have|had|in|of|on|by|for|to|from|with|at|as|and|or|that|which|per|than"
    r"|sind|ist|war|hat|haben|wurden?|von|vom|mit|bei|im|am|fur|aus|zu|und|oder|the|our|my|den|dem|les)\b)"
    r"[\w&'.-]+ ){0,3}?"
)
_OURS = r"(?:of )?(?:the |our |my |these |those |von |den |der |die |unseren? |unserer |meinen? |diesen? |nos |mes )*"
_FRAMES = tuple(
    re.compile(frame)
    for frame in (
        rf"\b(?:list|name|show|give|find|enumerate|count)(?: me| us)?(?: a list of)? (?:all )?{_OURS}{_BETWEEN}"
        rf"{_PAPERS}\b",
        rf"\b(?:how many|number of|which|wie ?viele[nr]?|welche[nmrs]?|anzahl (?:der|aller)|combien de|quel(?:le)?s) "
        rf"{_OURS}{_BETWEEN}{_PAPERS}\b",
        r"\b(?:what|was fur) (?:documents|files|dokumente|dateien|unterlagen)\b",
        rf"\b(?:all|any|aller?n?|samtliche[nr]?|tou(?:te)?s(?: les)?) {_OURS}{_BETWEEN}{_PAPERS}\b",
        rf"\b(?:every|each|any|jede[mnrs]?|chaque) (?:single |einzelne[mnrs]? )?{_BETWEEN}{_PAPER}\b",
        rf"\b(?:nenne|liste|zeige?|finde)(?: mir| uns)?(?: bitte)?(?: alle)? {_OURS}{_BETWEEN}{_PAPERS}\b",
        rf"\b(?:liste[rz]?|donne[rz]?|montre[rz]?)(?: moi)?(?: tou(?:te)?s)? (?:les|nos|mes) {_BETWEEN}{_PAPERS}\b",
    )
)
#: What is left of a question without them is what it asks of each document.
_ASKING = re.compile(
    r"^(?:please|bitte|can|could|you|tell|me|us|do|does|did|are|is|was|were|be|there|any|we|i|have|has|had|in|across|over"
    r"|from|through|total|what|list|show|give|find|name|count|enumerate|all|every|each|single|how|many|number|which|our|my"
    r"|mention(?:s|ed|ing)?|contain(?:s|ed|ing)?|includ(?:es?|ed|ing)|that|who|whose|speaks?|talks?|about|say(?:s|ing)?|to"
    r"|refers?|deals?|with|the|of|and|a|an|on|by|for|documents?|files?|papers?|pdfs?|scans?"
    r"|sind|ist|gibt|es|haben|hat|wir|enthalten|enthalt|erwahnen|erwahnt|nennen|nennt|die|der|das|den|dem|wird|werden|von"
    r"|uber|geht|um|mit|fur|im|am|aus|alle[nr]?|samtlichen?|jede[mnrs]?|welche[mnrs]?|wie|viele[nr]?|wieviele|anzahl|nenne"
    r"|liste|auf|zeige?|mir|uns|finde|unseren?|unserer|meinen?|dokumente?n?|dateie?n?|unterlagen"
    r"|mentionnent|contiennent|parlent|qui|sont|y|a-t-il|il|du|les|des|de|tous|toutes|quels|quelles|combien|nos|mes|dans"
    r"|documents|fichiers|s|[-–?!.,]+)$"
)


def recognised(question: str) -> AboutAll | None:
    """Whether a question asks about every document, in English, German or French; None if it asks for one answer."""
    plain = _plain(question)
    frame = next((found for pattern in _FRAMES if (found := pattern.search(plain))), None)
    if frame is None or _of_one_paper(plain, frame):
        return None
    words = (word.strip(".,;:") for word in re.findall(r"[\w&@$€£%][\w&@$€£%.,'’/-]*", question))
    topic = [word for word in words if not _ASKING.match(_plain(word))]
    return AboutAll(question, " ".join(topic)) if topic else None


_LISTED = re.compile(
    r" (?:listed|named|mentioned|referred to|described|attached|enclosed|filed|genannt|(?:did|does|was) (?!we\b|i\b))"
)
_INSIDE = re.compile(r"\b(?:in|of|according to) (?:the|this|that) (?:\w+ ){0,3}?(?:report|contract|letter|annex)\b")


def _of_one_paper(plain: str, frame: re.Match[str]) -> bool:
    """Whether the papers asked for are those that one paper speaks of: the agreements listed in the annual report."""
    after = plain[frame.end() : frame.end() + 60]
    return bool(_LISTED.match(after) or _INSIDE.search(after))


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", " ".join(text.split()).casefold().replace("’", "'"))
    return "".join(c for c in folded if not unicodedata.combining(c))
