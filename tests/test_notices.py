"""What people are told of pages, in words."""

from __future__ import annotations

import pytest

from docqa.notices import WORDS, sentences
from docqa.types import Notice, NoticeCode

BLANK, HIDDEN, SCRIPT = NoticeCode.BLANK_PAGE, NoticeCode.HIDDEN_TEXT, NoticeCode.UNREAD_SCRIPT


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([4], "Page 4 is blank."),
        ([2, 4], "Pages 2, 4 are blank."),
        ([1, 2, 3, 7, 8], "Pages 1-3, 7-8 are blank."),
        ([9, 3], "Pages 3, 9 are blank."),
        (range(1, 10_001), "Pages 1-10000 are blank."),
        (range(1, 101, 2), f"Pages {', '.join(str(n) for n in range(1, 25, 2))} and 38 more are blank."),
    ],
)
def test_blank_pages_in_one_sentence(pages: list[int], said: str) -> None:
    assert sentences(Notice(BLANK, page) for page in pages) == [said]


def test_each_other_page_in_its_own() -> None:
    assert sentences([Notice(HIDDEN, 3, "pay\n twice"), Notice(SCRIPT, 2, "Greek"), Notice(HIDDEN, 1)]) == [
        "Page 1 hides text.",
        "Page 3 hides text: “pay twice”",
        "Page 2 has writing that the OCR cannot read (Greek).",
    ]


def test_short_is_short_and_whole_is_whole() -> None:
    notices = [Notice(HIDDEN, page, "word " * 500) for page in range(1, 31)]
    short, whole = sentences(notices), sentences(notices, short=False)
    assert (len(short), len(whole)) == (6, 30)
    assert all(len(sentence) < 120 for sentence in short)
    assert short[-1] == "Hidden text: pages 6-30, too."
    assert all(sentence.count("word") == 500 for sentence in whole)


@pytest.mark.parametrize("short", [True, False])
def test_what_a_page_hides_cannot_act(short: bool) -> None:
    (said,) = sentences([Notice(HIDDEN, 1, "\x1b[31m \u202e \u200b\x00 a\u2028b")], short)
    assert said.isprintable()


def test_every_kind_has_words() -> None:
    assert set(WORDS) == set(NoticeCode)
    assert all(sentences([Notice(code, 1)]) for code in NoticeCode)
