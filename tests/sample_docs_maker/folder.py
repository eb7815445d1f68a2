"""The whole sample folder as names and bytes: documents, truth as JSON lines, fields files, README."""

from __future__ import annotations

import json
from collections.abc import Iterable

from . import contract, form, invoices, letters, price_list, report, scanned
from .paper import Made
from .truth import FIELDS, QUESTIONS, UNANSWERABLE

MAKERS = (letters.make, invoices.make, contract.make, report.make, form.make, price_list.make, scanned.make)

#: file name, then what the file shows and what it is good for
SHOWS = {
    "letter-clinic-discharge.pdf": "discharge letter of a clinic; medicines in a table on page 2",
    "letter-law-office-termination.pdf": "law office ends a haulage agreement and claims damages; justified text",
    "letter-job-offer.pdf": "job offer of a harbour authority; terms in a table without head",
    "letter-nordlicht-de.pdf": "German: new electricity prices, old and new side by side",
    "letter-delorme-fr.pdf": "French: surveyor’s letter about water damage",
    "invoice-harbour-pine.pdf": "labels left, values right; one VAT rate; GBP",
    "invoice-kestrel-print.pdf": "US letter size, labels above values; sales tax and a deposit taken off; USD",
    "invoice-brightwater-catering.pdf": "boxed head, grid, two VAT rates with net, tax and gross; day/month/year; EUR",
    "invoice-nordlicht-de.pdf": "German: Rechnungsnummer, Nettobetrag, USt., Gesamtbetrag; 1.271,16 EUR",
    "invoice-atelier-vermeil-fr.pdf": "French: Facture n°, Total HT, TVA, Total TTC; 3 435,50 €",
    "contract-lease-slipway-yard.pdf": "lease with numbered clauses, signatures and a schedule of fixtures",
    "report-harbour-traffic.pdf": "two columns, bar charts drawn as vectors, a table, figures in the text",
    "form-insurance-claim.pdf": "form filled in by hand: one-letter boxes, ticked check boxes, signature",
    "price-list-oakhurst.pdf": "47 articles over two pages, the head of the table only on the first",
    "scan-delivery-note.pdf": "gray scan, skewed; pixels sideways, /Rotate 90 turns them upright; no text layer",
    "scan-lift-certificate.pdf": "gray scan, skewed; pixels sideways and no /Rotate, so it displays sideways",
    "minutes-allotment.tif": "black and white fax-like TIFF (G4): minutes of a meeting with accounts",
    "receipt-fennel-rye.jpg": "narrow till receipt as a gray picture",
}

INVOICE_TOML = """\
# Fields of an invoice. Use: one row per document, one column per field.

[[field]]
name = "invoice_number"
type = "text"
description = "The number the seller gave this invoice"
required = true

[[field]]
name = "invoice_date"
type = "date"
description = "The day the invoice was issued"
required = true

[[field]]
name = "due_date"
type = "date"
description = "The last day for payment"

[[field]]
name = "seller_name"
type = "text"
description = "The company that issued the invoice"
required = true

[[field]]
name = "buyer_name"
type = "text"
description = "The company or institution that has to pay"

[[field]]
name = "net_total"
type = "amount"
description = "The sum of all lines before tax"

[[field]]
name = "tax_total"
type = "amount"
description = "The whole tax (VAT, USt., TVA, sales tax), all rates together"

[[field]]
name = "total_amount"
type = "amount"
description = "The total of the invoice including tax, before any deposit is taken off"
required = true

[[field]]
name = "currency"
type = "choice"
choices = ["EUR", "GBP", "USD"]
description = "The currency of the amounts"
required = true

[[field]]
name = "deposit_paid"
type = "amount"
description = "What was paid in advance and is taken off the total, if anything"
"""

CONTRACT_TOML = """\
# Fields of a lease or a similar contract.

[[field]]
name = "parties"
type = "list"
description = "The companies or persons that made the contract, in the order in which they are named"
required = true

[[field]]
name = "signing_date"
type = "date"
description = "The day the contract was made"

[[field]]
name = "effective_date"
type = "date"
description = "The day from which the contract has effect"
required = true

[[field]]
name = "expiry_date"
type = "date"
description = "The last day of the term"

[[field]]
name = "term"
type = "text"
description = "How long the contract runs, as printed"

[[field]]
name = "notice_period"
type = "text"
description = "How long before the end the tenant has to give notice, as printed"
required = true

[[field]]
name = "governing_law"
type = "text"
description = "The country or countries whose law applies"
required = true

[[field]]
name = "annual_rent"
type = "amount"
description = "The rent for one year without tax"

[[field]]
name = "deposit"
type = "amount"
description = "The deposit that the tenant pays"

[[field]]
name = "daily_penalty"
type = "amount"
description = "What the tenant pays for each day of staying after the end of the term"

[[field]]
name = "currency"
type = "choice"
choices = ["EUR", "GBP", "USD"]
description = "The currency of the amounts"

[[field]]
name = "parking_spaces"
type = "integer"
description = "How many parking spaces belong to the premises"

[[field]]
name = "tenant_company_number"
type = "text"
pattern = "^[0-9]{8}$"
description = "The number under which the tenant is registered"

[[field]]
name = "subletting_in_part"
type = "boolean"
description = "Whether the tenant may sublet a part of the premises"
"""

README = """\
# Sample documents

{count} small documents to try docqa on: letters, invoices, a contract, a report, a form, a price list and scans, in
English, German and French. Every company, person, address and number in them is invented.

| File | Pages | What it shows | Origin | Licence |
| --- | --- | --- | --- | --- |
{rows}

Beside the documents lie

- `questions.jsonl`: questions, one a line, with the answer as printed, the file and the pages (counted from 1).
  `scope` says whether the question is meant for the whole folder (`corpus`) or for its one document (`doc`).
  Those with `"unanswerable": true` have no answer in these papers.
- `fields.jsonl`: the true fields of each document. Dates are ISO, amounts have a decimal point and no thousands
  separator; an empty value means that the page does not say.
- `invoice.toml` and `contract.toml`: fields files for the invoices and for the lease.

Everything here, this page too, is written by `tests/make_sample_docs.py`; change it there and run it again.
"""


def documents() -> list[Made]:
    """All documents, in the order of the README."""
    made = {document.name: document for make in MAKERS for document in make()}
    return [made[name] for name in SHOWS]


def files(made: list[Made]) -> dict[str, bytes]:
    """Everything that belongs into the folder, by name."""
    texts = {
        "questions.jsonl": json_lines(question_rows()),
        "fields.jsonl": json_lines({"doc": doc, "fields": fields} for doc, fields in FIELDS.items()),
        "invoice.toml": INVOICE_TOML,
        "contract.toml": CONTRACT_TOML,
        "README.md": readme(made),
    }
    return {document.name: document.data for document in made} | {name: text.encode() for name, text in texts.items()}


def question_rows() -> list[dict[str, object]]:
    """The questions as they stand in the file: the answerable ones first."""
    rows: list[dict[str, object]] = [
        {"question": q.text, "answer": q.answer, "doc": q.doc, "pages": [q.page], "scope": q.scope} for q in QUESTIONS
    ]
    rows += [
        {"question": text, "answer": "", "doc": None, "pages": [], "scope": "corpus", "unanswerable": True}
        for text in UNANSWERABLE
    ]
    return [{"id": f"q{number:02}", **row} for number, row in enumerate(rows, 1)]


def json_lines(rows: Iterable[object]) -> str:
    """One JSON object a line, letters as they are."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def readme(made: list[Made]) -> str:
    """The README with one row per document."""
    origin = "made for docqa by `tests/make_sample_docs.py` | CC0-1.0"
    rows = [f"| `{doc.name}` | {len(doc.texts)} | {SHOWS[doc.name]} | {origin} |" for doc in made]
    return README.format(count=len(made), rows="\n".join(rows))
