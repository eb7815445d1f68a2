"""Proof that the truth is true: answers and fields stand on their pages, sums add up, pictures have no text layer.

Each function returns what is wrong as sentences; no sentence means that all is well.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from decimal import Decimal
from itertools import product

import pymupdf

from .folder import CONTRACT_TOML, INVOICE_TOML
from .invoices import LINES, net_of
from .paper import Made
from .parts import money
from .truth import FIELDS, INVOICE_FIELDS, LEASE, QUESTIONS, UNANSWERABLE

PICTURES = (".jpg", ".tif")
SIGNS = {"EUR": ("EUR", "€"), "GBP": ("£", "pounds"), "USD": ("$",)}
MONTH_NAMES = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
MONTHS = {language: names.split() for language, names in MONTH_NAMES.items()}


def problems(made: list[Made]) -> list[str]:
    """Everything that is wrong with the documents and their truth."""
    texts = {doc.name: [squeeze(text) for text in doc.texts] for doc in made}
    return [
        *wrong_questions(texts),
        *wrong_fields({name: "".join(pages) for name, pages in texts.items()}),
        *wrong_sums(),
        *wrong_fields_files(),
        *wrong_layers(made),
        *(f"{doc.name} is larger than 400 kB" for doc in made if len(doc.data) > 400_000),
    ]


def squeeze(text: str) -> str:
    """The text without any white space, in small letters."""
    return "".join(text.split()).casefold()


def wrong_questions(texts: dict[str, list[str]]) -> list[str]:
    """Answers that are not on their page, questions asked twice, documents without two questions."""
    found = [
        f"{question.doc} page {question.page} does not say “{question.answer}”"
        for question in QUESTIONS
        if squeeze(question.answer) not in texts[question.doc][question.page - 1]
    ]
    asked = Counter([question.text for question in QUESTIONS] + list(UNANSWERABLE))
    found += [f"asked twice: {text}" for text, times in asked.items() if times > 1]
    per_doc = Counter(question.doc for question in QUESTIONS)
    return found + [f"{name} has fewer than two questions" for name in texts if per_doc[name] < 2]


def wrong_fields(texts: dict[str, str]) -> list[str]:
    """Documents without fields, and values that are not printed in any usual way."""
    found = [f"{name} has no fields" for name in texts if name not in FIELDS]
    for name, fields in FIELDS.items():
        for field, value in fields.items():
            if isinstance(value, bool) or value in ("", []):
                continue
            for one in value if isinstance(value, list) else [value]:
                if not any(squeeze(form) in texts[name] for form in printed(field, one)):
                    found.append(f"{name} does not say {field} = {one}")
    return found


def printed(field: str, value: str) -> list[str]:
    """The ways in which a value may be printed."""
    if field == "currency":
        return list(SIGNS[value])
    if field == "date" or field.endswith("_date") or field.startswith("date_"):
        return printed_dates(date.fromisoformat(value))
    if field.endswith(("_total", "_amount", "_rent", "_penalty", "deposit", "deposit_paid")):
        return [money(value, language) for language in ("en", "de", "fr")]
    return [value, {"6": "six"}.get(value, value)]


def printed_dates(day: date) -> list[str]:
    """The ways in which a date may be printed."""
    forms = [day.strftime(form) for form in ("%d.%m.%Y", "%d/%m/%Y", "%d%m%Y", "%d %b %Y", "%d %B %Y")]
    for language, dot in product(MONTHS, ("", ".")):
        forms.append(f"{day.day}{dot} {MONTHS[language][day.month - 1]} {day.year}")
    return [*forms, f"{MONTHS['en'][day.month - 1]} {day.day}, {day.year}"]


def wrong_sums() -> list[str]:
    """Invoices whose lines do not make the net total, or whose net and tax do not make the total."""
    found = []
    for name, fields in INVOICE_FIELDS.items():
        net, tax, total = (Decimal(fields[key]) for key in ("net_total", "tax_total", "total_amount"))
        if net != net_of(LINES[name]):
            found.append(f"{name}: the lines make {net_of(LINES[name])}, not {net}")
        if net + tax != total:
            found.append(f"{name}: {net} + {tax} is not {total}")
    return found


def wrong_fields_files() -> list[str]:
    """Fields files that do not name the same fields as the truth."""
    found = []
    for label, text, truths in (
        ("invoice.toml", INVOICE_TOML, list(INVOICE_FIELDS)),
        ("contract.toml", CONTRACT_TOML, [LEASE]),
    ):
        names = [field["name"] for field in tomllib.loads(text)["field"]]
        found += [f"{label} and the fields of {doc} differ" for doc in truths if names != list(FIELDS[doc])]
    return found


def wrong_layers(made: list[Made]) -> list[str]:
    """Pictures with a text layer, text pages without one, and page counts that differ from the source."""
    found = []
    for made_one in made:
        scanned = made_one.name.startswith("scan-") or made_one.name.endswith(PICTURES)
        with pymupdf.open(stream=made_one.data) as doc:
            layers = [squeeze(page.get_text()) for page in doc]
        expected = ["" for _ in made_one.texts] if scanned else [squeeze(text) for text in made_one.texts]
        if layers != expected:
            found.append(f"{made_one.name}: the text layer is not as expected")
    return found
