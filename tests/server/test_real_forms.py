"""Forms against a real vLLM: its grammar takes their schemas, and what it writes under them is of the form.

The values are nonsense, because the weights are random; their shape is not.
"""

from __future__ import annotations

import pytest
from asking import page_image

from docqa.errors import ModelBadAnswer
from docqa.extract.fields import load_fields, presets
from docqa.extract.form import MAX_ROWS, MAX_VALUE, REPLY_SCORE, read_reply, reply_schema
from docqa.model import ModelClient
from docqa.prompts import Carried, fill_messages
from docqa.types import Evidence, FieldSpec, FieldType, Page, TextSource, Word

pytestmark = [pytest.mark.model, pytest.mark.timeout(900)]

FIELDS = (
    FieldSpec("kind", FieldType.CHOICE, "what it is", choices=("bill", "Mahnung für „A & B“")),
    FieldSpec("only", FieldType.CHOICE, choices=("one",)),
    FieldSpec("paid", FieldType.BOOLEAN),
    FieldSpec("number", FieldType.TEXT, pattern=r"R-\d+"),
    FieldSpec("größe", FieldType.NUMBER),
)
ITEMS = FieldSpec(
    "items",
    FieldType.TABLE,
    "what was sold",
    columns=(
        FieldSpec("what", FieldType.TEXT),
        FieldSpec("price", FieldType.AMOUNT),
        FieldSpec("new", FieldType.BOOLEAN),
    ),
)


def page(number: int) -> Evidence:
    words = tuple(
        Word(text, (0.1 + n * 0.1, 0.1, 0.15 + n * 0.1, 0.12), 0) for n, text in enumerate(("Screws", "5.00"))
    )
    image = page_image(f"form {number}")
    return Evidence(Page("d0", number, 1344, 1872, words, TextSource.OCR, 0.9), "bill.pdf", lambda: image)


@pytest.mark.parametrize("number", range(3))
def test_what_is_written_under_the_schema_of_fields_is_of_the_form(number: int, client: ModelClient) -> None:
    messages = fill_messages(FIELDS, [page(number + 1)])
    reply = client.complete_json(messages, reply_schema(FIELDS), 4_000)
    readings = read_reply(reply.value, FIELDS, reply.certainty)
    assert all(0 <= one.score <= 1 and one.score != REPLY_SCORE for one in readings), "each has its certainty"
    assert {one.text for one in readings if one.field in ("kind", "only", "paid")} <= {
        *FIELDS[0].choices, "one", "true", "false",
    }  # fmt: skip


@pytest.mark.parametrize("number", range(3))
def test_what_is_written_under_the_schema_of_a_table_is_of_the_form(number: int, client: ModelClient) -> None:
    messages = fill_messages([ITEMS], [page(number + 1)], Carried(1, "What Price", "Nails 6.00") if number else None)
    reply = client.complete_json(messages, reply_schema([ITEMS], 2), 4_000)
    readings = read_reply(reply.value, [ITEMS], reply.certainty)
    assert {one.row for one in readings} <= {1, 2}
    assert {one.column for one in readings} <= {"what", "price", "new"}
    assert all(len(one.text) <= MAX_VALUE and one.score != REPLY_SCORE for one in readings)


@pytest.mark.parametrize("preset", sorted(presets()))
def test_the_grammar_takes_whole_presets_with_all_their_rows(preset: str, client: ModelClient) -> None:
    """A schema that it does not take is refused, which is another error than a reply that is cut off."""
    fields = load_fields(presets()[preset])
    with pytest.raises(ModelBadAnswer, match="cut off"):
        client.complete_json(fill_messages(fields, [page(1)]), reply_schema(fields, MAX_ROWS), 4)
