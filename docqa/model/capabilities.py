"""What a model server can do: asked once, by requests so small that they cost next to nothing.

A known engine's name settles what all its versions do; the rest depends on how the server was started or on the
model's template, so it is tried: a capability is there when its effect was seen, not when it was not refused. A server
that lacks one is used without it. Not here: how requests are sent (`docqa.model`).
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from PIL import Image

from docqa.model.wire import ModelCard
from docqa.pages.grid import grid_size, soft_tokens

Messages = Sequence[Mapping[str, object]]

ENGINES = {"vllm": "vllm", "llamacpp": "llama.cpp", "sglang": "sglang", "library": "ollama"}  #: by `owned_by`
UNKNOWN_ENGINE = "unknown"
BUDGETS = (70, 140, 280, 560, 1120)  #: soft tokens: those that Gemma 4's image processor allows
#: Tokens that a template and a few words may add to a page; between two budgets lie far more.
FRAME_AND_TEXT = 64
PROBE_TEXT = "docqa asks what this server can do."  #: a server's log shows what these requests are
PROBE_TOKENS = 16  #: enough for the smallest object of the probe's schema
PROBE_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"ok": {"enum": [True]}},
    "required": ["ok"],
    "additionalProperties": False,
}
A4 = (210, 297)

#: What the name of an engine settles: how its server was started makes no difference to these.
#: vLLM 0.33, llama.cpp of September 2026, SGLang with PR 27167 (shared facts on Gemma 4, sections 3 and 5). SGLang
#: takes a priority, but serves the highest first.
SETTLED: dict[str, dict[str, bool]] = {
    "vllm": {"usage": True, "json_schema": True, "logprobs": True},
    "llama.cpp": {"usage": True, "json_schema": True, "logprobs": True, "priority": False, "image_uuid": False}
    | {"request_budget": False, "tokenize": False},
    "sglang": {"usage": True, "json_schema": True, "logprobs": True, "priority": False, "image_uuid": False},
    "ollama": {"priority": False, "image_uuid": False, "request_budget": False, "tokenize": False},
}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server says about itself, and what it was seen to do."""

    models: tuple[str, ...]
    engine: str  #: one of ENGINES, or "unknown"
    max_context: int | None  #: tokens; None where the server does not say
    images: bool = False  #: the model takes a page image
    image_budget: int | None = None  #: soft tokens an A4 page is given by itself; None: none of Gemma's, or not said
    request_budget: bool = False  #: a request can ask for another image budget
    json_schema: bool = False  #: replies can be held to a schema
    logprobs: bool = False
    thinking_switch: bool = False  #: a request can switch thinking off
    priority: bool = False  #: a request can let others go first
    image_uuid: bool = False  #: an image that was sent before can be named instead of being sent again
    tokenize: bool = False  #: the tokens of a conversation can be counted before it is sent
    usage: bool = False  #: a streamed answer ends with its number of tokens


@dataclass(frozen=True, slots=True)
class Trial:
    """What came back from a small request."""

    text: str
    prompt_tokens: int | None
    logprobs: bool


#: Sends messages with more fields of a request; None if the server refused them or answered with nonsense.
Attempt = Callable[[Messages, Mapping[str, object]], Trial | None]
#: Counts the tokens of messages by /tokenize; None if the server does not.
Count = Callable[[Messages], int | None]


def listed(cards: Sequence[ModelCard], name: str) -> Capabilities:
    """What the list of models says; nothing was tried yet."""
    ours = next((card for card in cards if card.id == name), cards[0] if len(cards) == 1 else None)
    models = tuple(card.id for card in cards)
    if ours is None:
        return Capabilities(models, UNKNOWN_ENGINE, None)
    context = ours.max_model_len or (ours.meta.n_ctx if ours.meta else None)
    return Capabilities(models, ENGINES.get(ours.owned_by or "", UNKNOWN_ENGINE), context)


def tried(known: Capabilities, budget: int, attempt: Attempt, count: Count) -> Capabilities:
    """Try everything that the engine's name leaves open. `budget` is the image budget that is wanted."""
    settled = SETTLED.get(known.engine, {})
    tests: dict[str, Callable[[], bool]] = {
        "usage": lambda: _tokens(attempt(_text(), {"stream_options": {"include_usage": True}})) is not None,
        "json_schema": lambda: _keeps_schema(attempt),
        "logprobs": lambda: (trial := attempt(_text(), {"logprobs": True})) is not None and trial.logprobs,
        # The largest value is the least urgent. Without priority scheduling vLLM refuses any but 0; another server
        # may take the field and not know it, which would pass for the capability, so it is only tried where it is one.
        "priority": lambda: known.engine == "vllm" and attempt(_text(), {"priority": 1}) is not None,
        "tokenize": lambda: count(_text()) is not None,
    }
    found = {name: settled[name] if name in settled else test() for name, test in tests.items()}
    known = replace(
        known,
        usage=found["usage"],
        json_schema=found["json_schema"],
        logprobs=found["logprobs"],
        priority=found["priority"],
        tokenize=found["tokenize"],
    )
    counted = {"stream_options": {"include_usage": True}} if known.usage else {}
    known = replace(known, thinking_switch=_switches_thinking(attempt, counted))
    return _with_images(known, settled, budget, attempt, counted)


def _with_images(
    known: Capabilities, settled: Mapping[str, bool], budget: int, attempt: Attempt, counted: Mapping[str, object]
) -> Capabilities:
    """What the server does with a page image: how large it sees it, and whether it keeps it."""
    trial = attempt(_page(named=True), counted) if settled.get("image_uuid", True) else None
    named = trial is not None
    trial = trial or attempt(_page(), counted)
    if trial is None:
        return known
    own = _budget_of(trial.prompt_tokens)
    asked = own != budget and settled.get("request_budget", True)
    larger = attempt(_page(), {**counted, "mm_processor_kwargs": {"max_soft_tokens": budget}}) if asked else None
    return replace(
        known,
        images=True,
        image_budget=own,
        request_budget=larger is not None and _budget_of(larger.prompt_tokens) == budget,
        image_uuid=named and attempt(_page(named=True, sent=False), counted) is not None,
    )


def _keeps_schema(attempt: Attempt) -> bool:
    form = {"type": "json_schema", "json_schema": {"name": "reply", "schema": PROBE_SCHEMA, "strict": True}}
    trial = attempt(_text(), {"response_format": form})
    try:
        return trial is not None and bool(json.loads(trial.text) == {"ok": True})
    except (ValueError, RecursionError):
        return False


def _switches_thinking(attempt: Attempt, counted: Mapping[str, object]) -> bool:
    """A switch that works changes the prompt: the template writes it there."""
    on, off = (
        _tokens(attempt(_text(), {**counted, "chat_template_kwargs": {"enable_thinking": wanted}}))
        for wanted in (True, False)
    )
    return on is not None and off is not None and on != off


def _tokens(trial: Trial | None) -> int | None:
    return trial.prompt_tokens if trial else None


def _budget_of(prompt_tokens: int | None) -> int | None:
    """The budget at which an A4 page and a few words come to so many tokens."""
    for budget in BUDGETS:
        cost = soft_tokens(*grid_size(*A4, budget))
        if prompt_tokens is not None and cost <= prompt_tokens <= cost + FRAME_AND_TEXT:
            return budget
    return None


def _text() -> Messages:
    return [{"role": "user", "content": PROBE_TEXT}]


def _page(named: bool = False, sent: bool = True) -> Messages:
    """An empty A4 page: its image, its name, or both."""
    url = {"url": f"data:image/png;base64,{_blank_page()}"} if sent else None
    image: dict[str, object] = {"type": "image_url", "image_url": url}
    if named:
        image["uuid"] = "docqa-blank-page"
    return [{"role": "user", "content": [image, {"type": "text", "text": PROBE_TEXT}]}]


@cache
def _blank_page() -> str:
    buffer = io.BytesIO()
    Image.new("L", grid_size(*A4), 255).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
