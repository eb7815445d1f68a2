"""What things are called on paper: concepts, the words that label them, and the forms companies and places take.

A plain table in English, German, French, Spanish, Italian, Dutch and a little Portuguese. A new language or a new kind
of field is a line here. Not here: how labels are found and weighed (`docqa.readers.layout`).

Phrases are written in small letters without accents and separated by " | ".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """What a value looks like, whatever it is called."""

    DATE = "date"
    AMOUNT = "amount"
    NUMBER = "number"
    PHONE = "phone"  #: a telephone number, printed in groups
    CODE = "code"  #: digits, perhaps with letters and marks: an invoice number
    NAME = "name"  #: of a company or a person
    PARTY = "party"  #: a name in the first sentence of an agreement
    PLACE = "place"  #: whose law governs
    ADDRESS = "address"
    CURRENCY = "currency"
    DURATION = "duration"
    CHOICE = "choice"
    MARK = "mark"  #: a ticked box, a yes or a no
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing documents have a label for. `names` are the words a field of this meaning is named by."""

    name: str
    shape: Shape
    names: str
    strong: str
    weak: str = ""


#: Order matters only where two concepts share a name: the first wins.
CONCEPTS: tuple[Concept, ...] = (
    Concept(
        "invoice_number",
        Shape.CODE,
        "invoice number | invoice no | invoice id | invoice nr | rechnungsnummer | document number | receipt "
        "number | bill number | belegnummer | numero facture | factuurnummer",
        "invoice number | invoice no | invoice nr | invoice num | invoice id | inv no | inv number | tax inv no | "
        "bill no | bill number | receipt no | receipt number | doc no | document no | document number | "
        "rechnungsnummer | rechnung nr | rechnungs nr | re nr | belegnummer | beleg nr | gutschriftnummer | "
        "numero de facture | facture n | facture no | facture numero | n de facture | n facture | num facture | "
        "numero factura | numero de factura | factura n | factura no | factura numero | n factura | fattura n | "
        "fattura numero | numero fattura | factuurnummer | factuur nr | factuurnr | fatura n | numero da fatura | "
        "credit note no | credit note number | check no | slip no | invoice reference",
        "invoice | rechnung | facture | factura | fattura | factuur | gutschrift | handelsrechnung | nr | no | "
        "number | nummer | bon | slip | receipt | check | booking id | booking no | reference | reference no | "
        "credit note | avoir",
    ),
    Concept(
        "order_number",
        Shape.CODE,
        "order number | order id | order no | order | bestellnummer | purchase order | po number | commande",
        "order number | order no | order id | order nr | purchase order | po number | po no | bestellnummer | "
        "bestell nr | auftragsnummer | auftrags nr | numero de commande | commande n | n de commande | numero de "
        "pedido | pedido n | numero ordine | ordine n | ordernummer | bestelnummer | order",
        "bestellung | commande | pedido | ordine | bestelling | your order | po",
    ),
    Concept(
        "customer_number",
        Shape.CODE,
        "customer number | customer no | customer id | account number | client number | kundennummer",
        "customer number | customer no | customer id | account number | account no | client number | client no | "
        "id client | kundennummer | kunden nr | numero client | numero de client | n client | code client | "
        "numero de cliente | codice cliente | klantnummer | klantnr | member no | membership no",
    ),
    Concept(
        "reference",
        Shape.CODE,
        "reference | ref | our reference | our ref | file reference | reference number | aktenzeichen | zeichen | "
        "certificate number | note number | referenz",
        "our ref | our reference | our ref no | ref no | reference | reference no | reference number | file "
        "reference | unser zeichen | aktenzeichen | geschaftszeichen | zeichen | notre reference | nos ref | n ref | "
        "dossier | dossier n | su referencia | nuestra referencia | nostro riferimento | ons kenmerk | kenmerk | "
        "expediente | numero de expediente | n expediente | claim no | claim number | "
        "certificate no | certificate number | note no | delivery note no | report no",
        "ref | your ref | your reference | ihr zeichen | vos ref",
    ),
    Concept(
        "iban",
        Shape.CODE,
        "iban",
        "iban | iban nr | iban no | kontonummer | bank account",
    ),
    Concept(
        "vat_id",
        Shape.CODE,
        "vat | vat id | vat number | tax id | ust id | vat no | tva intracom | gst number | tax number | vat "
        "registration | seller vat id | seller vat | seller tax id | supplier vat id | vendor vat id",
        "vat id | vat no | vat number | vat reg no | vat registration number | vat registration no | ust idnr | "
        "ust id nr | ust id | ust identnr | ust identifikationsnummer | umsatzsteuer id | umsatzsteuer "
        "identifikationsnummer | uid | n tva | numero de tva | n de tva | tva intracommunautaire | n tva "
        "intracommunautaire | n de tva intra communautaire | tva intra | nif | cif | partita iva | p iva | btw "
        "nummer | btw nr | btw id | gst id | gst id no | gst no | gst reg no | gst registration no | gst reg | "
        "gstin | gstid | tin | vat tin | tax id | tax number | tax no | steuernummer | steuer nr | service tax no "
        "| ein",
        "btw | tva | vat",
    ),
    Concept(
        "registration_number",
        Shape.CODE,
        "registration number | registration no | siren | siret | company number | registration id | "
        "registernummer | hrb | kvk | reg no | file number | case number | register number",
        "registration number | registration no | registration nr | reg no | reg number | co reg | co reg no | "
        "company no | company number | company reg | company reg no | registernummer | handelsregisternummer | "
        "register nr | hrb | hrb nr | handelsreg | rcs | siren | siret | kvk | kvk nr | numero d enregistrement | "
        "numero de registro | numero di registrazione | registratienummer | crn | cin | file no | case no | "
        "aktenzeichen",
        "registration",
    ),
    Concept(
        "due_date",
        Shape.DATE,
        "due date | date due | payment due | due | faelligkeit | falligkeit | echeance | vencimiento | scadenza | "
        "vervaldatum | payable by | deadline",
        "due date | date due | payment due date | payment due | payable by | pay by | due on | due by | fallig am "
        "| falligkeit | falligkeitsdatum | falligkeitstag | zahlbar bis | zahlungsziel | date d echeance | "
        "echeance | date limite de paiement | payable le | a payer avant | fecha de vencimiento | vencimiento | "
        "scadenza | data scadenza | data di scadenza | vervaldatum | uiterste betaaldatum | te betalen voor | "
        "data de vencimento | skonto | prelevement a partir du | due",
        "no later than | not later than | by no later than | spatestens | bis spatestens | spatestens bis | bis zum | "
        "spatestens bis zum | au plus tard le | avant le | antes del | a mas tardar el | entro il | uiterlijk op",
    ),
    Concept(
        "invoice_date",
        Shape.DATE,
        "invoice date | bill date | document date | receipt date | issue date | rechnungsdatum | date facture | "
        "date of issue | date issued | statement date",
        "invoice date | inv date | bill date | date of issue | issue date | issued on | document date | receipt "
        "date | tax point | rechnungsdatum | belegdatum | ausstellungsdatum | date de facture | date de "
        "facturation | date facture | facture du | date d emission | fecha de factura | fecha factura | fecha de "
        "emision | data fattura | data emissione | data di emissione | data documento | factuurdatum | data da "
        "fatura | bizdate | statement date",
        "date | datum | fecha | data | vom | du | le | den | issued | del | dt",
    ),
    Concept(
        "effective_date",
        Shape.DATE,
        "effective date | effective | agreement date | contract date | commencement date | start date | "
        "inkrafttreten | valid from | in force",
        "effective date | effective as of | effective from | with effect from | dated as of | made as of | "
        "entered as of | entered into as of | made and entered into | made and entered into as of | made and "
        "entered as of | is entered into as of | is dated | is made as of | commencement date | start date | "
        "begins on | commences on | commencing on | starts on | beginnt am | beginnt ab | mietbeginn | a compter du | "
        "valid from | in kraft ab | wirksam ab | gultig ab | vertragsbeginn | inkrafttreten | date d effet | "
        "prend effet | entre en vigueur le | fecha de entrada en vigor | con efecto desde | data di decorrenza | "
        "con decorrenza dal | ingangsdatum | met ingang van | data de inicio | agreement date | date of this "
        "agreement | date of agreement",
        "effective | dated | as of | made on | made this | entered into | entered into on | entered into this | "
        "this | date | vom | datum",
    ),
    Concept(
        "date",
        Shape.DATE,
        "date | datum | fecha | data | day",
        "date | datum | fecha | data | dated | date time | date and time | transaction date | trans date | printed on",
        "vom | du | le | den | on | issued | invoice date | inv date | bill date | rechnungsdatum | facture du | "
        "factuurdatum | bizdate | fecha factura | data fattura",
    ),
    Concept(
        "net",
        Shape.AMOUNT,
        "net | net total | net amount | summe aller positionen | line total amount | line total | tax basis | "
        "total supplies | subtotal | sub total | amount untaxed | untaxed | netto | total ht | montant ht | "
        "taxable | amount net | imponibile | base imponible | total excluding tax",
        "montant eur ht | gesamtsumme netto | summe ohne ust | nettowert | total amount without vat | total "
        "without vat | amount without tax | tax basis total | tax basis total amount | sum of invoice line net "
        "amount | summe aller positionen netto | montant total ht | total net ht | montant net | net total | net "
        "amount | total net | amount before tax | taxable amount | total before tax | nettobetrag | nettosumme | "
        "gesamt netto | summe netto | rechnungssumme netto | gesamtbetrag netto | total ht | montant ht | total "
        "hors taxes | montant hors taxe | prix ht | base imponible | imponibile | totale imponibile | total sem "
        "iva",
        "subtotal | sub total | zwischensumme | sous total | subtotale | subtotaal | positionssumme | netto | net "
        "| total sales | merchandise total | warenwert | summe positionen | total charges | suma",
    ),
    Concept(
        "tax",
        Shape.AMOUNT,
        "tax | vat | tax total | tax amount | total tax | vat amount | amount tax | mwst | ust | tva | iva | btw "
        "| gst | sales tax | steuer",
        "invoice total vat amount | total vat amount | gesamtbetrag umsatzsteuer | gesamtbetrag der steuer | "
        "enthaltene mehrwertsteuer | enthaltene umsatzsteuer | enthaltene versicherungsteuer | darin enthaltene "
        "mwst | montant total tva | tax total | total tax | tax amount | vat amount | total vat | total gst | gst "
        "amount | sales tax | steuerbetrag | summe umsatzsteuer | umsatzsteuer gesamt | mwst betrag | ust betrag "
        "| summe mwst | gesamt mwst | montant tva | vat | gst | tax | mwst | ust | tva | iva | btw | total tva | "
        "importe iva | total iva | importo iva | totale iva | btw bedrag | totaal btw | total tax amount | "
        "included in total | gst included in total | total included gst | total taxes | total des taxes",
        "umsatzsteuer | mehrwertsteuer | service tax | cgst | sgst | igst | versicherungsteuer | zzgl "
        "umsatzsteuer | zzgl mwst | zzgl ust | taxe | impuesto | imposta | belasting | steuer",
    ),
    Concept(
        "total",
        Shape.AMOUNT,
        "total | total amount | amount | gross | gross total | grand total | amount due | total due | "
        "gesamtbetrag | brutto | betrag | montant | total ttc | importe | totale | totaal | sum | amount total | "
        "price",
        "gesamtsumme brutto | total amount with vat | total with vat | grand total amount | invoice amount | "
        "gesamtbetrag brutto | endpreis | montant total ttc | amount with tax | grand total | total amount | "
        "total due | amount due | total amount due | total payable | amount payable | total amt payable | gross "
        "total | gross amount | total gross | net total amount | invoice total | total invoice | total for this "
        "invoice | total rounded | rounded total | total amt | nett total | total gst incl | total gst inclusive "
        "| total gst included | total tax incl | total tax included | total vat incl | total vat included | total "
        "after rounding | gesamtbetrag | rechnungsbetrag | gesamtsumme | bruttobetrag | bruttosumme | endbetrag | "
        "endsumme | rechnungssumme | rechnungssumme brutto | rechnungsendbetrag | gesamt brutto | summe brutto | "
        "total ttc | montant ttc | total facture | net a payer | total a payer | montant total | total factura | "
        "importe total | total a pagar | totale fattura | totale documento | totale da pagare | importo totale | "
        "totaal | totaalbedrag | te betalen | total geral | valor total | total general | total | "
        "gutschriftsbetrag | gutschriftbetrag | erstattungsbetrag | total credit | credit total | amount credited | "
        "total refund | refund total | montant de l avoir | total de l avoir | total avoir | importe del abono | "
        "total abono | creditbedrag",
        "net total | net amount | falliger betrag | due payable amount | amount due for payment | montant a payer "
        "| zahlbetrag | zu zahlen | zu zahlender betrag | zu zahlender beitrag | balance due | balance | somme a "
        "payer | amount | betrag | montant | importe | importo | bedrag | gesamt | summe | totale | net to pay | "
        "sum | price | montant eur ttc | jumlah | total price | rounding total | you pay | to pay",
    ),
    Concept(
        "currency",
        Shape.CURRENCY,
        "currency | wahrung | devise | moneda | valuta | moeda",
        "currency | wahrung | rechnungswahrung | devise | moneda | valuta | moeda | betrage in | amounts in | "
        "invoice currency",
    ),
    Concept(
        "seller",
        Shape.NAME,
        "seller | company | issuer | vendor | supplier | partner | lieferant | verkaeufer | verkaufer | merchant "
        "| fournisseur | vendeur | proveedor | fornitore | leverancier | sender | store | provider | biller | "
        "creditor | emitter | from",
        "seller | sold by | vendor | supplier | verkaufer | lieferant | rechnungsersteller | rechnungssteller | "
        "fournisseur | vendeur | emetteur | proveedor | vendedor | emisor | fornitore | venditore | leverancier | "
        "verkoper | service provider | issued by | own by | owned by | owner | fornecedor | company name | "
        "merchant | biller | name of company | auftragnehmer | absender | titulaire du compte",
        "company | from | von | firma",
    ),
    Concept(
        "buyer",
        Shape.NAME,
        "buyer | customer | client | bill to | kunde | kaeufer | kaufer | recipient | purchaser | acheteur | "
        "cliente | klant | debtor | billed to | addressee",
        "buyer | customer | client | bill to | billed to | invoice to | sold to | bill to address | billing "
        "address | ship to | deliver to | customer name | client name | kaufer | kunde | rechnungsempfanger | "
        "empfanger | leistungsempfanger | kaufer leistungsempfanger | warenempfanger | lieferadresse | "
        "lieferanschrift | rechnungsanschrift | "
        "rechnungsadresse | abweichender warenempfanger | abweichender rechnungsempfanger | auftraggeber | "
        "acheteur | destinataire | nom de l abonne | adresse de facturation | facture a | adresse de livraison | "
        "comprador | cliente | destinatario | acquirente | committente | koper | klant | afnemer | shipping "
        "address | guest name | recipient",
        "attn | an | herrn | to",
    ),
    Concept(
        "party",
        Shape.PARTY,
        "party | parties | contracting party | partei | parteien | vertragspartei | partie | parte | partij",
        "by and between | by and among | between | zwischen | entre | tra | tussen",
    ),
    Concept(
        "jurisdiction",
        Shape.PLACE,
        "jurisdiction | governing law | applicable law | law | gerichtsstand | recht | droit applicable | venue",
        "governing law | applicable law | choice of law | jurisdiction | anwendbares recht | gerichtsstand | "
        "droit applicable | loi applicable | ley aplicable | legge applicabile | toepasselijk recht",
    ),
    Concept(
        "term",
        Shape.DURATION,
        "term | duration | period | laufzeit | duree | duracion | durata | looptijd | validity",
        "term | for a term of | for a period of | period of | term of this agreement | survive for | duration | "
        "laufzeit | dauer | fur die dauer von | duree | pour une duree de | duracion | durata | looptijd | shall "
        "expire | shall terminate | remain in effect for | remain in force for | valid for | initial term | "
        "terminate",
    ),
    Concept(
        "expiry_date",
        Shape.DATE,
        "expiry date | expiration date | end date | expiry | valid until | vertragsende | ablaufdatum",
        "expiry date | expiration date | expires on | ending on | ends on | end date | valid until | gultig bis | "
        "endet am | befristet bis | befristet bis zum | vertragsende | mietende | date d expiration | date de fin | "
        "prend fin le | valable jusqu au | se termine le | fecha de caducidad | fecha de fin | termina el | "
        "data di scadenza | geldig tot",
        "expires",
    ),
    Concept(
        "notice_period",
        Shape.DURATION,
        "notice period | period of notice | notice | kundigungsfrist | preavis | delai de preavis",
        "notice period | period of notice | kundigungsfrist | frist von | mit einer frist von | delai de preavis | "
        "preavis | plazo de preaviso | preaviso | preavviso | opzegtermijn | written notice | prior written notice | "
        "prior notice | months notice",
    ),
    Concept(
        "order_date",
        Shape.DATE,
        "order date | date of order | po date | purchase order date | bestelldatum | date commande",
        "order date | date of order | ordered on | po date | bestelldatum | auftragsdatum | bestellt am | "
        "date de commande | date de la commande | fecha de pedido | fecha del pedido | data ordine | orderdatum | "
        "besteldatum",
    ),
    Concept(
        "delivery_date",
        Shape.DATE,
        "delivery date | date of delivery | lieferdatum | date livraison | shipping date",
        "delivery date | date of delivery | delivery by | deliver by | ship date | shipping date | lieferdatum | "
        "liefertermin | lieferung am | wunschtermin | date de livraison | livraison le | livraison souhaitee le | "
        "fecha de entrega | data di consegna | leverdatum",
    ),
    Concept(
        "birth_date",
        Shape.DATE,
        "date of birth | birth date | birthday | born | dob | geburtsdatum | date de naissance",
        "date of birth | birth date | birthdate | dob | born | born on | geburtsdatum | geburtstag | geboren am | "
        "geb am | date de naissance | ne le | nee le | fecha de nacimiento | data di nascita | nato il | nata il | "
        "geboortedatum | data de nascimento",
    ),
    Concept(
        "subject",
        Shape.TEXT,
        "subject | subject line | betreff | objet | asunto | matter",
        "subject | betreff | betrifft | objet | asunto | oggetto | onderwerp | re",
    ),
    Concept(
        "telephone",
        Shape.PHONE,
        "telephone | telephone number | phone | phone number | telefon | telefonnummer | mobile | tel",
        "telephone | telephone no | telephone number | phone | phone no | phone number | tel | tel no | mobile | "
        "telefon | telefonnummer | telefon nr | tel nr | mobil | handy | numero de telephone | telefono | telefoon",
    ),
    Concept(
        "address",
        Shape.ADDRESS,
        "address | adresse | anschrift | direccion | indirizzo | adres | street | location",
        "address | adresse | anschrift | direccion | indirizzo | adres | registered office | siege social | sitz "
        "| domicilio",
    ),
    Concept(
        "document_type",
        Shape.TEXT,
        "document type | type of document | title | document title | form | dokumentart | kind",
        "document type | type of document | dokumentart | titre | subject | betreff | objet | re",
    ),
    # What follows has no field name: labels that explain a value away, and "name:" inside a block about one party.
    Concept("name_label", Shape.NAME, "", "name | firma | nom | nombre | nome | naam | company name | name of company"),
    Concept(
        "cash",
        Shape.AMOUNT,
        "cash tendered",
        "cash | cash received | cash tendered | tendered | amount tendered | tender | paid | amount paid | "
        "accepted total | bar | gegeben | especes | espece | efectivo | contanti | contant | tunai | visa | "
        "mastercard | credit card | card | received | payment | payment received",
    ),
    Concept(
        "change",
        Shape.AMOUNT,
        "change given",
        "change | change due | your change | ruckgeld | cambio | resto | baki | wisselgeld | rendu | a rendre",
    ),
    Concept(
        "other_amount",
        Shape.AMOUNT,
        "",
        "total qty | total quantity | qty | quantity | total items | items | item s | qty s | total discount | "
        "discount | total savings | savings | saving | you saved | rabatt | skonto | remise | descuento | sconto "
        "| korting | rounding | rounding adj | rounding adjustment | rundung | arrondi | unit price | price per "
        "unit | stuckpreis | einzelpreis | prix unitaire | shipping | versand | versandkosten | frais de port | "
        "service charge | total disc | credits | prepaid | prepayment | anzahlung | erhaltene anzahlungen | "
        "bereits bezahlt | acompte | deposit | points | total zuschlage | gesamtbetrag der zuschlage | "
        "gesamtbetrag der abschlage | total allowances | total charges amount | menge | quantite | cantidad | "
        "quantita | aantal | capital | au capital de | total item | total qty tender | total no of items | no of "
        "items | offene zahlungen | ausstehende forderung | einzelbetrag | basisbetrag | amount taxable",
    ),
    Concept(
        "other_date",
        Shape.DATE,
        "",
        "delivery date | date of delivery | shipping date | ship date | order date | date of birth | birth date | "
        "born | expiry date | expiration date | expires | approval expires | exp | lieferdatum | leistungsdatum | "
        "liefer und leistungsdatum | bestelldatum | geburtsdatum | date de livraison | date de commande | date de "
        "naissance | fecha de entrega | fecha de pedido | data di consegna | leverdatum | orderdatum | check in | "
        "check out | period | billing period | leistungszeitraum | rechnungszeitraum | stand | print date | entry "
        "time | gemass bestellung vom | bestellung vom | filed | received | sort code",
    ),
    Concept(
        "other_code",
        Shape.CODE,
        "",
        "tel | telephone | phone | fax | telefon | telefax | mobile | zip | plz | postcode | page | seite | gln | "
        "po box | gtin | globale nummer | ean | sku | item no | article no | art nr | artikelnummer | bic | swift | "
        "account | omb | omb no | ticket no | table | table no | terminal | cashier | pos | approval code | auth "
        "code | lieferschein | lieferschein nr | delivery note | versicherungsnummer | vertragsnummer | contract "
        "no | kundenreferenz | numero de dossier | numero de ligne | serienummer | serial no | blz",
    ),
)

#: Words of labels and how tills and forms shorten them.
ABBREVIATIONS = (("amount", "amt"), ("number", "num"), ("receipt", "rcpt"), ("invoice", "inv"), ("reference", "ref"))

#: Words after "total" that turn it into the amount before or after tax.
NET_QUALIFIERS = (
    "without gst | ohne steuer | ohne steuern | vor steuern | exkl mehrwertsteuer | zzgl mehrwertsteuer | sans "
    "tva | sans taxe | excluding gst | excl gst | exclusive of gst | excluding tax | excl tax | excluding vat | "
    "excl vat | before tax | without tax | without vat | ohne ust | ohne mwst | ohne umsatzsteuer | netto | exkl "
    "ust | exkl mwst | zzgl ust | ht | netto exkl ust | hors taxe | hors taxes | hors tva | sin iva | sin "
    "impuestos | iva esclusa | al netto iva | excl btw | exclusief btw | excl | exkl | sem iva | excluding | "
    "supplies excl gst | sales excluding gst"
)
GROSS_QUALIFIERS = (
    "with vat | with tax | mit ust | mit mwst | mit umsatzsteuer | inkl mehrwertsteuer | einschl umsatzsteuer | "
    "avec tva | including gst | incl gst | inclusive of gst | inclusive gst | gst incl | gst inclusive | gst "
    "included | including tax | incl tax | including vat | incl vat | inclusive of tax | tax incl | tax included "
    "| vat included | inkl ust | inkl mwst | inkl umsatzsteuer | einschl mwst | brutto inkl ust | brutto | ttc | "
    "toutes taxes comprises | taxes comprises | iva incluido | iva inclusa | incl btw | inclusief btw | com iva | "
    "sales inclusive gst | sales inclusive of gst | included gst | incl | inkl | in eur | in usd | rm including "
    "gst | amt incl gst"
)

#: Endings that make a line a company's name.
LEGAL_FORMS = (
    "gmbh | mbh | ag | kg | ohg | ug | se | e v | a g | e k | ltd | limited | llc | l l c | inc | incorporated | "
    "corp | corporation | co | company | plc | llp | l l p | lp | l p | sdn bhd | bhd | s b | pte | pvt | s a | "
    "sa | sas | sasu | sarl | s a r l | eurl | sci | s r l | srl | s p a | spa | s l | sl | b v | bv | n v | nv | "
    "vof | a s | aps | ab | oy | oyj | lda | ltda | kft | sp z o o | enterprise | enterprises | n a | bank | gbr "
    "| kgaa | stiftung | foundation | associates"
)

#: Kinds of paper: such a line is a title, not a name.
DOCUMENT_WORDS = (
    "invoice | tax invoice | receipt | bill | statement | rechnung | gutschrift | quittung | beleg | facture | "
    "recu | avoir | factura | recibo | fattura | ricevuta | factuur | bon | agreement | contract | vertrag | "
    "contrat | contrato | contratto | overeenkomst | order | quotation | angebot | offer | credit note | delivery "
    "note | lieferschein | report | cash sale | duplicate | copy | original | handelsrechnung | warenrechnung | "
    "cash bill | exhibit | logo | amendment | confidential | page | seite | draft | execution copy | payment "
    "receipt | invoice summary | adjustment note"
)

#: Forms of address; alone on a line they belong to the name below.
SALUTATIONS = (
    "herrn | herr | frau | firma | familie | eheleute | herrn und frau | mr | mrs | ms | dr | monsieur | madame | m | "
    "mme | sr | sra | dhr | mevr"
)

#: Words between a label and its value that say nothing.
FILLERS = (
    "no | nr | n | number | num | nummer | numero | id | is | as | of | the | on | dated | date | a | am | den | "
    "der | de | du | le | la | del | di | vom | in | for | this | day | rm | rs | eur | usd | gbp | chf | s | ref "
    "| und | and | to | amount | c | made | effective | entered | into | agreement"
)

#: Words in a field's name that do not change what it means.
NEUTRAL_WORDS = frozenset([
    "amount", "total", "number", "no", "nr", "id", "name", "date", "code", "value", "text", "full", "of", "the", "in",
    "document", "invoice", "agreement", "contract", "legal", "official",
])  # fmt: skip

#: Words that name a whole kind of field when no concept fits.
CODE_WORDS = frozenset(
    ["number", "no", "nr", "num", "id", "code", "ref", "reference", "nummer", "numero", "kennzeichen"]
)
NAME_WORDS = frozenset(
    ["name", "nom", "nombre", "nome", "naam", "person", "author", "applicant", "registrant", "signatory"]
)


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of one entry of the tables above."""
    return tuple(part.strip() for part in text.split("|") if part.strip())


#: What a code must look like where its form is fixed by a standard.
CODE_FORMS: dict[str, str] = {
    "iban": r"(?=(?: ?\w){15})[A-Z]{2}\d{2} ?(?:[A-Z]{4} ?)?\d[\dA-Z]{1,26}(?: \d[\dA-Z]{0,10}){0,7}",
    "vat_id": r"(?=(?:\D*\d){7})(?:[A-Z]{2,3} ?)?[A-Z0-9][A-Z0-9 ./\-]{6,}",
}

#: A telephone number: six digits at least, in groups between blanks, brackets, strokes and points.
PHONE_FORM = (
    r"(?<![\w.,/-])(?:\+|00|\()?(?=(?:[^\d\x00]{0,3}\d){6,15}(?!\d))"
    r"\d[\d/().-]*(?: [\d/().–-]*\d[\d/().-]*)*(?<=\d)"
)

#: A number of days, weeks, months or years.
DURATION_FORM = (
    r"(?i)(?<![\w-])"  # no five days of forty-five days
    r"(?:(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|eighteen|twenty[- ]?four|"
    r"thirty[- ]?six|twenty|thirty|sixty|ninety|"
    r"ein|eine[mnrs]?|zwei|drei|vier|fünf|zehn|un|une|deux|trois|quatre|cinq|dix|uno?|due|tre|dos|tres|een|twee|drie)"
    r"\s*(?:\(\d{1,3}\)\s*)?|\d{1,3}\s+|\d{1,3}-)-?"
    r"(days?|weeks?|months?|years?|tagen?|wochen?|monaten?|jahren?|jours?|semaines?|mois|années?|ans?|días?|meses|mes|años?|"
    r"giorni|mesi|mese|ann[oi]|dagen|weken|maand(?:en)?|jaar|jaren)\b"
)
