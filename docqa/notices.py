"""What people are told of pages that were read without a problem, in words: the terminal and the browser say the same.

What a notice quotes comes from a document. It is shown cleaned like a name, and cut unless somebody asks for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from docqa.store import clean_label
from docqa.types import Notice, NoticeCode

#: Each kind in two or three words, for a list of documents.
WORDS = {
    NoticeCode.BLANK_PAGE: "blank pages",
    NoticeCode.HIDDEN_TEXT: "hidden text",
    NoticeCode.UNREAD_SCRIPT: "unread script",
}
_SHORT = 80  #: characters of a detail in a line of a report
_RANGES = 12  #: of pages in one sentence; of more than these only their number is said
_DETAILS = 5  #: sentences that quote a page, in a report


def sentences(notices: Iterable[Notice], short: bool = True) -> list[str]:
    """One sentence for all blank pages, one for each other notice; `short` cuts what they quote and how many there are.

    "Pages 2, 4-6 are blank." · "Page 3 hides text: “…”" · "Page 5 has writing that the OCR cannot read (Greek)."
    """
    ordered = sorted(notices, key=lambda notice: (notice.code, notice.page))
    said: list[str] = []
    for code, group in groupby(ordered, key=lambda notice: notice.code):
        same = list(group)
        if code is NoticeCode.BLANK_PAGE:
            said.append(_blank([notice.page for notice in same]))
            continue
        shown = same[:_DETAILS] if short else same
        said += [_SENTENCES[code](notice.page, _detail(notice.detail, short)) for notice in shown]
        if left := [notice.page for notice in same[len(shown) :]]:
            said.append(f"{WORDS[code].capitalize()}: {_pages(left)}, too.")
    return said


def _blank(pages: Sequence[int]) -> str:
    return f"{_pages(pages).capitalize()} {'is' if len(pages) == 1 else 'are'} blank."


def _hidden(page: int, detail: str) -> str:
    return f"Page {page} hides text{f': “{detail}”' if detail else '.'}"


def _unread(page: int, detail: str) -> str:
    return f"Page {page} has writing that the OCR cannot read{f' ({detail})' if detail else ''}."


_SENTENCES: dict[NoticeCode, Callable[[int, str], str]] = {
    NoticeCode.HIDDEN_TEXT: _hidden,
    NoticeCode.UNREAD_SCRIPT: _unread,
}


def _detail(untrusted_detail: str, short: bool) -> str:
    """The words of a document as they may be shown: no control or direction characters, one line."""
    words = untrusted_detail.split()
    if not short:
        return " ".join(clean_label(word) for word in words)
    text = clean_label(" ".join(words))
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1].rstrip()}…"


def _pages(numbers: Sequence[int]) -> str:
    """Page numbers in words: "page 4", "pages 2, 4-6"."""
    if len(numbers) == 1:
        return f"page {numbers[0]}"
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    said = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_RANGES]]
    left = sum(last - first + 1 for first, last in ranges[_RANGES:])
    return f"pages {', '.join(said)}{f' and {left:,} more' if left else ''}"
