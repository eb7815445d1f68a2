"""Fields files: what may stand in them, what is said of the others, and that nothing is lost on the way back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docqa.errors import BadFieldsFile, PathMissing
from docqa.extract.fields import (
    MAX_FIELDS,
    RESERVED,
    field_key,
    fields_from_json,
    fields_json,
    fields_toml,
    load_fields,
    parse_fields,
    usable_name,
)
from docqa.types import FieldSpec, FieldType

FIELD = '[[field]]\nname = "total"\n'
TABLE = """[[table]]
name = "items"
[[table.column]]
name = "quantity"
type = "number"
[[table.column]]
name = "price"
type = "amount"
"""


def test_a_fields_file_with_everything_in_it() -> None:
    text = """
        [[field]]
        name = "invoice_date"
        type = "date"
        description = "When the invoice was issued"
        required = true
        [[field]]
        name = "kind"
        type = "choice"
        choices = ["invoice", "credit note"]
        [[field]]
        name = "Iban"
        pattern = "[A-Z]{2}\\\\d+"
        """
    assert parse_fields(text, "fields.toml") == (
        FieldSpec("invoice_date", FieldType.DATE, "When the invoice was issued", True),
        FieldSpec("kind", FieldType.CHOICE, choices=("invoice", "credit note")),
        FieldSpec("Iban", FieldType.TEXT, pattern=r"[A-Z]{2}\d+"),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "fields.toml cannot be used: there is no field in it."),
        ("field = []", "cannot be used: there is no field in it."),
        ("[field]\nname = 'x'", "cannot be used: field stands in two pairs of brackets, [[field]]."),
        ("[[field]\nname = 'x'", "is not valid TOML: "),
        (FIELD + FIELD, "two fields are called total"),
        ("[[field]]\ntype = 'text'", "cannot be used: field 1: it has no name."),
        (FIELD + "[[field]]\nname = '1st'", "cannot be used: field 2 (1st): '1st' cannot be a name: a letter, then "),
        ("[[field]]\nname = 'Größe (cm)'", "'Größe (cm)' cannot be a name: a letter, then letters without accents"),
        ("[[field]]\nname = 'Größe (cm)'", "; groesse would do."),
        ("[[field]]\nname = 'Сумма'", "64 characters at most."),
        ('[[field]]\nname = "a\\n"', "field 1: 'a\\n' cannot be a name"),
        (f"[[field]]\nname = '{'x' * 65}'", "64 characters at most; xxx"),
        (FIELD + "type = 'money'", "field 1 (total): the type is one of text, integer, number, amount, date, choice, "),
        (FIELD + "typ = 'text'", "field 1 (total): docqa knows no typ there, only name, type, description"),
        (FIELD + "required = 'perhaps'", "field 1 (total): required: input should be a valid boolean"),
        (FIELD + "type = 'choice'", "a field of type choice needs choices"),
        (FIELD + "choices = ['a']", "only such a field has them"),
        (FIELD + "pattern = '('", "the pattern is not a regular expression: "),
        (FIELD + f"description = '{'x' * 501}'", "field 1 (total): description: string should have at most 500"),
        ("\n".join(f"[[field]]\nname = 'f{n}'" for n in range(MAX_FIELDS + 1)), f"at most {MAX_FIELDS} items"),
        (FIELD + "[[table]]\nname = 'x'", "cannot be used: table 1 (x): it has no [[table.column]]."),
        ("[[felder]]\nname = 'x'", "docqa knows no felder there, only [[field]] and [[table]]."),
        (TABLE.replace("number", "money"), "table 1 (items), column 1 (quantity): the type is one of text"),
        (TABLE.replace("quantity", "price"), "two columns are called price"),
        (TABLE.replace("items", "total") + FIELD, "two fields are called total"),
        (FIELD + FIELD.replace("total", "Total"), "two fields are called total and Total, which no table could tell"),
        (FIELD + FIELD.replace("total", "total_"), "two fields are called total and total_, which no table could tell"),
        (
            TABLE.replace("quantity", "unit__Price").replace("price", "unit_price"),
            "two columns are called unit__Price and",
        ),
        (TABLE.replace("items", "TOTAL") + FIELD, "two fields are called total and TOTAL, which"),
        (TABLE.replace('"number"', '"list"'), "a column cannot be a list"),
        (FIELD + "type = 'table'", "a table is written as [[table]]"),
        (TABLE.replace("items", "problem"), "a field cannot be called problem"),
        (FIELD.replace("total", "Document"), "a field cannot be called Document"),
    ],
)
def test_what_is_wrong_with_a_fields_file_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadFieldsFile) as caught:
        parse_fields(text, "fields.toml")
    assert caught.value.message.startswith("fields.toml ")
    assert sentence in caught.value.message
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message


def test_a_fields_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match=r"There is no fields file .*nowhere\.toml"):
        load_fields(tmp_path / "nowhere.toml")
    with pytest.raises(PathMissing, match="cannot be read: Is a directory"):
        load_fields(tmp_path)
    file = tmp_path / "fields.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFieldsFile, match=r"fields\.toml is not a text file"):
        load_fields(file)
    file.write_text(FIELD)
    assert load_fields(file) == (FieldSpec("total", FieldType.TEXT),)
    file.write_text(FIELD, encoding="utf-8-sig")  # as some editors of Windows save it
    assert load_fields(file) == (FieldSpec("total", FieldType.TEXT),)
    with pytest.raises(PathMissing, match="no fields file invoise") as caught:
        load_fields(Path("invoise"))
    assert "contract, form, invoice, letter, receipt" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Invoice date", "invoice_date"),
        ("Größe (in cm)", "groesse"),
        ("N° de facture", "n_de_facture"),
        ("1st party", "st_party"),
        ("Сумма", "Сумма"),
        ("x" * 63 + " y", "x" * 63),
    ],
)
def test_what_people_call_a_field_becomes_a_name(typed: str, name: str) -> None:
    assert usable_name(typed) == name


def heading(name: str) -> str:
    """What is left of a name where nobody tells capitals or underscores apart."""
    return name.lower().replace("_", "")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True).filter(lambda name: heading(name) not in RESERVED)
SPECS = st.builds(
    FieldSpec,
    name=NAMES,
    type=st.sampled_from([kind for kind in FieldType if kind not in (FieldType.CHOICE, FieldType.TABLE)]),
    description=TEXTS,
    required=st.booleans(),
    pattern=st.none() | st.sampled_from([r"\d{2}\.\d", '"[^"]*"', r"[\x00-\x7f]+", "🙂|\x7f", ""]),
)
CHOICES = st.lists(TEXTS, min_size=1, max_size=4).map(tuple)


@given(st.lists(SPECS, min_size=1, max_size=4, unique_by=lambda spec: heading(spec.name)), CHOICES)
def test_any_fields_survive_toml_and_json(specs: list[FieldSpec], choices: tuple[str, ...]) -> None:
    fields = (replace(specs[0], type=FieldType.CHOICE, choices=choices), *specs[1:])
    assert parse_fields(fields_toml(fields), "fields.toml") == fields
    assert fields_from_json(fields_json(fields)) == fields


@given(SPECS, SPECS)
def test_a_field_has_the_same_key_only_if_it_asks_the_same_of_the_same(one: FieldSpec, other: FieldSpec) -> None:
    assert (field_key(one, "quote-1") == field_key(other, "quote-1")) == (one == other)
    assert field_key(one, "quote-1") != field_key(one, "quote-2")


def test_a_table_survives_toml_and_json() -> None:
    fields = parse_fields(FIELD + TABLE, "fields.toml")
    table = fields[1]
    assert (table.type, [column.name for column in table.columns]) == (FieldType.TABLE, ["quantity", "price"])
    assert parse_fields(fields_toml(fields), "fields.toml") == fields
    assert fields_from_json(fields_json(fields)) == fields
