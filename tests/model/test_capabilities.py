"""What a server can do: seen by what it does, not by what it says, and seen anew when it was lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_server import EVERYTHING, MODEL, FakeServer, Reset, Say, model_card
from one_client import HELLO, SCHEMA, client_of, streamed, with_images

from docqa.errors import ModelBadAnswer
from docqa.model.capabilities import Capabilities

pytestmark = pytest.mark.usefixtures("no_pauses")


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
