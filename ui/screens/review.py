"""The pane beside an extraction's table: one cell, the place it was read at, and what a person says of it.

What is said goes to the ledger beside the machine's value (`docqa.extract.review`). Accepting leads on to the next cell
that needs a look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import streamlit as st

from docqa.errors import UsageError
from docqa.extract.review import accept, correct, withdraw
from docqa.extract.table import State, with_currency
from docqa.types import Cell, Correction, FieldSpec, FieldType, Problem
from ui import resources
from ui.components.viewer import Shown, viewer
from ui.screens import parts
from ui.screens.overview import Overview
from ui.screens.tolook import SURE_ENOUGH, Look, Place, look_at

NOBODY = "browser"  #: who says something where nobody is logged in
ONE_LINE = 55  #: characters of a value; a longer one gets a box in which all of it can be read
_YES_NO = ("", "true", "false")
_BOX = "[class*='st-key-value_'] :is(input, textarea)"  #: where the value is changed, see `_box`


def sure_enough(run: int) -> float:
    """From which confidence on a cell needs no look, as it was chosen for this extraction."""
    return float(st.session_state.get(f"sure_{run}", round(100 * SURE_ENOUGH))) / 100


def open_cell(run: int, place: Place | None) -> None:
    """Show a cell beside the table from the next run of the script on; None closes the pane."""
    st.session_state.pop(_problem_key(run), None)
    if place is None:
        st.session_state.pop(_key(run), None)
    else:
        st.session_state[_key(run)] = place


def open_next(run: int) -> None:
    """Go on to the next cell that needs a look, once the table is there."""
    st.session_state[f"look_next_{run}"] = True


def opened(run: int, overview: Overview) -> Look | None:
    """The cell that stands open beside the table."""
    place: Place | None = st.session_state.get(_key(run))
    if st.session_state.pop(f"look_next_{run}", False):
        place = overview.next_place(place, sure_enough(run))
        open_cell(run, place)
        if place is None:
            st.toast("Nothing is left to look at.", icon=":material/check_circle:")
    look = None if place is None else look_at(place, overview.fields, overview.rows([place.doc]))
    if look is None:
        open_cell(run, None)  # of an old link, or a row that somebody struck out
    return look


def pane(run: int, look: Look, overview: Overview) -> None:
    """The cell with what was read, what is doubtful, the buttons, and the page below."""
    left = overview.looks(sure_enough(run)).cells
    with st.container(key=f"review_{run}", gap="small"):
        _heading(look, left)
        for sentence in _doubts(look):
            with st.container(key=f"problem-look-{abs(hash((look.place, sentence)))}"):
                st.text(sentence)
        if look.field is not None:
            _form(run, look, left)
        if (problem := st.session_state.get(_problem_key(run))) is not None:
            parts.show_problem(problem, key="review")
        shown = _proof(look)
        viewer(shown, key=f"viewer_extract_{run}", on_close=partial(open_cell, run, None))


# ── what there is to say ─────────────────────────────────────────────────────────────────────────────────────────────


def _heading(look: Look, left: int) -> None:
    place = look.place
    name = " · ".join(
        [place.field, *([f"row {place.row}"] if place.row else []), *([place.column] if place.row else [])]
    )
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        st.markdown(f"**{parts.as_label(name or 'The document')}**", width="stretch")
        words = f"{left:,} to look at" if left else "nothing left to look at"
        st.caption(f"{said_of(look)}  \n{words}", width="content", text_alignment="right")


def said_of(look: Look) -> str:
    """How far a cell can be relied on, in a few words that are safe as markdown."""
    if look.field is None:
        return ""
    said = look.said
    if said is not None:
        did = "Accepted" if look.state is State.ACCEPTED else "Corrected"
        return f"{did} {'here' if said.who == NOBODY else f'by {parts.as_label(said.who, 30)}'}, {_when(said)}"
    cell = look.cell
    if cell is None:
        return "not read"
    sure = "" if cell.confidence is None or cell.value is None else f"{cell.confidence:.0%} sure, "
    return f"{sure}{look.state.value if look.state is not State.UNSEEN else 'nobody has looked'}"


def _when(said: Correction) -> str:
    return datetime.fromisoformat(said.at).astimezone().strftime("%d %b %Y, %H:%M")


def _doubts(look: Look) -> list[str]:
    """What speaks against the cell, as sentences; what a person overruled, as one."""
    cell, said = look.cell, look.said
    if look.field is None or (cell is None and said is None):
        return [sentence(look.row.problem)] if look.row.problem is not None else []
    if said is not None and look.state is State.CORRECTED:
        return [f"The machine read “{look.read}”." if look.read else "The machine had found nothing."]
    if said is not None:
        return []
    found = [] if cell is None else [*cell.doubts, *([cell.problem] if cell.problem is not None else [])]
    lost = look.row.displaced_in(look.place.field) if not look.place.row else []
    reread = ["The table was read anew and has other rows: corrections of its cells are waiting."] if lost else []
    return [*(sentence(one) for one in found), *reread]


def sentence(problem: Problem) -> str:
    """A problem with what to do about it."""
    return f"{problem.message} {problem.hint}".strip()


def _proof(look: Look) -> Shown:
    """The page the value stands on; the first page where there is no value."""
    cell, document = look.cell, look.row.document
    opened_as = abs(hash(look.place))
    if cell is None:
        return replace(parts.page_of(document, 1), types=_BOX, opened=opened_as)
    return replace(
        parts.page_of(document, cell.page or 1),
        boxes=cell.boxes,
        quote=cell.quote or "",
        verified=bool(cell.boxes),
        note=_note(look, cell),
        types=_BOX,
        opened=opened_as,
    )


def _note(look: Look, cell: Cell) -> str:
    """What the page and its box stand for, where that is not the value that counts."""
    if not cell.page:
        return "Nothing was found for this field."
    return "This is where the machine read its own value." if look.state is State.CORRECTED and cell.boxes else ""


# ── what a person says ───────────────────────────────────────────────────────────────────────────────────────────────


def _form(run: int, look: Look, left: int) -> None:
    """The value in a box, and the buttons. Enter accepts."""
    times = st.session_state.get(f"said_{run}", 0)
    key = f"value_{run}_{look.place.doc[:16]}_{look.place.field}_{look.place.row}_{look.place.column}_{times}"
    whole_table = look.field is not None and look.field.type is FieldType.TABLE and not look.place.column
    with st.form(f"form_{key}", border=False, enter_to_submit=True):
        if whole_table:
            st.caption("Accept the table as it is, or click a cell of its rows on the left to correct it.")
        else:
            _box(look, key)
        with st.container(horizontal=True, gap="small"):
            act = partial(st.form_submit_button, width="content")
            accepts = {"on_click": _accept, "args": (run, look, key, whole_table), "shortcut": "Ctrl+Enter"}
            act("Accept", type="primary", key=f"accept_{run}", **accepts)
            if not whole_table:
                act("Not in the document", key=f"absent_{run}", on_click=_say, args=(run, look, ""))
            if look.field is not None and look.place.row in look.row.rows(look.field):
                act("No such row", key=f"strike_{run}", on_click=_strike, args=(run, look))
            if look.said is not None:
                act("Undo", key=f"undo_{run}", on_click=_undo, args=(run, look))
            if left:
                act("Next", key=f"next_{run}", icon=":material/arrow_forward:", on_click=open_next, args=(run,))


def _box(look: Look, key: str) -> None:
    """Where the value is changed: from a list where only a few are possible."""
    spec, value = look.spec, look.value
    label = "Value: change it if it is not what the page says"
    kinds = {FieldType.BOOLEAN: _YES_NO, FieldType.CHOICE: ("", *(spec.choices if spec is not None else ()))}
    options = kinds.get(spec.type) if spec is not None else None
    if options is not None:
        there = options if value in options else (*options, value)
        st.selectbox(label, there, index=there.index(value), key=key, label_visibility="collapsed")
    elif len(value) > ONE_LINE:
        st.text_area(label, value, key=key, label_visibility="collapsed", placeholder="Not in the document")
    else:
        st.text_input(label, value, key=key, label_visibility="collapsed", placeholder="Not in the document")


def _accept(run: int, look: Look, key: str, whole_table: bool) -> None:
    """Take what is in the box: as it was, it is accepted; changed, it is a correction."""
    text = "" if whole_table else str(st.session_state.get(key) or "")
    cell: Cell | None = look.row.cells.get(look.place.field)
    read = look.cell
    unchanged = whole_table or (read is not None and text == look.read and (read.value or not read.text))
    if look.said is not None and text == look.value and not whole_table:
        open_next(run)
    elif unchanged and cell is not None:
        store, place = resources.store(), look.place
        _did(run, lambda: accept(store, cell, who(), row=place.row, column=place.column), look)
    else:
        _say(run, look, text)


def _say(run: int, look: Look, text: str) -> None:
    store, place, field = resources.store(), look.place, look.field
    if field is None:
        return
    if not text.strip() and place.row and place.row == look.row.next_row(field):
        open_cell(run, replace(place, row=0, column=""))  # nothing was typed, so no row is added
        return
    beside = look.row.cells.get(field.name)
    _did(
        run,
        lambda: correct(store, field, place.doc, text, who(), row=place.row, column=place.column, beside=beside),
        look,
        then=_next_column(look, field),
    )


def _next_column(look: Look, table: FieldSpec) -> Place | None:
    """Where a row that people add goes on: its next column, behind the last one the table; None in other cells."""
    place = look.place
    beside = look.row.cells.get(table.name)
    if not place.column or place.row <= (0 if beside is None else len(beside.rows)):
        return None
    names = [column.name for column in table.columns]
    behind = names[names.index(place.column) + 1 :]
    return replace(place, column=behind[0]) if behind else replace(place, row=0, column="")


def _strike(run: int, look: Look) -> None:
    """Say that a row of the table is none."""
    store, place, field = resources.store(), look.place, look.field
    if field is not None:
        beside = look.row.cells.get(field.name)
        table = replace(place, row=0, column="")
        _did(run, lambda: correct(store, field, place.doc, "", who(), row=place.row, beside=beside), look, then=table)


def _undo(run: int, look: Look) -> None:
    store, place = resources.store(), look.place
    inside = {"row": place.row, "column": place.column}
    _did(run, lambda: withdraw(store, place.doc, place.field, who(), **inside), look, stay=True)


def bring_back(run: int, place: Place, numbers: Sequence[int]) -> None:
    """Take back that rows of a table are none."""
    store = resources.store()
    for number in numbers:
        _did(run, partial(withdraw, store, place.doc, place.field, who(), row=number), stay=True)


def _did(
    run: int, say: Callable[[], object], look: Look | None = None, *, stay: bool = False, then: Place | None = None
) -> None:
    """Say it and go on, to `then` if that is given; a value that does not fit stays in its box with a sentence why.

    `look` is the cell as it was shown. Where another window said something of it since, that is shown instead of being
    overruled unseen.
    """
    if look is not None and (newer := _said_since(look)) is not None:
        st.session_state[_problem_key(run)] = newer
        st.session_state[f"said_{run}"] = st.session_state.get(f"said_{run}", 0) + 1  # the box shows what counts now
        return
    try:
        say()
    except UsageError as error:
        st.session_state[_problem_key(run)] = error.problem
        return
    st.session_state.pop(_problem_key(run), None)
    st.session_state[f"said_{run}"] = st.session_state.get(f"said_{run}", 0) + 1
    if then is not None:
        open_cell(run, then)
    elif not stay:
        open_next(run)


def _said_since(look: Look) -> Problem | None:
    """What became of a cell, or of its row, after it was shown; None if nothing did."""
    place = look.place
    in_force = resources.store().catalog.ledger.corrections_in_force([place.doc]).get(place.doc, ())
    now = {one.column: one for one in in_force if (one.field, one.row) == (place.field, place.row)}
    then = (look.said, look.row.said(place.field, place.row) if place.column else None)
    for shown, there in zip(then, (now.get(place.column), now.get("") if place.column else None), strict=True):
        if there != shown:
            return Problem("said_meanwhile", _in_words(there), "Nothing of yours was kept. Look again and decide.")
    return None


def _in_words(said: Correction | None) -> str:
    if said is None:
        return "Meanwhile what had been said of this cell was taken back."
    if said.value is None:
        what = "it is no row" if said.row and not said.column else "it is not in the document"
    else:
        what = f"it is “{with_currency(said.value, said.currency)}”"
    who = "somebody" if said.who == NOBODY else said.who
    return f"Meanwhile {who} said of this cell, {_when(said)}: {what}."


def who() -> str:
    """The person at the browser, if somebody is logged in."""
    return str(st.user.get("name") or NOBODY)


def _key(run: int) -> str:
    return f"look_{run}"


def _problem_key(run: int) -> str:
    return f"look_problem_{run}"
