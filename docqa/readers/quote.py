"""The built-in reader: no model, it only quotes.

An answer is the best sentence or table row of the pages it is given, up to three of them. Each candidate is scored by
how much of the question it, the lines next to it and the head of its page speak of, rare words counting more; by
whether it holds the kind of thing asked for (a figure, a date); and a little by closeness in meaning. A candidate that
only repeats the question is none. Where too little of the question is spoken of, or nothing comes close in meaning,
the answer is "not found"; so it is where the documents do not speak of whom or what the question names. It never words
anything itself: what it says stands on a page.

Weights were chosen on sample_docs/questions.jsonl, the limits where something is named on half of the questions that
`docqa eval qa --leave-out` asks. Fields are read by `docqa.readers.layout`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from docqa.extract.values import find_dates
from docqa.readers import NOTHING_SAID, Conversation
from docqa.readers.layout import read_fields
from docqa.store.library import Vectors
from docqa.types import Draft, Evidence, FieldSpec, Quote, Reading, Verdict, Word
from docqa.verify import locate

SPOKEN_OF = 0.5  #: share of the question, rare words counting more, that an answer and its surroundings speak of
SPOKEN_OF_NAMED = 0.4  #: … where the question names somebody or something and the document is about that
CLOSE = 0.5  #: cosine that at least one candidate has to the question
NAMED = 0.6  #: share of the names in a question that the pages or the label of a document have to hold
MAX_QUOTES = 3
_ALSO = 0.9  #: share of the best score another quote needs to be shown too
_LONGEST = 400  #: characters of a candidate
_SHORT_LINE = 60  #: characters under which a line may be a label whose value stands below it
_READ_CLOSELY = 48  #: candidates, best first by words, whose meaning is compared

_WORD = re.compile(r"[^\W_]+(?:[.,'’][^\W_]+)*")
_SUFFIX = re.compile(r"(?:ments?|ations?|ables?|ings?|ed|e?s|en|er|e)$")
_SENTENCE_END = re.compile(r"[.!?][\"'”’)]*$")
_ABBREVIATION = re.compile(r"^(?:[A-Z]|Nr|No|Mr|Mrs|Ms|Dr|St|Inc|Ltd|Co|Corp|Art|Sec|vs|etc|approx|z\.B|bzw)\.$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STOP = _words(
    """a about all an and any are as at be been by can could did do does for from had has have how i if in into is it
    its me much many my of on or our please should so such tell than that the their them then there these they this
    those to was we were what when where which who whom whose why will with would you your give name according document
    aus bei das dem den der des die ein eine einem einen einer es für hat im in ist mit sind und von vom war was welche
    welcher welches wer wann wie wo wurde zu zum zur
    à au aux avec ce ces combien comment dans de des du elle en est et il la le les leur par pour quand que quel quelle
    quelles quels qui quoi sa ses son sont sur un une"""
)
_AMOUNT_ASKED = re.compile(
    r"\b(how (much|many)|amount|total|price|cost|sum|fee|rate|percent\w*|wie ?viel|betrag|summe|"
    r"combien|montant|prix|number|figure|revenue|value)\b",
    re.IGNORECASE,
)
_DATE_ASKED = re.compile(r"\b(when|date|day|year|month|deadline|wann|datum|quand|jour)\b", re.IGNORECASE)
_RUNNING = re.compile(r"\b(page|seite|p\.) ?\d+( ?(of|von|de|sur|/) ?\d+)?$", re.IGNORECASE)  #: head or foot of a page
_DIGIT = re.compile(r"\d")
_SENTENCE = re.compile(r"[.?!:]\s+$")  #: another one begins
_OWNED = re.compile(r"['’]s$", re.IGNORECASE)
_FISCAL = re.compile(r"^fy(?=(?:19|20)\d\d$)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_PERIOD = re.compile(r"(?:FY|Q|H|CY)\d.*|\d.*(?:st|nd|rd|th|s)", re.IGNORECASE)
_GERMAN = re.compile(
    r"\b(?:der|die|das|dem|den|des|wie|wann|wer|wo|welche[mnrs]?|ist|sind|hat|und|von|vom|wurde)\b", re.I
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence or row with the terms of what surrounds it."""

    evidence: Evidence
    text: str
    rank: int  #: of its page among the pages given, from 0
    lines: frozenset[int]  #: of the page that it touches
    terms: frozenset[str]
    near: frozenset[str]  #: of the lines next to it
    head: frozenset[str]  #: of the label and the top of the page: what the page is about
    page: frozenset[str]


class QuoteReader:
    """Answers by quoting and fills fields by layout rules. `embed` turns texts into unit vectors."""

    name = "quote"
    version = "quote-5"

    def __init__(self, embed: Callable[[Sequence[str]], Vectors]) -> None:
        self._embed = embed

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        """Yield the quotes one after another; return them as the answer, or that nothing was found.

        What was said before only helps to find pages: it is not looked at here.
        """
        chosen = self._best(question, pages)
        if not chosen:
            return Draft(Verdict.NOT_FOUND, "", ())
        for number, candidate in enumerate(chosen):
            yield ("\n" if number else "") + candidate.text
        quotes = tuple(Quote(c.evidence.page.doc, c.evidence.page.number, c.text) for c in chosen)
        return Draft(Verdict.FOUND, "\n".join(c.text for c in chosen), quotes)

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        """Read fields by labels, types and layout."""
        return read_fields(fields, [evidence.page for evidence in pages])

    def _best(self, question: str, pages: Sequence[Evidence]) -> list[_Candidate]:
        """The candidates that answer, the best first; none if the evidence is weak."""
        named = names(question)
        meant = _about(question, named, pages)
        candidates = [c for rank, evidence in enumerate(pages) for c in _candidates(evidence, rank)]
        asked = _Asked.of(question, candidates)
        spoken_of = SPOKEN_OF_NAMED if named else SPOKEN_OF
        candidates = [c for c in candidates if c.evidence.page.doc in meant]
        if not asked.weights or not candidates:
            return []
        ranked = sorted(candidates, key=asked.wording, reverse=True)[:_READ_CLOSELY]
        if max(map(asked.spoken_of, ranked)) < spoken_of:  # meaning takes long to compare, and could not help
            return []
        near = self._closeness(question, ranked)
        scores = [asked.score(candidate) + 0.1 * close_to for candidate, close_to in zip(ranked, near, strict=True)]
        order = sorted(range(len(ranked)), key=lambda i: (-scores[i], i))
        standing = (i for i in order if _stands(ranked[i]))
        best = next(standing, None)
        if best is None or max(near) < CLOSE or asked.spoken_of(ranked[best]) < spoken_of:
            return []
        also = takewhile(lambda i: scores[i] >= _ALSO * scores[best], standing)
        return _distinct([ranked[i] for i in (best, *also)])[:MAX_QUOTES]

    def _closeness(self, question: str, candidates: Sequence[_Candidate]) -> list[float]:
        vectors = self._embed([question, *(c.text for c in candidates)])
        return [float(near) for near in np.asarray(vectors[1:] @ vectors[0])]


def _stands(candidate: _Candidate) -> bool:
    """Whether a candidate would be verified: lines can join the end of one cell and the beginning of another."""
    return locate(candidate.text, candidate.evidence.page) is not None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks for. `weights` of its terms add up to 1; a term few candidates hold weighs more."""

    weights: dict[str, float]
    kind: Callable[[str], object]  #: finds what an answer has to hold

    @classmethod
    def of(cls, question: str, candidates: Sequence[_Candidate]) -> _Asked:
        asked = terms(question)
        holding = Counter(term for candidate in candidates for term in candidate.terms & asked)
        rarity = {term: math.log(1 + len(candidates) / (1 + holding[term])) for term in asked}
        total = sum(rarity.values())
        return cls({term: rare / total for term, rare in rarity.items()} if total else {}, _kind(question))

    def wording(self, candidate: _Candidate) -> float:
        """How much of the question stands in the candidate itself; its surroundings count less."""
        asked = self.weights.keys()
        near, head = asked & candidate.near - candidate.terms, asked & candidate.head - candidate.near
        own = self._weigh(asked & candidate.terms)
        return own + 0.5 * self._weigh(near) + 0.3 * self._weigh(head - candidate.terms)

    def score(self, candidate: _Candidate) -> float:
        """How well the candidate answers, as far as words can tell."""
        rest = self.weights.keys() - candidate.terms - candidate.near - candidate.head
        score = 0.4 * self.spoken_of(candidate) + 0.2 * self._weigh(rest & candidate.page)
        new = candidate.terms - self.weights.keys()
        score += 0.2 * bool(self.kind(candidate.text) and (self.kind is _anything or any(map(_DIGIT.search, new))))
        return score + 0.06 / (1 + candidate.rank) - 0.3 * (not new)

    def spoken_of(self, candidate: _Candidate) -> float:
        """The share of the question that the candidate and its surroundings speak of."""
        return self._weigh(self.weights.keys() & (candidate.terms | candidate.near | candidate.head))

    def _weigh(self, found: Set[str]) -> float:
        return sum(self.weights[term] for term in found)


def _kind(question: str) -> Callable[[str], object]:
    if _DATE_ASKED.search(question):
        return find_dates
    return _DIGIT.search if _AMOUNT_ASKED.search(question) else _anything


def _anything(text: str) -> bool:
    return True


def terms(text: str) -> frozenset[str]:
    """The words of a text that mean something, folded and cut to their stem."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return frozenset(_stem(word) for found in _WORD.findall(plain) if (word := _OWNED.sub("", found)) not in _STOP)


def names(question: str) -> frozenset[str]:
    """The terms of a question that name somebody or something: capitalised within it, or of letters and digits.

    Short capitals are abbreviations of anything, FY2022 is a year. Where most words are capitalised, as in German or in
    a heading, capitals tell nothing; only letters and digits together do.
    """
    found = [(_OWNED.sub("", word.group()), word.start()) for word in _WORD.finditer(question)]
    meaning = [word for word, _ in found if word.casefold() not in _STOP and not _PERIOD.fullmatch(word)]
    blind = sum(word[0].isupper() for word in meaning) > 0.6 * len(meaning) or bool(_GERMAN.search(question))
    named = [
        word
        for word, start in found
        if word.casefold() not in _STOP
        and not _PERIOD.fullmatch(word)
        and _is_name(word, blind or not question[:start].strip() or bool(_SENTENCE.search(question[:start])))
    ]
    return frozenset() if question.isupper() else terms(" ".join(named))


def _is_name(word: str, capital_tells_nothing: bool) -> bool:
    if _DIGIT.search(word):
        return any(map(str.isalpha, word))
    if word.isupper():
        return len(word) > 4
    return word[0].isupper() and not capital_tells_nothing


def _about(question: str, named: Set[str], pages: Sequence[Evidence]) -> set[str]:
    """The documents that are about what a question names: label or pages hold most of its names, and one of its years.

    All of them where nothing is named.
    """
    years = {term for term in terms(question) if _YEAR.fullmatch(term)}
    held: dict[str, set[str]] = {}
    for evidence in pages:
        of_document = held.setdefault(evidence.page.doc, set())
        if named or years:
            of_document |= terms(evidence.label) | terms(evidence.page.text)
    return {
        doc
        for doc, found in held.items()
        if len(named & found) >= NAMED * len(named) and (not years or not years.isdisjoint(found))
    }


def _stem(word: str) -> str:
    """Enough to bring `invoices`, `invoiced` and `invoice` together; numbers stay whole."""
    if _DIGIT.search(word):
        return _FISCAL.sub("", word.replace(",", ""))
    bare = _SUFFIX.sub("", word)
    return (bare if len(bare) > 2 else word)[:6]


def _distinct(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Leave out what shares a line with a better quote."""
    kept: list[_Candidate] = []
    for candidate in candidates:
        same_page = [k for k in kept if k.rank == candidate.rank]
        if not any(candidate.lines.intersection(k.lines) for k in same_page):
            kept.append(candidate)
    return kept


# ── candidates ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _candidates(evidence: Evidence, rank: int) -> Iterator[_Candidate]:
    """Sentences, rows, and short lines together with the line below them."""
    lines = evidence.page.lines
    head = terms(evidence.label) | terms(" ".join(_text(line) for line in lines[:4]))
    of_lines = [terms(_text(line)) for line in lines]
    page = frozenset[str]().union(*of_lines)
    for first, last, text in [*_sentences(lines), *_labelled(lines)]:
        if len(text) >= 3 and not _RUNNING.search(text):
            near = frozenset[str]().union(*of_lines[max(0, first - 3) : last + 2])
            touched = frozenset(range(first, last + 1))
            yield _Candidate(evidence, text[:_LONGEST], rank, touched, terms(text), near, head, page)


def _sentences(lines: Sequence[Sequence[Word]]) -> Iterator[tuple[int, int, str]]:
    """(first line, last line, text) of each sentence of the prose, and of each row of what is not prose."""
    words: list[str] = []
    first = 0
    for number, line in enumerate(lines):
        unfinished = words and line[0].text[0].islower()  # the short last line of a paragraph
        if _is_row(line) and not unfinished:
            if words:
                yield first, number - 1, " ".join(words)
            yield number, number, _text(line)
            words = []
            continue
        for word in line:
            if not words:
                first = number
            words.append(word.text)
            ended = _SENTENCE_END.search(word.text) and not _ABBREVIATION.match(word.text)
            if ended or len(" ".join(words)) > _LONGEST:
                yield first, number, " ".join(words)
                words = []
    if words:
        yield first, len(lines) - 1, " ".join(words)


def _is_row(line: Sequence[Word]) -> bool:
    """A table row, a label with its value, a heading: too short or too gappy to be a line of prose."""
    width = line[-1].box[2] - line[0].box[0]
    if width < 0.35 and len(line) < 8:
        return True
    letter = sum(w.box[2] - w.box[0] for w in line) / max(1, sum(len(w.text) for w in line))
    gaps = [right.box[0] - left.box[2] for left, right in zip(line, line[1:], strict=False)]
    return any(gap > 4 * letter for gap in gaps)


def _labelled(lines: Sequence[Sequence[Word]]) -> Iterator[tuple[int, int, str]]:
    """A short line and the one below it: a label above its value, a heading above its sentence."""
    for number, (upper, lower) in enumerate(zip(lines, lines[1:], strict=False)):
        text = _text(upper)
        label = len(text) < _SHORT_LINE and not text[0].islower() and text[-1] not in ".;,"
        if label and len(_text(lower)) < 2 * _SHORT_LINE:
            yield number, number + 1, f"{text} {_text(lower)}"


def _text(line: Sequence[Word]) -> str:
    return " ".join(word.text for word in line)
