"""What must hold of a store after any fault and one run to the end: nothing lost, nothing doubled, nothing left over.

Called after every fault. It looks with its own eyes first (files, tables, a search) and then asks `docqa check`, so
that a blind spot of the check does not hide what is wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import lancedb

from docqa.cli import main
from docqa.store import Store
from docqa.store.check import check
from docqa.types import Document, Status

_PARTS = {"originals", "lance", "writer.lock", "runs.lock", "docqa.toml"}  #: of a store's folder
_SEARCHED = 3  #: pages a document that are looked for
_WORD = re.compile(r"\b[A-Za-z]{5,20}\b")


def invariants(store_folder: Path, inputs: Iterable[Path], not_ready: Callable[[str], bool] | None) -> list[str]:
    """Everything that is wrong, in sentences; `inputs` are the files that were offered. Uses this process's embedder.

    All documents have to be ready but those whose label `not_ready` is true of; None asks that of no document.
    """
    store = Store.existing(store_folder)
    documents = store.catalog.documents()
    return [
        *_documents(documents, inputs),
        *_statuses(documents),
        *([] if not_ready is None else _unready(documents, not_ready)),
        *_pages(store, documents),
        *_tables(store_folder, documents),
        *_files(store_folder, documents),
        *_searched(store, documents),
        *_checked(store),
    ]


def _documents(documents: list[Document], inputs: Iterable[Path]) -> Iterator[str]:
    offered = {hashlib.sha256(file.read_bytes()).hexdigest() for file in inputs if file.stat().st_size}
    kept = {document.doc for document in documents}
    yield from (f"document {doc[:12]} was offered and is lost" for doc in offered - kept)
    yield from (f"document {doc[:12]} was never offered" for doc in kept - offered)


def _statuses(documents: list[Document]) -> Iterator[str]:
    for document in documents:
        if document.status is Status.QUEUED:
            yield f"{document.label} is still queued"
        if (document.status is Status.READY) == (document.problem is not None):
            yield f"{document.label} is {document.status} with the problem {document.problem}"
        if document.problem is not None and not (document.problem.message and document.problem.hint):
            yield f"{document.label} has a problem that says nothing: {document.problem}"
        if document.status is Status.READY and document.pages_done != document.pages:
            yield f"{document.label} is ready with {document.pages_done} of {document.pages} pages"


def _unready(documents: list[Document], not_ready: Callable[[str], bool]) -> Iterator[str]:
    for document in documents:
        if document.status is not Status.READY and not not_ready(document.label):
            yield f"{document.label} is {document.status} and should be ready: {document.problem}"


def _pages(store: Store, documents: list[Document]) -> Iterator[str]:
    """Each page that the catalog knows is in the library once, with its image, and no other is."""
    stored = Counter(store.library.page_keys())
    for document in documents:
        records = store.catalog.page_records(document.doc)
        if len(records) != document.pages_done:
            yield f"{document.label} has {len(records)} page records and says {document.pages_done}"
        for record in records:
            count = stored.pop((document.doc, record.number), 0)
            if count != 1:
                yield f"page {record.number} of {document.label} is in the library {count} times"
                continue
            image = store.library.image(document.doc, record.number)
            if hashlib.sha256(image).hexdigest() != record.image_sha256:
                yield f"page {record.number} of {document.label} has another image than it had"
    yield from (f"page {number} of {doc[:12]} is in the library and not in the catalog" for doc, number in stored)


def _tables(store_folder: Path, documents: list[Document]) -> Iterator[str]:
    """No table of the library holds a row twice, or one of a document that has no pages."""
    read = {document.doc for document in documents if document.pages_done}
    for name, keys in table_keys(store_folder).items():
        yield from (f"table {name} has {key} {count} times" for key, count in keys.items() if count > 1)
        yield from (f"table {name} has rows of {doc[:12]}" for doc in {key[0] for key in keys} - read)


def table_keys(store_folder: Path) -> dict[str, Counter[tuple[str, int, int]]]:
    """How often each (doc, page, number) is in each table; the number is 0 where a table has none."""
    library = lancedb.connect(store_folder / "lance")
    counted = {}
    for name in library.list_tables().tables:
        table = library.open_table(name)
        columns = [column for column in ("doc", "page", "number") if column in table.schema.names]
        rows = table.search().select(columns).limit(None).to_arrow().to_pylist()
        counted[name] = Counter((row["doc"], row.get("page", 0), row.get("number", 0)) for row in rows)
    return counted


def _files(store_folder: Path, documents: list[Document]) -> Iterator[str]:
    known = {document.doc for document in documents}
    for file in (store_folder / "originals").rglob("*"):
        if file.is_file() and file.name not in known:
            yield f"{file.relative_to(store_folder)} belongs to no document"
    for file in store_folder.iterdir():
        if file.name not in _PARTS and "catalog.sqlite" not in file.name:
            yield f"{file.name} is left over"


def _searched(store: Store, documents: list[Document]) -> Iterator[str]:
    """Every page that has words can be found, by its words and by its meaning."""
    for document in documents:
        if document.status is not Status.READY:
            continue
        for page in store.library.pages(document.doc, range(1, _SEARCHED + 1)):
            words = _WORD.findall(page.text)
            if words:
                yield from _found(store.folder, document, page.number, max(words, key=len))


def _found(store_folder: Path, document: Document, number: int, word: str) -> Iterator[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(["--store", str(store_folder), "search", word, "--doc", document.doc, "-k", "10000", "--json"])
    why = {hit["page"]: hit["why"] for hit in json.loads(out.getvalue())["hits"]}
    if number not in why:
        yield f"page {number} of {document.label} is not found by {word!r}"
    elif not ("words" in why[number] and "meaning" in why[number]):
        yield f"page {number} of {document.label} is found by {word!r} through {why[number]} only"


def _checked(store: Store) -> Iterator[str]:
    yield from (f"docqa check: {finding.code}: {finding.message}" for finding in check(store, read_data=True))
