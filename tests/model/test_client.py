"""The model client against a server that behaves."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_server import EVERYTHING, MODEL, Endless, Fail, FakeServer, Say
from one_client import HELLO, KEY, SCHEMA, client_of, sent_images, streamed, with_images

from docqa.errors import ModelBusy, ModelRefused
from docqa.model import Urgency, client_for
from docqa.model.gate import Gate
from docqa.settings import ModelSettings
from docqa.types import Usage

pytestmark = pytest.mark.usefixtures("no_pauses")


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


def test_tokens_are_counted_where_the_server_does() -> None:
    with FakeServer(Say("")) as server, client_of(server) as client:
        assert client.count_tokens(HELLO) == 9
    with FakeServer(Say(""), can=EVERYTHING - {"tokenize"}) as server, client_of(server) as client:
        assert client.count_tokens(HELLO) is None


# ── images that the server has ───────────────────────────────────────────────────────────────────────────────────────


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
