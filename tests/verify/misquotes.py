"""Quotes made from the words of pages: true ones as readers give them, and false ones as they invent them.

Nothing here shares code with `docqa.verify`: what is compared there is changed here by other means.
A false quote that happens to stand on its page after all, by plain comparison of its words, is not given out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from falsequotes import FALSE
from quoted import Change, Source, a_run
from truequotes import TRUE

from docqa.types import Page, TextSource


@dataclass(frozen=True)
class Case:
    """A quote and whether it stands on its page."""

    kind: str
    quote: str
    page: Page
    true: bool


def cases(pages: Sequence[Page], seed: int, each: int) -> Iterator[Case]:
    """For every page about `each` quotes of every kind that can be made of it."""
    chance = random.Random(seed)
    for place, page in enumerate(pages):
        other = next((p for p in pages[place + 1 :] + pages[:place] if p.doc != page.doc and len(p.words) > 20), page)
        for true, kinds in ((True, TRUE), (False, FALSE)):
            for kind, change in kinds.items():
                for _ in range(each):
                    quote = _made(change, page, other, chance)
                    if quote and (true or not stands(quote, page)):
                        yield Case(kind, quote, page, true)


def _made(change: Change, page: Page, other: Page, chance: random.Random) -> str | None:
    """A quote of one kind; several runs of words are tried, since not each of them has a month or a minus."""
    for _ in range(25):
        words = a_run(page, chance)
        quote = change(Source(words, page, other, chance)) if words else None
        if quote:
            return quote
    return None


def stands(quote: str, page: Page) -> bool:
    """Whether the words of a quote stand on a page in its stored order or from row to row, compared as plain words."""
    rows = sorted(page.words, key=lambda w: (round((w.box[1] + w.box[3]) * 60), w.box[0]))
    texts = [" ".join(word.text for word in words) for words in (page.words, rows)]
    return any(_plain(quote) in _plain(text) or _bare(quote, text) for text in texts)


def _plain(text: str) -> str:
    return f" {' '.join(text.casefold().split())} "


def _bare(quote: str, text: str) -> bool:
    """The same without any punctuation; figures keep theirs, and are not parts of longer ones."""

    def bare(said: str) -> str:
        figures = re.sub(r"(?<!\d)[^\w\s%$€£‰(-]|[^\w\s%$€£‰)](?!\d)", "", said.casefold())
        return re.sub(r"[\s_]|(?<!\s)[-(](?!\d)|(?<!\d)\)", "", figures)

    wanted = bare(quote)
    return bool(re.search(rf"(?<!\d){re.escape(wanted)}(?![\d%])", bare(text))) if wanted else True


def scanned(page: Page) -> bool:
    """Whether the words of a page were recognised."""
    return page.text_source in (TextSource.OCR, TextSource.BOTH)
