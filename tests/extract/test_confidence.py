"""Confidence: fitted numbers in, chances out, and the measures that say whether they can be believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from docqa.errors import BadSettings
from docqa.extract.calibration import (
    BELIEFS,
    accuracy_at,
    brier,
    calibration_error,
    calibration_in,
    fitted,
    in_words,
    load_calibration,
    save_calibration,
    threshold_for,
)
from docqa.extract.confidence import DOUBTED, Calibration, signs_of
from docqa.types import Cell, FieldSpec, FieldType, Page, Problem, Reading, TextSource

TOTAL = FieldSpec("total", FieldType.AMOUNT)
CELL = Cell("d0", "total", "5.00", "5.00", 1, "Total 5.00", (), 0.9, "quote")
PAGE = Page("d0", 1, 100, 100, (), TextSource.TEXT_LAYER, 0.75)
SCANNED = replace(PAGE, text_source=TextSource.OCR)


def test_a_fit_finds_the_share_that_was_right() -> None:
    seen = [((("good", 1.0),), n < 900) for n in range(1000)] + [((), n < 300) for n in range(1000)]
    fit = fitted(Calibration({}), seen)
    assert fit.chance((("good", 1.0),)) == pytest.approx(0.9, abs=0.03)
    assert fit.chance(()) == pytest.approx(0.3, abs=0.03)
    assert fit.cells == 2000


def test_a_few_corrections_move_the_weights_a_little_and_many_a_lot() -> None:
    shipped = Calibration({"always": 2.0})
    few, many = (fitted(shipped, [((), False)] * count).chance(()) for count in (2, 200))
    assert shipped.chance(()) > few > 0.5 > many
    assert fitted(shipped, []) == shipped


def test_a_cell_that_is_worth_less_moves_the_weights_less() -> None:
    start, seen = Calibration({"always": 0.0}), [((), True)] * 400 + [((), False)] * 400
    assert fitted(start, seen).chance(()) == pytest.approx(0.5)
    assert fitted(start, seen, [1.0] * 400 + [0.25] * 400).chance(()) == pytest.approx(0.8, abs=0.03)
    assert fitted(start, seen[:400], pull=10_000.0).chance(()) < 0.6 < fitted(start, seen[:400]).chance(())


def test_a_sign_nobody_fitted_counts_nothing() -> None:
    fitted = Calibration({"always": 1.0})
    assert fitted.chance((("new", 1.0),)) == fitted.chance(())


def test_no_chance_is_a_certainty() -> None:
    assert Calibration({"always": 99.0}).chance(()) < 1 and Calibration({"always": -99.0}).chance(()) > 0


def test_a_cell_without_a_value_has_no_confidence_and_a_doubted_one_little() -> None:
    sure, doubt = Calibration({"always": 3.0}), Problem("sum_differs", "1 is not 2.", "Look.")
    assert sure.confidence(replace(CELL, value=None)) is None
    assert sure.confidence(CELL) == sure.chance(())
    assert sure.confidence(replace(CELL, doubts=(doubt,))) == DOUBTED


def test_it_is_kept_with_where_it_comes_from(tmp_path: Path) -> None:
    fitted = Calibration({"always": 1.25}, "twelve letters", "2026-11-22", 40, {"calibration_error": 0.02})
    save_calibration(fitted, tmp_path / "c.json")
    assert load_calibration(tmp_path / "c.json") == fitted


@pytest.mark.parametrize("content", ["", "[]", '{"weights": {}}'])
def test_a_file_that_holds_none_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(content)
    with pytest.raises(BadSettings, match="holds no calibration"):
        load_calibration(file)


def test_what_is_shipped_says_on_what_it_was_fitted_and_how_well() -> None:
    shipped = load_calibration()
    assert "half" in shipped.fitted_on and shipped.cells > 200
    assert shipped.measured is not None and shipped.measured["calibration_error"] <= 0.05
    assert shipped.weights.keys() >= BELIEFS.keys()
    assert shipped.chance((("second reading agrees", 1.0),)) > shipped.chance((("second reading differs", 1.0),))


def test_the_signs_of_a_cell() -> None:
    agreeing = Reading("total", "€ 5,00", 1, "", 0.5)
    signs = dict(signs_of(TOTAL, CELL, 0.1, {1: PAGE}, agreeing))
    assert signs == {
        "is amount": 1.0,
        "quote score of a form": 0.9,
        "margin of a form": 0.25,
        "second reading agrees": 1.0,
    }
    seller = FieldSpec("seller", FieldType.TEXT)
    name = replace(CELL, text="BuARDIAN Health", value="BuARDIAN Health", score=0.5, reader="vision:gemma")
    signs = dict(signs_of(seller, name, 9.0, {1: SCANNED}, replace(agreeing, text="Guardian Health")))
    assert signs.keys() >= {"oddly printed", "second reading differs", "name without a legal form"}
    assert signs["vision unsure of a text"] == signs["margin of a text"] == signs["text of a badly read page"] == 1.0
    assert signs["letters probably misread"] == 0.9375  # a quarter of 15, of 4


@pytest.mark.parametrize(
    ("field", "text", "odd"),
    [
        pytest.param("seller", "ALDER9 MILLS LTD", True, id="a digit at the end of a word"),
        pytest.param("seller", "Alder (K1) Ltd", True, id="a digit before a bracket"),
        pytest.param("seller", "Alder Mills (K) Ltd", False, id="a name"),
        pytest.param("invoice_number", "471102vom", True, id="the next word joined to a number"),
        pytest.param("invoice_number", "1643_FILED", True, id="the line of a form"),
        pytest.param("invoice_number", "2.2", True, id="a section"),
        pytest.param("invoice_number", "INV/2023/08a", False, id="a number"),
        pytest.param("total", "RM 88", True, id="an amount that lost its cents"),
        pytest.param("total", "RM 88.10", False, id="an amount"),
    ],
)
def test_what_ocr_does_to_a_value_is_a_sign(field: str, text: str, odd: bool) -> None:
    spec = FieldSpec(field, FieldType.AMOUNT if field == "total" else FieldType.TEXT)
    cell = replace(CELL, field=field, text=text, value=text.removeprefix("RM "))
    assert ("oddly printed" in dict(signs_of(spec, cell, 0.1, {1: SCANNED}, None))) is odd


def test_an_address_has_a_postcode() -> None:
    def missing(text: str) -> bool:
        cell = replace(CELL, field="address", text=text, value=text)
        signs = signs_of(FieldSpec("address", FieldType.TEXT), cell, 0.1, {1: PAGE}, None)
        return "address without a postcode" in dict(signs)

    assert missing("Machine [003]")
    assert not missing("Long Street 5, 50450 Alderton") and not missing("5 Long Street, Alderton AB1 2CD")


def test_the_calibration_error_by_hand() -> None:
    assert calibration_error([]) is None
    assert calibration_error([(0.95, True)] * 19 + [(0.95, False)]) == 0.0
    assert calibration_error([(0.9, False), (0.1, False)]) == 0.5


def test_accuracy_at_a_coverage_by_hand() -> None:
    judged = [(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.5, False)]
    assert [accuracy_at(judged, share) for share in (0.4, 0.6, 1.0)] == [1.0, 0.6667, 0.6]
    assert accuracy_at([(0.5, True), (0.5, False)], 0.5) == 0.5  # no threshold parts them
    assert accuracy_at([], 0.6) is None


def test_the_brier_score_by_hand() -> None:
    assert brier([(0.5, True), (1.0, False), (0.0, False)]) == pytest.approx(1.25 / 3, abs=1e-4)
    assert brier([]) is None


def test_the_threshold_from_which_on_enough_are_right() -> None:
    judged = [(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.0, True)]
    assert threshold_for(judged, 0.99) == (0.8, 0.4, 1.0)
    assert threshold_for(judged, 0.75) == (0.6, 0.8, 0.75)  # a cell without a value has no confidence to speak of
    assert threshold_for([(0.9, False), (0.9, True)], 0.9) is None  # no threshold parts them
    assert threshold_for([], 0.5) is None


def test_how_many_cells_need_no_look_is_a_sentence() -> None:
    judged = [(0.95, True)] * 80 + [(0.6, False)] * 20
    assert in_words(judged) == (
        "From a confidence of 0.950 on, 80% of the cells need no look, and 100.0% of those are right "
        "(measured on 100 cells)."
    )
    assert "and 95.0% of those" in in_words([(0.9, True)] * 19 + [(0.9, False)])
    assert in_words([(0.9, False)] * 3).endswith("look at all.")


def test_an_office_s_own_calibration_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    assert calibration_in(tmp_path) == load_calibration()
    own = Calibration({"always": 1.0}, "ours", "2026-11-22", 1, {})
    save_calibration(own, tmp_path / "calibration.json")
    assert calibration_in(tmp_path) == own
    assert [file.name for file in tmp_path.iterdir()] == ["calibration.json"]
