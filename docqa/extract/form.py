"""What a model is asked for: one pydantic model, one JSON schema and one part of the prompt, all made of `FieldSpec`s.

A reply is one JSON object. A field is null or `{"value", "page", "quote"}`; a table is a list of rows, each with its
columns, a page and a quote. The server's grammar enforces the schema but does not show it to the model, so `form_text`
says the same in words; no example, because models copy examples. Every text is bounded, so that a model that repeats
itself comes to an end. Not here: the rest of the prompt, and asking (`docqa.prompts`, `docqa.readers.vision`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, conlist, create_model

from docqa.errors import ModelBadAnswer
from docqa.types import FieldSpec, FieldType, Reading

MAX_VALUE = 300  #: characters of one value, and of a quote
MAX_ROWS = 100  #: of a table in one reply; a page of 60 lines has fewer
#: The model gives no honest measure of its own certainty, so all its readings rank alike.
REPLY_SCORE = 0.5

_TYPE_WORDS = {
    FieldType.TEXT: "text",
    FieldType.INTEGER: "a whole number",
    FieldType.NUMBER: "a number",
    FieldType.AMOUNT: "an amount of money with the currency as printed beside it, if any",
    FieldType.DATE: "a date, as printed",
    FieldType.CHOICE: "one of the choices",
    FieldType.BOOLEAN: '"true" or "false"',
    FieldType.LIST: 'several texts, joined by "; "',
}

_Text = Annotated[str, Field(max_length=MAX_VALUE)]
_Number = Annotated[int, Field(ge=1, le=99_999)]
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


@lru_cache(maxsize=64)
def reply_model(fields: tuple[FieldSpec, ...]) -> type[BaseModel]:
    """The pydantic model of a reply. Every field has to be there, null if the pages do not hold it."""
    return _model("Reply", {field.name: _of_field(field) for field in fields})


def reply_schema(fields: Sequence[FieldSpec]) -> dict[str, object]:
    """The JSON schema of a reply, without references: not every server's grammar follows them."""
    whole = reply_model(tuple(fields)).model_json_schema(by_alias=True)
    definitions = whole.pop("$defs", {})
    plain = _plain(whole, definitions)
    assert isinstance(plain, dict)
    return plain


def form_text(fields: Sequence[FieldSpec]) -> str:
    """The fields in words, one line each, for the prompt."""
    return "\n".join(_field_lines(field) for field in fields)


def read_reply(untrusted_reply: object, fields: Sequence[FieldSpec]) -> list[Reading]:
    """The readings in a reply, as JSON values or as a text of JSON.

    A field that is null or empty has none. Raises ModelBadAnswer if the reply is not of the schema.
    """
    model = reply_model(tuple(fields))
    try:
        if isinstance(untrusted_reply, str | bytes):
            reply = model.model_validate_json(untrusted_reply)
        else:
            reply = model.model_validate(untrusted_reply)
    except ValidationError as error:
        raise ModelBadAnswer("The model's JSON is not in the form that was asked for.") from error
    found = reply.model_dump(by_alias=True)
    readings = []
    for field in fields:
        if field.type is FieldType.TABLE:
            readings += _of_table(field, found[field.name])
        elif found[field.name] is not None:
            one = found[field.name]
            readings.append(Reading(field.name, _spoken(one["value"]), one["page"], _spoken(one["quote"]), REPLY_SCORE))
    return [reading for reading in readings if reading.text]


def _of_table(field: FieldSpec, rows: list[dict[str, Any]]) -> list[Reading]:
    return [
        Reading(
            field.name, _spoken(row[column.name] or ""), row["page"], _spoken(row["quote"]), REPLY_SCORE,
            row=number, column=column.name,
        )
        for number, row in enumerate(rows, start=1)
        for column in field.columns
    ]  # fmt: skip


def _model(name: str, parts: Mapping[str, object]) -> type[BaseModel]:
    """A strict model. Its attributes are numbered, so that no field's name can be one of pydantic's own."""
    numbered: dict[str, Any] = {
        f"part_{number}": (kind, Field(alias=alias)) for number, (alias, kind) in enumerate(parts.items())
    }
    return create_model(name, __config__=_STRICT, **numbered)


def _of_field(field: FieldSpec) -> object:
    proof: dict[str, object] = {"page": _Number, "quote": _Text}
    if field.type is FieldType.TABLE:
        columns = {column.name: or_(_value(column), None) for column in field.columns}
        return conlist(_model(f"{field.name}_row", columns | proof), max_length=MAX_ROWS)
    return or_(_model(field.name, {"value": _value(field)} | proof), None)


def _value(field: FieldSpec) -> object:
    if field.type is FieldType.BOOLEAN:
        return Literal["true", "false"]
    return Literal[field.choices] if field.choices else _Text


def _plain(schema: object, definitions: Mapping[str, object]) -> object:
    """A schema with its references filled in and without titles."""
    if isinstance(schema, list):
        return [_plain(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    return {
        # Under "properties" a title is the name of a field.
        key: {name: _plain(one, definitions) for name, one in part.items()}
        if key == "properties"
        else _plain(part, definitions)
        for key, part in schema.items()
        if key != "title"
    }


def _field_lines(field: FieldSpec) -> str:
    name = json.dumps(field.name, ensure_ascii=False)
    if field.type is not FieldType.TABLE:
        return f"- {name}: {_words(field)}"
    head = f"- {name}: a table, every row of it in the order of the pages"
    described = f"{head}; {_spoken(field.description)}" if field.description else head
    columns = [f"  - {json.dumps(column.name, ensure_ascii=False)}: {_words(column)}" for column in field.columns]
    return "\n".join([described, *columns])


def _words(field: FieldSpec) -> str:
    words = [_TYPE_WORDS[field.type]]
    if field.description:
        words.append(_spoken(field.description))
    if field.choices:
        words.append("choices: " + json.dumps(field.choices, ensure_ascii=False))
    if field.pattern:
        words.append(f"matches the regular expression {field.pattern}")
    return "; ".join(words)


def _spoken(text: str) -> str:
    return " ".join("".join(char for char in text if char.isprintable() or char.isspace()).split())
