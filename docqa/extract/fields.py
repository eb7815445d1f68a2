"""Fields files: TOML in, `FieldSpec`s out, and back.

    [[field]]
    name = "invoice_date"
    type = "date"                       # text | integer | number | amount | date | choice | boolean | list
    description = "When the invoice was issued"
    required = true

`choices` is needed for a choice; `pattern` is a regular expression that the whole value must match. Rows that repeat,
such as the items of an invoice, are a table with columns:

    [[table]]
    name = "items"
    description = "The items that were invoiced"
    [[table.column]]
    name = "quantity"
    type = "number"

Fields for common documents are ready under `presets`. What a model is asked for is made of the same fields in
`docqa.extract.form`.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from docqa.errors import BadFieldsFile, PathMissing
from docqa.types import FieldSpec, FieldType

MAX_FIELDS = 200
MAX_COLUMNS = 30
_PRESETS = Path(__file__).parent / "presets"
RESERVED = frozenset({"document", "doc", "problem"})  #: columns that every table has


MAX_NAME = 64  #: characters
_Name = Annotated[str, Field(pattern=rf"^[A-Za-z][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}$")]
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "æ": "ae", "œ": "oe", "ł": "l"})


class _Column(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: _Name
    type: FieldType = FieldType.TEXT
    description: Annotated[str, Field(max_length=500)] = ""
    required: bool = False
    choices: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    pattern: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.type is FieldType.TABLE:
            raise ValueError("a table is written as [[table]] with [[table.column]] blocks")
        if (self.type is FieldType.CHOICE) != bool(self.choices):
            raise ValueError("a field of type choice needs choices, and only such a field has them")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"the pattern is not a regular expression: {error}") from error
        return self


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: _Name
    description: Annotated[str, Field(max_length=500)] = ""
    required: bool = False
    column: Annotated[list[_Column], Field(min_length=1, max_length=MAX_COLUMNS)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_distinct("columns", self.column)
        if any(column.type is FieldType.LIST for column in self.column):
            raise ValueError("a column cannot be a list: make it a text")
        return self


class _FieldsFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    field: Annotated[list[_Column], Field(max_length=MAX_FIELDS)] = Field(default_factory=list)
    table: Annotated[list[_Table], Field(max_length=MAX_FIELDS)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        named: list[_Column | _Table] = [*self.field, *self.table]
        if not named:
            raise ValueError("there is no field in it")
        if taken := [one.name for one in named if one.name in RESERVED]:
            raise ValueError(f"a field cannot be called {taken[0]}: every table has such a column")
        _check_distinct("fields", named)
        return self


def _check_distinct(what: str, named: Sequence[_Column | _Table]) -> None:
    names = [one.name.lower() for one in named]  # spreadsheets tell no "Total" from "total"
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two {what} are called {sorted(twice)[0]}")


def load_fields(file: Path) -> tuple[FieldSpec, ...]:
    """The fields of a file, or of the preset of that name. Raises PathMissing, BadFieldsFile."""
    if not file.exists():
        if str(file) not in presets():
            hint = f"Give the path of a TOML file, or one of {', '.join(presets())}."
            raise PathMissing(f"There is no fields file {file}.", hint)
        file = presets()[str(file)]
    try:
        return parse_fields(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise PathMissing(f"The fields file {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadFieldsFile(f"{file} is not a text file in UTF-8.") from error


def parse_fields(text: str, origin: str) -> tuple[FieldSpec, ...]:
    """The fields of a TOML text; `origin` names it in errors. Raises BadFieldsFile."""
    try:
        return _checked(tomllib.loads(text.removeprefix("\ufeff")), origin)  # Windows' editors put that mark there
    except tomllib.TOMLDecodeError as error:
        raise BadFieldsFile(f"{origin} is not valid TOML: {error}.") from error


def presets() -> dict[str, Path]:
    """The fields files that come with docqa, by name: invoice, receipt, contract, letter, form."""
    return {file.stem: file for file in sorted(_PRESETS.glob("*.toml"))}


def usable_name(text: str) -> str:
    """What somebody would call a field as a name that a field can have; as it was where nothing is left of it."""
    name = re.sub(r"[^a-z0-9]+", "_", in_plain_letters(text)).lstrip("_0123456789")[:MAX_NAME].strip("_")
    return name or text


def in_plain_letters(text: str) -> str:
    """A text in small letters without accents; umlauts are spelled out, what stands in brackets is left out."""
    spelled = re.sub(r"\([^()]*\)", " ", text).casefold().translate(_SPELLED)
    return unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()


def fields_json(fields: Iterable[FieldSpec]) -> str:
    """Fields as they are kept with a run."""
    return json.dumps([asdict(field) for field in fields], ensure_ascii=False, sort_keys=True)


def fields_from_json(text: str) -> tuple[FieldSpec, ...]:
    """What `fields_json` wrote."""
    return tuple(_from_dict(kept) for kept in json.loads(text))


def _from_dict(kept: dict[str, Any]) -> FieldSpec:
    known = kept | {"type": FieldType(kept["type"]), "choices": tuple(kept["choices"])}
    return FieldSpec(**known | {"columns": tuple(_from_dict(column) for column in kept.get("columns", ()))})


def fields_toml(fields: Sequence[FieldSpec]) -> str:
    """Fields as a file that `parse_fields` reads."""
    blocks = []
    for field in fields:
        if field.type is FieldType.TABLE:
            blocks.append(_block("[[table]]", field, typed=False))
            blocks += [_block("[[table.column]]", column) for column in field.columns]
        else:
            blocks.append(_block("[[field]]", field))
    return "\n".join(blocks)


def _block(head: str, field: FieldSpec, *, typed: bool = True) -> str:
    values: dict[str, object] = {"name": field.name}
    if typed:
        values["type"] = field.type.value
    values["description"] = field.description
    if field.required:
        values["required"] = True
    if field.choices:
        values["choices"] = list(field.choices)
    if field.pattern is not None:
        values["pattern"] = field.pattern
    return f"{head}\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())


def _toml(value: object) -> str:
    """JSON is TOML here, but for two things: TOML takes no escaped surrogates, and DEL only escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def field_key(field: FieldSpec, reader_version: str) -> str:
    """Identifies a cell's field in the ledger: the same question put to the same reader has the same answer."""
    identity = json.dumps([asdict(field), reader_version], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _checked(content: object, origin: str) -> tuple[FieldSpec, ...]:
    try:
        checked = _FieldsFile.model_validate(content)
    except ValidationError as error:
        raise BadFieldsFile(f"{origin} cannot be used: {_what_is_wrong(error.errors()[0], content)}.") from error
    tables = (
        FieldSpec(
            table.name,
            FieldType.TABLE,
            table.description,
            table.required,
            columns=tuple(FieldSpec(**dict(column)) for column in table.column),
        )
        for table in checked.table
    )
    return (*(FieldSpec(**dict(field)) for field in checked.field), *tables)


# ── what is wrong with it, in words ──────────────────────────────────────────────────────────────────────────────────

_TYPES = ", ".join(kind.value for kind in FieldType if kind is not FieldType.TABLE)
_KNOWN: dict[str, type[BaseModel]] = {"field": _Column, "column": _Column, "table": _Table}


def _what_is_wrong(error: ErrorDetails, content: object) -> str:
    """A finding of pydantic as people say it who write a fields file: where, and what."""
    loc = list(error["loc"])
    blocks = []
    while len(loc) > 1 and isinstance(loc[1], int):
        kind, number = str(loc.pop(0)), int(loc.pop(0))
        content = content[kind][number] if isinstance(content, dict) else None
        name = content.get("name") if isinstance(content, dict) else None
        blocks.append(f"{kind} {number + 1}" + (f" ({name})" if isinstance(name, str) and name.isprintable() else ""))
    key = str(loc[0]) if loc else ""
    what = _finding(error, key, blocks[-1].partition(" ")[0] if blocks else "")
    return f"{', '.join(blocks)}: {what}" if blocks else what


def _finding(error: ErrorDetails, key: str, block: str) -> str:
    """What is wrong with the setting `key` of a block, "" for the file itself."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "missing":
        return "it has no [[table.column]]" if key == "column" else f"it has no {key}"
    if error["type"] == "extra_forbidden":
        there = ", ".join(_KNOWN[block].model_fields) if block else "[[field]] and [[table]]"
        return f"docqa knows no {key} there, only {there}"
    if key == "type":
        return f"the type is one of {_TYPES}"
    if key == "name" and error["type"] == "string_pattern_mismatch":
        return _bad_name(str(error["input"]))
    if error["type"] == "list_type" and key in _KNOWN:
        return f"{key} stands in two pairs of brackets, [[{'table.' * (key == 'column')}{key}]]"
    return f"{key}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _bad_name(name: str) -> str:
    made = usable_name(name)
    example = f"; {made} would do" if re.fullmatch(rf"[a-z][a-z0-9_]{{0,{MAX_NAME - 1}}}", made) else ""
    rule = f"a letter, then letters without accents, digits and _, {MAX_NAME} characters at most"
    return f"{name[:MAX_NAME]!r} cannot be a name: {rule}{example}"
