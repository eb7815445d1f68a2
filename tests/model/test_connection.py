"""The client against a server that does not behave: every failure has its error, and what may pass is tried again."""

from __future__ import annotations

import json
import random
import time
from contextlib import closing

import pytest
from fake_server import (
    Body,
    BreakOff,
    Drop,
    Endless,
    ErrorEvent,
    Fail,
    FakeServer,
    Hang,
    HangAfter,
    Order,
    Reset,
    Say,
    closed_port,
)
from one_client import HELLO, KEY, SCHEMA, client_of, streamed

from docqa.errors import (
    BadSettings,
    ModelBadAnswer,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
)
from docqa.model import ModelClient, connection
from docqa.model.connection import ModelServer
from docqa.settings import ModelSettings

#: Nested too deeply to be read, and not the same over and over.
DEEP = "".join(random.Random(4).choices(["[", "[ "], k=2000))


pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.mark.parametrize("passing", [Fail(500), Fail(503), Fail(429), Drop()])
def test_what_may_pass_is_tried_again(passing: Order) -> None:
    with FakeServer(passing, passing, Say("fine")) as server, client_of(server) as client:
        assert streamed(client) == "fine"
    assert len(server.chats) == 3


def test_a_stale_connection_after_an_error_costs_one_try() -> None:
    with FakeServer(Fail(500), Drop(), Say("fine")) as server, client_of(server) as client:
        assert streamed(client) == "fine"


def test_connections_that_errors_leave_stale_cost_no_try() -> None:
    with FakeServer(Fail(503), Drop(), Fail(503), Drop(), Say("fine")) as server, client_of(server) as client:
        assert streamed(client) == "fine"


@pytest.mark.parametrize(
    ("order", "expected", "tries"),
    [
        (Fail(400, "The prompt is too long"), ModelRefused, 1),
        (Fail(403), ModelRefused, 1),
        (Fail(404), ModelRefused, 1),
        (Fail(413), ModelRefused, 1),
        (Fail(422), ModelRefused, 1),
        (Fail(307), ModelRefused, 1),
        (Fail(429), ModelBusy, 3),
        (Fail(503), ModelBusy, 3),
        (Fail(500), ModelBadAnswer, 3),
        (Drop(), ModelBadAnswer, 3),
        (Reset("half an ans"), ModelBadAnswer, 1),
        (BreakOff("half an ans"), ModelBadAnswer, 1),
        (ErrorEvent("half an ans", "the engine died"), ModelBadAnswer, 1),
        (Say(""), ModelBadAnswer, 1),
        (Body(b""), ModelBadAnswer, 1),
        (Body(b"", "text/event-stream"), ModelBadAnswer, 1),
        (Body(b"<html>welcome</html>", "text/html"), ModelBadAnswer, 1),
        (Body(b'data: {"cho\n\n', "text/event-stream"), ModelBadAnswer, 1),
        (Body(b"data: \xff\n\n", "text/event-stream"), ModelBadAnswer, 1),
        (Body(b'{"choices": [{"message": {"content": "42"}}]}'), ModelBadAnswer, 1),
        (Body(b'data: {"choices": [{"delta": {"content": "42"}}]}', "text/event-stream"), ModelBadAnswer, 1),
        (Endless("a loop"), ModelBadAnswer, 1),
        (Endless("a line"), ModelBadAnswer, 1),
        (Endless("words"), ModelBadAnswer, 1),
        (Body(b"data: [1]\n\n", "text/event-stream"), ModelBadAnswer, 1),
        (Body(b'data: {"choices": 7}\n\n', "text/event-stream"), ModelBadAnswer, 1),
        (Body(b'data: {"choices": [{"delta": {"content": 7}}]}\n\n', "text/event-stream"), ModelBadAnswer, 1),
        (Body(b'data: {"choices": [{"delta": {"content": "\\ud800"}}]}\n\n', "text/event-stream"), ModelBadAnswer, 1),
    ],
    ids=repr,
)
def test_every_failure_has_its_error(order: Order, expected: type[ModelError], tries: int) -> None:
    with FakeServer(order) as server, client_of(server) as client:
        with pytest.raises(expected) as caught:
            streamed(client)
        assert "127.0.0.1" in caught.value.message
        assert caught.value.hint
    assert len(server.chats) == tries


@pytest.mark.parametrize("order", [Hang(), HangAfter("half an ans")])
def test_silence_ends_at_the_timeout_and_is_not_repeated(order: Order) -> None:
    with (
        FakeServer(order) as server,
        client_of(server, read_timeout=0.2) as client,
        pytest.raises(ModelTimeout, match=r"silent for 0\.2 seconds"),
    ):
        streamed(client)
    assert len(server.chats) <= 1


@pytest.mark.parametrize("what", ["words", "comments"])
def test_an_answer_that_takes_too_long_is_stopped_however_lively_it_is(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer(Endless(what)) as server, client_of(server) as client:
        client.capabilities()
        monkeypatch.setattr(ModelServer, "deadline", lambda self: time.monotonic() + 0.2)
        with pytest.raises(ModelTimeout, match="did not finish its answer"):
            list(client.stream(HELLO, 100_000))
        assert server.cancelled.wait(10)


def test_a_server_that_hangs_when_it_is_asked_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "READY_TIMEOUT", 0.2)
    with (
        FakeServer(Say("fine"), models_order=Hang()) as server,
        client_of(server) as client,
        pytest.raises(ModelTimeout, match=r"silent for 0\.2 seconds"),
    ):
        streamed(client)


@pytest.mark.parametrize(("asked", "tries"), [("0", 3), ("soon", 3), ("-1", 3), ("60", 1), ("9" * 30, 1)])
def test_a_server_that_asks_to_be_left_alone(asked: str, tries: int) -> None:
    with FakeServer(Fail(429, retry_after=asked)) as server, client_of(server) as client:
        with pytest.raises(ModelBusy) as caught:
            streamed(client)
        assert caught.value.hint
    assert len(server.chats) == tries


def test_nothing_is_repeated_once_a_piece_was_seen() -> None:
    with FakeServer(Reset("half an ans"), Say("fine")) as server, client_of(server) as client:
        pieces = client.stream(HELLO, 100)
        assert next(pieces) == "hal"
        with pytest.raises(ModelBadAnswer):
            list(pieces)
    assert len(server.chats) == 1


@pytest.mark.parametrize("call", ["stream", "json", "probe"])
def test_a_server_that_is_not_there(call: str) -> None:
    port = closed_port()
    with closing(ModelClient(ModelSettings(base_url=f"http://user:pass@127.0.0.1:{port}/v1"))) as client:
        with pytest.raises(ModelUnreachable) as caught:
            if call == "stream":
                streamed(client)
            elif call == "json":
                client.complete_json(HELLO, SCHEMA, 100)
            else:
                client.probe()
        assert f"http://127.0.0.1:{port}/v1" in caught.value.message
        assert "pass@" not in caught.value.message


def test_wrong_key_and_unknown_model() -> None:
    with FakeServer(Say("fine"), key="another") as server, client_of(server) as client:
        with pytest.raises(ModelRefused, match="Unauthorized"):
            streamed(client)
        with pytest.raises(ModelRefused, match="Unauthorized"):
            client.probe()
    with FakeServer(Say("fine")) as server, client_of(server, name="nope") as client:
        with pytest.raises(ModelRefused, match="The model `nope` does not exist") as caught:
            streamed(client)
        assert "model.name" in caught.value.hint


def test_an_address_without_v1() -> None:
    with FakeServer(Say("fine")) as server:
        settings = ModelSettings(base_url=server.url.removesuffix("/v1"))
        with closing(ModelClient(settings)) as client, pytest.raises(ModelRefused, match="Not Found") as caught:
            streamed(client)
    assert "/v1" in caught.value.hint


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Say('{"total":'), "not JSON"),
        (Say("Sorry, I cannot"), "not JSON"),
        (Say(DEEP, piece=len(DEEP)), "not JSON"),
        (Say("[" * 3000), "repeats itself"),
        (Say('{"total":', finish_reason="length"), "cut off at 100 tokens"),
        (Say("                ", finish_reason="length"), "cut off at 100 tokens"),
    ],
)
def test_bad_json(reply: Say, expected: str) -> None:
    with FakeServer(reply) as server, client_of(server) as client, pytest.raises(ModelBadAnswer, match=expected):
        client.complete_json(HELLO, SCHEMA, 100)


@pytest.mark.parametrize(
    "order",
    [
        Body(b"{"),
        Body(b"[]"),
        Body(b'{"data": [{}]}'),
        Body(b"hello", "text/plain"),
        Body(b'{"data": 1}'),
        Body(b"null"),
    ],
    ids=repr,
)
def test_a_listing_that_is_none(order: Order) -> None:
    with (
        FakeServer(Say(""), models_order=order) as server,
        client_of(server) as client,
        pytest.raises(ModelBadAnswer),
    ):
        client.probe()


def test_the_key_is_never_said() -> None:
    said = f"Incorrect API key provided: {KEY}"
    for order in (Fail(401, said), Fail(500, said), ErrorEvent("half", said)):
        with FakeServer(order) as server, client_of(server) as client:
            with pytest.raises(ModelError) as caught:
                streamed(client)
            assert KEY not in str(caught.getrepr())
            assert KEY not in caught.value.message + caught.value.hint + repr(caught.value) + repr(client)


def test_a_long_page_of_an_error_is_cut() -> None:
    with (
        FakeServer(Fail(400, "long " * 1000)) as server,
        client_of(server) as client,
        pytest.raises(ModelRefused) as caught,
    ):
        streamed(client)
    assert len(caught.value.message) < 500


def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = f"http://127.0.0.1:{closed_port()}"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, nowhere)
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with FakeServer(Say("fine")) as server, client_of(server, key="") as client:
        assert streamed(client) == "fine"
    assert "from-the-environment" not in json.dumps(server.chats[0].headers)


def test_a_redirect_is_not_followed() -> None:
    with FakeServer(Fail(307)) as server, client_of(server) as client, pytest.raises(ModelRefused) as caught:
        streamed(client)
    assert {asked.path for asked in server.asked} == {"/v1/models", "/v1/chat/completions", "/tokenize"}
    assert "redirect" in caught.value.hint


@pytest.mark.parametrize("base_url", [None, "", "127.0.0.1:8000", "ftp://127.0.0.1/v1", "http://", "http://[::1/v1"])
def test_an_address_that_is_none(base_url: str | None) -> None:
    with pytest.raises(BadSettings, match="model"):
        ModelClient(ModelSettings(base_url=base_url))


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
def test_a_key_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(BadSettings, match="api_key") as caught:
        ModelClient(ModelSettings(base_url="http://127.0.0.1:8000/v1", api_key=key))
    assert key not in caught.value.message + repr(caught.value)
