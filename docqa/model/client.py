"""Asking the model server: an answer as it comes, or JSON of a given form.

It knows what a server can do and asks for nothing else, lets people go before batches, names images that the server
has, and stops answers that do not end. It does not know how bytes travel (`docqa.model.connection`).

What the server can do is tried once (`docqa.model.capabilities`), and again after the connection was lost: another
server may be there then. Several threads may share a client; a gate lets so many of their requests through at once.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from types import TracebackType

from docqa.errors import ModelBadAnswer, ModelBusy, ModelRefused, ModelTimeout
from docqa.model.capabilities import PROBE_TOKENS, Capabilities, Messages, Trial, listed, tried
from docqa.model.certainty import Certainty, Path, certainties
from docqa.model.connection import SERVER_HINT, ModelServer
from docqa.model.gate import Gate
from docqa.model.silence import Tell, untold
from docqa.model.wire import Count, Event, Listing, TokenChance, Tokens
from docqa.settings import ModelSettings
from docqa.types import Usage

MAX_TOKEN = 32  #: characters; an answer with more of them a token than any vocabulary holds is not what was asked for
LOOP_LENGTH, LOOP_TIMES = 40, 8  #: characters that come so often in a row are a model that does not find its end
HELD_IMAGES = 128  #: images the server is expected to remember: vLLM's 4 GiB hold 140 of 1344 x 1872 pixels

CHAT = "chat/completions"
Body = dict[str, object]
Part = Mapping[str, object]


class Urgency(IntEnum):
    """Who goes first: here in the queue and, where the server can, there (vLLM's `priority`, lower first)."""

    INTERACTIVE = 0
    BATCH = 10


@dataclass(frozen=True, slots=True)
class JsonReply:
    """JSON that a model wrote: decoded, but not checked against the schema it was asked for."""

    value: object
    certainty: Mapping[Path, Certainty]  #: of each scalar in it; empty where the server tells no log-probabilities
    usage: Usage | None


@dataclass(slots=True)
class _Record:
    """What is known of a completion besides its text."""

    finish_reason: str | None = None
    tokens: list[TokenChance] = field(default_factory=list)
    usage: Usage | None = None


class Completion:
    """An answer as it comes: an iterator over the pieces of its text. Closing it stops the server."""

    def __init__(self, pieces: Generator[str, None, None], record: _Record) -> None:
        self._pieces = pieces
        self._record = record

    @property
    def usage(self) -> Usage | None:
        """Known after the last piece, if the server tells."""
        return self._record.usage

    @property
    def finish_reason(self) -> str | None:
        """Known after the last piece: "stop", or "length" for an answer that was cut at `max_tokens`."""
        return self._record.finish_reason

    def __iter__(self) -> Completion:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        """Close the connection, and with it the server stops generating."""
        self._pieces.close()

    def __enter__(self) -> Completion:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ModelClient:
    """One server and one model on it. Several threads may share a client."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._server = ModelServer(settings, self._forget)
        self._gate = Gate(settings.requests_at_once, settings.queue_length)
        self._probing = threading.Lock()
        self._capabilities: Capabilities | None = None
        self._held: OrderedDict[str, None] = OrderedDict()  #: names of images the server was sent; a set in order
        self._holding = threading.Lock()

    @property
    def address(self) -> str:
        """The server as it is named in messages."""
        return self._server.address

    def stream(
        self, messages: Messages, max_tokens: int, urgency: Urgency = Urgency.INTERACTIVE, tell: Tell = untold
    ) -> Completion:
        """Ask for a chat completion; nothing is sent before its first piece is taken.

        A content part of type "image_url" may carry a "uuid" of its content: a server that can is then sent an image
        only once. `tell` hears when the server says nothing for a while. Taking a piece raises ModelError.
        """
        record = _Record()
        return Completion(self._answer(messages, max_tokens, urgency, {}, record, tell), record)

    def complete_json(
        self, messages: Messages, schema: Mapping[str, object], max_tokens: int, urgency: Urgency = Urgency.BATCH
    ) -> JsonReply:
        """Return a completion that the server shapes by a JSON schema, if it can.

        A batch asks a busy server again and again, at most for model.total_timeout; people are told at once.
        Raises ModelError; ModelBadAnswer where the reply is not JSON or was cut off.
        """
        can = self.capabilities()
        extra: Body = {}
        if can.json_schema:
            form = {"name": "reply", "schema": schema, "strict": True}
            extra["response_format"] = {"type": "json_schema", "json_schema": form}
        if can.logprobs:
            extra["logprobs"] = True
        patience = self._server.deadline() if urgency else 0.0
        while True:
            record = _Record()
            try:
                # Streamed like an answer: the read timeout then counts from piece to piece and not for the whole reply.
                text = "".join(self._answer(messages, max_tokens, urgency, extra, record))
                break
            except ModelBusy as error:  # the gate makes the next try wait
                if error.asked is None or time.monotonic() + error.asked > patience:
                    raise
        if record.finish_reason == "length":
            raise ModelBadAnswer(
                f"The model's JSON was cut off at {max_tokens} tokens.",
                "Raise model.max_tokens or ask for fewer fields; have the server leave whitespace out of JSON.",
            )
        text = text if can.json_schema else _fenced(text)
        return JsonReply(_decoded(text), certainties(text, record.tokens), record.usage)

    def count_tokens(self, messages: Messages) -> int | None:
        """Count the tokens of messages without images; None where the server does not."""
        return self._counted(messages) if self.capabilities().tokenize else None

    def capabilities(self) -> Capabilities:
        """What the server can do: probed before the first request, and after the connection was lost."""
        return self._capabilities or self.probe(again=False)

    def probe(self, again: bool = True) -> Capabilities:
        """Ask the server which models it serves and what it can do; not `again` if another thread just did.

        Raises ModelError.
        """
        if not self._probing.acquire(timeout=self._settings.queue_timeout):
            raise ModelBusy(f"{self.address} is being asked what it can do, and does not say.")
        try:
            return (None if again else self._capabilities) or self._probe()
        finally:
            self._probing.release()

    def image_budget(self) -> int:
        """The soft tokens that a page image is given by this server, settings and all."""
        return self._budget(self.capabilities())

    def close(self) -> None:
        """Close the pooled connections. The client cannot be used afterwards."""
        self._server.close()

    # ── what the server can do ───────────────────────────────────────────────────────────────────────────────────────

    def _probe(self) -> Capabilities:
        known = listed(self._server.read(Listing, "models").data, self._settings.name)
        if self._settings.name in known.models:
            known = tried(known, self._settings.image_budget, self._attempt, self._counted)
        self._capabilities = known
        return known

    def _attempt(self, messages: Messages, extra: Mapping[str, object]) -> Trial | None:
        """A small request of the probe; None where the server does not take it."""
        body = self._body(messages, PROBE_TOKENS if "response_format" in extra else 1, extra)
        text, prompt_tokens, logprobs = "", None, False
        try:
            for event in self._server.stream(CHAT, body, self._server.deadline(), patient=False):
                prompt_tokens = event.usage.prompt_tokens if event.usage else prompt_tokens
                for choice in event.choices[:1]:
                    text += choice.delta.content or ""
                    logprobs = logprobs or bool(choice.logprobs and choice.logprobs.content)
        except (ModelRefused, ModelBadAnswer):
            return None
        return Trial(text, prompt_tokens, logprobs)

    def _counted(self, messages: Messages) -> int | None:
        body: Body = {"model": self._settings.name, "messages": messages}
        try:
            return self._server.read(Count, "/tokenize", body, patient=False).count
        except (ModelRefused, ModelBadAnswer):
            return None

    def _budget(self, can: Capabilities) -> int:
        return self._settings.image_budget if can.request_budget else can.image_budget or self._settings.image_budget

    def _forget(self) -> None:
        """The connection was lost: what answers next may be another server, or the same one started anew."""
        self._capabilities = None
        with self._holding:
            self._held.clear()

    # ── an answer ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(
        self, messages: Messages, max_tokens: int, urgency: Urgency, extra: Body, record: _Record, tell: Tell = untold
    ) -> Generator[str, None, None]:
        """Yield the pieces of an answer's text, and keep the rest in `record`."""
        can = self.capabilities()
        body = self._body(messages, max_tokens, extra | self._fields(can, messages, urgency))
        patience = self._settings.total_timeout if urgency else self._settings.queue_timeout
        text, checked = "", 0
        with (
            self._gate.passed(urgency, patience) as entered,
            self._noticed(entered),
            closing(self._taken(body, can, tell, yielding=bool(urgency))) as events,
        ):
            for event in events:
                record.usage = _usage(event.usage) or record.usage
                for choice in event.choices[:1]:
                    record.finish_reason = choice.finish_reason or record.finish_reason
                    record.tokens += (choice.logprobs and choice.logprobs.content) or []
                    if choice.delta.content:
                        text += choice.delta.content
                        yield choice.delta.content
                if len(text) - checked >= LOOP_LENGTH:
                    checked = len(text)
                    self._check_growth(text, max_tokens)
        if record.finish_reason is None:
            raise ModelBadAnswer(f"The answer of {self.address} broke off.", SERVER_HINT)
        if not text:
            raise ModelBadAnswer(f"The answer of {self.address} is empty.")

    def _body(self, messages: Messages, max_tokens: int, extra: Mapping[str, object]) -> Body:
        return {
            "model": self._settings.name,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
            **extra,
        }

    def _fields(self, can: Capabilities, messages: Messages, urgency: Urgency) -> Body:
        """The fields of a request that not every server knows."""
        fields: Body = {}
        if can.usage:
            fields["stream_options"] = {"include_usage": True}
        if can.thinking_switch:  # a thought takes the tokens of the answer, and before JSON it escapes the grammar
            fields["chat_template_kwargs"] = {"enable_thinking": False}
        if can.priority and urgency:
            fields["priority"] = int(urgency)
        if can.request_budget and any(_images(list(messages))):
            fields["mm_processor_kwargs"] = {"max_soft_tokens": self._settings.image_budget}
        return fields

    @contextmanager
    def _noticed(self, entered: float) -> Iterator[None]:
        """Tell the gate how the server takes what is sent to it."""
        try:
            yield
        except ModelBusy as error:
            self._gate.refused(entered, error.asked or 0.0)
            raise
        except ModelTimeout:
            self._gate.refused(entered)
            raise
        self._gate.went_well()

    def _taken(self, body: Body, can: Capabilities, tell: Tell, *, yielding: bool) -> Generator[Event, None, None]:
        """Send a request without the images that the server has; with all of them, once, if it forgot them."""
        deadline = self._server.deadline()
        if not can.image_uuid:
            return self._server.stream(CHAT, _unnamed(body), deadline, yielding=yielding, tell=tell)
        body = _named(body, f"@{self._budget(can)}")
        names = [str(image["uuid"]) for image in _images(body["messages"]) if "uuid" in image]
        with self._holding:
            held = {name for name in names if name in self._held}
        try:
            events = self._server.stream(CHAT, _without(body, held), deadline, yielding=yielding, tell=tell)
        except (ModelRefused, ModelBadAnswer):
            if not held:
                raise
            events = self._server.stream(CHAT, body, deadline, yielding=yielding, tell=tell)
        self._remember(names)
        return events

    def _remember(self, names: list[str]) -> None:
        with self._holding:
            for name in names:
                self._held[name] = None
                self._held.move_to_end(name)
            while len(self._held) > HELD_IMAGES:
                self._held.popitem(last=False)

    def _check_growth(self, text: str, max_tokens: int) -> None:
        if _loops(text):
            raise ModelBadAnswer(
                f"The model of {self.address} repeats itself without an end; its answer was stopped.",
                "Ask in other words or about fewer pages; a server's default image budget garbles small print.",
            )
        if len(text) > MAX_TOKEN * max_tokens:
            raise ModelBadAnswer(f"The answer of {self.address} is far longer than it was allowed to be.", SERVER_HINT)


@cache
def client_for(settings: ModelSettings) -> ModelClient:
    """The one client of this process for these settings: its threads share connections, queue and capabilities."""
    return ModelClient(settings)


# ── images ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _images(messages: object) -> Iterator[Mapping[str, object]]:
    """The content parts that are images."""
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content")
        yield from (part for part in content if part.get("type") == "image_url") if isinstance(content, list) else ()


def _unnamed(body: Body) -> Body:
    """For a server that knows no names of images."""
    return _changed(body, lambda part: {key: value for key, value in part.items() if key != "uuid"})


def _named(body: Body, suffix: str) -> Body:
    """A name stands for an image as it is looked at: its content and the budget."""
    return _changed(body, lambda part: {**part, "uuid": f"{part['uuid']}{suffix}"})


def _without(body: Body, names: Set[str]) -> Body:
    """Only the names of images that the server has."""
    return _changed(body, lambda part: {**part, "image_url": None} if part["uuid"] in names else part)


def _changed(body: Body, change: Callable[[Part], Part]) -> Body:
    """A body in which every content part with a name was changed."""
    messages = []
    for message in body["messages"] if isinstance(body["messages"], list) else []:
        content = message.get("content")
        if isinstance(content, list):
            content = [change(part) if "uuid" in part else part for part in content]
        messages.append({**message, "content": content})
    return {**body, "messages": messages}


# ── replies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _usage(tokens: Tokens | None) -> Usage | None:
    if tokens is None:
        return None
    cached = tokens.prompt_tokens_details.cached_tokens if tokens.prompt_tokens_details else None
    return Usage(tokens.prompt_tokens, cached, tokens.completion_tokens)


def _loops(text: str) -> bool:
    """Whether a text ends in the same words, eight times in a row and at least 320 characters."""
    before = text.rfind(text[-LOOP_LENGTH:], 0, len(text) - 1)
    if before < 0:
        return False
    period = len(text) - LOOP_LENGTH - before
    end = text[-max(period, LOOP_LENGTH) * LOOP_TIMES :]
    return len(end) == max(period, LOOP_LENGTH) * LOOP_TIMES and end[period:] == end[:-period]


def _fenced(text: str) -> str:
    """The object in a reply of a server without a grammar: models like to put a fence or a sentence around it."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _decoded(text: str) -> object:
    try:
        return json.loads(text, strict=False)  # strings may carry raw tabs and newlines: no grammar forbids them
    except (ValueError, RecursionError) as error:
        raise ModelBadAnswer("The model's reply is not JSON.") from error
