"""The client against a real vLLM: what it counts on is what the server does.

The answers are nonsense, because the weights are random; everything around them is real.
"""

from __future__ import annotations

import io
import math
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from asking import A4, asked, image_part, page_image
from PIL import Image
from pydantic import SecretStr
from vllm_server import MODEL, VllmServer

from docqa.ask.voice import RATE, TOKEN_SAMPLES, clip_of, transcribe
from docqa.errors import ModelError, ModelRefused, ModelTimeout
from docqa.model import Completion, ModelClient, Urgency
from docqa.pages.grid import grid_size, soft_tokens
from docqa.settings import ModelSettings

pytestmark = [pytest.mark.model, pytest.mark.timeout(900)]

Connect = Callable[..., ModelClient]
LONG = "Write a long story."  #: the tiny model answers it with more than 600 tokens


def whole(answer: Completion) -> str:
    return "".join(answer)


def cost(client: ModelClient, *parts: dict[str, object] | str) -> int:
    """The tokens of a prompt, as the server counted them."""
    answer = client.stream(asked(*parts), 8)
    whole(answer)
    assert answer.usage is not None
    return answer.usage.prompt_tokens


def until(condition: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Wait for something that the server will have done in a moment."""
    end = time.monotonic() + seconds
    while not (done := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return done


# ── what the server says of itself ───────────────────────────────────────────────────────────────────────────────────


def test_what_the_server_can_do_is_found_out(client: ModelClient) -> None:
    can = client.probe()
    assert can.models == (MODEL,)
    assert (can.engine, can.max_context, can.image_budget) == ("vllm", 32_768, 1120)
    assert can.images and can.json_schema and can.logprobs and can.usage
    assert can.thinking_switch and can.priority and can.image_uuid and can.tokenize


def test_a_wrong_key_and_an_unknown_model_are_told_apart(connect: Connect) -> None:
    with pytest.raises(ModelRefused, match="401") as refused:
        connect(api_key=SecretStr("a guess")).probe()
    assert "a guess" not in refused.value.message + refused.value.hint
    stranger = connect(name="another-model")
    assert stranger.probe().models == (MODEL,)
    with pytest.raises(ModelRefused, match="404"):
        whole(stranger.stream(asked("Hello"), 8))


# ── text and images ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_comes_in_pieces(client: ModelClient) -> None:
    answer = client.stream(asked(LONG), 60)
    pieces = list(answer)
    assert len(pieces) > 10
    assert answer.finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.answer_tokens == 60
    assert "".join(pieces) == whole(client.stream(asked(LONG), 60))


@pytest.mark.parametrize("budget", [280, 1120])
@pytest.mark.parametrize("pages", [1, 8])
def test_pages_cost_what_the_formula_says(budget: int, pages: int, connect: Connect) -> None:
    client = connect(image_budget=budget)
    images = [image_part(page_image(f"budget {budget}, page {page}")) for page in range(pages)]
    each = soft_tokens(*grid_size(*A4, budget))
    assert each == {280: 268, 1120: 1094}[budget]
    assert cost(client, *images, "What is the total?") - cost(client, "What is the total?") == pages * each
    assert client.image_budget() == budget


@pytest.mark.parametrize("size", [(3_000, 500), (480, 480), (1_344, 1_872), (700, 2_100)])
def test_odd_proportions_cost_what_the_formula_says(size: tuple[int, int], client: ModelClient) -> None:
    added = cost(client, image_part(page_image("odd", size)), "total?") - cost(client, "total?")
    assert added == soft_tokens(*grid_size(*size))


def test_seventeen_images_are_refused_in_the_servers_words(client: ModelClient) -> None:
    images = [image_part(page_image(f"thumbnail {number}", (96, 96))) for number in range(17)]
    with pytest.raises(ModelRefused, match="16") as refused:
        whole(client.stream(asked(*images, "total?"), 8))
    assert "find.pages_read" in refused.value.hint
    assert whole(client.stream(asked("Still there?"), 8))


def test_a_damaged_image_is_refused(client: ModelClient) -> None:
    with pytest.raises(ModelError):
        whole(client.stream(asked(image_part(b"\xff\xd8 not an image"), "total?"), 8))
    assert whole(client.stream(asked("Still there?"), 8))


def test_a_prompt_that_is_too_long_is_refused(client: ModelClient) -> None:
    with pytest.raises(ModelRefused, match="32768"):
        whole(client.stream(asked("many words " * 30_000), 8))


def test_an_image_is_sent_once_and_named_afterwards(client: ModelClient, server: VllmServer) -> None:
    """The second time another image stands under the same name: the cost shows that it was not looked at."""
    first, other = page_image("named"), page_image("small", (96, 480))
    named = {**image_part(first), "uuid": "a" * 64}
    price = cost(client, named, "total?")
    hits = server.metric("vllm:mm_cache_hits_total")
    assert cost(client, {**image_part(other), "uuid": "a" * 64}, "total?") == price
    assert server.metric("vllm:mm_cache_hits_total") > hits
    assert cost(client, image_part(other), "total?") != price


def test_a_name_that_the_server_forgot_is_sent_again(settings: ModelSettings, connect: Connect) -> None:
    named = {**image_part(page_image("forgotten")), "uuid": "b" * 64}
    mistaken = connect()
    mistaken.capabilities()
    mistaken._held[f"{'b' * 64}@1120"] = None  # as after a restart that went unnoticed
    assert whole(mistaken.stream(asked(named, LONG), 8)) == whole(connect().stream(asked(named, LONG), 8))


def test_tokens_are_counted_as_the_server_counts_them(client: ModelClient) -> None:
    assert client.count_tokens(asked("What is the total of the invoice?")) == cost(
        client, "What is the total of the invoice?"
    )


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "maxLength": 20},
        "page": {"type": "integer", "minimum": 1, "maximum": 99},
        "found": {"type": "boolean"},
        "kind": {"enum": ["text", "table", "figure"]},
        "rows": {
            "type": "array",
            "maxItems": 2,
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 5}},
                "required": ["name"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["answer", "page", "found", "kind", "rows"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("number", range(4))
def test_json_keeps_to_its_schema_and_ends(number: int, client: ModelClient) -> None:
    """A grammar that allows white space lets this model write it until its tokens are spent."""
    reply = client.complete_json(asked(image_part(page_image(f"json {number}")), "Reply as JSON."), SCHEMA, 300)
    value = reply.value
    assert isinstance(value, dict)
    assert value.keys() == {"answer", "page", "found", "kind", "rows"}
    assert value["kind"] in ("text", "table", "figure")
    assert isinstance(value["found"], bool)
    assert 1 <= value["page"] <= 99


def test_every_value_of_json_has_its_certainty(client: ModelClient) -> None:
    reply = client.complete_json(asked("Reply as JSON."), SCHEMA, 300)
    assert {("answer",), ("page",), ("found",), ("kind",)} <= set(reply.certainty)
    assert all(-math.inf < one.lowest <= one.mean <= 0 for one in reply.certainty.values())


# ── sound ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("samples", [TOKEN_SAMPLES, RATE, RATE + 100, 30 * RATE])
def test_a_clip_costs_a_token_for_every_40_milliseconds(samples: int, client: ModelClient) -> None:
    """A clip that does not end on a whole token, by 1 to 160 samples, stops vLLM 0.33: it is filled up."""
    clip = clip_of(np.sin(np.arange(samples) * 0.1))
    sent: list[dict[str, object]] = []
    stream = client.stream

    def watched(messages: list[dict[str, object]], max_tokens: int) -> Completion:
        sent.extend(messages)
        return stream(messages, max_tokens)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "stream", watched)
        assert transcribe(client, clip)
    content = sent[0]["content"]
    assert isinstance(content, list)
    added = cost(client, *content) - cost(client, *content[1:])
    assert added == clip.tokens + 2  # begin and end of audio


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_that_is_closed_stops_the_server(client: ModelClient, server: VllmServer) -> None:
    answer = client.stream(asked(LONG), 20_000)
    for _ in range(3):
        next(answer)
    assert server.metric("vllm:num_requests_running") == 1
    answer.close()
    assert until(lambda: server.metric("vllm:num_requests_running") == 0)
    assert server.metric("vllm:generation_tokens_total") < 10_000


def test_a_question_goes_before_a_batch_that_waits(connect: Connect, server: VllmServer) -> None:
    """Sixteen long prompts, of which two fit into a step; the question comes last and is not answered last."""
    client, ended = connect(requests_at_once=17, queue_timeout=600), []
    client.capabilities()

    def ask(name: str, text: str, urgency: Urgency) -> None:
        whole(client.stream(asked(text), 1, urgency))
        ended.append(name)

    batch = [
        threading.Thread(target=ask, args=(f"batch {n}", f"{n} " + f"line {n} of many " * 1_200, Urgency.BATCH))
        for n in range(16)
    ]
    for thread in batch:
        thread.start()
    assert until(lambda: server.metric("vllm:num_requests_waiting") >= 8)
    ask("question", "What is the total?", Urgency.INTERACTIVE)
    answered = len(ended)
    for thread in batch:
        thread.join()
    assert len(ended) == 17
    assert answered <= 13


def test_a_hundred_requests_at_once_are_all_answered(connect: Connect) -> None:
    client, answers = connect(requests_at_once=16, queue_length=100, queue_timeout=600), []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(whole(client.stream(asked(f"Number {n}?"), 4))))
        for n in range(100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 100


# ── the end of the server ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_dies_is_noticed_and_one_that_comes_back_is_used(connect: Connect, server: VllmServer) -> None:
    client = connect()
    named = {**image_part(page_image("before")), "uuid": "c" * 64}
    before = whole(client.stream(asked(named, LONG), 16))
    answer = client.stream(asked(LONG), 20_000)
    next(answer)
    server.kill()
    killed = time.monotonic()
    with pytest.raises(ModelError):
        whole(answer)
    with pytest.raises(ModelError):
        whole(client.stream(asked("Anybody there?"), 8))
    assert time.monotonic() - killed < 10  # what a person waits to be told; the goal of the product
    server.start()
    assert whole(client.stream(asked(named, LONG), 16)) == before  # its image is sent again


def test_a_server_that_hangs_is_not_waited_for_and_used_when_it_goes_on(connect: Connect, server: VllmServer) -> None:
    client = connect()
    heard: list[str] = []
    assert whole(client.stream(asked("Anybody there?"), 8, tell=heard.append))
    with server.stopped(), pytest.raises(ModelTimeout, match="hangs"):  # long before its read_timeout
        whole(client.stream(asked("And now?"), 8, tell=heard.append))
    assert "hung" in heard[-1]
    assert whole(client.stream(asked("And now?"), 8))


def test_pages_are_seen_as_sent(client: ModelClient) -> None:
    """What is on the grid is not scaled: another image of the same size gives other words, the same gives the same."""
    image = Image.open(io.BytesIO(page_image("seen")))
    assert image.size == grid_size(*A4)
    first, second = (whole(client.stream(asked(image_part(page_image(name)), LONG), 12)) for name in ("one", "two"))
    again = whole(client.stream(asked(image_part(page_image("one")), LONG), 12))
    assert first == again != second
