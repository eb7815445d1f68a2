"""Confidence: fitted numbers in, chances out, and the measures that say whether they can be believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from docqa.errors import BadSettings
from docqa.extract.confidence import (
    BELIEFS,
    DOUBTED,
    Calibration,
    accuracy_at,
    brier,
    calibration_error,
    calibration_in,
    in_words,
    signs_of,
    threshold_for,
)
from docqa.types import Cell, FieldSpec, FieldType, Page, Problem, Reading, TextSource

TOTAL = FieldSpec("total", FieldType.AMOUNT)
CELL = Cell("d0", "total", "5.00", "5.00", 1, "Total 5.00", (), 0.9, "quote")
PAGE = Page("d0", 1, 100, 100, (), TextSource.TEXT_LAYER, 0.75)


def test_a_fit_finds_the_share_that_was_right() -> None:
    seen = [((("good", 1.0),), n < 900) for n in range(1000)] + [((), n < 300) for n in range(1000)]
    fitted = Calibration({}).fitted(seen)
    assert fitted.chance((("good", 1.0),)) == pytest.approx(0.9, abs=0.03)
    assert fitted.chance(()) == pytest.approx(0.3, abs=0.03)
    assert fitted.cells == 2000


def test_a_few_corrections_move_the_weights_a_little_and_many_a_lot() -> None:
    shipped = Calibration({"always": 2.0})
    few, many = (shipped.fitted([((), False)] * count).chance(()) for count in (2, 200))
    assert shipped.chance(()) > few > 0.5 > many
    assert shipped.fitted([]) == shipped


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
    fitted.save(tmp_path / "c.json")
    assert Calibration.load(tmp_path / "c.json") == fitted


@pytest.mark.parametrize("content", ["", "[]", '{"weights": {}}'])
def test_a_file_that_holds_none_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(content)
    with pytest.raises(BadSettings, match="holds no calibration"):
        Calibration.load(file)


def test_what_is_shipped_says_on_what_it_was_fitted_and_how_well() -> None:
    shipped = Calibration.load()
    assert "half" in shipped.fitted_on and shipped.cells > 200
    assert shipped.measured is not None and shipped.measured["calibration_error"] <= 0.05
    assert shipped.weights.keys() >= BELIEFS.keys()
    assert shipped.chance((("second reading agrees", 1.0),)) > shipped.chance((("second reading differs", 1.0),))


def test_the_signs_of_a_cell() -> None:
    agreeing = Reading("total", "€ 5,00", 1, "", 0.5)
    signs = dict(signs_of(TOTAL, CELL, 0.25, {1: PAGE}, agreeing))
    assert signs == {
        "is amount": 1.0,
        "quote score of a form": 0.9,
        "margin of a form": 0.25,
        "badly read page": 0.25,
        "second reading agrees": 1.0,
    }
    scanned = replace(PAGE, text_source=TextSource.OCR)
    seller = FieldSpec("seller", FieldType.TEXT)
    name = replace(CELL, text="BuARDIAN Health", value="BuARDIAN Health", score=0.5, reader="vision:gemma")
    signs = dict(signs_of(seller, name, 0.0, {1: scanned}, replace(agreeing, text="Guardian Health")))
    assert signs.keys() >= {"is name, read by OCR", "oddly spelled", "second reading differs"}
    assert signs["vision unsure of a text"] == 1.0


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
    assert calibration_in(tmp_path) == Calibration.load()
    own = Calibration({"always": 1.0}, "ours", "2026-11-22", 1, {})
    own.save(tmp_path / "calibration.json")
    assert calibration_in(tmp_path) == own
    assert [file.name for file in tmp_path.iterdir()] == ["calibration.json"]
