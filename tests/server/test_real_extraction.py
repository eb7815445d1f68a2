"""An extraction over a real vLLM: the run is killed in the middle, and then the server; each document is filled once.

The model's weights are random, so that what it says means nothing; its grammar makes it JSON of the form that was asked
for all the same. DOCQA_EXTRACT_DOCUMENTS=200 has as many documents as the goal of the product names; it takes minutes.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from asking import page_image
from vllm_server import KEY, VllmServer

from docqa.store import Store
from tests.ui import small_store

pytestmark = [pytest.mark.model, pytest.mark.timeout(3000)]

DOCUMENTS = int(os.environ.get("DOCQA_EXTRACT_DOCUMENTS", "24"))
FIELDS = """[[field]]
name = "paid"
type = "boolean"
[[field]]
name = "currency"
type = "choice"
choices = ["EUR", "USD"]
[[field]]
name = "total"
type = "amount"
"""
SMALL = (240, 336)  #: pixels: an image of about a hundred tokens, because two cores do a GPU's work
PATIENCE = 2400.0


@pytest.fixture
def store(server: VllmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Invoices of one page, and the settings that a run of its own process reads."""
    store = Store(tmp_path / "store")
    for number in range(DOCUMENTS):
        monkeypatch.setattr(small_store, "jpeg", lambda shade, n=number: page_image(f"invoice {n}", SMALL))
        small_store.add_document(store, f"invoice {number}.pdf", "papers", [f"Invoice {number}", f"Total {number} EUR"])
    (store.folder / "docqa.toml").write_text(
        f'[model]\nbase_url = "{server.url}"\napi_key = "{KEY}"\nread_timeout = 300.0\nmax_tokens = 4096\n'
        "requests_at_once = 8\nimage_budget = 70\n",
        encoding="utf-8",
    )
    (tmp_path / "fields.toml").write_text(FIELDS, encoding="utf-8")
    return store


def test_every_document_is_filled_once_whoever_is_killed(server: VllmServer, store: Store, tmp_path: Path) -> None:
    run = begun(store, tmp_path)
    wait(lambda: done(store) >= DOCUMENTS // 4 or run.poll() is not None)
    run.send_signal(signal.SIGKILL)
    run.wait()
    first = cells(store)
    assert DOCUMENTS // 4 <= done(store) < DOCUMENTS

    run = begun(store, tmp_path)
    wait(lambda: done(store) >= DOCUMENTS // 2 or run.poll() is not None)
    server.kill()
    assert run.wait(PATIENCE) == 4, "the server is away"
    second = cells(store)
    assert DOCUMENTS // 2 <= done(store) < DOCUMENTS

    server.start()
    run = begun(store, tmp_path)
    assert run.wait(PATIENCE) == 0
    last = cells(store)
    assert first.items() <= second.items() <= last.items(), "what was there was not made again"
    assert done(store) == DOCUMENTS
    assert len(last) == 3 * DOCUMENTS
    with closing(sqlite3.connect(store.folder / "catalog.sqlite")) as catalog:
        rows = catalog.execute("SELECT attempts, problem_code, count(*) FROM run_documents GROUP BY 1, 2").fetchall()
        [runs] = catalog.execute("SELECT count(*) FROM runs").fetchone()
    assert runs == 1, "the same command went on"
    print(f"\n{DOCUMENTS} documents; attempts, problem, documents: {rows}")
    assert {code for _, code, _ in rows} == {None}
    # An attempt more only where a run was killed over it: no reply was anything but JSON of the form.
    assert sum(count for attempts, _, count in rows if attempts > 1) <= 8 + 3


def begun(store: Store, folder: Path) -> subprocess.Popen[bytes]:
    """The command, as an office would run it."""
    command = [sys.executable, "-m", "docqa", "--store", store.folder, "extract", "--fields", folder / "fields.toml"]
    return subprocess.Popen([*command, "--out", folder / "table.csv", "--json"], cwd=Path(__file__).parents[2])


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def done(store: Store) -> int:
    return sum(run.done for run in store.catalog.ledger.runs())


def cells(store: Store) -> dict[tuple[str, str], str]:
    """Every cell of the ledger as it is kept."""
    with closing(sqlite3.connect(store.folder / "catalog.sqlite")) as catalog:
        return {(row[0], row[1]): json.dumps(row) for row in catalog.execute("SELECT * FROM cells")}
