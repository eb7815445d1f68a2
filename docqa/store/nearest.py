"""Vectors in memory: the passages nearest to a question, exactly, every one of them compared.

An office has tens or hundreds of thousands of passages. Their vectors fit into memory, where comparing them all takes a
tenth of what LanceDB needs, which reads them anew for every question; and an index that is as fast misses some.
Not here: reading them, and whether they are still those of the table (`docqa.store.library`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int32]

_FEW = 4  #: times as many vectors as asked for: from there on, comparing all is faster than copying those asked for


class Nearest:
    """The vectors of passages, one row each. May be used from several threads at once."""

    def __init__(self, names: Sequence[str], docs: Whole, pages: Whole, numbers: Whole, vectors: Vectors) -> None:
        """`docs` are places in `names`, the documents' ids; shapes: (rows,), and of `vectors` (rows, dimensions)."""
        self._names = list(names)
        self._places = {name: place for place, name in enumerate(names)}
        self._docs, self._pages, self._numbers, self._vectors = docs, pages, numbers, vectors
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        self._lengths = np.where(lengths > 0, lengths, np.float32(1))

    def best(self, vector: Vectors, limit: int, docs: Collection[str] | None) -> list[tuple[str, int, int, float]]:
        """The `limit` nearest passages of some documents (None: of all): document, page, number, cosine; best first."""
        rows = None if docs is None else self._rows(docs)
        scores = self._cosines(vector, rows)
        first = np.argpartition(-scores, limit - 1)[:limit] if limit < len(scores) else np.arange(len(scores))
        found = []
        for place in first:
            row = place if rows is None else rows[place]
            key = self._names[self._docs[row]], int(self._pages[row]), int(self._numbers[row])
            found.append((*key, float(scores[place])))
        return sorted(found, key=lambda one: (-one[3], one))

    def _rows(self, docs: Collection[str]) -> npt.NDArray[np.intp]:
        wanted = np.zeros(len(self._names), dtype=bool)
        wanted[[self._places[doc] for doc in docs if doc in self._places]] = True
        return np.flatnonzero(wanted[self._docs])

    def _cosines(self, vector: Vectors, rows: npt.NDArray[np.intp] | None) -> Vectors:
        unit = (vector / (np.linalg.norm(vector) or 1)).astype(np.float32)
        if rows is not None and len(rows) * _FEW < len(self._vectors):
            asked: Vectors = np.divide(self._vectors[rows] @ unit, self._lengths[rows], dtype=np.float32)
            return asked
        cosines: Vectors = np.divide(self._vectors @ unit, self._lengths, dtype=np.float32)
        return cosines if rows is None else cosines[rows]
