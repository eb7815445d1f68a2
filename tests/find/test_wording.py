"""What is taken from a question, and how its numbers are written elsewhere."""

from __future__ import annotations

import pytest

from docqa.find.subjects import is_short_for
from docqa.find.wording import plain_words, spellings, stem, without


def test_periods_are_taken_apart() -> None:
    assert [word.text for word in plain_words("Boeing's FY22 and Q32023")] == [
        "boeing", "fy", "2022", "and", "q3", "2023",
    ]  # fmt: skip


def test_names_leave_the_question_and_nothing_else_does() -> None:
    question = "What was Best Buy's gross margin in FY2023?"
    assert without(question, {"best", "buy", "2023"}) == "What was gross margin in?"
    assert without(question, set()) == question.replace(" FY2023", " FY2023")


def test_a_plural_is_its_singular_and_other_words_stay() -> None:
    assert [stem(word) for word in ("companies", "margins", "business", "gas", "analysis")] == [
        "company", "margin", "business", "gas", "analysis",
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["1577", "1,577", "1.577,00", "1’577"])
def test_a_number_is_searched_in_every_spelling(number: str) -> None:
    assert {"1577", "1,577", "1.577", "1,577.00"} <= {number, *spellings(f"paid {number} in all")}


@pytest.mark.parametrize("text", ["in 2018", "page 12", "form 10-K", "8.5 percent", "v1.2.3"])
def test_years_and_small_numbers_have_one_spelling(text: str) -> None:
    assert spellings(text) == []


@pytest.mark.parametrize(
    ("short", "name", "holds"),
    [
        ("jnj", ("johnson", "johnson"), True),
        ("jnj", ("johnson", "and", "johnson", "inc"), True),
        ("amex", ("american", "express", "company"), True),
        ("abc", ("american", "express"), False),
        ("am", ("american", "express"), False),
    ],
)
def test_beginnings_of_words_stand_for_a_name(short: str, name: tuple[str, ...], holds: bool) -> None:
    assert is_short_for(short, name) is holds
