"""`docqa model check`: a running server, asked to show that it can do what answers depend on.

Any server that speaks the OpenAI protocol can be asked. What it cannot do is said with what that costs; what it does
wrongly is said with what to change. A server that passes reads small print, gives a page the image budget it needs,
ends its JSON, fetches nothing, and keeps others out. Not here: whether its answers are good (`docqa eval`).
"""

from __future__ import annotations

import base64
import io
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from docqa.ask.voice import RATE, clip_of, transcribe
from docqa.errors import BadAudio, ModelBadAnswer, ModelError, ModelRefused
from docqa.model import ModelClient
from docqa.model.capabilities import UNKNOWN_ENGINE, Capabilities
from docqa.model.connection import ModelServer
from docqa.model.wire import Listing
from docqa.modelserver.launch import LEAST_VERSION, new_enough
from docqa.pages.grid import MAX_BUDGET, grid_size, soft_tokens
from docqa.pages.text import clean
from docqa.settings import ModelSettings

A4_POINTS = (595, 842)  #: 72 to the inch
SMALL_PRINT = 6  #: points
LINES, WORDS_A_LINE, SYLLABLES = 6, 5, 4
READ_SHARE = 0.9  #: of the words, to call small print readable; one misread letter costs a word
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
READ_IT = "Copy every word on this page, in order, separated by spaces. Write nothing else."
READ_TOKENS = 400  #: thirty made-up words in pieces of two letters, and as much again
JSON_TOKENS = 300  #: the longest reply of _Person's schema has about a hundred
TONE_HERTZ, SOUND_SAMPLES = 400, RATE
LOOPBACK = ("http://127.", "http://localhost", "http://[::1]")
LISTEN_SECONDS = 0.05  #: between two looks whether the listener may go
FRAME_SLACK = 16  #: tokens that engines may count around an image; between two budgets lie hundreds
#: What Gemma 4 and other models take for the frame of a conversation.
FRAMES = ("<|turn>", "<turn|>", "<|image|>", "<|think|>", "<|channel>", "<start_of_turn>", "<|im_start|>", "<bos>")
SENTENCE = "The rent of 1,850 is due on the third day of the month."

BUDGET_HINTS = {
    "vllm": """Start it with --mm-processor-kwargs '{"max_soft_tokens": 1120}' --trust-request-mm-kwargs.""",
    "llama.cpp": "Start it with --image-max-tokens 1120 -b 4096 -ub 2048.",
}
JSON_HINT = 'Start vLLM with --structured-outputs-config \'{"backend": "xgrammar", "disable_any_whitespace": true}\'.'

#: What docqa does without: capability → what it is good for, and what happens without it.
EXTRAS = {
    "logprobs": ("It tells how certain it is of every value.", "Values in tables get no certainty from the model."),
    "thinking_switch": ("Thinking can be switched off.", "If the model thinks, answers take longer."),
    "priority": ("Questions go before tables that are being filled.", "Questions wait for tables being filled."),
    "image_uuid": ("A page that it has is not sent again.", "Every page is sent with every question."),
    "tokenize": ("It counts the tokens of a prompt.", "The length of prompts is estimated."),
    "usage": ("It says what an answer cost.", "What answers cost is not known."),
}


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    UNSUPPORTED = (
        "unsupported"  #: the engine does not have it, or it cannot be seen from here; docqa works all the same
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `hint` says what to change and is empty where nothing has to be."""

    name: str
    outcome: Outcome
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Subject:
    """The server that is asked."""

    client: ModelClient
    settings: ModelSettings
    can: Capabilities
    random: Random


def prove(settings: ModelSettings, random: Random | None = None) -> Iterator[Finding]:
    """Ask the server in the settings one thing after another; `random` makes up the words it has to read.

    Raises BadSettings where no server is set. Everything else that goes wrong is a finding.
    """
    with closing(ModelClient(settings)) as client:
        try:
            can = client.probe()
        except ModelError as error:
            yield Finding("server", Outcome.FAILED, error.message, error.hint)
            return
        yield _serves(settings, can)
        if settings.name not in can.models:
            return
        subject = _Subject(client, settings, can, random or Random())
        for name, check in CHECKS.items():
            try:
                yield check(subject)
            except ModelError as error:
                yield Finding(name, Outcome.FAILED, error.message, error.hint)
        yield from _extras(can)


def _serves(settings: ModelSettings, can: Capabilities) -> Finding:
    if settings.name not in can.models:
        said = f"It serves {', '.join(can.models) or 'no model'}, not {settings.name}."
        return Finding("server", Outcome.FAILED, said, "Set model.name to the model that the server serves.")
    context = f"{can.max_context:,} tokens of context" if can.max_context else "a context it does not tell"
    return Finding("server", Outcome.OK, f"It answers and serves {settings.name} ({can.engine}), with {context}.")


# ── the checks ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Version(BaseModel):
    """The reply to /version."""

    model_config = ConfigDict(frozen=True)

    version: str = Field(max_length=80)


def _version(subject: _Subject) -> Finding:
    if subject.can.engine != "vllm":
        return Finding("version", Outcome.UNSUPPORTED, f"{_named(subject)} does not tell its version.")
    with closing(ModelServer(subject.settings, lambda: None)) as server:
        version = server.read(_Version, "/version").version
    if not new_enough(version):
        least = ".".join(map(str, LEAST_VERSION))
        hint = "Older ones lose the text of large pages or can be stopped by a request: upgrade it in its venv."
        return Finding("version", Outcome.FAILED, f"vLLM {version} is older than {least}.", hint)
    return Finding("version", Outcome.OK, f"vLLM {version}.")


def _key(subject: _Subject) -> Finding:
    """Whether the server refuses who shows no key."""
    stranger = subject.settings.model_copy(update={"api_key": SecretStr("")})
    with closing(ModelServer(stranger, lambda: None)) as server:
        try:
            server.read(Listing, "models")
        except ModelRefused:
            return Finding("key", Outcome.OK, "It refuses who shows no key.")
    hint = "Start it with a key (vLLM: VLLM_API_KEY; llama.cpp: --api-key) and set model.api_key to the same."
    return Finding("key", Outcome.FAILED, "It answers anybody on its network who asks, without a key.", hint)


def _budget(subject: _Subject) -> Finding:
    """Whether a page costs as many tokens as a page that can be read does."""
    if not subject.can.images:
        hint = "docqa shows pages as images: serve a vision model, such as Gemma 4 12B with its processor files."
        return Finding("image budget", Outcome.FAILED, "The model takes no images.", hint)
    with_page = _prompt_tokens(subject, _image(_page([])), _text(SENTENCE))
    without = _prompt_tokens(subject, _text(SENTENCE))
    if with_page is None or without is None:
        said = f"{_named(subject)} does not say what a page costs."
        return Finding("image budget", Outcome.UNSUPPORTED, said)
    cost, wanted = with_page - without, soft_tokens(*grid_size(*A4_POINTS))
    if abs(cost - wanted) <= FRAME_SLACK:
        return Finding("image budget", Outcome.OK, f"An A4 page costs {cost:,} tokens, a budget of {MAX_BUDGET:,}.")
    hint = BUDGET_HINTS.get(subject.can.engine, "Raise the server's image budget to 1120 tokens, if it can be set.")
    if subject.settings.image_budget != MAX_BUDGET:
        hint = f"Set model.image_budget to {MAX_BUDGET}: small print cannot be read at less."
    return Finding("image budget", Outcome.FAILED, f"An A4 page costs {cost:,} tokens, not {wanted:,}.", hint)


def _small_print(subject: _Subject) -> Finding:
    """Whether words that mean nothing, so that none can be guessed, come back from a page of small print."""
    lines = made_up_words(subject.random)
    said = _answer(subject, READ_TOKENS, _image(_page(lines)), _text(READ_IT))
    words = [word for line in lines for word in line]
    heard = set(re.findall(r"[a-z]+", said.lower()))
    read = sum(word in heard for word in words)
    message = f"It read {read} of {len(words)} made-up words in {SMALL_PRINT}-point print."
    if read >= READ_SHARE * len(words):
        return Finding("small print", Outcome.OK, message)
    hint = "See the image budget; if that is right, compare the model's files with the published ones."
    return Finding("small print", Outcome.FAILED, message, hint)


class _Person(BaseModel):
    """The reply that the JSON check asks for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=20)
    age: int = Field(ge=0, le=150)
    married: bool
    children: list[str] = Field(max_length=3)


PERSON_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "married": {"type": "boolean"},
        "children": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 3},
    },
    "required": ["name", "age", "married", "children"],
    "additionalProperties": False,
}
ASK_PERSON = (
    "Ada Brook is 41, married, and has two children, Tom and Ines. Reply as JSON: name, age, married, children."
)


def _json(subject: _Subject) -> Finding:
    """Whether a reply keeps to a schema and ends; a grammar that allows white space lets a model write it for ever."""
    if not subject.can.json_schema:
        said = f"{_named(subject)} does not hold replies to a schema: fields that do not fit are asked for again."
        return Finding("json", Outcome.UNSUPPORTED, said)
    try:
        reply = subject.client.complete_json([{"role": "user", "content": ASK_PERSON}], PERSON_SCHEMA, JSON_TOKENS)
        _Person.model_validate(reply.value)
    except ModelBadAnswer as error:
        return Finding("json", Outcome.FAILED, error.message, JSON_HINT)
    except ValidationError:
        return Finding("json", Outcome.FAILED, "Its reply does not keep to the schema that it was given.", JSON_HINT)
    return Finding("json", Outcome.OK, "A reply keeps to its schema and ends, without running on in white space.")


def _remote_images(subject: _Subject) -> Finding:
    """Whether the server fetches an image from an address that a request names: from here, one that is listened on."""
    if not subject.client.address.startswith(LOOPBACK):
        said = "Whether it fetches images from elsewhere can only be seen on its own machine."
        return Finding("remote images", Outcome.UNSUPPORTED, said)
    with _listener() as (address, contacted):
        with suppress(ModelError):  # refused, or failed to get it: what counts is whether it tried
            _answer(subject, 1, _image(f"{address}/page.png"), _text(READ_IT))
        fetched = contacted.is_set()
    if fetched:
        hint = "Start vLLM with --allowed-media-domains invalid.local: an empty list allows every address."
        return Finding("remote images", Outcome.FAILED, "It fetches images from addresses that a request names.", hint)
    return Finding("remote images", Outcome.OK, "It fetches no image from an address that a request names.")


def _special_tokens(subject: _Subject) -> Finding:
    """Whether text from a document that looks like the frame of the conversation is sent as nothing at all.

    It is not tried unchanged: a placeholder without its image has stopped servers.
    """
    planted = " ".join(clean(f"{SENTENCE} {' '.join(FRAMES)}").split())
    sent, plain = _prompt_tokens(subject, _text(planted)), _prompt_tokens(subject, _text(SENTENCE))
    if sent is None or plain is None:
        said = f"{_named(subject)} does not say how many tokens a prompt has."
        return Finding("special tokens", Outcome.UNSUPPORTED, said)
    if sent != plain:
        said = f"Text of a document can pass for the frame of a prompt: {sent} tokens instead of {plain}."
        return Finding("special tokens", Outcome.FAILED, said, "Report it; until then, serve Gemma 4.")
    said = "What looks like the frame of a prompt in a document's text does not reach the model."
    return Finding("special tokens", Outcome.OK, said)


def _hearing(subject: _Subject) -> Finding:
    """Whether the model takes sound. What it makes of a tone does not matter."""
    tone = 0.3 * np.sin(2 * np.pi * TONE_HERTZ * np.arange(SOUND_SAMPLES) / RATE)
    try:
        transcribe(subject.client, clip_of(tone))
    except ModelRefused:
        said = f"{_named(subject)} takes no sound: questions have to be typed."
        return Finding("hearing", Outcome.UNSUPPORTED, said)
    except BadAudio:
        pass  # it took the sound and heard no words in it
    return Finding("hearing", Outcome.OK, "It takes sound: questions can be spoken.")


CHECKS: dict[str, Callable[[_Subject], Finding]] = {
    "version": _version,
    "key": _key,
    "image budget": _budget,
    "small print": _small_print,
    "json": _json,
    "remote images": _remote_images,
    "special tokens": _special_tokens,
    "hearing": _hearing,
}


def _extras(can: Capabilities) -> Iterator[Finding]:
    for name, (good, without) in EXTRAS.items():
        said = name.replace("_", " ")
        if getattr(can, name):
            yield Finding(said, Outcome.OK, good)
        else:
            yield Finding(said, Outcome.UNSUPPORTED, f"Not supported by this engine. {without}")


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _named(subject: _Subject) -> str:
    return "The server" if subject.can.engine == UNKNOWN_ENGINE else subject.can.engine


def _text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def _image(url: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}


def _answer(subject: _Subject, max_tokens: int, *parts: dict[str, object]) -> str:
    return "".join(subject.client.stream([{"role": "user", "content": list(parts)}], max_tokens))


def _prompt_tokens(subject: _Subject, *parts: dict[str, object]) -> int | None:
    """What a prompt costs; None where the server does not say."""
    with subject.client.stream([{"role": "user", "content": list(parts)}], 1) as answer:
        try:
            for _ in answer:
                pass
        except ModelBadAnswer:  # one token need not make a letter, and an answer without any is none
            if answer.usage is None:
                raise
    return answer.usage.prompt_tokens if answer.usage else None


@contextmanager
def _listener() -> Iterator[tuple[str, threading.Event]]:
    """An address on this machine at which nothing is served, and whether anybody came."""
    contacted, ended = threading.Event(), threading.Event()

    def listen(door: socket.socket) -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                visitor, _ = door.accept()
                contacted.set()
                visitor.close()

    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(LISTEN_SECONDS)
        watch = threading.Thread(target=listen, args=(door,))
        watch.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}", contacted
        finally:
            ended.set()
            watch.join()


def made_up_words(random: Random) -> list[list[str]]:
    """Lines of words that are in no language, so that they have to be read."""
    return [["".join(_syllables(random)) for _ in range(WORDS_A_LINE)] for _ in range(LINES)]


def _syllables(random: Random) -> Iterator[str]:
    for _ in range(SYLLABLES):
        yield random.choice(CONSONANTS) + random.choice(VOWELS)


def _page(lines: list[list[str]]) -> str:
    """An A4 page with small print on it, on the model's grid, as an address that holds its own data."""
    width, height = grid_size(*A4_POINTS)
    image = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(image)
    size = SMALL_PRINT * height / A4_POINTS[1]
    font = ImageFont.load_default(size)  # the one that comes with Pillow
    for number, line in enumerate(lines):
        draw.text((width / 8, height / 8 + 1.5 * size * number), " ".join(line), fill=0, font=font)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
