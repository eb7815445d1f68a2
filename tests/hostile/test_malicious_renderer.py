"""A renderer that a file has taken over: whatever it tries fails, is named, and costs no other document anything.

All attacks of `tests/ingest/stubs/malicious.py` are documents of one store, beside good ones, read in one run: once
with bubblewrap, once with what the kernel offers without it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from docqa.settings import IngestSettings
from docqa.store import Store
from docqa.types import Document, Status
from ingest import reading
from ingest.sandbox import walls
from ingest.sandbox.untrusted import OcrReading
from ingest.worker import ingest_pending
from tests.ingest.stubs.malicious import ACTS, WAYS

#: Landlock and seccomp cannot keep a child from asking whether a path exists; they keep it from opening it.
ONLY_WITH_BUBBLEWRAP = {"learns_whether_a_file_exists"}

LATE, LIED, DIED = "renderer_timeout", "renderer_lied", "renderer_died"
PROBLEMS = {
    "never_says_anything": LATE,
    "never_ends_a_page": LATE,
    "spins": LATE,
    "spins_in_many_threads": LATE,
    "drips": LATE,
    "floods_the_pipe": LIED,
    "announces_terabytes": LIED,
    "announces_a_billion_pages": LIED,
    "announces_less_than_nothing": LIED,
    "says_nonsense": LIED,
    "lies_about_the_size": LIED,
    "sends_no_image": LIED,
    "sends_fewer_pages_than_announced": "pages_missing",
    "sends_a_page_twice": "pages_missing",
    "sends_pages_backwards": LIED,
    "dies_in_the_middle_of_a_page": DIED,
    "ends_well_and_early": DIED,
}


@dataclass
class Aftermath:
    """What is left after the run."""

    store: Store
    walls: str
    outside: Path
    documents: dict[str, Document]
    token: str
    called: list[str]


class NoOcr:
    """Nothing here is a picture."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> NoOcr:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, image: bytes) -> OcrReading:
        return OcrReading((), 0.0)


@pytest.fixture(scope="module", params=["bubblewrap", "kernel alone"])
def aftermath(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    fake_embedder: Any,  # noqa: ANN401
) -> Iterator[Aftermath]:
    """One run over a store of attacks and good letters."""
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as open_sockets:
        _choose_walls(request.param, patch)
        patch.setenv("DOCQA_MODEL__API_KEY", "canary")
        patch.setattr(reading, "RENDERER", "tests.ingest.stubs.malicious")
        patch.setattr("ingest.worker.Ocr", NoOcr)
        outside = folder / "outside"
        (outside / "home").mkdir(parents=True)
        listening = [open_sockets.enter_context(one) for one in _listen(outside)]
        store = Store(folder / "store")
        original = _take(store, "good before.pdf", _letter(3))
        aim = {"store": str(store.folder), "outside": str(outside), "original": str(store.originals.path(original))}
        aim |= {"worker": os.getpid(), "port": listening[0].getsockname()[1]}
        for attack in ("nothing_forbidden", *ACTS, *WAYS):
            _take(store, attack, b"%PDF-1.7\n%ATTACK " + json.dumps({"attack": attack, **aim}).encode() + b"\n")
        _take(store, "good after.pdf", _letter(4))
        # The deadline leaves time to start on a busy machine, and so many run that those who use it up do so together.
        limits = IngestSettings(
            jobs=8, page_deadline=12, memory_mb=1024, image_budget=70, max_pages=random.randint(10**6, 10**8)
        )
        ingest_pending(store, lambda: fake_embedder, limits)
        documents = {document.label: document for document in store.catalog.documents()}
        token = f"--max-pages={limits.max_pages}"
        yield Aftermath(store, request.param, outside, documents, token, _callers(listening))
    walls._trial.cache_clear()


def _choose_walls(wanted: str, patch: pytest.MonkeyPatch) -> None:
    if wanted == "kernel alone":
        patch.setattr(walls, "BUBBLEWRAP", "bwrap-is-hidden-from-this-test")
    walls._trial.cache_clear()
    standing = {wall.name for wall in walls.protections() if wall.active}
    if wanted == "bubblewrap" and "bubblewrap" not in standing:
        pytest.skip("bubblewrap is not installed or does not work here")
    if wanted == "kernel alone" and not {"landlock", "seccomp"} <= standing:
        pytest.skip("this kernel has no Landlock or no seccomp")
    assert ("bubblewrap" in standing) == (wanted == "bubblewrap")


def _listen(outside: Path) -> list[socket.socket]:
    tcp = socket.create_server(("127.0.0.1", 0))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(tcp.getsockname())
    path, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    path.bind(str(outside / "socket"))
    abstract.bind(f"\0docqa-{tcp.getsockname()[1]}")
    for one in (path, abstract):
        one.listen()
    return [tcp, datagrams, path, abstract]


def _callers(listening: list[socket.socket]) -> list[str]:
    """Who of the listening sockets was reached."""
    reached = []
    for one in listening:
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            _ = one.recv(1) if one.type == socket.SOCK_DGRAM else one.accept()[0].close()
            reached.append(str(one))
    return reached


def _take(store: Store, label: str, content: bytes) -> str:
    return store.take(io.BytesIO(content), label, "main", 1 << 30).document.doc


def _letter(pages: int) -> bytes:
    with pymupdf.open() as file:
        for number in range(1, pages + 1):
            lines = [f"Line {line} of page {number} of a letter about the harbour" for line in range(1, 9)]
            file.new_page().insert_text((60, 80), lines)
        return bytes(file.tobytes())


def test_good_documents_between_the_attacks_are_read(aftermath: Aftermath) -> None:
    good = {label: document for label, document in aftermath.documents.items() if label.startswith("good")}
    assert {label: (d.status, d.pages_done) for label, d in good.items()} == {
        "good before.pdf": (Status.READY, 3),
        "good after.pdf": (Status.READY, 4),
    }


def test_an_escape_would_be_seen(aftermath: Aftermath) -> None:
    """What the next test looks for is there when nothing stands in the way."""
    document = aftermath.documents["nothing_forbidden"]
    assert document.status is Status.READY
    assert "ESCAPED" in aftermath.store.page(document.doc, 1).text


@pytest.mark.parametrize("attack", ACTS)
def test_a_forbidden_act_fails_and_is_named(aftermath: Aftermath, attack: str) -> None:
    if attack in ONLY_WITH_BUBBLEWRAP and aftermath.walls != "bubblewrap":
        pytest.skip("only bubblewrap hides which paths exist")
    document = aftermath.documents[attack]
    assert document.status is Status.FAILED
    assert document.problem is not None
    assert (document.problem.code, document.pages_done) == (DIED, 0)


@pytest.mark.parametrize("attack", WAYS)
def test_a_way_to_break_the_rules_is_named(aftermath: Aftermath, attack: str) -> None:
    document = aftermath.documents[attack]
    assert document.problem is not None
    assert document.problem.code == PROBLEMS[attack]
    assert document.status is (Status.PARTIAL if PROBLEMS[attack] == "pages_missing" else Status.FAILED)


def test_nothing_is_left_of_it(aftermath: Aftermath) -> None:
    assert aftermath.called == []
    assert sorted(path.name for path in aftermath.outside.iterdir()) == ["home", "socket"]
    assert not (aftermath.store.folder / "escaped").exists()
    assert not Path(f"/tmp/docqa-{os.getpid()}-escaped").exists()
    assert not Path("escaped").exists()
    for document in aftermath.documents.values():
        aftermath.store.originals.check(document.doc)
        assert aftermath.store.originals.path(document.doc).stat().st_mode & 0o022 == 0


def test_no_process_is_left_of_it(aftermath: Aftermath) -> None:
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if aftermath.token.encode() in (process / "cmdline").read_bytes():
                left.append((process / "status").read_text())
    assert left == []
