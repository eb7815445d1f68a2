"""What a model server sends, checked: the parts of the chat protocol that docqa reads, and server-sent events.

Nothing here talks to a server (`docqa.model`). A reply that does not fit raises pydantic's ValidationError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict

#: Bytes of one event. A piece of text with its log-probabilities has less than a thousand.
MAX_EVENT = 1 << 20


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class Delta(_Wire):
    """A piece of an answer."""

    content: str | None = None


class TokenChance(_Wire):
    """A token and its log-probability (natural logarithm)."""

    token: str
    logprob: float
    bytes: list[int] | None = None  #: a token may be half a character


class Chances(_Wire):
    """The log-probabilities of a piece."""

    content: list[TokenChance] | None = None


class Choice(_Wire):
    """A piece of an answer and, with the last one, why it ended."""

    delta: Delta
    finish_reason: str | None = None
    logprobs: Chances | None = None


class CachedTokens(_Wire):
    """A part of a prompt that was computed before."""

    cached_tokens: int | None = None


class Tokens(_Wire):
    """What a request cost."""

    prompt_tokens: int
    completion_tokens: int = 0
    prompt_tokens_details: CachedTokens | None = None


class Event(_Wire):
    """One event of a streamed answer, or an error in the middle of it."""

    choices: list[Choice] = []
    usage: Tokens | None = None
    error: object = None


class CardMeta(_Wire):
    """What llama.cpp adds to a model's card."""

    n_ctx: int | None = None


class ModelCard(_Wire):
    """One model that a server serves."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None  #: tokens; vLLM and SGLang
    meta: CardMeta | None = None


class Listing(_Wire):
    """The models that a server serves."""

    data: list[ModelCard]


class Count(_Wire):
    """The reply of /tokenize."""

    count: int


def event_data(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The data of server-sent events, one line each; comments and other fields are left out.

    Raises ValueError for a line that does not end.
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[len(b"data:") :].strip()
        if len(rest) > MAX_EVENT:
            raise ValueError("a line without an end")
    if rest.startswith(b"data:"):
        yield rest[len(b"data:") :].strip()
