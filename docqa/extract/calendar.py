"""What months, counts and units of time are called: tables without accents, in small letters.

Not here: dates (`docqa.extract.values`) and where durations stand on a page (`docqa.readers.layout`).
"""

from __future__ import annotations

import re

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
#: The number of a month by each of its names.
MONTH_NUMBER: dict[str, int] = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}

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


def duration_value(folded: str) -> str | None:
    """Return "3 years" for "three (3) years", and None for anything that is no duration."""
    match = _DURATION.fullmatch(folded)
    if match is None or match.group(2) not in _UNITS:
        return None
    word = re.sub(r"[\s\-]", "", match.group(1))
    count = int(word) if word.isdigit() else _COUNTS.get(word)
    return None if count is None else f"{count} {_UNITS[match.group(2)]}{'' if count == 1 else 's'}"
