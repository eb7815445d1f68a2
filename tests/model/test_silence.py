"""A model server that says nothing: one that is reading is waited for, one that hangs or is gone is not."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from fake_server import MODEL, Body, Drop, Fail, FakeServer, Hang, HangAfter, Order, Ponder, Say

from docqa.errors import ModelTimeout, ModelUnreachable
from docqa.model import ModelClient, connection
from docqa.model.connection import ModelServer
from docqa.settings import ModelSettings

HELLO = [{"role": "user", "content": "Hello"}]
DOUBT = "it may be reading the pages or be hung"
THERE = "is there, but has not answered yet"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "QUIET", 0.05)
    monkeypatch.setattr(connection, "SECOND_OPINION", 1.0)


@contextmanager
def asked_before(server: FakeServer) -> Iterator[ModelClient]:
    """A client that knows already what the server can do, and would be silent for a minute."""
    settings = ModelSettings(base_url=server.url, name=MODEL, read_timeout=60)
    with closing(ModelClient(settings)) as client:
        client.capabilities()
        yield client


def answer(client: ModelClient, heard: list[str]) -> str:
    return "".join(client.stream(HELLO, 100, tell=heard.append))


def test_the_constants_keep_the_promise_of_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert connection.QUIET + connection.SECOND_OPINION < 10
    assert connection.READY_TIMEOUT < 10


@pytest.mark.parametrize("order", [Hang(), HangAfter("half an ans")], ids=repr)
def test_a_server_that_hangs_is_told_and_left(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(connection, "SECOND_OPINION", 0.2)
    with FakeServer(order) as server, asked_before(server) as client:
        server.models_order = Hang()
        with pytest.raises(ModelTimeout, match="hangs") as caught:
            answer(client, heard)
        assert len(server.chats) == 1, "what hangs is not tried again"
    assert "Restart" in caught.value.hint
    [sentence] = heard
    assert DOUBT in sentence


def test_a_server_that_is_reading_is_waited_for() -> None:
    heard: list[str] = []
    with FakeServer(Ponder("fine", times=3)) as server, asked_before(server) as client:
        assert answer(client, heard) == "fine"
        assert server.listings == 1 + 3, "asked again and again"
        assert len(server.chats) == 1
    doubt, there = heard  # once
    assert DOUBT in doubt
    assert THERE in there


@pytest.mark.parametrize("said", [Fail(401), Fail(404), Fail(503), Drop(), Body(b"<html>")], ids=repr)
def test_whatever_a_server_says_it_is_there(said: Order) -> None:
    heard: list[str] = []
    with FakeServer(Ponder("fine")) as server, asked_before(server) as client:
        server.models_order = said
        assert answer(client, heard) == "fine"
    assert THERE in heard[-1]


def test_an_answer_that_comes_meanwhile_counts_more_than_the_second_question() -> None:
    heard: list[str] = []
    with FakeServer(Ponder("fine")) as server, asked_before(server) as client:
        server.models_order = Hang()
        assert answer(client, heard) == "fine"
    assert len(heard) == 1


def test_a_server_that_is_gone_is_unreachable() -> None:
    heard: list[str] = []
    with FakeServer(Hang()) as server, asked_before(server) as client:
        server.vanish()
        with pytest.raises(ModelUnreachable):
            answer(client, heard)


def test_a_server_that_is_not_waited_for_is_looked_at_anew() -> None:
    with FakeServer(Hang(), Say("fine")) as server, asked_before(server) as client:
        server.models_order = Hang()
        with pytest.raises(ModelTimeout):
            answer(client, [])
        server.models_order = None
        server.can -= {"priority"}
        assert not client.capabilities().priority
        assert answer(client, []) == "fine"


def test_what_is_told_may_end_the_wait() -> None:
    def stop(sentence: str) -> None:
        raise KeyboardInterrupt

    with FakeServer(Hang()) as server, asked_before(server) as client, pytest.raises(KeyboardInterrupt):
        "".join(client.stream(HELLO, 100, tell=stop))


def test_a_server_that_takes_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "READY_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as stopped:
        url = f"http://127.0.0.1:{stopped.getsockname()[1]}/v1"
        server = ModelServer(ModelSettings(base_url=url, read_timeout=60), lambda: None)
        with closing(server), pytest.raises(ModelTimeout, match="does not take what it is sent"):
            server.stream("chat/completions", {"messages": "x" * (64 << 20)}, time.monotonic() + 60)
