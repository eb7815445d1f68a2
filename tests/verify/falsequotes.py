"""False quotes, as readers invent them: something else is said, in nearly the same words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from quoted import NUMBER, Change, Source, a_run, gappy

LONG = 5  #: letters a word needs to be a name or to mean something on its own


def listed(text: str) -> list[str]:
    return text.split()


NOT = {"not", "no", "never", "without", "neither", "nor", "cannot", "none", "nicht", "kein", "keine", "ohne", "nie"}
OPPOSITES = listed(
    """increase/decrease increased/decreased increases/decreases higher/lower more/less greater/smaller before/after
    buyer/seller landlord/tenant gain/loss profit/loss assets/liabilities minimum/maximum first/last above/below
    begin/end accepted/rejected include/exclude including/excluding may/must shall/may all/some with/without
    paid/unpaid due/overdue income/expense income/expenses credit/debit debit/credit employer/employee receive/pay
    Disclosing/Receiving disclosing/receiving total/net gross/net net/gross long/short current/deferred
    direct/indirect vor/nach mehr/weniger Käufer/Verkäufer Mieter/Vermieter Brutto/Netto Netto/Brutto buy/sell
    purchase/sale sales/purchases up/down from/to over/under in/out"""
)
MONTHS = listed(
    """January February March April May June July August September October November December Januar Februar März Mai
    Juni Juli Oktober Dezember Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec"""
)
UNITS = listed(
    """million/billion millions/billions thousand/million thousands/millions days/months months/years year/month
    years/months month/year hours/days weeks/days percent/points kg/g km/m EUR/USD USD/EUR RM/USD Euro/Dollar
    cents/dollars dollars/euros hundred/thousand %/‰ $/€ €/$ £/€ mg/g pcs/kg Monate/Tage Tage/Wochen Jahre/Monate
    day/week"""
)
SYNONYMS = listed(
    """agreement/contract shall/will must/should company/firm annual/yearly approximately/about total/overall
    amount/sum payment/settlement date/day number/figure use/employ purchase/acquisition begin/start large/big
    employees/staff revenue/turnover significant/considerable provide/supply customers/clients prior/previous
    certain/some include/contain information/data period/time related/connected required/needed obtain/get
    business/enterprise based/founded price/cost services/work products/goods Rechnung/Faktura Betrag/Summe
    Vertrag/Abkommen invoice/bill due/payable"""
)


def _exchange(source: Source, wanted: Callable[[str], str | None]) -> str | None:
    """The run with one of its words replaced by what `wanted` makes of it."""
    made = [(n, new) for n, word in enumerate(source.words) if (new := wanted(word)) and new != word]
    if not made:
        return None
    n, new = source.chance.choice(made)
    return " ".join([*source.words[:n], new, *source.words[n + 1 :]])


def digit_changed(source: Source) -> str | None:
    def change(word: str) -> str | None:
        digits = [m.start() for m in NUMBER.finditer(word)]
        if not digits:
            return None
        place = source.chance.choice(digits)
        other = source.chance.choice([d for d in "0123456789" if d != word[place]])
        return word[:place] + other + word[place + 1 :]

    return _exchange(source, change)


def digits_swapped(source: Source) -> str | None:
    def change(word: str) -> str | None:
        pairs = [n for n in range(len(word) - 1) if word[n : n + 2].isdigit() and word[n] != word[n + 1]]
        if not pairs:
            return None
        n = source.chance.choice(pairs)
        return word[:n] + word[n + 1] + word[n] + word[n + 2 :]

    return _exchange(source, change)


def digit_lost(source: Source) -> str | None:
    def change(word: str) -> str | None:
        digits = [m.start() for m in NUMBER.finditer(word)]
        place = source.chance.choice(digits) if len(digits) > 1 else None
        if place is None or re.fullmatch(r"0*", word[place + 1 :]) and "." in word[:place]:
            return None  # 1.50 and 1.5 are the same
        return word[:place] + word[place + 1 :]

    return _exchange(source, change)


def decimal_mark_moved(source: Source) -> str | None:
    def change(word: str) -> str | None:
        m = re.search(r"(?<![\d.,])(\d+)\.(\d{1,2})(?![\d.,])", word)
        if not m or int(m[1] + m[2]) == 0:
            return None
        digits, place = m[1] + m[2], len(m[1])
        moved = place + source.chance.choice([-1, 1])
        if not 0 < moved <= len(digits):
            return None
        number = digits[:moved] + ("." + digits[moved:] if digits[moved:] else "")
        return word[: m.start()] + number + word[m.end() :]

    return _exchange(source, change)


def sign_changed(source: Source) -> str | None:
    def change(word: str) -> str | None:
        if m := re.fullmatch(r"(\$?)\((\$?[\d,.]+)%?\)", word):
            return m[1] + m[2]
        if m := re.fullmatch(r"[-−–](\$?\d[\d,.]*%?)", word):
            return m[1]
        if re.fullmatch(r"\$?\d{1,3}(,\d{3})+(\.\d+)?", word):
            return source.chance.choice([f"({word})", f"-{word}"])
        return None

    return _exchange(source, change)


def negation_removed(source: Source) -> str | None:
    inner = [n for n in range(1, len(source.words) - 1) if source.words[n].strip(",;").casefold() in NOT]
    if not inner:
        return None
    n = source.chance.choice(inner)
    return " ".join(source.words[:n] + source.words[n + 1 :])


def negation_put_in(source: Source) -> str | None:
    places = [n for n, w in enumerate(source.words) if w in {"is", "are", "was", "shall", "may", "will", "has", "ist",
              "sind", "wird", "must", "can", "would", "were", "have"}]  # fmt: skip
    places = [n for n in places if 0 < n + 1 < len(source.words)]
    if not places:
        return None
    n = source.chance.choice(places)
    word = source.chance.choice(["not", "never"]) if source.words[n] not in {"ist", "sind", "wird"} else "nicht"
    return " ".join([*source.words[: n + 1], word, *source.words[n + 1 :]])


def _from(pairs: Sequence[str], word: str) -> str | None:
    """The other word of a pair, in the case of the first, with the marks around it."""
    bare = word.strip(".,;:()[]\"'“”")
    for a, b in (pair.split("/") for pair in pairs):
        for one, other in ((a, b), (b, a)):
            if bare and bare.casefold() == one.casefold():
                new = (
                    other.upper() if bare.isupper() and len(bare) > 1 else other.title() if bare[0].isupper() else other
                )
                return word.replace(bare, new)
    return None


def opposite(source: Source) -> str | None:
    return _exchange(source, lambda word: _from(OPPOSITES, word))


def month_changed(source: Source) -> str | None:
    def change(word: str) -> str | None:
        bare = word.strip(".,;:()")
        months = [m for m in MONTHS if m.casefold() == bare.casefold() and bare[0].isupper()]
        if not months or len(source.words) < 2:
            return None
        others = [m for m in MONTHS if m != months[0] and (len(m) == 3) == (len(months[0]) == 3)]
        new = source.chance.choice(others)
        return word.replace(bare, new.upper() if bare.isupper() else new)

    return _exchange(source, change)


def unit_changed(source: Source) -> str | None:

    def change(word: str) -> str | None:
        for sign, other in (("$", "€"), ("€", "$"), ("£", "€"), ("%", "‰")):
            if sign in word and NUMBER.search(word):
                return word.replace(sign, other)
        return _from(UNITS, word)

    return _exchange(source, change)


def unit_lost(source: Source) -> str | None:
    """Per cent or million gone from a figure in the middle or at the end."""

    def change(word: str) -> str | None:
        return word.replace("%", "") if re.search(r"\d%", word) else None

    gone = _exchange(source, change)
    scales = [n for n, w in enumerate(source.words) if n and re.fullmatch(r"(thousand|million|billion)s?[.,]?", w)
              and NUMBER.search(source.words[n - 1])]  # fmt: skip
    if gone is None and scales and len(source.words) > 3:
        n = source.chance.choice(scales)
        return " ".join(source.words[:n] + source.words[n + 1 :])
    return gone


def name_swapped(source: Source) -> str | None:
    """A capitalised word replaced by another one of the same page."""
    names = [w.text for w in source.page.words if _is_name(w.text)]

    def change(word: str) -> str | None:
        bare = word.strip(".,;:()")
        others = [name for name in names if name.strip(".,;:()").casefold() != bare.casefold()]
        if not _is_name(word) or not others:
            return None
        return word.replace(bare, source.chance.choice(others).strip(".,;:()"))

    return _exchange(source, change)


def _is_name(word: str) -> bool:
    return re.fullmatch(r"[(\"']?[^\W\d_a-z][^\W\d_]{2,}[.,;:)]*", word) is not None


def distant_joined(source: Source) -> str | None:
    """The beginning of one passage and the end of another, far from it."""
    other = a_run(source.page, source.chance)
    if len(source.words) < 6 or len(other) < 6 or set(other) & set(source.words) > set(other[:3]):
        return None
    return " ".join(source.words[: len(source.words) // 2] + other[len(other) // 2 :])


def another_row(source: Source) -> str | None:
    """The label of one row of a table with the figures of another."""
    rows = [line for line in source.page.lines if gappy(line) and any(NUMBER.search(w.text) for w in line[1:])]
    labelled = [row for row in rows if re.search(r"[^\W\d_]{3}", row[0].text) and NUMBER.search(row[-1].text)]
    if len(labelled) < 2:
        return None
    one, other = source.chance.sample(labelled, 2)
    label = [w.text for w in one if not NUMBER.search(w.text)]
    figures = [w.text for w in other if NUMBER.search(w.text)]
    return None if figures == [w.text for w in one if NUMBER.search(w.text)] else " ".join(label + figures)


def another_column(source: Source) -> str | None:
    """The figures of a row in another order."""
    figures = [n for n, w in enumerate(source.words) if re.fullmatch(r"[$(]*\d[\d,.]*[)%]*", w)]
    if len(figures) < 2:
        return None
    a, b = source.chance.sample(figures, 2)
    words = list(source.words)
    words[a], words[b] = words[b], words[a]
    return " ".join(words) if re.sub(r"\D", "", words[a]) != re.sub(r"\D", "", words[b]) else None


def of_another_page(source: Source) -> str | None:
    words = a_run(source.other, source.chance)
    return " ".join(words) if len(words) >= 6 else None


def paraphrased(source: Source) -> str | None:
    return _exchange(source, lambda word: _from(SYNONYMS, word))


def word_left_out(source: Source) -> str | None:
    inner = [n for n in range(1, len(source.words) - 1) if len(re.sub(r"\W", "", source.words[n])) >= LONG]
    if not inner:
        return None
    n = source.chance.choice(inner)
    return " ".join(source.words[:n] + source.words[n + 1 :])


def words_reordered(source: Source) -> str | None:
    words = list(source.words)
    places = [n for n in range(len(words) - 2) if len({w.casefold() for w in words[n : n + 3]}) == 3]
    if not places:
        return None
    n = source.chance.choice(places)
    words[n], words[n + 2] = words[n + 2], words[n]
    return " ".join(words)


FALSE: dict[str, Change] = {
    "digit changed": digit_changed,
    "digits swapped": digits_swapped,
    "digit lost": digit_lost,
    "decimal mark moved": decimal_mark_moved,
    "sign changed": sign_changed,
    "negation removed": negation_removed,
    "negation put in": negation_put_in,
    "opposite": opposite,
    "month changed": month_changed,
    "unit changed": unit_changed,
    "unit lost": unit_lost,
    "name swapped": name_swapped,
    "distant words joined": distant_joined,
    "another row's figures": another_row,
    "figures in another column": another_column,
    "of another page": of_another_page,
    "paraphrased": paraphrased,
    "word left out": word_left_out,
    "words in another order": words_reordered,
}
