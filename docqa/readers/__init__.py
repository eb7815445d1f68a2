"""Readers: something that reads pages and says what stands there.

Two of them share one interface: `docqa.readers.quote.QuoteReader` (built in, no model) and
`docqa.readers.vision.VisionReader` (page images to a model server). Whatever a reader says is unchecked until
`docqa.verify` matched it to the words of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from docqa.errors import ModelBadAnswer
from docqa.types import Draft, Evidence, FieldSpec, Reading

#: A piece of an answer that a reader gives when it looks a second time: what comes after it replaces what came before.
LOOKED_AGAIN = "\n\nLooked again, closer:\n"

Whole = TypeVar("Whole")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question of an earlier turn and the text of its answer; empty where nothing was found."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said before a question, the oldest first, and the pages of the turn before as they were read."""

    turns: tuple[Exchange, ...] = ()
    pages: tuple[Evidence, ...] = ()


NOTHING_SAID = Conversation()


class FieldsUnread(ModelBadAnswer):
    """Some fields of a document could not be read, each for its reason; `readings` are those of all the others.

    A field that is neither in `fields` nor in `readings` was looked for, and the pages do not hold it.
    """

    def __init__(self, reasons: Mapping[str, ModelBadAnswer], readings: Sequence[Reading]) -> None:
        first = next(iter(reasons.values()))
        super().__init__(f"Not read: {', '.join(reasons)}. {first.message}", first.hint)
        self.fields = tuple(reasons)
        self.readings = tuple(readings)


class Reader(Protocol):
    """Answers questions and fills fields from pages it is given; finding the pages is not its job."""

    @property
    def name(self) -> str:
        """Names the reader in answers, e.g. "quote" or "vision:gemma-4-12b"."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same pages could be read differently: part of the identity of ledger cells."""
        ...

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        """Yield the answer's text as it comes; return the whole draft with its quotes.

        The text of the draft is what counts: the pieces, or those after LOOKED_AGAIN. A reader may also read the pages
        of the turn before; the draft says what it read.

        Raises ModelError when a model server is involved and fails.
        """
        ...

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        """Read the fields of one document from its pages; a field that is not there has no reading.

        Raises ModelError when a model server is involved and fails; FieldsUnread, which is one, has what was read.
        """
        ...


def finished(parts: Generator[str, None, Whole], show: Callable[[str], object] = lambda part: None) -> Whole:
    """Show a text as it comes; returns what it ends with: a reader's draft, or the checked answer."""
    while True:
        try:
            show(next(parts))
        except StopIteration as end:
            whole: Whole = end.value
            return whole
