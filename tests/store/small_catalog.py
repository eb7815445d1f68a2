"""What the tests of the store's parts share: documents that are called by a letter."""

from __future__ import annotations

import hashlib
from pathlib import Path

from docqa.store.catalog import Catalog, PageRecord
from docqa.types import Problem, Status

MB = 1 << 20
PROBLEM = Problem("damaged_file", "The file cannot be opened.", "Copy it again.")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def doc_id(name: str) -> str:
    return sha256(name.encode())


def finish(documents: Catalog, name: str, status: Status, *, pipeline: str = "p1", transient: bool = False) -> None:
    record = PageRecord(1, "ocr", 0.5, sha256(b"image"), sha256(b"words"))
    records = [record] if status in (Status.READY, Status.PARTIAL) else []
    problem = None if status is Status.READY else PROBLEM
    documents.finish_document(
        doc_id(name), status, pipeline=pipeline, page_records=records, problem=problem, transient=transient, seconds=1.5
    )


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
