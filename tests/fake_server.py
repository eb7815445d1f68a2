"""A model server that does as it is told: chat completions over real HTTP, good and bad, without a model.

`FakeServer` runs in a thread of the test and obeys the orders it was given one after another; the last one is repeated.
It has the capabilities it was given, and refuses like vLLM what it has not. It keeps what it was asked; the requests of
the client's probe are answered as they should be, use up no order, and are kept apart. Whatever can go wrong at the far
side is an order below, except for a server that is not there at all: see `closed_port`.
"""

from __future__ import annotations

import itertools
import json
import socket
import struct
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from docqa.model.capabilities import PROBE_TEXT
from docqa.pages.grid import grid_size, soft_tokens

MODEL = "gemma-4-12b"

#: What a vLLM server can that was started as the README says, with everything switched on.
EVERYTHING = frozenset(
    {"images", "request_budget", "json_schema", "logprobs", "thinking", "priority", "image_uuid", "tokenize", "usage"}
)


@dataclass(frozen=True)
class Say:
    """A good answer, in pieces of a few characters; each piece with a log-probability, if they are asked for."""

    text: str
    finish_reason: str = "stop"
    piece: int = 3
    logprob: float = -0.5
    cached_tokens: int | None = None


@dataclass(frozen=True)
class Fail:
    """A status other than 200, with the server's sentence. From 500 on the connection is closed, as vLLM does."""

    status: int
    message: str = "it went wrong"
    retry_after: str = ""


@dataclass(frozen=True)
class Hang:
    """Take the request and say nothing until the server is closed."""


@dataclass(frozen=True)
class HangAfter:
    """Begin an answer, then say nothing more."""

    text: str


@dataclass(frozen=True)
class Ponder:
    """Say nothing until the list of models was asked for so many times, then answer."""

    text: str
    times: int = 1


@dataclass(frozen=True)
class Reset:
    """Begin an answer, then reset the connection."""

    text: str


@dataclass(frozen=True)
class Drop:
    """Close the connection without a word, as on a pooled connection that has gone stale."""


@dataclass(frozen=True)
class BreakOff:
    """Begin an answer and end it in good order, but without saying why."""

    text: str


@dataclass(frozen=True)
class ErrorEvent:
    """Begin an answer, then report an error within the stream."""

    text: str
    message: str


@dataclass(frozen=True)
class Endless:
    """Go on until the client closes the connection; then `FakeServer.cancelled` is set.

    `what` is "words" that never repeat, "a loop" of the same ones, "a line" without an end, or "comments".
    """

    what: str = "words"


@dataclass(frozen=True)
class Body:
    """Status 200 and any bytes at all."""

    content: bytes
    content_type: str = "application/json"


Order = Say | Fail | Hang | HangAfter | Ponder | Reset | Drop | BreakOff | ErrorEvent | Endless | Body


def model_card(name: str = MODEL, owned_by: str = "vllm", max_model_len: int | None = 32768) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owned_by, "max_model_len": max_model_len}


def closed_port() -> int:
    """A port of this machine at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]  #: names in lower case
    body: dict[str, object] = field(default_factory=dict)

    @property
    def probing(self) -> bool:
        return PROBE_TEXT in json.dumps(self.body)


class FakeServer:
    """Use as a context manager; `url` is what goes into model.base_url."""

    def __init__(
        self, *orders: Order, key: str = "", models_order: Order | None = None, can: Iterable[str] = EVERYTHING
    ) -> None:
        self.orders = list(orders)
        self.key = key
        self.can = set(can)
        self.budget = 1120  #: soft tokens of an image, where a request does not ask for others
        self.cards = [model_card()]
        self.models_order = models_order
        self.others: dict[str, Order] = {}  #: to other paths than the protocol's, such as vLLM's /version
        self.asked: list[Asked] = []
        self.images: set[str] = set()  #: the names of images it has; clear it, and it has forgotten them
        self.cancelled = threading.Event()
        self.closing = threading.Event()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def chats(self) -> list[Asked]:
        """The requests for an answer, without those of the probe."""
        return [asked for asked in self.asked if asked.path == "/v1/chat/completions" and not asked.probing]

    @property
    def probes(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.probing]

    @property
    def listings(self) -> int:
        """How often the list of models was asked for."""
        return sum(asked.path == "/v1/models" for asked in self.asked)

    def vanish(self) -> None:
        """Take no more connections; those that are there stay."""
        self._http.shutdown()
        self._http.socket.close()

    def next_order(self) -> Order:
        return self.orders.pop(0) if len(self.orders) > 1 else self.orders[0]

    def refusal(self, body: dict[str, object]) -> str | None:
        """Why a request cannot be taken, in vLLM's words; keeps the images of one that can."""
        if body.get("priority") and "priority" not in self.can:
            return "Got priority 1 but Priority scheduling is not enabled."
        if "mm_processor_kwargs" in body and "request_budget" not in self.can:
            return "Per-request mm_processor_kwargs are disabled by default."
        for index, image in enumerate(_images(body)):
            if "images" not in self.can:
                return "This model does not take images."
            name = image.get("uuid")
            if image["image_url"] is None and (name not in self.images or "image_uuid" not in self.can):
                return f"Cache miss for image at index {index} but data is not provided."
        self.images |= {str(image["uuid"]) for image in _images(body) if "uuid" in image}
        return None

    def prompt_tokens(self, body: dict[str, object]) -> int:
        """A token for each word of text, and what the images cost."""
        kwargs = body.get("mm_processor_kwargs")
        budget = kwargs["max_soft_tokens"] if isinstance(kwargs, dict) else self.budget
        switched = body.get("chat_template_kwargs")
        thinks = "thinking" in self.can and isinstance(switched, dict) and switched.get("enable_thinking")
        images = len(list(_images(body))) * soft_tokens(*grid_size(210, 297, budget))
        return 8 + images + len(" ".join(_texts_of(body)).split()) + bool(thinks)

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    def __init__(self, fake: FakeServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is nothing to report."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection as the server was told to."""

    server: _Http
    protocol_version = "HTTP/1.1"
    timeout = 30  # ends the thread of a connection that nobody uses

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""

    @property
    def _fake(self) -> FakeServer:
        return self.server.fake

    def do_GET(self) -> None:
        self._fake.asked.append(Asked(self.path, self._headers()))
        if self.path in self._fake.others:
            self._obey(self._fake.others[self.path], {})
            return
        if self._refused(None):
            return
        if self._fake.models_order is not None:
            self._obey(self._fake.models_order, {})
        else:
            self._send(200, json.dumps({"object": "list", "data": self._fake.cards}).encode(), "application/json")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = Asked(self.path, self._headers(), body)
        self._fake.asked.append(asked)
        if self.path == "/tokenize" and "tokenize" in self._fake.can:
            self._send(200, json.dumps({"count": self._fake.prompt_tokens(body)}).encode(), "application/json")
        elif self._refused(body["model"]):
            return
        elif refusal := self._fake.refusal(body):
            self._fail(Fail(400, refusal))
        elif asked.probing:
            shaped = "response_format" in body and "json_schema" in self._fake.can
            self._obey(Say('{"ok":true}' if shaped else "Yes"), body)
        else:
            self._obey(self._fake.next_order(), body)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _refused(self, model: str | None) -> bool:
        if self._fake.key and self.headers.get("Authorization") != f"Bearer {self._fake.key}":
            self._fail(Fail(401, "Unauthorized"))
        elif not self.path.startswith("/v1/"):
            self._send(404, b'{"detail":"Not Found"}', "application/json")
        elif model is not None and model not in [card["id"] for card in self._fake.cards]:
            self._fail(Fail(404, f"The model `{model}` does not exist."))
        else:
            return False
        return True

    def _obey(self, order: Order, body: dict[str, object]) -> None:
        match order:
            case Say():
                asked = body if "logprobs" in self._fake.can else None
                self._stream([*_texts(order, asked), _event(None, order.finish_reason), *self._usage(order, body)])
            case Fail():
                self._fail(order)
            case Body():
                self._send(200, order.content, order.content_type)
            case Hang():
                self.close_connection = True
                self._fake.closing.wait()
            case HangAfter():
                self._stream(_texts(Say(order.text)), end=False)
                self._fake.closing.wait()
            case Ponder():
                asked_before = self._fake.listings
                while self._fake.listings < asked_before + order.times and not self._fake.closing.wait(0.002):
                    pass
                self._obey(Say(order.text), body)
            case BreakOff():
                self._stream([*_texts(Say(order.text)), b"[DONE]"])
            case ErrorEvent():
                error = json.dumps({"error": {"message": order.message, "code": 500}}).encode()
                self._stream([*_texts(Say(order.text)), error, b"[DONE]"])
            case Reset():
                self._stream(_texts(Say(order.text)), end=False)
                # With a linger time of zero, closing is a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case Drop():
                self.close_connection = True
            case Endless():
                self._stream_until_cancelled(order.what)

    def _usage(self, order: Say, body: dict[str, object]) -> list[bytes]:
        if "usage" not in self._fake.can or "stream_options" not in body:
            return [b"[DONE]"]
        usage: dict[str, object] = {"prompt_tokens": self._fake.prompt_tokens(body), "completion_tokens": 7}
        if order.cached_tokens is not None:
            usage["prompt_tokens_details"] = {"cached_tokens": order.cached_tokens}
        return [json.dumps({"id": "x", "choices": [], "usage": usage}).encode(), b"[DONE]"]

    def _stream(self, events: list[bytes], end: bool = True) -> None:
        self.close_connection = self.close_connection or not end
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            self._chunk(b"data: " + event + b"\n\n")
        if end:
            self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _stream_until_cancelled(self, what: str) -> None:
        self._stream([], end=False)
        if what == "a line":
            self._chunk(b'data: {"choices": "')
        try:
            for number in itertools.count():
                match what:
                    case "words":
                        self._chunk(b"data: " + _event(f"word{number} ", None) + b"\n\n")
                    case "a loop":
                        self._chunk(b"data: " + _event("again and ", None) + b"\n\n")
                    case "a line":
                        self._chunk(b"x" * 65536)
                    case "comments":
                        self._chunk(b": still here\n\n")
                if self._fake.closing.wait(0.002):
                    return
        except OSError:
            self._fake.cancelled.set()

    def _fail(self, order: Fail) -> None:
        self.close_connection = order.status >= 500
        said = {"message": order.message, "type": "Error", "param": None, "code": order.status}
        more = {"Retry-After": order.retry_after} if order.retry_after else {}
        self._send(order.status, json.dumps({"error": said}).encode(), "application/json", more)

    def _send(self, status: int, content: bytes, content_type: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        if 300 <= status < 400:
            self.send_header("Location", "/v1/elsewhere")
        self.end_headers()
        self.wfile.write(content)


def _texts(order: Say, body: dict[str, object] | None = None) -> list[bytes]:
    chance = order.logprob if body and body.get("logprobs") else None
    pieces = (order.text[start : start + order.piece] for start in range(0, len(order.text), order.piece))
    return [_event(piece, None, chance) for piece in pieces]


def _event(text: str | None, finish_reason: str | None, chance: float | None = None) -> bytes:
    choice: dict[str, object] = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    if text is not None and chance is not None:
        token = {"token": text, "logprob": chance, "bytes": list(text.encode()), "top_logprobs": []}
        choice["logprobs"] = {"content": [token]}
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [choice]}).encode()


def _parts(body: dict[str, object]) -> Iterator[dict[str, object]]:
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        content = message["content"]
        yield from content if isinstance(content, list) else [{"type": "text", "text": content}]


def _images(body: dict[str, object]) -> Iterator[dict[str, object]]:
    return (part for part in _parts(body) if part["type"] == "image_url")


def _texts_of(body: dict[str, object]) -> Iterator[str]:
    return (str(part["text"]) for part in _parts(body) if part["type"] == "text")


def sent_parts(asked: Asked) -> Iterator[dict[str, object]]:
    """The content parts of the user's turn of a request."""
    messages = asked.body["messages"]
    assert isinstance(messages, list)
    yield from messages[-1]["content"]
