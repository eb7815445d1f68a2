"""What the catalog remembers of a document's rows in a table of the library: the sum of their sha256.

Of chunks and vectors there are many, so they have one digest a document, unlike pages (`docqa.pages.words`). Sums are
taken modulo 2**256: rows may be added as they come, in whatever order they are kept, and folding commits together
changes nothing; a row that is altered, gone or there twice does. It finds damage and no forgery: whoever can write into
the library can write into the catalog.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

_MODULUS = 1 << 256  #: of a sum of sha256
_KEY = ("doc", "page", "number")


def sums_of(rows: pa.Table | pa.RecordBatch) -> Counter[str]:
    """The sums of rows with the columns doc, page, number and others of text or of vectors, by document."""
    docs, pages, numbers = (rows[name].to_pylist() for name in _KEY)
    others = [_bytes_of(rows[name]) for name in rows.schema.names if name not in _KEY]
    sums: Counter[str] = Counter()
    for doc, page, number, *contents in zip(docs, pages, numbers, *others, strict=True):
        sums[doc] += _sha256(page, number, contents)
    return sums


def digest_of(total: int) -> str:
    """A sum as the catalog keeps it: 64 hex digits."""
    return f"{total % _MODULUS:064x}"


def _sha256(page: int, number: int, contents: Sequence[bytes]) -> int:
    digest = hashlib.sha256(f"{page} {number} {' '.join(str(len(content)) for content in contents)}\n".encode())
    for content in contents:
        digest.update(content)
    return int.from_bytes(digest.digest())


def _bytes_of(column: pa.Array | pa.ChunkedArray) -> list[bytes]:
    """The values of a column, texts or vectors of 32-bit floats, as bytes."""
    if isinstance(column, pa.ChunkedArray):
        return [value for chunk in column.chunks for value in _bytes_of(chunk)]
    if not pa.types.is_fixed_size_list(column.type):
        return [bytes(value) for value in column.cast(pa.binary()).to_pylist()]
    vectors = column.flatten().to_numpy().astype("<f4", copy=False).reshape(len(column), column.type.list_size)
    return [vector.tobytes() for vector in vectors]
