"""Values as printed and values as kept: dates, amounts, choices and texts in both forms.

Pure functions over text. Not here: finding the place on a page a value stands at (`docqa.readers.layout`), and checking
that it stands there (`docqa.verify`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from docqa.types import FieldSpec, FieldType


class Span(NamedTuple):
    """A value inside a longer text: `text[start:end]` is how it is printed, `value` how it is kept."""

    start: int
    end: int
    value: str


def normalise(text: str, spec: FieldSpec, day_first: bool | None = None) -> str:
    """Turn a value as printed into the value as kept; raises ValueError with a sentence if it does not fit the field.

    `day_first` is what is known about the document's dates, see `day_first_evidence`.
    """
    printed = fold_space(text)
    if not printed:
        raise ValueError("The value is empty.")
    if spec.type is FieldType.DATE:
        value = _date_value(printed, day_first)
    elif spec.type is FieldType.LIST:
        value = "; ".join(split_list(text))
    else:
        value = _plain_value(printed, spec)
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


def _plain_value(printed: str, spec: FieldSpec) -> str:
    readers: dict[FieldType, Callable[[str], str]] = {
        FieldType.AMOUNT: _amount_value,
        FieldType.NUMBER: _number_value,
        FieldType.INTEGER: _integer_value,
        FieldType.BOOLEAN: _boolean_value,
        FieldType.CHOICE: lambda text: _choice_value(text, spec.choices),
    }
    if spec.type in readers:
        return readers[spec.type](printed)
    if "currency" in spec.name.lower() and printed.upper() in CURRENCIES:
        return CURRENCIES[printed.upper()]
    return _duration_value(printed) or printed


# ── durations ────────────────────────────────────────────────────────────────────────────────────────────────────────

#: Numbers in words, without accents, as durations are written: English, German, French, Spanish, Italian, Dutch.
_COUNTS: dict[str, int] = {
    word: count
    for count, words in {
        1: "one ein eine einem einen einer un une uno una een", 2: "two zwei deux due dos twee",
        3: "three drei trois tre tres drie", 4: "four vier quatre", 5: "five funf cinq", 6: "six", 7: "seven",
        8: "eight", 9: "nine", 10: "ten zehn dix", 12: "twelve", 14: "fourteen", 18: "eighteen",
        20: "twenty", 24: "twentyfour", 30: "thirty", 36: "thirtysix", 60: "sixty", 90: "ninety",
    }.items()
    for word in words.split()
}  # fmt: skip
_DURATION = re.compile(r"([a-z][a-z \-]*?|\d{1,3})[\s\-]*(?:\(\d{1,3}\)\s*)?[\s\-]*([a-z]+)(?:['’]s?)?")
_UNITS: dict[str, str] = {
    word: unit
    for unit, words in {
        "day": "day days tag tage tagen jour jours dia dias giorni dagen",
        "week": "week weeks woche wochen semaine semaines weken",
        "month": "month months monat monate monaten mois mes meses mese mesi maand maanden",
        "year": "year years jahr jahre jahren an ans annee annees ano anos anno anni jaar jaren",
    }.items()
    for word in words.split()
}  # fmt: skip


def _duration_value(printed: str) -> str | None:
    """Return "3 years" for "three (3) years", and None for anything that is no duration."""
    match = _DURATION.fullmatch(fold_letters(printed))
    if match is None or match.group(2) not in _UNITS:
        return None
    word = re.sub(r"[\s\-]", "", match.group(1))
    count = int(word) if word.isdigit() else _COUNTS.get(word)
    return None if count is None else f"{count} {_UNITS[match.group(2)]}{'' if count == 1 else 's'}"


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


def _choice_value(printed: str, choices: tuple[str, ...]) -> str:
    meant = CURRENCIES.get(printed.upper(), printed)
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


#: How a currency is printed, in capitals, and its ISO 4217 code.
CURRENCIES: dict[str, str] = {
    "€": "EUR", "EUR": "EUR", "EURO": "EUR", "EUROS": "EUR", "$": "USD", "US$": "USD", "USD": "USD", "£": "GBP",
    "GBP": "GBP", "CHF": "CHF", "SFR": "CHF", "¥": "JPY", "JPY": "JPY", "CNY": "CNY", "RMB": "CNY", "₹": "INR",
    "INR": "INR", "RS": "INR", "RS.": "INR", "RM": "MYR", "MYR": "MYR", "SGD": "SGD", "S$": "SGD", "HKD": "HKD",
    "HK$": "HKD", "AUD": "AUD", "A$": "AUD", "CAD": "CAD", "C$": "CAD", "SEK": "SEK", "NOK": "NOK", "DKK": "DKK",
    "PLN": "PLN", "ZŁ": "PLN", "CZK": "CZK", "HUF": "HUF", "RON": "RON", "BRL": "BRL", "R$": "BRL", "MXN": "MXN",
    "ZAR": "ZAR", "TRY": "TRY", "₺": "TRY", "₽": "RUB", "RUB": "RUB", "KRW": "KRW", "₩": "KRW", "THB": "THB",
    "IDR": "IDR",
}  # fmt: skip

_LETTER = r"[^\W\d_]"
#: In any case of its letters, spelled out: a pattern that ignores case tries each mark at each place in full.
_CURRENCY = _any_case(CURRENCIES)
#: Codes are printed in capitals: "Try" and "Ron" are words. These are printed otherwise, too.
_ALSO_SMALL = ("EUR", "EURO", "EUROS", "RM", "RS", "RS.", "SFR")
_PRINTED = {**CURRENCIES, **{mark.capitalize(): CURRENCIES[mark] for mark in _ALSO_SMALL}, "SFr": "CHF"}
_CURRENCY_ALONE = re.compile(rf"(?:{_from_first_letter(_PRINTED, _LETTER)})(?!{_LETTER})")
_GROUPED = (
    r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:\.\d{3})+(?!\d)|\d{1,3}(?:['’]\d{3})+(?!\d)|\d{1,3}(?:[\u00a0\u202f]\d{3})+(?!\d)"
    # A plain blank groups digits only where a decimal comma or a euro behind it confirms it: "2 100.00" is two cells of
    # a table.
    r"|\d{1,3}(?: \d{3})+(?=,\d{2}(?!\d)|\s?(?:€|EUR|[Ee]uros?\b))"
)
# A point that OCR took for a hyphen is believed where a cell ends behind it (WALL in `docqa.readers.layout.runs`).
_DECIMALS = r"[.,]\d{1,6}(?!\d)|[.,]\s?[-–—]{1,2}(?!\d)|-\d{2}(?=\x00|$)"
# OCR tears "1,234.56" apart at the point. Only believed beside a currency or in a grouped number: "5. 20 pieces" is a
# list.
_TORN = r"\s?[.,]\s?\d{2}(?!\d)"
_AMOUNT = re.compile(
    rf"(?P<open>\(\s?)?(?P<minus>[-–−]\s?)?(?P<front>(?:(?<!{_LETTER})|(?<={_LETTER}{{3}}))(?:{_CURRENCY})\s?)?"
    # A currency may be glued to the digits; without one they begin a word, or OCR glued a whole word to them.
    rf"(?P<inner>[-–−]\s?)?(?(front)|(?:(?<![\w.,/])|(?<={_LETTER}{{2}}))(?<!\d[-:]))"
    rf"(?P<number>(?:{_GROUPED})(?:{_DECIMALS}|{_TORN})?|\d+(?:{_DECIMALS})|(?(front)\d+(?:{_TORN})?|\d+))"
    rf"(?P<after>\s?[-–−](?![\w]))?(?P<back>\s?(?:{_CURRENCY})(?!{_LETTER}))?(?P<close>\s?\))?"
    rf"(?!\s?%)(?![\d_]|{_LETTER}{{2}})(?![/:]\d)(?!-\w)(?![.,]\d)"
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
    """The currency signs and codes in running text; the value is the ISO 4217 code."""
    return [Span(m.start(), m.end(), _PRINTED[m.group()]) for m in _CURRENCY_ALONE.finditer(text)]


def currency_of(*texts: str) -> str | None:
    """The currency printed in the first of the texts that has one; of several in it the one it has most often."""
    for text in texts:
        counts = Counter(span.value for span in find_currencies(text))
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
        if not _inside_a_code(found, text):
            yield found
        position = found.end()


def _inside_a_code(match: re.Match[str], text: str) -> bool:
    """Letters on digits are a code such as "INV123" or "16G", but OCR glues "TOTAL12.50" and shops print "12.50S"."""
    glued = match.start() > 0 and text[match.start() - 1].isalpha()
    glued = glued or text[match.end() : match.end() + 1].isalpha()
    return glued and re.search(r"[.,]\s?\d{2}$", match.group("number")) is None


def _amount_span(match: re.Match[str]) -> Span:
    parens = bool(match.group("open") and match.group("close"))
    negative = parens or any(match.group(name) for name in ("minus", "inner", "after"))
    start = match.start() if parens or not match.group("open") else match.end("open")
    end = match.end() if parens or not match.group("close") else match.start("close")
    value = _plain_number(match.group("number"))
    return Span(start, end, f"-{value}" if negative and Decimal(value) != 0 else value)


def _plain_number(printed: str, lone_point_is_decimal: bool = False) -> str:
    """Digits with a decimal point. The last mark is the decimal one unless exactly three digits follow it."""
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
    if re.fullmatch(r"[-–−]?\d+\.\d+", printed):
        return printed.translate({ord("–"): "-", ord("−"): "-"})
    percent = re.fullmatch(r"(.*\d)\s?%", printed)
    return _amount_value(percent.group(1) if percent else printed)


def _integer_value(printed: str) -> str:
    value = Decimal(_amount_value(printed))
    if value != value.to_integral_value():
        raise ValueError(f"“{printed}” is not a whole number.")
    return str(int(value))


def _decimal(printed: str) -> Decimal:
    # A value as kept is read as it stands; only a printed one may hide its decimals.
    if re.fullmatch(r"-?\d+(?:\.\d+)?", printed) and not re.fullmatch(r"-?\d{1,3}\.\d{3}", printed):
        return Decimal(printed)
    return Decimal(_number_value(printed))


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#: Month names without accents: English, German, French, Spanish, Italian, Dutch, Portuguese; short forms after them.
_MONTHS: tuple[str, ...] = (
    "january januar janner janvier enero gennaio januari janeiro jan janv ene gen",
    "february februar feber fevrier febrero febbraio februari fevereiro feb febr fevr fev",
    "march marz maerz mars marzo maart marco mar mrz mrt",
    "april avril abril aprile apr avr abr",
    "may mai mayo maggio mei maio mag",
    "june juni juin junio giugno junho jun giu",
    "july juli juillet julio luglio julho jul juil lug",
    "august aout agosto augustus aug ago",
    "september septembre septiembre setiembre settembre setembro sep sept set",
    "october oktober octobre octubre ottobre outubro oct okt ott out",
    "november novembre noviembre novembro nov",
    "december dezember decembre diciembre dicembre dezembro dec dez dic",
)
_MONTH_NUMBER: dict[str, int] = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_MONTH = "(?:" + "|".join(sorted(_MONTH_NUMBER, key=len, reverse=True)) + r")(?![a-z])"
_FIRST_MONTH = f"(?:{_from_first_letter(_MONTH_NUMBER, '[a-z]')})(?![a-z])"  #: at the beginning of a form
_YEAR = r"(?:(?:19|20)\d\d(?!\d(?!\d?:))|['’]?\d\d(?!\d(?!\d?:\d))(?![.,]\d))"
_FULL_YEAR = r"(?:19|20)\d\d(?!\d(?!\d?:))"
_ORDINAL = r"(?:\s?(?:st|nd|rd|th|er|ste|de|e|[ºª°]))?"

#: Each form begins with a letter or digit and then says what must not stand before it: the search skips all else.
_DATE_FORMS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(form)
    for form in (
        r"(?P<y>(?:19|20)(?<![\d.,/-]..)\d\d)\s?(?P<mark>[-/.])\s?(?P<m>\d\d?)\s?(?P=mark)\s?(?P<d>\d\d?)(?!\d(?!\d?:))",
        rf"(?P<d>\d(?<![\d.,/].)\d?){_ORDINAL}[\s.,/-]*(?:day\s+)?(?:of\s+|de\s+|del\s+)?(?P<name>{_MONTH})"
        rf"[\s.,/-]*(?:de\s+|del\s+|of\s+)?(?P<y>{_YEAR})",
        rf"(?P<name>{_FIRST_MONTH})[\s.]*(?:the\s+)?(?P<d>\d\d?){_ORDINAL}(?:\s?[,.]\s?|\s+)(?P<y>{_FULL_YEAR})",
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
                order = day_first_evidence(text) is not False
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
        day, month = int(parts["d"]), _MONTH_NUMBER[parts["name"]] if "name" in parts else int(parts["m"])
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


_NUMERIC_DATE = re.compile(rf"(\d(?<![\d.,/-].)\d?)([-/])(\d\d?)\2{_YEAR}")
_LEADING_MONTH = _from_first_letter(_MONTH_NUMBER, "[a-z]", r"\d ", r"\d", "of ")
_MONTH_LEADS = re.compile(rf"(?:{_LEADING_MONTH})(?![a-z])\.? \d\d?(?:st|nd|rd|th)?, ?{_FULL_YEAR}")
_DAY_LEADS = re.compile(rf"\d(?<!\d.)\d?(?:st|nd|rd|th)?\.? (?:of )?{_MONTH},? {_FULL_YEAR}")
_US_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|"
    "PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
_US_ADDRESS = re.compile(rf"[A-Z](?<!\w.)[A-Z](?<={_US_STATES})\.?,? \d{{5}}(?:-\d{{4}})?\b")


@lru_cache(maxsize=16)  # of a document it is asked by who reads it and by who checks
def day_first_evidence(text: str) -> bool | None:
    """Whether a document writes the day before the month; None if its text does not tell.

    A number above 12 settles it. Only without one do weaker hints count: how it writes dates with month names, US
    addresses, and at last its currency.
    """
    numeric = [(int(m.group(1)), int(m.group(3))) for m in _NUMERIC_DATE.finditer(text)]
    day_leads = sum(12 < a <= 31 and b <= 12 for a, b in numeric)
    month_leads = sum(12 < b <= 31 and a <= 12 for a, b in numeric)
    if day_leads != month_leads:
        return day_leads > month_leads
    folded = fold_letters(text)
    hints: tuple[Callable[[], tuple[bool, bool]], ...] = (
        lambda: (bool(_DAY_LEADS.search(folded)), bool(_MONTH_LEADS.search(folded))),
        lambda: (False, bool(_US_ADDRESS.search(text))),
        lambda: _currency_hints(text),
    )
    return next((for_day for hint in hints for for_day, for_month in [hint()] if for_day != for_month), None)


def is_ambiguous_date(printed: str) -> bool:
    """Whether day and month could change places: 03/04/2018, but neither 3/3/2018, 13/04/2018 nor 03.04.2018."""
    return any(
        int(m.group(1)) <= 12 and int(m.group(3)) <= 12 and m.group(1).lstrip("0") != m.group(3).lstrip("0")
        for m in _NUMERIC_DATE.finditer(printed)
    )


def _currency_hints(text: str) -> tuple[bool, bool]:
    codes = {span.value for span in find_currencies(text)}
    return bool(codes - {"USD"}), "USD" in codes
