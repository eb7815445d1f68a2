"""A reader that does as it is told and goes wrong when it is told to, and what a run has made of its readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence

from docqa.extract.run import start_run
from docqa.extract.table import run_table
from docqa.readers import NOTHING_SAID, Conversation
from docqa.settings import ModelSettings, Settings
from docqa.store import Store
from docqa.types import Cell, Document, Draft, Evidence, FieldSpec, FieldType, Reading

AddDocument = Callable[..., Document]

TOTAL = FieldSpec("total", FieldType.AMOUNT)
SELLER = FieldSpec("seller", FieldType.TEXT)
FIELDS = (TOTAL, SELLER)
SETTINGS = Settings(model=ModelSettings(base_url=None))


class Kill(BaseException):
    """Stands for kill -9: nothing that handles errors sees it."""


class Clerk:
    """A reader that reads "Total 12.00" and "Seller X" and goes wrong at the calls it was told to, by number from 1."""

    name = "clerk"

    def __init__(self, version: str = "clerk-1", wrong: dict[int, BaseException] | None = None) -> None:
        self.version = version
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.wrong = wrong or {}
        self.always: dict[str, BaseException] = {}  #: by label of the document

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        raise NotImplementedError

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        self.calls.append((pages[0].label, tuple(field.name for field in fields)))
        error = self.wrong.get(len(self.calls)) or self.always.get(pages[0].label)
        if error is not None:
            raise error
        lines = {line[0].text.casefold(): line for one in pages for line in one.page.lines}
        return [
            Reading(field.name, line[1].text, pages[0].page.number, " ".join(word.text for word in line), 0.9)
            for field in fields
            if (line := lines.get(field.name))
        ]

    @property
    def labels(self) -> Counter[str]:
        return Counter(label for label, _ in self.calls)


Employ = Callable[[Clerk], Clerk]


def in_order(store: Store) -> list[str]:
    """The ids in the order in which a run takes them."""
    return sorted(document.doc for document in store.catalog.documents())


def start(store: Store, fields: Sequence[FieldSpec] = FIELDS, docs: Sequence[str] | None = None) -> int:
    return start_run(store, SETTINGS, fields, "auto", in_order(store) if docs is None else docs)


def values(store: Store, run: int) -> list[dict[str, str | None]]:
    rows = sorted(run_table(store, run), key=lambda row: row.document.doc)
    return [{name: cell.value for name, cell in row.cells.items()} for row in rows]


def state(store: Store, run: int) -> tuple[int, int, int]:
    [found] = store.catalog.ledger.runs(run)
    return found.documents, found.done, found.failed


def codes(store: Store, run: int) -> list[str | None]:
    rows = sorted(run_table(store, run), key=lambda row: row.document.doc)
    return [row.problem.code if row.problem else None for row in rows]


def everything(store: Store, run: int) -> dict[str, dict[str, Cell]]:
    return {row.document.doc: row.cells for row in run_table(store, run)}
