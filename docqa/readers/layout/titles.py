"""What a document calls itself in its title: whether it takes money back.

A title is a short line in the upper half of the first page that says what the paper is and nothing else but numbers and
dates. Not here: labels (`docqa.readers.layout.labels`).
"""

from __future__ import annotations

import re

from docqa.extract.calendar import MONTH_NUMBER
from docqa.extract.values import find_amounts, fold_letters
from docqa.readers.layout.lexicon import phrases
from docqa.readers.layout.runs import Sheet
from docqa.types import Page

_TITLED = r"^\W*(?:(?:tax|vat|gst|sales|commercial|our|ihre|copy|duplicate|kopie|kaufmannische|final|re)\W+){0,2}"
_CREDIT_TITLE = re.compile(
    rf"{_TITLED}(?:gutschrift(?:sanzeige)?|rechnungskorrektur|korrekturrechnung|rechnungsberichtigung|storno\W?rechnung|"
    r"rechnungsstorno|storno(?:beleg)?|"
    r"credit ?(?:note|memo(?:randum)?|invoice)|adjustment note|refund(?: note| receipt)?|"
    r"(?:facture d\W?)?avoir|note de credit|facture rectificative|nota (?:di|de) credito|factura rectificativa|"
    r"(?:nota de )?abono|credit(?:nota|factuur)|kredit(?:nota|faktura))(?![a-z])"
)
_INVOICE_TITLE = re.compile(rf"{_TITLED}(?:invoice|rechnung|facture|factura|fattura|factuur|faktura|fatura)(?![a-z])")
#: What may stand behind a title in its line, beside numbers and dates.
_BEHIND_TITLE = frozenset(
    phrases(
        "no | nr | n | num | number | nummer | numero | id | vom | of | du | del | dated | date | datum | den | zu | "
        "zur | der | die | the | to | for | per | sur | on | de | la | le | rechnung | rechnungsnummer | invoice | "
        "facture | fattura | factura | factuur | original | copy | kopie | seite | page"
    )
)
_TITLES = 0.5  #: of the first page: below that a document does not say what it is


def is_credit_note(first_page: Page) -> bool:
    """Whether a document says in its title that it is a credit note, a cancelled or corrected invoice, or a refund."""
    sheet = Sheet(first_page)
    for runs in sheet.rows.values():
        row = [fold_letters(sheet.string(run)) for run in runs]
        if sheet.runs[runs[0]].box[1] > _TITLES * first_page.height:
            return False
        if any(_is_title(_INVOICE_TITLE, text) for text in row):
            return False
        if any(_is_title(_CREDIT_TITLE, text) for text in row):
            # "Debit | Credit note" heads the columns of an account
            return not any(re.search(r"belastung|lastschrift|\bsoll\b|\bdebit\b", text) for text in row)
    return False


def _is_title(title: re.Pattern[str], text: str) -> bool:
    """Whether a line is a title and no sentence, label of something else or row of a table that begins like one."""
    found = title.match(text)
    if found is None or any(re.search(r"\.\d\d$", span.value) for span in find_amounts(text)):
        return False
    behind = (re.sub(r"\W", "", word) for word in text[found.end() :].split())
    return all(
        not word or word in _BEHIND_TITLE or any(map(str.isdigit, word)) or word in MONTH_NUMBER for word in behind
    )
