"""The model's pixel grid, against sizes computed with the model's own image processor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docqa.pages.grid import CELL, MAX_BUDGET, grid_size, soft_tokens

MM = 72 / 25.4


@pytest.mark.parametrize(
    ("width", "height", "budget", "expected"),
    [
        (210 * MM, 297 * MM, 280, (672, 912)),
        (210 * MM, 297 * MM, 560, (912, 1344)),
        (210 * MM, 297 * MM, 1120, (1344, 1872)),
        (297 * MM, 210 * MM, 1120, (1872, 1344)),
        (297 * MM, 420 * MM, 1120, (1344, 1872)),
        (612, 792, 280, (672, 912)),
        (612, 792, 560, (960, 1248)),
        (612, 792, 1120, (1392, 1824)),
        (612, 1008, 1120, (1248, 2016)),
        (1920, 1080, 1120, (2112, 1200)),
    ],
)
def test_common_pages(width: float, height: float, budget: int, expected: tuple[int, int]) -> None:
    assert grid_size(width, height, budget) == expected


@pytest.mark.parametrize("size", [(595, 842), (612, 792), (612, 1008), (792, 612), (1000, 1000)])
def test_a_page_on_the_grid_stays_on_it(size: tuple[int, int]) -> None:
    on_grid = grid_size(*size)
    assert grid_size(*on_grid) == on_grid


def test_a_strip_keeps_one_cell_and_the_budget() -> None:
    assert grid_size(100_000, 1) == (MAX_BUDGET * CELL, CELL)
    assert grid_size(1, 100_000) == (CELL, MAX_BUDGET * CELL)
    assert grid_size(2000, 1) == (MAX_BUDGET * CELL, CELL)


@given(
    st.floats(1e-3, 1e6),
    st.floats(1e-3, 1e6),
    st.sampled_from([70, 140, 280, 560, 1120]),
)
def test_every_page_fits_the_budget(width: float, height: float, budget: int) -> None:
    columns, rows = grid_size(width, height, budget)
    assert columns % CELL == rows % CELL == 0
    assert min(columns, rows) >= CELL
    assert soft_tokens(columns, rows) <= budget + 2


@pytest.mark.parametrize("size", [(0, 1), (1, -1), (float("nan"), 1), (float("inf"), 1)])
def test_what_is_no_page_is_refused(size: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="A page cannot be"):
        grid_size(*size)


def test_soft_tokens_of_an_a4_page() -> None:
    assert soft_tokens(1344, 1872) == 1094
