"""Which documents a question names: "What was Best Buy's revenue in FY2023?" means BESTBUY_2023_10K.pdf before others.

People name a document by words of its file name or title, by words they write apart or together ("Best Buy",
BESTBUY), by the first letters of its name ("JnJ", "AMEX"), by its year, quarter, form or date. A word counts the more
the fewer documents bear it in their names. The names are kept in memory and read again when the catalog's have
changed; no page is looked at. Not here: what a guess is worth beside what the pages say (`docqa.find.finder`): it may
be wrong, so it never rules a page out.
"""

from __future__ import annotations

import math
import re
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple

from docqa.find.wording import STOP_WORDS, Said, plain_words, stem
from docqa.store.catalog import Catalog

#: What a name's word counts that is not written out: the beginning of a longer one, the first letters of several.
_BEGINNING, _INITIALS = 0.6, 0.8
_JOINED = 3  #: words that one word of a name may be written apart in
_LEAST_BEGINNING = 3  #: letters
_TITLE = 0.5  #: what a word of the title counts against one of the file name, which somebody chose to tell files apart
#: documents that bear it: where a question holds no rarer word than that, it names none for sure
_FEW = 3
_AS_LIKELY = 0.7  #: of the best score: documents whose names are taken out of the question
_CAPITALS = re.compile(r"[A-Z].*[A-Z]")
_LINKS = frozenset({"and", "of", "the", "und", "et", "de", "der"})  #: words that initials may leave out


@dataclass(frozen=True, slots=True)
class Named:
    """What a question names: documents, the likeliest first, and the words of the question that name them.

    A score is the share of the question's naming words that a document's name accounts for, 0..1, lowered where those
    words are borne by many documents.
    """

    scores: dict[str, float]
    words: frozenset[str]


class Subjects:
    """The names of all documents of a catalog. May be used from several threads at once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._state: tuple[object, ...] | None = None
        self._names = _Names({})

    def named(self, question: str, limit: int, among: Container[str] | None = None) -> Named:
        """The `limit` likeliest documents of those in `among` (None: of all)."""
        return self._current().named(question, limit, among)

    def _current(self) -> _Names:
        with self._lock:
            state = self._catalog.names_state()
            if state != self._state:
                self._names, self._state = _Names(self._catalog.names()), state
            return self._names


@lru_cache(maxsize=4)
def subjects_of(catalog: Catalog) -> Subjects:
    """The names of a catalog's documents, read once for all searches of this process."""
    return Subjects(catalog)


class _Mention(NamedTuple):
    """What may name documents in a question."""

    places: tuple[int, ...]  #: of its words among the question's
    words: tuple[str, ...]  #: as `stem` leaves them
    bearers: dict[str, float]  #: documents, and how much of a name it is to them
    weight: float


class _Names:
    """An index from words to the documents that bear them in their labels and titles."""

    def __init__(self, names: Mapping[str, Sequence[tuple[str, str | None]]]) -> None:
        """`names` maps documents to their (label, title) pairs."""
        self._count = len(names)
        self._bearers: dict[str, dict[str, float]] = defaultdict(dict)
        self._beginnings: dict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        for doc, pairs in names.items():
            for label, title in pairs:
                self._take_in(doc, PurePosixPath(label).stem, 1.0)
                self._take_in(doc, title or "", _TITLE)
        self._vocabulary = sorted(self._bearers)

    def _take_in(self, doc: str, name: str, weight: float) -> None:
        words = [word.text for word in plain_words(name)]
        for word in {stem(part) for text in words for part in (text, *_parts(text))}:
            self._bearers[word][doc] = max(weight, self._bearers[word].get(doc, 0.0))
        if len(words) > 1:
            self._beginnings[words[0][0]].append((doc, tuple(words[:8])))

    def named(self, question: str, limit: int, among: Container[str] | None) -> Named:
        """See `Subjects.named`."""
        credits: dict[str, dict[int, float]] = defaultdict(dict)  # document → place of a word → what it counts
        mentions = []
        for mention in self._mentions(question):
            bearers = {doc: share for doc, share in mention.bearers.items() if among is None or doc in among}
            each = self._rarity(len(bearers)) * mention.weight / len(mention.places)
            for doc, share in bearers.items():
                for place in mention.places:  # once, although file name and title may both bear it
                    credits[doc][place] = max(each * share, credits[doc].get(place, 0.0))
            mentions.append((mention, bearers))
        scores = {doc: sum(places.values()) for doc, places in credits.items()}
        total = sum(
            max(places.get(place, 0.0) for places in credits.values()) for place in set().union(*credits.values())
        )
        if not total:
            return Named({}, frozenset())
        sure = min(1.0, total / max(self._rarity(_FEW), 1.0))
        likeliest = sorted(scores, key=lambda doc: (-scores[doc], doc))[:limit]
        meant = {doc for doc in likeliest if scores[doc] >= _AS_LIKELY * scores[likeliest[0]]}
        naming = {word for mention, bearers in mentions if not meant.isdisjoint(bearers) for word in mention.words}
        return Named({doc: sure * scores[doc] / total for doc in likeliest}, frozenset(naming))

    def _rarity(self, bearers: int) -> float:
        return math.log(1 + (self._count - bearers + 0.5) / (bearers + 0.5))

    def _mentions(self, question: str) -> Iterator[_Mention]:
        words = list(plain_words(question))
        known: set[str] = set()
        for start in range(len(words)):
            for stop in range(start + 1, min(start + _JOINED, len(words)) + 1):
                run = [word.text for word in words[start:stop]]
                joined = stem("".join(run))
                if run[0] in STOP_WORDS or run[-1] in STOP_WORDS or joined not in self._bearers or joined in known:
                    continue
                known.add(joined)
                yield _Mention(tuple(range(start, stop)), tuple(map(stem, run)), self._bearers[joined], 1.0)
        for place, word in enumerate(words):
            if word.text not in STOP_WORDS and stem(word.text) not in known:
                known.add(stem(word.text))
                bearers, weight = self._short_form(word)
                yield _Mention((place,), (stem(word.text),), bearers, weight)

    def _short_form(self, word: Said) -> tuple[dict[str, float], float]:
        """The documents whose names a word only begins or abbreviates, and what that counts."""
        if len(word.text) >= _LEAST_BEGINNING and word.text.isalpha():
            begun = {doc: share for longer in self._begun(word.text) for doc, share in self._bearers[longer].items()}
            if begun:
                return begun, _BEGINNING
        if _CAPITALS.search(word.written):
            names = self._beginnings.get(word.text[0], ())
            return {doc: 1.0 for doc, name in names if is_short_for(word.text, name)}, _INITIALS
        return {}, 0.0

    def _begun(self, word: str) -> Iterator[str]:
        """The longer words of names that begin with a word."""
        for place in range(bisect_left(self._vocabulary, word), len(self._vocabulary)):
            longer = self._vocabulary[place]
            if not longer.startswith(word):
                return
            if longer.isalpha() and len(longer) >= len(word) + 2:
                yield longer


def is_short_for(short: str, name: Sequence[str]) -> bool:
    """Whether a word is made of the beginnings of a name's first words, two of them at least.

    Small words may be left out or stand as an n: "jnj" for "johnson johnson", "amex" for "american express company".
    """

    def rest(at: int, word: int, used: int) -> bool:
        if at == len(short):
            return used >= 2
        if word < len(name):
            if name[word] in _LINKS and rest(at, word + 1, used):
                return True
            for size in range(1, len(name[word]) + 1):
                if short[at : at + size] != name[word][:size] or at + size > len(short):
                    break
                if rest(at + size, word + 1, used + 1):
                    return True
        return used > 0 and short[at] == "n" and at + 1 < len(short) and rest(at + 1, word, used)

    return rest(0, 0, 0)


def _parts(word: str) -> Iterable[str]:
    """The runs of letters and of figures in a word of a file name: "2022q4" → 2022, q4."""
    parts = re.findall(r"q[1-4](?!\d)|\d+|[^\W\d_]+", word)
    return parts if len(parts) > 1 else ()
