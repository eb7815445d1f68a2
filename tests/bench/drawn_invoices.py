"""Invoices that are drawn, each with the line items that stand on it: layouts that no measuring document has.

    python tests/bench/drawn_invoices.py FOLDER [--count 200] [--seed 1]

Writes `invoice-0001.pdf` and so on, and `items.json` with what is in their tables. Languages, headings, columns and
their order, notations, units, descriptions of several lines, groups, sums carried over a page's end: all by chance.
Nothing here is taken from a document. What is drawn is far tidier than what offices send, and the rules for tables were
made with half of it in sight: figures on it say which layouts are read, and not how often a real invoice is.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

import pymupdf

CENT = Decimal("0.01")
WIDTH, HEIGHT, FOOT = 595.0, 842.0, 760.0  # points
FONTS = ("helv", "tiro", "cour")
#: For each language what columns are called; a blank line between two parts makes a heading of two lines.
HEADINGS = {
    "de": {
        "position": ["Pos.", "Pos", "Nr.", "Position", "lfd. Nr."],
        "article": ["Art.-Nr.", "Artikelnummer", "Artikel-Nr.", "Art.Nr.", "Bestell-Nr."],
        "description": ["Bezeichnung", "Beschreibung", "Artikel", "Leistung", "Leistungsbeschreibung",
                        "Artikelbezeichnung", "Produkt", "Text", "Tätigkeit"],
        "quantity": ["Menge", "Anzahl", "Stk.", "Stunden", "Stück", "Mge."],
        "unit": ["Einheit", "ME", "Einh."],
        "unit_price": ["Einzelpreis", "Preis", "E-Preis", "Stückpreis", "Einzelpreis EUR", "Einzel\nPreis", "EP",
                       "Preis/Einheit", "Preis in EUR", "Stundensatz", "Einzelpreis (netto)", "Nettopreis"],
        "discount": ["Rabatt", "Rab. %"],
        "tax_rate": ["MwSt.", "USt. %", "USt", "MwSt %", "Steuersatz"],
        "line_total": ["Betrag", "Gesamtpreis", "Gesamt", "Summe", "Betrag EUR", "Gesamt\npreis", "Gesamt netto",
                       "Gesamtpreis EUR", "Nettobetrag", "Betrag (€)", "GP", "Wert"],
    },
    "en": {
        "position": ["Pos.", "No.", "#", "Line", "Item"],
        "article": ["Item no.", "SKU", "Product code", "Part no.", "Code", "Article no."],
        "description": ["Description", "Product", "Service", "Details", "Item description", "Description of goods",
                        "Particulars", "Work done"],
        "quantity": ["Qty", "Quantity", "Hours", "Units", "Qty.", "No. of units"],
        "unit": ["Unit", "UoM"],
        "unit_price": ["Unit price", "Price", "Rate", "Unit cost", "Price each", "Unit\nPrice", "Unit price (EUR)",
                       "Price per unit", "Each", "Net price"],
        "discount": ["Discount", "Disc. %"],
        "tax_rate": ["VAT", "VAT %", "Tax", "VAT rate", "GST"],
        "line_total": ["Amount", "Total", "Line total", "Amount EUR", "Total price", "Net amount", "Line\nTotal",
                       "Amount (EUR)", "Extended price", "Net"],
    },
    "fr": {
        "position": ["N°", "Pos.", "Ligne"],
        "article": ["Référence", "Réf.", "Code article", "Réf. article", "Code"],
        "description": ["Désignation", "Description", "Libellé", "Prestation", "Article", "Produit"],
        "quantity": ["Quantité", "Qté", "Nombre", "Qté.", "Heures"],
        "unit": ["Unité", "U."],
        "unit_price": ["Prix unitaire", "P.U. HT", "PU HT", "Prix", "Prix\nunitaire", "Prix unitaire HT", "Prix unit.",
                       "P.U."],
        "discount": ["Remise", "Rem. %"],
        "tax_rate": ["TVA", "Taux TVA", "TVA %"],
        "line_total": ["Montant", "Total HT", "Montant HT", "Total", "Montant\nHT", "Prix total", "Total net"],
    },
}  # fmt: skip
WORDS = {
    "de": {"net": ["Nettobetrag", "Summe netto", "Zwischensumme", "Warenwert netto"], "tax": ["zzgl. {} % MwSt.",
           "Umsatzsteuer {} %"], "total": ["Gesamtbetrag", "Rechnungsbetrag", "Zu zahlen", "Endbetrag"],
           "carried": ["Übertrag"], "title": "Rechnung", "number": "Rechnungsnummer", "date": "Datum",
           "more": ["Farbe: {}", "Seriennummer {}-4471", "Liefertermin KW {}",
                    "Leistungszeitraum 01.03.2021 - {}.03.2021",
                    "300 x {} cm, verzinkt", "gemäß Angebot vom 12.02.2021", "inkl. Anfahrt"],
           "group": ["Material", "Arbeitszeit", "Baustelle Nord"], "units": ["Stk", "Std", "kg", "m", "Psch"]},
    "en": {"net": ["Subtotal", "Net total", "Total excl. VAT", "Net amount"], "tax": ["VAT {}%", "Tax ({}%)"],
           "total": ["Total", "Amount due", "Invoice total", "Total incl. VAT"], "carried": ["Carried forward"],
           "title": "Invoice", "number": "Invoice number", "date": "Date",
           "more": ["Colour: {}", "Serial no. {}-4471", "Period 1 March to {} March 2021", "300 x {} cm, galvanised",
                    "as quoted on 12 February 2021", "including travel", "Pack of {}"],
           "group": ["Materials", "Labour", "North site"], "units": ["pcs", "hrs", "kg", "m", "ea"]},
    "fr": {"net": ["Total HT", "Montant total HT", "Sous-total"], "tax": ["TVA {} %", "T.V.A. {} %"],
           "total": ["Total TTC", "Net à payer", "Montant TTC"], "carried": ["Report", "À reporter"],
           "title": "Facture", "number": "Facture n°", "date": "Date",
           "more": ["Couleur : {}", "N° de série {}-4471", "Période du 01/03/2021 au {}/03/2021", "300 x {} cm, zingué",
                    "selon devis du 12/02/2021", "déplacement compris"],
           "group": ["Fournitures", "Main d'œuvre", "Chantier nord"], "units": ["pce", "h", "kg", "m", "U"]},
}  # fmt: skip
NAMES = {
    "de": ["Schraube M8 verzinkt", "Bürostuhl Modell 3", "Beratung vor Ort", "Druckerpapier A4 80 g",
           "Gesamtplanung Netz",
           "Wartung Heizungsanlage", "Netzteil 12 V", "Kaffee 500 g gemahlen", "Montage Regal", "Rahmen 60 x 80",
           "Miete Stapler 3 Tage", "Gutachten Teil 2", "Lampe E27", "Versandkosten", "Pauschale Anfahrt"],
    "en": ["Steel bolt M8", "Office chair model 3", "Consulting on site", "Copy paper A4 80 g",
           "Network design, total care",
           "Boiler service", "Power supply 12 V", "Ground coffee 500 g", "Shelf assembly", "Frame 60 x 80",
           "Forklift hire 3 days", "Expert report part 2", "Lamp E27", "Shipping", "Call-out fee"],
    "fr": ["Vis M8 zinguée", "Chaise de bureau modèle 3", "Conseil sur place", "Papier A4 80 g", "Étude du réseau",
           "Entretien chaudière", "Alimentation 12 V", "Café moulu 500 g", "Pose d'étagère", "Cadre 60 x 80",
           "Location chariot 3 jours", "Rapport partie 2", "Ampoule E27", "Frais de port", "Forfait déplacement"],
}  # fmt: skip
#: Share of the table's width that each column takes, before all are stretched to fill it.
SHARES = {"position": 5, "article": 13, "description": 34, "quantity": 9, "unit": 7, "unit_price": 13, "discount": 9,
          "tax_rate": 9, "line_total": 14}  # fmt: skip
TEXTS = ("position", "article", "description", "unit")


@dataclass(frozen=True)
class Item:
    """A line of an invoice; `printed` holds what stands in each column, `more` the lines below its name."""

    name: str
    more: tuple[str, ...]
    quantity: Decimal
    price: Decimal
    amount: Decimal
    printed: dict[str, str]


@dataclass
class Layout:
    """How one invoice is drawn; x in points."""

    language: str
    font: str
    size: float
    columns: list[str]
    headings: dict[str, str]
    places: dict[str, tuple[float, float]]
    chance: random.Random
    decimal: str
    thousands: str
    sign: str  #: behind or before an amount, with its blank
    places_of_quantity: int
    unit_glued: bool  #: the unit stands behind the quantity
    amounts_low: bool  #: amounts stand beside the last line of a description
    rules: bool
    gap: float  #: between items, in lines
    page: pymupdf.Page | None = field(default=None, repr=False)


def main() -> None:
    """Draw and say what was drawn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    draw_all(given.folder, given.count, given.seed)


def draw_all(folder: Path, count: int, seed: int) -> None:
    """Write invoices and `items.json`: for each file its rows, name and lines below it apart."""
    folder.mkdir(parents=True, exist_ok=True)
    items = {}
    for number in range(1, count + 1):
        name = f"invoice-{number:04}.pdf"
        chance = random.Random(f"{seed}-{number}")
        layout = layout_of(chance)
        rows = [item_of(layout) for _ in range(chance.choice((1, 2, 3, 4, 5, 6, 9, 14, 30)))]
        draw(folder / name, layout, rows, number)
        items[name] = [
            {"description": row.name, "more": row.more}
            | {
                column: str(value)
                for column, value in (("quantity", row.quantity), ("unit_price", row.price), ("line_total", row.amount))
                if column in layout.columns
            }
            for row in rows
        ]
    (folder / "items.json").write_text(json.dumps(items, ensure_ascii=False, indent=1), encoding="utf-8")


# ── what is drawn ────────────────────────────────────────────────────────────────────────────────────────────────────


def layout_of(chance: random.Random) -> Layout:
    """A layout by chance."""
    language = chance.choice(("de", "de", "en", "en", "fr"))
    there = [c for c, odds in (("position", 0.5), ("article", 0.4), ("quantity", 0.9), ("unit", 0.25),
             ("unit_price", 0.85), ("discount", 0.12), ("tax_rate", 0.35)) if chance.random() < odds]  # fmt: skip
    order = [
        "position",
        "article",
        "description",
        "quantity",
        "unit",
        "unit_price",
        "discount",
        "tax_rate",
        "line_total",
    ]
    if chance.random() < 0.25:  # the quantity comes first
        order = [
            "position",
            "quantity",
            "unit",
            "article",
            "description",
            "unit_price",
            "discount",
            "tax_rate",
            "line_total",
        ]
    if chance.random() < 0.15:  # the price stands before the quantity
        order.remove("unit_price")
        order.insert(order.index("description") + 1, "unit_price")
    columns = [one for one in order if one in ("description", "line_total") or one in there]
    names = HEADINGS[language]
    decimal = "." if language == "en" else ","
    thousands = {"en": ",", "de": ".", "fr": "\u00a0"}[language]
    layout = Layout(
        language, chance.choice(FONTS), chance.choice((8.0, 9.0, 10.0)), columns,
        {}, places_of(columns, chance), chance, decimal, thousands,
        chance.choice(("", "", " €", " EUR", "€ ")), chance.choice((0, 0, 0, 1, 2)),
        "unit" not in columns and chance.random() < 0.3, chance.random() < 0.12, chance.random() < 0.4,
        chance.choice((0.0, 0.0, 0.4, 1.0)),
    )  # fmt: skip
    layout.headings |= {one: chance.choice([name for name in names[one] if fits(name, one, layout)] or names[one][-1:])
                        for one in columns}  # fmt: skip
    return layout


def fits(name: str, column: str, layout: Layout) -> bool:
    """Whether a heading leaves some room to the next one."""
    left, right = layout.places[column]
    return all(font(layout.font).text_length(line, layout.size) < right - left - 12 for line in name.split("\n"))


def places_of(columns: Sequence[str], chance: random.Random) -> dict[str, tuple[float, float]]:
    """Where each column begins and ends."""
    left, right = chance.choice((40.0, 57.0, 70.0)), WIDTH - chance.choice((40.0, 57.0))
    stretch = (right - left) / sum(SHARES[one] for one in columns)
    places = {}
    for one in columns:
        width = SHARES[one] * stretch
        places[one] = (left, left + width)
        left += width
    return places


def item_of(layout: Layout) -> Item:
    """An item whose quantity times its price is its amount, less a discount if there is such a column."""
    chance, words = layout.chance, WORDS[layout.language]
    quantity = Decimal(chance.choice((1, 1, 1, 2, 3, 4, 5, 8, 10, 12, 20, 100)))
    if layout.places_of_quantity and chance.random() < 0.5:
        quantity = (Decimal(chance.randint(25, 4000)) / 100).quantize(CENT)
    price = (
        Decimal(chance.choice((chance.randint(20, 999), chance.randint(1000, 99999), chance.randint(100000, 450000))))
        / 100
    )
    discount = chance.choice((0, 5, 10)) if "discount" in layout.columns else 0
    amount = (quantity * price * (100 - discount) / 100).quantize(CENT, ROUND_HALF_UP)
    more = tuple(
        one.format(chance.randint(11, 28)) for one in chance.sample(words["more"], chance.choice((0, 0, 0, 1, 2)))
    )
    unit = chance.choice(words["units"])
    shown = number(quantity, layout, layout.places_of_quantity)
    code = chance.choice((f"{chance.randint(10000, 99999)}", f"{chance.choice('ABKT')}-{chance.randint(100, 999)}",
                          f"40{chance.randint(10**10, 10**11 - 1)}"))  # fmt: skip
    printed = {
        "article": code,
        "quantity": f"{shown} {unit}" if layout.unit_glued else shown,
        "unit": unit,
        "unit_price": money(price, layout),
        "discount": f"{discount} %" if discount else "",
        "tax_rate": chance.choice(("19 %", "7 %") if layout.language == "de" else ("20%", "5.5%")),
        "line_total": money(amount, layout),
    }
    return Item(chance.choice(NAMES[layout.language]), more, quantity, price, amount, printed)


def money(value: Decimal, layout: Layout) -> str:
    """An amount as it is printed."""
    plain = number(value, layout, 2)
    return f"{layout.sign}{plain}" if layout.sign.endswith(" ") else f"{plain}{layout.sign}"


def number(value: Decimal, layout: Layout, places: int) -> str:
    """A number in the notation of the invoice."""
    return f"{value:,.{places}f}".translate(str.maketrans({",": layout.thousands, ".": layout.decimal}))


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def draw(file: Path, layout: Layout, rows: Sequence[Item], serial: int) -> None:
    """Write one invoice."""
    document, words, chance = pymupdf.open(), WORDS[layout.language], layout.chance
    line = layout.size * 1.25
    page = new_page(document, layout)
    top = head(page, layout, serial)
    top = headings(page, layout, top)
    grouped = chance.random() < 0.12
    carried = chance.random() < 0.5
    so_far = Decimal(0)
    for place, row in enumerate(rows, start=1):
        if grouped and place in (1, 4):
            put(page, layout, "description", words["group"][place % 3], top)
            top += line
        lines = wrapped(row.name, layout) + [part for one in row.more for part in wrapped(one, layout)]
        if top + line * (len(lines) + 1) > FOOT:
            if carried:
                put(page, layout, "description", words["carried"][0], top + line)
                put(page, layout, "line_total", money(so_far, layout), top + line)
            page = new_page(document, layout)
            top = 80.0
            if chance.random() < 0.8:
                top = headings(page, layout, top)
            if carried:
                put(page, layout, "description", words["carried"][-1], top)
                put(page, layout, "line_total", money(so_far, layout), top)
                top += 2 * line
        beside = top + line * (len(lines) - 1) if layout.amounts_low else top
        for column in layout.columns:
            if column != "description":
                put(page, layout, column, str(place) if column == "position" else row.printed[column], beside)
        for number_of, text in enumerate(lines):
            put(page, layout, "description", text, top + number_of * line)
        top += line * (len(lines) + layout.gap)
        so_far += row.amount
    sums(page, layout, so_far, top + 0.6 * line)
    document.save(file, garbage=3, deflate=True)


def head(page: pymupdf.Page, layout: Layout, serial: int) -> float:
    """Names, number and date; returns where the table may begin."""
    words, chance = WORDS[layout.language], layout.chance
    write(page, layout, 57, 60, "Muster & Partner GmbH" if layout.language == "de" else "Sample & Sons Ltd", 14)
    for place, text in enumerate(
        ("Seeweg 7", "80333 Muenchen", "", "Kunde AG", f"Hauptstr. {chance.randint(1, 99)}", "50667 Koeln")
    ):
        write(page, layout, 57, 90 + 13 * place, text)
    write(page, layout, 330, 110, words["title"], 16)
    write(page, layout, 330, 135, f"{words['number']}: {2021000 + serial}")
    write(page, layout, 330, 148, f"{words['date']}: 14.03.2021")
    return 215.0 + chance.choice((0, 20, 60))


def headings(page: pymupdf.Page, layout: Layout, top: float) -> float:
    """The names of the columns."""
    line = layout.size * 1.25
    for column in layout.columns:
        for place, text in enumerate(layout.headings[column].split("\n")):
            put(page, layout, column, text, top + place * line)
    deep = max(text.count("\n") for text in layout.headings.values())
    if layout.rules:
        left, right = layout.places[layout.columns[0]][0], layout.places[layout.columns[-1]][1]
        page.draw_line((left, top + (deep + 0.4) * line), (right, top + (deep + 0.4) * line), width=0.5)
    return top + line * (deep + 1.6)


def sums(page: pymupdf.Page, layout: Layout, net: Decimal, top: float) -> None:
    """What stands below the table."""
    words, chance, line = WORDS[layout.language], layout.chance, layout.size * 1.35
    rate = chance.choice((19, 7, 20))
    tax = (net * rate / 100).quantize(CENT, ROUND_HALF_UP)
    left = chance.choice((layout.places["description"][0], layout.places["line_total"][0] - 140))
    if chance.random() < 0.8:
        told = [(chance.choice(words["net"]), net), (chance.choice(words["tax"]).format(rate), tax)]
    else:
        told = []
        tax = Decimal(0)
    for label, value in [*told, (chance.choice(words["total"]), net + tax)]:
        write(page, layout, left, top, label)
        put(page, layout, "line_total", money(value, layout), top)
        top += line
    write(page, layout, 57, top + 30, "IBAN DE89 3704 0044 0532 0130 00")


def wrapped(text: str, layout: Layout) -> list[str]:
    """A text in lines that fit into the column of descriptions."""
    left, right = layout.places["description"]
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(layout.font).text_length(longer, layout.size) < right - left - 8:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def put(page: pymupdf.Page, layout: Layout, column: str, text: str, top: float) -> None:
    """A text in a column: texts begin on its left, figures end on its right."""
    left, right = layout.places[column]
    width = font(layout.font).text_length(text, layout.size)
    write(page, layout, left if column in TEXTS else right - width - 9, top, text)


def write(page: pymupdf.Page, layout: Layout, left: float, top: float, text: str, size: float = 0.0) -> None:
    page.insert_text((left, top), text, fontname="drawn", fontsize=size or layout.size)


def new_page(document: pymupdf.Document, layout: Layout) -> pymupdf.Page:
    """A page with its font in the file: the plain names of fonts have no sign for the euro."""
    page = document.new_page(width=WIDTH, height=HEIGHT)
    page.insert_font("drawn", fontbuffer=font(layout.font).buffer)
    return page


@cache
def font(name: str) -> pymupdf.Font:
    return pymupdf.Font(name)


if __name__ == "__main__":
    main()
