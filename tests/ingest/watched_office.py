"""A folder that is watched, and a clock that the test turns."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from docqa.store import Store
from docqa.store.watched import WatchedFile
from ingest import watch
from ingest.watch import ScanResult

PERIOD = 30.0  #: seconds between two scans here
MAX_BYTES = 1 << 20


@dataclass
class Office:
    """A folder that is watched, and a clock."""

    store: Store
    folder: Path
    now: float = 1_000_000_000.0

    def write(self, name: str, content: bytes = b"") -> str:
        """A file is there, with other content than before; returns the document it is."""
        content = b"%PDF-1.7 " + (content or os.fsencode(name))
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def scan(self, after: float = PERIOD, max_bytes: int = MAX_BYTES) -> ScanResult:
        """One look, as the worker takes it."""
        self.now += after
        watched = self.store.catalog.watched.folder(str(self.folder))
        result = watch.scan(self.store, watched, self.now, max_bytes)
        watch.remove_withdrawn(self.store)
        return result

    def settle(self) -> ScanResult:
        """Two looks: what is there is taken, what is missing is withdrawn."""
        self.scan()
        return self.scan()

    def labels(self) -> dict[str, str]:
        """Every document listed: its label and its id."""
        return {document.label: document.doc for document in self.store.catalog.documents()}

    def problem(self) -> str | None:
        return self.store.catalog.watched.folder(str(self.folder)).problem

    def pending(self) -> set[str]:
        return set(self.store.catalog.pending("test-1"))


def pages_in_library(store: Store) -> set[str]:
    return {doc for doc, _ in store.library.page_keys()}


def files_of(office: Office) -> list[WatchedFile]:
    return office.store.catalog.watched.files(str(office.folder))
