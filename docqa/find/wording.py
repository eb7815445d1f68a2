"""The words of a question, as they are searched for: as others write them, and without those that name a document.

"1,577" and "1577" and "1.577,00" are one number, written as people write it in different places: a question is
searched with all the ways. "FY2018" is also 2018. English stop words, a plural s cut off: no more of any language is
known here.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import NamedTuple

_WORD = re.compile(r"\d+(?:[.,'’]\d+)+|[^\W_]+(?:[&][^\W_]+)*")  # "1,577" is one
_NAMING = re.compile(rf"(?:{_WORD.pattern})(?:['’]s\b)?")
_POSSESSIVE = re.compile(r"['’]s\b")
_PERIOD = re.compile(r"^(fy|cy|q[1-4])((?:19|20)\d\d|\d\d)$")
_GROUPED = r"\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?"
_NUMBER = re.compile(rf"(?<![\w.,])(?:{_GROUPED}|\d+(?:[.,]\d{{1,2}})?)(?![\w]|[.,]\d)")
_CENTURY = 50  #: two figures of a year below this are of this century

STOP_WORDS = frozenset(
    """
    a an and are as at be been by can could did do does for from had has have he her his how i if in into is it
    its me my no not of on or our she should so than that the their them then there these they this those to up us
    was we were what when where which who whom whose why will with would you your
    """.split()  # noqa: SIM905 - as prose, which is how it is read
)


class Said(NamedTuple):
    """A word: in small letters and as it is written."""

    text: str
    written: str


def plain_words(text: str) -> Iterator[Said]:
    """The words of a text, possessives and periods taken apart: "Boeing's FY22" → boeing, fy, 2022."""
    for found in _WORD.finditer(_POSSESSIVE.sub("", text)):
        written = found.group()
        word = written.casefold()
        if period := _PERIOD.match(word):
            yield Said(period[1], written)
            yield Said(_year(period[2]), written)
        else:
            yield Said(word, written)


def stem(word: str) -> str:
    """A word without the s of its plural."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def without(question: str, words: Container[str]) -> str:
    """A question without the words (as `stem` leaves them) that name its document, which all its pages share."""

    def kept(found: re.Match[str]) -> str:
        if all(stem(word.text) in words or word.text in ("fy", "cy") for word in plain_words(found.group())):
            return ""
        return found.group()

    bare = _NAMING.sub(kept, question)
    return " ".join(re.sub(r"\s+(?=[?.,;:])", "", bare).split())


def spellings(text: str) -> list[str]:
    """The other ways in which the numbers of a text are written: 1577 → 1,577 1.577 1'577 and with two decimals."""
    return [way for found in _NUMBER.finditer(text) for way in _ways(found.group()) if way != found.group()]


def _ways(number: str) -> list[str]:
    whole, cents = _whole_and_cents(number)
    if len(whole) < 4 or (len(whole) == 4 and not cents and number == whole and whole[:2] in ("19", "20")):
        return []  # short, or a year
    grouped = f"{int(whole):,}"
    decimals = [f"{cents:0<2}"] if cents.strip("0") else ["", "00"]
    ways = []
    for fraction in decimals:
        tail = {".": f".{fraction}" if fraction else "", ",": f",{fraction}" if fraction else ""}
        ways += [whole + tail["."], grouped + tail["."], grouped.replace(",", ".") + tail[","]]
        ways += [grouped.replace(",", "'") + tail["."], grouped.replace(",", "’") + tail["."]]
        if fraction:
            ways.append(whole + tail[","])
    return ways


def _whole_and_cents(number: str) -> tuple[str, str]:
    cents = re.search(r"[.,](\d{1,2})$", number)
    whole = number[: cents.start()] if cents else number
    return re.sub(r"\D", "", whole), cents[1] if cents else ""


def _year(figures: str) -> str:
    if len(figures) == 4:
        return figures
    return f"20{figures}" if int(figures) < _CENTURY else f"19{figures}"
