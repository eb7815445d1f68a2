"""Sheets of an XLSX file: typed cells, colours, links and comments, and what Excel cannot hold.

No text becomes a formula or a link by what it says, and codes stay texts. Lines that are written go into files of a
folder that the caller names: nothing that a document says is left in the system's folder of temporary files, and what
a process that was killed left there goes when the next one writes. The only module that imports xlsxwriter. Not here:
which sheets there are (`docqa.extract.export.workbook`).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import BinaryIO

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from docqa.extract.export.files import DIGITS, NUMBER, NUMERIC
from docqa.extract.values import SHARED
from docqa.types import FieldSpec, FieldType

#: Excel's specifications and limits: rows of a sheet, links of a sheet, UTF-16 units of a cell, characters of a name.
MOST_ROWS, MOST_LINKS, MOST_UNITS, MOST_NAME = 1_048_576, 65_530, 32_767, 31
CUT = " … [cut off: a cell of a spreadsheet holds no more]"
_FIRST_DAY = date(1900, 3, 1)  #: before it Excel counts a 29 February 1900, which never was
_WHOLE = frozenset({"JPY", "KRW"})  #: currencies that are printed without decimals
#: What XML cannot hold. In a cell XlsxWriter writes it as _xHHHH_, which Excel reads back; in a comment nobody does.
_ILLEGAL = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which no file can hold
_COMMENT_WIDTH, _COMMENT_LINE, _LINE_HEIGHT = 340, 56, 15  # pixels, characters in it, pixels or points
_MOST_LINES = 12  # of text that a line of a sheet is made high for
_A4 = 9  # among Excel's sizes of paper

#: The fill of a cell by what it says.
FILLS = {
    "corrected": "#C6DBF3",
    "accepted": "#E3EEFA",
    "sure": "#E2F2E4",
    "unsure": "#FFF4CC",
    "doubtful": "#FADBC8",
    "empty": "#EFEFEF",
    "plain": "",
}
_FOLDER = ".docqa-sheets-"  #: before the number of the process that writes
_HEAD, _LINE, _INK = "#1F3A5F", "#D5DAE1", "#1B2430"


@contextmanager
def folder_beside(place: Path) -> Iterator[Path]:
    """A folder for lines that were written, gone at the end; those of processes that were killed go, too."""
    for left in place.glob(f"{_FOLDER}*"):
        if not _is_running(left.name.removeprefix(_FOLDER).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=f"{_FOLDER}{os.getpid()}-") as folder:
        yield Path(folder)


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        pass  # somebody else's
    return True


class Book:
    """A workbook in the making: `folder` takes the lines that were written, None keeps them in memory."""

    def __init__(self, out: BinaryIO, title: str, folder: Path | None) -> None:
        never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        place: dict[str, object] = {"in_memory": True}
        if folder is not None:  # a sheet is written line after line, and only the last one is in memory
            place = {"constant_memory": True, "tmpdir": str(folder)}
        self._book = xlsxwriter.Workbook(out, {**place, **never})
        self._book.set_properties({"title": legal(title)})
        self._formats: dict[tuple[object, ...], Format] = {}

    def add(self, name: str) -> Sheet:
        """A sheet behind those that are there; the name has to be one that Excel takes."""
        return Sheet(self, self._book.add_worksheet(name), name)

    def close(self) -> None:
        """Write the whole file; nothing can be added after that. Raises OSError."""
        try:
            self._book.close()
        except FileCreateError as error:
            raise error.args[0] from error

    def format(self, fill: str = "plain", number: str = "", align: str = "", *, bold: bool = False) -> Format:
        """How a cell looks, made once: Excel takes 64,000 formats of a book."""
        key = (fill, number, align, bold)
        if key not in self._formats:
            look: dict[str, object] = {"valign": "top", "border": 1, "border_color": _LINE, "font_color": _INK}
            look |= {"bold": bold} | (
                {} if number else {"text_wrap": True} | ({} if align else {"indent": 1, "align": "left"})
            )
            look |= {"bg_color": FILLS[fill]} if FILLS[fill] else {}
            look |= {"num_format": number} if number else {}
            look |= {"align": align} if align else {}
            self._formats[key] = self._book.add_format(look)
        return self._formats[key]

    def heading(self) -> Format:
        """How the names of columns look."""
        if ("heading",) not in self._formats:
            look = {"bold": True, "font_color": "#FFFFFF", "bg_color": _HEAD, "valign": "vcenter", "indent": 1}
            self._formats["heading",] = self._book.add_format(look)
        return self._formats["heading",]

    def title(self) -> Format:
        """How the title of a sheet looks."""
        return self._book.add_format({"bold": True, "font_size": 16, "font_color": _HEAD})


class Sheet:
    """One sheet, written cell by cell; lines and columns are counted from 0."""

    def __init__(self, book: Book, sheet: Worksheet, name: str) -> None:
        self.name = name
        self._book = book
        self._sheet = sheet
        self._links = self._comments = 0
        self._widths: Sequence[float] = ()
        self._lines: dict[int, int] = {}  #: of text, by line of the sheet
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{MOST_ROWS}"})  # codes are meant to be texts

    def table(self, names: Sequence[str], widths: Sequence[float], lines: int) -> None:
        """Name the columns; they and the first column stay in view, and all of them can be filtered."""
        self.names(0, names)
        self.widths(widths)
        self._sheet.set_row(0, 24)
        self._sheet.freeze_panes(1, 1)
        self._sheet.autofilter(0, 0, max(lines, 1), len(names) - 1)
        self._sheet.repeat_rows(0)

    def names(self, line: int, names: Sequence[str]) -> None:
        """A line of names of columns."""
        for column, name in enumerate(names):
            self._sheet.write_string(line, column, name, self._book.heading())

    def widths(self, widths: Sequence[float]) -> None:
        """How many characters wide the columns are; to be said before anything is written."""
        self._widths = widths
        for column, width in enumerate(widths):
            self._sheet.set_column(column, column, width)

    def title(self, text: str) -> None:
        """A title in the first cell."""
        self._sheet.write_string(0, 0, text, self._book.title())

    def text(self, line: int, column: int, text: str, fill: str = "plain", *, bold: bool = False) -> None:
        """A text, whatever it looks like; one that is too long is cut, and says so."""
        look = self._book.format(fill, bold=bold)
        text = shortened(legal(text))
        if not text:
            self._sheet.write_blank(line, column, None, look)
        elif text.startswith("<r>") and text.endswith("</r>"):  # else XlsxWriter takes it for markup
            text = _ILLEGAL.sub("\ufffd", text)  # it would escape them twice
            self._sheet.write_rich_string(line, column, text[0], text[1], text[2:], look)
        else:
            self._sheet.write_string(line, column, text, look)
        self._make_room(line, column, text)

    def _make_room(self, line: int, column: int, text: str) -> None:
        """Make a line as high as its texts need: only Excel would, and only some of the time."""
        room = max(4, int(self._widths[column])) if column < len(self._widths) else len(text) + 1
        if len(text) < room and "\n" not in text:
            return
        needed = min(_MOST_LINES, sum(1 + len(part) // room for part in text.split("\n")))
        if needed > self._lines.get(line, 1):
            self._lines[line] = needed
            self._sheet.set_row(line, needed * _LINE_HEIGHT)

    def number(self, line: int, column: int, number: float, form: str = "0", fill: str = "plain") -> None:
        """A number in the middle of its cell."""
        self._sheet.write_number(line, column, number, self._book.format(fill, form, "center"))

    def value(
        self, line: int, column: int, value: str | None, spec: FieldSpec, currency: str | None, fill: str
    ) -> None:
        """A field's value as what it is: number, date, yes or no, text."""
        day = _day(value) if value is not None and spec.type is FieldType.DATE else None
        numeric = spec.type in NUMERIC or spec.type is FieldType.TABLE
        if day is not None:
            self._sheet.write_datetime(line, column, day, self._book.format(fill, "yyyy-mm-dd", "center"))
        elif value is not None and numeric and _is_number(value):
            form = _form(value, spec.type, currency)
            self._sheet.write_number(line, column, float(value), self._book.format(fill, form))
        elif value in ("true", "false") and spec.type is FieldType.BOOLEAN:
            self._sheet.write_boolean(line, column, value == "true", self._book.format(fill, "", "center"))
        else:
            self.text(line, column, value or "", fill)

    def link(self, line: int, column: int, address: str) -> None:
        """Make a cell lead somewhere, before it is written. What is more than Excel takes is left out."""
        if self._links < MOST_LINKS:
            self._links += 1
            self._sheet.write_url(line, column, address, self._book.format(), "…")

    def comment(self, line: int, column: int, text: str) -> None:
        """What is shown when the pointer is over a cell; as many as there may be links."""
        if not text or self._comments >= MOST_LINKS:
            return
        self._comments += 1
        text = _ILLEGAL.sub(" ", legal(text))
        height = sum(1 + len(part) // _COMMENT_LINE for part in text.split("\n"))
        look = {"width": _COMMENT_WIDTH, "height": 10 + _LINE_HEIGHT * min(height, 30), "color": "#FFFFFF"}
        self._sheet.write_comment(line, column, shortened(text), {**look, "font_size": 9, "author": "docqa"})


def legal(text: str) -> str:
    """A text without halves of characters."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def shortened(text: str) -> str:
    """As much of a text as a cell holds, with a mark where some was cut off."""
    if 2 * len(text) <= MOST_UNITS:  # a character takes two units at most
        return text
    encoded = text.encode("utf-16-le")
    if len(encoded) <= 2 * MOST_UNITS:
        return text
    return encoded[: 2 * (MOST_UNITS - len(CUT))].decode("utf-16-le", "ignore") + CUT


def _is_number(value: str) -> bool:
    return NUMBER.fullmatch(value) is not None and sum(map(str.isdigit, value)) <= DIGITS


def _day(value: str) -> date | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if day >= _FIRST_DAY else None


def _form(value: str, type: FieldType, currency: str | None) -> str:
    """How a number is shown: an amount with its currency, and with as many decimals as it was printed with."""
    decimals = len(value.partition(".")[2])
    if type is not FieldType.AMOUNT:
        return f"0.{'0' * decimals}_)" if decimals else "0_)"
    decimals = max(decimals, 0 if currency in _WHOLE else 2)
    plain = f"#,##0.{'0' * decimals}" if decimals else "#,##0"
    known = currency is not None and (currency in SHARED or re.fullmatch("[A-Z]{3}", currency))
    return f'{plain} "{currency}"_)' if known else f"{plain}_)"
