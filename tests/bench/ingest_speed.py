"""How fast an ingest is, as a ratio to the bare loop in the same run: `make bench`.

    python tests/bench/ingest_speed.py [--rounds 5] [--pages 300] [--scans 10] [--data FOLDER] [--jobs 2]

Three comparisons, docqa and the bare loop in turns, each a process of its own, start included: PDFs with text until
they are found by words; the same with vectors; scans through OCR. Figures are medians; the ratio is the median of the
rounds' ratios, so that a machine that slows down in between slows both. Without measuring data the sample documents are
used, which are too few to tell much.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pymupdf

ROOT = Path(__file__).parents[2]
BARE = Path(__file__).with_name("bare_ingest.py")

Measured = tuple[int, float]  # pages, seconds


def main() -> None:
    """Compare, and print one line for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=300, help="of PDFs with text")
    parser.add_argument("--scans", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DOCQA_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("--only", choices=("words", "vectors", "scans"))
    arguments = parser.parse_args()
    texts, scans = _files(arguments.data, arguments.pages, arguments.scans)
    jobs = str(arguments.jobs)
    comparisons: dict[str, tuple[Callable[[], Measured], Callable[[], Measured]]] = {
        "words": (lambda: _docqa(texts, jobs, words=True), lambda: _bare(["text", "--no-vectors", *texts], jobs)),
        "vectors": (lambda: _docqa(texts, jobs), lambda: _bare(["text", *texts], jobs)),
        "scans": (lambda: _docqa(scans, jobs, words=True), lambda: _bare(["ocr", "--no-vectors", *scans], jobs)),
    }
    print(f"{len(texts)} PDFs, {len(scans)} scans, {jobs} jobs, load {os.getloadavg()[0]:.1f}")
    for name, (ours, bare) in comparisons.items():
        if arguments.only in (None, name):
            _compare(name, ours, bare, arguments.rounds)


def _compare(name: str, ours: Callable[[], Measured], bare: Callable[[], Measured], rounds: int) -> None:
    pairs = [(ours(), bare()) for _ in range(rounds)]
    rates = [[pages / seconds for pages, seconds in side] for side in zip(*pairs, strict=True)]
    ratios = [ours / bare for ours, bare in zip(*rates, strict=True)]
    print(
        f"{name}: docqa {statistics.median(rates[0]):.2f} pages/s, bare {statistics.median(rates[1]):.2f} pages/s; "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}), load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _docqa(files: Sequence[str], jobs: str, *, words: bool = False) -> Measured:
    """One ingest into a new store; with `words`, until everything is found by words."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "docqa", "--store", folder, "ingest", "--json", "--jobs", jobs, *files]
        if words:
            command.insert(-len(files), "--no-vectors")
        said, seconds = _run(command)
        summary = json.loads(said.splitlines()[-1])["summary"]
    assert summary["ready"] == len(files), summary
    return summary["pages"], seconds


def _bare(arguments: Sequence[str], jobs: str) -> Measured:
    said, seconds = _run([str(BARE), jobs, *arguments])
    return json.loads(said.splitlines()[-1])["pages"], seconds


def _run(command: Sequence[str]) -> tuple[str, float]:
    """Standard output and seconds."""
    started = time.monotonic()
    done = subprocess.run([sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout, time.monotonic() - started


def _files(data: Path, pages: int, scans: int) -> tuple[list[str], list[str]]:
    """PDFs with text up to some pages, and images."""
    filings = sorted((data / "docs" / "financebench").glob("*.pdf"), key=lambda path: path.stat().st_size)
    receipts = sorted((data / "docs" / "sroie").glob("*.jpg"))
    if not filings:
        print("There is no measuring data: the sample documents are used, and the figures say little.")
        filings, receipts = sorted((ROOT / "sample_docs").glob("*.pdf")), sorted((ROOT / "sample_docs").glob("*.jpg"))
    texts: list[str] = []
    for filing in filings:
        if pages <= 0:
            break
        pages -= pymupdf.open(filing).page_count
        texts.append(str(filing))
    return texts, [str(path) for path in receipts[:scans]]


if __name__ == "__main__":
    main()
