"""What `docqa ingest` says: how far it is, and what became of every file, in words or as JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from docqa.commands import emit
from docqa.notices import sentences
from docqa.store import Store, clean_label
from docqa.types import NoticeCode, Problem, Status
from ingest.worker import Progress

#: What needs somebody's attention, in a terminal's colours: red, and yellow for what a password opens.
_COLOURS = {"partial": "31", "failed": "31", "needs_password": "33"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report. `status` is a document's status, or "duplicate" for bytes that were known before."""

    doc: str | None
    label: str
    status: str
    pages: int | None
    pages_done: int
    problem: Problem | None
    notices: tuple[NoticeCode, ...]
    seconds: float


def print_json(lines: Sequence[Line], passed_over: int, seconds: float) -> None:
    """Every file as a line of JSON, then the summary; `seconds` are those of the whole ingest."""
    for line in lines:
        emit(asdict(line) | {"seconds": round(line.seconds, 2)})
    pages = _pages_read(lines)
    summary = {"documents": len(lines), **_counts(lines), "passed_over": passed_over, "pages": pages}
    emit({"summary": summary | {"seconds": round(seconds, 2), "pages_per_second": round(pages / seconds, 2)}})


def print_words(store: Store, paths: Sequence[Path], lines: Sequence[Line], passed_over: int, seconds: float) -> None:
    """Every file as a sentence with what people should know about it, then the sums."""
    if not lines:
        where = ", ".join(clean_label(str(path)) for path in paths)
        others = f"; {_others(passed_over)} passed over" if passed_over else ""
        print(f"No file in {where} that docqa can read{others}.")
        return
    told = set[str]()
    for line in lines:
        print(_sentence(line))
        if line.notices and line.doc is not None and line.doc not in told:
            told.add(line.doc)
            for sentence in sentences(store.catalog.notices(line.doc)):
                print(f"    {sentence}")
    said = [f"{count} {status.replace('_', ' ')}" for status, count in _counts(lines).items() if count]
    print(f"{len(lines)} documents: {', '.join(said)}; {_pages_read(lines)} pages in {seconds:.1f} s.")
    if passed_over:
        print(f"{_others(passed_over)} passed over: docqa reads PDF, PNG, JPEG, TIFF, WebP and zips of them.")


def _others(number: int) -> str:
    return "1 other file was" if number == 1 else f"{number:,} other files were"


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    return {status: sum(line.status == status for line in lines) for status in [*Status, "duplicate"]}


def _pages_read(lines: Sequence[Line]) -> int:
    return sum(line.pages_done for line in lines if line.status != "duplicate")


def _sentence(line: Line) -> str:
    pages = "" if line.pages is None else f", {line.pages_done} of {line.pages} pages"
    problem = "" if line.problem is None else f": {line.problem.message} {line.problem.hint}"
    status = f"{line.status.replace('_', ' ')}{pages}"
    if line.status in _COLOURS and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        status = f"\x1b[{_COLOURS[line.status]}m{status}\x1b[0m"
    return f"{line.label}: {status}{problem}"


def show_progress(progress: Progress) -> None:
    """One line that overwrites itself on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return
    left = progress.seconds * (progress.total / max(progress.done, 1) - 1)
    if progress.stage == "reading":
        rate = progress.pages / max(progress.seconds, 0.001)
        text = f"{progress.done}/{progress.total} documents, {progress.pages} pages, {rate:.1f} pages/s"
    else:
        text = f"Found by words; by meaning: {progress.done}/{progress.total} passages"
    text += f", about {left:.0f} s left"
    last = progress.done == progress.total
    print(f"\r{text:<78}", end="\n" if last else "", file=sys.stderr, flush=True)
