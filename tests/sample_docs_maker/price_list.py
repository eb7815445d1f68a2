"""A price list over two pages; the head of its table stands on the first page only."""

from __future__ import annotations

from decimal import Decimal

from .paper import GRAY, PALE, WHITE, Color, Ink, Made, Sheet
from .parts import Column, Look, money, percent_of, table

IRON: Color = (0.23, 0.23, 0.25)
RED: Color = (0.70, 0.15, 0.12)

#: section, then article number, description, pack, price without VAT
GOODS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "Hinges",
        (
            ("H-101", "Butt hinge, steel, 75 mm", "pair", "3.40"),
            ("H-102", "Butt hinge, brass, 75 mm", "pair", "8.95"),
            ("H-103", "Butt hinge, stainless, 100 mm", "pair", "11.20"),
            ("H-110", "Tee hinge, black, 300 mm", "pair", "9.60"),
            ("H-112", "Tee hinge, galvanised, 450 mm", "pair", "14.75"),
            ("H-120", "Parliament hinge, brass, 100 mm", "pair", "26.30"),
            ("H-131", "Concealed hinge, 35 mm, soft close", "piece", "2.85"),
            ("H-140", "Piano hinge, brass, 1.8 m", "piece", "19.90"),
        ),
    ),
    (
        "Locks and latches",
        (
            ("L-201", "Mortice deadlock, five levers", "piece", "34.50"),
            ("L-202", "Mortice sash lock, three levers", "piece", "22.80"),
            ("L-205", "Rim night latch, 60 mm", "piece", "29.95"),
            ("L-211", "Suffolk latch, black iron", "set", "17.40"),
            ("L-214", "Ring gate latch, galvanised", "set", "21.60"),
            ("L-220", "Padlock, brass, 50 mm, two keys", "piece", "12.25"),
            ("L-222", "Padlock, shrouded, 60 mm", "piece", "38.70"),
            ("L-230", "Barrel bolt, steel, 150 mm", "piece", "4.15"),
            ("L-232", "Tower bolt, black, 250 mm", "piece", "7.80"),
        ),
    ),
    (
        "Handles and knobs",
        (
            ("K-301", "Lever handle on rose, satin", "pair", "24.90"),
            ("K-302", "Lever handle on plate, brass", "pair", "31.50"),
            ("K-310", "Mortice knob, beech", "pair", "18.60"),
            ("K-315", "Cupboard knob, porcelain, 38 mm", "piece", "3.95"),
            ("K-317", "Cup pull, antique brass", "piece", "5.70"),
            ("K-320", "Bow handle, aluminium, 160 mm", "piece", "4.40"),
            ("K-330", "Flush pull, stainless, 120 mm", "piece", "9.35"),
        ),
    ),
    (
        "Screws and nails",
        (
            ("S-401", "Wood screw 4 × 40 mm, zinc", "box of 200", "6.20"),
            ("S-402", "Wood screw 5 × 60 mm, zinc", "box of 200", "8.90"),
            ("S-405", "Wood screw 5 × 60 mm, stainless", "box of 200", "19.85"),
            ("S-410", "Coach screw 10 × 100 mm", "box of 25", "13.40"),
            ("S-420", "Round wire nail 75 mm", "1 kg", "4.75"),
            ("S-422", "Oval nail 50 mm", "1 kg", "5.10"),
            ("S-425", "Copper clout nail 30 mm", "1 kg", "27.60"),
            ("S-430", "Cut floor brad 60 mm", "1 kg", "9.95"),
        ),
    ),
    (
        "Brackets and fixings",
        (
            ("B-501", "Joist hanger 47 × 150 mm", "piece", "2.30"),
            ("B-505", "Angle bracket 90 × 90 mm, heavy", "piece", "1.85"),
            ("B-508", "Shelf bracket, cast iron, 250 mm", "piece", "8.40"),
            ("B-510", "Post shoe, bolt-down, 100 mm", "piece", "10.70"),
            ("B-512", "Post spike 75 × 750 mm", "piece", "9.15"),
            ("B-520", "Frame fixing 10 × 120 mm", "box of 50", "21.30"),
            ("B-525", "Resin anchor, 300 ml", "cartridge", "11.65"),
            ("B-530", "Threaded rod M12, 1 m", "piece", "3.70"),
        ),
    ),
    (
        "Tools and care",
        (
            ("T-601", "Cabinet scraper, set of three", "set", "16.80"),
            ("T-604", "Bevel-edge chisel, 18 mm", "piece", "23.50"),
            ("T-607", "Marking gauge, rosewood", "piece", "28.25"),
            ("T-612", "Try square, 230 mm", "piece", "19.40"),
            ("T-620", "Danish oil, 1 litre", "tin", "17.95"),
            ("T-622", "Beeswax polish, 400 g", "tin", "9.20"),
            ("T-625", "Graphite powder, 50 g", "bottle", "4.60"),
        ),
    ),
)
COLUMNS = (
    Column("Article", 60),
    Column("Description", 217),
    Column("Pack", 80),
    Column("Price £", 65, "right"),
    Column("incl. VAT £", 73, "right"),
)
LOOK = Look(Ink(size=9.2), Ink("bold", 9, WHITE), head_fill=IRON, stripe=(0.96, 0.96, 0.97), row=17.5)


def make() -> list[Made]:
    """The price list."""
    sheet = Sheet("Trade price list, spring 2026", "Oakhurst Ironmongery", "2026-03-01")
    sheet.new_page()
    _head(sheet)
    bottom = table(sheet, 50, 164, COLUMNS, [], LOOK, head=True)
    bottom = _sections(sheet, bottom, GOODS[:3])
    sheet.text(545, bottom + 22, "continued overleaf", Ink("italic", 8.5, GRAY, "right"))
    _foot(sheet, 1)
    sheet.new_page()
    bottom = _sections(sheet, 50, GOODS[3:])
    terms = (
        "Carriage is free on orders above £150.00 without VAT; below that we charge £7.50. Quantity discount: 5% from "
        "ten packs of one article, 8% from fifty. Goods in unopened packs may be returned within 21 days. Prices are "
        "valid from 1 March to 31 August 2026."
    )
    sheet.paragraph(50, bottom + 30, 495, terms, Ink(size=9.5))
    _foot(sheet, 2)
    return [sheet.finish("price-list-oakhurst.pdf")]


def _head(sheet: Sheet) -> None:
    sheet.box((50, 46), (46, 46), fill=RED)
    sheet.text(73, 80, "O", Ink("serif-bold", 32, WHITE, "center"))
    sheet.text(110, 70, "Oakhurst Ironmongery", Ink("serif-bold", 23, IRON))
    sheet.text(110, 88, "Fittings for doors, gates and furniture", Ink("serif-italic", 12, GRAY))
    sheet.lines(545, 62, ("Foundry Lane 2, Stanmere QS3 8KE", "01632 960 744"), Ink(size=9, color=GRAY, align="right"))
    sheet.text(50, 128, "Trade price list, spring 2026", Ink("bold", 15, RED))
    sheet.text(50, 146, "All prices in pounds sterling; VAT at 20%.", Ink(size=9.5, color=GRAY))


def _foot(sheet: Sheet, page: int) -> None:
    sheet.rule(50, 800, 545, PALE)
    sheet.text(50, 813, "Oakhurst Ironmongery · Trade price list, spring 2026", Ink(size=8, color=GRAY))
    sheet.text(545, 813, f"Page {page} of 2", Ink(size=8, color=GRAY, align="right"))


def _sections(sheet: Sheet, y: float, sections: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...]) -> float:
    for title, goods in sections:
        sheet.text(55, y + 16, title, Ink("bold", 10, RED))
        rows = [(number, what, pack, price, with_vat(price)) for number, what, pack, price in goods]
        y = table(sheet, 50, y + 22, COLUMNS, rows, LOOK, head=False)
    return y


def with_vat(price: str) -> str:
    """A price with 20% VAT added."""
    return money(Decimal(price) + percent_of(Decimal(price), "20"))
