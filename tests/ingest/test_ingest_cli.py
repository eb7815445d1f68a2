"""`docqa ingest` as it is called: its lines, its summary, its exit codes. The models are not loaded."""

from __future__ import annotations

import argparse
import io
import json
import threading
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pymupdf
import pytest

from docqa.cli import main
from docqa.commands import settings_of
from docqa.errors import PagesMissing
from docqa.store import Store
from docqa.types import Notice, NoticeCode, Status
from ingest import reading
from ingest.commands import worker
from ingest.intake import Offered
from ingest.sandbox import process
from ingest.worker import PIPELINE

KEYS = ["doc", "label", "status", "pages", "pages_done", "problem", "notices", "seconds"]
Letter = Callable[[int], bytes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "office"
    inside.mkdir()
    return inside


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def docqa(
    store: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fake_embedder: object,
    fake_ocr: object,
) -> Callable[..., tuple[int, str, str]]:
    """`docqa(arguments…)`: exit code, standard output, standard error."""
    monkeypatch.setattr("ingest.commands.ingest.Embedder", lambda settings: fake_embedder)
    monkeypatch.setenv("DOCQA_INGEST__IMAGE_BUDGET", "70")

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["--store", str(store), *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def ingest(docqa: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, dict[str, Any], dict[str, Any]]]:
    """`ingest(arguments…)`: exit code, the line of each label, the summary."""

    def run(*arguments: object) -> tuple[int, dict[str, Any], dict[str, Any]]:
        code, out, _ = docqa("ingest", *arguments, "--json")
        *lines, last = [json.loads(line) for line in out.splitlines()]
        assert all(list(line) == KEYS for line in lines)
        return code, {line["label"]: line for line in lines}, last["summary"]

    return run


Ingest = Callable[..., tuple[int, dict[str, Any], dict[str, Any]]]


def test_a_folder_of_good_files(folder: Path, letter: Letter, ingest: Ingest) -> None:
    (folder / "sub").mkdir()
    (folder / "one.pdf").write_bytes(letter(1))
    (folder / "sub" / "two.pdf").write_bytes(letter(2))
    (folder / "notes.txt").write_text("not for docqa")
    code, lines, summary = ingest(folder)
    assert code == 0
    assert {label: (line["status"], line["pages"], line["pages_done"]) for label, line in lines.items()} == {
        "one.pdf": ("ready", 1, 1),
        "sub/two.pdf": ("ready", 2, 2),
    }
    assert all(line["problem"] is None and len(line["doc"]) == 64 for line in lines.values())
    timed = {name: summary.pop(name) for name in ("seconds", "pages_per_second")}
    assert all(value > 0 for value in timed.values())
    states = {"queued": 0, "ready": 2, "partial": 0, "failed": 0, "needs_password": 0, "duplicate": 0}
    assert summary == {"documents": 2, **states, "passed_over": 1, "pages": 3}


def test_bad_files_are_named_and_the_good_one_is_ready(folder: Path, letter: Letter, ingest: Ingest) -> None:
    (folder / "empty.pdf").touch()
    (folder / "text.pdf").write_text("This is a text.")
    (folder / "fine.pdf").write_bytes(letter(1))
    with pymupdf.open(stream=letter(1), filetype="pdf") as file:
        file.save(folder / "locked.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="o", user_pw="u")
    code, lines, summary = ingest(folder)
    assert code == 3
    assert {label: (line["status"], line["problem"] and line["problem"]["code"]) for label, line in lines.items()} == {
        "empty.pdf": ("failed", "empty_file"),
        "text.pdf": ("failed", "unsupported_type"),
        "fine.pdf": ("ready", None),
        "locked.pdf": ("needs_password", "needs_password"),
    }
    assert lines["empty.pdf"]["doc"] is None
    for line in lines.values():
        assert line["problem"] is None or all(line["problem"][part] for part in ("code", "message", "hint"))
    assert (summary["ready"], summary["failed"], summary["needs_password"], summary["documents"]) == (1, 2, 1, 4)


def test_the_same_bytes_are_a_duplicate_now_and_later(folder: Path, letter: Letter, ingest: Ingest) -> None:
    content = letter(2)
    for name in ("a.pdf", "b.pdf"):
        (folder / name).write_bytes(content)
    code, lines, summary = ingest(folder)
    assert (code, lines["a.pdf"]["status"], lines["b.pdf"]["status"]) == (0, "ready", "duplicate")
    assert lines["a.pdf"]["doc"] == lines["b.pdf"]["doc"]
    assert (summary["pages"], summary["ready"], summary["duplicate"]) == (2, 1, 1)
    code, lines, summary = ingest(folder)
    assert (code, summary["duplicate"], summary["ready"], summary["pages"]) == (0, 2, 0, 0)


def test_retry_tries_again_what_failed(
    folder: Path, store: Path, letter: Letter, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.pdf").write_bytes(letter(3))
    monkeypatch.setattr(reading, "RENDERER", "tests.ingest.stubs.dies_on_page_2")
    code, lines, _ = ingest(folder)
    assert (code, lines["a.pdf"]["status"], lines["a.pdf"]["problem"]["code"]) == (3, "partial", "pages_missing")
    monkeypatch.setattr(reading, "RENDERER", "ingest.child.render")
    code, lines, _ = ingest(folder)
    assert (code, lines["a.pdf"]["status"]) == (3, "partial")
    code, lines, _ = ingest(folder, "--retry")
    assert (code, lines["a.pdf"]["status"], lines["a.pdf"]["problem"]) == (0, "ready", None)
    assert len(Store(store).library.page_keys()) == 3


def test_collections(folder: Path, store: Path, letter: Letter, ingest: Ingest) -> None:
    (folder / "a.pdf").write_bytes(letter(1))
    ingest(folder, "--collection", "leases", "--jobs", 1)
    assert [document.label for document in Store(store).catalog.documents("leases")] == ["a.pdf"]


def test_names_are_shown_escaped(
    folder: Path, letter: Letter, ingest: Ingest, docqa: Callable[..., tuple[int, str, str]]
) -> None:
    named = folder / "in\u202evoice\x1b[31m\n.pdf"
    named.write_bytes(letter(1))
    shown = "in\ufffdvoice\ufffd[31m\ufffd.pdf"
    _, lines, _ = ingest(folder)
    assert list(lines) == [shown]
    _, out, _ = docqa("ingest", folder)
    assert out.startswith(f"{shown}: duplicate")
    assert out.replace("\n", "").isprintable()


def test_a_name_that_is_no_text_does_no_harm(folder: Path, letter: Letter, ingest: Ingest) -> None:
    (folder / "caf\udce9.pdf").write_bytes(letter(1))
    (folder / "leer\udcff.pdf").touch()
    code, lines, _ = ingest(folder)
    assert (code, list(lines)) == (3, ["caf\ufffd.pdf", "leer\ufffd.pdf"])


def test_in_words(folder: Path, letter: Letter, docqa: Callable[..., tuple[int, str, str]]) -> None:
    (folder / "fine.pdf").write_bytes(letter(2))
    (folder / "empty.pdf").touch()
    (folder / "notes.txt").touch()
    code, out, _ = docqa("ingest", folder)
    assert code == 3
    empty, fine, total, passed_over = out.splitlines()
    assert empty.startswith("empty.pdf: failed: The file is empty. The file has 0 bytes")
    assert fine == "fine.pdf: ready, 2 of 2 pages"
    assert total.startswith("2 documents: 1 ready, 1 failed; 2 pages in ")
    assert passed_over.startswith("1 other file was passed over: docqa reads PDF")


def test_nothing_to_read_is_said(folder: Path, docqa: Callable[..., tuple[int, str, str]]) -> None:
    for name in ("notes.txt", "table.csv"):
        (folder / name).write_text("text")
    assert docqa("ingest", folder) == (
        0,
        f"No file in {folder} that docqa can read; 2 other files were passed over.\n",
        "",
    )


def test_the_files_of_a_zip(folder: Path, letter: Letter, ingest: Ingest) -> None:
    content = letter(1)
    with zipfile.ZipFile(folder / "month.zip", "w") as out:
        out.writestr("in/one.pdf", content)
        out.writestr("empty.pdf", b"")
        out.writestr("notes.txt", "text")
        out.writestr("more.zip", b"PK\x03\x04")
    (folder / "again.pdf").write_bytes(content)
    (folder / "torn.zip").write_bytes(b"PK\x03\x04 and no end")
    (folder / "report.docx").write_bytes(b"PK\x03\x04 and no end")
    code, lines, summary = ingest(folder)
    assert code == 3
    assert {label: (line["status"], line["problem"] and line["problem"]["code"]) for label, line in lines.items()} == {
        "again.pdf": ("ready", None),
        "month.zip/in/one.pdf": ("duplicate", None),
        "month.zip/empty.pdf": ("failed", "empty_file"),
        "month.zip/more.zip": ("failed", "unsupported_type"),
        "torn.zip": ("failed", "damaged_file"),
    }
    assert (summary["documents"], summary["passed_over"]) == (5, 2)


def test_an_office_file_that_is_named_is_no_archive(folder: Path, ingest: Ingest) -> None:
    with zipfile.ZipFile(folder / "letter.docx", "w") as out:
        out.writestr("[Content_Types].xml", "")
        out.writestr("word/media/image1.png", b"\x89PNG\r\n\x1a\n")
    assert ingest(folder)[1:] == ({}, ingest(folder)[2]) and ingest(folder)[2]["passed_over"] == 1
    _, lines, _ = ingest(folder / "letter.docx")
    assert lines["letter.docx"]["problem"]["code"] == "unsupported_type"
    assert "PDF" in lines["letter.docx"]["problem"]["hint"]


def test_the_limits_of_archives_are_settings(
    folder: Path, letter: Letter, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCQA_INGEST__MAX_ARCHIVE_FILES", "1")
    with zipfile.ZipFile(folder / "two.zip", "w") as out:
        out.writestr("1.pdf", letter(1))
        out.writestr("2.pdf", letter(2))
    code, lines, _ = ingest(folder)
    assert (code, lines["two.zip"]["problem"]["code"]) == (3, "archive_too_large")


NOTED = (
    Notice(NoticeCode.BLANK_PAGE, 2),
    Notice(NoticeCode.BLANK_PAGE, 4),
    Notice(NoticeCode.HIDDEN_TEXT, 3, "ignore \x1b[31mall\u202e that " + "x" * 200),
)


@pytest.fixture
def noted(
    folder: Path,
    store: Path,
    letter: Letter,
    docqa: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder with one document that stands in the store as partial and with notices."""
    (folder / "a.pdf").write_bytes(letter(5))
    with (folder / "a.pdf").open("rb") as stream:
        doc = Store(store).take(stream, "a.pdf", "documents", 1 << 30).document.doc
    missing = PagesMissing("1 of 5 pages could not be read.").problem
    Store(store).catalog.finish_document(
        doc, Status.PARTIAL, pipeline=PIPELINE, pages=5, problem=missing, notices=NOTED, seconds=0
    )
    return folder


def test_what_pages_are_noted_for(noted: Path, ingest: Ingest, docqa: Callable[..., tuple[int, str, str]]) -> None:
    _, lines, _ = ingest(noted)
    assert lines["a.pdf"]["notices"] == ["blank_page", "hidden_text"]
    _, out, _ = docqa("ingest", noted)
    first, blank, hidden, _ = out.splitlines()
    assert first.startswith("a.pdf: partial, 0 of 5 pages: 1 of 5 pages could not be read.")
    assert blank == "    Pages 2, 4 are blank."
    assert hidden.startswith("    Page 3 hides text: “ignore \ufffd[31mall\ufffd that xxx") and len(hidden) < 130


@pytest.mark.parametrize(("terminal", "no_color", "red"), [(True, "", True), (True, "1", False), (False, "", False)])
def test_partial_is_red_on_a_terminal(
    noted: Path,
    docqa: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    no_color: str,
    red: bool,
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    _, out, _ = docqa("ingest", noted)
    assert ("\x1b[31mpartial, 0 of 5 pages\x1b[0m" in out) is red
    assert ("\x1b" in out) is red


CANARY = "kanarienvogel-Ä7"


@pytest.fixture
def locked(folder: Path, letter: Letter) -> Path:
    with pymupdf.open(stream=letter(1), filetype="pdf") as file:
        file.save(folder / "locked.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="o", user_pw=CANARY)
    return folder


class Keyhole(process.Child):
    """A child that is given secrets; remembers them and what it was called with."""

    seen: list[tuple[list[str], list[str]]] = []

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        stopping: threading.Event,
        stdin: BinaryIO | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self.seen.append((list(secrets), list(arguments)))
        super().__init__(module, arguments, stopping, stdin)


def test_passwords_reach_the_child_and_nobody_else(
    locked: Path,
    tmp_path: Path,
    docqa: Callable[..., tuple[int, str, str]],
    ingest: Ingest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Keyhole, "seen", [])
    monkeypatch.setattr(process, "Child", Keyhole)
    file = tmp_path / "passwords.txt"
    file.write_text(f"\ufeffother\r\n\r\n{CANARY}\n", encoding="utf-8")
    _, lines, _ = ingest(locked)
    assert (lines["locked.pdf"]["status"], Keyhole.seen[-1][0]) == ("needs_password", [])
    assert "--password" in lines["locked.pdf"]["problem"]["hint"]
    _, out, said = docqa("ingest", locked, "--password-file", file, "--json")
    assert sorted(Keyhole.seen[-1][0]) == sorted([CANARY, "other"])  # and so it was queued again
    _, plain, more = docqa("ingest", locked, "--password-file", file)
    assert all(CANARY not in text for text in (out, said, plain, more, caplog.text))
    assert all(CANARY not in argument for _, arguments in Keyhole.seen for argument in arguments)


def test_a_password_opens_the_files_of_a_zip(
    folder: Path, docqa: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That they are decrypted is tested with the archives; here it is the way from the command to them."""
    given = []
    monkeypatch.setattr("ingest.commands.ingest.take_archive", lambda *arguments: given.append(arguments[-1]))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{CANARY}\n".encode())))
    (folder / "a.zip").write_bytes(b"PK\x03\x04")
    docqa("ingest", folder, "--password-file", "-")
    assert given == [[CANARY]]


def test_a_password_is_asked_for_on_a_terminal_only(
    locked: Path, store: Path, docqa: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: CANARY)
    docqa("ingest", locked, "--password", "--collection", "leases")
    assert Store(store).catalog.passwords("leases") == [CANARY]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    code, _, said = docqa("ingest", locked, "--password")
    assert code == 2 and "--password-file" in said


@pytest.mark.parametrize("content", [f"{CANARY}\xff".encode("latin-1"), f"{CANARY}\x00".encode(), b"x" * 600, None])
def test_passwords_that_are_none(
    locked: Path, tmp_path: Path, docqa: Callable[..., tuple[int, str, str]], content: bytes | None
) -> None:
    file = tmp_path / "passwords.txt"
    if content is not None:
        file.write_bytes(content)
    code, out, said = docqa("ingest", locked, "--password-file", file, "--json")
    assert code == 2 and json.loads(out)["error"]["hint"]
    assert "kanarienvogel" not in out + said and "xxx" not in out + said


@pytest.mark.parametrize("name", ["", "a\x1b[31m", "\udcff", "x" * 81])
def test_a_collection_that_could_not_be_shown(
    folder: Path, docqa: Callable[..., tuple[int, str, str]], name: str
) -> None:
    with pytest.raises(SystemExit) as end:
        docqa("ingest", folder, "--collection", name)
    assert end.value.code == 2


def test_a_folder_that_is_not_there(folder: Path, store: Path, docqa: Callable[..., tuple[int, str, str]]) -> None:
    code, out, said = docqa("ingest", folder / "gone", "--json")
    assert code == 2
    error = json.loads(out)["error"]
    assert error["code"] == "path_missing"
    assert "gone" in error["message"]
    assert error["hint"]
    assert said.startswith("docqa: There is no file or folder")
    code, out, said = docqa("ingest", folder / "gone")
    assert (code, out) == (2, "")
    assert not store.exists()


@pytest.mark.parametrize("arguments", [[], ["--jobs", "many", "x"], ["--unknown", "x"]])
def test_bad_usage(docqa: Callable[..., tuple[int, str, str]], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        docqa("ingest", *arguments)
    assert end.value.code == 2


@pytest.mark.parametrize("jobs", [0, -1, 65])
def test_an_impossible_number_of_jobs(
    folder: Path, letter: Letter, docqa: Callable[..., tuple[int, str, str]], jobs: int
) -> None:
    (folder / "a.pdf").write_bytes(letter(1))
    with pytest.raises(SystemExit) as end:
        docqa("ingest", folder, "--jobs", jobs)
    assert end.value.code == 2


def test_an_empty_folder_is_nothing_to_complain_of(folder: Path, ingest: Ingest) -> None:
    code, lines, summary = ingest(folder)
    assert (code, lines, summary["documents"]) == (0, {}, 0)


def test_a_file_that_cannot_be_read_is_reported(folder: Path, letter: Letter, ingest: Ingest) -> None:
    (folder / "fine.pdf").write_bytes(letter(1))
    unreadable = Offered(folder, "closed")  # opening a folder fails for everybody, root too
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.commands.ingest.offered", lambda paths: ([unreadable], 0))
        code, lines, _ = ingest(folder)
    assert (code, lines["closed"]["status"], lines["closed"]["problem"]["code"]) == (3, "failed", "unreadable_file")


def test_the_worker_reads_what_is_there_and_then_waits(
    store: Path,
    letter: Letter,
    fake_embedder: Any,  # noqa: ANN401
    fake_ocr: object,
) -> None:
    opened = Store(store)
    (store / "a.pdf").write_bytes(letter(1))
    with (store / "a.pdf").open("rb") as stream:
        doc = opened.take(stream, "a.pdf", "main", 1 << 30).document.doc
    settings = settings_of(argparse.Namespace(store=store))
    with opened.writing():  # somebody else is at it
        assert not worker._work_once(opened, settings, lambda: fake_embedder)
    assert worker._work_once(opened, settings, lambda: fake_embedder)
    assert opened.catalog.document(doc).status is Status.READY
    assert not worker._work_once(opened, settings, lambda: fake_embedder)
