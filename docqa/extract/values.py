"""Values as printed and values as kept: dates, amounts, choices and texts in both forms.

Pure functions over text. Not here: finding the place on a page a value stands at (`docqa.readers.layout`), and checking
that it stands there (`docqa.verify`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from docqa.extract.calendar import MONTH_NUMBER, duration_value
from docqa.types import FieldSpec, FieldType


class Span(NamedTuple):
    """A value inside a longer text: `text[start:end]` is how it is printed, `value` how it is kept."""

    start: int
    end: int
    value: str


_UNKNOWN: Mapping[str, str] = {}


def normalise(text: str, spec: FieldSpec, day_first: bool | None = None, signs: Mapping[str, str] = _UNKNOWN) -> str:
    """Turn a value as printed into the value as kept; raises ValueError with a sentence if it does not fit the field.

    `day_first` is what is known about the document's dates, `signs` what it means by signs that several currencies
    share (`docqa.extract.evidence`).
    """
    printed = fold_space(text)
    if not printed:
        raise ValueError("The value is empty.")
    if spec.type is FieldType.DATE:
        value = _date_value(printed, day_first)
    elif spec.type is FieldType.LIST:
        value = "; ".join(split_list(text))
    else:
        value = _plain_value(printed, spec, signs)
    if spec.pattern is not None and re.fullmatch(spec.pattern, value) is None:
        raise ValueError(f"“{value}” does not match the pattern {spec.pattern}.")
    return value


def same_value(a: str, b: str, type: FieldType) -> bool:
    """Whether two values, printed or kept, say the same: what evaluation counts as correct."""
    if type is FieldType.LIST:
        return {_fold(item) for item in split_list(a)} == {_fold(item) for item in split_list(b)}
    if type is FieldType.DATE:
        return _comparable(a, _default_date) == _comparable(b, _default_date)
    if type in (FieldType.AMOUNT, FieldType.NUMBER, FieldType.INTEGER):
        return _comparable(a, _decimal) == _comparable(b, _decimal)
    if type is FieldType.BOOLEAN:
        return _comparable(a, _boolean_value) == _comparable(b, _boolean_value)
    return _fold(a) == _fold(b)


def fold_space(text: str) -> str:
    """The text with every run of white space as one blank, and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fold_letters(text: str) -> str:
    """Small letters without accents, as many characters as before, so that positions stay valid."""
    plain = text if text.isascii() else _NO_ASCII.sub(lambda match: _folded_letter(match.group()), text)
    return plain.lower()


_NO_ASCII = re.compile(r"[^\x00-\x7f]")


@cache
def _folded_letter(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0].lower()[0]


def split_list(text: str) -> list[str]:
    """The items of a list as printed or as kept."""
    return [item for item in (fold_space(part).strip(" ,") for part in re.split(r"[;\n•|]+", text)) if item]


def _comparable(text: str, read: Callable[[str], str | Decimal]) -> str | Decimal:
    try:
        return read(fold_space(text))
    except ValueError:
        return _fold(text)


def _fold(text: str) -> str:
    """Letters and digits only; a mark between two digits stays as one, so that 1.5 is not 15 but 421 938 is 421938."""
    plain = fold_letters(unicodedata.normalize("NFKC", text).casefold()).replace("&", " and ").strip()
    if plain.upper() in CURRENCIES:
        return CURRENCIES[plain.upper()].casefold()
    joined = re.sub(r"(?<=\d)[^\w\s]+\s?(?=\d)", "\x00", plain)
    return re.sub(r"[^\w\x00]|_", "", joined).replace("\x00", " ")


def _plain_value(printed: str, spec: FieldSpec, signs: Mapping[str, str]) -> str:
    readers: dict[FieldType, Callable[[str], str]] = {
        FieldType.AMOUNT: _amount_value,
        FieldType.NUMBER: _number_value,
        FieldType.INTEGER: _integer_value,
        FieldType.BOOLEAN: _boolean_value,
        FieldType.CHOICE: lambda text: _choice_value(text, spec.choices, signs),
    }
    if spec.type in readers:
        return readers[spec.type](printed)
    if "currency" in spec.name.lower() and (code := _code(printed)) is not None:
        return signs.get(code, code)
    return duration_value(fold_letters(printed)) or printed


# ── choices and booleans ─────────────────────────────────────────────────────────────────────────────────────────────

_TRUE = {"true", "yes", "y", "ja", "j", "oui", "o", "si", "s", "sim", "x", "✓", "✔", "☑", "☒", "1", "on", "checked"}
_FALSE = {"false", "no", "n", "nein", "nee", "non", "nao", "☐", "□", "▢", "0", "off", "unchecked"}


def _boolean_value(printed: str) -> str:
    word = fold_letters(printed).strip(" .,:;()[]")
    if word in _TRUE:
        return "true"
    if word in _FALSE or printed in ("[]", "[ ]", "( )"):
        return "false"
    raise ValueError(f"“{printed}” is neither yes nor no.")


def _choice_value(printed: str, choices: tuple[str, ...], signs: Mapping[str, str]) -> str:
    meant = _code(printed) or printed
    meant = signs.get(meant, meant)
    shared = [choice for choice in choices if choice in SHARED.get(meant, ())]
    if len(shared) > 1:
        raise ValueError(f"“{printed}” may be {' or '.join(shared)}.")
    meant = shared[0] if shared else meant
    exact = [choice for choice in choices if _fold(choice) == _fold(meant)]
    within = [choice for choice in choices if _fold(choice) and _fold(choice) in _fold(printed)]
    # "credit note" also holds "note": the longest choice inside the text is the one that is meant.
    found = exact or sorted(within, key=len, reverse=True)
    if not found:
        raise ValueError(f"“{printed}” is none of {', '.join(choices)}.")
    return found[0]


# ── amounts and numbers ──────────────────────────────────────────────────────────────────────────────────────────────


def _from_first_letter(words: Iterable[str], *not_before: str) -> str:
    """A pattern of any of some words that follows none of `not_before`; the search skips to their first letters."""
    rests: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        rests.setdefault(re.escape(word[0]), []).append(re.escape(word[1:]))
    return "|".join(
        first + "".join(f"(?<!{before}{first})" for before in not_before) + f"(?:{'|'.join(rest)})"
        for first, rest in rests.items()
    )


def _any_case(words: Iterable[str]) -> str:
    """A pattern of any of some words, the longest first, in capitals or small letters."""
    rests: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        first, *rest = (f"[{c}{c.lower()}]" if c.isalpha() else re.escape(c) for c in word)
        rests.setdefault(first, []).append("".join(rest))
    return "|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in rests.items())


#: Signs that several currencies share, as they are kept where nobody knows which is meant, and those currencies.
SHARED: dict[str, tuple[str, ...]] = {
    "$": ("USD", "AUD", "CAD", "NZD", "SGD", "HKD", "TWD", "MXN"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
    "¥": ("JPY", "CNY"),
}
#: How a currency is printed, in capitals, and its ISO 4217 code; a sign that several share stays what it is.
CURRENCIES: dict[str, str] = {
    "€": "EUR", "EUR": "EUR", "EURO": "EUR", "EUROS": "EUR", "$": "$", "US$": "USD", "USD": "USD", "£": "GBP",
    "GBP": "GBP", "CHF": "CHF", "SFR": "CHF", "¥": "¥", "JPY": "JPY", "CNY": "CNY", "RMB": "CNY", "₹": "INR",
    "INR": "INR", "RS": "INR", "RS.": "INR", "RM": "MYR", "MYR": "MYR", "SGD": "SGD", "S$": "SGD", "HKD": "HKD",
    "HK$": "HKD", "AUD": "AUD", "A$": "AUD", "CAD": "CAD", "C$": "CAD", "SEK": "SEK", "NOK": "NOK", "DKK": "DKK",
    "PLN": "PLN", "ZŁ": "PLN", "CZK": "CZK", "HUF": "HUF", "RON": "RON", "BRL": "BRL", "R$": "BRL", "MXN": "MXN",
    "ZAR": "ZAR", "TRY": "TRY", "₺": "TRY", "₽": "RUB", "RUB": "RUB", "KRW": "KRW", "₩": "KRW", "THB": "THB",
    "IDR": "IDR", "AU$": "AUD", "CA$": "CAD", "NZD": "NZD", "NZ$": "NZD", "TWD": "TWD", "NT$": "TWD", "MX$": "MXN",
    "ISK": "ISK",
}  # fmt: skip

_LETTER = r"[^\W\d_]"
#: In any case of its letters, spelled out: a pattern that ignores case tries each mark at each place in full.
_CURRENCY = rf"{_any_case(CURRENCIES)}|[Kk]r\.?"
#: Codes are printed in capitals: "Try" and "Ron" are words. These are printed otherwise, too.
_ALSO_SMALL = ("EUR", "EURO", "EUROS", "RM", "RS", "RS.", "SFR")
_PRINTED = {**CURRENCIES, **{mark.capitalize(): CURRENCIES[mark] for mark in _ALSO_SMALL}, "SFr": "CHF"}
_PRINTED |= {"kr": "kr", "kr.": "kr", "Kr": "kr", "Kr.": "kr"}
_CURRENCY_ALONE = re.compile(rf"(?:{_from_first_letter(_PRINTED, _LETTER)})(?!{_LETTER})")
_GROUPED = (
    r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:\.\d{3})+(?!\d)|\d{1,3}(?:['’]\d{3})+(?!\d)|\d{1,3}(?:[\u00a0\u2009\u202f]\d{3})+(?!\d)"
    r"|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)"  # lakhs and crores
    # A plain blank groups digits only where a decimal comma confirms it: "2 100.00" is two cells of a table.
    r"|\d{1,3}(?: \d{3})+(?=,\d{2}(?!\d))"
)
# A point that OCR took for a hyphen is believed where a cell ends behind it (WALL in `docqa.readers.layout.runs`).
_DECIMALS = r"[.,]\d{1,6}(?!\d)|[.,]\s?[-–—]{1,2}(?!\d)|-\d{2}(?=\x00|$)"
# OCR tears "1,234.56" apart at the point. Only believed beside a currency or in a grouped number: "5. 20 pieces" is a
# list.
_TORN = r"\s?[.,]\s?\d{2}(?!\d)"
_CELL_END = r"(?=\s*(?:\x00|$))"
#: A plain blank groups digits beside a currency, too, and where nothing else is in the cell: "EUR 12 345".
_SPACED = (
    rf"\d{{1,3}}(?: \d{{3}})+(?!\d)(?:(?(front)(?:{_DECIMALS})?|(?!))|(?=\s?(?:{_CURRENCY})(?!{_LETTER})))"
    rf"|(?:(?<![^\x00(\-−])|(?<=[:=])|(?<=[:=] ))\d{{1,3}}(?: \d{{3}})+{_CELL_END}"
)
#: What is printed for a minus: hyphens, the en dash, the sign itself, and the soft hyphen that some files have for it.
_MINUS = "[-\u00ad‐‑‒–−﹣－]"
_AMOUNT = re.compile(
    rf"(?P<open>\(\s?)?(?P<minus>{_MINUS}\s?)?"
    rf"(?P<front>(?:(?<!{_LETTER})|(?<={_LETTER}{{3}}))(?:{_CURRENCY})\s?)?"
    # A currency may be glued to the digits; without one they begin a word, or OCR glued a whole word to them.
    rf"(?P<inner>{_MINUS}\s?)?(?(front)|(?:(?<![\w.,/])|(?<={_LETTER}{{2}}))(?<!\d[-–:]))"
    rf"(?P<number>{_SPACED}|(?:{_GROUPED})(?:{_DECIMALS}|{_TORN})?|\d+(?:{_DECIMALS})|(?(front)\d+(?:{_TORN})?|\d+))"
    # A minus behind is glued to the amount or ends its cell: else it parts what is before it from what is behind.
    rf"(?P<after>{_MINUS}(?!\w)|\s{_MINUS}{_CELL_END})?(?P<back>\s?(?:{_CURRENCY})(?!{_LETTER}))?"
    rf"(?P<last>{_MINUS}(?!\w)|\s{_MINUS}{_CELL_END})?(?P<credit>\s?[Cc][Rr](?!\w))?(?P<close>\s?\))?"
    rf"(?!\s?%)(?![\d_]|{_LETTER}{{2}})(?![/:]\d)(?![-–]\w)(?![.,]\d)"
)
_DIGIT = re.compile(r"\d")


def find_amounts(text: str, dates: Sequence[Span] | None = None) -> list[Span]:
    """The numbers in running text that can be amounts; percentages, dates, times and parts of longer codes are not.

    A span holds the currency and the sign beside the number; its value has neither thousands separators nor currency.
    `dates` are those of the text, if somebody has found them.
    """
    taken = find_dates(text) if dates is None else dates
    spans = (_amount_span(match) for match in _amount_matches(text))
    return [span for span in spans if not any(span.start < other.end and other.start < span.end for other in taken)]


def find_currencies(text: str) -> list[Span]:
    """The currency signs and codes in running text; the value is the ISO 4217 code, or a sign that several share."""
    return [Span(m.start(), m.end(), _PRINTED[m.group()]) for m in _CURRENCY_ALONE.finditer(text)]


def currency_of(*texts: str, signs: Mapping[str, str] = _UNKNOWN) -> str | None:
    """The currency printed in the first of the texts that has one; of several in it the one it has most often.

    A sign that several currencies share is given as it is ("$") unless `signs` knows which is meant.
    """
    for text in texts:
        counts = Counter(signs.get(span.value, span.value) for span in find_currencies(text))
        if counts:
            return counts.most_common(1)[0][0]
    return None


def _amount_matches(text: str) -> Iterator[re.Match[str]]:
    position = 0
    while (digit := _DIGIT.search(text, position)) is not None:
        # An amount starts with its first digit, or a bracket, sign and currency before it.
        found = _AMOUNT.search(text, max(position, digit.start() - 12))
        if found is None:
            return
        if not _inside_a_code(found, text) and not _in_larger_units(found, text):
            yield found
        position = found.end()


def _inside_a_code(match: re.Match[str], text: str) -> bool:
    """Letters on digits are a code such as "INV123" or "16G", but OCR glues "TOTAL12.50" and shops print "12.50S"."""
    glued = match.start() > 0 and text[match.start() - 1].isalpha()
    glued = glued or text[match.end() : match.end() + 1].isalpha()
    return glued and re.search(r"[.,]\s?\d{2}$", match.group("number")) is None


#: "2.5 million" is not 2.5; in India "5 Cr" are fifty million rupees.
_LARGER = re.compile(
    r"(?i)\s?(?:mio|mill?ion\w*|mill?iard\w*|milion\w*|millon\w*|miljoen\w*|mrd|billions?|bn|tsd|tausend|thousands?|"
    r"mille|lakhs?|crores?)(?!\w)"
)
_MONEY = re.compile(r"[.,]\s?\d\d$")


def _in_larger_units(match: re.Match[str], text: str) -> bool:
    credit = match["credit"] and "INR" in (_code(match["front"]), _code(match["back"]))
    return bool(credit) or _LARGER.match(text, match.end()) is not None


def _code(mark: str | None) -> str | None:
    plain = mark.strip() if mark else ""
    return CURRENCIES.get(plain.upper()) or _PRINTED.get(plain)


def _amount_span(match: re.Match[str]) -> Span:
    parens = bool(match["open"] and match["close"])
    start, negative = _front_of(match, parens)
    end, credit = match.end(), bool(match["credit"])
    if match["close"] and not parens:
        end = match.start("close")
    if credit and not (_MONEY.search(match["number"]) or match["front"] or match["back"]):
        end, credit = match.start("credit"), False  # "500 CR" may be anything
    value = _plain_number(match["number"])
    negative = negative or parens or credit or bool(match["after"] or match["last"])
    return Span(start, end, f"-{value}" if negative and Decimal(value) != 0 else value)


def _front_of(match: re.Match[str], parens: bool) -> tuple[int, bool]:
    """Where an amount begins, and whether a minus stands before it.

    A dash with a blank behind it may also part the amount from its label ("Total – 5.00") or from another ("3 - 5"):
    it is a minus at the beginning of a cell and behind a colon, and a hyphen is one behind words, too.
    """
    start = match.start() if parens or not match["open"] else match.end("open")
    dash = match["inner"] or match["minus"] or ""
    if not dash[1:]:
        return start, bool(dash)
    before = match.string[max(0, match.start() - 8) : match.start()].rstrip(" ")
    parts = before != "" and (before[-1].isdigit() or dash[0] == "–") and before[-1] not in "\0:="
    if parts and not parens:
        return match.start("number") if match["inner"] else match.end("minus"), False
    return start, True


def _plain_number(printed: str, lone_point_is_decimal: bool = False) -> str:
    """Digits with a decimal point. The last mark is the decimal one unless exactly three digits follow it."""
    if not printed.isascii():  # digits of other scripts and widths
        printed = "".join(str(unicodedata.decimal(char, char)) for char in printed)
    if printed.isdecimal():
        return printed
    digits = re.sub(r"[\s'’]", "", printed)
    digits = re.sub(r"[.,][-–—]{1,2}$", "", digits)
    digits = re.sub(r"-(?=\d\d$)", ".", digits)
    marks = [(found.group(), found.start()) for found in re.finditer(r"[.,]", digits)]
    if not marks:
        return digits
    mark, place = marks[-1]
    whole, decimals = re.sub(r"[.,]", "", digits[:place]), digits[place + 1 :]
    alone = len(marks) == 1
    grouping = len(decimals) == 3 and all(a[0] == b[0] for a, b in pairwise(marks))
    if alone and (len(whole) > 3 or whole == "0" or (lone_point_is_decimal and mark == ".")):
        grouping = False
    return whole + decimals if grouping else f"{whole}.{decimals}"


def _single_amount(printed: str) -> Span:
    spans = find_amounts(printed)
    if len(spans) != 1:
        raise ValueError(f"“{printed}” is not one number.")
    return spans[0]


def _amount_value(printed: str) -> str:
    return _single_amount(printed).value


def _number_value(printed: str) -> str:
    if re.fullmatch(rf"{_MINUS}?[0-9]+\.[0-9]+", printed):
        return re.sub(_MINUS, "-", printed)
    percent = re.fullmatch(r"(.*\d)\s?%", printed)
    return _amount_value(percent.group(1) if percent else printed)


def _integer_value(printed: str) -> str:
    value = Decimal(_amount_value(printed.removesuffix("%").rstrip()))
    if value != value.to_integral_value():
        raise ValueError(f"“{printed}” is not a whole number.")
    return str(int(value))


def _decimal(printed: str) -> Decimal:
    # A value as kept is read as it stands; only a printed one may hide its decimals.
    if re.fullmatch(r"-?\d+(?:\.\d+)?", printed) and not re.fullmatch(r"-?\d{1,3}\.\d{3}", printed):
        return Decimal(printed)
    return Decimal(_number_value(printed))


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#: A month by name, in a text without accents; a year in full.
MONTH = "(?:" + "|".join(sorted(MONTH_NUMBER, key=len, reverse=True)) + r")(?![a-z])"
#: … that no day stands before, as in "May 3, 2021".
LEADING_MONTH = _from_first_letter(MONTH_NUMBER, "[a-z]", r"\d ", r"\d", "of ")
_FIRST_MONTH = f"(?:{_from_first_letter(MONTH_NUMBER, '[a-z]')})(?![a-z])"  #: at the beginning of a form
_YEAR = r"(?:(?:19|20)\d\d(?!\d(?!\d?:))|['’]?\d\d(?!\d(?!\d?:\d))(?![.,]\d))"
FULL_YEAR = r"(?:19|20)\d\d(?!\d(?!\d?:))"
_ORDINAL = r"(?:\s?(?:st|nd|rd|th|er|ste|de|e|[ºª°]))?"

#: Each form begins with a letter or digit and then says what must not stand before it: the search skips all else.
_DATE_FORMS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(form)
    for form in (
        r"(?P<y>(?:19|20)(?<![\d.,/-]..)\d\d)\s?(?P<mark>[-/.])\s?(?P<m>\d\d?)\s?(?P=mark)\s?(?P<d>\d\d?)(?!\d(?!\d?:))",
        rf"(?P<d>\d(?<![\d.,/].)\d?){_ORDINAL}[\s.,/-]*(?:day\s+)?(?:of\s+|de\s+|del\s+)?(?P<name>{MONTH})"
        rf"[\s.,/-]*(?:de\s+|del\s+|of\s+)?(?P<y>{_YEAR})",
        rf"(?P<name>{_FIRST_MONTH})[\s.]*(?:the\s+)?(?P<d>\d\d?){_ORDINAL}(?:\s?[,.]\s?|\s+)(?P<y>{FULL_YEAR})",
        rf"(?P<name>{_FIRST_MONTH})[/-](?P<d>\d\d?)[/-](?P<y>{_YEAR})",
        rf"(?P<a>\d(?<![\d.,/-].)\d?)\s?(?P<mark>[-/.])\s?(?P<b>\d\d?)\s?(?P=mark)\s?(?P<y>{_YEAR})",
        # boxes of a form
        r"(?P<d>[0-3](?<![\w.,/-].)(?<!\d .) \d) (?P<m>[01] \d) (?P<y>(?:1 9|2 0) \d \d)(?! ?[\w/-])",
        r"(?P<y>(?:19|20)(?<![\w.,/-]..)\d\d)(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?![\w/-])(?![.,]\d)",
    )
)


_SHORTEST_DATE = len("1/2/18")


def find_dates(text: str, day_first: bool | None = None) -> list[Span]:
    """The complete dates in running text, in order; the value is ISO 8601.

    Without `day_first` an ambiguous 03/04/2018 is read by the other dates of the same text, else day first.
    """
    if len(text) < _SHORTEST_DATE:
        return []
    folded = fold_letters(text)
    order = day_first
    spans: list[Span] = []
    for form in _DATE_FORMS:
        for match in form.finditer(folded):
            if order is None and "a" in match.groupdict():
                order = numeric_order(text).order is not False
            iso = _iso(match, order is not False)
            free = not any(match.start() < span.end and span.start < match.end() for span in spans)
            if iso is not None and free:
                spans.append(Span(match.start(), match.end(), iso))
    return sorted(spans, key=lambda span: span.start)


def _iso(match: re.Match[str], day_first: bool) -> str | None:
    parts = {name: part.replace(" ", "") for name, part in match.groupdict().items()}
    year = int(parts["y"].lstrip("'’"))
    if year < 100:
        year += 2000 if year < 70 else 1900
    if "a" in parts:
        day, month = _day_and_month(int(parts["a"]), int(parts["b"]), day_first or parts["mark"] == ".")
    else:
        day, month = int(parts["d"]), MONTH_NUMBER[parts["name"]] if "name" in parts else int(parts["m"])
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _day_and_month(first: int, second: int, day_first: bool) -> tuple[int, int]:
    if second > 12 or (not day_first and first <= 12):
        return second, first
    return first, second


def _date_value(printed: str, day_first: bool | None) -> str:
    found = {span.value for span in find_dates(printed, day_first)}
    if len(found) != 1:
        raise ValueError(f"“{printed}” is not one complete date.")
    return found.pop()


def _default_date(printed: str) -> str:
    return _date_value(printed, None)


_NUMERIC_DATE = re.compile(rf"(\d(?<![\d.,/-].)\d?)\s?([-/])\s?(\d\d?)\s?\2\s?{_YEAR}")


class NumericOrder(NamedTuple):
    """What dates like 03/04/2018 say: whether the day leads, None if they do not tell; and whether there are any."""

    order: bool | None
    dates: bool


def numeric_order(text: str) -> NumericOrder:
    """The order of day and month by the numbers above 12 of a text's dates, if nearly all of them agree."""
    numeric = [(int(m.group(1)), int(m.group(3))) for m in _NUMERIC_DATE.finditer(text)]
    day_leads = sum(12 < a <= 31 and b <= 12 for a, b in numeric)
    month_leads = sum(12 < b <= 31 and a <= 12 for a, b in numeric)
    agreed = max(day_leads, month_leads) > _AGREED * min(day_leads, month_leads)
    return NumericOrder(day_leads > month_leads if agreed else None, bool(numeric))


_AGREED = 3  #: times as many dates of one order as of the other, of which recognition may have misread a digit


def is_ambiguous_date(printed: str) -> bool:
    """Whether day and month could change places: 03/04/2018, but neither 3/3/2018, 13/04/2018 nor 03.04.2018."""
    return any(
        int(m.group(1)) <= 12 and int(m.group(3)) <= 12 and m.group(1).lstrip("0") != m.group(3).lstrip("0")
        for m in _NUMERIC_DATE.finditer(printed)
    )
