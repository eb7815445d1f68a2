"""The library: pages with their images, chunks, and vectors of chunks and page images, in four tables of LanceDB.

A chunk is found by its words as soon as it is there; its vector follows later, into a table of its own, because
making vectors takes several times as long as reading pages.

The only module that imports lancedb. Everything here can be made again from the originals and the catalog, and has
to be: Lance neither syncs to disk nor notices altered bytes, so the store compares words and image of a page with the
catalog's sha256 whenever they are read, and `docqa check` the rows of the other tables with its digests
(`docqa.store.rowsums`). One process writes at a time (`Store.writing`); readers see a commit at once.

Filters are SQL without parameters, so only document ids (hex, checked) and integers ever enter one.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lancedb.index import FTS, BTree
from lancedb.query import MatchQuery

from docqa.errors import DiskFull, StoreDamaged
from docqa.pages.words import PackedPage, page_of
from docqa.pages.words import page_digest as page_digest
from docqa.store.nearest import Nearest
from docqa.store.pagerows import PAGES, packed_pages, rows_of
from docqa.store.rowsums import sums_of
from docqa.types import Chunk, Page

Vectors = npt.NDArray[np.float32]

_CONTEXT = 0.5  #: what a word in a chunk's context counts against one in its text
_READERS_PATIENCE = timedelta(minutes=10)  #: a search that began on an old version may finish on it
_REMOVED_AT_ONCE = 1_000  #: documents in one filter: 10,000 take a second (measured)
_DOC = re.compile(r"[0-9a-f]{64}")
_TABLES = ("chunks", "vectors", "pictures", "pages")
#: Columns with an index: of `doc` for filters, of texts for full-text search.
_INDICES = {"chunks": ("doc", "text", "context"), "vectors": ("doc",), "pictures": ("doc",), "pages": ("doc",)}
#: From so many rows outside of the indices, or so many commits, searching slows down: 1,000 rows cost nothing that
#: could be measured and 20,000 six times as much CPU, 200 commits of one row five times as much.
_UNINDEXED, _COMMITS = 1_000, 100
#: 600 commits of a page each make finding an image twice as slow (40 ms); folding them takes 3 s (measured).
_CRUMBS, _CRUMB = 500, 16  #: commits of pages; pages in each, on average

#: Bytes of vectors that a process holds in memory: of 350,000 passages with 384 dimensions. More are left on the disk.
_HELD_AT_MOST = 512 << 20

_CHUNKS = pa.schema(
    [
        pa.field("doc", pa.string(), nullable=False),
        pa.field("page", pa.int32(), nullable=False),
        pa.field("number", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("heading", pa.string(), nullable=False),
        pa.field("context", pa.string(), nullable=False),
    ]
)

#: Names a page: document, number.
PageKey = tuple[str, int]
#: Names a chunk: document, page, number on the page.
ChunkKey = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page with its image (JPEG), as it goes into the library."""

    page: Page
    image: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk a search came back with. For words, `score` is BM25; for meaning, cosine similarity."""

    doc: str
    page: int
    number: int
    score: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a page as it is read: its number on the page, the heading it stands under, its text."""

    number: int
    heading: str
    text: str


class Library:
    """Pages, chunks and vectors of one store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._db = lancedb.connect(folder, read_consistency_interval=timedelta(0))
        self._reading_vectors = threading.Lock()
        self._held: tuple[int, Nearest | None] = (0, None)  # the version of the table, and what is held of it

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, pages: Sequence[StoredPage], chunks: Sequence[Chunk]) -> Counter[str]:
        """Append pages and their chunks; returns the sums of the chunks, by document, for the catalog to remember.

        Two commits: pages last. A page that is there has its chunks, then; a document is complete once the catalog says
        so. Raises ValueError for a word that cannot be kept (`docqa.pages.words.packed`), before anything is written.
        """
        chunk_rows, page_rows = _chunk_rows(chunks), rows_of((stored.page, stored.image) for stored in pages)
        with self._converted():
            if chunks:
                self._chunk_table().add(chunk_rows)
            if pages:
                self._page_table().add(page_rows)
        return sums_of(chunk_rows)

    def add_vectors(self, keys: Sequence[ChunkKey], vectors: Vectors, table: str = "vectors") -> Counter[str]:
        """Append the vectors of chunks, one row a key: shape (keys, dimensions). One commit; returns their sums."""
        if not keys:
            return Counter()
        with self._converted():
            rows = _vector_rows(keys, vectors)
            self._vector_table(vectors.shape[1], table).add(rows)
        return sums_of(rows)

    def add_pictures(self, keys: Sequence[PageKey], vectors: Vectors) -> Counter[str]:
        """Append the vectors of page images, one row a page: shape (keys, dimensions). One commit; returns their sums.

        They are kept with chunk number 0, so that they can be read like the vectors of chunks.
        """
        return self.add_vectors([(doc, page, 0) for doc, page in keys], vectors, "pictures")

    def forget_pictures(self) -> None:
        """Drop the vectors of all page images: they were another model's."""
        with self._converted():
            if "pictures" in self._tables():
                self._db.drop_table("pictures")

    def remove(self, docs: Iterable[str]) -> None:
        """Remove every page, chunk and vector of some documents."""
        self._remove(docs, _TABLES)

    def remove_pictures(self, docs: Iterable[str]) -> None:
        """Remove the vectors of the page images of some documents."""
        self._remove(docs, ("pictures",))

    def remove_vectors(self, docs: Iterable[str]) -> None:
        """Remove the vectors of some documents; they are found by their words, then."""
        self._remove(docs, ("vectors",))

    def tidy(self) -> None:
        """Bring the search indices up to date and fold small commits together, where that is worth its cost.

        Images are written anew by folding, so pages are only folded after a great many commits of few pages.
        """
        with self._converted():
            for name in self._tables():
                table = self._db.open_table(name)
                _complete_indices(table, _INDICES[name])
                if _is_crumbled(table) if name == "pages" else _is_untidy(table):
                    table.optimize(cleanup_older_than=_READERS_PATIENCE)
                elif name == "pages" and _unindexed(table):
                    table.create_index("doc", config=BTree(), replace=True)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def pages(self, doc: str, numbers: Iterable[int] | None = None) -> list[Page]:
        """The pages of a document in order, or those of them that are asked for."""
        return [page_of(page) for page in self.packed_pages([doc], numbers).get(doc, ())]

    def packed_pages(self, docs: Iterable[str], numbers: Iterable[int] | None = None) -> dict[str, list[PackedPage]]:
        """The pages of documents in order, by document, as they are kept; in one query."""
        condition = _only(docs)
        if numbers is not None:
            wanted = _listed(numbers)
            condition += f" AND page IN ({wanted})" if wanted else " AND false"
        with self._converted():
            if "pages" not in self._tables():
                return {}
            query = self._db.open_table("pages").search().where(condition).select(PAGES.names)
            rows = query.limit(None).to_arrow()
        return packed_pages(rows)

    def image(self, doc: str, number: int) -> bytes:
        """The stored image of a page, unchecked: `Store.image` compares it with the catalog.

        Raises StoreDamaged if it is not there.
        """
        where = f"{_only([doc])} AND page = {int(number)}"
        with self._converted():
            table = self._db.open_table("pages")
            hit = table.search().where(where).select(["page"]).with_row_id(True).limit(1).to_arrow()
            if not hit.num_rows:
                raise StoreDamaged(f"Page {number} of document {doc[:12]} is not in the library.")
            return bytes(table.fetch_blobs("image", hit)[0].as_py())

    def chunk_texts(self, doc: str) -> list[tuple[ChunkKey, str]]:
        """What the vectors of a document's chunks are made of, context and passage, in order of page and number."""
        columns = ["page", "number", "context", "text"]
        with self._converted():
            if "chunks" not in self._tables():
                return []
            query = self._db.open_table("chunks").search().where(_only([doc])).select(columns)
            rows = query.limit(None).to_arrow().to_pylist()
        rows.sort(key=lambda row: (row["page"], row["number"]))
        return [((doc, row["page"], row["number"]), f"{row['context']}\n{row['text']}") for row in rows]

    def page_passages(self, pages: Iterable[PageKey]) -> dict[PageKey, list[Passage]]:
        """The passages of some pages, in order; a page that is not there is left out."""
        numbers: dict[str, list[int]] = {}
        for doc, page in pages:
            numbers.setdefault(doc, []).append(int(page))
        if not numbers:
            return {}
        each = [f"({_only([doc])} AND page IN ({_listed(some)}))" for doc, some in sorted(numbers.items())]
        where = f"{_only(numbers)} AND ({' OR '.join(each)})"  # the first part is looked up once, not once a document
        columns = ["doc", "page", "number", "heading", "text"]
        with self._converted():
            if "chunks" not in self._tables():
                return {}
            rows = (
                self._db.open_table("chunks").search().where(where).select(columns).limit(None).to_arrow().to_pylist()
            )
        found: dict[PageKey, list[Passage]] = {}
        for row in sorted(rows, key=lambda row: int(row["number"])):
            passage = Passage(row["number"], row["heading"], row["text"])
            found.setdefault((row["doc"], row["page"]), []).append(passage)
        return found

    def rows_by_document(self, table: str) -> Counter[str]:
        """How many rows of a table (chunks, vectors, pages) each document has."""
        with self._converted():
            if table not in self._tables():
                return Counter()
            docs = self._db.open_table(table).search().select(["doc"]).limit(None).to_arrow()["doc"]
        return Counter({row["values"]: row["counts"] for row in docs.value_counts().to_pylist()})

    def row_sums(self, table: str) -> Counter[str]:
        """The sums of all rows of a table (chunks, vectors, pictures) as they are now, by document; reads all of it."""
        sums: Counter[str] = Counter()
        with self._converted():
            if table in self._tables():
                for batch in self._db.open_table(table).search().limit(None).to_batches():
                    sums.update(sums_of(batch))
        return sums

    def page_keys(self) -> list[PageKey]:
        """(doc, page) of every page stored; a key that comes twice was stored twice."""
        with self._converted():
            if "pages" not in self._tables():
                return []
            rows = self._db.open_table("pages").search().select(["doc", "page"]).limit(None).to_arrow()
        return list(zip(rows["doc"].to_pylist(), rows["page"].to_pylist(), strict=True))

    def search_words(self, question: str, limit: int, docs: Sequence[str] | None) -> list[Found]:
        """Full-text search (BM25) in the passages and, counting half, in their context.

        Two searches whose scores are added: one for both columns takes ten times as long, because LanceDB then scores
        every chunk that has any of the words (801 ms against 57 and 61 at 100,000 chunks, measured on a busy machine).
        """
        condition = None if docs is None else _only(docs)
        scores: dict[ChunkKey, float] = {}
        with self._converted():
            if "chunks" not in self._tables():
                return []
            table = self._db.open_table("chunks")

            def searched(column: str) -> list[dict[str, Any]]:
                query = table.search(MatchQuery(question, column), query_type="fts")
                if condition is not None:
                    query = query.where(condition, prefilter=True)
                rows: list[dict[str, Any]] = query.select(["doc", "page", "number", "_score"]).limit(limit).to_list()
                return rows

            with ThreadPoolExecutor(1) as side_by_side:
                in_context = side_by_side.submit(searched, "context")
                for rows, weight in ((searched("text"), 1.0), (in_context.result(), _CONTEXT)):
                    for row in rows:
                        key = (row["doc"], row["page"], row["number"])
                        scores[key] = scores.get(key, 0.0) + weight * row["_score"]
        best = sorted(scores, key=lambda key: (-scores[key], key))[:limit]
        return [Found(*key, scores[key]) for key in best]

    def search_vectors(self, vector: Vectors, limit: int, docs: Sequence[str] | None) -> list[Found]:
        """The chunks nearest in meaning; exact, every vector is compared.

        They are held in memory, and read again when some were added or removed.
        """
        _only(docs or [])
        held = self._vectors_held()
        if held is None:
            return self._nearest("vectors", vector, limit, docs)
        return [Found(*found) for found in held.best(vector, limit, docs)]

    def search_pictures(self, vector: Vectors, limit: int, docs: Sequence[str] | None) -> list[Found]:
        """The pages that look nearest to a question, chunk number 0; exact, every vector is compared."""
        return self._nearest("pictures", vector, limit, docs)

    def _vectors_held(self) -> Nearest | None:
        """The vectors as they are now; None where there are none, or too many to be held."""
        with self._reading_vectors, self._converted():
            if "vectors" not in self._tables():
                return None
            table = self._db.open_table("vectors")
            version = table.version
            if self._held[0] != version:
                self._held = (0, None)  # makes room first
                table.checkout(version)  # nothing is added while it is read
                self._held = (version, _read_vectors(table))
            return self._held[1]

    def _nearest(self, name: str, vector: Vectors, limit: int, docs: Sequence[str] | None) -> list[Found]:
        condition = None if docs is None else _only(docs)
        with self._converted():
            if name not in self._tables():
                return []
            query = self._db.open_table(name).search(vector, query_type="vector").distance_type("cosine")
            if condition is not None:
                query = query.where(condition, prefilter=True)
            rows = query.select(["doc", "page", "number", "_distance"]).limit(limit).to_list()
        return [Found(row["doc"], row["page"], row["number"], 1 - row["_distance"]) for row in rows]

    # ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _tables(self) -> list[str]:
        """The tables that are there. One that a run was cut off while making has a folder, and nothing in it yet.

        One that lost its versions but not its rows is damaged, and is not passed over.
        """
        names = self._db.list_tables().tables
        return [name for name in names if _has_files(self._folder / f"{name}.lance")]

    def _page_table(self) -> lancedb.table.Table:
        if "pages" in self._tables():
            return self._db.open_table("pages")
        table = self._db.create_table("pages", schema=pa.schema([*PAGES, lancedb.blob("image")]))
        _complete_indices(table, _INDICES["pages"])
        return table

    def _chunk_table(self) -> lancedb.table.Table:
        if "chunks" in self._tables():
            table = self._db.open_table("chunks")
            if table.schema.names == _CHUNKS.names:
                return table
            self._db.drop_table("chunks")  # of an earlier docqa: every document is read again, so nothing in it counts
        table = self._db.create_table("chunks", schema=_CHUNKS)
        _complete_indices(table, _INDICES["chunks"])
        return table

    def _vector_table(self, dimensions: int, name: str = "vectors") -> lancedb.table.Table:
        if name in self._tables():
            return self._db.open_table(name)
        table = self._db.create_table(name, schema=_vector_schema(dimensions))
        _complete_indices(table, _INDICES[name])
        return table

    def _remove(self, docs: Iterable[str], tables: Sequence[str]) -> None:
        every = list(docs)
        starts = range(0, len(every), _REMOVED_AT_ONCE)
        conditions = [_only(every[start : start + _REMOVED_AT_ONCE]) for start in starts]
        with self._converted():
            for condition in conditions:
                for name in self._tables():
                    if name in tables:
                        self._db.open_table(name).delete(condition)

    @contextmanager
    def _converted(self) -> Iterator[None]:
        """Turn what lancedb raises (RuntimeError, ValueError and OSError, told apart by their text) into our errors."""
        try:
            yield
        except Exception as error:  # lancedb raises its RustPanic, too, a bare Exception that cannot be imported
            if not (isinstance(error, (RuntimeError, ValueError, OSError)) or type(error).__name__ == "RustPanic"):
                raise
            if "os error 28" in str(error):
                raise DiskFull(f"There is no space left for {self._folder}.") from error
            said = (str(error).splitlines() or ["no reason given"])[0]
            raise StoreDamaged(f"{self._folder} cannot be used: {said}.") from error


def _complete_indices(table: lancedb.table.Table, columns: Sequence[str]) -> None:
    """Make the indices that are not there: a process may have been killed just after it made the table."""
    present = {column for index in table.list_indices() for column in index.columns}
    for column in columns:
        if column not in present:
            table.create_index(column, config=BTree() if column == "doc" else FTS(base_tokenizer="icu"))


def _read_vectors(table: lancedb.table.Table) -> Nearest | None:
    """All vectors of a table; None where there are none, or more than are held."""
    rows, dimensions = table.count_rows(), table.schema.field("vector").type.list_size
    if not 0 < rows * dimensions * 4 <= _HELD_AT_MOST:
        return None
    vectors = np.empty((rows, dimensions), dtype=np.float32)
    names: dict[str, int] = {}
    docs, pages, numbers = (np.empty(rows, dtype=np.int32) for _ in range(3))
    start = 0
    for batch in table.search().select(["doc", "page", "number", "vector"]).limit(None).to_batches():
        stop = start + batch.num_rows
        vectors[start:stop] = batch["vector"].flatten().to_numpy().reshape(-1, dimensions)
        coded = batch["doc"].dictionary_encode()
        places = np.array([names.setdefault(name, len(names)) for name in coded.dictionary.to_pylist()])
        docs[start:stop] = places[coded.indices.to_numpy()]
        pages[start:stop], numbers[start:stop] = batch["page"].to_numpy(), batch["number"].to_numpy()
        start = stop
    return Nearest(list(names), docs, pages, numbers, vectors)


def _unindexed(table: lancedb.table.Table) -> int:
    """Rows that an index of the table does not know yet."""
    return max((table.index_stats(index.name).num_unindexed_rows for index in table.list_indices()), default=0)


def _is_untidy(table: lancedb.table.Table) -> bool:
    return _unindexed(table) >= _UNINDEXED or table.stats()["fragment_stats"]["num_small_fragments"] >= _COMMITS


def _is_crumbled(table: lancedb.table.Table) -> bool:
    commits = table.stats()["fragment_stats"]["num_fragments"]
    return bool(commits >= _CRUMBS and table.count_rows() < _CRUMB * commits)


def _has_files(table: Path) -> bool:
    """Whether a table has a version, or rows of one."""
    return any(table.glob("_versions/*.manifest")) or any(table.glob("data/*"))


def _only(docs: Iterable[str]) -> str:
    """A filter for documents. Raises ValueError for anything that is not a document id: it would be SQL."""
    quoted = []
    for doc in docs:
        if not _DOC.fullmatch(doc):
            raise ValueError(f"not a document id: {doc!r}")
        quoted.append(f"'{doc}'")
    return f"doc IN ({', '.join(quoted)})" if quoted else "false"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(set(numbers)))


def _vector_schema(dimensions: int) -> pa.Schema:
    return pa.schema(
        [_CHUNKS.field(name) for name in ("doc", "page", "number")]
        + [pa.field("vector", pa.list_(pa.float32(), dimensions), nullable=False)]
    )


def _chunk_rows(chunks: Sequence[Chunk]) -> pa.Table:
    return pa.Table.from_pydict({f.name: [getattr(c, f.name) for c in chunks] for f in _CHUNKS}, schema=_CHUNKS)


def _vector_rows(keys: Sequence[ChunkKey], vectors: Vectors) -> pa.Table:
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
    columns = [pa.array(values) for values in zip(*keys, strict=True)]
    columns.append(pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]))
    schema = _vector_schema(vectors.shape[1])
    return pa.Table.from_arrays([c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
