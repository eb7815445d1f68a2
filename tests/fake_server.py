"""A model server that does as it is told: chat completions over real HTTP, good and bad, without a model.

`FakeServer` runs in a thread of the test and obeys the orders it was given one after another; the last one is repeated.
It keeps what it was asked. Whatever can go wrong at the far side is an order below, except for a server that is not
there at all: see `closed_port`.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

MODEL = "gemma-4-12b"


@dataclass(frozen=True)
class Say:
    """A good answer, in pieces of a few characters."""

    text: str
    finish_reason: str = "stop"
    piece: int = 3


@dataclass(frozen=True)
class Fail:
    """A status other than 200, with the server's sentence."""

    status: int
    message: str = "it went wrong"


@dataclass(frozen=True)
class Hang:
    """Take the request and say nothing until the server is closed."""


@dataclass(frozen=True)
class HangAfter:
    """Begin an answer, then say nothing more."""

    text: str


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
    """Go on until the client closes the connection; then `FakeServer.cancelled` is set."""


@dataclass(frozen=True)
class Body:
    """Status 200 and any bytes at all."""

    content: bytes
    content_type: str = "application/json"


Order = Say | Fail | Hang | HangAfter | Reset | Drop | BreakOff | ErrorEvent | Endless | Body


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


class FakeServer:
    """Use as a context manager; `url` is what goes into model.base_url."""

    def __init__(self, *orders: Order, key: str = "", models_order: Order | None = None) -> None:
        self.orders = list(orders)
        self.key = key
        self.cards = [model_card()]
        self.models_order = models_order
        self.asked: list[Asked] = []
        self.cancelled = threading.Event()
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def chats(self) -> list[Asked]:
        """The requests for an answer, without those for the list of models."""
        return [asked for asked in self.asked if asked.path == "/v1/chat/completions"]

    def next_order(self) -> Order:
        return self.orders.pop(0) if len(self.orders) > 1 else self.orders[0]

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


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30  # ends the thread of a connection that nobody uses

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

        def do_GET(self) -> None:
            server.asked.append(Asked(self.path, self._headers()))
            if self._refused(None):
                return
            if server.models_order is not None:
                self._obey(server.models_order, streaming=False)
            else:
                self._send(200, json.dumps({"object": "list", "data": server.cards}).encode(), "application/json")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append(Asked(self.path, self._headers(), body))
            if not self._refused(body["model"]):
                self._obey(server.next_order(), streaming=bool(body.get("stream")))

        def _headers(self) -> dict[str, str]:
            return {name.lower(): value for name, value in self.headers.items()}

        def _refused(self, model: str | None) -> bool:
            if server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
                self._fail(401, "Unauthorized")
            elif not self.path.startswith("/v1/"):
                self._send(404, b'{"detail":"Not Found"}', "application/json")
            elif model is not None and model not in [card["id"] for card in server.cards]:
                self._fail(404, f"The model `{model}` does not exist.")
            else:
                return False
            return True

        def _obey(self, order: Order, streaming: bool) -> None:
            match order:
                case Say() if streaming:
                    self._stream([*_texts(order.text, order.piece), _event(None, order.finish_reason), b"[DONE]"])
                case Say():
                    self._send(200, json.dumps(_completion(order)).encode(), "application/json")
                case Fail():
                    self._fail(order.status, order.message)
                case Body():
                    self._send(200, order.content, order.content_type)
                case Hang():
                    self.close_connection = True
                    server.closing.wait()
                case HangAfter():
                    self._stream(_texts(order.text), end=False)
                    server.closing.wait()
                case BreakOff():
                    self._stream(_texts(order.text))
                case ErrorEvent():
                    error = json.dumps({"error": {"message": order.message, "code": 500}}).encode()
                    self._stream([*_texts(order.text), error, b"[DONE]"])
                case Reset():
                    self._stream(_texts(order.text), end=False)
                    # With a linger time of zero, closing is a reset.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                case Drop():
                    self.close_connection = True
                case Endless():
                    self._stream_until_cancelled()

        def _stream(self, events: list[bytes], end: bool = True) -> None:
            self.close_connection = self.close_connection or not end
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in events:
                self._chunk(event)
            if end:
                self.wfile.write(b"0\r\n\r\n")

        def _chunk(self, event: bytes) -> None:
            data = b"data: " + event + b"\n\n"
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

        def _stream_until_cancelled(self) -> None:
            self._stream([], end=False)
            try:
                while not server.closing.wait(0.005):
                    self._chunk(_event("word ", None))
            except OSError:
                server.cancelled.set()

        def _fail(self, status: int, message: str) -> None:
            body = json.dumps({"error": {"message": message, "type": "Error", "param": None, "code": status}})
            self.close_connection = status >= 500  # as vLLM does
            self._send(status, body.encode(), "application/json")

        def _send(self, status: int, content: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            if 300 <= status < 400:
                self.send_header("Location", "/v1/elsewhere")
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _texts(text: str, piece: int = 3) -> list[bytes]:
    return [_event(text[start : start + piece], None) for start in range(0, len(text), piece)]


def _event(text: str | None, finish_reason: str | None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [choice]}).encode()


def _completion(order: Say) -> dict[str, object]:
    message = {"role": "assistant", "content": order.text}
    choice = {"index": 0, "message": message, "finish_reason": order.finish_reason}
    return {"id": "x", "object": "chat.completion", "choices": [choice]}


def sent_parts(asked: Asked) -> Iterator[dict[str, object]]:
    """The content parts of the user's turn of a request."""
    messages = asked.body["messages"]
    assert isinstance(messages, list)
    yield from messages[-1]["content"]
