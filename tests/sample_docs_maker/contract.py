"""A commercial lease of four pages: parties, numbered clauses, signatures, and a schedule of fixtures."""

from __future__ import annotations

from .paper import GRAY, PALE, Color, Ink, Made, Sheet
from .parts import Column, Look, signature, table

SLATE: Color = (0.20, 0.25, 0.31)
BODY = Ink("serif", 11, leading=1.36, align="justify")
LEFT, RIGHT, BOTTOM = 72.0, 523.0, 762.0

PARTIES = (
    "**(1) Tidewell Estates Ltd,** a company registered in England under number 99031207, whose registered office is "
    "at Beacon House, Marine Parade, Wexhaven WX1 5HG (the “Landlord”); and",
    "**(2) Harbour & Pine Ltd,** a company registered in England under number 99004172, whose registered office is at "
    "9 Corn Street, Wexhaven WX1 2RD (the “Tenant”).",
)
CLAUSES = (
    (
        "Premises and use",
        "The Landlord lets to the Tenant the workshop and yard known as Unit 4, Slipway Yard, Wexhaven, with a floor "
        "area of 612 square metres, shown edged red on the plan (the “Premises”), together with six parking spaces "
        "numbered 11 to 16.",
        "The Tenant shall use the Premises only as a joinery workshop with a trade counter and for no other purpose.",
        "Machinery may be operated from Monday to Friday between 07:00 and 19:00 and on Saturdays between 08:00 and "
        "13:00.",
    ),
    (
        "Term",
        "This Lease takes effect on 1 February 2026 (the “Effective Date”) and continues for a term of five years, "
        "ending on 31 January 2031.",
        "The parties agree that sections 24 to 28 of the Landlord and Tenant Act 1954 are excluded from this Lease.",
    ),
    (
        "Rent",
        "The rent is £38,400.00 a year, exclusive of value added tax, payable in advance by equal monthly instalments "
        "of £3,200.00 on the first day of each month.",
        "For the first two months of the term no rent is payable, to allow for the fitting out of the Premises.",
        "The rent shall be reviewed on 1 February 2029 to the open market rent, but shall not rise by more than 9% "
        "on that review.",
    ),
    (
        "Deposit and service charge",
        "On signing this Lease the Tenant shall pay a deposit of £9,600.00, which the Landlord holds in a separate "
        "account and returns, with interest, within 28 days of the end of the term, less proper deductions.",
        "The Tenant shall pay a service charge of 18.5% of the cost of maintaining the common yard, the gates and the "
        "slipway lighting. The service charge shall not exceed £4,750.00 in any year.",
    ),
    (
        "Repair and alterations",
        "The Landlord shall keep the roof, the main structure and the drains in repair. The Tenant shall keep the "
        "interior, the roller doors and the dust extraction plant in good repair.",
        "The Tenant may install a spray booth and partition walls. Any other alteration requires the prior written "
        "consent of the Landlord, which shall not be unreasonably withheld.",
        "The Tenant shall have the goods lift examined every six months by a competent person.",
    ),
    (
        "Insurance",
        "The Landlord shall insure the building against fire, storm and flood for its full cost of reinstatement. The "
        "Tenant shall hold public liability insurance of not less than £5,000,000 for each claim.",
        "If the Premises cannot be used because of an insured risk, the rent is suspended for up to 24 months.",
    ),
    (
        "Assignment and subletting",
        "The Tenant shall not assign this Lease or sublet the Premises in part. It may sublet the whole with the "
        "Landlord’s written consent to a tenant of equal financial standing.",
    ),
    (
        "Termination",
        "The Tenant may end this Lease at any time after 31 January 2029 by giving the Landlord not less than six "
        "months’ written notice.",
        "The Landlord may end this Lease by 21 days’ written notice if any rent remains unpaid for more than 30 days "
        "after falling due, or if the Tenant enters into liquidation.",
        "A notice is valid only if it is delivered by hand or sent by recorded delivery to the registered office of "
        "the other party.",
    ),
    (
        "Late payment and penalty",
        "Any sum not paid within 14 days of its due date bears interest at 4% a year above the base rate of the Bank "
        "of England.",
        "If the Tenant does not give up the Premises at the end of the term, it shall pay £250.00 for each day until "
        "it does, in addition to a sum equal to the rent.",
    ),
    (
        "Return of the Premises",
        "At the end of the term the Tenant shall return the Premises clean and empty, with all keys and the fixtures "
        "listed in the Schedule, and shall make good any damage done by the removal of its machines.",
    ),
    (
        "Disputes and governing law",
        "The parties shall first try to settle any dispute by mediation in Wexhaven; the costs of the mediator are "
        "borne equally.",
        "This Lease is governed by the law of England and Wales, and the courts of England and Wales have exclusive "
        "jurisdiction.",
    ),
)
FIXTURES = (
    ("1", "Goods lift, 1,000 kg, two stops (no. GL-2274)", "1", "good, examined November 2025"),
    ("2", "Roller door, electric, 4.2 × 4.0 m", "2", "one with a dented lower slat"),
    ("3", "Dust extraction plant with outdoor filter house", "1", "good, filters renewed 2024"),
    ("4", "Overhead crane, 2,000 kg", "1", "good"),
    ("5", "Gas boiler with six radiators", "1", "working, 2011"),
    ("6", "Fire extinguisher, 6 kg powder", "8", "due for service June 2026"),
    ("7", "Keys to doors and gate", "12", "complete"),
)


def make() -> list[Made]:
    """The lease."""
    sheet = Sheet("Lease of Unit 4, Slipway Yard", "Tidewell Estates Ltd", "2025-12-18")
    y = _first_page(sheet)
    for number, (title, *rules) in enumerate(CLAUSES, 1):
        y = _clause(sheet, y, number, title, rules)
    _signatures(sheet, y)
    _schedule(sheet)
    return [sheet.finish("contract-lease-slipway-yard.pdf")]


def _first_page(sheet: Sheet) -> float:
    sheet.new_page()
    sheet.rule(LEFT, 66, RIGHT, SLATE, 1.4)
    sheet.text(297.5, 104, "LEASE OF BUSINESS PREMISES", Ink("serif-bold", 19, SLATE, "center"))
    sheet.text(297.5, 124, "Unit 4, Slipway Yard, Wexhaven", Ink("serif-italic", 13, SLATE, "center"))
    sheet.rule(LEFT, 140, RIGHT, SLATE, 1.4)
    sheet.text(LEFT, 172, "This Lease is made on 18 December 2025 between:", Ink("serif", 11))
    y = 196.0
    for party in PARTIES:
        y = sheet.paragraph(LEFT + 20, y, RIGHT - LEFT - 20, party, BODY) + 6
    sheet.text(LEFT, y + 6, "The parties agree as follows:", Ink("serif", 11))
    _foot(sheet, 1)
    return y + 34


def _foot(sheet: Sheet, page: int) -> None:
    sheet.rule(LEFT, 790, RIGHT, PALE)
    sheet.text(LEFT, 804, "Lease · Tidewell Estates Ltd and Harbour & Pine Ltd", Ink("serif", 9, GRAY))
    sheet.text(RIGHT, 804, f"Page {page} of 4", Ink("serif", 9, GRAY, "right"))


def _clause(sheet: Sheet, y: float, number: int, title: str, rules: list[str]) -> float:
    """Write one numbered clause, on a new page where its heading and first rule would not fit any more."""
    y = _room(sheet, y, 90)
    sheet.text(LEFT, y, f"{number}.", Ink("serif-bold", 12, SLATE))
    sheet.text(LEFT + 32, y, title, Ink("serif-bold", 12, SLATE))
    y += 19
    for index, rule in enumerate(rules, 1):
        y = _room(sheet, y, 46)
        sheet.text(LEFT, y, f"{number}.{index}", Ink("serif", 11))
        y = sheet.paragraph(LEFT + 32, y, RIGHT - LEFT - 32, rule, BODY) + 4
    return y + 12


def _room(sheet: Sheet, y: float, need: float) -> float:
    """The baseline to go on at: this one, or the top of a new page."""
    if y + need <= BOTTOM:
        return y
    sheet.new_page()
    sheet.text(RIGHT, 54, "Unit 4, Slipway Yard", Ink("serif-italic", 10, GRAY, "right"))
    _foot(sheet, len(sheet.document()))
    return 84


def _signatures(sheet: Sheet, y: float) -> None:
    y = _room(sheet, y, 190) + 10
    sheet.text(LEFT, y, "Signed by the parties on the date given at the head of this Lease.", Ink("serif", 11))
    signers = (
        (LEFT, "For the Landlord", "Honor Tidewell", "Director, Tidewell Estates Ltd", 3),
        (LEFT + 240, "For the Tenant", "Magnus Fairweather", "Managing Director, Harbour & Pine Ltd", 9),
    )
    for x, side, name, post, seed in signers:
        sheet.text(x, y + 30, side, Ink("serif-bold", 11, SLATE))
        signature(sheet, x + 8, y + 82, 110, seed)
        sheet.rule(x, y + 92, x + 190, GRAY)
        sheet.lines(x, y + 107, (name, post), Ink("serif", 10.5))
    sheet.text(LEFT, y + 152, "Witness: Priya Venn, 4 Chapel Rise, Wexhaven", Ink("serif", 10.5))


def _schedule(sheet: Sheet) -> None:
    _room(sheet, BOTTOM, 100)
    sheet.text(LEFT, 96, "Schedule: fixtures and their condition", Ink("serif-bold", 14, SLATE))
    opening = (
        "The following fixtures were present when the keys were handed over on 30 January 2026. The meter readings "
        "were: electricity 48,213 kWh, gas 9,077 m³, water 1,364 m³."
    )
    y = sheet.paragraph(LEFT, 120, RIGHT - LEFT, opening, BODY)
    columns = (Column("No.", 35), Column("Fixture", 220), Column("Number", 50, "right"), Column("Condition", 146))
    look = Look(Ink("serif", 10), Ink("serif-bold", 10), grid=(0.55, 0.58, 0.62), head_fill=(0.92, 0.93, 0.95), row=24)
    bottom = table(sheet, LEFT, y + 4, columns, FIXTURES, look, head=True)
    note = (
        "Fixtures marked as damaged need not be returned in better condition. The painting bench and both band saws "
        "belong to the Tenant and are not part of this Schedule."
    )
    y = sheet.paragraph(LEFT, bottom + 28, RIGHT - LEFT, note, BODY)
    sheet.text(LEFT, y + 30, "Initials of the parties:", Ink("serif", 11))
    for x, seed in ((220.0, 51), (300.0, 52)):
        signature(sheet, x, y + 32, 24, seed)
