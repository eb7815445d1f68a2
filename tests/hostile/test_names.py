"""Names are labels: whatever a file is called, in a folder, a zip or an upload, nothing is written by its name.

And nothing of it reaches a terminal, a browser or a spreadsheet as anything but text.
"""

from __future__ import annotations

import csv
import io
import json
import os
import struct
import unicodedata
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from docqa.archive import take_archive
from docqa.cli import main
from docqa.extract.export import csv_text
from docqa.extract.table import Row
from docqa.settings import IngestSettings, ModelSettings, Settings
from docqa.store import MAX_LABEL, Store, clean_label
from docqa.types import Status
from ui import resources

PATHS = [
    "../../../outside.pdf",
    "..\\..\\outside.pdf",
    "..",
    "../",
    "../../outside/",
    "/etc/passwd.pdf",
    "//server/share/a.pdf",
    "\\\\server\\share\\a.pdf",
    "C:\\Windows\\a.pdf",
    "C:a.pdf",
    "file:///etc/passwd.pdf",
    "~/a.pdf",
    "a/../../b.pdf",
    "a//b.pdf",
    "./a.pdf",
    "%2e%2e%2foutside.pdf",
    "..%c0%af..%c0%afoutside.pdf",
    "catalog.sqlite",
    "../catalog.sqlite",
    "originals/incoming/a.pdf",
    "docqa.toml",
    "writer.lock",
    "lance",
]
UNSHOWABLE = [
    "nul\x00.pdf",
    "a.pdf\x00.exe",
    "bell\x07.pdf",
    "line\nbreak.pdf",
    "return\r.pdf",
    "tab\t.pdf",
    "delete\x7f.pdf",
    "next line\x85.pdf",
    "\x1b[31mred\x1b[0m.pdf",
    "\x1b]0;title\x07.pdf",
    "\x1b]8;;http://attacker.example\x1b\\link.pdf",
    "\x9b31mred.pdf",
    "invoice\u202efdp.exe",
    "\u2066isolated\u2069.pdf",
    "\u200eleft\u200fright.pdf",
    "\u061carabic mark.pdf",
    "zero\u200bwidth\u200cjoin\u200d\ufeff.pdf",
    "soft\u00adhyphen.pdf",
    "tag\U000e0041\U000e0042.pdf",
    "line\u2028separator\u2029.pdf",
    "filler\u3164\u115f\uffa0.pdf",
    "invisible\u2063times.pdf",
    "private\ue000use.pdf",
    "unassigned\U000e0fff.pdf",
    "blank\u00a0narrow\u202fwide\u3000.pdf",
    "empty\u2800.pdf",
    "selector\ufe01\U000e0101.pdf",
]
FORMULAS = [
    "=cmd|' /C calc'!A0.pdf",
    '=HYPERLINK("http://attacker.example","x").pdf',
    "+1+1.pdf",
    "-2+3.pdf",
    "@SUM(A1).pdf",
    "＝1+1.pdf",
    "\t=1.pdf",
    "\r=1.pdf",
    ",=1,.pdf",
    '";=1;".pdf',
]
MARKUP = [
    "<img src=x onerror=alert(1)>.pdf",
    "<script>alert(1)</script>.pdf",
    "&lt;b&gt;.pdf",
    "\"onmouseover='x'.pdf",
    "javascript:alert(1).pdf",
    "![x](http://attacker.example/x.png).pdf",
    "[x](javascript:alert(1)).pdf",
    "**bold** :red[x] $x$ `x`.pdf",
    "{{7*7}}${7*7}%s%n{0}.pdf",
    "'; DROP TABLE documents; --.pdf",
    "$(reboot)`reboot`;reboot|x.pdf",
    "--password.pdf",
    "-rf.pdf",
]
ODD = [
    "CON",
    "NUL.pdf",
    "aux.PDF",
    "COM1.pdf",
    "trailing dot.pdf.",
    "trailing space.pdf ",
    " leading.pdf",
    " ",
    "a:stream.pdf",
    "a*?.pdf",
    "\N{BAR CHART}\N{WHITE SMILING FACE}\ufe0f.pdf",
    "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}.pdf",
    unicodedata.normalize("NFC", "Prüfung é.pdf"),
    unicodedata.normalize("NFD", "Prüfung é.pdf"),
    "z" + "\u0301" * 200 + ".pdf",
    "你好.pdf",
    "عقد.pdf",
    "x" * 4096 + ".pdf",
    "ü" * 4000 + ".pdf",
    "d/" * 1500 + "deep.pdf",
    "caf\udce9.pdf",
    "\udcff\udcfe",
    "high\ud800.pdf",
    "PK\x03\x04.pdf",
]
NAMES = [*PATHS, *UNSHOWABLE, *FORMULAS, *MARKUP, *ODD]
NAME_MAX = 255  #: bytes of a file's name on Linux

#: No line break, no escape, no invisible or direction character: what may be printed.
FORBIDDEN = frozenset(
    "\x00\x07\n\r\t\x1b\x7f\x85\x9b\u200b\u200c\u200d\u200e\u200f\u202e\u2066\u2069\u061c\u2028\u3164\u2800"
)

#: What is a file in a zip of all of them: not the folders, and not the one that is hidden, beginning with a dot.
ZIPPED = [name for name in NAMES if not name.endswith("/") and not name.startswith("..%")]


def content(name: str) -> bytes:
    """Another file for every name: a PDF at first sight."""
    return b"%PDF-1.7 " + name.encode("utf-8", "surrogatepass")


def shown_well(label: str) -> bool:
    return label.isprintable() and not FORBIDDEN & set(label) and len(label) <= MAX_LABEL + 1


def zip_of(names: list[str]) -> bytes:
    """A zip with these very names: Python's own writer would clean them."""
    body, directory = b"", b""
    for name in names:
        raw, data = name.encode("utf-8", "surrogatepass"), content(name)
        flags = 0 if any("\ud800" <= c <= "\udfff" for c in name) else 0x800
        common = struct.pack("<HHHHHIIIHH", 20, flags, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(raw), 0)
        place = struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common + place + raw
        body += b"PK\x03\x04" + common + raw + data
    count = len(names)
    return body + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Path]:
    """A folder with a store in it; whatever is written beside the store is found at the end."""
    inside = tmp_path / "a" / "b" / "office"
    inside.mkdir(parents=True)
    yield inside
    assert {path.name for path in tmp_path.iterdir()} == {"a"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"b"}
    assert {path.name for path in inside.parent.iterdir()} == {"office"}
    store = inside / "store"
    assert {path.name for path in inside.iterdir()} <= {"store", "files", "some.zip"}
    assert {path.name for path in store.iterdir()} <= STORE_FILES
    for file in (path for path in (store / "originals").rglob("*") if path.is_file()):
        assert len(file.name) == 64 and file.parent.name == file.name[:2]


STORE_FILES = {"originals", "lance", "writer.lock", "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"}


@pytest.fixture
def store(office: Path) -> Store:
    return Store(office / "store")


@pytest.fixture
def ingest(
    office: Path, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """`ingest(arguments…)`: what the command prints. Nothing is read: here it is names that matter."""
    monkeypatch.setattr("ingest.commands.ingest.ingest_pending", lambda *_, with_vectors: 0)

    def run(*arguments: object) -> str:
        assert main(["--store", str(store.folder), "ingest", *map(str, arguments)]) == 3
        return capsys.readouterr().out

    return run


def test_there_are_enough_of_them() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 60


def put(folder: Path) -> set[str]:
    """Files of these names as far as a file system takes them: the part behind the last slash, cut to 255 bytes."""
    folder.mkdir()
    made = set()
    for name in NAMES:
        raw = os.fsencode(name.replace("\ud800", "")).split(b"/")[-1].replace(b"\x00", b"")[-NAME_MAX:]
        if raw in (b"", b".", b"..") or raw.startswith(b"."):
            continue
        Path(os.fsdecode(os.fsencode(folder) + b"/" + raw)).write_bytes(content(name))
        made.add(os.fsdecode(raw))
    return made


def test_in_a_folder(office: Path, store: Store, ingest: Callable[..., str]) -> None:
    made = put(office / "files")
    assert len(made) >= 60
    lines = [json.loads(line) for line in ingest(office / "files", "--json").splitlines()][:-1]
    assert sorted(line["label"] for line in lines) == sorted(clean_label(name) for name in made)
    assert all(shown_well(line["label"]) and len(line["doc"]) == 64 for line in lines)
    printed = ingest(office / "files").splitlines()
    assert len(printed) == len(made) + 1  # a line each, and the sum
    assert all(line.isprintable() and not FORBIDDEN & set(line) for line in printed)
    assert len(store.catalog.documents()) == len(made)


def test_twins_in_nfc_and_nfd_are_two_documents(office: Path, store: Store, ingest: Callable[..., str]) -> None:
    put(office / "files")
    ingest(office / "files")
    twins = [d for d in store.catalog.documents() if unicodedata.normalize("NFC", d.label) == "Prüfung é.pdf"]
    assert len({twin.doc for twin in twins}) == len({twin.label for twin in twins}) == 2


def test_in_a_zip(office: Path, store: Store, ingest: Callable[..., str]) -> None:
    (office / "some.zip").write_bytes(zip_of(NAMES))
    lines = [json.loads(line) for line in ingest(office / "some.zip", "--json").splitlines()][:-1]
    assert len(lines) == len(ZIPPED) == len({line["doc"] for line in lines})
    assert all(line["label"].startswith("some.zip/") and shown_well(line["label"]) for line in lines)
    assert {store.originals.path(line["doc"]).read_bytes() for line in lines} == {content(name) for name in ZIPPED}
    printed = ingest(office / "some.zip").splitlines()
    assert all(line.isprintable() and not FORBIDDEN & set(line) for line in printed)


def test_a_zip_with_such_a_name(office: Path, store: Store) -> None:
    for name in NAMES:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as out:
            out.writestr("a.pdf", content(name))
        unpacked = take_archive(store, packed, name, "office", IngestSettings())
        assert unpacked is not None
        [entry] = unpacked.entries
        assert entry.taken is not None and entry.taken.document.label == entry.label and shown_well(entry.label)


@pytest.fixture
def served(served_application: TestClient, store: Store) -> TestClient:
    resources.use(Settings(store=store.folder, model=ModelSettings(base_url=None)))
    return served_application


def upload(client: TestClient, name: str, body: bytes) -> dict[str, object]:
    label = urllib.parse.quote(name.encode("utf-8", "surrogatepass"))
    response = client.put(f"/upload?collection=office&label={label}", content=body)
    assert response.status_code == 200, (name[:80], response.text[:200])
    said: dict[str, object] = response.json()
    return said


def test_in_an_upload(served: TestClient, store: Store) -> None:
    for name in NAMES:
        document = store.catalog.document(str(upload(served, name, content(name))["doc"]))
        assert shown_well(document.label)
    assert len(store.catalog.documents()) == len(NAMES)


def test_in_an_uploaded_zip_and_in_the_library_screen(served: TestClient, store: Store) -> None:
    assert upload(served, "some.zip", zip_of(NAMES))["archive"] == {
        "taken": len(ZIPPED),
        "duplicates": 0,
        "passed_over": 0,
        "problems": [],
    }
    at = AppTest.from_function(_library, default_timeout=30).run()
    assert not at.exception
    assert all(shown_well(label) for label in at.dataframe[0].value["Document"])
    assert at.markdown == [] or not any("onerror" in block.value for block in at.markdown)


def _library() -> None:
    from ui.screens import library

    library.show()


def test_in_a_table(store: Store) -> None:
    rows = []
    for name in NAMES:
        document = store.take(io.BytesIO(content(name)), name, "office", 1 << 20).document
        assert document.status is Status.QUEUED
        rows.append(Row(document, {}, None))
    table = list(csv.reader(io.StringIO(csv_text([], rows), newline=""), strict=True))
    assert len(table) == len(NAMES) + 1
    for line in table[1:]:
        assert line[0][0] not in "=+-@\t\r\n\0＝＋－＠"


@given(st.text(st.characters(), max_size=600))
def test_any_name_can_be_shown(name: str) -> None:
    label = clean_label(name)
    assert shown_well(label)
    label.encode("utf-8")
    assert clean_label(clean_label(name)) == label or len(label) > MAX_LABEL
