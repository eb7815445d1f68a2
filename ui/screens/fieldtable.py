"""Which fields to extract: started from a preset, a file or sample documents, and changed in a table.

A field that is a table has its columns in an editor of its own. Whatever is in the editors is checked like a fields
file before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
import streamlit as st

from docqa.errors import BadFieldsFile
from docqa.extract.fields import fields_toml, load_fields, parse_fields, presets, usable_name
from docqa.extract.suggest import MAX_DOCUMENTS, Suggestion, suggest, suggestions_toml
from docqa.types import Document, FieldSpec, FieldType
from ui import resources
from ui.screens import parts

OWN_FIELDS = "Own fields"
FROM_FILE = "Fields file"
SUGGESTED = "Suggested"
COLUMNS = ("name", "type", "description", "required", "choices", "pattern")
ROW_HEIGHT = 36  #: pixels


@dataclass(frozen=True)
class Start:
    """Fields to start from: `key` names where they come from, `found` says of a name how often it was found."""

    key: str
    fields: Sequence[FieldSpec] = ()
    found: Mapping[str, str] = field(default_factory=dict)


def choose_fields(documents: Sequence[Document]) -> tuple[FieldSpec, ...] | None:
    """The fields as they are in the editors; None, with a sentence on the screen, where they cannot be used."""
    start = _choose_start(documents)
    edited = _edit(start)
    columns = {name: _edit_columns(start, name) for name in _tables_in(edited)}
    _say_renamed([edited, *columns.values()])
    try:
        return fields_of(edited, columns)
    except BadFieldsFile as error:
        parts.show_problem(replace(error.problem, hint="Correct it in the table above."), key="fields")
        return None


def _say_renamed(tables: Sequence[pd.DataFrame]) -> None:
    """Say under which names fields will stand that were called otherwise."""
    typed = [_text(name) for table in tables for name in table["name"]]
    renamed = [f"“{parts.as_label(one)}” → {_name(one)}" for one in typed if one != _name(one)]
    if renamed:
        st.caption(f"Names of columns have no blanks and accents: {', '.join(renamed)}")


def fields_file(fields: Sequence[FieldSpec]) -> str:
    """The fields as a file, those that were suggested with what speaks for them."""
    suggested = {one.field: one for one in _suggestions()}
    blocks = [suggestions_toml([suggested[one]]) if one in suggested else fields_toml([one]) for one in fields]
    return "\n".join(blocks)


# ── where to start ───────────────────────────────────────────────────────────────────────────────────────────────────


def _choose_start(documents: Sequence[Document]) -> Start:
    ready = {name.capitalize(): file for name, file in presets().items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if (wanted := st.session_state.pop("preset_wanted", None)) is not None:
            st.session_state["preset"] = wanted  # before the control is there it may be set
        file = st.session_state.get("fields_file")
        options = [*ready, *([SUGGESTED] if _suggestions() else []), *([FROM_FILE] if file else []), OWN_FIELDS]
        if st.session_state.get("preset") not in options:
            st.session_state["preset"] = "Invoice" if "Invoice" in ready else options[0]
        chosen = st.segmented_control("Start from", options, key="preset", required=True)
        asked = st.button(
            "Suggest from these documents",
            key="suggest",
            icon=":material/auto_awesome:",
            disabled=not documents,
            help=f"Proposes fields that recur in the documents; at most {MAX_DOCUMENTS} of them are looked at.",
        )
        with st.popover("Use a fields file"):
            st.file_uploader("Fields file (TOML)", type="toml", key="fields_file", on_change=_file_chosen)
    if asked:
        _suggest(documents)
    try:
        if chosen == FROM_FILE and file is not None:
            return Start(file.file_id, parse_fields(file.getvalue().decode("utf-8", "replace"), file.name))
        if chosen in ready:
            return Start(chosen, load_fields(ready[chosen]))
    except BadFieldsFile as error:
        parts.show_problem(error.problem, key="fields_file")
    if chosen == SUGGESTED:
        return _suggested_start()
    return Start(OWN_FIELDS)


def _file_chosen() -> None:
    """Start from the file that was just given; without one the presets are there again."""
    if st.session_state.get("fields_file") is not None:
        st.session_state["preset_wanted"] = FROM_FILE


def _suggest(documents: Sequence[Document]) -> None:
    """Look through the documents and start from what recurs in them."""
    with st.spinner("Looking for what recurs in the documents …"):
        found = suggest(resources.store(), documents)
    st.session_state["suggestions"] = found
    st.session_state["suggested_times"] = st.session_state.get("suggested_times", 0) + 1
    if found:
        st.session_state["preset_wanted"] = SUGGESTED
        st.rerun()
    st.text(
        "No labels with values recur in these documents. Choose documents of one kind, or name the fields yourself."
    )


def _suggestions() -> Sequence[Suggestion]:
    found: Sequence[Suggestion] = st.session_state.get("suggestions", ())
    return found


def _suggested_start() -> Start:
    found = _suggestions()
    st.caption(
        f"From {parts.counted(found[0].of, 'document', 'documents')}. Take out what you do not need and correct the "
        "rest: names become the columns of your table, descriptions tell the reader what to look for."
    )
    fields = [one.field for one in found]
    seen = {one.field.name: _seen(one) for one in found}
    return Start(f"{SUGGESTED}_{st.session_state['suggested_times']}", fields, seen)


def _seen(one: Suggestion) -> str:
    example = f": {one.untrusted_example}" if one.untrusted_example else ""
    return f"{one.documents} of {one.of}{example}"


# ── the editors ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _edit(start: Start) -> pd.DataFrame:
    """The fields as a table that can be changed; another start begins afresh."""
    shown = table_of(start.fields)
    order = COLUMNS
    if start.found:
        shown["found"] = [start.found.get(name, "") for name in shown["name"]]
        order = ("name", "type", "found", *COLUMNS[2:])
    return _editor(shown, f"fields_{start.key}", order, [kind.value for kind in FieldType])


def _edit_columns(start: Start, name: str) -> pd.DataFrame:
    """The columns of one table."""
    known = next((one.columns for one in start.fields if one.name == name), ())
    kinds = [kind.value for kind in FieldType if kind not in (FieldType.TABLE, FieldType.LIST)]
    with st.container(key=f"columns_{start.key}_{name}"):
        st.markdown(f"Columns of **{parts.as_label(name)}**")
        return _editor(table_of(known), f"columns_{start.key}_{name}_editor", COLUMNS, kinds)


def _editor(table: pd.DataFrame, key: str, order: Sequence[str], kinds: Sequence[str]) -> pd.DataFrame:
    return st.data_editor(
        table,
        key=key,
        num_rows="dynamic",
        hide_index=True,
        row_height=ROW_HEIGHT,
        column_order=order,
        column_config={
            "name": st.column_config.TextColumn("Name", width="medium", required=True),
            "type": st.column_config.SelectboxColumn(
                "Type", options=kinds, default="text", required=True, width="small"
            ),
            "found": st.column_config.TextColumn("Found in", width="medium", disabled=True),
            "description": st.column_config.TextColumn("Description", width="large"),
            "required": st.column_config.CheckboxColumn("Required", default=False, width=100),
            "choices": st.column_config.ListColumn("Choices", width="medium"),
            "pattern": st.column_config.TextColumn(
                "Pattern", width="small", help="A regular expression that the whole value must match"
            ),
        },
    )


def _tables_in(edited: pd.DataFrame) -> list[str]:
    """The names of the fields that are tables."""
    rows = edited.to_dict("records")
    named = [_name(row["name"]) for row in rows if _text(row["type"]) == FieldType.TABLE.value]
    return list(dict.fromkeys(name for name in named if name))


# ── between fields and tables ────────────────────────────────────────────────────────────────────────────────────────


def table_of(fields: Sequence[FieldSpec]) -> pd.DataFrame:
    """Fields as rows of the editor."""
    rows = [
        (one.name, one.type.value, one.description, one.required, list(one.choices), one.pattern or "")
        for one in fields
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"name": "object", "required": "bool"})


def fields_of(table: pd.DataFrame, columns: Mapping[str, pd.DataFrame] | None = None) -> tuple[FieldSpec, ...]:
    """Rows of the editors as fields, checked like a fields file; `columns` are those of each table, by its name.

    Raises BadFieldsFile.
    """
    fields = []
    for one in _specs(table):
        if one.type is FieldType.TABLE:
            inner = _specs(columns[one.name]) if columns and one.name in columns else []
            one = replace(one, choices=(), pattern=None, columns=tuple(inner))
        fields.append(one)
    # a file names the tables last
    ordered = sorted(fields, key=lambda one: one.type is FieldType.TABLE)
    return parse_fields(fields_toml(ordered), "The table of fields") if ordered else ()


def _specs(table: pd.DataFrame) -> list[FieldSpec]:
    return [
        FieldSpec(
            name=_name(row["name"]),
            type=FieldType(_text(row["type"]) or "text"),
            description=_description(row["name"], row["description"]),
            required=row["required"] is True or row["required"] == 1,
            choices=tuple(str(c) for c in row["choices"]) if isinstance(row["choices"], list) else (),
            pattern=_text(row["pattern"]) or None,
        )
        for row in table.to_dict("records")
        if _text(row["name"])
    ]


def _name(typed: object) -> str:
    """A name as it can be a field's: “Due date” becomes due_date."""
    text = _text(typed)
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text) else usable_name(text)


def _description(typed: object, description: object) -> str:
    """What the reader is told: without a description what the field was called, where that was no name."""
    return _text(description) or (_text(typed) if _name(typed) != _text(typed) else "")


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
