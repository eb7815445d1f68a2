"""What a child says, believed only where it can be true."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from docqa.errors import DamagedFile, DocumentError, NeedsPassword, NoPages, RendererLied, TooManyPages
from docqa.types import TextSource
from ingest.sandbox import untrusted
from ingest.sandbox.wire import FAILURES, MAX_UNSEEN, MAX_WORD, MAX_WORDS

DOC = "d" * 64


def jpeg(width: int = 96, height: int = 48, mode: str = "L", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height), "white").save(buffer, "JPEG", **options)
    return buffer.getvalue()


WORD = ["word", 0.1, 0.1, 0.2, 0.2, 0]
FRAME = {
    "page": 1,
    "width": 96,
    "height": 48,
    "words": [WORD],
    "hidden": [],
    "sandwiched": [],
    "quality": 1.0,
    "unexplained": 0.0,
    "blank": False,
}


def page(image: bytes | None = None, **changed: object) -> untrusted.Rendered:
    return untrusted.check_page(FRAME | changed, jpeg() if image is None else image, DOC, 1)


def test_an_honest_page_is_taken_as_it_is() -> None:
    rendered = page(
        words=[WORD, ["two", 0, 0.5, 1, 1, 3]], hidden=[WORD], sandwiched=[WORD, WORD], quality=0.9, unexplained=1
    )
    stored = rendered.stored.page
    assert (stored.doc, stored.number, stored.width, stored.height) == (DOC, 1, 96, 48)
    assert [(word.text, word.box, word.line) for word in stored.words] == [
        ("word", (0.1, 0.1, 0.2, 0.2), 0),
        ("two", (0, 0.5, 1, 1), 3),
    ]
    assert (stored.text_source, stored.quality) == (TextSource.TEXT_LAYER, 0.9)
    assert (rendered.quality, rendered.unexplained, rendered.blank) == (0.9, 1.0, False)
    assert [len(words) for words in (rendered.hidden, rendered.sandwiched)] == [1, 2]


def test_a_page_without_words_has_no_text_source() -> None:
    assert page(words=[]).stored.page.text_source is TextSource.NONE


def test_a_page_with_words_is_not_blank_whatever_is_said() -> None:
    assert not page(blank=True).blank
    assert page(words=[], blank=True).blank
    assert not page(words=[], blank="yes").blank


@pytest.mark.parametrize(
    "changed",
    [
        {"page": 2},
        {"page": 0},
        {"page": None},
        {"page": "1"},
        {"width": 97},
        {"width": 96.5},
        {"height": 0},
        {"height": -48},
        {"height": 10**400},
        {"width": True},
        {"width": None},
        {"quality": 1.1},
        {"quality": float("nan")},
        {"quality": "1"},
        {"unexplained": float("inf")},
        {"unexplained": -0.1},
        {"unexplained": []},
        {"hidden": None},
        {"hidden": [WORD] * (MAX_UNSEEN + 1)},
        {"hidden": [[*WORD[:5], -1]]},
        {"sandwiched": None},
        {"sandwiched": [WORD] * (MAX_UNSEEN + 1)},
        {"sandwiched": [["word", 0.3, 0.1, 0.2, 0.2, 0]]},
        {"error": 99},
        {"error": -1},
        {"error": "0"},
        {"error": None},
        {"error": 0.5},
        {"words": None},
        {"words": {}},
        {"words": "word"},
        {"words": [WORD] * (MAX_WORDS + 1)},
    ],
)
def test_a_page_that_cannot_be_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(RendererLied):
        page(**changed)


@pytest.mark.parametrize(
    "word",
    [
        "word",
        {"text": "word"},
        None,
        [],
        WORD[:5],
        [*WORD, 0],
        [1, *WORD[1:]],
        [None, *WORD[1:]],
        ["word", "0", 0.1, 0.2, 0.2, 0],
        ["word", None, 0.1, 0.2, 0.2, 0],
        ["word", False, 0.1, 0.2, 0.2, 0],
        ["word", -0.01, 0.1, 0.2, 0.2, 0],
        ["word", 0.1, 0.1, 1.01, 0.2, 0],
        ["word", float("nan"), 0.1, 0.2, 0.2, 0],
        ["word", 0.1, 0.1, float("inf"), 0.2, 0],
        ["word", 0.1, 0.1, 10**400, 0.2, 0],
        ["word", 0.3, 0.1, 0.2, 0.2, 0],
        ["word", 0.1, 0.3, 0.2, 0.2, 0],
        ["word", 0.1, 0.1, 0.2, 0.2, -1],
        ["word", 0.1, 0.1, 0.2, 0.2, 0.5],
        ["word", 0.1, 0.1, 0.2, 0.2, MAX_WORDS + 1],
        ["word", 0.1, 0.1, 0.2, 0.2, float("nan")],
    ],
)
def test_a_word_that_cannot_be_is_refused(word: object) -> None:
    with pytest.raises(RendererLied):
        page(words=[WORD, word])


def test_lines_never_fall() -> None:
    with pytest.raises(RendererLied):
        page(words=[[*WORD[:5], 1], [*WORD[:5], 0]])


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("plain", "plain"),
        ("Größe", "Größe"),
        ("a\x00b\x1b[31m\x7f", "ab[31m"),
        ("line\nbreak\u2028and\u2029more", "linebreakandmore"),
        ("in\u202edirection\u2066", "indirection"),
        ("zero\u200bwidth\ufefftag\U000e0041", "zerowidthtag"),
        ("two words", "twowords"),
        ("lone\ud800surrogate", "lone?surrogate"),
        ("x" * (MAX_WORD + 7), "x" * MAX_WORD),
    ],
)
def test_texts_are_made_plain(said: str, kept: str) -> None:
    sent = json.loads(json.dumps([[said, *WORD[1:]]]))
    assert [word.text for word in untrusted.check_words(sent)] == [kept]


@pytest.mark.parametrize("empty", ["", " ", "\x00\u202e"])
def test_a_word_of_nothing_is_left_out(empty: str) -> None:
    assert untrusted.check_words([[empty, *WORD[1:]], WORD]) == untrusted.check_words([WORD])


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + b"x" * 1000 + b"\xff\xd9",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"<svg onload='alert(1)'/>",
        jpeg()[:-2],
        jpeg()[1:],
        jpeg() + b"<script>",
        jpeg(48, 96),
        jpeg(96, 49),
        b"\xff\xd8\xff\xe0\x00\x00" * 100 + b"\xff\xd9",
    ],
)
def test_an_image_that_is_none_or_another_is_refused(image: bytes) -> None:
    with pytest.raises(RendererLied):
        page(image)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 100}, {"comment": b"c" * 5000}])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_the_size_of_an_image_is_read(mode: str, options: dict[str, object]) -> None:
    assert untrusted.jpeg_size(jpeg(1344, 1872, mode, **options)) == (1344, 1872)


@given(st.binary(max_size=200))
def test_the_size_of_nonsense_is_none_or_a_size(nonsense: bytes) -> None:
    size = untrusted.jpeg_size(b"\xff\xd8" + nonsense + b"\xff\xd9")
    assert size is None or all(0 <= side <= 0xFFFF for side in size)


@pytest.mark.parametrize("pages", [0, -1, 11, 2_000_000_000, 10**400, 1.5, "3", None, [], True, float("nan")])
def test_a_number_of_pages_that_cannot_be_is_refused(pages: object) -> None:
    with pytest.raises(RendererLied):
        untrusted.check_opened({"pages": pages}, max_pages=10)


def test_an_honest_beginning() -> None:
    assert untrusted.check_opened({"pages": 10}, max_pages=10) == untrusted.Opened(10, False)
    assert untrusted.check_opened({"pages": 1, "cut_off": True}, max_pages=10) == untrusted.Opened(1, True)


@pytest.mark.parametrize("kind", [DamagedFile, NeedsPassword, NoPages, TooManyPages])
def test_a_failure_crosses_the_pipe_as_a_number(kind: type[DocumentError]) -> None:
    with pytest.raises(kind, match=r"^The .*\.$"):
        untrusted.check_failure({"error": FAILURES.index(kind)})


def test_every_failure_has_a_sentence() -> None:
    for number in range(len(FAILURES)):
        with pytest.raises(FAILURES[number]):
            untrusted.check_opened({"error": number}, max_pages=1)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*FRAME, "error"]), anything))
def test_whatever_a_page_says_it_is_a_page_or_an_error_of_the_document(said: dict[str, Any]) -> None:
    with contextlib.suppress(DocumentError):
        untrusted.check_page(FRAME | said, jpeg(), DOC, 1)


numbers = st.floats() | st.integers(-1, 2) | st.floats(0, 1)


@given(st.lists(st.tuples(st.text(), numbers, numbers, numbers, numbers, st.integers(-1, 9)).map(list), max_size=5))
def test_words_that_pass_are_inside_the_page_and_printable(said: list[object]) -> None:
    try:
        words = untrusted.check_words(said)
    except RendererLied:
        return
    for word in words:
        x0, y0, x1, y1 = word.box
        assert 0 <= x0 <= x1 <= 1
        assert 0 <= y0 <= y1 <= 1
        assert word.text.isprintable()
        assert not any(letter.isspace() for letter in word.text)
    assert [word.line for word in words] == sorted(word.line for word in words)


@pytest.mark.parametrize("names", [None, "Greek", ["Klingon"], [7], ["Greek"] * 99])
def test_scripts_that_do_not_exist_are_a_lie(names: object) -> None:
    with pytest.raises(RendererLied):
        untrusted.check_ocr({"words": [], "quality": 0.5, "unread": names})
