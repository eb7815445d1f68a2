"""How an extraction stands: what every drawing of its page needs, kept by the server between two of them.

A page shows a hundred documents of 20,000, and reads the cells of these. Which of all cells somebody should look at is
counted a piece at a time and kept by document; it is counted anew only of documents whose cells changed, or of which
somebody said something. No Streamlit here. Not here: which cells need a look (`ui.screens.tolook`).
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docqa.extract.calibration import calibration_in
from docqa.extract.table import Row, RunTable
from docqa.store import Store
from docqa.store.ledger import Run
from docqa.types import Document, FieldSpec, Problem
from ui.screens.tolook import Place, Standing, next_place, sentence_of, standing

KEPT = 4  #: extractions that are kept: of one with 20,000 documents some 40 MB
PIECE = 64  #: documents counted without a look at the clock: some 0.1 s
PATIENCE = 0.3  #: seconds of one drawing that are spent on counting


@dataclass(frozen=True, slots=True)
class Looks:
    """What there is to look at, of the documents that were counted."""

    docs: frozenset[str]  #: with something to look at
    cells: int
    sentence: str


class Overview:
    """One extraction, for every session of this server; to be refreshed before it is asked."""

    def __init__(self, store: Store, run: int) -> None:
        self._store, self._number = store, run
        self._lock = threading.RLock()
        self._table: RunTable
        self._known: tuple[object, ...] | None = None
        self.refreshed = -math.inf  #: when, by the clock of `time.monotonic`
        self._state: tuple[object, ...] = ()
        self._stamps: dict[str, tuple[object, ...]] = {}
        self._said = 0
        self._standings: dict[str, Standing] = {}
        self._doubles: frozenset[str] = frozenset()
        self._looks: dict[float, Looks] = {}

    @property
    def fields(self) -> tuple[FieldSpec, ...]:
        """What was extracted."""
        return self._table.fields

    @property
    def documents(self) -> Sequence[tuple[Document, Problem | None]]:
        """All documents in order of label, each with why it has no cells."""
        return self._table.documents

    @property
    def counted(self) -> int:
        """Of how many documents it is known what to look at."""
        return len(self._standings)

    def refresh(self, run: Run) -> None:
        """Bring it up to date: what changed since the last time is to be counted anew."""
        ledger = self._store.catalog.ledger
        with self._lock:
            state = ledger.run_state(self._number)
            stamps = ledger.run_stamps(self._number) if state != self._state else self._stamps
            known = (run.version, ledger.run_labels(self._number), calibration_in(self._store.folder))
            self._said, said = ledger.corrections_since(self._said)
            changed = {doc for doc, stamp in stamps.items() if self._stamps.get(doc) != stamp}
            if known != self._known:
                self._table = RunTable(self._store, self._number)
                self._standings.clear()
            elif changed:
                self._table.look_again(sorted(changed))
            for doc in changed | said:
                self._standings.pop(doc, None)
            if changed or said or known != self._known:
                self._looks.clear()
            self._known, self._state, self._stamps = known, state, stamps
            self.refreshed = time.monotonic()

    def rows(self, docs: Sequence[str], *, compared: bool = True) -> list[Row]:
        """The rows of some documents; without being `compared` no document is said to be the double of another."""
        with self._lock:
            return self._table.rows(docs, compared=compared)

    def count(self, patience: float = PATIENCE) -> bool:
        """Go on counting for so many seconds; whether all is counted."""
        end = time.monotonic() + patience
        with self._lock:
            self._forget_doubles()
            left = (document.doc for document, _ in self.documents if document.doc not in self._standings)
            for piece in _pieces(list(left)):
                if time.monotonic() > end:
                    return False
                self._count(piece)
            return True

    def looks(self, sure: float) -> Looks:
        """What there is to look at where a value needs none from this confidence on."""
        with self._lock:
            if sure not in self._looks:
                counts = {doc: one.looks(sure) for doc, one in self._standings.items()}
                docs = frozenset(doc for doc, cells in counts.items() if cells)
                self._looks[sure] = Looks(docs, sum(counts.values()), sentence_of(self._standings.values(), sure))
            return self._looks[sure]

    def next_place(self, after: Place | None, sure: float) -> Place | None:
        """The next cell that needs a look behind a place, else the first one; None if none does."""
        with self._lock:
            self._forget_doubles()
            here = self._table.rows([after.doc]) if after is not None else []
            order = [document.doc for document, _ in self.documents]
            start = order.index(here[0].document.doc) + 1 if here else 0
            there = self._first_with_looks([*order[start:], *order[: max(0, start - 1)]], sure)
            rows = [*here, *(self._table.rows([there]) if there is not None else [])]
            return next_place(after if here else None, self.fields, rows, sure)

    def _first_with_looks(self, docs: Sequence[str], sure: float) -> str | None:
        for piece in _pieces(docs):
            self._count([doc for doc in piece if doc not in self._standings])
            for doc in piece:
                if self._standings[doc].looks(sure):
                    return doc
        return None

    def _forget_doubles(self) -> None:
        """Have documents counted anew that are the double of another one by now, or are not any more."""
        doubles = self._table.doubles()
        for doc in doubles ^ self._doubles:
            self._standings.pop(doc, None)
        self._doubles = doubles

    def _count(self, docs: Sequence[str]) -> None:
        if docs:
            for row in self._table.rows(docs):
                self._standings[row.document.doc] = standing(self.fields, row)
            self._looks.clear()


def _pieces(docs: Sequence[str]) -> Iterator[Sequence[str]]:
    return (docs[start : start + PIECE] for start in range(0, len(docs), PIECE))


_kept: OrderedDict[tuple[str, int], Overview] = OrderedDict()
_keeping = threading.Lock()


def overview_of(store: Store, run: Run, stale: float = 0.0) -> Overview:
    """How an extraction stands at this moment; which documents failed may be known as of so many seconds before."""
    key = (str(store.folder), run.run)
    with _keeping:
        found = _kept.pop(key, None) or Overview(store, run.run)
        _kept[key] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    if time.monotonic() >= found.refreshed + stale:
        found.refresh(run)
    return found
