"""What a model is asked for: the schema, the words and the reader of replies say the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from docqa.errors import ModelBadAnswer, PathMissing
from docqa.extract.fields import load_fields, presets
from docqa.extract.form import MAX_ROWS, REPLY_SCORE, form_text, read_reply, reply_schema
from docqa.model.certainty import Certainty
from docqa.types import FieldSpec, FieldType, Reading

FIELDS = (
    FieldSpec("json", FieldType.TEXT, 'The "file" number\nas printed'),  # also the name of a pydantic method
    FieldSpec("kind", FieldType.CHOICE, choices=("bill", "note")),
    FieldSpec("title", FieldType.BOOLEAN),
    FieldSpec(
        "items", FieldType.TABLE, columns=(FieldSpec("what", FieldType.TEXT), FieldSpec("price", FieldType.AMOUNT))
    ),
)
RENT = FieldSpec("rent", FieldType.AMOUNT)
EMPTY: dict[str, object] = {"json": None, "kind": None, "title": None, "items": []}


def properties_of(fields: Sequence[FieldSpec]) -> dict[str, object]:
    properties = reply_schema(fields)["properties"]
    assert isinstance(properties, dict)
    return properties


def proof(value: object) -> dict[str, object]:
    return {"value": value, "page": 2, "quote": " the  quote\n"}


def test_a_reply_becomes_readings() -> None:
    rows = [
        {"what": "Screws", "price": "5.00", "page": 1, "quote": "q"},
        {"what": "Nails", "price": None, "page": 3, "quote": ""},
    ]
    reply = EMPTY | {"json": proof(" A\u200b 1 "), "kind": proof("bill"), "items": rows}
    expected = [
        Reading("json", "A 1", 2, "the quote", 0.5),
        Reading("kind", "bill", 2, "the quote", 0.5),
        Reading("items", "Screws", 1, "q", 0.5, row=1, column="what"),
        Reading("items", "5.00", 1, "q", 0.5, row=1, column="price"),
        Reading("items", "Nails", 3, "", 0.5, row=2, column="what"),
    ]
    assert read_reply(reply, FIELDS) == expected
    assert read_reply(json.dumps(reply), FIELDS) == expected
    assert read_reply(EMPTY | {"json": proof(" ")}, FIELDS) == []


def test_a_reading_ranks_by_how_sure_the_model_was_of_it() -> None:
    rows = [{"what": name, "price": "5.00", "page": 1, "quote": name} for name in ("Screws", "Nails")]
    reply = EMPTY | {"json": proof("A"), "kind": proof("bill"), "items": rows}
    sure = {
        ("json", "value"): Certainty(-0.1, -2.0),
        ("json", "page"): Certainty(-9.0, -9.0),
        ("items", 1, "price"): Certainty(-0.2, -0.2),
        ("items", 1, "what"): Certainty(0.5, 0.0),  # more than a probability can be
    }
    scores = {(one.field, one.row, one.column): one.score for one in read_reply(reply, FIELDS, sure)}
    assert scores == {
        ("json", 0, ""): pytest.approx(0.905, abs=0.001),
        ("kind", 0, ""): REPLY_SCORE,
        ("items", 1, "what"): REPLY_SCORE,
        ("items", 1, "price"): REPLY_SCORE,
        ("items", 2, "what"): 1.0,
        ("items", 2, "price"): pytest.approx(0.819, abs=0.001),
    }


def test_half_a_character_does_not_reach_the_store() -> None:
    [reading] = read_reply({"rent": {"value": "9\ud800", "page": 12, "quote": "\udfff\x1b[2J"}}, [RENT])
    assert (reading.text, reading.quote) == ("9", "[2J")


def test_a_name_that_cannot_be_said_is_called_something_else() -> None:
    names = ("rent<|turn>", "rent", "\u200b")
    fields = [FieldSpec(name, FieldType.TEXT) for name in names]
    columns = (FieldSpec("page", FieldType.INTEGER), FieldSpec("quote", FieldType.TEXT))  # the keys of a row's proof
    table = FieldSpec("pages", FieldType.TABLE, columns=columns)
    keys = list(properties_of([*fields, table]))
    assert keys == ["rent", "rent 2", "3", "pages"]
    row = {"page 1": "7", "quote 2": "words", "page": 3, "quote": "7 words"}
    reply = {key: {"value": key, "page": 3, "quote": ""} for key in keys[:3]} | {"pages": [row]}
    found = read_reply(reply, [*fields, table])
    assert [(one.field, one.text) for one in found[:3]] == list(zip(names, keys, strict=False))
    assert [(one.column, one.text, one.page) for one in found[3:]] == [("page", "7", 3), ("quote", "words", 3)]
    assert '"page 1"' in form_text([table])


@pytest.mark.parametrize(
    "reply",
    [
        None,
        "no JSON",
        {},
        EMPTY | {"more": 1},
        EMPTY | {"kind": proof("letter")},
        EMPTY | {"title": proof("maybe")},
        EMPTY | {"json": proof(5)},
        EMPTY | {"json": proof("x" * 301)},
        EMPTY | {"json": {"value": "x", "page": 0, "quote": ""}},
        EMPTY | {"items": [{"what": "x", "page": 1, "quote": ""}]},
        EMPTY | {"items": [{"what": "x", "price": None, "page": 1, "quote": ""}] * (MAX_ROWS + 1)},
    ],
)
def test_what_is_not_of_the_schema_is_no_reply(reply: object) -> None:
    with pytest.raises(ModelBadAnswer):
        read_reply(reply, FIELDS)


def test_the_schema_needs_no_references_and_bounds_everything() -> None:
    text = json.dumps(reply_schema(FIELDS))
    assert "$ref" not in text and "$defs" not in text and "part_" not in text
    assert text.count('"type": "string"') == text.count('"maxLength"') + text.count('"enum"')
    assert text.count('"type": "array"') == text.count('"maxItems"')
    assert text.count('"type": "object"') == text.count('"additionalProperties": false')
    assert reply_schema(FIELDS)["required"] == ["json", "kind", "title", "items"]
    assert "title" in properties_of(FIELDS)  # the field, not pydantic's title
    assert f'"maxItems": {MAX_ROWS}' in text
    assert '"maxItems": 7' in json.dumps(reply_schema(FIELDS, 7))


def test_the_words_name_every_field_and_column_with_its_type() -> None:
    assert form_text(FIELDS).splitlines() == [
        '- "json": text; The "file" number as printed',
        '- "kind": one of the choices; choices: ["bill", "note"]',
        '- "title": "true" or "false"',
        '- "items": a table, every row of it in the order of the pages',
        '  - "what": text',
        '  - "price": an amount of money with its sign and the currency as printed beside it, if any',
    ]


def test_a_preset_is_loaded_by_its_name() -> None:
    assert load_fields(Path("receipt")) == load_fields(presets()["receipt"])
    with pytest.raises(PathMissing):
        load_fields(Path("recipe"))


def test_the_presets_can_be_asked_for() -> None:
    assert sorted(presets()) == ["contract", "form", "invoice", "letter", "receipt"]
    for file in presets().values():
        fields = load_fields(file)
        assert list(properties_of(fields)) == [field.name for field in fields]
