"""The model client against a server that behaves, and against one that does not."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from fake_server import (
    EVERYTHING,
    MODEL,
    Asked,
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
    sent_parts,
)

from docqa.errors import (
    BadSettings,
    ModelBadAnswer,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
)
from docqa.model import ModelClient, Urgency, client_for, connection
from docqa.model.capabilities import Capabilities
from docqa.model.certainty import Certainty, certainties
from docqa.model.connection import ModelServer
from docqa.model.gate import Gate
from docqa.model.wire import TokenChance
from docqa.settings import ModelSettings
from docqa.types import Usage

KEY = "sk-very-secret"
HELLO = [{"role": "user", "content": "Hello"}]
#: Nested too deeply to be read, and not the same over and over.
DEEP = "".join(random.Random(4).choices(["[", "[ "], k=2000))
SCHEMA: dict[str, object] = {"type": "object", "properties": {}, "additionalProperties": False}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RETRY_PAUSES", (0.0, 0.0))


@contextmanager
def client_of(server: FakeServer, name: str = MODEL, key: str = KEY, **limits: float) -> Iterator[ModelClient]:
    settings = ModelSettings.model_validate(
        {"base_url": server.url, "name": name, "api_key": key, "read_timeout": 5, **limits}
    )
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
        "stream_options": {"include_usage": True},
        "chat_template_kwargs": {"enable_thinking": False},
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
        assert client.complete_json(HELLO, SCHEMA, 100).value == {"total": "1\t000"}, (
            "a raw tab in a string is no error"
        )
    body = server.chats[0].body
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True},
    }


def test_what_an_answer_cost_is_known_at_its_end() -> None:
    with FakeServer(Say("fine", cached_tokens=6)) as server, client_of(server) as client:
        answer = client.stream(HELLO, 100)
        assert (answer.usage, answer.finish_reason) == (None, None)
        assert "".join(answer) == "fine"
        assert answer.usage == Usage(prompt_tokens=9, cached_tokens=6, answer_tokens=7)
        assert answer.usage.cached_share == pytest.approx(6 / 9)
        assert answer.finish_reason == "stop"
    with FakeServer(Say("fine"), can=EVERYTHING - {"usage"}) as server, client_of(server) as client:
        answer = client.stream(HELLO, 100)
        assert "".join(answer) == "fine"
        assert answer.usage is None


# ── capabilities ─────────────────────────────────────────────────────────────────────────────────────────────────────


ALL = Capabilities(
    models=(MODEL,),
    engine="vllm",
    max_context=32768,
    images=True,
    image_budget=1120,
    request_budget=False,  # not needed: the server's own is the one that is wanted
    json_schema=True,
    logprobs=True,
    thinking_switch=True,
    priority=True,
    image_uuid=True,
    tokenize=True,
    usage=True,
)


def test_everything_a_server_can_is_seen() -> None:
    with FakeServer(Say("")) as server, client_of(server) as client:
        assert client.probe() == ALL
        assert client.capabilities() is client.capabilities()
        asked = len(server.asked)
        client.capabilities()
        assert len(server.asked) == asked, "asked once, then remembered"
        assert len(server.probes) <= 8


@pytest.mark.parametrize(
    ("lacking", "expected"),
    [
        ("priority", replace(ALL, priority=False)),
        ("thinking", replace(ALL, thinking_switch=False)),
        ("image_uuid", replace(ALL, image_uuid=False)),
        ("tokenize", replace(ALL, tokenize=False)),
        ("images", replace(ALL, images=False, image_budget=None, image_uuid=False)),
    ],
)
def test_what_a_server_lacks_is_seen(lacking: str, expected: Capabilities) -> None:
    with FakeServer(Say(""), can=EVERYTHING - {lacking}) as server, client_of(server) as client:
        assert client.probe() == expected


@pytest.mark.parametrize(("requests", "budget"), [(True, 1120), (False, 280)])
def test_the_image_budget_is_measured_and_set_where_that_is_allowed(requests: bool, budget: int) -> None:
    can = EVERYTHING if requests else EVERYTHING - {"request_budget"}
    with FakeServer(Say("fine"), can=can) as server, client_of(server) as client:
        server.budget = 280
        assert (client.probe().image_budget, client.probe().request_budget) == (280, requests)
        assert client.image_budget() == budget
        list(client.stream(with_images("a"), 100))
        list(client.stream(HELLO, 100))
    with_image, without = (chat.body.get("mm_processor_kwargs") for chat in server.chats)
    assert (with_image, without) == ({"max_soft_tokens": 1120} if requests else None, None)


@pytest.mark.parametrize("can", [EVERYTHING, frozenset[str]()], ids=["can everything", "can nothing"])
def test_an_unknown_engine_is_tried(can: frozenset[str]) -> None:
    with FakeServer(Say('Here it is: ```json\n{"a": 1}\n```'), can=can) as server, client_of(server) as client:
        server.cards = [model_card(owned_by="somebody")]
        found = client.probe()
        assert {found.json_schema, found.logprobs, found.thinking_switch, found.tokenize} == {bool(can)}
        assert not found.priority, "accepting the field is no proof that anybody looks at it"
        if not can:
            assert client.complete_json(HELLO, SCHEMA, 100).value == {"a": 1}
            assert server.chats[0].body.keys() == {"model", "messages", "max_tokens", "temperature", "stream"}


@pytest.mark.parametrize(
    ("cards", "facts"),
    [
        ([model_card()], ((MODEL,), "vllm", 32768)),
        ([model_card(MODEL, "llamacpp", None) | {"meta": {"n_ctx": 8192}}], ((MODEL,), "llama.cpp", 8192)),
        ([model_card("a", "library"), model_card(MODEL, "sglang", 4096)], (("a", MODEL), "sglang", 4096)),
        ([model_card("a"), model_card("b")], (("a", "b"), "unknown", None)),
        ([{"id": MODEL}], ((MODEL,), "unknown", None)),
        ([], ((), "unknown", None)),
    ],
)
def test_what_the_list_of_models_says(
    cards: list[dict[str, object]], facts: tuple[tuple[str, ...], str, int | None]
) -> None:
    with FakeServer(Say("")) as server, client_of(server) as client:
        server.cards = cards
        found = client.probe()
        assert (found.models, found.engine, found.max_context) == facts
        assert bool(server.probes) == (MODEL in found.models), "a model that is not there is not tried"


def test_a_server_is_probed_anew_after_the_connection_was_lost() -> None:
    with FakeServer(Reset("half"), Say("fine")) as server, client_of(server) as client:
        with pytest.raises(ModelBadAnswer):
            streamed(client)
        server.can -= {"priority"}
        assert not client.capabilities().priority
        assert streamed(client) == "fine"


# ── images that the server has ───────────────────────────────────────────────────────────────────────────────────────


def with_images(*names: str) -> list[dict[str, object]]:
    images: list[dict[str, object]] = [
        {"type": "image_url", "image_url": {"url": f"data:,{name}"}, "uuid": name} for name in names
    ]
    return [{"role": "user", "content": [*images, {"type": "text", "text": "?"}]}]


def sent_images(asked: Asked) -> list[tuple[object, bool]]:
    """The name of each image of a request, and whether it was sent."""
    return [(part.get("uuid"), part["image_url"] is not None) for part in sent_parts(asked) if "image_url" in part]


def test_an_image_is_sent_once() -> None:
    with FakeServer(Say("fine")) as server, client_of(server) as client:
        list(client.stream(with_images("a"), 100))
        list(client.stream(with_images("a", "b"), 100))
    assert [sent_images(chat) for chat in server.chats] == [
        [("a@1120", True)],
        [("a@1120", False), ("b@1120", True)],
    ]


def test_an_image_that_was_forgotten_is_sent_again() -> None:
    with FakeServer(Say("fine")) as server, client_of(server) as client:
        list(client.stream(with_images("a", "b"), 100))
        server.images.clear()
        assert list(client.stream(with_images("a", "b"), 100))
        list(client.stream(with_images("b"), 100))
    sent = [sent_images(chat) for chat in server.chats]
    a, b = "a@1120", "b@1120"
    both, names, again = [(a, True), (b, True)], [(a, False), (b, False)], [(a, True), (b, True)]
    assert sent == [both, names, again, [(b, False)]]


def test_a_refusal_for_another_reason_is_told_as_it_is() -> None:
    with FakeServer(Say("fine"), Fail(400, "The prompt is too long")) as server, client_of(server) as client:
        list(client.stream(with_images("a"), 100))
        with pytest.raises(ModelRefused, match="too long"):
            list(client.stream(with_images("a"), 100))
    assert len(server.chats) == 3


def test_a_server_without_names_is_sent_every_image_without_one() -> None:
    with FakeServer(Say("fine"), can=EVERYTHING - {"image_uuid"}) as server, client_of(server) as client:
        for _ in range(2):
            list(client.stream(with_images("a"), 100))
    assert [sent_images(chat) for chat in server.chats] == [[(None, True)]] * 2


# ── one after another ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("can", [EVERYTHING, EVERYTHING - {"priority"}], ids=["with priority", "without"])
def test_a_batch_lets_people_go_first(can: frozenset[str]) -> None:
    with FakeServer(Say("{}"), can=can) as server, client_of(server) as client:
        client.complete_json(HELLO, SCHEMA, 100)
        list(client.stream(HELLO, 100))
        list(client.stream(HELLO, 100, Urgency.BATCH))
    assert [chat.body.get("priority") for chat in server.chats] == ([10, None, 10] if "priority" in can else [None] * 3)


def test_a_full_house_is_said_at_once_and_a_full_queue_after_a_while() -> None:
    limits = {"requests_at_once": 1, "queue_length": 0, "queue_timeout": 0.05}
    with FakeServer(Endless(), Say("fine")) as server, client_of(server, **limits) as client:
        first = client.stream(HELLO, 100)
        next(first)
        with pytest.raises(ModelBusy, match="0 requests are already waiting") as caught:
            streamed(client)
        assert "requests_at_once" in caught.value.hint
        first.close()
        assert streamed(client) == "fine", "a place that was left is free"
    with FakeServer(Endless()) as server, client_of(server, **(limits | {"queue_length": 1})) as client:
        first = client.stream(HELLO, 100)
        next(first)
        with pytest.raises(ModelBusy, match="within 0.05 seconds"):
            streamed(client)
        first.close()


def test_people_go_before_a_batch_that_came_earlier() -> None:
    gate, order = Gate(1, 5), []

    def pass_through(urgency: Urgency) -> None:
        with gate.passed(urgency, 30):
            order.append(urgency)

    with ThreadPoolExecutor(3) as pool, gate.passed(0, 1):
        for length, urgency in enumerate([Urgency.BATCH, Urgency.BATCH, Urgency.INTERACTIVE], 1):
            pool.submit(pass_through, urgency)
            while len(gate._line) < length:
                time.sleep(0.001)
    assert order == [Urgency.INTERACTIVE, Urgency.BATCH, Urgency.BATCH]


def test_threads_share_what_is_known_and_what_is_sent() -> None:
    with (
        FakeServer(Say("fine")) as server,
        client_of(server, requests_at_once=2) as client,
        ThreadPoolExecutor(6) as pool,
    ):
        assert list(pool.map(lambda _: streamed(client), range(12))) == ["fine"] * 12
    assert [asked.path for asked in server.asked].count("/v1/models") == 1
    assert len(server.chats) == 12


def test_settings_have_one_client() -> None:
    settings = ModelSettings(base_url="http://127.0.0.1:1/v1", name="one")
    assert client_for(settings) is client_for(ModelSettings(base_url="http://127.0.0.1:1/v1", name="one"))
    assert client_for(settings) is not client_for(ModelSettings(base_url="http://127.0.0.1:1/v1", name="two"))


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


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


def test_tokens_are_counted_where_the_server_does() -> None:
    with FakeServer(Say("")) as server, client_of(server) as client:
        assert client.count_tokens(HELLO) == 9
    with FakeServer(Say(""), can=EVERYTHING - {"tokenize"}) as server, client_of(server) as client:
        assert client.count_tokens(HELLO) is None


def test_how_sure_the_model_was_of_each_value() -> None:
    text = '{"rent":{"value":"9\u20ac","page":12},"list":[true,-1.5]}'
    with FakeServer(Say(text, piece=4, logprob=-0.25)) as server, client_of(server) as client:
        reply = client.complete_json(HELLO, SCHEMA, 100)
    assert set(reply.certainty) == {("rent", "value"), ("rent", "page"), ("list", 0), ("list", 1)}
    assert reply.certainty["rent", "value"] == Certainty(-0.25, -0.25)
    with FakeServer(Say(text), can=EVERYTHING - {"logprobs"}) as server, client_of(server) as client:
        assert client.complete_json(HELLO, SCHEMA, 100).certainty == {}


def test_certainty_is_of_the_tokens_of_a_value_alone() -> None:
    pieces = [('{"a": "', -9.0), ("x", -1.0), ("é"[:1], -2.0), ('", ', -9.0), ('"b":', -9.0), ("7", -0.5), ("}", -9.0)]
    tokens = [TokenChance(token=piece, logprob=chance) for piece, chance in pieces]
    assert certainties('{"a": "xé", "b":7}', tokens) == {("a",): Certainty(-1.5, -2.0), ("b",): Certainty(-0.5, -0.5)}
    ended = [*tokens, TokenChance(token="<turn|>", logprob=-9.0)]
    assert certainties('{"a": "xé", "b":7}', ended) == certainties('{"a": "xé", "b":7}', tokens), (
        "vLLM tells the end, too"
    )
    assert certainties('{"a": 1}', tokens) == {}, "tokens of another text say nothing"
    halves = [TokenChance(token="\ufffd", logprob=-1.0, bytes=[half]) for half in "é".encode()]
    assert certainties('"é"', [TokenChance(token='"', logprob=0), *halves, TokenChance(token='"', logprob=0)]) == {
        (): Certainty(-1.0, -1.0)
    }


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
