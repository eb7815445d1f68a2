"""The documents that are only pictures: a delivery note, a certificate, minutes of a meeting, and a till receipt.

What scanning does to them is in `scans`.
"""

from __future__ import annotations

from decimal import Decimal

from .letters import paragraphs
from .paper import GRAY, INK, WHITE, Ink, Made, Sheet
from .parts import CENT, Column, Look, money, pairs, signature, table, tick_box
from .scans import Scanner, fax_tiff, jpeg, page_image, scan, sideways_pdf

DARK = (0.15, 0.15, 0.15)
HAND = Ink("serif-italic", 15, DARK)


def make() -> list[Made]:
    """All pictures."""
    return [delivery_note(), lift_certificate(), allotment_minutes(), cafe_receipt()]


# ---- Pellworth Haulage Ltd: delivery note, sideways with /Rotate ---------------------------------------------------


def delivery_note() -> Made:
    """A delivery note with remarks by hand, stored sideways in a PDF that says so."""
    facts = (
        ("Delivery note", "DN-55871"),
        ("Date", "26 March 2026"),
        ("Vehicle", "PH 27 KLO"),
        ("Driver", "Tobias Wrenn"),
    )
    places = (
        ("Loaded at", ("Sorrel Valley Sawmill", "Mill Road 40", "Upper Sorrel SV2 1TT")),
        ("Delivered to", ("Harbour & Pine Ltd", "Site: Larkfield Primary School", "12 Orchard Lane, Wexhaven")),
    )
    columns = (
        Column("Pack", 55),
        Column("Goods", 235),
        Column("Pieces", 65, "right"),
        Column("m³", 60, "right"),
        Column("kg", 72, "right"),
    )
    packs = (
        ("A-01", "Kiln-dried oak, 52 mm, unedged", "38", "2.14", "1,540"),
        ("A-02", "Kiln-dried oak, 32 mm, square-edged", "64", "1.87", "1,350"),
        ("B-07", "Larch battens, 40 × 60 mm", "120", "0.86", "510"),
        ("", "Total", "222", "4.87", "3,400"),
    )
    sheet = Sheet("Scan", "", "2026-03-26")
    sheet.new_page()
    sheet.box((54, 48), (487, 62), fill=(0.2, 0.2, 0.2))
    sheet.text(72, 88, "PELLWORTH HAULAGE LTD", Ink("bold", 24, WHITE))
    sheet.text(54, 128, "Depot 9, Ringway Park, Stanmere QS7 0PH · Telephone 01632 960 909", Ink(size=10))
    pairs(sheet, 54, 170, facts, 105, Ink(size=12, leading=1.6), Ink("bold", 12, leading=1.6))
    for index, (title, block) in enumerate(places):
        x = 54 + index * 250
        sheet.box((x, 256), (237, 78), color=INK, width=0.9)
        sheet.text(x + 8, 272, title, Ink("bold", 10))
        sheet.lines(x + 8, 291, block, Ink(size=11.5))
    look = Look(Ink(size=11.5), Ink("bold", 11), grid=INK, rule=None, head_fill=(0.85, 0.85, 0.85), row=28)
    bottom = table(sheet, 54, 356, columns, packs, look, head=True)
    _received(sheet, bottom + 34)
    return sideways_pdf("scan-delivery-note.pdf", sheet, Scanner(seed=101, skew=1.5), says_rotate=True)


def _received(sheet: Sheet, y: float) -> None:
    tick_box(sheet, 54, y, "Received complete", ticked=True, ink=Ink(size=11.5))
    tick_box(sheet, 220, y, "Received without damage", ticked=False, ink=Ink(size=11.5))
    sheet.text(54, y + 34, "Remarks of the receiver", Ink("bold", 11))
    remarks = (
        "Tarpaulin missing. Packs A-01 and A-02 soaked through.",
        "Photographs taken at 14:20, driver informed.",
        "Arrived four hours late.",
    )
    for index, remark in enumerate(remarks):
        sheet.text(60, y + 60 + index * 26, remark, HAND)
        sheet.rule(54, y + 66 + index * 26, 541, GRAY, 0.5)
    signature(sheet, 66, y + 188, 120, 31, DARK)
    sheet.rule(54, y + 200, 260, INK)
    sheet.text(54, y + 214, "Received by: Hester Lyle, yard foreman", Ink(size=10.5))
    signature(sheet, 346, y + 188, 100, 38, DARK)
    sheet.rule(330, y + 200, 541, INK)
    sheet.text(330, y + 214, "Driver", Ink(size=10.5))


# ---- Garrick Lift Inspection: certificate, sideways without /Rotate ------------------------------------------------


def lift_certificate() -> Made:
    """A certificate stored sideways in a PDF that does not say so."""
    facts = (
        ("Certificate no.", "GLI-26-3071"),
        ("Owner", "Tidewell Estates Ltd"),
        ("User", "Harbour & Pine Ltd"),
        ("Place", "Unit 4, Slipway Yard, Wexhaven"),
        ("Equipment", "Goods lift, serial number GL-2274"),
        ("Year of make", "2009"),
        ("Safe working load", "1,000 kg"),
        ("Date of examination", "19 May 2026"),
        ("Next examination due by", "19 November 2026"),
    )
    findings = (
        "1. The rope shows wear on 40 cm near the counterweight. It must be replaced within three months.",
        "2. The light in the upper landing does not work. Repair before the next examination.",
        "3. The safety gear was tested with 1,250 kg and held within 60 mm.",
    )
    sheet = Sheet("Scan", "", "2026-05-19")
    sheet.new_page()
    sheet.box((46, 46), (503, 750), color=INK, width=2.2)
    sheet.box((52, 52), (491, 738), color=INK, width=0.6)
    sheet.text(297.5, 100, "GARRICK LIFT INSPECTION", Ink("serif-bold", 24, align="center"))
    sheet.text(297.5, 122, "Competent persons for lifting equipment", Ink("serif-italic", 13, align="center"))
    sheet.rule(160, 136, 435, INK, 1)
    sheet.text(297.5, 172, "Certificate of Thorough Examination", Ink("serif-bold", 18, align="center"))
    pairs(sheet, 84, 216, facts, 175, Ink("serif", 13, leading=1.75), Ink("serif-bold", 13, leading=1.75))
    sheet.text(84, 440, "Findings", Ink("serif-bold", 15))
    y = paragraphs(sheet, 84, 464, 427, findings, Ink("serif", 13, leading=1.4))
    result = "The lift **may remain in use** until the rope is replaced, with a load of not more than 600 kg."
    y = sheet.paragraph(84, y + 8, 427, result, Ink("serif", 13, leading=1.4))
    signature(sheet, 96, y + 62, 130, 47, DARK)
    sheet.rule(84, y + 74, 290, INK)
    sheet.lines(84, y + 92, ("Fergus Garrick, engineer surveyor", "Stanmere, 21 May 2026"), Ink("serif", 12))
    for radius in (46, 42, 27):
        sheet.circle((440, y + 64), radius, color=GRAY, width=1.6)
    sheet.text(440, y + 62, "EXAMINED", Ink("bold", 9, GRAY, "center"))
    sheet.text(440, y + 74, "2026", Ink("bold", 9, GRAY, "center"))
    scanner = Scanner(seed=202, skew=-1.2, noise=4.5)
    return sideways_pdf("scan-lift-certificate.pdf", sheet, scanner, says_rotate=False)


# ---- Wexhaven Allotment Association: minutes, three pages of TIFF --------------------------------------------------

MINUTES: tuple[tuple[tuple[str, tuple[str, ...]], ...], ...] = (
    (
        (
            "1. Opening",
            (
                "The chairwoman, Beatrix Holloway, opened the meeting at 19:05 and welcomed 43 of 68 members. The "
                "invitation had been sent in time, and the meeting was quorate.",
                "The minutes of 28 February 2025 were approved with two abstentions.",
            ),
        ),
        (
            "2. Report of the chairwoman",
            (
                "The past year brought a dry spring and the new gate on Mill Lane. Nine plots changed hands; 17 "
                "households are on the waiting list. The open day on 15 June attracted about 300 visitors.",
                "The council has extended the lease of the land until 2041 at a rent of £1,150 a year.",
            ),
        ),
        (
            "3. Report of the water warden",
            (
                "Mr Desmond Achebe reported a consumption of 1,870 cubic metres, 12% more than in the year before. A "
                "leak below plot 31 was repaired in July. Hosepipes without a timer are no longer permitted.",
            ),
        ),
    ),
    (
        (
            "4. Accounts for 2025",
            ("The treasurer, Ms Lucinda Farrow, presented the accounts. All amounts are in pounds.",),
        ),
    ),
    (
        (
            "6. Annual fee",
            (
                "The committee proposed to raise the fee per plot from £62 to £68 from 1 January 2027. After a lively "
                "discussion the proposal was accepted by 29 votes to 11, with 3 abstentions.",
            ),
        ),
        (
            "7. Elections",
            (
                "Beatrix Holloway was re-elected chairwoman for two years. Lucinda Farrow did not stand again; Owen "
                "Prichard was elected treasurer unanimously. Desmond Achebe remains water warden.",
            ),
        ),
        (
            "8. Any other business",
            (
                "Mrs Ines Koval asked for a second compost bay. The committee will obtain two estimates by May.",
                "Bonfires are allowed only in November and only after 16:00. Bees may be kept on plots 60 to 68.",
                "The next annual meeting takes place on 26 February 2027 at 19:00 in the parish hall.",
            ),
        ),
    ),
)
ACCOUNTS = (
    ("Fees from plots", "4,216.00", ""),
    ("Open day, cake and plant sale", "1,384.50", ""),
    ("Grant of the parish council", "750.00", ""),
    ("Rent to the council", "", "1,150.00"),
    ("Water", "", "2,431.00"),
    ("New gate", "", "1,265.00"),
    ("Insurance", "", "318.40"),
    ("Repairs and tools", "", "447.60"),
    ("Total", "6,350.50", "5,612.00"),
)


def allotment_minutes() -> Made:
    """Minutes of an annual meeting as a black and white TIFF of three pages."""
    sheet = Sheet("Minutes", "", "2026-03-02")
    body = Ink("serif", 13, leading=1.45)
    for number, sections in enumerate(MINUTES, 1):
        sheet.new_page()
        y = _minutes_head(sheet) if number == 1 else 84.0
        for title, texts in sections:
            sheet.text(72, y, title, Ink("serif-bold", 14))
            y = paragraphs(sheet, 72, y + 22, 451, texts, body) + 12
        if number == 2:
            _accounts(sheet, y, body)
        if number == 3:
            _minutes_end(sheet, y)
        sheet.text(297.5, 800, f"– {number} –", Ink("serif", 11, align="center"))
    return fax_tiff("minutes-allotment.tif", sheet, Scanner(seed=303, skew=0.5, noise=9, shade=10))


def _minutes_head(sheet: Sheet) -> float:
    sheet.text(72, 84, "Wexhaven Allotment Association", Ink("serif-bold", 21))
    sheet.rule(72, 96, 523, INK, 1.6)
    sheet.text(72, 126, "Minutes of the annual general meeting", Ink("serif-bold", 15))
    facts = (
        ("Held on", "Friday, 27 February 2026"),
        ("Place", "Parish hall, Chapel Rise"),
        ("Minutes", "Harriet Nunn, secretary"),
    )
    return pairs(sheet, 72, 154, facts, 80, Ink("serif", 13), Ink("serif", 13)) + 22


def _accounts(sheet: Sheet, y: float, body: Ink) -> None:
    columns = (Column("", 231), Column("Income", 110, "right"), Column("Expenses", 110, "right"))
    look = Look(Ink("serif", 12.5), Ink("serif-bold", 12.5), grid=INK, rule=None, row=27)
    bottom = table(sheet, 72, y - 6, columns, ACCOUNTS, look, head=True)
    texts = (
        "The year closed with a surplus of £738.50. The balance of the account on 31 December 2025 was £5,902.17, of "
        "which £2,000 are set aside for a new pump.",
    )
    y = paragraphs(sheet, 72, bottom + 30, 451, texts, body) + 12
    sheet.text(72, y, "5. Audit and discharge", Ink("serif-bold", 14))
    audit = (
        "The auditors, Mr Piers Langdon and Mrs Yvonne Shaw, had examined the books on 9 February and found them in "
        "good order; one receipt for £24.80 was missing. The committee was discharged without opposition.",
    )
    paragraphs(sheet, 72, y + 22, 451, audit, body)


def _minutes_end(sheet: Sheet, y: float) -> None:
    sheet.text(72, y, "The meeting closed at 21:20.", Ink("serif", 13))
    for x, name, post, seed in ((72, "Beatrix Holloway", "Chairwoman", 61), (310, "Harriet Nunn", "Secretary", 66)):
        signature(sheet, x + 8, y + 66, 110, seed, INK)
        sheet.rule(x, y + 78, x + 190, INK)
        sheet.lines(x, y + 95, (name, post), Ink("serif", 12))


# ---- Fennel & Rye: till receipt ------------------------------------------------------------------------------------

RECEIPT = (
    ("2", "Soup of the day", "6.80"),
    ("1", "Rye toast, smoked trout", "9.40"),
    ("1", "Mushroom pie", "11.20"),
    ("1", "Apple crumble", "5.50"),
    ("3", "Flat white", "3.60"),
    ("1", "Elderflower fizz", "3.90"),
)


def cafe_receipt() -> Made:
    """A narrow till receipt as a gray JPEG."""
    sheet = Sheet("Receipt", "", "2026-05-08", (230, 520))
    sheet.new_page()
    middle = Ink("mono", 9.5, align="center", leading=1.35)
    sheet.text(115, 42, "FENNEL & RYE", Ink("mono-bold", 19, align="center"))
    y = sheet.lines(115, 60, ("Café and bakery", "3 Chapel Rise, Wexhaven", "Tel. 01632 960 128"), middle)
    mono = Ink("mono", 9.5, leading=1.5)
    y = _dashes(sheet, y)
    y = sheet.lines(16, y, ("Receipt 0041877    Table 12", "08 May 2026  13:47", "Served by: Anouk"), mono)
    y = _dashes(sheet, y)
    total = Decimal(0)
    for count, what, price in RECEIPT:
        amount = Decimal(count) * Decimal(price)
        total += amount
        sheet.text(16, y, f"{count} {what}", mono)
        sheet.text(214, y, money(amount), Ink("mono", 9.5, align="right"))
        y += mono.step
    y = _dashes(sheet, y)
    net = (total / Decimal("1.2")).quantize(CENT)
    bold = Ink("mono-bold", 14, align="right", leading=1.7)
    y = pairs(sheet, 16, y + 6, [("TOTAL", f"£{money(total)}")], 198, Ink("mono-bold", 14), bold)
    right = Ink("mono", 9.5, align="right", leading=1.5)
    sums = (("Net", money(net)), ("VAT 20%", money(total - net)), ("Card ****4471", money(total)))
    y = pairs(sheet, 16, y, sums, 198, mono, right)
    y = _dashes(sheet, y)
    thanks = ("VAT no. GB 000 0128 33", "Thank you! Loaves are half", "price after 17:00")
    y = sheet.lines(115, y, thanks, middle)
    for index, bar in enumerate("3121321123121312213112321121"):
        sheet.box((32 + index * 6, y + 4), (int(bar) * 1.3, 30), fill=INK)
    scanner = Scanner(seed=404, skew=-0.8, blur=0.7, noise=6, paper=236, shade=30)
    picture = scan(page_image(sheet, 0, scanner.dpi), scanner)
    texts = tuple(page.get_text() for page in sheet.document())
    return Made("receipt-fennel-rye.jpg", jpeg(picture, 62, scanner.dpi), texts)


def _dashes(sheet: Sheet, y: float) -> float:
    sheet.text(16, y, "-" * 34, Ink("mono", 9.5, GRAY))
    return y + 16
