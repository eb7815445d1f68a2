"""What an extraction costs as an office grows: time and memory of every step over thousands of generated documents.

    python tests/bench/extract_scale.py [--documents 1000 5000 20000] [--store DIR] [--step extract …] [--jobs 2]

Invoices and receipts of a page are written through the store's own API: words with boxes, no image to speak of, no
OCR. One in fifty says what an earlier one said, one in a hundred could not be read, one in a hundred has damaged words,
and all invoices of a seller share its registration number. Each step prints one line: seconds, the peak of memory
of the command with its children (what they share counted once) and what is particular to it. With --store the store is
kept, and made only if it is not there; steps that find what they need in it can be run alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docqa.extract.fields import field_key
from docqa.extract.review import refit
from docqa.extract.run import run_fields
from docqa.settings import ModelSettings, Settings
from docqa.store import Store
from docqa.store.catalog import PageRecord
from docqa.store.database import now
from docqa.store.library import StoredPage, page_digest
from docqa.types import Correction, FieldType, Page, Problem, Status, TextSource, Word

COMMIT = 64  #: pages in a commit, as in an ingest
TIDY = 4_000  #: pages after which an ingest tidies up
WINDOWS = 5  #: in which the speed of a run is told
SELLERS = ("Alder Timber Ltd", "Birch Bakery GmbH", "Cedar Supplies Inc", "Dogwood Office Ltd", "Elm Electric GmbH")
THINGS = ("Walnut shelf", "Brass hinge", "Paper A4 white", "Oak table top", "Copper wire 2.5 mm", "Desk lamp")
LONGEST = 850.0  #: seconds after which a command is given up
CALIBRATED = 400  #: documents whose cells somebody looked at
STEPS = ("make", "extract", "again", "half", "missing", "retry", "size", "export", "people", "browser")


def main() -> None:
    """Make the stores and measure the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[1_000, 5_000, 20_000])
    parser.add_argument("--store", type=Path, help="keep the stores in this folder")
    parser.add_argument("--step", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--fields", default="invoice")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    os.environ |= {"DOCQA_EXTRACT__JOBS": str(given.jobs)}
    with tempfile.TemporaryDirectory() as temporary:
        for count in given.documents:
            folder = (given.store or Path(temporary)) / str(count)
            bench = Bench(folder, count, given.fields)
            for step in given.step:
                getattr(bench, step)()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    seconds: float
    processor: float  #: seconds, its children included: on a busy machine this tells more
    peak: float  #: GB, its children included
    code: int


class Bench:
    """The steps over one store of `count` documents."""

    def __init__(self, folder: Path, count: int, fields: str) -> None:
        self.folder, self.count, self.fields = folder, count, fields
        self.catalog = folder / "catalog.sqlite"

    def tell(self, step: str, **figures: object) -> None:
        """Print one line."""
        known = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
        line = {"documents": self.count, "step": step, **known, "load": round(os.getloadavg()[0], 1)}
        print(json.dumps(line), flush=True)

    # ── making ───────────────────────────────────────────────────────────────────────────────────────────────────

    def make(self) -> None:
        """The documents, unless they are there."""
        if self.catalog.exists():
            return
        started = time.perf_counter()
        fill(Store(self.folder), range(self.count))
        self.tell("make", seconds=time.perf_counter() - started)

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────────────

    def extract(self) -> None:
        """A new extraction of everything: its speed over time, and how long until the first cell."""
        marks: list[tuple[float, int]] = []
        self._clean()
        cost = self._run(*self._extraction("first.csv"), watch=lambda seconds: marks.append((seconds, self._done())))
        first = next((seconds for seconds, done in marks if done), None)
        rates = list(_rates(marks, self.count))
        self.tell("extract", **vars_of(cost), first_cell=first, documents_per_second=rates)

    def again(self) -> None:
        """The same again when nothing is left to be read: as a new extraction, and carried on."""
        self.tell("extract again", **vars_of(self._run(*self._extraction("again.csv"))))
        self.tell("only missing, none", **vars_of(self._run(*self._extraction("again.csv"), "--only-missing")))

    def half(self) -> None:
        """Killed in the middle, and two at once that carry it on: nothing that was done is read again."""
        self._clean()
        self._run(*self._extraction("half.csv"), watch=self._kill_at(self.count // 2))
        before = self._cells()
        killed = self._done()
        twins = [self._started(*self._extraction(f"half{number}.csv")) for number in range(2)]
        started = time.perf_counter()
        codes = [twin.wait() for twin in twins]
        seconds = time.perf_counter() - started
        after = self._cells()
        self.tell(
            "two at once after a kill",
            seconds=seconds,
            codes=codes,
            done_at_kill=killed,
            cells_at_kill=len(before),
            cells_filled_again=sum(after[key] != moment for key, moment in before.items()),
            cells=len(after),
            documents_tried_twice=self._asked("SELECT count(*) FROM run_documents WHERE attempts = 2 AND done"),
            runs=self._asked("SELECT count(*) FROM runs"),
        )

    def missing(self) -> None:
        """Ten documents more."""
        known = self._asked("SELECT count(*) FROM documents")
        fill(Store(self.folder), range(known, known + 10), plain=True)
        cost = self._run(*self._extraction("more.csv"), "--only-missing")
        self.tell("only missing, 10 new", **vars_of(cost), done=self._done())

    def retry(self) -> None:
        """Those that were set aside once more."""
        self.tell("retry", **vars_of(self._run(*self._extraction("retry.csv"), "--retry")))

    def size(self) -> None:
        """What a cell takes."""
        with closing(sqlite3.connect(self.catalog)) as sql:
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            [[cells, size]] = sql.execute("SELECT count(*), total(length(details) + length(boxes)) FROM cells")
            [[pages]] = sql.execute("SELECT total(pgsize) FROM dbstat WHERE name = 'cells'")
        catalog = self.catalog.stat().st_size
        self.tell("size", cells=cells, bytes_a_cell=pages / cells, of_it_json=size / cells, catalog_mb=catalog / 1e6)

    def export(self) -> None:
        """The table in each form."""
        for suffix in ("xlsx", "csv", "json"):
            file = self.folder / f"out.{suffix}"
            cost = self._run("export", str(self._last_run()), "--out", str(file))
            self.tell(f"export {suffix}", **vars_of(cost), mb=file.stat().st_size / 1e6 if file.exists() else None)

    def people(self) -> None:
        """What the commands around corrections cost once people said something of many cells."""
        store = Store(self.folder)
        if not store.catalog.ledger.corrections():
            say(store, self._last_run(), CALIBRATED)
        self.tell("corrections", **vars_of(self._run("corrections")))
        label = store.catalog.documents()[0].label
        self.tell("correct", **vars_of(self._run("correct", label, "order_number", "A-17", "--who", "bench")))
        run = str(self._last_run())
        cost = self._run("correct", label, "order_number", "A-18", "--who", "bench", "--run", run)
        self.tell("correct --run", **vars_of(cost))
        started = time.process_time()
        refit(store, save=False)
        self.tell("calibrate", processor=time.process_time() - started)

    # ── the browser ──────────────────────────────────────────────────────────────────────────────────────────────

    def browser(self) -> None:
        """Each in a process of its own, as a server that was just started."""
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); from extract_scale import in_browser; in_browser(sys.argv[2])"
        )
        command = [sys.executable, "-c", code, str(Path(__file__).parent), str(self.folder)]
        with tempfile.TemporaryFile() as said:
            cost = measured(subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL))
            said.seek(0)
            for line in said.read().decode().splitlines():
                self.tell(**json.loads(line))
        self.tell("browser", **vars_of(cost))

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _extraction(self, out: str) -> list[str]:
        return ["extract", "--fields", self.fields, "--reader", "quote", "--out", str(self.folder / out)]

    def _started(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "docqa", "--store", str(self.folder), *arguments]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _run(self, *arguments: str, watch: Callable[[float], object] = lambda seconds: None) -> Cost:
        return measured(self._started(*arguments), watch)

    def _kill_at(self, done: int) -> Callable[[float], None]:
        def kill(seconds: float) -> None:
            if self._done() >= done:
                for child in [child for child in descendants(os.getpid()) if child != os.getpid()]:
                    os.kill(child, signal.SIGKILL)

        return kill

    def _clean(self) -> None:
        with closing(sqlite3.connect(self.catalog)) as sql, sql:
            for table in ("cells", "run_documents", "runs"):
                sql.execute(f"DELETE FROM {table}")

    def _asked(self, statement: str) -> int:
        with closing(sqlite3.connect(f"file:{self.catalog}?mode=ro", uri=True, timeout=30)) as sql:
            return int(sql.execute(statement).fetchone()[0] or 0)

    def _done(self) -> int:
        return self._asked("SELECT sum(done) FROM run_documents WHERE run = (SELECT max(run) FROM runs)")

    def _last_run(self) -> int:
        return self._asked("SELECT max(run) FROM runs")

    def _cells(self) -> dict[tuple[str, str], str]:
        with closing(sqlite3.connect(self.catalog)) as sql:
            found = sql.execute("SELECT doc, field_key, filled_at FROM cells")
            return {(doc, key): moment for doc, key, moment in found}


def vars_of(cost: Cost) -> dict[str, float]:
    return {"seconds": cost.seconds, "processor": cost.processor, "peak_gb": cost.peak, "code": cost.code}


def _rates(marks: Sequence[tuple[float, int]], count: int) -> Iterator[float]:
    """Documents a second of each part of a run."""
    marks = [(0.0, 0), *marks]
    before = next((mark for mark in marks if mark[1]), marks[0])
    for part in range(1, WINDOWS + 1):
        after = next((mark for mark in marks if mark[1] >= part * 0.97 * count / WINDOWS), marks[-1])
        if after[0] > before[0]:
            yield round((after[1] - before[1]) / (after[0] - before[0]), 1)
        before = after


def measured(process: subprocess.Popen[bytes], watch: Callable[[float], object] = lambda seconds: None) -> Cost:
    """Wait for a process; look four times a second how much memory it and its children hold."""
    started, used, peak = time.perf_counter(), children_used(), 0.0
    ended = threading.Event()
    threading.Thread(target=lambda: (process.wait(), ended.set()), daemon=True).start()
    while not ended.wait(0.25):
        peak = max(peak, sum(held(one) for one in (process.pid, *descendants(process.pid))))
        watch(time.perf_counter() - started)
        if time.perf_counter() - started > LONGEST:
            process.kill()
    return Cost(time.perf_counter() - started, children_used() - used, peak, process.returncode)


def children_used() -> float:
    """Seconds of processor that the children that ended have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def held(process: int) -> float:
    """GB that a process holds, of what it shares with others its part; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1e6


def descendants(process: int) -> list[int]:
    """The numbers of its children and of theirs."""
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────────


def fill(store: Store, numbers: Sequence[int], *, plain: bool = False) -> None:
    """Write documents as an ingest leaves them, but for vectors, passages and images; `plain`: none that fails."""
    written = 0
    for start in range(0, len(numbers), COMMIT):
        some = [made(number, plain) for number in numbers[start : start + COMMIT]]
        store.library.add([StoredPage(page, image) for page, image, failed, _ in some if not failed], [])
        for page, image, failed, label in some:
            store.catalog.add_document(page.doc, 1_000, label, "office")
            digest = "0" * 64 if page.quality < 1 else page_digest(page)
            record = PageRecord(1, page.text_source, 1.0, hashlib.sha256(image).hexdigest(), digest)
            store.catalog.finish_document(
                page.doc,
                Status.FAILED if failed else Status.READY,
                pipeline="2",
                pages=1,
                page_records=[] if failed else [record],
                problem=Problem("damaged_file", "The file cannot be opened.", "Copy it again.") if failed else None,
                seconds=0.1,
            )
        written += len(some)
        if written % TIDY < COMMIT:
            store.library.tidy()
    store.catalog.set_vectors([document.doc for document in store.catalog.documents()], "bench")
    store.library.tidy()


def made(number: int, plain: bool = False) -> tuple[Page, bytes, bool, str]:
    """The page of a document, its image, whether it failed, and its label."""
    doc = hashlib.sha256(f"document {number}".encode()).hexdigest()
    says = number - 7 if number % 50 == 49 else number  # one in fifty says what another one said
    text = receipt(says) if number % 5 == 4 else invoice(says)
    quality = 0.5 if number % 100 == 37 and not plain else 1.0
    page = Page(doc, 1, 1240, 1754, tuple(words_of(text)), TextSource.TEXT_LAYER, quality)
    return page, f"image of {number}".encode(), number % 100 == 13 and not plain, f"2026/{number:06}.pdf"


def invoice(number: int) -> str:
    """An invoice with its items."""
    source = random.Random(number)
    seller = SELLERS[number % len(SELLERS)]
    items = [(source.choice(THINGS), source.randint(1, 9), source.randint(100, 90_000)) for _ in range(5)]
    net = sum(quantity * price for _, quantity, price in items)
    tax = round(net * 0.19)
    lines = [
        seller,
        f"{number % 80 + 1} Harbour Street, Port Ellen",
        "",
        "INVOICE",
        f"Invoice number: RE-{2020 + number % 7}-{number:06}",
        f"Invoice date: {number % 28 + 1} March 2026",
        f"Due date: {number % 28 + 1} April 2026",
        f"Order number: PO-{number % 9_000 + 1_000}",
        f"VAT ID: DE{100_000_000 + number % len(SELLERS)}",
        f"Bill to:  Customer {number % 400} Limited",
        "",
        "Description                 Quantity    Unit price    Amount",
        *(f"{what:<28}{many:<12}{amount(price):<14}{amount(many * price)}" for what, many, price in items),
        "",
        f"Net amount:  {amount(net)} EUR",
        f"VAT 19 %:  {amount(tax)} EUR",
        f"Total amount due:  {amount(net + tax)} EUR",
        "IBAN: DE89 3704 0044 0532 0130 00",
    ]
    return "\n".join(lines)


def receipt(number: int) -> str:
    """A receipt: no number of its own, few fields of an invoice."""
    source = random.Random(number)
    prices = [source.randint(50, 4_000) for _ in range(4)]
    lines = [
        SELLERS[number % len(SELLERS)],
        "RECEIPT",
        f"Date: 2026-03-{number % 28 + 1:02}",
        *(f"{source.choice(THINGS):<28}{amount(price)}" for price in prices),
        f"Total:  {amount(sum(prices))} EUR",
        "Thank you",
    ]
    return "\n".join(lines)


def amount(cents: int) -> str:
    """1234567 as 12,345.67."""
    return f"{cents / 100:,.2f}"


def words_of(text: str) -> Iterator[Word]:
    """The words where a typewriter sets them."""
    letter, height, pitch = 0.009, 0.014, 0.02
    for line, written in enumerate(text.splitlines()):
        place = 0
        for word in written.split(" "):
            if word:
                left, top = 0.1 + place * letter, 0.1 + line * pitch
                yield Word(word, (left, top, left + len(word) * letter, top + height), line)
            place += len(word) + 1


def say(store: Store, run: int, documents: int) -> None:
    """Have somebody look at every cell of some documents: most are right."""
    record = store.catalog.ledger.runs(run)[0]
    fields = [one for one in run_fields(record) if one.type is not FieldType.TABLE]
    keys = {field_key(one, record.version): one for one in fields}
    for doc in sorted(store.catalog.ledger.run_docs(run))[:documents]:
        for key, cell in store.catalog.ledger.cells(doc, list(keys)).items():
            wrong = hashlib.sha256(f"{doc}{key}".encode()).digest()[0] < 20
            value = "something else" if wrong else cell.value
            store.catalog.ledger.correct(Correction(doc, cell.field, value, "bench", now(), read=cell.value))


# ── the browser ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _screen() -> None:
    import time

    import streamlit as st

    from ui.screens import extract

    started, used = time.perf_counter(), time.thread_time()
    extract.show()
    st.session_state["cost"] = time.perf_counter() - started, time.thread_time() - used


def in_browser(folder: str) -> None:
    """Print what each click costs: the seconds of the script, and the bytes that go to the browser."""
    from streamlit.testing.v1 import AppTest, local_script_runner

    from ui import resources

    sent, parse = [0], local_script_runner.parse_tree_from_messages

    def counted(messages: list[Any]) -> Any:  # noqa: ANN401 (Streamlit's tree has no public type)
        sent[0] = sum(message.ByteSize() for message in messages)
        return parse(messages)

    local_script_runner.parse_tree_from_messages = counted
    resources.use(Settings(store=Path(folder), model=ModelSettings(base_url=None)))
    ledger = resources.store().catalog.ledger
    run = ledger.runs()[0].run

    def told(step: str, at: AppTest) -> AppTest:
        assert not at.exception, at.exception
        seconds, processor = at.session_state["cost"]
        cost = {"seconds": seconds, "processor": processor, "sent_kb": sent[0] / 1e3}
        print(json.dumps({"step": f"browser: {step}"} | cost), flush=True)
        return at

    def opened(step: str, **query: str) -> AppTest:
        at = AppTest.from_function(_screen, default_timeout=600)
        for name, value in query.items():
            at.query_params[name] = value
        return told(step, at.run())

    at = opened("the run, first time", run=str(run))
    told("the run, again", at.run())
    at = told("look at the next value", at.button(key="look").click().run())
    for number in range(2):
        at = told(f"next value {number + 1}", at.button(key=f"next_{run}").click().run())
    at = told("accept a value", at.button(key=f"accept_{run}").click().run())
    at = told("only those to look at", at.segmented_control(key=f"show_{run}").set_value("To look at").run())
    opened("a second person opens the run", run=str(run))
    doc = sorted(ledger.run_docs(run))[-1]
    opened("a link of a workbook", run=str(run), doc=doc, field="total_amount")
    opened("new extraction")
    started = time.thread_time()
    resources.store().catalog.documents(docs=[doc])
    print(json.dumps({"step": "one document by its id", "processor": time.thread_time() - started}), flush=True)


if __name__ == "__main__":
    main()
