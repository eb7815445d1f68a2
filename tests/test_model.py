"""The model client against a server that behaves, and against one that does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from fake_server import (
    MODEL,
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
    model_card,
)

from docqa import model
from docqa.errors import (
    BadSettings,
    ModelBadAnswer,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
)
from docqa.model import ModelClient, ServerFacts
from docqa.settings import ModelSettings

KEY = "sk-very-secret"
HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA: dict[str, object] = {"type": "object", "properties": {}, "additionalProperties": False}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "RETRY_PAUSES", (0.0, 0.0))


@contextmanager
def client_of(server: FakeServer, name: str = MODEL, key: str = KEY, read_timeout: float = 5) -> Iterator[ModelClient]:
    settings = ModelSettings(base_url=server.url, name=name, api_key=key, read_timeout=read_timeout)
    with closing(ModelClient(settings)) as client:
        yield client


def streamed(client: ModelClient) -> str:
    return "".join(client.stream(HELLO, 100))


def test_stream_yields_the_pieces_as_they_come() -> None:
    with FakeServer(Say("Grüße aus Köln", piece=5)) as server, client_of(server) as client:
        assert list(client.stream(HELLO, 100)) == ["Grüße", " aus ", "Köln"]
    [asked] = server.chats
    assert asked.body == {
        "model": MODEL,
        "messages": HELLO,
        "max_tokens": 100,
        "temperature": 0,
        "stream": True,
    }
    assert asked.headers["authorization"] == f"Bearer {KEY}"


def test_closing_the_generator_closes_the_connection() -> None:
    with FakeServer(Endless()) as server, client_of(server) as client:
        pieces = client.stream(HELLO, 100)
        next(pieces)
        pieces.close()
        assert server.cancelled.wait(10)


def test_json_is_asked_for_with_a_schema_and_without_thinking() -> None:
    with FakeServer(Say('{"total":"1\t000"}')) as server, client_of(server) as client:
        assert client.complete_json(HELLO, SCHEMA, 100) == {"total": "1\t000"}, "a raw tab in a string is no error"
    body = server.chats[0].body
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True},
    }


def test_an_unknown_engine_gets_no_field_of_its_own() -> None:
    with FakeServer(Say("{}")) as server, client_of(server) as client:
        server.cards = [model_card(owned_by="somebody")]
        client.complete_json(HELLO, SCHEMA, 100)
        client.complete_json(HELLO, SCHEMA, 100)
    assert "chat_template_kwargs" not in server.chats[0].body
    assert [asked.path for asked in server.asked].count("/v1/models") == 1, "asked once, then remembered"


@pytest.mark.parametrize(
    ("cards", "facts"),
    [
        ([model_card()], ServerFacts((MODEL,), "vllm", 32768)),
        (
            [model_card("a.gguf", "llamacpp", None) | {"meta": {"n_ctx": 8192}}],
            ServerFacts(("a.gguf",), "llama.cpp", 8192),
        ),
        ([model_card("a", "library"), model_card(MODEL, "sglang", 4096)], ServerFacts(("a", MODEL), "sglang", 4096)),
        ([model_card("a"), model_card("b")], ServerFacts(("a", "b"), "unknown", None)),
        ([{"id": MODEL}], ServerFacts((MODEL,), "unknown", None)),
        ([], ServerFacts((), "unknown", None)),
    ],
)
def test_probe(cards: list[dict[str, object]], facts: ServerFacts) -> None:
    with FakeServer(Say("")) as server, client_of(server) as client:
        server.cards = cards
        assert client.probe() == facts


@pytest.mark.parametrize("passing", [Fail(500), Fail(503), Fail(429), Drop()])
def test_what_may_pass_is_tried_again(passing: Order) -> None:
    with FakeServer(passing, passing, Say("fine")) as server, client_of(server) as client:
        assert streamed(client) == "fine"
    assert len(server.chats) == 3


def test_a_stale_connection_after_an_error_costs_one_try() -> None:
    with FakeServer(Fail(500), Drop(), Say("fine")) as server, client_of(server) as client:
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
        (Say("[" * 100_000, piece=50_000), "not JSON"),
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
    with FakeServer(Fail(307)) as server, client_of(server) as client, pytest.raises(ModelRefused):
        streamed(client)
    assert len(server.asked) == 1


@pytest.mark.parametrize("base_url", [None, "", "127.0.0.1:8000", "ftp://127.0.0.1/v1", "http://", "http://[::1/v1"])
def test_an_address_that_is_none(base_url: str | None) -> None:
    with pytest.raises(BadSettings, match="model"):
        ModelClient(ModelSettings(base_url=base_url))


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
def test_a_key_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(BadSettings, match="api_key") as caught:
        ModelClient(ModelSettings(base_url="http://127.0.0.1:8000/v1", api_key=key))
    assert key not in caught.value.message + repr(caught.value)
