"""The reader that looks: page images and their text go to a model server, answers and fields come back.

It looks closer once: at first where the print of the best place is small, else a second time where the answer is weak,
that is, where nothing was found or no quote stands on its page. It goes on from an earlier turn on the same pages, in
the same order, so that the server finds the beginning of the prompt again.

It says what the model said. Whether a quote is proof is decided elsewhere (`docqa.verify`), what is said to the model
is in `docqa.prompts`, how a server is spoken to in `docqa.model`, and how a form is filled in `docqa.readers.formfill`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from docqa.errors import ModelError, ModelTimeout
from docqa.model import ModelClient, Tell, untold
from docqa.pages.image import enlarged
from docqa.pages.text import clean
from docqa.prompts import PROMPT_VERSION, AnswerStream, CloseUp, answer_messages, rewrite_messages
from docqa.readers import LOOKED_AGAIN, NOTHING_SAID, Conversation, finished
from docqa.readers.closeup import best_place, is_small
from docqa.readers.formfill import fill_form
from docqa.readers.room import MAX_PAGES, fits, looked_at, without_images
from docqa.settings import ModelSettings
from docqa.types import Draft, Evidence, FieldSpec, Reading, Region, Verdict
from docqa.verify import locate

LONGEST_QUESTION = 300  #: characters of a question that was rewritten
REWRITE_TOKENS = 128
#: Words that point to what was said before, in English, German and French: most questions of a chat stand alone.
_REFERS_BACK = re.compile(
    r"^\W*(?:and|or|but|also|what about|how about|why|und|oder|aber|auch|wieso|warum|et|ou|mais|pourquoi)\b"
    r"|\b(?:it|its|this|these|those|they|them|their|he|she|his|her|him|then|same|former|latter"
    r"|er|ihre?[nmrs]?|sein[enmrs]*|dies\w*|dort|dann|davon|dafür|dazu|damals|gleiche\w*"
    r"|il|elles?|ils|celui|celle|cela|ça)\b",
    re.IGNORECASE,
)


class VisionReader:
    """A `docqa.readers.Reader` on top of a model server that takes images; `tell` hears when the server is silent."""

    def __init__(self, client: ModelClient, settings: ModelSettings, tell: Tell = untold) -> None:
        self.client = client
        self._settings = settings
        self._tell = tell

    @property
    def name(self) -> str:
        """For example "vision:gemma-4-12b"."""
        return f"vision:{self._settings.name}"

    @property
    def version(self) -> str:
        """Prompts, model and image budget: each of them changes what is read."""
        return f"{PROMPT_VERSION}/{self._settings.name}/{self._settings.image_budget}"

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        """Yield the answer's text as the model writes it; closing the generator stops the model."""
        if not pages and not history.pages:
            return Draft(Verdict.NOT_FOUND, "", ())
        pages = self._fitting(question, pages, history)
        look = _Look(self.client, self._settings, question, history, pages, self._tell)
        if small := look.closer(question, only_small=True):
            return (yield from look.answer(small))
        draft = yield from look.answer()
        if not _weak(draft, look.pages):
            return draft
        closer = look.closer(" ".join([question, *(quote.text for quote in draft.quotes)]))
        return draft if closer is None else (yield from _again(look, closer, draft))

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        """Read the fields of one document; raises FieldsUnread with the readings of the others if some can't be."""
        return fill_form(self.client, self._settings, fields, pages) if fields and pages else []

    def _fitting(self, question: str, pages: Sequence[Evidence], history: Conversation) -> list[Evidence]:
        """The pages to read: those of the turn before and the new ones, as many as the model's context holds."""
        budget = self.client.image_budget()
        spare = self._settings.max_tokens + budget  # a close-up may come
        for most in range(MAX_PAGES, 0, -1):
            chosen = together(history.pages, pages, most)
            messages = answer_messages(question, without_images(chosen), history.turns)
            if most == 1 or fits(self.client, chosen, messages, spare):
                break
        return looked_at(chosen, budget)


@dataclass(frozen=True, slots=True)
class _Closer:
    """A part of a page: for the model, and for people."""

    close_up: CloseUp
    region: Region


class _Look:
    """The pages of one question, and what the model says of them."""

    def __init__(
        self,
        client: ModelClient,
        settings: ModelSettings,
        question: str,
        history: Conversation,
        pages: Sequence[Evidence],
        tell: Tell,
    ) -> None:
        self.pages = pages
        self.budget = client.image_budget()
        self._client, self._settings, self._question, self._history = client, settings, question, history
        self._tell = tell

    def closer(self, about: str, only_small: bool = False) -> _Closer | None:
        """The place that speaks most of something; None if none does, or none in `only_small` print."""
        place = best_place(about, self.pages)
        if place is None or (only_small and not is_small(place, self.pages[place.page].page, self.budget)):
            return None
        one = self.pages[place.page]
        image = enlarged(one.image(), place.box, self.budget)
        if image is None:
            return None
        return _Closer(CloseUp(place.page, image), Region(one.page.doc, one.page.number, place.box))

    def answer(self, closer: _Closer | None = None) -> Generator[str, None, Draft]:
        """Ask once, with an enlarged part of a page or without."""
        close_up = closer.close_up if closer else None
        messages = answer_messages(self._question, self.pages, self._history.turns, close_up)
        reply = AnswerStream()
        with self._client.stream(messages, self._settings.max_tokens, tell=self._tell) as pieces:
            for piece in pieces:
                if text := reply.feed(piece):
                    yield text
        return replace(
            reply.draft(self.pages),
            close_up=closer.region if closer else None,
            pages_read=tuple(_key(one) for one in self.pages),
            usage=pieces.usage,
        )


def _again(look: _Look, closer: _Closer, first: Draft) -> Generator[str, None, Draft]:
    """Look closer; what is said then only replaces something that was said before if it is better."""
    if not first.text:
        second = yield from look.answer(closer)
        return replace(second, usage=first.usage)
    second = finished(look.answer(closer))
    if _weak(second, look.pages):
        return first
    yield LOOKED_AGAIN + second.text
    return replace(second, usage=first.usage)


def _weak(draft: Draft, pages: Sequence[Evidence]) -> bool:
    """Nothing was found, or nothing of it can be found on the pages."""
    by_number = {(one.page.doc, one.page.number): one.page for one in pages}
    proven = any(locate(quote.text, by_number[quote.doc, quote.page]) for quote in draft.quotes)
    return draft.verdict is Verdict.NOT_FOUND or not proven


def together(before: Sequence[Evidence], found: Sequence[Evidence], most: int) -> list[Evidence]:
    """The pages of the turn before in their order, then the new ones; at most `most`, what was found goes first.

    Of the pages before, the last that were not found again make room: the longest beginning stays the same.
    """
    wanted = {_key(one) for one in found}
    kept = {_key(one): one for one in before}
    new = [one for one in found if _key(one) not in kept]
    for key in [key for key in reversed(kept) if key not in wanted]:
        if len(kept) + len(new) > most:
            del kept[key]
    return [*kept.values(), *new][:most]


def rewrite_question(client: ModelClient | None, question: str, history: Conversation) -> str:
    """A question that pages can be searched for without the conversation: "and in 2019?" names no subject.

    Without a server, or with an odd reply of it, it is the question, and the one before where it refers to that.
    Raises ModelTimeout: whoever waited for that long is not to wait a second time for the pages.
    """
    if not history.turns:
        return question
    plain = f"{question} {history.turns[-1].question}" if _REFERS_BACK.search(question) else question
    if client is None:
        return plain
    try:
        with client.stream(rewrite_messages(question, history.turns), REWRITE_TOKENS) as pieces:
            said = "".join(pieces)
    except ModelTimeout:
        raise
    except ModelError:  # the search goes on without; if the server is away, reading the pages will say so
        return plain
    rewritten = " ".join(clean(said).split())
    odd = not rewritten or len(rewritten) > LONGEST_QUESTION or len(said.strip().splitlines()) > 1 or "<" in said
    return plain if odd else rewritten


def _key(one: Evidence) -> tuple[str, int]:
    return one.page.doc, one.page.number
