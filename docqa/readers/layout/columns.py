"""What the columns of tables are called, in the form and the languages of `docqa.readers.layout.lexicon`."""

from __future__ import annotations

from docqa.readers.layout.lexicon import Concept, Shape

#: What columns of tables are called; `names` are the words a column of a fields file is named by.
COLUMN_CONCEPTS: tuple[Concept, ...] = (
    Concept(
        "position",
        Shape.CODE,
        "position | pos | line | row",
        "pos | position | pos nr | line | ligne | #",
    ),
    Concept(
        "article",
        Shape.CODE,
        "article number | article | item number | sku | code | product code | gtin | ean",
        "article number | art nr | art no | artikelnummer | artikel nr | item no | item number | item code | sku "
        "| gtin | ean | product code | code | reference | ref | artikelnr | codice | codigo | item id | part no",
    ),
    Concept(
        "description",
        Shape.TEXT,
        "description | item | article | product | service | text | name",
        "description | item | items | article | product | service | bezeichnung | beschreibung | artikel | "
        "artikelbezeichnung | leistung | produkt | designation | libelle | descripcion | concepto | descrizione | "
        "omschrijving | descricao | details | particulars | item description | product description | activity | "
        "warenbezeichnung | artikelbeschreibung | product name",
    ),
    Concept(
        "quantity",
        Shape.NUMBER,
        "quantity | qty | count | hours | pieces | menge | anzahl | quantite",
        "quantity | qty | menge | anzahl | quantite | qte | cantidad | quantita | aantal | hours | hrs | stunden "
        "| heures | units | pcs | stuck | quantidade | std | qnt | mge | stk | anz | nombre | nbre | nb | qta "
        "| no of units | number of units | days | tage | jours",
    ),
    Concept(
        "unit",
        Shape.TEXT,
        "unit | unit of measure",
        "unit | einheit | unite | unidad | unita | eenheid | uom | me",
    ),
    Concept(
        "unit_price",
        Shape.AMOUNT,
        "unit price | price | unit cost | rate | einzelpreis | prix unitaire",
        "unit price | price | unit cost | rate | einzelpreis | e preis | stuckpreis | nettopreis | preis | prix "
        "unitaire | p u | pu ht | prix | precio | precio unitario | prezzo | prezzo unitario | prijs | "
        "eenheidsprijs | price per unit | u p | s price | preco unitario | unit price ex vat | hourly rate | cost "
        "| einzelpreis netto | ep | stundensatz | tagessatz | prix unit | price each | tarif "
        "| einzelpreis eur | preis eur",
    ),
    Concept(
        "discount",
        Shape.NUMBER,
        "discount",
        "discount | disc | rabatt | remise | descuento | sconto | korting",
    ),
    Concept(
        "tax_rate",
        Shape.NUMBER,
        "tax rate | vat rate | tax",
        "tax rate | vat rate | vat | tax | taxes | ust | mwst | mwst satz | ust satz | steuersatz | tva | taux "
        "tva | taux | iva | btw | gst | steuer | tax code",
    ),
    Concept(
        "line_total",
        Shape.AMOUNT,
        "line total | amount | total | line amount | sum | total price | betrag | montant | gesamtpreis",
        "line total | amount | total | line amount | total amount | total price | betrag | gesamt | gesamtpreis | "
        "gesamtbetrag | summe | montant | montant ht | total ht | prix total | importe | importe total | importo "
        "| totale | bedrag | totaal | nettowert | nettobetrag | net amount | net | extended price | "
        "positionsbetrag | betrag eur | total eur | amount eur | subtotal | valor | gp | total net | amount excl "
        "vat | net price | gesamtwert | net total | prix ht | entgelt | gesamtpreis netto | total price eur "
        "| totaalbedrag",
    ),
    Concept(
        "date",
        Shape.DATE,
        "date",
        "date | datum | fecha | data | leistungsdatum",
    ),
)
