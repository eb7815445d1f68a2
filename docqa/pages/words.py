"""A page's words as columns of numbers and texts: how they are kept, compared, and handed to another process.

Imports no database, so that a process that only reads fields starts in a fraction of a second. Not here: the tables
themselves (`docqa.store.library`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from docqa.errors import StoreDamaged
from docqa.types import Box, Page, TextSource, Word

_STEPS = 65535  #: box edges are kept as 16-bit fractions: 0.02 pixel on the widest page image
_TEXT_SOURCES = {source.value: source for source in TextSource}

COLUMNS = pa.schema(
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


def row_of(page: Page) -> dict[str, object]:
    """A page as a row of these columns."""
    return {
        "doc": page.doc,
        "page": page.number,
        "width": page.width,
        "height": page.height,
        "words": [word.text for word in page.words],
        "boxes": _steps(page),
        "lines": [word.line for word in page.words],
        "text_source": page.text_source.value,
        "quality": page.quality,
    }


def pages_of(rows: pa.Table) -> list[Page]:
    """The pages of rows with these columns, each document's in order of their numbers."""
    pages = [page for batch in rows.to_batches() for page in _of_batch(batch)]
    return sorted(pages, key=lambda page: (page.doc, page.number))


def packed(rows: pa.Table) -> bytes:
    """Rows as bytes, in Arrow's stream format."""
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_stream(buffer, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(buffer.getvalue())


def unpacked(rows: bytes) -> pa.Table:
    """What `packed` was given."""
    return pa.ipc.open_stream(rows).read_all()


def page_digest(page: Page) -> str:
    """The sha256 (hex) of a page's words, boxes as they are kept, and lines: the same before and after storing."""
    texts = "\0".join(word.text for word in page.words).encode("utf-8")
    lines = np.array([word.line for word in page.words], dtype=np.int32)
    return hashlib.sha256(texts + b"\0" + _steps(page).tobytes() + lines.tobytes()).hexdigest()


def check_words(doc: str, pages: Iterable[Page], known: Mapping[int, str]) -> None:
    """Compare pages with the sha256 of their words when they were read: no value is proven by altered ones.

    Raises StoreDamaged.
    """
    for page in pages:
        stored = known.get(page.number)
        if stored and page_digest(page) != stored:
            raise StoreDamaged(f"The words of page {page.number} of document {doc[:12]} are not what was stored.")


def _of_batch(batch: pa.RecordBatch) -> list[Page]:
    """Numbers are taken by the column: one at a time they take longer than all the rest of loading a page."""
    plain = {name: batch.column(name).to_pylist() for name in ("doc", "page", "width", "height", "quality")}
    sources = batch.column("text_source").to_pylist()
    words, lines = (_cut(batch.column(name), _values(batch.column(name)).tolist()) for name in ("words", "lines"))
    edges = _values(batch.column("boxes")).astype(np.float64) / _STEPS
    boxes = _cut(batch.column("boxes"), edges.tolist())
    return [
        Page(
            doc=plain["doc"][row],
            number=plain["page"][row],
            width=plain["width"][row],
            height=plain["height"][row],
            words=tuple(map(Word, words[row], _fours(boxes[row]), lines[row])),
            text_source=_TEXT_SOURCES[sources[row]],
            quality=plain["quality"][row],
        )
        for row in range(batch.num_rows)
    ]


def _values(column: pa.ListArray) -> npt.NDArray[Any]:
    """The values of a column of lists, end to end."""
    values: npt.NDArray[Any] = column.flatten().to_numpy(zero_copy_only=False)
    return values


def _cut(column: pa.ListArray, values: list[Any]) -> list[list[Any]]:
    """Values that stand end to end, list by list."""
    ends = column.offsets.to_pylist()
    return [values[start - ends[0] : end - ends[0]] for start, end in pairwise(ends)]


def _fours(edges: Sequence[float]) -> list[Box]:
    return list(zip(edges[0::4], edges[1::4], edges[2::4], edges[3::4], strict=True))


def _steps(page: Page) -> npt.NDArray[np.uint16]:
    boxes = np.array([word.box for word in page.words], dtype=np.float64).ravel()
    return np.rint(boxes * _STEPS).astype(np.uint16)
