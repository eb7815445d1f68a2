"""The parties of an agreement: the names that its first sentences say it is between.

A pure function of text. Not here: which of them a field asks for (`docqa.readers.layout`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from docqa.readers.layout.names import compact, first_company, has_legal_form

_HEAD = 3000  #: characters of a document in which its parties are named
_APART = 400  #: characters between the first and the second of two parties

_NAME = (
    r"(?:[A-Z0-9][\w.&’'/\-]*)(?:,? (?:(?:of|and|&|the|de|van|von|der) )?(?:[A-Z(&][\w.&’'/\-)]*)){0,7}"
    r"(?:, (?:Inc|Ltd|LLC|L\.L\.C|LLP|L\.P|Corp|GmbH|S\.A|N\.A|Incorporated|Limited)\b\.?)?"
)
_DEFINED = re.compile(rf"({_NAME})(?:,? an? [^()“”\"]{{3,140}}?)?,? ?\([^()“”\"]{{0,60}}[“”\"]([^“”\"]{{1,40}})[“”\"]")
_BETWEEN = re.compile(rf"\b(?i:between|among|zwischen|entre)\b:? ({_NAME})")
_AND = re.compile(rf"[\w),–“”\"] (?i:and|und|et|y) ({_NAME})(?= ?[(,.])")
_NO_PARTY = re.compile(
    r"(?i)\b(?:agreement|date|information|transaction|material|act|section|representatives?|services?|affiliates?|"
    r"stock exchange|parties|party|subsidiar(?:y|ies)|laws?|plan|merger|shares?)$"
)
#: What stands before a name in the sentence that names it and is no part of it, and what begins behind it.
_BEFORE_PARTY = re.compile(r"^(?:WHEREAS|RECITALS|BETWEEN|AND|NOW|THEREFORE|The|[A-Z]\.)\b[\s,.:]*(?!\w{1,2}\b)|^\W+")
_BEHIND_PARTY = re.compile(r"(?:\s*\((?:[a-z][^()]*|t?he\b[^()]*)?\)?|, an?|,|\s*\()$")
#: The street or the town behind a company's legal form: "Alder GmbH, Lehmgrube".
_PLACE_BEHIND = re.compile(
    r"(\b(?:GmbH|KG|AG|SAS|SARL|SA|Ltd|plc|PLC|LLC|Inc|BV)\b\.?), "
    r"(?!(?:Inc|Ltd|LLC|L\.|LLP|Corp|GmbH|S\.A|N\.A|Incorporated|Limited)\b).*$"
)


class Party(NamedTuple):
    """A name in a text, and how surely it is one of those who agree, from 0 to 1."""

    start: int
    text: str
    worth: float


_Hit = tuple[tuple[int, int], float, str]  #: start and end, worth, the short name it is given


def find_parties(text: str) -> list[Party]:
    """Names after "between", and names that are given a short name in brackets, at the beginning; the surest first."""
    head = text[:_HEAD]
    between = _BETWEEN.search(head)
    hits = [
        (match.span(1), 0.7 if has_legal_form(match.group(1)) else 0.5, match.group(2))
        for match in _DEFINED.finditer(head)
    ]
    if between is not None:
        hits.append((between.span(1), 0.8, ""))
        second = _AND.search(head, between.end(1))
        if second is not None and second.start() - between.end() < _APART:
            hits.append((second.span(1), 0.75, ""))
    return _distinct(head, hits)


def _distinct(head: str, hits: Iterable[_Hit]) -> list[Party]:
    found: dict[str, Party] = {}
    for (start, end), worth, short in sorted(hits, key=lambda hit: -hit[1]):
        text = _BEHIND_PARTY.sub("", head[start:end].rstrip(" ,("))
        while (front := _BEFORE_PARTY.match(text)) and front.end():
            text, start = text[front.end() :], start + front.end()
        text = first_company(_PLACE_BEHIND.sub(r"\1", text))
        named = compact(text)
        wrong = not text[:1].isalpha() or _NO_PARTY.search(text) or _NO_PARTY.search(short) or len(named) < 4
        if not wrong and not any(named in other or other in named for other in found):
            found[named] = Party(start, text, worth)
    return list(found.values())
