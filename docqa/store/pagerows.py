"""A page as a row of the library's table, and back.

Not here: the table (`docqa.store.library`), and what a packed page is (`docqa.pages.words`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from docqa.pages.words import PackedPage, packed
from docqa.types import Page

_AT_A_TIME = 64  #: rows whose words are objects of Python together, 50 kB each

#: A page; its image is beside it.
PAGES = pa.schema(
    [
        pa.field("doc", pa.string(), nullable=False),
        pa.field("page", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("words", pa.list_(pa.string()), nullable=False),
        pa.field("boxes", pa.list_(pa.uint16()), nullable=False),  # as `docqa.pages.words` packs them
        pa.field("lines", pa.list_(pa.int32()), nullable=False),
        pa.field("text_source", pa.string(), nullable=False),
        pa.field("quality", pa.float32(), nullable=False),
    ]
)


def rows_of(pages: Iterable[tuple[Page, bytes]]) -> pa.Table:
    """Pages with their images (JPEG) as rows."""
    rows = [_row(packed(page)) | {"image": image} for page, image in pages]
    return pa.Table.from_pylist(rows, schema=pa.schema([*PAGES, pa.field("image", pa.large_binary())]))


def packed_pages(rows: pa.Table) -> dict[str, list[PackedPage]]:
    """The pages of rows, by document, in order."""
    found: dict[str, list[PackedPage]] = {}
    for batch in rows.to_batches(max_chunksize=_AT_A_TIME):
        for page in _packed(batch):
            found.setdefault(page.doc, []).append(page)
    return {doc: sorted(pages, key=lambda page: page.number) for doc, pages in found.items()}


def _row(page: PackedPage) -> dict[str, object]:
    words, steps, lines = page.words.split("\0"), array("H", page.boxes).tolist(), array("i", page.lines).tolist()
    return {
        "doc": page.doc,
        "page": page.number,
        "width": page.width,
        "height": page.height,
        "words": words if lines else [],
        "boxes": steps,
        "lines": lines,
        "text_source": page.text_source,
        "quality": page.quality,
    }


def _packed(batch: pa.RecordBatch) -> Iterator[PackedPage]:
    """Pages of rows, their numbers by the column and not one at a time.

    Not by `to_numpy`: for that pyarrow loads pandas, which takes a quarter of a second.
    """
    plain = [batch.column(name).to_pylist() for name in ("doc", "page", "width", "height", "words")]
    boxes, lines = (_bytes_by_row(batch.column(name)) for name in ("boxes", "lines"))
    others = [batch.column(name).to_pylist() for name in ("text_source", "quality")]
    for doc, number, width, height, words, *rest in zip(*plain, boxes, lines, *others, strict=True):
        yield PackedPage(doc, number, width, height, "\0".join(words), *rest)


def _bytes_by_row(column: pa.ListArray) -> list[bytes]:
    """The numbers of each list of a column, as they are in memory."""
    numbers, ends = np.from_dlpack(column.flatten()), column.offsets.to_pylist()
    return [numbers[start - ends[0] : end - ends[0]].tobytes() for start, end in pairwise(ends)]
