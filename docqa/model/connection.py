"""One server over HTTP: requests with bounded tries and deadlines, replies of bounded size, typed errors.

The only module that imports an HTTP client; whatever that raises leaves here as a `ModelError`, without the key that
a foreign exception or the server's own words may hold. Nothing but the address in the settings is ever contacted:
proxies and credentials from the environment are not used, and redirects are not followed.

A server that has not said a word of an answer for a few seconds is asked a second, cheap question beside it. One that
reads pages answers that at once and is waited for; one that hangs does not, and is not waited for any longer.
"""

from __future__ import annotations

import json
import random
import ssl
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import httpcore2
import httpx2
from pydantic import BaseModel

from docqa.errors import (
    BadSettings,
    ModelBadAnswer,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
)
from docqa.model.silence import Listening, Tell, Watch, untold
from docqa.model.wire import Event, event_data
from docqa.settings import ModelSettings

Reply = TypeVar("Reply", bound=BaseModel)

#: Seconds before the second and the third try, half more or less by chance, so that clients do not come back together.
RETRY_PAUSES = (0.3, 1.0)
LONGEST_RETRY_AFTER = 5.0  #: seconds; a server that asks for more time is reported as busy instead
SENTENCE_LENGTH = 300  #: characters of what a server says about a refusal that are shown
#: Seconds between two pieces of a short reply that the server has ready: its list of models, a number of tokens.
READY_TIMEOUT = 8.0
#: Seconds without a byte of an answer after which the person is told and the server is asked a second question, again
#: and again, and seconds that it may take for it. Together below the ten after which people take a program for broken.
QUIET, SECOND_OPINION = 5.0, 4.0
MAX_BODY = 1 << 20  #: bytes of a reply that is not an answer: a list of models, an error

SERVER_HINT = "Try again; if it stays, look at the server's log."
HUNG_HINT = "Restart the model server and look at its log; `--reader quote` works without one."
REDIRECT_HINT = "docqa follows no redirect: set model.base_url to the server's own address."
REFUSAL_HINTS = {
    400: "The server says why. If the prompt is too long or holds too many images, lower find.pages_read.",
    404: "Check model.name, and that model.base_url ends in /v1.",
    413: "Something in front of the server limits the size of requests: allow 32 MB.",
}


@dataclass(frozen=True, slots=True)
class _Failure:
    """A try that failed: what to raise, and how many seconds to wait at least before the next; None: do not try."""

    error: ModelError
    pause: float | None
    stale: bool = False  #: the connection broke before anything came


class ModelServer:
    """The server at `model.base_url`. `on_lost` is called when a connection could not be made, or broke."""

    def __init__(self, settings: ModelSettings, on_lost: Callable[[], None]) -> None:
        self.address = _address(settings.base_url)  #: as the server is named in messages: without user and password
        self._url = str(settings.base_url).rstrip("/")
        self._settings = settings
        self._silence = min(settings.read_timeout, settings.total_timeout)  # seconds
        self._key = _key(settings)
        self._on_lost = on_lost
        # The certificates that this machine trusts, an office's own among them; without https nothing is loaded.
        trusted = ssl.create_default_context() if self._url.startswith("https:") else False
        self._line = Listening()
        self._http = self._client(_Transport(trusted, self._line), self._silence)
        # A connection of its own for each second opinion: one of the pool may have been lost without a word.
        alone = httpx2.HTTPTransport(trusted, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))
        self._aside = self._client(alone, SECOND_OPINION)

    def close(self) -> None:
        """Close the pooled connections."""
        self._http.close()
        self._aside.close()

    def _client(self, transport: httpx2.HTTPTransport, silence: float) -> httpx2.Client:
        return httpx2.Client(
            headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {}),
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(silence, connect=min(silence, self._settings.connect_timeout)),
        )

    def deadline(self) -> float:
        """The time (`time.monotonic`) at which a request that begins now has to be over."""
        return time.monotonic() + self._settings.total_timeout

    def read(self, form: type[Reply], path: str, body: object = None, patient: bool = True) -> Reply:
        """The checked reply to a short request: GET, or POST where there is a body. Raises ModelError.

        A path that begins with a slash stands beside /v1, another one below it.
        """
        deadline = self.deadline()
        silence = min(READY_TIMEOUT, self._silence)
        opened = self._opened(path, body, deadline, patient, silence, None)
        with closing(opened) as response, self._errors_mapped(silence):
            return form.model_validate_json(_content(response, deadline))

    def stream(
        self,
        path: str,
        body: object,
        deadline: float,
        *,
        patient: bool = True,
        yielding: bool = False,
        tell: Tell = untold,
    ) -> Generator[Event, None, None]:
        """Send a request and return the checked events of its streamed reply, as they come.

        When this returns the server has taken the request. Closing the generator closes the connection. Whoever is
        `yielding` hears at once that the server is busy; `tell` hears when nothing comes for a while. Raises
        ModelError, here and while events are taken.
        """
        watch = Watch(QUIET, partial(self._second_opinion, tell))
        return self._events(
            self._opened(path, body, deadline, patient, self._silence, watch, yielding), deadline, watch
        )

    def _events(self, response: httpx2.Response, deadline: float, watch: Watch) -> Generator[Event, None, None]:
        with closing(response), self._errors_mapped(self._silence):
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "text/event-stream":
                raise ModelBadAnswer(f"{self.address} sent {kind[:40] or 'nothing'!r} instead of a streamed answer.")
            for data in event_data(self._in_time(response.iter_raw(), deadline, watch)):
                if data == b"[DONE]":
                    return
                event = Event.model_validate_json(data)
                if event.error is not None:
                    said = self._sentence(event.error)
                    raise ModelBadAnswer(f"{self.address} broke off its answer: {said}", SERVER_HINT)
                yield event

    def _opened(
        self,
        path: str,
        body: object,
        deadline: float,
        patient: bool,
        silence: float,
        watch: Watch | None,
        yielding: bool = False,
    ) -> httpx2.Response:
        """Send a request until the server takes it, at most three times; the reply is unread.

        Where a refusal is an answer too (not `patient`), only a connection that had gone stale is tried again.
        """
        tries, refused = 0, False
        while True:
            outcome = self._tried(self._request(path, body, silence), deadline, silence, watch)
            if isinstance(outcome, httpx2.Response):
                return outcome
            # A connection of the pool that the server closes after an error, as vLLM does, costs neither try nor time.
            if outcome.stale and refused:
                refused = False
                continue
            if outcome.pause is None or tries == len(RETRY_PAUSES) or not (patient or outcome.stale):
                raise outcome.error
            if yielding and isinstance(outcome.error, ModelBusy):
                raise outcome.error
            refused = not outcome.stale
            pause = RETRY_PAUSES[tries] * random.uniform(0.5, 1.5) if tries or not outcome.stale else 0
            pause = max(pause, outcome.pause)
            if time.monotonic() + pause > deadline:
                raise outcome.error
            time.sleep(pause)
            tries += 1

    def _request(self, path: str, body: object, silence: float) -> httpx2.Request:
        url = self._url.removesuffix("/v1") + path if path.startswith("/") else f"{self._url}/{path}"
        # A server takes what it is sent at once, however long it thinks about it afterwards.
        timeout = httpx2.Timeout(silence, connect=self._settings.connect_timeout, write=min(READY_TIMEOUT, silence))
        return self._http.build_request("POST" if body else "GET", url, json=body, timeout=timeout)

    def _tried(
        self, request: httpx2.Request, deadline: float, silence: float, watch: Watch | None
    ) -> httpx2.Response | _Failure:
        try:
            with self._line.watched(watch):
                response = self._http.send(request, stream=True)
            if response.status_code == 200:
                return response
            with closing(response):
                return self._refused(response, _content(response, deadline))
        except httpx2.TransportError as error:
            timed_out = isinstance(error, httpx2.TimeoutException)  # waiting that long once is enough
            stale = isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.WriteError)
            return _Failure(self._lost(error, silence), None if timed_out else 0.0, stale)

    def _refused(self, response: httpx2.Response, untrusted_body: bytes) -> _Failure:
        """What a status other than 200 means."""
        status = response.status_code
        said = f"HTTP {status}: {self._sentence(_json_or_none(untrusted_body))}"
        if status in (429, 503):
            return self._busy(said, response.headers.get("retry-after", ""))
        if status >= 500:
            return _Failure(ModelBadAnswer(f"{self.address} failed ({said}).", SERVER_HINT), 0.0)
        hint = REDIRECT_HINT if status < 400 else REFUSAL_HINTS.get(status)
        return _Failure(ModelRefused(f"{self.address} refused the request ({said}).", hint), None)

    def _busy(self, said: str, untrusted_wait: str) -> _Failure:
        seconds = int(untrusted_wait) if untrusted_wait.isascii() and untrusted_wait[:6].isdecimal() else 0
        sentence = f"{self.address} is overloaded ({said})."
        long = seconds > LONGEST_RETRY_AFTER
        error = ModelBusy(sentence, f"The server asks to be left alone for {seconds} seconds." if long else None)
        error.asked = float(seconds)
        return _Failure(error, None if long else error.asked)

    def _in_time(self, chunks: Iterator[bytes], deadline: float, watch: Watch) -> Iterator[bytes]:
        while True:
            with self._line.watched(watch):
                chunk = next(chunks, None)
            if chunk is None:
                return
            if time.monotonic() > deadline:
                raise ModelTimeout(
                    f"{self.address} did not finish its answer within {self._settings.total_timeout:g} seconds.",
                    "Ask about fewer pages, or raise model.total_timeout.",
                )
            yield chunk

    def _second_opinion(self, tell: Tell, time_of_silence: int, waited: float) -> None:
        """Ask a server that has been silent for some seconds what any server answers at once: whatever it says will do.

        Raises ModelTimeout if it does not answer that either, and ModelUnreachable if it is gone.
        """
        if time_of_silence == 1:
            tell(f"The model server has not answered for {waited:.0f} s; it may be reading the pages or be hung.")
        try:
            self._aside.send(self._aside.build_request("GET", f"{self._url}/models"), stream=True).close()
        except httpx2.ConnectError as error:
            raise self._lost(error, SECOND_OPINION) from None
        except httpx2.TimeoutException:
            self._on_lost()
            seconds = f"{waited + SECOND_OPINION:.0f} seconds"
            raise ModelTimeout(
                f"{self.address} hangs: for {seconds} it has neither answered nor said which models it has.", HUNG_HINT
            ) from None
        except httpx2.TransportError:
            pass  # not what should come, but something is there that hears us
        if time_of_silence == 1:
            tell("The model server is there, but has not answered yet: it is still reading, or busy with others.")

    @contextmanager
    def _errors_mapped(self, silence: float) -> Iterator[None]:
        """What goes wrong while a reply is read."""
        try:
            yield
        except httpx2.TransportError as error:
            raise self._lost(error, silence) from None
        except ValueError:  # not JSON, not of the form, not text
            raise ModelBadAnswer(f"{self.address} sent something that is not of the chat protocol.") from None

    def _lost(self, error: httpx2.TransportError, silence: float) -> ModelError:
        if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
            if isinstance(error, httpx2.WriteTimeout):
                return ModelTimeout(f"{self.address} hangs: it does not take what it is sent.", HUNG_HINT)
            hint = HUNG_HINT if silence < self._silence else None  # a short reply does not take long
            return ModelTimeout(f"{self.address} was silent for {silence:g} seconds.", hint)
        self._on_lost()
        if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError | httpx2.UnsupportedProtocol):
            return ModelUnreachable(f"No connection to the model server at {self.address}.")
        return ModelBadAnswer(f"The connection to {self.address} broke before the answer was complete.", SERVER_HINT)

    def _sentence(self, untrusted_said: object) -> str:
        """What the server said about an error: one line, cut short, without the key it may repeat."""
        said = untrusted_said
        for name in ("error", "message", "detail"):
            if isinstance(said, Mapping) and name in said:
                said = said[name]
        line = " ".join(said.split()) if isinstance(said, str) else ""
        line = line.replace(self._key, "***") if self._key else line
        return "".join(char for char in line if char.isprintable())[:SENTENCE_LENGTH] or "no explanation"


class _Transport(httpx2.HTTPTransport):
    """The usual transport on connections that notice silence."""

    def __init__(self, trusted: ssl.SSLContext | bool, line: Listening) -> None:
        super().__init__(trusted, trust_env=False)
        # httpx2 has no option for it. Were its pool's name changed, no silence would be noticed and a test would fail.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=trusted if isinstance(trusted, ssl.SSLContext) else None,
            max_connections=None,  # `docqa.model.gate` lets so many requests through
            max_keepalive_connections=20,
            keepalive_expiry=httpx2.Limits().keepalive_expiry,
            network_backend=line,
        )


def _address(base_url: str | None) -> str:
    if base_url is None:
        raise BadSettings("No model server is set.", 'Set model.base_url, e.g. "http://127.0.0.1:8000/v1".')
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise BadSettings(f"model.base_url is not an address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadSettings('model.base_url must look like "http://127.0.0.1:8000/v1".')
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}"


def _key(settings: ModelSettings) -> str:
    key = settings.api_key.get_secret_value()
    if not (key.isascii() and key.isprintable()):
        raise BadSettings("model.api_key holds characters that cannot be sent as a key.")
    return key


def _content(response: httpx2.Response, deadline: float) -> bytes:
    """The body of a short reply; what is too long or too slow is cut, and then is no JSON."""
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_BODY or time.monotonic() > deadline:
            break
    return body


def _json_or_none(untrusted: bytes) -> object:
    try:
        return json.loads(untrusted)
    except (ValueError, RecursionError):
        return None
