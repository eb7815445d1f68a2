"""What is true of the sample documents: questions with their answers, and fields with their values.

Written by hand from what the pages say, not computed from the makers' data; `check` compares the two.
"""

from __future__ import annotations

from typing import NamedTuple

HARBOUR = "invoice-harbour-pine.pdf"
KESTREL = "invoice-kestrel-print.pdf"
BRIGHTWATER = "invoice-brightwater-catering.pdf"
NORDLICHT = "invoice-nordlicht-de.pdf"
VERMEIL = "invoice-atelier-vermeil-fr.pdf"
LEASE = "contract-lease-slipway-yard.pdf"
CLINIC = "letter-clinic-discharge.pdf"
LAW = "letter-law-office-termination.pdf"
OFFER = "letter-job-offer.pdf"
GERMAN = "letter-nordlicht-de.pdf"
FRENCH = "letter-delorme-fr.pdf"
REPORT = "report-harbour-traffic.pdf"
FORM = "form-insurance-claim.pdf"
PRICES = "price-list-oakhurst.pdf"
DELIVERY = "scan-delivery-note.pdf"
LIFT = "scan-lift-certificate.pdf"
MINUTES = "minutes-allotment.tif"
RECEIPT = "receipt-fennel-rye.jpg"


class Question(NamedTuple):
    """A question, its answer as printed, and where the answer is printed."""

    text: str
    answer: str
    doc: str
    page: int
    scope: str = "corpus"  #: "doc" where the question is to be asked of its one document


QUESTIONS = (
    # invoices
    Question("What is the number of Harbour & Pine’s invoice to Larkfield Primary School?", "HP-2026-0187", HARBOUR, 1),
    Question("By when must Larkfield Primary School pay Harbour & Pine for the benches?", "11 March 2026", HARBOUR, 1),
    Question("How much VAT did Harbour & Pine charge the school?", "£482.38", HARBOUR, 1),
    Question("What does one larch decking board cost on this invoice?", "11.35", HARBOUR, 1, "doc"),
    Question("How much does the Juniper Ridge Film Festival still owe Kestrel Print?", "$4,539.77", KESTREL, 1),
    Question("How many festival programs did Kestrel Print Studio print?", "2,500", KESTREL, 1),
    Question("What late fee does Kestrel Print Studio charge on past-due balances?", "1.5% per month", KESTREL, 1),
    Question("What is the gross total of Brightwater Catering’s invoice?", "5,959.15", BRIGHTWATER, 1),
    Question("How many guests were served at the harbour staff dinner by Brightwater?", "86", BRIGHTWATER, 1),
    Question("What net amount did Brightwater bill at the 23% VAT rate?", "1,414.00", BRIGHTWATER, 1),
    Question("Wie hoch ist der Gesamtbetrag der Rechnung an die Bäckerei Möhrle?", "1.512,68 EUR", NORDLICHT, 1),
    Question("Wie viel Strom hat die Bäckerei Möhrle & Söhne verbraucht?", "4.860 kWh", NORDLICHT, 1),
    Question("Who at Nordlicht Energie answers the Möhrle bakery’s questions?", "Jörn Thießen", NORDLICHT, 1),
    Question("Quel est le total TTC de la facture de l’Atelier Vermeil ?", "4 122,60 €", VERMEIL, 1),
    Question("Combien coûte un socle de présentation en noyer chez l’Atelier Vermeil ?", "172,50", VERMEIL, 1),
    Question("What flat recovery fee does Atelier Vermeil charge when payment is late?", "40 €", VERMEIL, 1),
    # contract
    Question("When does the lease of Unit 4, Slipway Yard take effect?", "1 February 2026", LEASE, 1),
    Question("How large is the workshop that Harbour & Pine rents?", "612 square metres", LEASE, 1),
    Question("How much is the security the tenant of Slipway Yard had to pay on signing?", "£9,600.00", LEASE, 2),
    Question("How much notice must Harbour & Pine give Tidewell Estates to end the lease?", "six months", LEASE, 2),
    Question("What must the tenant pay per day for overstaying at Unit 4?", "£250.00", LEASE, 2),
    Question("Which law governs the lease between Tidewell and Harbour & Pine?", "England and Wales", LEASE, 3),
    Question("Who signed the lease for the landlord, Tidewell Estates?", "Honor Tidewell", LEASE, 3),
    Question("What was the gas meter reading at Slipway Yard at the handover of keys?", "9,077 m³", LEASE, 4),
    Question("How many keys are listed in the schedule?", "12", LEASE, 4, "doc"),
    # letters
    Question("Which allergy does the patient Rowan Ashby have?", "Penicillin", CLINIC, 1),
    Question("What was Mr Ashby’s ejection fraction on echocardiography?", "52%", CLINIC, 1),
    Question("Until when should Rowan Ashby take ticagrelor?", "12 April 2027", CLINIC, 2),
    Question("Which painkiller must Mr Ashby no longer take?", "Ibuprofen", CLINIC, 2),
    Question("When is Rowan Ashby’s outpatient appointment at St Aldhelm Clinic?", "9 June 2026 at 10:15", CLINIC, 2),
    Question("How much in damages does Harbour & Pine claim from Pellworth Haulage?", "£18,740.00", LAW, 1),
    Question("On what date does the haulage agreement with Pellworth end?", "15 May 2026", LAW, 1),
    Question("Which transponder must Pellworth Haulage give back?", "T-3308", LAW, 1),
    Question("What salary is Idris Pallant offered?", "EUR 68,500 a year", OFFER, 1),
    Question("How long is the trial period of the deputy harbour master?", "six months", OFFER, 1),
    Question("Was kostet die Kilowattstunde für Frau Dr. Wohlers ab Mai 2026?", "29,45 Cent", GERMAN, 1),
    Question("Bis wann gilt die Preisgarantie von Nordlicht Heim 24?", "30. April 2028", GERMAN, 1),
    Question("Combien de litres d’eau se sont écoulés dans la réserve du musée ?", "900 litres", FRENCH, 1),
    Question("What deductible does the Musée de la Batellerie bear for the water damage?", "750 €", FRENCH, 1),
    # report
    Question("How many tonnes of cargo did Corvane Harbour handle in 2025?", "1,052,000 tonnes", REPORT, 1),
    Question("What was the Corvane cargo in Q3 2024, in thousand tonnes?", "198", REPORT, 1),
    Question("How many thousand tonnes of scrap metal passed Corvane in 2025?", "146", REPORT, 2),
    Question("How much hydraulic oil leaked from the crane at Corvane Harbour?", "240 litres", REPORT, 2),
    Question("What surplus did the Corvane Harbour Authority make in 2025?", "EUR 1.54 million", REPORT, 2),
    # form
    Question("What is Odile Tarrant’s policy number with Meridian Mutual?", "MM4417083K", FORM, 1),
    Question("How much does Ms Tarrant claim in all after the dishwasher flood?", "2,705.00", FORM, 1),
    Question("Which cause of loss is ticked on Odile Tarrant’s claim form?", "Escape of water", FORM, 1),
    # price list
    Question("What does Oakhurst charge for a mortice deadlock with five levers, without VAT?", "34.50", PRICES, 1),
    Question("What is the price with VAT of Oakhurst article S-425, copper clout nails?", "33.12", PRICES, 2),
    Question("From what order value does Oakhurst Ironmongery deliver free?", "£150.00", PRICES, 2),
    # scans
    Question("In which condition did Pellworth deliver packs A-01 and A-02 of oak?", "soaked through", DELIVERY, 1),
    Question("Who drove the vehicle of delivery note DN-55871?", "Tobias Wrenn", DELIVERY, 1),
    Question("By when is the next examination of goods lift GL-2274 due?", "19 November 2026", LIFT, 1),
    Question("With what load may the Slipway Yard lift be used until its rope is replaced?", "600 kg", LIFT, 1),
    # minutes
    Question("How many members came to the annual meeting of the allotment association?", "43", MINUTES, 1),
    Question("What did the allotment association spend on its new gate?", "1,265.00", MINUTES, 2),
    Question("Who was elected treasurer of the Wexhaven allotments?", "Owen Prichard", MINUTES, 3),
    Question("What will an allotment plot in Wexhaven cost from January 2027?", "£68", MINUTES, 3),
    # receipt
    Question("How much was the bill at Fennel & Rye on 8 May 2026?", "£54.40", RECEIPT, 1),
    Question("How many flat whites were ordered at Fennel & Rye?", "3", RECEIPT, 1),
)

UNANSWERABLE = (
    "What is the name of Harbour & Pine’s sales director?",
    "How much did the new spray booth at Slipway Yard cost?",
    "Which court fee was paid in the case against Pellworth Haulage?",
    "What is Rowan Ashby’s blood group?",
    "How much sales tax does Atelier Vermeil owe for 2025?",
    "Welche Leistung hat der Windpark Krähenhörn in Megawatt?",
    "Combien d’employés travaillent à l’Atelier Vermeil ?",
    "What does Oakhurst Ironmongery charge for a cordless drill?",
    "Who insures the Corvane Harbour Authority?",
    "What was the temperature in the parish hall during the allotment meeting?",
    "When did Meridian Mutual pay Odile Tarrant’s claim?",
    "What is the wifi password of the Fennel & Rye café?",
    "What is the capital requirement of Norrland Bank?",
    "How many seats does the Stanmere opera house have?",
    "Which vaccine was given to the dog of Mr Bexley?",
)


def invoice(
    number: str, dates: tuple[str, str], parties: tuple[str, str], sums: tuple[str, str, str], currency: str
) -> dict[str, str]:
    """The fields of one invoice; dates are issued and due, parties seller and buyer, sums net, tax and total."""
    return {
        "invoice_number": number,
        "invoice_date": dates[0],
        "due_date": dates[1],
        "seller_name": parties[0],
        "buyer_name": parties[1],
        "net_total": sums[0],
        "tax_total": sums[1],
        "total_amount": sums[2],
        "currency": currency,
        "deposit_paid": "",
    }


Fields = dict[str, str | list[str] | bool]

INVOICE_FIELDS: dict[str, dict[str, str]] = {
    HARBOUR: invoice(
        "HP-2026-0187",
        ("2026-02-09", "2026-03-11"),
        ("Harbour & Pine Ltd", "Larkfield Primary School"),
        ("2411.90", "482.38", "2894.28"),
        "GBP",
    ),
    KESTREL: invoice(
        "KPS-30962",
        ("2026-04-02", "2026-04-16"),
        ("Kestrel Print Studio, Inc.", "Juniper Ridge Film Festival"),
        ("6033.00", "506.77", "6539.77"),
        "USD",
    )
    | {"deposit_paid": "2000.00"},
    BRIGHTWATER: invoice(
        "BW/26/0459",
        ("2026-05-22", "2026-06-21"),
        ("Brightwater Catering Ltd", "Corvane Harbour Authority"),
        ("5132.00", "827.15", "5959.15"),
        "EUR",
    ),
    NORDLICHT: invoice(
        "NE-2026-03-11482",
        ("2026-03-14", "2026-03-28"),
        ("Nordlicht Energie GmbH", "Bäckerei Möhrle & Söhne"),
        ("1271.16", "241.52", "1512.68"),
        "EUR",
    ),
    VERMEIL: invoice(
        "2026-0093",
        ("2026-06-03", "2026-07-03"),
        ("Atelier Vermeil", "Musée de la Batellerie"),
        ("3435.50", "687.10", "4122.60"),
        "EUR",
    ),
}
OTHER_FIELDS: dict[str, Fields] = {
    LEASE: {
        "parties": ["Tidewell Estates Ltd", "Harbour & Pine Ltd"],
        "signing_date": "2025-12-18",
        "effective_date": "2026-02-01",
        "expiry_date": "2031-01-31",
        "term": "five years",
        "notice_period": "six months",
        "governing_law": "England and Wales",
        "annual_rent": "38400.00",
        "deposit": "9600.00",
        "daily_penalty": "250.00",
        "currency": "GBP",
        "parking_spaces": "6",
        "tenant_company_number": "99004172",
        "subletting_in_part": False,
    },
    CLINIC: {"company": "St Aldhelm Clinic", "date": "2026-04-17", "recipient": "Dr Felicity Marchetti"},
    LAW: {
        "company": "Quillfeather & Marsh LLP",
        "date": "2026-05-06",
        "recipient": "Pellworth Haulage Ltd",
        "reference": "QM/ELB/2207-4",
        "total_amount": "18740.00",
        "currency": "GBP",
    },
    OFFER: {"company": "Corvane Harbour Authority", "date": "2026-07-02", "recipient": "Idris Pallant"},
    GERMAN: {
        "company": "Nordlicht Energie GmbH",
        "date": "2026-03-18",
        "recipient": "Dr. Annegret Wohlers",
        "reference": "70 451 996",
    },
    FRENCH: {
        "company": "Cabinet Delorme",
        "date": "2026-04-27",
        "recipient": "Musée de la Batellerie",
        "reference": "CD-26-118",
    },
    REPORT: {"company": "Corvane Harbour Authority", "date": "2026-02-20"},
    FORM: {
        "company": "Meridian Mutual Insurance",
        "policy_number": "MM4417083K",
        "date_of_loss": "2026-01-19",
        "date": "2026-01-22",
        "total_amount": "2705.00",
        "currency": "GBP",
    },
    PRICES: {"company": "Oakhurst Ironmongery", "currency": "GBP"},
    DELIVERY: {"company": "Pellworth Haulage Ltd", "date": "2026-03-26", "reference": "DN-55871"},
    LIFT: {"company": "Garrick Lift Inspection", "date": "2026-05-21", "reference": "GLI-26-3071"},
    MINUTES: {"company": "Wexhaven Allotment Association", "date": "2026-02-27"},
    RECEIPT: {
        "company": "Fennel & Rye",
        "date": "2026-05-08",
        "net_total": "45.33",
        "tax_total": "9.07",
        "total_amount": "54.40",
        "currency": "GBP",
    },
}
FIELDS: dict[str, Fields] = {**{doc: dict(fields) for doc, fields in INVOICE_FIELDS.items()}, **OTHER_FIELDS}
