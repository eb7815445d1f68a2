"""How sure a model was of what it wrote: log-probabilities of its tokens, gathered for each value of its JSON.

They rank values of one model on one kind of field; they are no probability that a value is right.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from docqa.model.wire import TokenChance

Path = tuple[str | int, ...]  #: keys and places in lists that lead to a value: ("rent", "value")
_DECODER = json.JSONDecoder(strict=False)
_SPACE = " \t\n\r"


@dataclass(frozen=True, slots=True)
class Certainty:
    """Natural logarithms, 0 or less, of the probabilities of a value's tokens."""

    mean: float
    lowest: float


def certainties(text: str, tokens: Sequence[TokenChance]) -> Mapping[Path, Certainty]:
    """How sure the model was of each string, number, true, false and null in JSON text that it wrote.

    A token that is partly outside of a value counts for it, too; vLLM's last one, the end of the turn, is in none.
    Empty where the tokens are not those of the text.
    """
    pieces = [bytes(token.bytes) if token.bytes is not None else token.token.encode() for token in tokens]
    if not b"".join(pieces).startswith(text.encode()):
        return {}
    ends = list(accumulate(len(piece) for piece in pieces))
    found: dict[Path, Certainty] = {}
    for path, start, end in _scalars(text, _skip(text, 0), ()):
        first, last = len(text[:start].encode()), len(text[:end].encode())
        own = [token.logprob for token in tokens[bisect_right(ends, first) : bisect_left(ends, last) + 1]]
        if own:
            found[path] = Certainty(sum(own) / len(own), min(own))
    return found


def _scalars(text: str, at: int, path: Path) -> Iterator[tuple[Path, int, int]]:
    """(path, start, end) of each scalar of valid JSON, without the quotation marks of a string."""
    if text[at] not in "{[":
        end = _end(text, at)
        yield (path, at + 1, end - 1) if text[at] == '"' else (path, at, end)
        return
    in_object, place = text[at] == "{", 0
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        key: str | int = place
        if in_object:
            name, end = _DECODER.raw_decode(text, at)
            key, at = str(name), _skip(text, _skip(text, end) + 1)
        yield from _scalars(text, at, (*path, key))
        at, place = _skip(text, _end(text, at)), place + 1
        at = _skip(text, at + 1) if text[at] == "," else at


def _end(text: str, at: int) -> int:
    end: int = _DECODER.raw_decode(text, at)[1]
    return end


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
