"""What a model is asked for: one pydantic model, one JSON schema and one part of the prompt, all made of `FieldSpec`s.

A reply is one JSON object. A field is null or `{"value", "page", "quote"}`; a table is a list of rows, each with its
columns, a page and a quote. The server's grammar enforces the schema but does not show it to the model, so `form_text`
says the same in words; no example, because models copy examples. Every text and every list is bounded, so that a model
that repeats itself comes to an end. Not here: the rest of the prompt (`docqa.prompts`), and of which pages a model is
asked (`docqa.readers.formfill`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, conlist, create_model

from docqa.errors import ModelBadAnswer
from docqa.model.certainty import Certainty, Path
from docqa.pages.text import clean
from docqa.types import FieldSpec, FieldType, Reading

MAX_VALUE = 300  #: characters of one value, and of a quote
MAX_ROWS = 100  #: of a table in one reply; a page of 60 lines has fewer
REPLY_SCORE = 0.5  #: of a reading where the server tells no log-probabilities: all its readings then rank alike
NO_CERTAINTY: Mapping[Path, Certainty] = {}

_TYPE_WORDS = {
    FieldType.TEXT: "text",
    FieldType.INTEGER: "a whole number",
    FieldType.NUMBER: "a number",
    FieldType.AMOUNT: "an amount of money with its sign and the currency as printed beside it, if any",
    FieldType.DATE: "a date, as printed",
    FieldType.CHOICE: "one of the choices",
    FieldType.BOOLEAN: '"true" or "false"',
    FieldType.LIST: 'several texts, joined by "; "',
}

_PROOF = ("page", "quote")  #: keys that every field and row has beside its values


def _whole(said: object) -> object:
    """Without halves of surrogate pairs, which JSON can hold and pydantic takes for no text."""
    return said.encode("utf-8", "ignore").decode() if isinstance(said, str) else said


_Text = Annotated[str, BeforeValidator(_whole), Field(max_length=MAX_VALUE)]
_Number = Annotated[int, Field(ge=1, le=99_999)]
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


@lru_cache(maxsize=64)
def reply_model(fields: tuple[FieldSpec, ...], most_rows: int = MAX_ROWS) -> type[BaseModel]:
    """The pydantic model of a reply. Every field has to be there, null if the pages do not hold it."""
    return _model("Reply", {key: _of_field(field, most_rows) for key, field in _keys(fields).items()})


def reply_schema(fields: Sequence[FieldSpec], most_rows: int = MAX_ROWS) -> dict[str, object]:
    """The JSON schema of a reply, without references: not every server's grammar follows them."""
    whole = reply_model(tuple(fields), most_rows).model_json_schema(by_alias=True)
    definitions = whole.pop("$defs", {})
    plain = _plain(whole, definitions)
    assert isinstance(plain, dict)
    return plain


def form_text(fields: Sequence[FieldSpec]) -> str:
    """The fields in words, one line each, for the prompt; a fields file may come from anybody."""
    return "\n".join(_field_lines(key, field) for key, field in _keys(fields).items())


def read_reply(
    untrusted_reply: object, fields: Sequence[FieldSpec], certainty: Mapping[Path, Certainty] = NO_CERTAINTY
) -> list[Reading]:
    """The readings in a reply, as JSON values or as a text of JSON.

    A field that is null or empty has none. `certainty` is that of the reply's values by their paths and becomes their
    scores. Raises ModelBadAnswer if the reply is not of the schema: a server may ignore it.
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
    for key, field in _keys(fields).items():
        if field.type is FieldType.TABLE:
            readings += _of_table(field, key, found[key], certainty)
        elif found[key] is not None:
            one, score = found[key], _score(certainty, (key, "value"))
            readings.append(Reading(field.name, _spoken(one["value"]), one["page"], _spoken(one["quote"]), score))
    return [reading for reading in readings if reading.text]


def _of_table(
    field: FieldSpec, table: str, rows: Sequence[dict[str, Any]], certainty: Mapping[Path, Certainty]
) -> list[Reading]:
    return [
        Reading(
            field.name, _spoken(row[key] or ""), row["page"], _spoken(row["quote"]),
            _score(certainty, (table, place, key)), row=place + 1, column=column.name,
        )
        for place, row in enumerate(rows)
        for key, column in _keys(field.columns, _PROOF).items()
    ]  # fmt: skip


def _score(certainty: Mapping[Path, Certainty], path: Path) -> float:
    """The probability of a value's token, as their geometric mean."""
    known = certainty.get(path)
    return math.exp(min(known.mean, 0)) if known else REPLY_SCORE


def _keys(fields: Sequence[FieldSpec], taken: Sequence[str] = ()) -> dict[str, FieldSpec]:
    """What fields are called in a form: their names, without anything a model could stumble over."""
    keys: dict[str, FieldSpec] = {}
    for number, field in enumerate(fields, 1):
        key = _said(field.name)
        keys[key if key and key not in (*keys, *taken) else f"{key} {number}".strip()] = field
    return keys


def _model(name: str, parts: Mapping[str, object]) -> type[BaseModel]:
    """A strict model. Its attributes are numbered, so that no field's name can be one of pydantic's own."""
    numbered: dict[str, Any] = {
        f"part_{number}": (kind, Field(alias=alias)) for number, (alias, kind) in enumerate(parts.items())
    }
    return create_model(name, __config__=_STRICT, **numbered)


def _of_field(field: FieldSpec, most_rows: int) -> object:
    proof = dict(zip(_PROOF, (_Number, _Text), strict=True))
    if field.type is FieldType.TABLE:
        columns = {key: or_(_value(column), None) for key, column in _keys(field.columns, _PROOF).items()}
        return conlist(_model("Row", columns | proof), max_length=most_rows)
    return or_(_model("Filled", {"value": _value(field)} | proof), None)


def _value(field: FieldSpec) -> object:
    if field.type is FieldType.BOOLEAN:
        return Literal["true", "false"]
    choices = tuple(str(_whole(choice)) for choice in field.choices)
    return Literal[choices] if choices else _Text


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


def _field_lines(key: str, field: FieldSpec) -> str:
    name = json.dumps(key, ensure_ascii=False)
    if field.type is not FieldType.TABLE:
        return f"- {name}: {_words(field)}"
    head = f"- {name}: a table, every row of it in the order of the pages"
    described = f"{head}; {_said(field.description)}" if field.description else head
    columns = [
        f"  - {json.dumps(one, ensure_ascii=False)}: {_words(column)}"
        for one, column in _keys(field.columns, _PROOF).items()
    ]
    return "\n".join([described, *columns])


def _words(field: FieldSpec) -> str:
    words = [_TYPE_WORDS[field.type]]
    if field.description:
        words.append(_said(field.description))
    if field.choices:
        words.append("choices: " + _said(json.dumps(field.choices, ensure_ascii=False)))
    if field.pattern:
        words.append(f"matches the regular expression {_said(field.pattern)}")
    return "; ".join(words)


def _said(text: str) -> str:
    """As it is told to the model, on one line."""
    return " ".join(clean(text).split())


def _spoken(text: str) -> str:
    """As the model said it, on one line, without what a terminal or a browser might obey."""
    return " ".join("".join(char for char in text if char.isprintable() or char.isspace()).split())
