"""The vision reader against a server that behaves, and against one that does not."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

import pytest
from fake_server import (
    EVERYTHING,
    MODEL,
    Asked,
    Endless,
    Fail,
    FakeServer,
    Hang,
    Order,
    Reset,
    Say,
    closed_port,
    model_card,
    sent_parts,
)
from PIL import Image

from docqa.errors import ModelBadAnswer, ModelRefused, ModelTimeout
from docqa.model import ModelClient
from docqa.pages.grid import grid_size
from docqa.prompts import PROMPT_VERSION
from docqa.readers import LOOKED_AGAIN, Conversation, Exchange, Reader, finished
from docqa.readers.closeup import best_place
from docqa.readers.room import MAX_PAGES
from docqa.readers.vision import VisionReader, rewrite_question, together
from docqa.settings import ModelSettings
from docqa.types import Draft, Evidence, FieldSpec, FieldType, Page, Quote, Region, TextSource, Verdict, Word


def jpeg(width: int, height: int, shade: int = 200) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height), shade).save(buffer, "JPEG")
    return buffer.getvalue()


JPEG = jpeg(1344, 1872)
RENT = FieldSpec("rent", FieldType.AMOUNT)


def evidence(number: int, *words: str, top: float = 0.1, height: float = 0.02) -> Evidence:
    placed = tuple(Word(text, (0.1 + i * 0.1, top, 0.15 + i * 0.1, top + height), 0) for i, text in enumerate(words))
    return Evidence(Page("d0", number, 1344, 1872, placed, TextSource.OCR, 0.9), "contract.pdf", lambda: JPEG)


PAGES = [evidence(12, "Rent", "900"), evidence(3, "Notice")]


@contextmanager
def reader_of(server: FakeServer) -> Iterator[VisionReader]:
    settings = ModelSettings(base_url=server.url, name=MODEL)
    with closing(ModelClient(settings)) as client:
        yield VisionReader(client, settings)


def read_out(answer: Generator[str, None, Draft]) -> tuple[list[str], Draft]:
    pieces: list[str] = []
    return pieces, finished(answer, pieces.append)


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
    assert draft.pages_read == (("d0", 12), ("d0", 3))
    assert draft.usage is not None and draft.usage.answer_tokens == 7


def test_not_found_shows_nothing() -> None:
    with FakeServer(Say("<not_found/>")) as server, reader_of(server) as reader:
        assert read_out(reader.answer("How much?", PAGES)) == ([], Draft(Verdict.NOT_FOUND, "", ()))
    assert len(server.chats) == 1, "no line speaks of the question, so there is nothing to look closer at"


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


def test_fields_are_read() -> None:
    reply = {"rent": {"value": "900", "page": 12, "quote": "Rent 900"}, "deposit": None}
    with FakeServer(Say(json.dumps(reply))) as server, reader_of(server) as reader:
        [reading] = reader.fill([RENT, FieldSpec("deposit", FieldType.AMOUNT)], PAGES)
    assert (reading.field, reading.text, reading.page, reading.quote) == ("rent", "900", 12, "Rent 900")
    assert images_of(server.chats[0])[0].size == (1344, 1872)


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


# ── images ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def images_of(asked: Asked) -> list[Image.Image]:
    urls = [part["image_url"] for part in sent_parts(asked) if part["type"] == "image_url"]
    return [
        Image.open(io.BytesIO(base64.b64decode(url["url"].partition(",")[2]))) for url in urls if isinstance(url, dict)
    ]


@pytest.mark.parametrize("budget", [280, 560, 1120])
def test_a_page_is_sent_on_the_grid_of_the_server(budget: int) -> None:
    with FakeServer(Say("<not_found/>"), can=EVERYTHING - {"request_budget"}) as server, reader_of(server) as reader:
        server.budget = budget
        read_out(reader.answer("How much?", PAGES[:1]))
    [image] = images_of(server.chats[0])
    assert image.size == grid_size(1344, 1872, budget)


def test_a_page_that_is_not_on_the_grid_is_put_there() -> None:
    odd = Evidence(PAGES[0].page, "scan.png", lambda: jpeg(1000, 1400))
    with FakeServer(Say("<not_found/>")) as server, reader_of(server) as reader:
        read_out(reader.answer("How much?", [odd]))
        read_out(reader.answer("How much?", [Evidence(PAGES[0].page, "odd", lambda: b"no image")]))
    assert images_of(server.chats[0])[0].size == (1344, 1872)
    assert len(server.chats) == 2, "what is no image is left to the server"


def test_a_page_is_sent_once() -> None:
    with FakeServer(Say("<answer>x</answer>")) as server, reader_of(server) as reader:
        for question in ("How much?", "And when?"):
            read_out(reader.answer(question, PAGES[:1]))
    assert [len(images_of(chat)) for chat in server.chats] == [1, 0]


# ── looking closer ───────────────────────────────────────────────────────────────────────────────────────────────────

RIGHT = '<answer>900 EUR</answer><quote page="P1">Rent 900</quote>'
MADE_UP = '<answer>950 EUR</answer><quote page="P1">Rent 950</quote>'
UNPROVEN = "<answer>950 EUR</answer>"
CLOSE = Region("d0", 12, (0.0, 0.0, 1.0, 0.25))
QUESTION = "How much is the rent?"


def asked_for_a_close_up(asked: Asked) -> bool:
    return any("Close-up of a part of page P1" in str(part.get("text")) for part in sent_parts(asked))


@pytest.mark.parametrize(
    ("orders", "pieces", "close_up"),
    [
        pytest.param([Say(RIGHT)], "900 EUR", None, id="a good answer is taken"),
        pytest.param([Say("<not_found/>"), Say(RIGHT)], "900 EUR", CLOSE, id="nothing was found at first"),
        pytest.param(
            [Say("<answer>900 EUR</answer>"), Say(RIGHT)], f"900 EUR{LOOKED_AGAIN}900 EUR", CLOSE, id="no quote"
        ),
        pytest.param([Say(MADE_UP), Say(RIGHT)], f"950 EUR{LOOKED_AGAIN}900 EUR", CLOSE, id="a quote that is nowhere"),
    ],
)
def test_a_weak_answer_is_looked_for_again(orders: list[Order], pieces: str, close_up: Region | None) -> None:
    with FakeServer(*orders) as server, reader_of(server) as reader:
        said, draft = read_out(reader.answer(QUESTION, PAGES))
    assert "".join(said) == pieces
    assert (draft.text, draft.verdict, draft.close_up) == ("900 EUR", Verdict.FOUND, close_up)
    assert [asked_for_a_close_up(chat) for chat in server.chats] == [False, True][: len(orders)]
    if close_up:
        assert images_of(server.chats[1])[-1].size == grid_size(1344, 468), "a quarter of the page at the full budget"


@pytest.mark.parametrize("second", ["<not_found/>", MADE_UP, "<answer>960 EUR</answer>"])
def test_a_second_look_that_is_no_better_changes_nothing(second: str) -> None:
    with FakeServer(Say(MADE_UP), Say(second)) as server, reader_of(server) as reader:
        said, draft = read_out(reader.answer(QUESTION, PAGES))
    assert ("".join(said), draft.text, draft.close_up) == ("950 EUR", "950 EUR", None)
    assert len(server.chats) == 2, "one more look, and no third"


def test_small_print_is_enlarged_at_once() -> None:
    small = [evidence(12, "Rent", "900", height=0.007), PAGES[1]]
    with FakeServer(Say("<not_found/>")) as server, reader_of(server) as reader:
        _, draft = read_out(reader.answer(QUESTION, small))
    assert [asked_for_a_close_up(chat) for chat in server.chats] == [True], "and then not once more"
    assert (draft.verdict, draft.close_up) == (Verdict.NOT_FOUND, CLOSE)


def test_print_is_small_at_the_budget_of_the_server() -> None:
    with FakeServer(Say(RIGHT), can=EVERYTHING - {"request_budget"}) as server, reader_of(server) as reader:
        server.budget = 280
        _, draft = read_out(reader.answer(QUESTION, [evidence(12, "Rent", "900", height=0.015)]))
    assert draft.close_up == CLOSE, "14 pixels of 912; of 1872 they would be 28"


def test_the_best_place_is_where_the_question_is_spoken_of() -> None:
    pages = [evidence(1, "The", "year", "2018"), evidence(2, "Deposit", "for", "garage", top=0.6), PAGES[1]]
    place = best_place("What is the deposit for the garage?", pages)
    assert place is not None
    assert (place.page, place.box, place.print_height) == (1, pytest.approx((0, 0.485, 1, 0.735)), pytest.approx(0.02))
    for top, box in ((0.0, (0, 0, 1, 0.25)), (0.98, (0, 0.75, 1, 1))):
        place = best_place("Deposit?", [evidence(1, "Deposit", top=top)])
        assert place is not None and place.box == box, "the place stays on the page"
    assert best_place("What is the deposit?", [evidence(1, "Rent"), evidence(2)]) is None


# ── going on from an earlier question ────────────────────────────────────────────────────────────────────────────────


def test_a_question_goes_on_from_the_one_before() -> None:
    new = evidence(7, "Garage", "40")
    before = Conversation((Exchange("How much is the rent?", "900 EUR"),), tuple(PAGES))
    with FakeServer(Say(RIGHT)) as server, reader_of(server) as reader:
        read_out(reader.answer(QUESTION, PAGES))
        _, draft = read_out(reader.answer("And the garage?", [new, PAGES[1]], before))
    assert draft.pages_read == (("d0", 12), ("d0", 3), ("d0", 7))
    first, second = ([str(part.get("text", part.get("uuid"))) for part in sent_parts(chat)] for chat in server.chats)
    assert second[: len(first) - 1] == first[:-1], "the prompt begins as the one before"
    assert "900 EUR" in second[-2] and second[-1] == "Question: And the garage?"


def test_pages_of_the_turn_before_alone_can_be_read() -> None:
    with FakeServer(Say(RIGHT)) as server, reader_of(server) as reader:
        _, draft = read_out(reader.answer("And now?", [], Conversation((Exchange("?", "x"),), tuple(PAGES))))
    assert draft.text == "900 EUR"


@pytest.mark.parametrize(
    ("before", "found", "most", "expected"),
    [
        ("", "abc", 9, "abc"),
        ("abc", "", 9, "abc"),
        ("abc", "cde", 9, "abcde"),
        ("abc", "cde", 4, "acde"),
        ("abc", "cde", 3, "cde"),
        ("abc", "cde", 2, "cd"),
        ("abc", "xyz", 4, "axyz"),
        ("abc", "ca", 2, "ac"),
    ],
)
def test_old_pages_make_room_only_when_there_is_none(before: str, found: str, most: int, expected: str) -> None:
    pages = {letter: evidence(ord(letter)) for letter in "abcdexyz"}
    chosen = together([pages[one] for one in before], [pages[one] for one in found], most)
    assert "".join(chr(one.page.number) for one in chosen) == expected


@pytest.mark.parametrize(
    ("can", "few"), [(EVERYTHING, 3), (EVERYTHING - {"tokenize"}, 2)], ids=["counted", "estimated"]
)
def test_pages_that_the_context_cannot_hold_are_left_out(can: frozenset[str], few: int) -> None:
    pages = [evidence(number, *["word"] * 300) for number in range(1, 14)]
    read = {}
    for context in (None, 32768, 8192, 1024):
        with FakeServer(Say("<not_found/>"), can=can) as server, reader_of(server) as reader:
            server.cards = [model_card(max_model_len=context)]
            read[context] = len(read_out(reader.answer("How much?", pages))[1].pages_read)
    # 8192 tokens: 1024 for the answer, a close-up, and three pages at 1094 for the image and some 300 for the text.
    assert read == {None: MAX_PAGES, 32768: MAX_PAGES, 8192: few, 1024: 1}


BEFORE = Conversation((Exchange("What was the rent in 2018?", "900 EUR"),))


@pytest.mark.parametrize(
    ("said", "searched"),
    [
        ("What was the rent in 2019?", "What was the rent in 2019?"),
        (" What was the rent in 2019?\n", "What was the rent in 2019?"),
        ("What was\u202e the rent?", "What was the rent?"),
        ("The rent.\nIt was 900 EUR.", None),
        ("<answer>900</answer>", None),
        ("why " * 100, None),
        ("\u200b", None),
    ],
)
def test_a_question_is_written_anew_for_the_search(said: str, searched: str | None) -> None:
    with FakeServer(Say(said)) as server, reader_of(server) as reader:
        found = rewrite_question(reader.client, "And in 2019?", BEFORE)
    assert found == (searched or "And in 2019? What was the rent in 2018?")
    [chat] = server.chats
    assert (chat.body["temperature"], chat.body["chat_template_kwargs"]) == (0, {"enable_thinking": False})


def test_without_a_server_the_question_before_helps_to_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docqa.model.connection.RETRY_PAUSES", ())
    settings = ModelSettings(base_url=f"http://127.0.0.1:{closed_port()}/v1", name=MODEL)
    plain = "And in 2019? What was the rent in 2018?"
    with closing(ModelClient(settings)) as client:
        assert rewrite_question(client, "And in 2019?", BEFORE) == plain
        assert rewrite_question(client, "And in 2019?", Conversation()) == "And in 2019?"
    assert rewrite_question(None, "And in 2019?", BEFORE) == plain
    assert rewrite_question(None, "Who won the regatta?", BEFORE) == "Who won the regatta?"


def test_a_server_that_hangs_is_waited_for_once_only() -> None:
    with FakeServer(Hang()) as server:
        settings = ModelSettings(base_url=server.url, name=MODEL, read_timeout=0.2)
        with closing(ModelClient(settings)) as client, pytest.raises(ModelTimeout):
            rewrite_question(client, "And in 2019?", BEFORE)
