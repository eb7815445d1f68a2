"""Five letters: a clinic (two pages), a law office, a job offer, an energy supplier in German, a surveyor in French."""

from __future__ import annotations

from .invoices import NAVY, TEAL, nordlicht_foot, nordlicht_letterhead
from .paper import GRAY, PALE, Color, Ink, Made, Sheet
from .parts import Column, Look, pairs, signature, table

CLINIC_BLUE: Color = (0.10, 0.38, 0.60)
OXBLOOD: Color = (0.40, 0.10, 0.12)
OLIVE: Color = (0.35, 0.38, 0.16)


def make() -> list[Made]:
    """All letters."""
    return [clinic_discharge(), law_office(), job_offer(), german_letter(), french_letter()]


def paragraphs(sheet: Sheet, x: float, y: float, width: float, texts: tuple[str, ...], ink: Ink) -> float:
    """Write paragraphs with half a line between them, and return the baseline that follows."""
    for text in texts:
        y = sheet.paragraph(x, y, width, text, ink) + ink.step * 0.5
    return y


# ---- St Aldhelm Clinic: discharge letter, two pages ----------------------------------------------------------------


def clinic_discharge() -> Made:
    """A discharge letter with diagnoses and course on the first page, medicines and advice on the second."""
    sheet = Sheet("Discharge letter, Mr Rowan Ashby", "St Aldhelm Clinic", "2026-04-17")
    sheet.new_page()
    _clinic_head(sheet)
    _clinic_first_page(sheet)
    _clinic_foot(sheet, 1)
    sheet.new_page()
    sheet.text(62, 62, "St Aldhelm Clinic", Ink("bold", 11, CLINIC_BLUE))
    sheet.text(533, 62, "Rowan Ashby · hospital no. 77-40912", Ink(size=9, color=GRAY, align="right"))
    sheet.rule(62, 70, 533, CLINIC_BLUE, 1)
    _clinic_second_page(sheet)
    _clinic_foot(sheet, 2)
    return sheet.finish("letter-clinic-discharge.pdf")


def _clinic_head(sheet: Sheet) -> None:
    sheet.box((62, 44), (36, 36), fill=CLINIC_BLUE, radius=0.2)
    sheet.box((77, 51), (6, 22), fill=(1, 1, 1))
    sheet.box((69, 59), (22, 6), fill=(1, 1, 1))
    sheet.text(110, 62, "St Aldhelm Clinic", Ink("bold", 18, CLINIC_BLUE))
    sheet.text(110, 77, "Department of Cardiology · Ward 6B", Ink(size=10, color=GRAY))
    address = ("Minster Hill, Wexhaven WX1 3AA", "Switchboard 01632 960 200", "cardiology@staldhelm.example")
    sheet.lines(533, 54, address, Ink(size=8.5, color=GRAY, align="right"))
    sheet.rule(62, 94, 533, CLINIC_BLUE, 1.2)


def _clinic_foot(sheet: Sheet, page: int) -> None:
    sheet.rule(62, 794, 533, PALE)
    sheet.text(62, 807, "Confidential patient information", Ink(size=8, color=GRAY))
    sheet.text(533, 807, f"Page {page} of 2", Ink(size=8, color=GRAY, align="right"))


def _clinic_first_page(sheet: Sheet) -> None:
    doctor = ("Dr Felicity Marchetti", "Millpond Surgery", "3 Weir Street", "Wexhaven WX5 8DU")
    facts = (
        ("Date", "17 April 2026"),
        ("Patient", "Mr Rowan Ashby"),
        ("Born", "23 August 1958"),
        ("Hospital no.", "77-40912"),
        ("Admitted", "11 April 2026"),
        ("Discharged", "17 April 2026"),
    )
    body = (
        "Thank you for taking over the care of this retired ferry engineer, who was under our care from 11 to "
        "17 April 2026.",
        "**Diagnoses.** 1. Non-ST-elevation myocardial infarction, 11 April 2026. 2. Type 2 diabetes mellitus, known "
        "since 2014. 3. Arterial hypertension. 4. Penicillin allergy (rash in 1996).",
        "**Presentation.** Mr Ashby came to the emergency department at 06:40 with pressure behind the breastbone that "
        "had woken him two hours earlier. Blood pressure was 168/94 mmHg, pulse 92 a minute and regular. High-"
        "sensitivity troponin rose from 48 to 612 ng/l within three hours.",
        "**Procedure.** Coronary angiography on 12 April (Dr Yusuf Calloway) showed an 85% narrowing of the left "
        "anterior descending artery. One drug-eluting stent, 3.0 × 22 mm, was placed through the right wrist with a "
        "good result. The other vessels showed only slight irregularities.",
        "**Course.** Echocardiography on 14 April found a left ventricular ejection fraction of 52% with mild weakness "
        "of the anterior wall. No arrhythmia was seen on four days of monitoring. HbA1c was 7.9% and LDL cholesterol "
        "3.6 mmol/l, so that treatment was intensified as listed overleaf. From the third day the patient climbed two "
        "flights of stairs without discomfort.",
        "He was discharged home in good condition on 17 April, accompanied by his daughter.",
    )
    sheet.lines(62, 124, doctor, Ink(size=10.5))
    pairs(sheet, 350, 124, facts, 75, Ink(size=9.5, color=GRAY, leading=1.5), Ink("bold", 9.5, leading=1.5))
    sheet.text(62, 238, "Discharge letter", Ink("bold", 15, CLINIC_BLUE))
    sheet.text(62, 264, "Dear Dr Marchetti,", Ink(size=10.5))
    paragraphs(sheet, 62, 286, 471, body, Ink(size=10.5, leading=1.45))


def _clinic_second_page(sheet: Sheet) -> None:
    columns = (Column("Medicine", 130), Column("Dose", 80), Column("When", 110), Column("Until", 151))
    medicines = (
        ("Acetylsalicylic acid", "75 mg", "morning", "for life"),
        ("Ticagrelor", "90 mg", "morning and evening", "12 April 2027"),
        ("Atorvastatin", "80 mg", "at night", "for life"),
        ("Bisoprolol", "2.5 mg", "morning", "review after 12 months"),
        ("Ramipril", "5 mg", "morning", "for life"),
        ("Metformin", "1,000 mg", "morning and evening", "continue"),
        ("Empagliflozin (new)", "10 mg", "morning", "continue"),
        ("Pantoprazole", "20 mg", "before breakfast", "as long as ticagrelor"),
    )
    advice = (
        "**Stopped.** Ibuprofen, which the patient had taken for his knee, must not be taken together with ticagrelor. "
        "Paracetamol up to 3 g a day may be used instead.",
        "**Follow-up.** Please check blood pressure, kidney function and potassium in two weeks and the lipids in six "
        "weeks; the target for LDL cholesterol is below 1.4 mmol/l. An appointment in our outpatient clinic with "
        "Dr Calloway has been made for 9 June 2026 at 10:15, Room 214.",
        "**Rehabilitation.** A three-week cardiac rehabilitation at the Seaview Centre begins on 4 May 2026. Mr Ashby "
        "should not drive a car for one week and not lift more than 5 kg with the right hand for three days.",
        "**Return at once** with chest pain lasting longer than ten minutes, fainting or bleeding that does not stop. "
        "The ward can be reached day and night at 01632 960 266.",
    )
    sheet.text(62, 104, "Medicines on discharge", Ink("bold", 12, CLINIC_BLUE))
    look = Look(head_fill=(0.88, 0.93, 0.97), row=22)
    bottom = table(sheet, 62, 114, columns, medicines, look, head=True)
    y = paragraphs(sheet, 62, bottom + 30, 471, advice, Ink(size=10.5, leading=1.45))
    sheet.text(62, y + 14, "With kind regards,", Ink(size=10.5))
    for x, name, post, seed in (
        (62, "Dr Yusuf Calloway", "Consultant cardiologist", 11),
        (320, "Dr Imke Sandvoss", "Ward physician", 29),
    ):
        signature(sheet, x + 6, y + 56, 108, seed)
        sheet.rule(x, y + 66, x + 170, PALE)
        sheet.lines(x, y + 80, (name, post), Ink(size=9.5))


# ---- Quillfeather & Marsh LLP: termination for breach --------------------------------------------------------------


def law_office() -> Made:
    """A law office ends a haulage agreement for breach and claims damages."""
    addressee = ("Pellworth Haulage Ltd", "The Directors", "Depot 9, Ringway Park", "Stanmere QS7 0PH")
    body = (
        "We act for Harbour & Pine Ltd, of Unit 4, Slipway Yard, Wexhaven, with whom you entered into a Haulage "
        "Services Agreement dated 3 March 2025 (the “Agreement”).",
        "Under clause 6.2 of the Agreement you undertook to deliver at least 95% of consignments within the agreed "
        "window. Between 1 January and 31 March 2026, 41 of 118 consignments arrived late, and on 26 March a load of "
        "kiln-dried oak was left uncovered in the rain at Larkfield and could not be sold. Our client notified you of "
        "these breaches on 2 February and 30 March; neither letter was answered.",
        "We therefore give you notice on behalf of our client that the Agreement is **terminated with effect from "
        "15 May 2026** under clause 14.1(b) (material breach not remedied within 30 days).",
        "Our client claims damages of **£18,740.00,** made up as follows: ruined oak £11,260.00; substitute carriers "
        "£5,930.00; penalties paid to customers £1,550.00. Unless we receive payment into our client account by "
        "**29 May 2026,** we are instructed to issue proceedings in the County Court at Wexhaven without further "
        "notice, and to claim interest at 8% a year and costs.",
        "You are also required to return the six pallet cages and the gate transponder, number T-3308, which belong to "
        "our client, within seven days of the date of termination.",
        "Please address any reply to the writer, quoting our reference. This letter is sent by recorded delivery and "
        "by email; all of our client’s rights are reserved.",
    )
    sheet = Sheet("Notice of termination", "Quillfeather & Marsh LLP", "2026-05-06")
    sheet.new_page()
    sheet.text(297.5, 66, "QUILLFEATHER & MARSH", Ink("serif", 21, OXBLOOD, "center"))
    sheet.text(297.5, 82, "SOLICITORS AND NOTARIES", Ink("serif", 8.5, GRAY, "center"))
    sheet.rule(72, 94, 523, OXBLOOD, 1.3)
    sheet.rule(72, 97, 523, OXBLOOD, 0.4)
    head = "12 Assize Court · Wexhaven WX1 1QM · 01632 960 311 · office@quillfeather.example"
    sheet.text(297.5, 110, head, Ink("serif", 9, GRAY, "center"))
    sheet.lines(72, 146, addressee, Ink("serif", 11.5))
    facts = (("Our ref.", "QM/ELB/2207-4"), ("Date", "6 May 2026"), ("Writer", "Eleanor L. Brandreth"))
    pairs(sheet, 345, 146, facts, 60, Ink("serif", 11, GRAY), Ink("serif-bold", 11))
    sheet.text(72, 230, "Dear Sirs,", Ink("serif", 11.5))
    heading = "Harbour & Pine Ltd v. Pellworth Haulage Ltd: notice of termination and claim"
    sheet.text(72, 254, heading, Ink("serif-bold", 12, OXBLOOD))
    y = paragraphs(sheet, 72, 276, 451, body, Ink("serif", 11.5, leading=1.3, align="justify"))
    sheet.text(72, y + 8, "Yours faithfully,", Ink("serif", 11.5))
    signature(sheet, 80, y + 50, 120, 5)
    names = ("Eleanor L. Brandreth", "Partner, for and on behalf of Quillfeather & Marsh LLP")
    sheet.lines(72, y + 74, names, Ink("serif", 10.5))
    foot = "Quillfeather & Marsh LLP is a limited liability partnership. Partners: E. L. Brandreth, T. Marsh, O. Quill"
    sheet.text(297.5, 806, foot, Ink("serif-italic", 8.5, GRAY, "center"))
    return sheet.finish("letter-law-office-termination.pdf")


# ---- Corvane Harbour Authority: job offer --------------------------------------------------------------------------


def job_offer() -> Made:
    """A harbour authority offers a post."""
    terms = (
        ("Position", "Deputy Harbour Master (Operations)"),
        ("Start date", "1 September 2026"),
        ("Salary", "EUR 68,500 a year, paid monthly"),
        ("Hours", "39 a week, one weekend duty in four"),
        ("Annual leave", "27 days and public holidays"),
        ("Probation", "six months"),
        ("Notice period", "eight weeks after probation, two weeks during it"),
        ("Place of work", "Customs Quay 1, Corvane"),
    )
    opening = (
        "Following your interviews on 18 and 25 June we are delighted to offer you the post described below. The panel "
        "was impressed by your plan for the new pilot boarding station and by your years on the Northern Ferries.",
    )
    closing = (
        "The Authority contributes 9% of salary to the pension scheme and refunds removal expenses of up to "
        "EUR 4,000 against receipts. The offer is subject to a medical certificate (ENG1) and two references.",
        "Please sign and return one copy of this letter **by 20 July 2026.** If you have any question, Ms Gráinne "
        "Tolan in Personnel will be glad to help at +353 00 555 0100.",
    )
    sheet = Sheet("Offer of employment", "Corvane Harbour Authority", "2026-07-02")
    sheet.new_page()
    harbour_head(sheet)
    sheet.lines(70, 140, ("Mr Idris Pallant", "14 Lantern Row", "Kilcarra, Co. Galway"), Ink(size=10.5))
    sheet.text(525, 140, "2 July 2026", Ink(size=10.5, align="right"))
    sheet.text(70, 212, "Offer of employment", Ink("bold", 15, NAVY))
    sheet.text(70, 238, "Dear Mr Pallant,", Ink(size=10.5))
    body = Ink(size=10.5, leading=1.45)
    y = paragraphs(sheet, 70, 260, 455, opening, body)
    look = Look(stripe=(0.95, 0.96, 0.98), row=23)
    bottom = table(sheet, 70, y, (Column("", 120), Column("", 335)), terms, look, head=False)
    y = paragraphs(sheet, 70, bottom + 26, 455, closing, body)
    sheet.text(70, y + 8, "Yours sincerely,", Ink(size=10.5))
    signature(sheet, 78, y + 50, 112, 42)
    sheet.lines(70, y + 76, ("Captain Maeve Corrigan", "Harbour Master and Chief Executive"), Ink(size=10))
    sheet.rule(340, y + 62, 525, GRAY, 0.5)
    sheet.text(340, y + 76, "Accepted: Idris Pallant, date", Ink(size=9, color=GRAY))
    return sheet.finish("letter-job-offer.pdf")


def harbour_head(sheet: Sheet) -> None:
    """The head of the harbour authority's letters: an anchor between two lines."""
    x, y = 88.0, 48.0
    sheet.circle((x, y + 3), 4, color=NAVY, width=2)
    sheet.stroke([(x, y + 8), (x, y + 38)], NAVY, 2.4)
    sheet.stroke([(x - 9, y + 15), (x + 9, y + 15)], NAVY, 2.4)
    hook = [(x + 15 * s / 8, y + 38 - 13 * (s / 8) ** 2) for s in range(-8, 9)]
    sheet.stroke(hook, NAVY, 2.6)
    sheet.text(122, 66, "Corvane Harbour Authority", Ink("bold", 18, NAVY))
    sheet.text(122, 82, "Customs Quay 1 · Corvane, Co. Clare · harbour@corvane.example", Ink(size=9, color=GRAY))
    sheet.rule(70, 100, 525, NAVY, 1.2)


# ---- Nordlicht Energie GmbH: German --------------------------------------------------------------------------------


def german_letter() -> Made:
    """An energy supplier announces new prices, in German."""
    addressee = ("Frau Dr. Annegret Wohlers", "Mühlenstieg 21", "00431 Brückensand")
    facts = (("Datum", "18.03.2026"), ("Kundennummer", "70 451 996"), ("Vertrag", "Nordlicht Heim 24"))
    prices = (
        ("Arbeitspreis je kWh", "31,90 Cent", "29,45 Cent"),
        ("Grundpreis im Monat", "12,50 EUR", "13,20 EUR"),
        ("Abschlag im Monat", "96,00 EUR", "89,00 EUR"),
    )
    opening = (
        "wir freuen uns, Ihnen heute eine gute Nachricht zu überbringen: Weil unser Windpark Krähenhörn seit Januar "
        "volle Leistung liefert, sinkt Ihr Arbeitspreis **zum 1. Mai 2026.** Wegen höherer Netzentgelte steigt der "
        "Grundpreis geringfügig. Alle Preise verstehen sich einschließlich 19 % Umsatzsteuer.",
    )
    closing = (
        "Bei Ihrem Jahresverbrauch von 3.400 kWh sparen Sie damit rund 75 EUR im Jahr. Sie müssen nichts weiter tun; "
        "den neuen Abschlag buchen wir ab Mai zum 5. eines jeden Monats ab.",
        "Sie haben das Recht, den Vertrag bis zum Wirksamwerden der Änderung ohne Einhaltung einer Frist zu kündigen. "
        "Die Kündigung bedarf der Textform. Die Preisgarantie für die neuen Preise gilt bis zum 30. April 2028.",
        "Bitte teilen Sie uns Ihren Zählerstand bis zum 10. Mai 2026 mit, am einfachsten unter der Rufnummer "
        "0000 555-1100 (montags bis freitags von 8 bis 18 Uhr).",
    )
    sheet = Sheet("Neue Preise ab 1. Mai 2026", "Nordlicht Energie GmbH", "2026-03-18")
    sheet.new_page()
    nordlicht_letterhead(sheet)
    sheet.lines(70, 150, addressee, Ink(size=10.5))
    pairs(sheet, 345, 150, facts, 85, Ink(size=9.5, color=GRAY, leading=1.55), Ink("bold", 9.5, leading=1.55))
    sheet.text(70, 244, "Ihre neuen Strompreise ab 1. Mai 2026", Ink("bold", 13, TEAL))
    sheet.text(70, 270, "Sehr geehrte Frau Dr. Wohlers,", Ink(size=10.5))
    body = Ink(size=10.5, leading=1.45)
    y = paragraphs(sheet, 70, 292, 455, opening, body)
    columns = (Column("", 215), Column("bisher", 120, "right"), Column("ab 01.05.2026", 120, "right"))
    look = Look(head_fill=(0.88, 0.95, 0.95), head_ink=Ink("bold", 9, TEAL), row=23)
    bottom = table(sheet, 70, y, columns, prices, look, head=True)
    y = paragraphs(sheet, 70, bottom + 28, 455, closing, body)
    sheet.text(70, y + 8, "Mit freundlichen Grüßen", Ink(size=10.5))
    signature(sheet, 78, y + 50, 105, 77)
    sheet.lines(70, y + 74, ("Jörn Thießen", "Leiter Kundenservice"), Ink(size=10))
    nordlicht_foot(sheet)
    return sheet.finish("letter-nordlicht-de.pdf")


# ---- Cabinet Delorme: French ---------------------------------------------------------------------------------------


def french_letter() -> Made:
    """A surveyor reports water damage in a museum, in French."""
    addressee = ("Musée de la Batellerie", "À l’attention de Mme Solène Aubertin", "2, quai des Mariniers")
    body = (
        "À la suite de ma visite du 21 avril 2026, je vous prie de trouver ci-après mes constatations sur le dégât des "
        "eaux survenu dans la réserve du sous-sol pendant la nuit du 17 au 18 avril.",
        "**Origine.** La rupture d’un joint sur la conduite de chauffage, posé en 1998, a laissé s’écouler environ "
        "900 litres d’eau. Le détecteur d’humidité n’a pas fonctionné : sa pile était vide depuis plusieurs semaines.",
        "**Dommages.** Onze objets de la collection ont été touchés, dont deux cadres dorés confiés depuis à l’Atelier "
        "Vermeil. J’évalue le dommage aux collections à 14\u00a0300\u00a0€ et la remise en état du local à "
        "6\u00a0850\u00a0€ hors taxes.",
        "**Mesures.** Je recommande de remplacer toutes les conduites antérieures à 2005, de surélever les rayonnages "
        "de 15 cm et de faire contrôler les détecteurs chaque trimestre. L’assèchement du local durera trois semaines.",
        "Mon rapport complet vous parviendra avant le 29 mai 2026. La franchise prévue par votre contrat, soit 750 €, "
        "restera à votre charge.",
        "Je vous prie d’agréer, Madame, l’expression de mes salutations distinguées.",
    )
    sheet = Sheet("Constat de dégât des eaux", "Cabinet Delorme", "2026-04-27")
    sheet.new_page()
    sheet.box((0, 0), (28, 842), fill=OLIVE)
    sheet.text(70, 72, "Cabinet Delorme", Ink("serif-bold", 22, OLIVE))
    sheet.text(70, 89, "Expertise en bâtiment et patrimoine", Ink("serif-italic", 11.5, GRAY))
    sheet.lines(
        535, 66, ("31, allée des Platanes", "00310 Villeroque", "00 00 55 31 00"), Ink("serif", 9.5, GRAY, "right")
    )
    sheet.lines(330, 146, (*addressee, "00140 Saint-Aubrac"), Ink("serif", 11.5))
    sheet.text(330, 228, "Villeroque, le 27 avril 2026", Ink("serif", 11.5))
    sheet.text(70, 228, "Dossier n° CD-26-118", Ink("serif", 11.5, GRAY))
    sheet.text(70, 268, "Objet : dégât des eaux dans la réserve du musée", Ink("serif-bold", 12))
    sheet.text(70, 298, "Madame,", Ink("serif", 11.5))
    y = paragraphs(sheet, 70, 322, 465, body, Ink("serif", 11.5, leading=1.38))
    signature(sheet, 338, y + 40, 120, 64)
    sheet.lines(330, y + 68, ("Bastien Delorme", "Expert près la cour d’appel"), Ink("serif", 11))
    return sheet.finish("letter-delorme-fr.pdf")
