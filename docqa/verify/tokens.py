"""What of a text is compared: words, numbers and signs, and when two of them are the same.

Printers, recognisers and readers write the same thing differently: case, ligatures, accents typed apart, white space,
typographic quotes and dashes make no difference here, nor does how a number is grouped. A number with another value, a
sign or a unit that came or went, and a word that is another word do.

Not here: where on a page something stands (`docqa.verify.quotes`).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from docqa.extract.values import find_dates


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    NUMBER = "number"
    SIGN = "sign"


class Token(NamedTuple):
    """A run of letters, a number or a sign. `key` is what is compared; a number's is as printed, in plain digits."""

    kind: Kind
    key: str
    word: int  #: which of the words given it begins in, from 0
    last: int  #: … and ends in: only a date has several
    opens: bool = True  #: whether a quote may begin here: at the edge of a word, or where two were glued together
    closes: bool = True  #: whether a quote may end here
    whole: bool = True  #: whether it is all there is in its word
    negative: bool | None = False  #: of a number; None where a bracket was cut off, so that nobody can tell


#: What nobody sees and a terminal or a browser might obey: controls, changes of direction, hidden tags.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e0fff]"
)


def printable(text: str) -> str:
    """Text of documents and readers as it may be shown, on a terminal too."""
    return _UNPRINTABLE.sub("", text)


# ── from text to tokens ──────────────────────────────────────────────────────────────────────────────────────────────

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹣－"), "-")
_MARKS = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "`": "'", "´": "'"})
#: Blanks that only ever stand between the groups of digits of one number: thin, narrow, no-break.
_GROUPING = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_RAISED = re.compile("(?<=[0-9])([\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089]+)")  #: 10² is not 102
_CURRENCY = "$€£¥¢₹₽₺₩₪₫₱฿₴₦"
_SIGN = f"[%‰{re.escape(_CURRENCY)}]|[<>≤≥±≈](?=\\s?[0-9])"
#: Letters of scripts that are written without spaces stand for themselves.
_ALONE = "\u0e01-\u0e4e\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(
    rf"(?P<sign>{_SIGN})|(?P<number>(?:(?<![\w.,])\.)?\d+(?:[.,']\d+)*)"
    rf"|(?P<word>[{_ALONE}]|(?:(?![{_ALONE}])[^\W\d_])+(?:'(?:(?![{_ALONE}])[^\W\d_])+)*)"
)
#: A recogniser takes 0 for o and 1 for l: where digits or letters stand around it, it is clear which was meant.
_MISREAD_DIGITS = (
    (re.compile(r"(?<=[a-z])0(?=[a-z])|(?<![\w])0(?=[a-z]{3})"), "o"),
    (re.compile(r"(?<=[a-z])1(?=[a-z])"), "l"),
    (re.compile(r"(?<=[a-z])5(?=[a-z])"), "s"),
    (re.compile(r"(?<=[a-z])8(?=[a-z])"), "b"),
    (re.compile(r"(?<=[0-9.,])o(?=[0-9.,]|\b)|(?<![^\W_])o(?=[.,][0-9])"), "0"),
    (re.compile(r"(?<=[0-9])[li|](?=[0-9.,])|(?<![^\W_])[li|](?=[.,]?[0-9])"), "1"),
)
_MINUS = re.compile(rf"(?:^|[\s(\[/:;={re.escape(_CURRENCY)}])-(?:[{re.escape(_CURRENCY)}])?$")
_OPENED = re.compile(rf"\(\s?(?:[{re.escape(_CURRENCY)}]\s?)?$")
_INSIDE = "-/_'&@"  #: what holds the parts of a code or a compound together


def fold(text: str) -> str:
    """One case, no accents, no ligatures, plain quotes and dashes, nothing invisible."""
    spaced = _RAISED.sub(r" \1", text).translate(_DASHES).translate(_MARKS)
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", spaced).casefold())
    return "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")


def words_of(text: str) -> list[str]:
    """A text cut at its white space, though not inside a number."""
    return _GROUPING.sub("'", text).split()


@lru_cache(maxsize=1 << 16)  # the words of a page are compared once for each of its values
def letters_of(text: str) -> str:
    """Letters and digits in one case, without accents, and nothing else."""
    return "".join(c for c in fold(text) if c.isalnum())


def tokens_of(words: Iterable[str], dates: bool = False) -> list[Token]:
    """The tokens of some words in order. With `dates`, a complete and unmistakable date is one token."""
    folded = [_folded(word) for word in words]
    text = " ".join(folded)
    starts = list(accumulate((len(word) + 1 for word in folded[:-1]), initial=0)) if folded else []
    found = [(m.start(), m.end(), m) for m in _TOKEN.finditer(text)]
    tokens = [_token(text, starts, start, end, _KINDS[m.lastgroup], m.group()) for start, end, m in found]
    return _with_dates(text, tokens, [(start, end) for start, end, _ in found]) if dates else tokens


_KINDS: dict[str | None, Kind] = {kind.value: kind for kind in Kind}


@lru_cache(maxsize=1 << 15)  # a document has few words and says them often, and each page is read in several orders
def _folded(word: str) -> str:
    return _unmistaken(fold(word))


def _unmistaken(word: str) -> str:
    if not any(c.isdigit() for c in word):
        return word
    for pattern, meant in _MISREAD_DIGITS:
        word = pattern.sub(meant, word)
    return word


def _token(text: str, starts: Sequence[int], start: int, end: int, kind: Kind, key: str) -> Token:
    word = bisect_right(starts, start) - 1
    word_end = starts[word + 1] - 1 if word + 1 < len(starts) else len(text)
    left, right = text[starts[word] : start], text[end:word_end]
    more_left, more_right = any(map(str.isalnum, left)), any(map(str.isalnum, right))
    return Token(
        kind,
        key.replace("'", "") if kind is Kind.WORD else key,
        word,
        word,
        opens=not more_left or _is_seam(left[-1], key[0]),
        closes=not more_right or _is_seam(right[0], key[-1]),
        whole=not (more_left or more_right),
        negative=_negative(text, start, end, key) if kind is Kind.NUMBER else False,
    )


def _is_seam(neighbour: str, edge: str) -> bool:
    """Whether two things meet in a word, as in Total:40.00 and RM40.00: not in a code or in non-refundable."""
    if neighbour in ".,":
        return not edge.isdigit()
    return neighbour not in _INSIDE


def _negative(text: str, start: int, end: int, key: str) -> bool | None:
    """Minus before it, brackets around it, or a minus after its decimals as accountants print it."""
    before, after = text[max(0, start - 6) : start], text[end : end + 4]
    if _MINUS.search(before):
        return True
    if _OPENED.search(before):
        rest = after.lstrip(" %")
        return True if rest.startswith(")") else False if rest or end < len(text) else None
    if after.lstrip(" %").startswith(")") and not before.strip():
        return None
    return bool(re.search(r"[.,]\d\d$", key) and re.match(r"-(?:\s|$)", after))


def _with_dates(text: str, tokens: Sequence[Token], places: Sequence[tuple[int, int]]) -> list[Token]:
    """Complete dates that mean the same whether the day or the month comes first, each as one token."""
    either = {(s.start, s.end, s.value) for s in find_dates(text, True)} & {
        (s.start, s.end, s.value) for s in find_dates(text, False)
    }
    merged: list[tuple[int, Token]] = []
    for start, end, value in either:
        covered = [token for token, (a, b) in zip(tokens, places, strict=True) if a < end and start < b]
        if covered:
            edges = (covered[0].word, covered[-1].last, covered[0].opens, covered[-1].closes)
            merged.append((start, Token(Kind.NUMBER, f"date {value}", *edges)))
    rest = [
        (a, token)
        for token, (a, b) in zip(tokens, places, strict=True)
        if not any(a < end and start < b for start, end, _ in either)
    ]
    return [token for _, token in sorted([*rest, *merged], key=lambda item: item[0])]


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=4096)
def values(printed: str, decimal_mark: str = "") -> frozenset[str]:
    """What a printed number can mean, in plain digits: 1,577 is 1577 or 1.577 unless one knows what marks decimals."""
    if printed.startswith("date "):
        return frozenset([printed])
    marks, groups = re.findall(r"[.,' ]", printed), re.split(r"[.,' ]", printed)
    if not marks:
        return frozenset([printed])
    meant = set()
    if len(set(marks)) == 1 and _grouped(groups) and marks[0] != decimal_mark:
        meant.add("".join(groups))
    whole, mark = groups[:-1], marks[-1]
    other = "," if decimal_mark == "." else "." if decimal_mark == "," else ""
    plain_whole = len(whole) == 1 or (_grouped(whole) and len(set(marks[:-1])) == 1 and mark not in marks[:-1])
    if mark in ".," and plain_whole and not (mark == other and meant):
        decimals = groups[-1].rstrip("0")
        meant.add(("".join(whole) or "0") + (f".{decimals}" if decimals else ""))
    return frozenset(meant or [".".join(groups)])


def _grouped(groups: Sequence[str]) -> bool:
    return 0 < len(groups[0]) <= 3 and groups[0] != "0" and all(len(group) == 3 for group in groups[1:])


def decimal_mark(tokens: Iterable[Token]) -> str:
    """What marks decimals in a text, by numbers that leave no doubt; empty where there are none or they disagree."""
    votes = {".": 0, ",": 0}
    for token in tokens:
        if token.kind is Kind.NUMBER and (found := re.search(r"([.,])\d\d$", token.key)):
            both = {".", ","} <= set(token.key)
            votes[found[1]] += 3 if both else len(re.findall(r"[.,]", token.key)) == 1
    high, low = max(votes, key=lambda mark: votes[mark]), min(votes.values())
    return high if votes[high] > 3 * low else ""


def same_number(a: Token, b: Token, decimal_mark: str) -> bool:
    """Whether two numbers have the same value and sign; the mark is what is known of the second one's text."""
    if a.negative is not None and b.negative is not None and a.negative != b.negative:
        return False
    return a.key == b.key or bool(values(a.key) & values(b.key, decimal_mark))


def joined(tokens: Sequence[Token]) -> Token | None:
    """One number of several that are groups of its digits, as in 5 550,00; None if they cannot be."""
    first, *rest = tokens
    groups = [first.key, *(token.key for token in rest)]
    if not re.fullmatch(r"[1-9]\d{0,2}", first.key):
        return None
    if not all(re.fullmatch(r"\d{3}", group) for group in groups[1:-1]):
        return None
    last = re.fullmatch(r"(\d{3})([.,]\d+)?", groups[-1])
    if last is None or first.negative is None:
        return None
    key = "".join([*groups[:-1], last[1], last[2] or ""])
    return Token(Kind.NUMBER, key, first.word, rest[-1].last, negative=first.negative)


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Shapes that are taken for one another on paper, each way; both sides in lower case without accents.
_LOOKALIKE = (
    "rn m, vv w, cl d, ri n, li h, ii u, in m, ni m, nn m, lc k, fi h, i l, i j, i t, l t, f t, c e, c o, e o, h b, "
    "h n, u n, u v, v y, g q, g y, o a, e a, a s, r n, l f, z 2, o q, k x, d o, b o, s g"
)
#: … of these, what is still believed in words of up to three letters, most of which are words of their own.
_STRONG = "rn m, vv w, cl d, ri n, i l, i j, l t, f t, c e, c o, e o, h b, u n, o a, in m, v y, i t, li h, g q"
#: … and what is never believed where the words of the page are those of the file: there only the reader can have erred.
_WEAK = frozenset(("r n", "a s", "d o", "b o", "s g", "k x", "h n", "e a", "o q"))
#: Words that differ from another word by one shape, or that must not: no such word is a misreading of another one.
_KNOWN = _words(
    """a am an and any are as at be been being by can could did do does each either every few for foe from had has have
    he her him his how i if in into is it its may me might more most must my neither never new no nor not now of off
    on one or our out over own per shall she should so some such than that the their them then there these they this
    those though through to too two up us was we were what when where which who will with within without would yes
    you your aber alle als auf aus bei bin bis das dass dem den denn der des die dies doch du ein eine einem einen
    einer eines er es fur hat hatte ich ihm ihn ihr im ist ja kann kein keine mehr mein mit nach nein nicht nie noch
    nun nur ob oder ohne sein sich sie sind uber um und uns vom von vor war weder wenn wer wie wir zu zum zur au
    aucun aux avec ce ces dans de elle en est et il la le les leur mais ne ni non nos nous ou par pas plus pour que
    qui sa sans se ses si son sont sur un une vos vous january february march april june july august september
    october november december jan feb mar apr jun jul aug sep oct nov dec januar februar marz mai juni juli oktober
    dezember janvier fevrier mars avril juin juillet aout octobre hundred thousand million millions billion billions
    trillion mio mrd tsd mn bn tn tausend millionen milliarde milliarden eur usd gbp chf jpy cad inr day days
    week weeks month months year years hour hours cent cents employer employee lessor lessee payer payee form farm
    cost lost land hand lease least fat fan let lot get got"""
)
MAX_SLIPS = 2  #: letters of one word that may have been misread
_LOOSE = 5  #: letters a word needs before a letter lost inside it is put down to recognition


def _pairs(listed: Iterable[str]) -> frozenset[tuple[str, str]]:
    parts = [tuple(pair.split()) for pair in listed]
    return frozenset((a, b) for x, y in parts for a, b in ((x, y), (y, x)))


_ALL_PAIRS = _pairs(_LOOKALIKE.split(", "))
_TEXT_PAIRS = _pairs(pair for pair in _LOOKALIKE.split(", ") if pair not in _WEAK)
_SHORT_PAIRS = _pairs(_STRONG.split(", "))


@lru_cache(maxsize=65536)
def slips(said: str, printed: str, recognised: bool) -> int | None:
    """How many letters of a word were misread, 0 to MAX_SLIPS; None if it is another word.

    A letter may only be taken for one of its shape. In words a recogniser read, one may also be lost inside the word.
    """
    if said == printed:
        return 0
    if abs(len(said) - len(printed)) > MAX_SLIPS or min(len(said), len(printed)) < 2:
        return None
    if said in _KNOWN and printed in _KNOWN:
        return None
    short = min(len(said), len(printed)) <= 3
    pairs = _SHORT_PAIRS if short else _ALL_PAIRS if recognised else _TEXT_PAIRS
    found = _misread(said, printed, pairs, 1 if short else MAX_SLIPS)
    if found is None and recognised and min(len(said), len(printed)) >= _LOOSE and _lost_inside(said, printed):
        return 1
    return found


def may_begin_alike(said: str, printed: str) -> bool:
    """Whether two words, or what is glued to them, can be the same, going by their first letters."""
    return said[0] == printed[0] or (said[0], printed[0]) in _ALL_PAIRS


def _misread(a: str, b: str, pairs: frozenset[tuple[str, str]], left: int) -> int | None:
    """The fewest exchanges of one shape for another that turn a into b, at most `left`."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    # a shape of two letters may begin with one that agrees: "rn" and "r" of another word
    for begin in {start, max(0, start - 1)}:
        rest_a, rest_b = a[begin:], b[begin:]
        if not rest_a and not rest_b:
            return 0
        if not left:
            continue
        for width_a, width_b in ((1, 1), (2, 1), (1, 2)):
            if (rest_a[:width_a], rest_b[:width_b]) in pairs:
                more = _misread(rest_a[width_a:], rest_b[width_b:], pairs, left - 1)
                if more is not None:
                    return more + 1
    return None


def _lost_inside(a: str, b: str) -> bool:
    """Whether the longer one has one letter more, neither its first nor its last."""
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    if len(longer) != len(shorter) + 1 or longer[0] != shorter[0] or longer[-1] != shorter[-1]:
        return False
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(1, len(longer) - 1))
