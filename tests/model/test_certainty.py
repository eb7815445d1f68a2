"""How sure the model was of each value that it wrote."""

from __future__ import annotations

import pytest
from fake_server import EVERYTHING, FakeServer, Say
from one_client import HELLO, SCHEMA, client_of

from docqa.model.certainty import Certainty, certainties
from docqa.model.wire import TokenChance

pytestmark = pytest.mark.usefixtures("no_pauses")


def test_how_sure_the_model_was_of_each_value() -> None:
    text = '{"rent":{"value":"9\u20ac","page":12},"list":[true,-1.5]}'
    with FakeServer(Say(text, piece=4, logprob=-0.25)) as server, client_of(server) as client:
        reply = client.complete_json(HELLO, SCHEMA, 100)
    assert set(reply.certainty) == {("rent", "value"), ("rent", "page"), ("list", 0), ("list", 1)}
    assert reply.certainty["rent", "value"] == Certainty(-0.25, -0.25)
    with FakeServer(Say(text), can=EVERYTHING - {"logprobs"}) as server, client_of(server) as client:
        assert client.complete_json(HELLO, SCHEMA, 100).certainty == {}


def test_certainty_is_of_the_tokens_of_a_value_alone() -> None:
    pieces = [('{"a": "', -9.0), ("x", -1.0), ("é"[:1], -2.0), ('", ', -9.0), ('"b":', -9.0), ("7", -0.5), ("}", -9.0)]
    tokens = [TokenChance(token=piece, logprob=chance) for piece, chance in pieces]
    assert certainties('{"a": "xé", "b":7}', tokens) == {("a",): Certainty(-1.5, -2.0), ("b",): Certainty(-0.5, -0.5)}
    ended = [*tokens, TokenChance(token="<turn|>", logprob=-9.0)]
    assert certainties('{"a": "xé", "b":7}', ended) == certainties('{"a": "xé", "b":7}', tokens), (
        "vLLM tells the end, too"
    )
    assert certainties('{"a": 1}', tokens) == {}, "tokens of another text say nothing"
    halves = [TokenChance(token="\ufffd", logprob=-1.0, bytes=[half]) for half in "é".encode()]
    assert certainties('"é"', [TokenChance(token='"', logprob=0), *halves, TokenChance(token='"', logprob=0)]) == {
        (): Certainty(-1.0, -1.0)
    }
