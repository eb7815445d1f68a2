"""The model server's client: chat completions from any server that speaks the OpenAI protocol.

The only module that imports `openai` and its HTTP client; whatever these raise leaves here as a `ModelError`. It does
not know what is asked (`docqa.prompts`) nor what an answer means (`docqa.readers.vision`).

Nothing but the server in the settings is ever contacted: proxies and credentials from the environment are not used, and
redirects are not followed.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import httpx2
import openai
from pydantic import BaseModel, ConfigDict, ValidationError

from docqa.errors import (
    BadSettings,
    ModelBadAnswer,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
)
from docqa.settings import ModelSettings

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

T = TypeVar("T")
Messages = Sequence[Mapping[str, object]]

#: Seconds before the second and the third try. A connection that the server closed after an error costs one of them.
RETRY_PAUSES = (0.3, 1.0)
SENTENCE_LENGTH = 300  #: of what a server says about a refusal, this much is shown

ENGINES = {"vllm": "vllm", "llamacpp": "llama.cpp", "sglang": "sglang", "library": "ollama"}  #: by `owned_by`
UNKNOWN_ENGINE = "unknown"
#: Others may refuse a request with a field they do not know.
ENGINES_WITH_TEMPLATE_SWITCHES = frozenset({"vllm", "llama.cpp", "sglang"})

SERVER_HINT = "Try again; if it stays, look at the server's log."
REFUSAL_HINTS = {
    400: "The server says why. If the prompt is too long or holds too many images, lower find.pages_read.",
    404: "Check model.name, and that model.base_url ends in /v1.",
    413: "Something in front of the server limits the size of requests: allow 32 MB.",
}


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server tells about itself."""

    models: tuple[str, ...]
    engine: str  #: one of ENGINES, a guess, or "unknown"
    max_context: int | None  #: tokens; None where the server does not say


class ModelClient:
    """One server and one model on it. Several threads may share a client."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._address = _address(settings.base_url)
        self._facts: ServerFacts | None = None
        self._openai = openai.OpenAI(
            base_url=settings.base_url,
            # With None for these the package would look into the environment; without a key it would refuse to work.
            api_key=_key(settings) or "none",
            organization="",
            project="",
            max_retries=0,  # the package would wait up to two minutes and try again after a timeout
            http_client=httpx2.Client(trust_env=False, follow_redirects=False, timeout=_timeout(settings)),
        )

    def stream(self, messages: Messages, max_tokens: int) -> Generator[str, None, None]:
        """Yield the pieces of a chat completion as they come.

        Closing the generator closes the connection, and with it the server stops generating.
        """
        with closing(self._choices(messages, max_tokens, {})) as choices:
            for choice in choices:
                if choice.delta.content:
                    yield choice.delta.content

    def complete_json(self, messages: Messages, schema: Mapping[str, object], max_tokens: int) -> object:
        """Return a completion that the server shapes by a JSON schema: decoded, but not checked against it."""
        extra: dict[str, object] = {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": schema, "strict": True},
            }
        }
        if self._known_facts().engine in ENGINES_WITH_TEMPLATE_SWITCHES:
            # A thought before the JSON escapes the grammar.
            extra["chat_template_kwargs"] = {"enable_thinking": False}
        # Streamed like an answer: the read timeout then counts from piece to piece and not for the whole reply.
        choices = list(self._choices(messages, max_tokens, extra))
        if any(choice.finish_reason == "length" for choice in choices):
            raise ModelBadAnswer(
                f"The model's JSON was cut off at {max_tokens} tokens.",
                "Raise model.max_tokens or ask for fewer fields; have the server leave whitespace out of JSON.",
            )
        return _decoded("".join(choice.delta.content or "" for choice in choices))

    def probe(self) -> ServerFacts:
        """Ask the server which models it serves and what it is."""
        with self._errors_mapped():
            listing = self._retried(lambda: self._openai.models.with_raw_response.list())
            cards = _Listing.model_validate_json(listing.content).data
        self._facts = _facts(cards, self._settings.name)
        return self._facts

    def close(self) -> None:
        """Close the pooled connections. The client cannot be used afterwards."""
        self._openai.close()

    def _known_facts(self) -> ServerFacts:
        return self._facts or self.probe()

    def _choices(self, messages: Messages, max_tokens: int, extra: dict[str, object]) -> Generator[_Choice, None, None]:
        """Yield the checked events of a completion; the last one says why it ended."""
        said, finished = False, False
        with self._errors_mapped(), self._retried(lambda: self._open(messages, max_tokens, extra)) as events:
            for event in events:
                for choice in _Event.model_validate(event).choices[:1]:
                    said = said or bool(choice.delta.content)
                    finished = finished or choice.finish_reason is not None
                    yield choice
        if not finished:
            raise ModelBadAnswer(f"The answer of {self._address} broke off.", SERVER_HINT)
        if not said:
            raise ModelBadAnswer(f"The answer of {self._address} is empty.")

    def _open(
        self, messages: Messages, max_tokens: int, extra: dict[str, object]
    ) -> openai.Stream[ChatCompletionChunk]:
        return self._openai.chat.completions.create(
            model=self._settings.name,
            messages=cast("list[ChatCompletionMessageParam]", messages),
            max_tokens=max_tokens,
            temperature=0,
            stream=True,
            extra_body=extra,
        )

    def _retried(self, call: Callable[[], T]) -> T:
        """Call once more, at most twice, while the failure may pass. Only ever used before the first streamed byte."""
        for pause in RETRY_PAUSES:
            try:
                return call()
            except (openai.APIConnectionError, openai.APIStatusError) as error:
                if not _may_pass(error):
                    raise
            time.sleep(pause * random.uniform(0.5, 1.5))
        return call()

    @contextmanager
    def _errors_mapped(self) -> Iterator[None]:
        """The one place where foreign exceptions become ours."""
        try:
            yield
        except openai.APIStatusError as error:
            raise self._refusal(error) from None  # the package's exception may repeat the key, this one does not
        except openai.APIConnectionError as error:
            raise self._disconnection(error) from error
        except openai.APIError as error:  # an error event in the middle of a stream
            raise ModelBadAnswer(
                f"{self._address} broke off its answer: {self._sentence(error)}", SERVER_HINT
            ) from None
        except ValidationError as error:
            raise ModelBadAnswer(f"{self._address} sent something that is not a chat completion.") from error
        except ValueError as error:  # not JSON, or not text
            raise ModelBadAnswer(f"{self._address} sent something that is not JSON.") from error

    def _refusal(self, error: openai.APIStatusError) -> ModelError:
        said = f"HTTP {error.status_code}: {self._sentence(error)}"
        if error.status_code in (429, 503):
            return ModelBusy(f"{self._address} is overloaded ({said}).")
        if error.status_code >= 500:
            return ModelBadAnswer(f"{self._address} failed ({said}).", SERVER_HINT)
        return ModelRefused(f"{self._address} refused the request ({said}).", REFUSAL_HINTS.get(error.status_code))

    def _disconnection(self, error: openai.APIConnectionError) -> ModelError:
        if isinstance(error.__cause__, httpx2.ConnectTimeout | httpx2.ConnectError | httpx2.UnsupportedProtocol):
            return ModelUnreachable(f"No connection to the model server at {self._address}.")
        if isinstance(error, openai.APITimeoutError):
            return ModelTimeout(f"{self._address} was silent for {self._settings.read_timeout:g} seconds.")
        return ModelBadAnswer(f"The connection to {self._address} broke before the answer was complete.", SERVER_HINT)

    def _sentence(self, error: openai.APIError) -> str:
        """What the server said about an error: one line, cut short, without the key it may repeat."""
        said = error.body
        if isinstance(said, dict):
            said = said.get("message") or said.get("detail")
        line = " ".join(said.split()) if isinstance(said, str) and not said.startswith("<") else "no explanation"
        key = _key(self._settings)
        return (line.replace(key, "***") if key else line)[:SENTENCE_LENGTH]


class _Wire(BaseModel):
    """Something a server sent. The `openai` package decodes without checking, so the checks are here."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class _Delta(_Wire):
    content: str | None = None


class _Choice(_Wire):
    delta: _Delta
    finish_reason: str | None = None


class _Event(_Wire):
    choices: list[_Choice]


class _CardMeta(_Wire):
    n_ctx: int | None = None


class _ModelCard(_Wire):
    id: str
    owned_by: str | None = None
    max_model_len: int | None = None  # vLLM and SGLang
    meta: _CardMeta | None = None  # llama.cpp


class _Listing(_Wire):
    data: list[_ModelCard]


def _address(base_url: str | None) -> str:
    """The server as it is named in messages: without user and password."""
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


def _timeout(settings: ModelSettings) -> httpx2.Timeout:
    return httpx2.Timeout(settings.read_timeout, connect=settings.connect_timeout)


def _may_pass(error: openai.APIError) -> bool:
    if isinstance(error, openai.APIStatusError):
        return error.status_code == 429 or error.status_code >= 500
    return not isinstance(error, openai.APITimeoutError)  # waiting that long once is enough


def _facts(cards: Sequence[_ModelCard], name: str) -> ServerFacts:
    ours = next((card for card in cards if card.id == name), cards[0] if len(cards) == 1 else None)
    if ours is None:
        return ServerFacts(tuple(card.id for card in cards), UNKNOWN_ENGINE, None)
    context = ours.max_model_len or (ours.meta.n_ctx if ours.meta else None)
    return ServerFacts(tuple(card.id for card in cards), ENGINES.get(ours.owned_by or "", UNKNOWN_ENGINE), context)


def _decoded(text: str) -> object:
    try:
        return json.loads(text, strict=False)  # strings may carry raw tabs and newlines: no grammar forbids them
    except (ValueError, RecursionError) as error:
        raise ModelBadAnswer("The model's reply is not JSON.") from error
