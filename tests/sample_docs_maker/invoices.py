"""Five invoices of five sellers, each with a layout of its own: labels left of, above or boxed over their values.

Totals are computed from the lines, so that every invoice adds up.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from .paper import GRAY, INK, LETTER, PALE, WHITE, Color, Ink, Made, Sheet
from .parts import Column, Line, Look, money, pairs, percent_of, table

HARBOUR_LINES = (
    Line("Bench seat in oiled oak, 1.8 m", "6", "148.00", "for the south playground"),
    Line("Larch decking board 28 × 145 mm, 4.2 m", "84", "11.35", "smooth both sides, FSC mix"),
    Line("Stainless deck screws 5 × 60 mm, box of 200", "5", "23.90"),
    Line("Planter box in Douglas fir, 900 × 450 mm", "4", "96.50"),
    Line("Delivery and offloading, zone 2", "1", "65.00"),
)
KESTREL_LINES = (
    Line("Festival program, 48 pages", "2500", "1.84", "saddle-stitched, 100 lb silk text, full color"),
    Line("Poster, 18 × 24 in.", "350", "2.60", "four-color, one side"),
    Line("Volunteer badge with lanyard", "120", "3.15", "laminated, numbered"),
    Line("Rush proofing, two rounds", "1", "145.00"),
)
BRIGHTWATER_LINES = (
    Line("Three-course dinner, per guest", "86", "42.50", rate="13.5"),
    Line("Supplement, vegetarian menu", "14", "4.50", rate="13.5"),
    Line("House wine, red and white, bottle", "38", "24.00", rate="23"),
    Line("Sparkling water, 75 cl", "60", "3.20", rate="23"),
    Line("Hire of table linen and glassware", "1", "310.00", rate="23"),
)
NORDLICHT_LINES = (
    Line("Arbeitspreis Strom, Tarif Nordlicht Gewerbe Plus", "4860", "0.2485", "Zähler 1EMH 00 4471 902", unit=" kWh"),
    Line("Grundpreis, je Monat", "3", "14.90"),
    Line("Messstellenbetrieb, je Monat", "3", "6.25"),
)
VERMEIL_LINES = (
    Line("Restauration d’un cadre doré, XVIIIe siècle", "2", "640.00", "nettoyage, consolidation, retouches"),
    Line("Dorure à la feuille d’or 22 carats, au m²", "3.5", "385.00"),
    Line("Socle de présentation en noyer", "4", "172.50", "finition à la cire d’abeille"),
    Line("Emballage et transport", "1", "118.00"),
)
LINES = {
    "invoice-harbour-pine.pdf": HARBOUR_LINES,
    "invoice-kestrel-print.pdf": KESTREL_LINES,
    "invoice-brightwater-catering.pdf": BRIGHTWATER_LINES,
    "invoice-nordlicht-de.pdf": NORDLICHT_LINES,
    "invoice-atelier-vermeil-fr.pdf": VERMEIL_LINES,
}

GREEN: Color = (0.11, 0.33, 0.26)
RUST: Color = (0.75, 0.29, 0.13)
NAVY: Color = (0.09, 0.18, 0.36)
TEAL: Color = (0.02, 0.42, 0.47)
PLUM: Color = (0.42, 0.13, 0.27)
GOLD: Color = (0.72, 0.56, 0.23)


def make() -> list[Made]:
    """All five invoices."""
    return [harbour_pine(), kestrel_print(), brightwater_catering(), nordlicht(), atelier_vermeil()]


def net_of(lines: tuple[Line, ...], rate: str | None = None) -> Decimal:
    """The sum of the lines, or of those with one tax rate."""
    return sum((line.total for line in lines if rate is None or line.rate == rate), Decimal(0))


def described(line: Line) -> str:
    """The description of a line with its note below."""
    return f"{line.what}\n{line.note}" if line.note else line.what


# ---- Harbour & Pine Ltd: labels left, values right -----------------------------------------------------------------


def pine_logo(sheet: Sheet, x: float, y: float) -> None:
    """A pine tree above a wave."""
    for top, half in ((0, 9), (9, 12), (18, 15)):
        sheet.polygon([(x, y + top), (x - half, y + top + 15), (x + half, y + top + 15)], GREEN)
    sheet.box((x - 2, y + 33), (4, 6), fill=GREEN)
    wave = [(x - 18 + i, y + 42 + 1.8 * (-1) ** (i // 6)) for i in range(0, 37, 6)]
    sheet.stroke(wave, GREEN, 1.6)


def harbour_pine() -> Made:
    """Harbour & Pine Ltd to a school: British, one VAT rate."""
    seller = ("Unit 4, Slipway Yard", "Wexhaven WX4 1TQ", "Tel. 01632 960 417 · accounts@harbourpine.example")
    buyer = ("Larkfield Primary School", "Attn. Mrs J. Okonedo, School Office", "12 Orchard Lane", "Wexhaven WX2 9LB")
    facts = (
        ("Invoice number", "HP-2026-0187"),
        ("Invoice date", "9 February 2026"),
        ("Due date", "11 March 2026"),
        ("Your order", "LPS/4471"),
        ("Customer no.", "C-2093"),
    )
    terms = (
        "Payment within 30 days to Wexhaven Savings Bank, sort code 00-00-00, account 00412233, quoting the invoice "
        "number. Goods remain the property of Harbour & Pine Ltd until paid in full. Please report damage within "
        "three working days of delivery."
    )
    sheet = Sheet("Invoice HP-2026-0187", "Harbour & Pine Ltd", "2026-02-09")
    sheet.new_page()
    pine_logo(sheet, 72, 44)
    sheet.text(104, 66, "Harbour & Pine Ltd", Ink("serif-bold", 22, GREEN))
    sheet.text(104, 82, "Timber and joinery since 1987", Ink("serif-italic", 11, GRAY))
    sheet.lines(541, 56, seller, Ink(size=8.5, color=GRAY, align="right"))
    sheet.rule(54, 104, 541, GREEN, 1.4)
    sheet.text(541, 142, "INVOICE", Ink("serif-bold", 20, align="right"))
    sheet.text(54, 142, "Invoice to", Ink(size=8.5, color=GRAY))
    sheet.lines(54, 158, buyer, Ink(size=10.5))
    pairs(sheet, 340, 170, facts, 201, Ink(size=10, color=GRAY, leading=1.6), Ink("bold", 10, align="right"))
    bottom = _harbour_table(sheet)
    sheet.paragraph(54, bottom + 46, 487, terms, Ink(size=9, color=GRAY))
    sheet.rule(54, 786, 541, PALE)
    foot = "Harbour & Pine Ltd · Registered in England no. 99004172 · VAT registration GB 000 0417 26"
    sheet.text(297.5, 800, foot, Ink(size=8, color=GRAY, align="center"))
    return sheet.finish("invoice-harbour-pine.pdf")


def _harbour_table(sheet: Sheet) -> float:
    columns = (
        Column("Description", 272),
        Column("Qty", 45, "right"),
        Column("Unit price £", 80, "right"),
        Column("Amount £", 90, "right"),
    )
    rows = [[described(line), line.quantity, money(line.price), money(line.total)] for line in HARBOUR_LINES]
    look = Look(head_fill=GREEN, head_ink=Ink("bold", 9, WHITE), row=24)
    bottom = table(sheet, 54, 282, columns, rows, look, head=True)
    net = net_of(HARBOUR_LINES)
    vat = percent_of(net, "20")
    sums = (("Net total", f"£{money(net)}"), ("VAT 20%", f"£{money(vat)}"))
    after = pairs(sheet, 366, bottom + 24, sums, 170, Ink(leading=1.7), Ink(align="right"))
    sheet.box((356, after - 9), (185, 26), fill=(0.92, 0.95, 0.93))
    big = Ink("bold", 12, GREEN)
    pairs(sheet, 366, after + 8, [("Total due", f"£{money(net + vat)}")], 170, big, replace(big, align="right"))
    return after + 5


# ---- Kestrel Print Studio: labels above values ---------------------------------------------------------------------


def kestrel_print() -> Made:
    """Kestrel Print Studio to a film festival: American, with a deposit taken off the total."""
    facts = (
        ("INVOICE NO.", "KPS-30962"),
        ("DATE ISSUED", "April 2, 2026"),
        ("DUE", "April 16, 2026"),
        ("TERMS", "Net 14"),
    )
    parties = (
        ("FROM", ("Kestrel Print Studio, Inc.", "418 Alder Street", "Port Merrow, WA 00000", "(555) 010-0418")),
        ("BILL TO", ("Juniper Ridge Film Festival", "Attn: Dana Whitlock, Producer", "77 Canyon Road", "Port Merrow")),
        ("PROJECT", ("2026 festival print package", "Ordered March 3, 2026", "Shipped March 27, 2026")),
    )
    sheet = Sheet("Invoice KPS-30962", "Kestrel Print Studio, Inc.", "2026-04-02", LETTER)
    sheet.new_page()
    sheet.box((0, 0), (612, 96), fill=RUST)
    sheet.polygon([(48, 62), (82, 34), (74, 54), (104, 44), (66, 72)], WHITE)
    sheet.text(118, 58, "KESTREL", Ink("bold", 26, WHITE))
    sheet.text(119, 74, "P R I N T   S T U D I O", Ink("sans", 9.5, WHITE))
    sheet.text(564, 62, "Invoice", Ink("sans", 26, WHITE, "right"))
    for index, (label, value) in enumerate(facts):
        x = 48 + index * 132
        sheet.text(x, 128, label, Ink("bold", 7.5, RUST))
        sheet.text(x, 145, value, Ink("bold", 13))
    sheet.rule(48, 162, 564, PALE)
    for index, (label, block) in enumerate(parties):
        sheet.text(48 + index * 176, 184, label, Ink("bold", 7.5, RUST))
        sheet.lines(48 + index * 176, 199, block, Ink(size=9.5))
    bottom = _kestrel_table(sheet)
    sheet.text(48, bottom + 72, "Thank you, and enjoy the festival!", Ink("serif-italic", 15, RUST))
    note = (
        "Please make checks payable to Kestrel Print Studio, Inc., or pay by transfer to account 000 555 0418 at "
        "Merrow Community Bank. Past-due balances carry a late fee of 1.5% per month."
    )
    sheet.paragraph(48, bottom + 96, 516, note, Ink(size=9, color=GRAY))
    return sheet.finish("invoice-kestrel-print.pdf")


def _kestrel_table(sheet: Sheet) -> float:
    columns = (
        Column("ITEM", 266),
        Column("QUANTITY", 80, "right"),
        Column("RATE", 80, "right"),
        Column("AMOUNT", 90, "right"),
    )
    rows = [
        [described(line), money(line.quantity, places=0), f"${line.price}", f"${money(line.total)}"]
        for line in KESTREL_LINES
    ]
    look = Look(head_ink=Ink("bold", 7.5, RUST), row=26)
    bottom = table(sheet, 48, 276, columns, rows, look, head=True)
    net = net_of(KESTREL_LINES)
    tax = percent_of(net, "8.4")
    deposit = Decimal("2000.00")
    sums = (
        ("Subtotal", f"${money(net)}"),
        ("Sales tax 8.4%", f"${money(tax)}"),
        ("Invoice total", f"${money(net + tax)}"),
        ("Deposit received March 5, 2026", f"–${money(deposit)}"),
    )
    after = pairs(sheet, 330, bottom + 26, sums, 229, Ink(leading=1.75), Ink(align="right"))
    sheet.rule(330, after - 10, 564, RUST, 1.4)
    big = Ink("bold", 14)
    due = f"${money(net + tax - deposit)}"
    pairs(sheet, 330, after + 10, [("Balance due", due)], 229, big, replace(big, color=RUST, align="right"))
    return after


# ---- Brightwater Catering Ltd: boxed header, two tax rates ---------------------------------------------------------


def brightwater_catering() -> Made:
    """Brightwater Catering Ltd to a harbour authority: Irish, two VAT rates, day before month."""
    boxes = (
        (("Invoice No", "BW/26/0459"), ("Invoice Date", "22/05/2026"), ("Payment Due", "21/06/2026")),
        (("Account", "CORV-011"), ("Order Ref.", "PO 88213"), ("Event", "Staff dinner 21/05/2026")),
    )
    sheet = Sheet("Invoice BW/26/0459", "Brightwater Catering Ltd", "2026-05-22")
    sheet.new_page()
    sheet.circle((78, 72), 24, fill=NAVY)
    for shift in (-6, 2, 10):
        sheet.stroke([(62 + i, 70 + shift + 2.4 * ((i // 4) % 2)) for i in range(0, 33, 4)], WHITE, 1.3)
    sheet.text(116, 70, "Brightwater Catering Ltd", Ink("bold", 20, NAVY))
    address = "Quay House, Rosbeg Road, Kilcarra, Co. Galway · VAT no. IE 0000459X · +353 00 555 0459"
    sheet.text(116, 88, address, Ink(size=8.5, color=GRAY))
    for row, cells in enumerate(boxes):
        for column, (label, value) in enumerate(cells):
            x, y = 54 + column * 162.3, 120 + row * 44
            sheet.box((x, y), (162.3, 44), color=NAVY, width=0.9)
            sheet.box((x, y), (162.3, 16), fill=(0.90, 0.92, 0.96), color=NAVY, width=0.9)
            sheet.text(x + 6, y + 11.5, label, Ink("bold", 8, NAVY))
            sheet.text(x + 6, y + 34, value, Ink(size=11.5))
    sheet.box((54, 222), (487, 74), color=NAVY, width=0.9)
    sheet.text(60, 236, "Invoice to", Ink("bold", 8, NAVY))
    buyer = ("Corvane Harbour Authority", "Accounts Payable, Customs Quay 1", "Corvane, Co. Clare")
    sheet.lines(60, 253, buyer, Ink(size=11))
    bottom = _brightwater_table(sheet)
    note = (
        "Terms: 30 days net. Staff gratuity is included in the price per guest. Bank: Kilcarra Credit Union, "
        "IBAN IE00 0000 0000 0000 0004 59."
    )
    sheet.paragraph(54, bottom + 40, 487, note, Ink(size=9, color=GRAY))
    return sheet.finish("invoice-brightwater-catering.pdf")


def _brightwater_table(sheet: Sheet) -> float:
    columns = (
        Column("Description", 222),
        Column("Quantity", 60, "right"),
        Column("Price EUR", 70, "right"),
        Column("VAT %", 50, "right"),
        Column("Net EUR", 85, "right"),
    )
    rows = [[line.what, line.quantity, money(line.price), line.rate, money(line.total)] for line in BRIGHTWATER_LINES]
    head = Ink("bold", 8.5, NAVY)
    look = Look(grid=NAVY, rule=None, head_fill=(0.90, 0.92, 0.96), head_ink=head, row=24)
    bottom = table(sheet, 54, 316, columns, rows, look, head=True)
    end = _brightwater_taxes(sheet, bottom + 22, look)
    return end


def _brightwater_taxes(sheet: Sheet, y: float, look: Look) -> float:
    """The table of net, tax and gross for each rate, and the amount to pay below it."""
    nets = [(rate, net_of(BRIGHTWATER_LINES, rate)) for rate in ("13.5", "23")]
    sums = [(f"{rate}%", net, percent_of(net, rate)) for rate, net in nets]
    net, tax = sum((one[1] for one in sums), Decimal(0)), sum((one[2] for one in sums), Decimal(0))
    columns = (
        Column("VAT rate", 70),
        Column("Net", 85, "right"),
        Column("Tax", 85, "right"),
        Column("Gross", 95, "right"),
    )
    lines = [[rate, *map(money, (one, its_tax, one + its_tax))] for rate, one, its_tax in (*sums, ("Total", net, tax))]
    middle = table(sheet, 206, y, columns, lines[:2], look, head=True)
    end = table(sheet, 206, middle, columns, lines[2:], replace(look, ink=Ink("bold", 10)), head=False)
    sheet.text(541, end + 28, f"Amount payable: EUR {money(net + tax)}", Ink("bold", 13, NAVY, "right"))
    return end + 28


# ---- Nordlicht Energie GmbH: German --------------------------------------------------------------------------------


def nordlicht_logo(sheet: Sheet, x: float, y: float) -> None:
    """A star over three ribbons of light."""
    sheet.polygon([(x, y - 14), (x + 3, y - 3), (x + 14, y), (x + 3, y + 3), (x, y + 14), (x - 3, y + 3)], TEAL)
    sheet.polygon([(x - 3, y + 3), (x - 14, y), (x - 3, y - 3), (x, y - 14)], TEAL)
    for shift in (0, 5, 10):
        sheet.stroke([(x + 20 + i, y + 6 - shift - i * i / 260) for i in range(0, 31, 3)], TEAL, 1.4)


def nordlicht() -> Made:
    """Nordlicht Energie GmbH to a bakery: German words, amounts and dates."""
    buyer = ("Bäckerei Möhrle & Söhne", "Frau Käthe Möhrle", "Hafenweg 3", "00418 Süderholm")
    facts = (
        ("Rechnungsnummer", "NE-2026-03-11482"),
        ("Rechnungsdatum", "14.03.2026"),
        ("Kundennummer", "70 448 213"),
        ("Leistungszeitraum", "01.12.2025 – 28.02.2026"),
        ("Zahlbar bis", "28.03.2026"),
    )
    sheet = Sheet("Rechnung NE-2026-03-11482", "Nordlicht Energie GmbH", "2026-03-14")
    sheet.new_page()
    nordlicht_letterhead(sheet)
    sheet.lines(70, 150, buyer, Ink(size=10.5))
    pairs(sheet, 312, 150, facts, 100, Ink(size=9.5, color=GRAY, leading=1.55), Ink("bold", 9.5, leading=1.55))
    sheet.text(70, 262, "Rechnung für Stromlieferung", Ink("bold", 16, TEAL))
    opening = (
        "Sehr geehrte Frau Möhrle, für die Belieferung Ihrer Verbrauchsstelle Hafenweg 3 mit Strom aus Windkraft "
        "berechnen wir Ihnen:"
    )
    sheet.paragraph(70, 284, 455, opening, Ink(size=10))
    bottom = _nordlicht_table(sheet)
    closing = (
        "Bitte überweisen Sie den Gesamtbetrag ohne Abzug bis zum 28.03.2026 auf das Konto "
        "IBAN DE00 0000 0000 0000 1148 20 bei der Küstenbank Süderholm. Ihr Verbrauch lag um 6 % unter dem des "
        "Vorjahreszeitraums (5.170 kWh). Fragen zur Abrechnung beantwortet Herr Jörn Thießen unter 0000 555-1148."
    )
    sheet.paragraph(70, bottom + 40, 455, closing, Ink(size=10))
    nordlicht_foot(sheet)
    return sheet.finish("invoice-nordlicht-de.pdf")


def nordlicht_letterhead(sheet: Sheet) -> None:
    """The head of everything Nordlicht Energie sends."""
    nordlicht_logo(sheet, 84, 66)
    sheet.text(142, 66, "Nordlicht Energie GmbH", Ink("bold", 18, TEAL))
    sheet.text(142, 81, "Strom und Wärme von der Küste", Ink("italic", 9.5, GRAY))
    sheet.rule(70, 100, 525, TEAL, 1.2)
    sender = "Nordlicht Energie GmbH · Deichstraße 17 · 00417 Süderholm"
    sheet.text(70, 130, sender, Ink(size=7, color=GRAY))
    sheet.rule(70, 133, 270, PALE, 0.4)


def nordlicht_foot(sheet: Sheet) -> None:
    """The foot of everything Nordlicht Energie sends."""
    sheet.rule(70, 780, 525, PALE)
    foot = "Geschäftsführerin: Wiebke Harmsen · Amtsgericht Süderholm HRB 00 1148 · USt-IdNr. DE000001148"
    sheet.text(297.5, 794, foot, Ink(size=7.5, color=GRAY, align="center"))


def _nordlicht_table(sheet: Sheet) -> float:
    columns = (
        Column("Position", 250),
        Column("Menge", 60, "right"),
        Column("Einzelpreis EUR", 75, "right"),
        Column("Betrag EUR", 70, "right"),
    )
    rows = [
        [
            described(line),
            money(line.quantity, "de", 0) + line.unit,
            line.price.replace(".", ","),
            money(line.total, "de"),
        ]
        for line in NORDLICHT_LINES
    ]
    look = Look(head_fill=(0.88, 0.95, 0.95), head_ink=Ink("bold", 8.5, TEAL), row=24)
    bottom = table(sheet, 70, 318, columns, rows, look, head=True)
    net = net_of(NORDLICHT_LINES)
    tax = percent_of(net, "19")
    sums = (("Nettobetrag", f"{money(net, 'de')} EUR"), ("USt. 19 %", f"{money(tax, 'de')} EUR"))
    after = pairs(sheet, 345, bottom + 24, sums, 175, Ink(leading=1.7), Ink(align="right"))
    sheet.rule(345, after - 11, 525, TEAL, 1.1)
    big = Ink("bold", 12)
    total = [("Gesamtbetrag", f"{money(net + tax, 'de')} EUR")]
    pairs(sheet, 345, after + 6, total, 175, big, replace(big, align="right"))
    return after + 6


# ---- Atelier Vermeil SARL: French ----------------------------------------------------------------------------------


def atelier_vermeil() -> Made:
    """Atelier Vermeil SARL to a museum: French words and amounts."""
    buyer = ("Musée de la Batellerie", "Service des collections", "2, quai des Mariniers", "00140 Saint-Aubrac")
    facts = (("Facture n°", "2026-0093"), ("Date", "03/06/2026"), ("Échéance", "03/07/2026"), ("Devis", "D-2026-041"))
    sheet = Sheet("Facture 2026-0093", "Atelier Vermeil SARL", "2026-06-03")
    sheet.new_page()
    sheet.box((40, 40), (515, 762), color=GOLD, width=1.2)
    sheet.box((44, 44), (507, 754), color=GOLD, width=0.4)
    sheet.text(297.5, 92, "Atelier Vermeil", Ink("serif-italic", 30, PLUM, "center"))
    sheet.text(297.5, 112, "DORURE · ENCADREMENT · RESTAURATION", Ink("serif", 9, GOLD, "center"))
    address = "SARL au capital de 8 000 € · 8, rue des Tanneurs, 00140 Saint-Aubrac · atelier@vermeil.example"
    sheet.text(297.5, 128, address, Ink("serif", 9, GRAY, "center"))
    sheet.rule(200, 142, 395, GOLD, 0.8)
    label, value = Ink("serif", 11, GRAY, leading=1.6), Ink("serif-bold", 11, leading=1.6)
    pairs(sheet, 68, 182, facts, 80, label, value)
    sheet.box((320, 164), (205, 84), color=GOLD, width=0.6)
    sheet.lines(334, 186, buyer, Ink("serif", 11.5))
    bottom = _vermeil_table(sheet)
    terms = (
        "Règlement par virement à trente jours, IBAN FR00 0000 0000 0000 0000 0009 312. En cas de retard de paiement, "
        "une indemnité forfaitaire de 40 € pour frais de recouvrement sera due, ainsi que des pénalités au taux "
        "annuel de 10 %. Pas d’escompte pour paiement anticipé."
    )
    sheet.paragraph(68, bottom + 48, 457, terms, Ink("serif", 10, GRAY))
    legal = "RCS Saint-Aubrac 000 093 412 · N° TVA intracommunautaire FR 00 000093412"
    sheet.text(297.5, 782, legal, Ink("serif", 8.5, GRAY, "center"))
    return sheet.finish("invoice-atelier-vermeil-fr.pdf")


def _vermeil_table(sheet: Sheet) -> float:
    columns = (
        Column("Désignation", 247),
        Column("Quantité", 60, "right"),
        Column("Prix unitaire HT", 80, "right"),
        Column("Montant HT", 70, "right"),
    )
    rows = [
        [described(line), line.quantity.replace(".", ","), money(line.price, "fr"), money(line.total, "fr")]
        for line in VERMEIL_LINES
    ]
    look = Look(Ink("serif", 11), Ink("serif-bold", 10, PLUM), rule=(0.88, 0.82, 0.70), row=26)
    bottom = table(sheet, 68, 284, columns, rows, look, head=True)
    net = net_of(VERMEIL_LINES)
    tax = percent_of(net, "20")
    sums = (("Total HT", f"{money(net, 'fr')} €"), ("TVA 20 %", f"{money(tax, 'fr')} €"))
    small = Ink("serif", 11, INK, leading=1.7)
    after = pairs(sheet, 345, bottom + 26, sums, 175, small, replace(small, align="right"))
    sheet.box((335, after - 9), (190, 26), fill=PLUM)
    big = Ink("serif-bold", 13, WHITE)
    total = [("Total TTC", f"{money(net + tax, 'fr')} €")]
    pairs(sheet, 345, after + 9, total, 175, big, replace(big, align="right"))
    return after + 9
