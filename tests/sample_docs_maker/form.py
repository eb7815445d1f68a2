"""A claim form of a household insurer, filled in by hand: one-letter boxes, ticked check boxes, a signature."""

from __future__ import annotations

from .paper import GRAY, PEN, WHITE, Color, Ink, Made, Sheet
from .parts import comb, signature, tick_box

BRAND: Color = (0.36, 0.20, 0.50)
TINT: Color = (0.96, 0.94, 0.98)
HAND = Ink("serif-italic", 13, PEN)
LABEL = Ink(size=8, color=GRAY)
PLAIN = Ink(size=9.5)
LEFT, WIDTH = 48.0, 499.0


def make() -> list[Made]:
    """The form."""
    sheet = Sheet("Household claim form", "Meridian Mutual Insurance", "2026-01-22")
    sheet.new_page()
    _head(sheet)
    _person(sheet, 128)
    _loss(sheet, 300)
    _items(sheet, 512)
    _declaration(sheet, 666)
    return [sheet.finish("form-insurance-claim.pdf")]


def _head(sheet: Sheet) -> None:
    sheet.box((0, 0), (595, 78), fill=BRAND)
    sheet.circle((72, 39), 20, color=WHITE, width=2.4)
    sheet.stroke([(58, 50), (66, 28), (72, 42), (78, 28), (86, 50)], WHITE, 2.4)
    sheet.text(104, 40, "Meridian Mutual Insurance", Ink("bold", 18, WHITE))
    sheet.text(104, 57, "Household claim form", Ink(size=12, color=WHITE))
    sheet.text(547, 40, "Form HC-7", Ink("bold", 10, WHITE, "right"))
    hint = "Please use block letters or dark ink. Tick what applies. Send to: PO Box 71, Stanmere QS1 0AA"
    sheet.text(LEFT, 98, hint, Ink("italic", 9, GRAY))


def _panel(sheet: Sheet, y: float, height: float, title: str) -> None:
    sheet.box((LEFT, y), (WIDTH, height), fill=TINT, color=BRAND, width=0.8)
    sheet.box((LEFT, y), (WIDTH, 18), fill=BRAND)
    sheet.text(LEFT + 8, y + 12.5, title, Ink("bold", 9.5, WHITE))


def _field(sheet: Sheet, x: float, y: float, width: float, label: str, value: str) -> None:
    """One box with its label above and the hand-written value inside."""
    sheet.text(x, y, label, LABEL)
    sheet.box((x, y + 4), (width, 21), fill=WHITE, color=GRAY)
    sheet.text(x + 6, y + 19, value, HAND)


def _comb_field(sheet: Sheet, x: float, y: float, label: str, value: str, cells: int) -> None:
    sheet.text(x, y, label, LABEL)
    comb(sheet, x, y + 4, value, Ink("mono-bold", 12, PEN), cells)


def _person(sheet: Sheet, y: float) -> None:
    _panel(sheet, y - 14, 160, "1  Policyholder")
    left, right = LEFT + 10, LEFT + 260
    _field(sheet, left, y + 18, 230, "Surname and first name", "Tarrant, Odile")
    _comb_field(sheet, right, y + 18, "Policy number", "MM4417083K", 10)
    _field(sheet, left, y + 58, 230, "Address", "5 Heron Court, Wexhaven WX3 6NR")
    _comb_field(sheet, right, y + 58, "Date of birth (day, month, year)", "30051979", 8)
    _field(sheet, left, y + 98, 230, "Telephone", "01632 960 583")
    sheet.text(right, y + 98, "You are", LABEL)
    tick_box(sheet, right, y + 117, "owner", ticked=False, ink=PLAIN)
    tick_box(sheet, right + 75, y + 117, "tenant", ticked=True, ink=PLAIN)
    tick_box(sheet, right + 150, y + 117, "landlord", ticked=False, ink=PLAIN)


def _loss(sheet: Sheet, y: float) -> None:
    causes = (
        ("Fire or smoke", False),
        ("Escape of water", True),
        ("Storm or hail", False),
        ("Burglary", False),
        ("Broken glass", False),
        ("Other", False),
    )
    _panel(sheet, y - 14, 200, "2  What happened")
    left = LEFT + 10
    _comb_field(sheet, left, y + 18, "Date of loss", "19012026", 8)
    _field(sheet, left + 148, y + 18, 98, "Time", "about 7.15 pm")
    _field(sheet, left + 260, y + 18, 218, "Place", "kitchen and hall, 2nd floor")
    for index, (label, ticked) in enumerate(causes):
        tick_box(sheet, left + index % 3 * 150, y + 66 + index // 3 * 20, label, ticked, PLAIN)
    sheet.text(left, y + 108, "Description", LABEL)
    sheet.box((left, y + 112), (WIDTH - 20, 68), fill=WHITE, color=GRAY)
    story = (
        "The inlet hose of the dishwasher burst while I was out. Water stood 2 cm deep",
        "in the kitchen and ran into the hall. My neighbour Mr Bexley turned off the main",
        "valve at 8 pm. The parquet has lifted; the hose was three years old.",
    )
    for index, line in enumerate(story):
        sheet.text(left + 6, y + 128 + index * 19, line, HAND)


def _items(sheet: Sheet, y: float) -> None:
    rows = (
        ("Oak parquet, kitchen and hall, 21 m²", "2019", "1,890.00"),
        ("Dishwasher Halvard D60", "2023", "540.00"),
        ("Hall rug, wool", "2015", "275.00"),
    )
    _panel(sheet, y - 14, 144, "3  What was damaged")
    for x, title, width in ((0, "Item", 290), (300, "Bought in", 70), (380, "Amount claimed £", 99)):
        sheet.text(LEFT + 10 + x, y + 16, title, LABEL)
        for index, row in enumerate(rows):
            sheet.box((LEFT + 10 + x, y + 20 + index * 24), (width, 22), fill=WHITE, color=GRAY)
            column = {0: 0, 300: 1, 380: 2}[x]
            sheet.text(LEFT + 16 + x, y + 36 + index * 24, row[column], HAND)
    sheet.text(LEFT + 382, y + 110, "Total claimed £", Ink("bold", 9.5, align="right"))
    sheet.box((LEFT + 390, y + 95), (99, 24), fill=WHITE, color=BRAND, width=1.4)
    sheet.text(LEFT + 396, y + 112, "2,705.00", HAND)


def _declaration(sheet: Sheet, y: float) -> None:
    _panel(sheet, y - 14, 158, "4  Payment and declaration")
    left = LEFT + 10
    _comb_field(sheet, left, y + 18, "Sort code", "000000", 6)
    _comb_field(sheet, left + 130, y + 18, "Account number", "00705541", 8)
    tick_box(sheet, left + 290, y + 24, "Photographs are enclosed (6)", ticked=True, ink=PLAIN)
    tick_box(sheet, left + 290, y + 42, "A repair estimate is enclosed", ticked=False, ink=PLAIN)
    text = (
        "I declare that the statements above are true and complete. I have not claimed for this loss with any other "
        "insurer."
    )
    sheet.paragraph(left, y + 62, WIDTH - 20, text, Ink(size=9))
    _field(sheet, left, y + 98, 150, "Place and date", "Wexhaven, 22 Jan 2026")
    sheet.text(left + 180, y + 98, "Signature of the policyholder", LABEL)
    signature(sheet, left + 196, y + 132, 112, 23)
    sheet.rule(left + 180, y + 135, left + 370, GRAY)
