"""The vision reader against a server that behaves, and against one that does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

import pytest
from fake_server import MODEL, Endless, Fail, FakeServer, Reset, Say, sent_parts

from docqa.errors import ModelBadAnswer, ModelRefused
from docqa.model import ModelClient
from docqa.prompts import PROMPT_VERSION
from docqa.readers import Reader
from docqa.readers.vision import VisionReader
from docqa.settings import ModelSettings
from docqa.types import Draft, Evidence, FieldSpec, FieldType, Page, Quote, TextSource, Verdict, Word

JPEG = b"\xff\xd8 a page \xff\xd9"
RENT = FieldSpec("rent", FieldType.AMOUNT)


def evidence(number: int, *words: str) -> Evidence:
    placed = tuple(Word(text, (0.1 + i * 0.1, 0.1, 0.15 + i * 0.1, 0.12), 0) for i, text in enumerate(words))
    return Evidence(Page("d0", number, 1344, 1872, placed, TextSource.OCR, 0.9), "contract.pdf", lambda: JPEG)


PAGES = [evidence(12, "Rent", "900"), evidence(3, "Notice")]


@contextmanager
def reader_of(server: FakeServer) -> Iterator[VisionReader]:
    settings = ModelSettings(base_url=server.url, name=MODEL)
    with closing(ModelClient(settings)) as client:
        yield VisionReader(client, settings)


def read_out(answer: Generator[str, None, Draft]) -> tuple[list[str], Draft]:
    pieces = []
    while True:
        try:
            pieces.append(next(answer))
        except StopIteration as end:
            return pieces, end.value


def test_it_is_a_reader_with_a_name_and_a_version() -> None:
    with FakeServer(Say("")) as server, reader_of(server) as vision:
        reader: Reader = vision
        assert reader.name == "vision:gemma-4-12b"
        assert reader.version == f"{PROMPT_VERSION}/gemma-4-12b/1120"


def test_an_answer_streams_and_ends_with_its_quotes() -> None:
    reply = '<answer>The rent is 900.</answer>\n<quote page="P1">Rent 900</quote>'
    with FakeServer(Say(reply)) as server, reader_of(server) as reader:
        pieces, draft = read_out(reader.answer("How much?", PAGES))
    assert len(pieces) > 3
    assert "".join(pieces) == draft.text == "The rent is 900."
    assert draft == Draft(Verdict.FOUND, "The rent is 900.", (Quote("d0", 12, "Rent 900"),))
    parts = list(sent_parts(server.chats[0]))
    assert [part["type"] for part in parts] == ["text", "image_url", "text"] * 2 + ["text"]
    assert parts[1]["image_url"] == {"url": "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()}


def test_not_found_shows_nothing() -> None:
    with FakeServer(Say("<not_found/>")) as server, reader_of(server) as reader:
        assert read_out(reader.answer("How much?", PAGES)) == ([], Draft(Verdict.NOT_FOUND, "", ()))


def test_without_pages_nobody_is_asked() -> None:
    with FakeServer(Say("x")) as server, reader_of(server) as reader:
        assert read_out(reader.answer("How much?", [])) == ([], Draft(Verdict.NOT_FOUND, "", ()))
        assert reader.fill([RENT], []) == []
        assert reader.fill([], PAGES) == []
    assert server.asked == []


def test_closing_the_answer_stops_the_model() -> None:
    with FakeServer(Endless()) as server, reader_of(server) as reader:
        answer = reader.answer("How much?", PAGES)
        next(answer)
        answer.close()
        assert server.cancelled.wait(10)


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    with FakeServer(Reset("<answer>The rent")) as server, reader_of(server) as reader, pytest.raises(ModelBadAnswer):
        read_out(reader.answer("How much?", PAGES))


def test_fields_are_read_and_pages_that_were_not_given_are_dropped() -> None:
    reply = {
        "rent": {"value": "900", "page": 12, "quote": "Rent 900"},
        "deposit": None,
        "notice": {"value": "three months", "page": 99, "quote": "Notice"},
    }
    fields = [RENT, FieldSpec("deposit", FieldType.AMOUNT), FieldSpec("notice", FieldType.TEXT)]
    with FakeServer(Say(json.dumps(reply))) as server, reader_of(server) as reader:
        [reading] = reader.fill(fields, PAGES)
    assert (reading.field, reading.text, reading.page, reading.quote) == ("rent", "900", 12, "Rent 900")
    assert 0 <= reading.score <= 1


def test_a_large_form_gets_room_for_its_answer() -> None:
    fields = [FieldSpec(f"field {number}", FieldType.TEXT) for number in range(20)]
    with FakeServer(Say("{}")) as server, reader_of(server) as reader:
        assert reader.fill(fields, PAGES) == []
    assert server.chats[0].body["max_tokens"] == 4000


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Say('{"rent":{"value":'), ModelBadAnswer),
        (Say('{"rent":"900"}'), ModelBadAnswer),
        (Say("[]"), ModelBadAnswer),
        (Say(""), ModelBadAnswer),
        (Fail(400, "The prompt is too long"), ModelRefused),
    ],
)
def test_a_bad_form_is_no_reading(order: Say | Fail, expected: type[Exception]) -> None:
    with FakeServer(order) as server, reader_of(server) as reader, pytest.raises(expected):
        reader.fill([RENT], PAGES)
