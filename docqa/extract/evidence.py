"""What a document says about how it is written: which of day and month comes first, and whose dollars it counts.

A document is a text here. What decides is printed in it: dates that leave no doubt, month names, a format hint, the
words its labels are in, and the countries of its addresses, telephone numbers, registers and domains. Two countries
that do it differently decide nothing. A currency tells no more than a guess, and a guess is no evidence. Not here:
reading a value in one notation or another (`docqa.extract.values`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from docqa.extract.values import (
    FULL_YEAR,
    LEADING_MONTH,
    MONTH,
    SHARED,
    find_currencies,
    fold_letters,
    numeric_order,
)

#: Countries in which a date of three numbers begins with the month.
_MONTH_FIRST = frozenset(["US"])
#: Countries that tell nothing of it: they write both, or begin with the year.
_EITHER = frozenset(["CA", "PH", "CN", "JP", "TW"])
_CURRENCY_OF = {
    "US": "USD", "AU": "AUD", "CA": "CAD", "NZ": "NZD", "SG": "SGD", "HK": "HKD", "TW": "TWD", "MX": "MXN", "SE": "SEK",
    "NO": "NOK", "DK": "DKK", "IS": "ISK", "JP": "JPY", "CN": "CNY",
}  # fmt: skip

#: What names a country in an address or says where a company is registered, in small letters without accents: names,
#: towns and provinces, legal forms, registers and taxes that only one country has.
_NAMES: dict[str, str] = {
    name: country
    for country, names in {
        "US": "usa | u s a | united states | federal tax id",
        "CA": "canada | ontario | quebec | british columbia | alberta | toronto | montreal | vancouver | "
        "hst | gst hst | qst",
        "AU": "australia | new south wales | sydney | melbourne | brisbane",
        "NZ": "new zealand | nzbn | auckland | aotearoa | christchurch",
        "SG": "singapore | pte ltd | uen",
        "HK": "hong kong | kowloon",
        "TW": "taiwan | taipei",
        "MX": "mexico | cdmx | s a de c v",
        "MY": "malaysia | sdn bhd | sdn berhad | sendirian berhad | selangor | kuala lumpur | johor | penang | "
        "pulau pinang | perak | melaka | negeri sembilan | sabah | sarawak | pahang | kedah | kelantan | terengganu | "
        "putrajaya | petaling jaya | jalan | darul ehsan | darul takzim",
        "SE": "sverige | sweden | stockholm | goteborg | malmo | bankgiro | plusgiro | momsreg nr | "
        "organisationsnummer",
        "NO": "norge | norway | noreg | oslo | bergen | trondheim | foretaksregisteret | mva",
        "DK": "danmark | denmark | kobenhavn | kbenhavn | copenhagen | aarhus | cvr | cvr nr",
        "IS": "iceland | reykjavik | ehf",
        "JP": "japan | tokyo | osaka | kyoto | yokohama",
        "CN": "china | beijing | shanghai | shenzhen | guangzhou",
        "GB": "united kingdom | england | scotland | wales | great britain | london",
        "IE": "ireland | dublin",
        "IN": "india | gstin | mumbai | new delhi | bangalore | bengaluru | pvt ltd",
        "ZA": "south africa",
        "DE": "germany | deutschland | gmbh | ust idnr | handelsregister",
        "AT": "austria | osterreich | wien",
        "CH": "switzerland | schweiz | suisse | svizzera",
        "FR": "france | siret | sarl | sas au capital",
        "BE": "belgium | belgique | belgie",
        "NL": "netherlands | nederland | the netherlands | amsterdam | kvk",
        "ES": "spain | espana | madrid | barcelona",
        "IT": "italy | italia | milano | partita iva",
        "PT": "portugal | lisboa",
        "BR": "brasil | brazil | cnpj",
        "PL": "poland | polska",
    }.items()
    for name in names.split(" | ")
}  # fmt: skip
#: Names that hold another country's.
_OTHERWISE = re.compile(r" (?:new mexico|united states dollars?|new england|abn amro) ")
_MONEY_NAMES: dict[str, str] = {
    name: code
    for code, names in {
        "USD": "us dollar | u s dollar | united states dollar", "CAD": "canadian dollar", "AUD": "australian dollar",
        "NZD": "new zealand dollar", "SGD": "singapore dollar", "HKD": "hong kong dollar",
        "SEK": "swedish kron | svenska kron", "NOK": "norwegian kron | norske kron", "DKK": "danish kron | danske kron",
        "JPY": "yen", "CNY": "yuan | renminbi",
    }.items()
    for name in names.split(" | ")
}  # fmt: skip
_ONE_WORD = {name: country for name, country in _NAMES.items() if " " not in name}
_MORE_WORDS = {f" {name} ": country for name, country in _NAMES.items() if " " in name}
_DIALLED = {
    "60": "MY", "65": "SG", "61": "AU", "64": "NZ", "852": "HK", "886": "TW", "44": "GB", "353": "IE", "49": "DE",
    "43": "AT", "41": "CH", "33": "FR", "32": "BE", "31": "NL", "39": "IT", "34": "ES", "351": "PT", "46": "SE",
    "47": "NO", "45": "DK", "354": "IS", "81": "JP", "86": "CN", "91": "IN", "52": "MX", "55": "BR", "27": "ZA",
    "48": "PL",
}  # fmt: skip
_DIAL = re.compile(rf"\+\s?({'|'.join(sorted(_DIALLED, key=len, reverse=True))})[\s\-/.(\d]")
_DOMAIN = re.compile(r"(?:www\.|@)[\w\-.]*?\.(?:com?\.|net\.|org\.)?([a-z]{2})(?![\w.-]\w|\w)")
_DOMAINS = frozenset(country.lower() for country in _NAMES.values()) | {"uk"}
#: Where an account is kept or a tax number was given: two letters of the country, two digits, and more.
_REGISTERED = re.compile(r"\b(DE|AT|CH|FR|BE|NL|ES|IT|PT|PL|SE|DK|GB|IE)\d{2}(?:\d{6,7}|\s?[A-Z\d]{4}\s?\d{4})")
_US_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|"
    "PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
#: "DE 80333" is in Germany: Delaware's numbers begin with 197 to 199.
_US_ADDRESS = re.compile(rf"[A-Z](?<!\w.)[A-Z](?<={_US_STATES})\.?,? (?:(?<!DE )|(?=19[7-9]))\d{{5}}(?:-\d{{4}})?\b")
_CA_ADDRESS = re.compile(r"\b[ABCEGHJ-NPRSTVXY]\d[A-Z] \d[A-Z]\d\b")
_AU_ADDRESS = re.compile(r"\b(?:NSW|VIC|QLD|TAS|ACT) \d{4}\b|\bA\.?[BC]\.?N\.?[ :.]{0,3}\d{2,3} ?\d{3} ?\d{3}\b")

_DAY_LEADS = re.compile(rf"\d(?<!\d.)\d?(?:st|nd|rd|th)?\.? (?:of )?{MONTH},? {FULL_YEAR}")
_MONTH_LEADS = re.compile(rf"(?:{LEADING_MONTH})(?![a-z])\.? \d\d?(?:st|nd|rd|th)?, ?{FULL_YEAR}")
_DAY_FORMAT = re.compile(r"(?<![a-z])(?:dd|tt|jj|gg)\s?[-/. ]\s?mm\s?[-/. ]\s?(?:yy|jj|aa)")
_MONTH_FORMAT = re.compile(r"(?<![a-z])mm\s?[-/. ]\s?(?:dd|jj|tt)\s?[-/. ]\s?(?:yy|aa)")
#: Words of labels in languages whose countries all write the day first; two of them make a document in one of these.
_DAY_FIRST_WORDS = frozenset(
    word
    for words in (
        "rechnung rechnungsdatum rechnungsnummer lieferdatum steuer mwst ust betrag gesamtbetrag kunde datum",
        "facture montant tva client echeance",
        "fecha factura importe cliente fattura imponibile importo scadenza fatura vencimento",
        "factuur factuurdatum btw bedrag vervaldatum",
        "tarikh jumlah tunai resit",
        "faktura fakturadatum fakturadato moms forfallsdato belop",
    )
    for word in words.split()
)


@lru_cache(maxsize=16)  # of a document it is asked by who reads it and by who checks
def day_first_evidence(text: str) -> bool | None:
    """Whether a document writes the day before the month; None if its text does not tell, or has no date to tell it of.

    A number above 12 settles it. Only without one do weaker hints count: a format that is printed beside a box, how it
    writes dates with month names, the countries it names, the language of its labels.
    """
    numeric = numeric_order(text)
    if numeric.order is not None or not numeric.dates:
        return numeric.order
    folded = fold_letters(text)
    if (said := _either(_DAY_FORMAT.search(folded), _MONTH_FORMAT.search(folded))) is not None:
        return said
    if (said := _either(_DAY_LEADS.search(folded), _MONTH_LEADS.search(folded))) is not None:
        return said
    there = countries_of(text) - _EITHER
    if (said := _either(there - _MONTH_FIRST, there & _MONTH_FIRST)) is not None:
        return said
    return True if len(_DAY_FIRST_WORDS & set(re.findall("[a-z]+", folded))) > 1 else None


def likely_day_first(text: str) -> bool | None:
    """The same, with a guess by the currency where nothing tells: good enough to read a date, not to be sure of it."""
    known = day_first_evidence(text)
    if known is not None or not numeric_order(text).dates:
        return known
    codes = {span.value for span in find_currencies(text)}
    return _either(codes - {"USD", "$"}, codes & {"USD", "$"})


def _either(for_day: object, for_month: object) -> bool | None:
    return bool(for_day) if bool(for_day) != bool(for_month) else None


@lru_cache(maxsize=16)
def countries_of(text: str) -> frozenset[str]:
    """The countries (ISO 3166) of the addresses, telephone numbers, registers and domains in a text."""
    said = _OTHERWISE.sub(" - ", _words_in(text))
    found = {_ONE_WORD[word] for word in _ONE_WORD.keys() & set(said.split())}
    found |= {country for name, country in _MORE_WORDS.items() if name in said}
    found |= {_DIALLED[code] for code in _DIAL.findall(text)}
    ends = {end for end in _DOMAIN.findall(text.lower()) if end in _DOMAINS}
    found |= {"GB" if end == "uk" else end.upper() for end in ends}
    found |= set(_REGISTERED.findall(text))
    addresses = (("US", _US_ADDRESS), ("CA", _CA_ADDRESS), ("AU", _AU_ADDRESS))
    return frozenset(found | {country for country, form in addresses if form.search(text)})


def _words_in(text: str) -> str:
    """The words of a text in small letters without accents, each with a blank on either side."""
    return f" {' '.join(re.findall('[a-z]+', fold_letters(text)))} "


@lru_cache(maxsize=16)
def shared_signs(text: str) -> Mapping[str, str]:
    """What the signs that several currencies share mean in a document ("$": "AUD"); those nobody can tell are left out.

    A code or an unmistakable sign that is printed too ("AUD", "A$") tells it, and if there is none or several the
    countries it names.
    """
    printed = {span.value for span in find_currencies(text)}
    signs = printed & SHARED.keys()
    if signs:
        said = _words_in(text)
        printed |= {code for name, code in _MONEY_NAMES.items() if f" {name}" in said}
    meant = {}
    for sign in signs:
        named = printed & set(SHARED[sign])
        local = {_CURRENCY_OF[country] for country in countries_of(text) if country in _CURRENCY_OF} & set(SHARED[sign])
        if len(one := (named if len(named) == 1 else named & local or local)) == 1:
            meant[sign] = next(iter(one))
    return meant
