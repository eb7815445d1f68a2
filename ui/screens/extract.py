"""The extract screen: fields of every document in a table whose cells lead to the page they stand on.

The work is done by the worker; here it is asked for, watched, cancelled and looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from docqa.errors import BadFieldsFile
from docqa.extract.fields import fields_toml, parse_fields
from docqa.extract.run import run_fields, start_run
from docqa.extract.table import Row, run_table
from docqa.store.ledger import Run
from docqa.types import Cell, Document, FieldSpec, FieldType, Problem
from ui import resources
from ui.components.viewer import Shown
from ui.screens import parts

PRESETS = {file.stem.capitalize(): file for file in sorted((Path(__file__).parent.parent / "presets").glob("*.toml"))}
OWN_FIELDS = "Own fields"
COLUMNS = ("name", "type", "description", "required", "choices", "pattern")
EARLIER_RUNS = 30
REFRESH_SECONDS = 1.5
ROW_HEIGHT = 36  #: pixels
MOST_ROWS = 18  #: shown at once; a longer table scrolls
MOST_STYLED = 2_000  #: rows; colouring more than that would make every refresh slow
CHECK_FAILED = "background-color: #fff6e5; color: #7a4a00"
DOCUMENT_FAILED = "color: #a3211a; font-weight: 600"


def show() -> None:
    """The screen, top to bottom."""
    run = _run()
    with st.sidebar:
        st.button("New extraction", key="new_run", icon=":material/add:", width="stretch", on_click=_go, args=(None,))
        _earlier_runs(run)
    if run is None:
        _new_extraction()
        return
    with parts.side_by_side(_place(run.run)):
        if _is_over(run):
            _finished(run)
        else:
            _running(run.run)


def _new_extraction() -> None:
    """Which documents, which fields, which reader; then the button."""
    st.header("New extraction", anchor=False)
    documents = _choose_documents()
    st.subheader("Fields", anchor=False)
    edited = _edit_fields(*_choose_fields())
    reader = parts.choose_reader("Read by", "The built-in reader fills fields by the layout of the page.")
    try:
        fields = fields_of(edited)
    except BadFieldsFile as error:
        parts.show_problem(error.problem, key="fields")
        return
    with st.container(horizontal=True):
        label = f"Extract from {parts.counted(len(documents), 'document', 'documents')}"
        ready = bool(documents and fields)
        start = st.button(label, key="start", type="primary", disabled=not ready)
        saved = fields_toml(fields)
        st.download_button(
            "Save as fields file", saved, "fields.toml", key="save", disabled=not fields, on_click="ignore"
        )
    if start:
        docs = [document.doc for document in documents]
        _go(start_run(resources.store(), resources.settings(), fields, reader, docs))
        st.rerun()


# ── what to extract ──────────────────────────────────────────────────────────────────────────────────────────────────


def _choose_documents() -> list[Document]:
    catalog = resources.store().catalog
    names = catalog.collections()
    if not names:
        st.text("There is nothing to extract from yet. Upload some documents first: see Documents, above.")
        return []
    collection = st.selectbox("Collection", names, key="extract_collection", width=340, persist_state="session")
    documents = catalog.documents(collection)
    readable = [document for document in documents if document.status in parts.READABLE]
    if left_out := len(documents) - len(readable):
        st.caption(f"{parts.counted(left_out, 'document is', 'documents are')} not read (yet) and left out.")
    return readable


def _choose_fields() -> tuple[str, tuple[FieldSpec, ...]]:
    """Fields to start from, and the name of where they come from."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Start from", [*PRESETS, OWN_FIELDS], key="preset", default=next(iter(PRESETS)), required=True
        )
        with st.popover("Use a fields file"):
            file = st.file_uploader("Fields file (TOML)", type="toml", key="fields_file")
    try:
        if file is not None:
            return file.file_id, parse_fields(file.getvalue().decode("utf-8", "replace"), file.name)
        if chosen in PRESETS:
            return chosen, parse_fields(PRESETS[chosen].read_text(encoding="utf-8"), PRESETS[chosen].name)
    except BadFieldsFile as error:
        parts.show_problem(error.problem, key="fields_file")
    return OWN_FIELDS, ()


def _edit_fields(origin: str, fields: Sequence[FieldSpec]) -> pd.DataFrame:
    """The fields as a table that can be changed; another origin starts afresh."""
    return st.data_editor(
        table_of(fields),
        key=f"fields_{origin}",
        num_rows="dynamic",
        hide_index=True,
        row_height=ROW_HEIGHT,
        column_order=COLUMNS[:5],
        column_config={
            "name": st.column_config.TextColumn("Name", width="medium", required=True),
            "type": st.column_config.SelectboxColumn(
                "Type", options=[kind.value for kind in FieldType], default="text", required=True, width="small"
            ),
            "description": st.column_config.TextColumn("Description", width="large"),
            "required": st.column_config.CheckboxColumn("Required", default=False, width="small"),
            "choices": st.column_config.ListColumn("Choices", width="medium"),
        },
    )


def table_of(fields: Sequence[FieldSpec]) -> pd.DataFrame:
    """Fields as rows of the editor."""
    rows = [
        (field.name, field.type.value, field.description, field.required, list(field.choices), field.pattern or "")
        for field in fields
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"name": "object", "required": "bool"})


def fields_of(table: pd.DataFrame) -> tuple[FieldSpec, ...]:
    """Rows of the editor as fields, checked like a fields file. Raises BadFieldsFile."""
    rows = [row for row in table.to_dict("records") if isinstance(row["name"], str) and row["name"].strip()]
    fields = tuple(
        FieldSpec(
            name=row["name"].strip(),
            type=FieldType(_text(row["type"]) or "text"),
            description=_text(row["description"]),
            required=row["required"] is True or row["required"] == 1,
            choices=tuple(str(c) for c in row["choices"]) if isinstance(row["choices"], list) else (),
            pattern=_text(row["pattern"]) or None,
        )
        for row in rows
    )
    return parse_fields(fields_toml(fields), "the table of fields") if fields else ()


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────────────────────


@st.fragment(run_every=REFRESH_SECONDS)
def _running(number: int) -> None:
    """A run at work: drawn again until it is over."""
    catalog = resources.store().catalog
    run = catalog.ledger.runs(number)[0]
    if _is_over(run):
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        _title(run)
        st.button("Cancel", key="cancel", on_click=catalog.ledger.cancel_run, args=(number,))
    over = run.done + run.failed
    st.progress(over / max(run.documents, 1), f"Reading: {run.documents - over:,} to go")
    _table(run)


def _finished(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        _title(run)
        st.link_button("Download CSV", f"/runs/{run.run}.csv", type="primary", icon=":material/download:")
    _table(run)


def _title(run: Run) -> None:
    with st.container(gap="xsmall", width="stretch"):
        st.subheader(f"Extraction {run.run}", anchor=False)
        words = [f"{run.done:,} of {parts.counted(run.documents, 'document', 'documents')}", _when(run)]
        words += [f"{run.failed:,} failed"] if run.failed else []
        words += ["cancelled"] if run.cancelled else []
        st.caption(" · ".join(words))


def _table(run: Run) -> None:
    """One row a document; a click on a cell opens the page."""
    fields, rows = run_fields(run), run_table(resources.store(), run.run)
    st.dataframe(
        styled(fields, rows),
        key=f"cells_{run.run}",
        hide_index=True,
        on_select=partial(_select, run.run, rows),
        selection_mode="single-cell",
        row_height=ROW_HEIGHT,
        height="content" if len(rows) <= MOST_ROWS else MOST_ROWS * ROW_HEIGHT,
        column_config={"Document": st.column_config.TextColumn(width="medium", pinned=True)},
    )
    st.caption(
        "Click a cell to see where it stands. Amber: look at the page, a check failed or a required value is missing."
    )
    if st.session_state.pop("extract_selected", False):
        st.rerun()  # the page opens beside the screen, outside the fragment


def styled(fields: Sequence[FieldSpec], rows: Sequence[Row]) -> pd.DataFrame | Styler:
    """The cells as people read them, those with a failed check in amber."""
    columns = {"Document": [row.document.label for row in rows]}
    columns |= {field.name: [_shown(row.cells.get(field.name)) for row in rows] for field in fields}
    if any(row.problem for row in rows):
        columns["Problem"] = ["" if row.problem is None else row.problem.message for row in rows]
    table = pd.DataFrame(columns)
    if len(rows) > MOST_STYLED:
        return table
    marks = pd.DataFrame("", index=table.index, columns=table.columns)
    for field in fields:
        marks[field.name] = [CHECK_FAILED if _check_failed(row.cells.get(field.name)) else "" for row in rows]
    marks["Document"] = [DOCUMENT_FAILED if row.problem else "" for row in rows]
    return table.style.apply(lambda _: marks, axis=None)


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return cell.value if cell.value is not None else cell.text or ("not found" if cell.problem else "")


def _check_failed(cell: Cell | None) -> bool:
    return cell is not None and cell.problem is not None


def _select(run: int, rows: Sequence[Row]) -> None:
    """A cell was chosen: open its page with its quote boxed."""
    st.session_state["extract_selected"] = True
    parts.close_page(_place(run))
    cells = st.session_state[f"cells_{run}"].selection.cells
    if not cells:
        return
    number, column = cells[0]
    row = rows[number]
    parts.open_page(_place(run), _proof(row, row.cells.get(str(column))))


def _proof(row: Row, cell: Cell | None) -> Shown:
    """The page a cell's value stands on; the first page where there is no value."""
    if cell is None:
        return replace(parts.page_of(row.document, 1), note=_said(row.problem))
    return replace(
        parts.page_of(row.document, cell.page or 1),
        caption=cell.field,
        boxes=cell.boxes,
        value=cell.value or cell.text or "",
        quote=cell.quote or "",
        verified=bool(cell.boxes),
        note=_said(cell.problem) or ("" if cell.page else "Nothing was found for this field."),
    )


def _said(problem: Problem | None) -> str:
    return "" if problem is None else f"{problem.message} {problem.hint}".strip()


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _earlier_runs(current: Run | None) -> None:
    runs = resources.store().catalog.ledger.runs()[:EARLIER_RUNS]
    if not runs:
        return
    st.caption("Earlier extractions")
    with st.container(key="earlier_runs"):
        for run in runs:
            chosen = current is not None and run.run == current.run
            name = f"{run.run} · {parts.counted(run.documents, 'document', 'documents')}, {_when(run, '%d %b')}"
            parts.list_entry(name, f"run_{run.run}", chosen, partial(_go, run.run))


def _run() -> Run | None:
    """The run in the address, if there is such a run."""
    number = st.query_params.get("run", "")
    runs = resources.store().catalog.ledger.runs(int(number)) if number.isdecimal() else []
    return runs[0] if runs else None


def _go(run: int | None) -> None:
    """Open a run, or the form for a new one."""
    if run is None:
        st.query_params.pop("run", None)
    else:
        st.query_params["run"] = str(run)


def _place(run: int) -> str:
    """Names the page beside a run."""
    return f"extract_{run}"


def _is_over(run: Run) -> bool:
    return run.cancelled or run.done + run.failed >= run.documents


def _when(run: Run, form: str = "%d %b %Y, %H:%M") -> str:
    return datetime.fromisoformat(run.started_at).astimezone().strftime(form)
