"""A two-column report of two pages with a bar chart, a table and the figures in the text."""

from __future__ import annotations

from .invoices import NAVY
from .letters import paragraphs
from .paper import GRAY, PALE, WHITE, Color, Ink, Made, Sheet
from .parts import Column, Look, table

SEA: Color = (0.16, 0.47, 0.66)
SAND: Color = (0.87, 0.66, 0.34)
BODY = Ink("serif", 11.6, leading=1.36, align="justify")
LEFT, MIDDLE, COLUMN = 54.0, 308.0, 233.0

CARGO = (("Q1", 212, 228), ("Q2", 241, 263), ("Q3", 198, 287), ("Q4", 225, 274))  #: quarter, 2024, 2025 in 1,000 t
GOODS = (
    ("Timber", "318", "371", "+16.7%"),
    ("Grain and feed", "264", "289", "+9.5%"),
    ("Containers", "181", "246", "+35.9%"),
    ("Scrap metal", "113", "146", "+29.2%"),
)
REVENUE = (("Cargo dues", 61), ("Rents", 22), ("Pilotage, services", 17))  #: percent of the revenue
SUMMARY = (
    "Corvane Harbour handled 1,052,000 tonnes of cargo in 2025, 20.1% more than in the year before and more than ever "
    "since records began in 1949. The number of ship calls rose only slightly, from 604 to 631, because the ships "
    "became larger: the average call now brings 1,667 tonnes, against 1,450 in 2024.",
    "The growth was uneven. In the third quarter of 2024 the north lock had been closed for nine weeks, so that the "
    "287,000 tonnes of the third quarter of 2025 compare with an unusually weak 198,000. Without that effect we "
    "estimate growth at about 12%.",
)
SHIPS = (
    "Containers gained most. The weekly feeder service to Stanmere, begun in March by Blackthorn Lines, used the new "
    "east quay on 41 occasions and accounted for almost all of the increase.",
    "Timber remains the most important good. Four importers, among them Harbour & Pine Ltd, have signed storage "
    "contracts until 2028, and the covered timber hall was full for 47 weeks of the year. A second hall of 3,800 "
    "square metres will be built on the old coal yard.",
)
SAFETY = (
    "There were 14 reportable accidents at work after 19 in 2024. None was fatal. Seven of them happened while "
    "mooring, and a rescue boat with a crew of three is therefore on call at every berth since October.",
    "One spill was recorded: on 6 August about 240 litres of hydraulic oil escaped from a mobile crane. The boom was "
    "closed within 25 minutes and no oil reached the bird reserve.",
)
MONEY = (
    "Revenue came to EUR 9.42 million, of which 61% were cargo dues, 22% rents and 17% pilotage and services. After "
    "costs of EUR 7.88 million an operating surplus of EUR 1.54 million remains; it goes in full into the repair of "
    "the north lock.",
    "The Authority employed 83 people at the end of the year, five more than twelve months earlier. Sick leave fell "
    "to 4.1%.",
)
OUTLOOK = (
    "For 2026 we expect 1.09 million tonnes. Dredging of the approach channel to 8.6 metres begins in May and will "
    "take eleven weeks; during that time ships drawing more than 6.9 metres can enter at high water only.",
    "Shore power for three berths is planned for 2027. The cost is estimated at EUR 2.3 million, of which the regional "
    "fund has promised 40%. A decision of the board is due in November 2026.",
)


def make() -> list[Made]:
    """The report."""
    sheet = Sheet("Traffic Review 2025", "Corvane Harbour Authority", "2026-02-20")
    _first_page(sheet)
    _second_page(sheet)
    return [sheet.finish("report-harbour-traffic.pdf")]


def _section(sheet: Sheet, x: float, y: float, title: str, texts: tuple[str, ...]) -> float:
    sheet.text(x, y, title, Ink("bold", 11.5, NAVY))
    return paragraphs(sheet, x, y + 17, COLUMN, texts, BODY) + 12


def _foot(sheet: Sheet, page: int) -> None:
    sheet.rule(LEFT, 796, 541, PALE)
    sheet.text(LEFT, 809, "Corvane Harbour Authority · Traffic Review 2025", Ink(size=8, color=GRAY))
    sheet.text(541, 809, str(page), Ink("bold", 9, NAVY, "right"))


def _first_page(sheet: Sheet) -> None:
    sheet.new_page()
    sheet.box((0, 0), (595, 118), fill=NAVY)
    for row, color in enumerate((SEA, (0.24, 0.56, 0.74), (0.40, 0.68, 0.82))):
        wave = [(i * 17.5, 106 + row * 6 + 3 * (-1) ** i) for i in range(35)]
        sheet.stroke(wave, color, 2.2)
    sheet.text(LEFT, 56, "Traffic Review 2025", Ink("bold", 27, WHITE))
    sheet.text(LEFT, 78, "Cargo, ships and safety in the port of Corvane", Ink("italic", 12.5, WHITE))
    sheet.text(541, 56, "20 February 2026", Ink(size=10, color=WHITE, align="right"))
    y = _section(sheet, LEFT, 152, "A record year", SUMMARY)
    _section(sheet, LEFT, y, "Ships and goods", SHIPS)
    _key_figures(sheet, MIDDLE, 142)
    _bar_chart(sheet, MIDDLE, 262)
    caption = (
        "**Figure 1.** Cargo handled in each quarter, in thousand tonnes. The north lock was closed for nine weeks in "
        "the third quarter of 2024."
    )
    sheet.paragraph(MIDDLE, 606, COLUMN, caption, Ink("serif-italic", 10.5))
    _foot(sheet, 1)


def _key_figures(sheet: Sheet, x: float, y: float) -> None:
    figures = (("1,052,000 t", "cargo"), ("631", "ship calls"), ("14", "accidents"), ("83", "employees"))
    sheet.box((x, y), (COLUMN, 96), fill=(0.93, 0.96, 0.98))
    for index, (value, label) in enumerate(figures):
        left, top = x + 14 + index % 2 * 122, y + 30 + index // 2 * 44
        sheet.text(left, top, value, Ink("bold", 17, SEA))
        sheet.text(left, top + 13, label, Ink(size=8.5, color=GRAY))


def _bar_chart(sheet: Sheet, x: float, y: float) -> None:
    """Bars of 2024 and 2025 side by side, with a scale on the left and the value above each bar."""
    height, scale = 290.0, 290.0 / 300
    for value in range(0, 301, 100):
        level = y + height - value * scale
        sheet.rule(x + 26, level, x + COLUMN, PALE if value else GRAY, 0.5)
        sheet.text(x + 21, level + 3, str(value), Ink(size=8, color=GRAY, align="right"))
    for index, (quarter, before, now) in enumerate(CARGO):
        left = x + 36 + index * 50
        for shift, value, color in ((0, before, SAND), (19, now, SEA)):
            top = y + height - value * scale
            sheet.box((left + shift, top), (18, value * scale), fill=color)
            sheet.text(left + shift + 9, top - 3, str(value), Ink(size=7.5, align="center"))
        sheet.text(left + 18.5, y + height + 13, quarter, Ink(size=9, align="center"))
    for shift, year, color in ((70, "2024", SAND), (130, "2025", SEA)):
        sheet.box((x + shift, y + height + 22), (9, 9), fill=color)
        sheet.text(x + shift + 14, y + height + 30, year, Ink(size=9))


def _second_page(sheet: Sheet) -> None:
    sheet.new_page()
    sheet.rule(LEFT, 48, 541, NAVY, 1.4)
    y = _section(sheet, LEFT, 78, "Safety and environment", SAFETY)
    _section(sheet, LEFT, y, "Finances and staff", MONEY)
    y = _section(sheet, MIDDLE, 78, "Outlook", OUTLOOK)
    sheet.paragraph(MIDDLE, y, COLUMN, "**Table 1.** Cargo by kind of goods, in thousand tonnes.", Ink("serif", 9.5))
    columns = (
        Column("Goods", 83),
        Column("2024", 45, "right"),
        Column("2025", 45, "right"),
        Column("Change", 60, "right"),
    )
    look = Look(head_fill=NAVY, head_ink=Ink("bold", 8.5, WHITE), row=19)
    bottom = table(sheet, MIDDLE, y + 8, columns, GOODS, look, head=True)
    total = [("Total", "876", "1,052", "+20.1%")]
    bottom = table(sheet, MIDDLE, bottom, columns, total, Look(ink=Ink("bold", 9.5), row=19), head=False)
    sheet.box((MIDDLE, bottom + 26), (COLUMN, 74), fill=(0.93, 0.96, 0.98))
    sheet.text(MIDDLE + 12, bottom + 46, "Contact", Ink("bold", 10, NAVY))
    contact = ("Statistics Office, Niamh Dorrigan", "Customs Quay 1, Corvane, Co. Clare", "statistics@corvane.example")
    sheet.lines(MIDDLE + 12, bottom + 62, contact, Ink(size=9))
    _revenue_bar(sheet, 580)
    _foot(sheet, 2)


def _revenue_bar(sheet: Sheet, y: float) -> None:
    """One bar across the page, divided like the revenue."""
    x, width = LEFT, MIDDLE + COLUMN - LEFT
    for (label, percent), color in zip(REVENUE, (NAVY, SEA, SAND), strict=True):
        part = width * percent / 100
        sheet.box((x, y), (part, 44), fill=color)
        sheet.text(x + 10, y + 20, f"{percent}%", Ink("bold", 13, WHITE))
        sheet.text(x + 10, y + 34, label, Ink(size=8.5 if percent > 20 else 7.5, color=WHITE))
        x += part
    caption = "**Figure 2.** Where the revenue of EUR 9.42 million came from in 2025."
    sheet.paragraph(LEFT, y + 62, width, caption, Ink("serif-italic", 10.5))
