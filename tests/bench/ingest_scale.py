"""What an ingest costs as a store grows: pages a second and memory in windows of a run over generated pages.

    python tests/bench/ingest_scale.py [--pages 40000] [--of 100] [--one-document] [--jobs 2] [--no-vectors]

PDFs of `--of` pages each (or one document of all) with words of their own on every page are made and ingested in one
run; prints pages a second and the writer's CPU a page (which tells more on a busy machine) up to about 1,000, 4,000 and
the last page, the peak of memory of the run with its children together (what they share counted once), and the size of
the store against that of originals, images and text.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pymupdf

from docqa.embed import Embedder
from docqa.settings import EmbedderSettings, IngestSettings
from docqa.store import Store
from ingest.commands.memory import keep_memory_flat
from ingest.worker import Progress, ingest_pending

WINDOWS = (1_000, 4_000, 10_000, 20_000, 40_000)
WORDS_A_PAGE = 120


def main() -> None:
    """Make the pages, ingest them, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=40_000)
    parser.add_argument("--of", type=int, default=100, help="pages a document")
    parser.add_argument("--one-document", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-vectors", action="store_true")
    arguments = parser.parse_args()
    keep_memory_flat()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        each = arguments.pages if arguments.one_document else arguments.of
        text = sum(take(store, number, each) for number in range(arguments.pages // each))
        print(f"{arguments.pages // each} documents of {each} pages, load {os.getloadavg()[0]:.1f}", flush=True)
        settings = IngestSettings(jobs=arguments.jobs, max_pages=max(10_000, each))
        watch = Watch(arguments.pages)
        memory = Memory()
        with store.writing(), memory:
            ingest_pending(
                store, lambda: Embedder(EmbedderSettings()), settings, watch, with_vectors=not arguments.no_vectors
            )
        print(f"peak of the run with its children {memory.peak:.2f} GB, of the run alone {memory.own:.2f} GB")
        tell_size(store, text)


class Watch:
    """Told of progress, prints the rate of every window."""

    def __init__(self, pages: int) -> None:
        self._marks = [mark for mark in WINDOWS if mark < pages] + [pages]
        self._last = (0, 0.0, cpu_spent())
        self._vectors = 0

    def __call__(self, progress: Progress) -> None:
        """Print if a mark is reached."""
        if progress.stage == "vectors":
            if progress.done == progress.total or progress.done >= self._vectors + 20_000:
                self._vectors = progress.done
                print(
                    f"vectors: {progress.done} of {progress.total}, {progress.done / progress.seconds:.0f} a second",
                    flush=True,
                )
            return
        while self._marks and progress.pages >= self._marks[0]:
            pages, seconds, cpu = self._last
            cost = 1000 * (cpu_spent() - cpu) / (progress.pages - pages)
            rate = (progress.pages - pages) / (progress.seconds - seconds)
            print(
                f"pages {pages} to {progress.pages}: {rate:.1f} pages/s, {cost:.1f} ms of the writer's CPU a page; "
                f"memory {memory_now():.2f} GB, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            self._last = (progress.pages, progress.seconds, cpu_spent())
            self._marks.pop(0)


def take(store: Store, number: int, pages: int) -> int:
    """Take one generated document in; returns the bytes of its text."""
    text = 0
    with pymupdf.open() as file:
        for page in generated(number, pages):
            text += len(page)
            sheet = file.new_page()
            sheet.insert_textbox((60, 60, 535, 780), page, fontsize=11)
        content = Path(store.folder) / "generated.pdf"
        file.save(content, deflate=True)
    with content.open("rb") as stream:
        store.take(stream, f"report {number:05}.pdf", "generated", 1 << 32)
    content.unlink()
    return text


def generated(number: int, pages: int) -> Iterator[str]:
    """Pages of words drawn like words are: few often, many seldom, some never seen before."""
    source = random.Random(number)
    for page in range(1, pages + 1):
        drawn = (source.paretovariate(0.6) for _ in range(WORDS_A_PAGE))
        yield f"Report {number} page {page}\n" + " ".join(word(int(rank) % 200_000) for rank in drawn)


def word(rank: int) -> str:
    """A word for a rank, the same every time."""
    syllables = ("ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su", "ta", "ve", "wi", "zo")
    return "".join(syllables[digit] for digit in digits(rank + 14, len(syllables)))


def digits(number: int, base: int) -> Iterator[int]:
    """The digits of a number, the lowest first."""
    while number:
        number, digit = divmod(number, base)
        yield digit


def cpu_spent() -> float:
    """Seconds of CPU of this process, which checks and writes; those that render know nothing of the store's size."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory_now() -> float:
    """Resident memory of this process in GB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e9


class Memory:
    """Looks twice a second how much memory the run and its children hold, in GB."""

    def __init__(self) -> None:
        self.peak = self.own = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            own = held(os.getpid())
            self.own = max(self.own, own)
            self.peak = max(self.peak, own + sum(held(child) for child in descendants(os.getpid())))


def held(process: int) -> float:
    """GB that a process holds, of what it shares with others its part; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1e6


def descendants(process: int) -> Iterator[int]:
    """The numbers of its children and of theirs, those in namespaces of their own included."""
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                yield child
                yield from descendants(child)


def tell_size(store: Store, text: int) -> None:
    """The store against what is in it."""
    originals = size(store.folder / "originals")
    keys = store.library.page_keys()
    sample = keys[::97]
    images = sum(len(store.library.image(*key)) for key in sample) / len(sample) * len(keys)
    whole = size(store.folder)
    print(
        f"store {whole / 1e6:.0f} MB; originals {originals / 1e6:.0f}, images about {images / 1e6:.0f}, "
        f"text {text / 1e6:.0f}: {whole / (originals + images + text):.2f} times"
    )


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s in all")
