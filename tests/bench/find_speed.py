"""How long finding takes against the bare LanceDB query it is built on: 100,000 chunks, both in turn, medians.

    python tests/bench/find_speed.py [CHUNKS] [QUESTIONS]

The store is made as an ingest leaves it (same tables, same indices), of generated words and random vectors: vocabulary
and nearness are not those of real papers, the amount of work is. The bare query is LanceDB's full-text search and its
vector search over the same tables, side by side as its own hybrid query makes them, each for as many chunks as
`find.candidates`, joined by reciprocal rank. No side embeds the question: that costs both the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import lancedb
import numpy as np
from lancedb.query import MatchQuery

from docqa.find import Finder, Scope
from docqa.settings import FindSettings
from docqa.store import Store
from docqa.types import Chunk, Status

DIMENSIONS, PER_PAGE, PAGES = 384, 6, 130  #: of MiniLM; chunks a page and pages a report have in the filings of data/
SLICE = 20_000  #: chunks written at a time
RANDOM = np.random.default_rng(4)
#: Words fall off as in any language: the n-th comes 1/n times as often as the first.
WORDS = np.array([f"w{hashlib.sha256(str(n).encode()).hexdigest()[:6]}" for n in range(30_000)])
SHARES = np.cumsum(1 / np.arange(1, len(WORDS) + 1))


class Prepared:
    """Stands for an embedder whose question was embedded before."""

    identity = "bench"
    vector = np.zeros(DIMENSIONS, dtype=np.float32)

    def embed_question(self, question: str) -> np.ndarray:
        return self.vector


def main() -> None:
    chunks, questions = (int(argument) for argument in [*sys.argv[1:], "100000", "40"][:2])
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        fill(store, chunks)
        embedder = Prepared()
        settings = FindSettings()
        finder = Finder(store, embedder, settings)  # type: ignore[arg-type]
        database = lancedb.connect(Path(folder) / "store" / "lance")
        bare, ours = [], []
        for number in range(questions + 3):
            embedder.vector = unit(1)[0]
            question = f"What was report{number % 50} {words(8)} in 2021?"
            before = time.perf_counter()
            hybrid(database, question, embedder.vector, settings.candidates)
            between = time.perf_counter()
            finder.find(question, 10, Scope())
            if number >= 3:  # the first ones open files
                bare.append(between - before)
                ours.append(time.perf_counter() - between)
    print(json.dumps({
        "load": round(os.getloadavg()[0], 1), "chunks": chunks, "questions": questions,
        "bare_p50_ms": round(1000 * median(bare), 1),
        "docqa_p50_ms": round(1000 * median(ours), 1), "ratio": round(median(ours) / median(bare), 3),
    }))  # fmt: skip


def hybrid(database: lancedb.DBConnection, question: str, vector: np.ndarray, limit: int) -> list[tuple[str, int]]:
    """Pages by reciprocal rank (k = 60) of LanceDB's two searches."""
    keys = ["doc", "page", "number"]
    by_words = database.open_table("chunks").search(MatchQuery(question, "text"), query_type="fts")
    by_meaning = database.open_table("vectors").search(vector, query_type="vector").distance_type("cosine")
    with ThreadPoolExecutor(1) as side_by_side:
        worded = side_by_side.submit(by_words.select([*keys, "_score"]).limit(limit).to_list)
        meant = by_meaning.select([*keys, "_distance"]).limit(limit).to_list()
    scores: dict[tuple[str, int], float] = {}
    for rows in (worded.result(), meant):
        for rank, row in enumerate(rows):
            key = (row["doc"], row["page"])
            scores[key] = scores.get(key, 0.0) + 1 / (60 + rank)
    return sorted(scores, key=lambda key: -scores[key])[:10]


def fill(store: Store, chunks: int) -> None:
    """Documents of 130 pages with six chunks each, their vectors and their records."""
    store.catalog.set_fact("embedder", Prepared.identity)
    made: list[Chunk] = []
    for number in range(-(-chunks // (PER_PAGE * PAGES))):
        label = f"report{number}_{2019 + number % 5}.pdf"
        doc = hashlib.sha256(label.encode()).hexdigest()
        store.catalog.add_document(doc, 1, label, "reports")
        mine = [
            Chunk(doc, page, part, words(90), words(3), f"{label} | {words(6)}")
            for page in range(1, PAGES + 1)
            for part in range(1, PER_PAGE + 1)
        ]
        store.catalog.finish_document(
            doc, Status.READY, pipeline="bench", pages=PAGES, chunks=len(mine), title=words(4), seconds=0
        )
        store.catalog.set_vectors([doc], Prepared.identity)
        made += mine
        if len(made) >= SLICE:
            write(store, made)
            made = []
    write(store, made)
    store.library.tidy()


def write(store: Store, chunks: list[Chunk]) -> None:
    store.library.add([], chunks)
    store.library.add_vectors([(chunk.doc, chunk.page, chunk.number) for chunk in chunks], unit(len(chunks)))


def words(count: int) -> str:
    return " ".join(WORDS[np.searchsorted(SHARES, RANDOM.random(count) * SHARES[-1])])


def unit(count: int) -> np.ndarray:
    """Random unit vectors: shape (count, dimensions)."""
    vectors = RANDOM.standard_normal((count, DIMENSIONS)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
