"""True quotes, as readers give them: with what print, scanning and habit make of the same words."""

from __future__ import annotations

import re
import unicodedata

from quoted import Change, Source

#: How letters look on a bad scan, from the confusion tables of the OCR literature; one way each.
CONFUSIONS = {
    "rn": "m", "m": "rn", "cl": "d", "d": "cl", "vv": "w", "w": "vv", "li": "h", "h": "b", "b": "h", "l": "i",
    "i": "l", "e": "c", "c": "e", "t": "f", "f": "t", "o": "0", "O": "0", "I": "l", "u": "n", "n": "u", "g": "q",
    "y": "v", "ri": "n", "in": "m", "nn": "m", "S": "5", "B": "8", "a": "o", "Z": "2", "s": "5",
}  # fmt: skip
DASHES = {"-": "–", "–": "-", "—": "-", "'": "’", "’": "'", '"': "”", "“": '"', "”": '"'}


def as_printed(source: Source) -> str | None:
    return " ".join(source.words)


def other_space(source: Source) -> str | None:
    return "".join(word + source.chance.choice([" ", "  ", "\n", " \n ", "\t", "\u00a0"]) for word in source.words)


def hyphens_joined(source: Source) -> str | None:
    """The two halves of a word, broken at the end of a line, as one word."""
    words = [w for line in source.page.lines for w in line]
    broken = [
        n
        for n in range(2, len(words) - 3)
        if re.fullmatch(r"[^\W\d_]{3,}-", words[n].text) and words[n].line != words[n + 1].line
        and words[n + 1].text[:1].islower() and words[n + 1].line == words[n].line + 1
    ]  # fmt: skip
    if not broken:
        return None
    n = source.chance.choice(broken)
    joined = words[n].text[:-1] + words[n + 1].text
    return " ".join([*(w.text for w in words[n - 2 : n]), joined, *(w.text for w in words[n + 2 : n + 4])])


def hyphens_put_in(source: Source) -> str | None:
    """A word broken in two, as somebody copies it from a narrower column."""
    long = [n for n, word in enumerate(source.words) if re.fullmatch(r"[^\W\d_]{7,}", word)]
    if not long:
        return None
    n = source.chance.choice(long)
    half = len(source.words[n]) // 2
    return " ".join([*source.words[:n], f"{source.words[n][:half]}-\n{source.words[n][half:]}", *source.words[n + 1 :]])


def ligatures(source: Source) -> str | None:
    text = " ".join(source.words)
    changed = text.replace("ffi", "ﬃ").replace("fi", "ﬁ").replace("fl", "ﬂ").replace("ff", "ﬀ")
    return changed if changed != text else None


def quotes_and_dashes(source: Source) -> str | None:
    text = " ".join(source.words)
    changed = "".join(DASHES.get(c, c) for c in text)
    return f"“{changed}”" if source.chance.random() < 0.5 or changed == text else changed


def other_case(source: Source) -> str | None:
    return source.chance.choice([str.upper, str.lower, str.title])(" ".join(source.words))


def misrecognised(source: Source) -> str | None:
    """One to three of a hundred letters taken for another shape, at least one; digits stay."""
    text = " ".join(source.words)
    share = source.chance.uniform(0.01, 0.03)
    pattern = "|".join(sorted(map(re.escape, CONFUSIONS), key=len, reverse=True))
    places = [m for m in re.finditer(pattern, text) if _in_a_word(text, m.start(), m.end())]
    number = min(len(places), max(1, round(share * sum(c.isalpha() for c in text))))
    if not places:
        return None
    for m in sorted(source.chance.sample(places, number), key=lambda m: -m.start()):
        text = text[: m.start()] + CONFUSIONS[m.group()] + text[m.end() :]
    return text


def _in_a_word(text: str, start: int, end: int) -> bool:
    """Whether letters stand on both sides: an O beside a digit would make a digit of it."""
    return text[start - 1 : start].isalpha() and text[end : end + 1].isalpha()


def without_accents(source: Source) -> str | None:
    text = " ".join(source.words)
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return plain if plain != unicodedata.normalize("NFD", text) else None


def words_glued(source: Source) -> str | None:
    """A space lost between two words of letters, as recognition loses it."""
    places = [
        n for n, (a, b) in enumerate(zip(source.words, source.words[1:], strict=False)) if a.isalpha() and b.isalpha()
    ]
    if not places:
        return None
    n = source.chance.choice(places)
    return " ".join([*source.words[:n], source.words[n] + source.words[n + 1], *source.words[n + 2 :]])


def regrouped(source: Source) -> str | None:
    """A number with the marks of another country, or without them."""
    grouped = [n for n, word in enumerate(source.words) if re.search(r"(?<![\d.,])\d{1,3}(,\d{3})+(?![\d,])", word)]
    if not grouped:
        return None
    n = source.chance.choice(grouped)
    style = source.chance.choice(["none", "blank", "continental", "swiss"])
    return " ".join(
        [*source.words[:n], re.sub(r"\d[\d,.]*\d", lambda m: _styled(m[0], style), source.words[n])]
        + source.words[n + 1 :]
    )


def _styled(number: str, style: str) -> str:
    whole, _, decimals = number.partition(".")
    mark = {"none": "", "blank": "\u202f", "continental": ".", "swiss": "’"}[style]
    point = "," if style in ("continental", "blank") else "."
    return whole.replace(",", mark) + (point + decimals if decimals else "")


TRUE: dict[str, Change] = {
    "as printed": as_printed,
    "other white space": other_space,
    "hyphens joined": hyphens_joined,
    "hyphens put in": hyphens_put_in,
    "ligatures": ligatures,
    "quotes and dashes": quotes_and_dashes,
    "other case": other_case,
    "misread letters": misrecognised,
    "accents dropped": without_accents,
    "words glued": words_glued,
    "number regrouped": regrouped,
}
