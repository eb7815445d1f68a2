"""The command line with a model server: one that answers, one that invents, one that is away and comes back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from fake_server import FakeServer, Ponder, Say, closed_port

from docqa import cli
from docqa.model import connection
from docqa.store import Store

FIELDS = '[[field]]\nname = "rent"\ntype = "amount"\n'


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    file = tmp_path / "fields.toml"
    file.write_text(FIELDS, encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch, fake_embedder: object) -> None:
    monkeypatch.setattr(cli, "Embedder", lambda settings: fake_embedder)


def words_of_first_page(store: Store) -> tuple[str, str, int]:
    """(document, five words that stand on its first page, the page)."""
    page = store.library.pages(store.catalog.documents()[0].doc)[0]
    return page.doc, " ".join(word.text for word in page.words[:5]), page.number


def ask(store: Store, url: str, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    monkeypatch.setenv("DOCQA_MODEL__BASE_URL", url)
    doc, quote, _ = words_of_first_page(store)
    return cli.main(["--store", str(store.folder), "ask", quote, "--doc", doc, "--json", *more])


def test_an_answer_is_checked_against_the_page(
    small_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    doc, quote, number = words_of_first_page(small_store)
    reply = (
        f'<answer>So it says.</answer>\n<quote page="P1">{quote}</quote>\n<quote page="P1">it never says this</quote>'
    )
    with FakeServer(Say(reply)) as server:
        assert ask(small_store, server.url, monkeypatch) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"], answer["text"], answer["reader"]) == ("found", "So it says.", "vision:gemma-4-12b")
    true, invented = answer["citations"]
    assert (true["doc"], true["page"], true["verified"]) == (doc, number, True)
    assert true["boxes"]
    assert (invented["verified"], invented["boxes"]) == (False, [])


def test_a_server_that_is_away_is_one_line_and_exit_4(
    small_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1"
    assert ask(small_store, url, monkeypatch) == 4
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["code"] == "model_unreachable"
    assert "--reader quote" in said.err
    assert ask(small_store, url, monkeypatch, "--reader", "quote") == 0


def test_who_waits_for_a_silent_server_is_told_beside_the_answer(
    small_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "QUIET", 0.05)
    with FakeServer(Ponder("<answer>So it says.</answer>")) as server:
        assert ask(small_store, server.url, monkeypatch) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["text"] == "So it says."
    assert "docqa: The model server is there, but has not answered yet" in said.err


def test_an_extraction_goes_on_when_the_server_is_back(
    small_store: Store,
    fields: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.csv"
    command = ["--store", str(small_store.folder), "extract", "--fields", str(fields), "--out", str(out)]
    monkeypatch.setenv("DOCQA_MODEL__BASE_URL", f"http://127.0.0.1:{closed_port()}/v1")
    assert cli.main(command) == 4
    assert not out.exists()
    documents = len(small_store.catalog.documents())
    with FakeServer(Say(json.dumps({"rent": None}))) as server:
        monkeypatch.setenv("DOCQA_MODEL__BASE_URL", server.url)
        assert cli.main(command) == 0
        asked = len(server.chats)
        assert asked == documents
        assert cli.main(command) == 0
        assert len(server.chats) == asked  # every cell was there
    assert len(list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))) == documents
