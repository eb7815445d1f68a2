"""What a document calls itself."""

from __future__ import annotations

import pytest
from drawn import Piece, draw

from docqa.readers.layout.titles import is_credit_note

HEAD: list[Piece] = [(50, 1, "Alder Ltd, 1 High Street"), (50, 2, "Birch & Co")]


@pytest.mark.parametrize(
    "title",
    [
        "GUTSCHRIFT", "Gutschrift Nr. 4711 vom 3. Mai 2024", "Rechnungskorrektur zu Rechnung 4711",
        "Stornorechnung Nr. 12", "Storno-Rechnung", "Storno", "Korrekturrechnung", "CREDIT NOTE", "Tax Credit Note",
        "Credit memo #17", "Credit Note No.: CN-2024/17", "AVOIR", "Facture d'avoir N° 12", "Avoir n° A12 du 03/05/24",
        "Note de crédit", "NOTA DI CREDITO n. 5 del 03/05/2024", "Nota de crédito", "Factura rectificativa",
        "Creditnota", "Creditfactuur 12", "Kreditnota", "Kreditfaktura", "Adjustment note", "REFUND", "Abono",
    ],
)  # fmt: skip
def test_a_credit_note_is_known_by_its_title(title: str) -> None:
    assert is_credit_note(draw([*HEAD, (50, 5, title), (50, 8, "Total -5.00")]))


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(50, 5, "INVOICE")], id="an invoice"),
        pytest.param([(50, 5, "Rechnung Nr. 5"), (50, 8, "Gutschrift Nr. 4")], id="an invoice that names one"),
        pytest.param([(50, 30, "Gutschrift")], id="at its foot"),
        pytest.param([(50, 5, "Gutschrift: -5,00")], id="an amount"),
        pytest.param([(50, 5, "Gutschrift 5,00 EUR vom 3. Mai")], id="a row"),
        pytest.param([(50, 5, "Gutschriften werden verrechnet")], id="a longer word"),
        pytest.param([(50, 5, "Credit note policy of our shop")], id="a sentence"),
        pytest.param([(50, 5, "We will send a credit note")], id="in a sentence"),
        pytest.param([(50, 5, "Datum"), (300, 5, "Belastung"), (600, 5, "Gutschrift")], id="columns of an account"),
        pytest.param([(50, 5, "Avoir du temps")], id="a verb"),
        pytest.param([], id="nothing"),
    ],
)
def test_what_only_speaks_of_credit_is_none(pieces: list[Piece]) -> None:
    assert not is_credit_note(draw([*HEAD, *pieces]))
