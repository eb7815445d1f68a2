"""The extract screen: fields of every document in a table whose cells lead to the page they stand on.

The work is done by the worker; here it is asked for, watched, cancelled and looked at. Which fields: `fieldtable`; one
cell and what a person says of it: `review`; which cells need that: `tolook`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache, partial

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from docqa.extract.fields import fields_from_json
from docqa.extract.run import reopen_run, start_run
from docqa.extract.table import Row, State, with_currency
from docqa.store.ledger import Run
from docqa.types import Cell, Document, FieldSpec, FieldType, Problem, Status
from ui import resources
from ui.screens import fieldtable, paging, parts, review
from ui.screens.fieldtable import ROW_HEIGHT
from ui.screens.overview import Looks, Overview, overview_of
from ui.screens.tolook import SURE_ENOUGH, Place, look_at, needs_look

EARLIER_RUNS = 30
FIELDS_TOLD = 6  #: of an earlier extraction, by which it is known again
REFRESH_SECONDS = 1.5
STALE_SECONDS = 10.0  #: after which it is looked who failed, while an extraction runs
MOST_ROWS = 18  #: shown at once; a longer table scrolls
MOST_TO_PICK = 2_000  #: documents of a collection that are offered one by one
MOST_FAILED = 50  #: documents that failed and are named one by one
COUNT_SECONDS = 1.0  #: between two looks at how many documents were counted
PACE_SECONDS = 60.0  #: of the past by which the speed is told
STILL_SECONDS = 6.0  #: without a document after which it is said what an extraction waits for
SILENT_SECONDS = 50.0  #: … and after which it may be that nobody works on it
LOOK = "background-color: #fff6e5; color: #7a4a00"
LOOKED_AT = "background-color: #ecf7f1; color: #14613b"
OPEN = "background-color: #d6e6f5; color: #123c5e"
NOTHING = "color: #8a95a1"
DOCUMENT_FAILED = "color: #a3211a; font-weight: 600"
ALL, ONLY_LOOKS = "All documents", "To look at"
DOWNLOADS = {"Excel": "xlsx", "CSV": "csv", "CSV with ;": "csv?columns=semicolon", "JSON": "json"}
DECIMAL_COMMA = "Semicolons and decimal commas, for spreadsheets in German, French and many other languages"


def show() -> None:
    """The screen, top to bottom."""
    run = _run()
    with st.sidebar:
        st.button("New extraction", key="new_run", icon=":material/add:", width="stretch", on_click=_go, args=(None,))
        _earlier_runs(run)
    if run is None:
        _new_extraction()
        return
    overview = overview_of(resources.store(), run)
    all_counted = _is_over(run) and overview.count()
    _follow_link(run, overview)
    look = review.opened(run.run, overview)
    if look is None:
        _show_run(run, overview, all_counted=all_counted)
        return
    left, right = st.columns([10, 9], gap="medium")
    with left:
        _show_run(run, overview, all_counted=all_counted)
    with right:
        review.pane(run.run, look, overview)


def _show_run(run: Run, overview: Overview, *, all_counted: bool) -> None:
    if _is_over(run):
        _finished(run, overview, all_counted=all_counted)
    else:
        _running(run.run)


# ── what to extract ──────────────────────────────────────────────────────────────────────────────────────────────────


def _new_extraction() -> None:
    """Which documents, which fields, which reader; then the button."""
    st.header("New extraction", anchor=False)
    documents = _choose_documents()
    st.subheader("Fields", anchor=False)
    fields = fieldtable.choose_fields(documents)
    reader = parts.choose_reader("Read by", "The built-in reader fills fields by the layout of the page.")
    if fields is None:
        return
    with st.container(horizontal=True):
        label = f"Extract from {parts.counted(len(documents), 'document', 'documents')}"
        ready = bool(documents and fields)
        start = st.button(label, key="start", type="primary", disabled=not ready)
        file = fieldtable.fields_file(fields)
        st.download_button(
            "Save as fields file", file, "fields.toml", key="save", disabled=not fields, on_click="ignore"
        )
    if start:
        docs = [document.doc for document in documents]
        _go(start_run(resources.store(), resources.settings(), fields, reader, docs))
        st.rerun()


def _choose_documents() -> list[Document]:
    """All documents of a collection that are not being read, or some of them; the table names those that failed."""
    catalog = resources.store().catalog
    names = catalog.collections()
    if not names:
        st.text("There is nothing to extract from yet. Upload some documents first: see Documents, above.")
        return []
    with st.container(horizontal=True):
        collection = st.selectbox("Collection", names, key="extract_collection", width=340, persist_state="session")
        there = catalog.documents(collection)
        documents = [document for document in there if document.status is not Status.QUEUED]
        chosen = _choose_some(documents, collection)
    if left_out := len(there) - len(documents):
        st.caption(f"{parts.counted(left_out, 'document is', 'documents are')} still being read and left out.")
    if failed := sum(document.status not in parts.READABLE for document in chosen):
        st.caption(
            f"{parts.counted(failed, 'document', 'documents')} could not be read: the table names them without values."
        )
    return chosen


def _choose_some(documents: Sequence[Document], collection: str) -> list[Document]:
    """Those somebody picked, else all. Of very many all: their names would be sent with every click."""
    if not 1 < len(documents) <= MOST_TO_PICK:
        return list(documents)
    labels = {document.doc: document.label for document in documents}
    picked = st.multiselect(
        "Documents",
        list(labels),
        key=f"extract_documents_{collection}",
        format_func=lambda doc: labels.get(doc, ""),
        placeholder=f"All {len(documents):,}",
    )
    return [document for document in documents if not picked or document.doc in picked]


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
    st.progress(over / max(run.documents, 1), f"Reading: {run.documents - over:,} to go{_pace(run)}")
    if why := _why_nothing_moves(run):
        st.caption(why)
    overview = overview_of(resources.store(), run, STALE_SECONDS)  # what the cells hold is read anew whatever happens
    _table(run, overview, [document.doc for document, _ in overview.documents], compared=False)


def _pace(run: Run) -> str:
    """How fast it goes and how long it will take, by the last minute this browser has watched."""
    over, now = run.done + run.failed, time.monotonic()
    seen: list[tuple[float, int]] = st.session_state.setdefault(f"pace_{run.run}", [])
    seen.append((now, over))
    while len(seen) > 2 and now - seen[0][0] > PACE_SECONDS:
        seen.pop(0)
    return pace_words(over - seen[0][1], now - seen[0][0], run.documents - over)


def _why_nothing_moves(run: Run) -> str:
    """What a run waits for that has not come on for a while; nothing of one that has."""
    seen: list[tuple[float, int]] = st.session_state[f"pace_{run.run}"]
    seconds = seen[-1][0] - seen[0][0]
    if seen[-1][1] > seen[0][1] or seconds < STILL_SECONDS:
        return ""
    catalog = resources.store().catalog
    if catalog.is_reading():
        return "Documents that were uploaded are read first; then it goes on here."
    return (
        "" if seconds < SILENT_SECONDS else "Nothing came for a while. Whoever runs this server can see why in its log."
    )


def pace_words(done: int, seconds: float, left: int) -> str:
    """Documents per minute and the time that is left, in words; nothing while nothing was done."""
    if done <= 0 or seconds <= 0:
        return ""
    a_minute = 60 * done / seconds
    minutes = left / a_minute
    rest = "less than a minute" if minutes < 1 else f"about {parts.counted(round(minutes), 'minute', 'minutes')}"
    rest = f"about {minutes / 60:.1f} hours" if minutes > 90 else rest
    return f" · {a_minute:,.0f} documents a minute · {rest} left"


def _finished(run: Run, overview: Overview, *, all_counted: bool) -> None:
    looks = overview.looks(review.sure_enough(run.run))
    with st.container(horizontal=True, vertical_alignment="center"):
        _title(run, withdrawn=run.documents - len(overview.documents))
        if run.cancelled and run.done + run.failed < run.documents:
            st.button("Go on", key="go_on", icon=":material/play_arrow:", on_click=_go_on, args=(run,))
        with st.container(horizontal=True, gap="xsmall", width="content", key="downloads"):
            for name, suffix in DOWNLOADS.items():
                why = DECIMAL_COMMA if "semicolon" in suffix else None
                st.link_button(name, f"/runs/{run.run}.{suffix}", icon=":material/download:", help=why)
    _status(run, looks)
    if not all_counted:
        _counting(run)
    _table(run, overview, _chosen_docs(run, overview, looks))
    _failed(run, overview.documents)


@st.fragment(run_every=COUNT_SECONDS)
def _counting(run: Run) -> None:
    """Of very many documents it takes a while until it is known what to look at; meanwhile the page can be used."""
    overview = overview_of(resources.store(), run)
    if overview.count():
        st.rerun()
    st.caption(
        f"Counting what needs a look: {overview.counted:,} of {len(overview.documents):,} documents. "
        "The figures above are of these."
    )


def _title(run: Run, withdrawn: int = 0) -> None:
    with st.container(gap="xsmall", width="stretch"):
        st.subheader(f"Extraction {run.run}", anchor=False)
        words = [f"{run.done:,} of {parts.counted(run.documents, 'document', 'documents')}", _when(run)]
        words += [f"{run.failed:,} failed"] if run.failed else []
        words += [f"{withdrawn:,} withdrawn since"] if withdrawn else []
        words += ["cancelled"] if run.cancelled else []
        st.caption(" · ".join(words))


def _status(run: Run, looks: Looks) -> None:
    """How much can be relied on, and the way to the rest."""
    with st.container(horizontal=True, vertical_alignment="center", key="sureness"):
        st.text(looks.sentence)
        if looks.cells and f"look_{run.run}" not in st.session_state:  # the pane leads on by itself
            label = f"Look at {parts.counted(looks.cells, 'value', 'values')}"
            st.button(label, key="look", type="primary", on_click=review.open_next, args=(run.run,))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Show", [ALL, ONLY_LOOKS], key=f"show_{run.run}", default=ALL, required=True, label_visibility="collapsed"
        )
        with st.popover(f"Sure enough: {review.sure_enough(run.run):.0%}"):
            st.slider(
                "A value needs no look from",
                50,
                99,
                round(100 * SURE_ENOUGH),
                key=f"sure_{run.run}",
                format="%d %%",
                help="The confidence is an estimate of how often such values are right; see the README.",
            )


def _chosen_docs(run: Run, overview: Overview, looks: Looks) -> list[str]:
    """All documents, or those with something to look at; of very many those whose name was asked for."""
    chosen = [document for document, _ in overview.documents]
    if st.session_state.get(f"show_{run.run}") == ONLY_LOOKS:
        chosen = [document for document in chosen if document.doc in looks.docs]
    return [document.doc for document in paging.found_by_name(str(run.run), chosen)]


def _failed(run: Run, documents: Sequence[tuple[Document, Problem | None]]) -> None:
    """The documents that got no values, why, and another try."""
    failed = [(document, problem) for document, problem in documents if problem is not None]
    if not failed:
        return
    with st.expander(f"{parts.counted(len(failed), 'document', 'documents')} failed", key=f"failed_{run.run}"):
        for document, problem in failed[:MOST_FAILED]:
            st.text(f"{document.label}: {review.sentence(problem)}")
        if len(failed) > MOST_FAILED:
            st.caption(f"And {len(failed) - MOST_FAILED:,} more. A workbook names all of them, on its last sheet.")
        st.button("Try again", key="retry", icon=":material/refresh:", on_click=_try_again, args=(run,))


def _go_on(run: Run) -> None:
    """What a cancelled extraction did not come to."""
    reopen_run(resources.store(), resources.settings(), run)


def _try_again(run: Run) -> None:
    """The documents that were set aside, and only those."""
    reopen_run(resources.store(), resources.settings(), run, retry=True)


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _table(run: Run, overview: Overview, docs: Sequence[str], *, compared: bool = True) -> None:
    """One row a document; a click on a cell opens it beside its page. Above it the rows of a table that is open."""
    opened: Place | None = st.session_state.get(f"look_{run.run}")
    if opened is not None:
        _rows_of_table(run, overview.fields, overview.rows([opened.doc]), opened)
    rows = overview.rows(paging.page_of(str(run.run), docs, opened.doc if opened else None), compared=compared)
    st.dataframe(
        styled(overview.fields, rows, review.sure_enough(run.run), opened),
        key=f"cells_{run.run}",
        hide_index=True,
        on_select=partial(_select, run.run, rows),
        selection_mode="single-cell",
        row_height=ROW_HEIGHT,
        height="content" if len(rows) <= MOST_ROWS else MOST_ROWS * ROW_HEIGHT,
        column_config=_pinned("Document", "" if opened is None else opened.field),
    )
    st.caption("Click a value to see where it stands. Amber: look at it. Green: somebody did.")
    if st.session_state.pop("extract_selected", False):
        st.rerun()  # the cell opens beside the screen, outside the fragment


def _pinned(document: str, opened: str) -> dict[str, object]:
    """The columns that stay in sight: the documents' names, and the field that is looked at."""
    columns = {document: st.column_config.TextColumn(width="medium", pinned=True)}
    return columns | ({opened: st.column_config.TextColumn(width="medium", pinned=True)} if opened else {})


def styled(
    fields: Sequence[FieldSpec], rows: Sequence[Row], sure: float = SURE_ENOUGH, opened: Place | None = None
) -> Styler:
    """The cells as people read them: amber where somebody should look, green where somebody did."""
    columns = {"Document": [row.document.label for row in rows]}
    columns |= {field.name: [_shown(row, field) for row in rows] for field in fields}
    if any(row.problem for row in rows):
        columns["Problem"] = ["" if row.problem is None else row.problem.message for row in rows]
    table = pd.DataFrame(columns)
    marks = pd.DataFrame("", index=table.index, columns=table.columns)
    for field in fields:
        marks[field.name] = [_mark(row, field.name, sure, opened) for row in rows]
    marks["Document"] = [DOCUMENT_FAILED if row.problem else "" for row in rows]
    return table.style.apply(lambda _: marks, axis=None)


def _mark(row: Row, name: str, sure: float, opened: Place | None, number: int = 0, column: str = "") -> str:
    """How a cell is coloured."""
    if opened == Place(row.document.doc, name, number, column):
        return OPEN
    if needs_look(row, name, sure, number, column):
        return LOOK
    state = row.state(name, number, column)
    return LOOKED_AT if state.checked else NOTHING if state is State.EMPTY else ""


def _shown(row: Row, field: FieldSpec) -> str:
    cell, said = row.cells.get(field.name), row.said(field.name)
    if field.type is FieldType.TABLE and cell is not None and (said is None or said.value is not None):
        rows = len(row.rows(field))
        return parts.counted(rows, "row", "rows") if rows else _printed(cell)
    if said is not None:
        return with_currency(said.value, row.currency(field.name)) if said.value is not None else "none"
    return _printed(cell)


def _printed(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.value is not None:
        return with_currency(cell.value, cell.currency)
    return cell.text or ("not found" if cell.problem else "")


def _select(run: int, rows: Sequence[Row]) -> None:
    """A cell was chosen: open it beside its page."""
    st.session_state["extract_selected"] = True
    cells = st.session_state[f"cells_{run}"].selection.cells
    if not cells:
        review.open_cell(run, None)
        return
    number, column = cells[0]
    row = rows[number]
    review.open_cell(run, Place(row.document.doc, str(column) if str(column) in row.cells else ""))


# ── the rows of one document's table ─────────────────────────────────────────────────────────────────────────────────


def _rows_of_table(run: Run, fields: Sequence[FieldSpec], rows: Sequence[Row], opened: Place) -> None:
    """What the table of one document holds, each cell with its own place on the page."""
    field = next((one for one in fields if one.name == opened.field and one.type is FieldType.TABLE), None)
    row = next((one for one in rows if one.document.doc == opened.doc), None)
    if field is None or row is None or field.name not in row.cells:
        return
    _head_of_table(run, field, row)
    numbers = row.rows(field)
    if not numbers:
        return
    columns = {"Row": [str(number) for number in numbers]}
    names, sure = [column.name for column in field.columns], review.sure_enough(run.run)
    columns |= {name: [_shown_inside(row, field.name, number, name) for number in numbers] for name in names}
    table = pd.DataFrame(columns)
    marks = pd.DataFrame("", index=table.index, columns=table.columns)
    for name in names:
        marks[name] = [_mark(row, field.name, sure, opened, number, name) for number in numbers]
    texts = {column.name for column in field.columns if column.type is FieldType.TEXT}
    key = f"rows_{run.run}_{opened.doc[:16]}_{field.name}"
    st.dataframe(
        table.style.apply(lambda _: marks, axis=None),
        key=key,
        hide_index=True,
        on_select=partial(_select_inside, run.run, key, Place(opened.doc, field.name), numbers),
        selection_mode="single-cell",
        row_height=ROW_HEIGHT,
        column_config={name: st.column_config.TextColumn(width="medium") for name in texts},
    )


def _head_of_table(run: Run, field: FieldSpec, row: Row) -> None:
    """Whose rows these are, and the buttons for rows the machine missed or made up."""
    table = Place(row.document.doc, field.name)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{parts.as_label(field.name)} of {parts.as_label(row.document.label)}", width="stretch")
        if struck := row.struck_out(field):
            label = f"Bring back {parts.counted(len(struck), 'row', 'rows')}"
            st.button(label, key="bring_back", on_click=review.bring_back, args=(run.run, table, struck))
        added = Place(table.doc, table.field, row.next_row(field), field.columns[0].name)
        st.button("Add a row", key="add_row", on_click=review.open_cell, args=(run.run, added))


def _shown_inside(row: Row, name: str, number: int, column: str) -> str:
    value = row.value(name, number, column)
    if value is not None:
        return with_currency(value, row.currency(name, number, column))
    return _printed(row.cell(name, number, column))


def _select_inside(run: int, key: str, table: Place, numbers: Sequence[int]) -> None:
    """A cell of the table was chosen; without one the table itself is."""
    st.session_state["extract_selected"] = True
    cells = st.session_state[key].selection.cells
    if not cells or cells[0][1] == "Row":
        review.open_cell(run, table)
        return
    at, column = cells[0]
    review.open_cell(run, Place(table.doc, table.field, numbers[at], str(column)))


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _earlier_runs(current: Run | None) -> None:
    store = resources.store()
    runs = store.catalog.ledger.newest_runs(EARLIER_RUNS)
    if not runs:
        return
    st.caption("Earlier extractions")
    with st.container(key="earlier_runs"):
        for run, fields, started, finished in runs:
            chosen = current is not None and run == current.run
            ledger = store.catalog.ledger
            size = ledger.run_size(run) if finished is None else _size_of(str(store.folder), run, finished)
            name = f"{run} · {parts.counted(size, 'document', 'documents')}, {_moment(started, '%d %b')}"
            told = f"{_moment(started, '%d %b %Y, %H:%M')}: {_names_in(fields)}"
            parts.list_entry(name, f"run_{run}", chosen, partial(_go, run), told)


@lru_cache(maxsize=1_000)
def _size_of(folder: str, run: int, finished: str) -> int:
    """How many documents an extraction has that is over: those of 30 are not counted with every click."""
    return resources.store().catalog.ledger.run_size(run)


@lru_cache(maxsize=1_000)
def _names_in(fields: str) -> str:
    """The names of the first fields."""
    names = [field.name for field in fields_from_json(fields)]
    return ", ".join(names[:FIELDS_TOLD]) + (" …" if len(names) > FIELDS_TOLD else "")


def _run() -> Run | None:
    """The run in the address, if there is such a run."""
    number = st.query_params.get("run", "")
    runs = resources.store().catalog.ledger.runs(int(number)) if number.isdecimal() else []
    if number and not runs:
        st.warning(f"There is no extraction {parts.as_label(number, 20)} here. Perhaps the link is of another store.")
    return runs[0] if runs else None


def _go(run: int | None) -> None:
    """Open a run, or the form for a new one."""
    if run is None:
        st.query_params.pop("run", None)
    else:
        st.query_params["run"] = str(run)


def _follow_link(run: Run, overview: Overview) -> None:
    """Open the cell that the address names, as the links of a workbook do; after that the address names the run."""
    named = {name: st.query_params.pop(name, "") for name in ("doc", "field", "row", "column")}
    if named["doc"]:
        row = int(named["row"]) if named["row"].isdecimal() else 0
        place = Place(named["doc"], named["field"], row, named["column"])
        if look_at(place, overview.fields, overview.rows([place.doc])) is None:
            st.toast("The cell of this link is not in this extraction any more.", icon=":material/link_off:")
        review.open_cell(run.run, place)


def _is_over(run: Run) -> bool:
    return run.cancelled or run.done + run.failed >= run.documents


def _when(run: Run) -> str:
    return _moment(run.started_at, "%d %b %Y, %H:%M")


def _moment(at: str, form: str) -> str:
    return datetime.fromisoformat(at).astimezone().strftime(form)
