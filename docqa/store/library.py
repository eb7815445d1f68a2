"""The library: pages with their images, and chunks with their vectors, in LanceDB.

The only module that imports lancedb. Everything here can be made again from the originals and the catalog, and has
to be: Lance neither syncs to disk nor notices altered bytes, so a page image is compared with the catalog's sha256
whenever it is read. One process writes at a time (`Store.writing`); readers see each commit at once.

Filters are SQL without parameters, so only document ids (hex, checked) and integers ever enter one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
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
from lancedb.query import BooleanQuery, FullTextQuery, MatchQuery, Occur

from docqa.errors import DiskFull, StoreDamaged
from docqa.types import Chunk, Page, TextSource, Word

Vectors = npt.NDArray[np.float32]

_STEPS = 65535  #: box edges are kept as 16-bit fractions: 0.02 pixel on the widest page image
_READERS_PATIENCE = timedelta(minutes=10)  #: a search that began on an old version may finish on it
_DOC = re.compile(r"[0-9a-f]{64}")

_PAGES = pa.schema(
    [
        pa.field("doc", pa.string(), nullable=False),
        pa.field("page", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("words", pa.list_(pa.string()), nullable=False),
        pa.field("boxes", pa.list_(pa.uint16()), nullable=False),  # x0 y0 x1 y1 of each word, in 1/65535 of the page
        pa.field("lines", pa.list_(pa.int32()), nullable=False),  # the line of each word
        pa.field("text_source", pa.string(), nullable=False),
        pa.field("quality", pa.float32(), nullable=False),
    ]
)


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
    text: str
    score: float


class Library:
    """Pages and chunks of one store; `dimensions` is the length of the vectors it is made for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._db = lancedb.connect(folder, read_consistency_interval=timedelta(0))

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, pages: Sequence[StoredPage], chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Append pages and their chunks; `vectors` has one row a chunk. Two commits: pages last.

        A page that is there has its chunks, then; a document is complete once the catalog says so.
        """
        with self._converted():
            if chunks:
                self._chunk_table(vectors.shape[1]).add(_chunk_rows(chunks, vectors))
            if pages:
                self._page_table().add(_page_rows(pages))

    def remove(self, docs: Iterable[str]) -> None:
        """Remove every page and chunk of some documents."""
        condition = _only(docs)
        with self._converted():
            for name in self._tables():
                self._db.open_table(name).delete(condition)

    def tidy(self) -> None:
        """Bring the search indices up to date and fold small commits of chunks together.

        Pages are left in their commits: folding them would write every image anew (3.0 GB for 1.5 GB of them after
        4,250 pages, and 2.7 GB of memory: measured).
        """
        with self._converted():
            if "chunks" in self._tables():
                self._db.open_table("chunks").optimize(cleanup_older_than=_READERS_PATIENCE)
            if "pages" in self._tables():
                self._db.open_table("pages").create_index("doc", config=BTree(), replace=True)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def pages(self, doc: str, numbers: Iterable[int] | None = None) -> list[Page]:
        """The pages of a document in order, or those of them that are asked for."""
        condition = _only([doc])
        if numbers is not None:
            wanted = ", ".join(str(int(number)) for number in numbers)
            condition += f" AND page IN ({wanted})" if wanted else " AND false"
        with self._converted():
            if "pages" not in self._tables():
                return []
            query = self._db.open_table("pages").search().where(condition).select([f.name for f in _PAGES])
            rows = query.limit(None).to_arrow().to_pylist()
        return [_page(row) for row in sorted(rows, key=lambda row: int(row["page"]))]

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

    def page_keys(self) -> list[tuple[str, int]]:
        """(doc, page) of every page stored; a key that comes twice was stored twice."""
        with self._converted():
            if "pages" not in self._tables():
                return []
            rows = self._db.open_table("pages").search().select(["doc", "page"]).limit(None).to_arrow()
        return list(zip(rows["doc"].to_pylist(), rows["page"].to_pylist(), strict=True))

    def search_words(self, question: str, limit: int, docs: Sequence[str] | None) -> list[Found]:
        """Full-text search (BM25) in the passages and, counting half, in their context."""
        clauses: list[tuple[Occur, FullTextQuery]] = [
            (Occur.SHOULD, MatchQuery(question, "text")),
            (Occur.SHOULD, MatchQuery(question, "context", boost=0.5)),
        ]
        condition = None if docs is None else _only(docs)
        with self._converted():
            if "chunks" not in self._tables():
                return []
            query = self._db.open_table("chunks").search(BooleanQuery(clauses), query_type="fts")
            if condition is not None:
                query = query.where(condition, prefilter=True)
            rows = query.select(["doc", "page", "text", "_score"]).limit(limit).to_list()
        return [Found(row["doc"], row["page"], row["text"], row["_score"]) for row in rows]

    def search_vectors(self, vector: Vectors, limit: int, docs: Sequence[str] | None) -> list[Found]:
        """The chunks nearest in meaning; exact, every vector is compared."""
        condition = None if docs is None else _only(docs)
        with self._converted():
            if "chunks" not in self._tables():
                return []
            query = self._db.open_table("chunks").search(vector, query_type="vector").distance_type("cosine")
            if condition is not None:
                query = query.where(condition, prefilter=True)
            rows = query.select(["doc", "page", "text", "_distance"]).limit(limit).to_list()
        return [Found(row["doc"], row["page"], row["text"], 1 - row["_distance"]) for row in rows]

    # ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _tables(self) -> list[str]:
        return list(self._db.list_tables().tables)

    def _page_table(self) -> lancedb.table.Table:
        if "pages" in self._tables():
            return self._db.open_table("pages")
        table = self._db.create_table("pages", schema=pa.schema([*_PAGES, lancedb.blob("image")]))
        table.create_index("doc", config=BTree())
        return table

    def _chunk_table(self, dimensions: int) -> lancedb.table.Table:
        if "chunks" in self._tables():
            return self._db.open_table("chunks")
        table = self._db.create_table("chunks", schema=_chunk_schema(dimensions))
        table.create_index("doc", config=BTree())
        for column in ("text", "context"):
            table.create_index(column, config=FTS(base_tokenizer="icu"))
        return table

    @contextmanager
    def _converted(self) -> Iterator[None]:
        """Turn what lancedb raises (RuntimeError, ValueError and OSError, told apart by their text) into our errors."""
        try:
            yield
        except (RuntimeError, ValueError, OSError) as error:
            if "os error 28" in str(error):
                raise DiskFull(f"There is no space left for {self._folder}.") from error
            raise StoreDamaged(f"{self._folder} cannot be used: {str(error).splitlines()[0]}.") from error


def _only(docs: Iterable[str]) -> str:
    """A filter for documents. Raises ValueError for anything that is not a document id: it would be SQL."""
    quoted = []
    for doc in docs:
        if not _DOC.fullmatch(doc):
            raise ValueError(f"not a document id: {doc!r}")
        quoted.append(f"'{doc}'")
    return f"doc IN ({', '.join(quoted)})" if quoted else "false"


def _chunk_schema(dimensions: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("doc", pa.string(), nullable=False),
            pa.field("page", pa.int32(), nullable=False),
            pa.field("number", pa.int32(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("heading", pa.string(), nullable=False),
            pa.field("context", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimensions), nullable=False),
        ]
    )


def _chunk_rows(chunks: Sequence[Chunk], vectors: Vectors) -> pa.Table:
    names = ("doc", "page", "number", "text", "heading", "context")
    columns: list[pa.Array] = [pa.array([getattr(chunk, name) for chunk in chunks]) for name in names]
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
    columns.append(pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]))
    schema = _chunk_schema(vectors.shape[1])
    return pa.Table.from_arrays([c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _page_rows(pages: Sequence[StoredPage]) -> pa.Table:
    rows = [_page_row(stored.page) | {"image": stored.image} for stored in pages]
    return pa.Table.from_pylist(rows, schema=pa.schema([*_PAGES, pa.field("image", pa.large_binary())]))


def _page_row(page: Page) -> dict[str, object]:
    boxes = np.array([word.box for word in page.words], dtype=np.float64).ravel()
    return {
        "doc": page.doc,
        "page": page.number,
        "width": page.width,
        "height": page.height,
        "words": [word.text for word in page.words],
        "boxes": np.rint(boxes * _STEPS).astype(np.uint16),
        "lines": [word.line for word in page.words],
        "text_source": page.text_source.value,
        "quality": page.quality,
    }


def _page(row: dict[str, Any]) -> Page:
    edges = (np.asarray(row["boxes"], dtype=np.float64) / _STEPS).reshape(-1, 4)
    boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in edges.tolist()]
    return Page(
        doc=row["doc"],
        number=row["page"],
        width=row["width"],
        height=row["height"],
        words=tuple(Word(*parts) for parts in zip(row["words"], boxes, row["lines"], strict=True)),
        text_source=TextSource(row["text_source"]),
        quality=row["quality"],
    )
