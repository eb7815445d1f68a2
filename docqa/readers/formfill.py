"""Filling a form by a model: what it is shown for which fields, and what becomes of its replies.

Fields are asked about together, of as many pages as a prompt takes. Of a longer document those that speak of the fields
come first (`docqa.readers.worth`), with its first and last pages; what is still missing is asked of the next ones. A
table is read page by page, from every page that looks like it until a page brings no new rows, each time with the
heading it began under. A reply that is cut off, that repeats itself or is not of the form is asked for once more, as a
smaller form; what then cannot be read is named, and the rest is kept.

Not here: the words of a form and its schema (`docqa.extract.form`), and whether what was read stands on the pages
(`docqa.extract.proof`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from docqa.errors import ModelBadAnswer
from docqa.extract.form import MAX_ROWS, read_reply, reply_schema
from docqa.model import ModelClient
from docqa.prompts import Carried, fill_messages
from docqa.readers import FieldsUnread
from docqa.readers.layout.runs import Sheet
from docqa.readers.room import MAX_PAGES, fits, looked_at, without_images
from docqa.readers.worth import Worth, pages_with_rows
from docqa.settings import ModelSettings
from docqa.types import Evidence, FieldSpec, FieldType, Page, Reading
from docqa.verify import locate

TOKENS_PER_FIELD = 200  #: a value and its quote at their longest, with the JSON around them
TOKENS_PER_ROW, TOKENS_PER_COLUMN = 60, 25  #: a printed line as the quote; a key and a value that stand on that line
ROWS_UNSEEN = 60  #: rows of a page without any words: the lines of a densely written one
MAX_FIELDS = 40  #: in one form: 8000 tokens of reply leave two thirds of a context of 32,768 to the pages
FIRST, LAST = 2, 1  #: pages that are always looked at: what a document is, and who signed it
#: Prompts for the fields that are missing: a field that is nowhere costs one each time, that is 13,000 tokens of images
#: and some seconds of a GPU, and by the last one it looked at 48 pages, those that speak of it first.
MAX_LOOKS = 4
LIKELY = 3  #: pages, best first, that are asked for a table although no rows were seen there
MAX_TABLE_PAGES = 60  #: of one table; a list of 3000 rows is a spreadsheet, and hours of one GPU for an archive of them
FEWER_ROWS = 25  #: in the smaller form of a table
LOOKS_AT_ROWS = 8  #: requests for one page of a table: 200 rows, in the smaller form

Row = list[Reading]  #: the readings of one row, in the order of the columns; never empty


def fill_form(
    client: ModelClient, settings: ModelSettings, fields: Sequence[FieldSpec], pages: Sequence[Evidence]
) -> list[Reading]:
    """Read the fields and tables of one document.

    Raises FieldsUnread with the readings of the others where some could not be read, and any other ModelError.
    """
    filling = _Filling(client, settings, looked_at(pages, client.image_budget()))
    plain = [one for one in fields if one.type is not FieldType.TABLE]
    readings: list[Reading] = []
    for start in range(0, len(plain), MAX_FIELDS):
        readings += filling.read_fields(plain[start : start + MAX_FIELDS])
    for table in (one for one in fields if one.type is FieldType.TABLE):
        readings += filling.read_table(table)
    if filling.unread:
        raise FieldsUnread(filling.unread, readings)
    return readings


@dataclass(slots=True)
class _Filling:
    """One document and what could not be read of it."""

    client: ModelClient
    settings: ModelSettings
    pages: Sequence[Evidence]
    unread: dict[str, ModelBadAnswer] = field(default_factory=dict)  #: by name of field

    def read_fields(self, fields: Sequence[FieldSpec]) -> list[Reading]:
        """One reading at most of each field."""
        found: dict[str, Reading] = {}
        missing, left = list(fields), list(self.pages)
        worth = cache(lambda: Worth(fields, [one.page for one in self.pages]))  # most documents are short
        for _ in range(MAX_LOOKS):
            shown = self._shown(missing, left, worth)
            for reading in self._asked(missing, shown):
                found.setdefault(reading.field, reading)
            missing = [one for one in missing if one.name not in found and one.name not in self.unread]
            left = [one for one in left if one not in shown]
            if not missing or not left:
                break
        return list(found.values())

    def read_table(self, table: FieldSpec) -> list[Reading]:
        """The readings of a table, its rows numbered over all pages; none if a part of it could not be read."""
        rows: list[Row] = []
        carried: Carried | None = None
        looked = 0
        likely = self._likely(table)
        try:
            for one in self.pages:
                if carried is None and one.page.number not in likely:
                    continue
                if looked == MAX_TABLE_PAGES:
                    raise ModelBadAnswer(f"{table.name} has rows on more than {MAX_TABLE_PAGES} pages.", _TOO_LONG)
                looked += 1
                new = self._new_rows(table, one, rows, carried)
                rows += new
                carried = _carried(one.page, new, carried)
        except ModelBadAnswer as error:  # half a table looks like a whole one
            self.unread[table.name] = error
            return []
        return [replace(reading, row=number) for number, row in enumerate(rows, start=1) for reading in row]

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    def _shown(
        self, fields: Sequence[FieldSpec], left: Sequence[Evidence], worth: Callable[[], Worth]
    ) -> list[Evidence]:
        """The pages that go into the next prompt, in the order of the document."""
        shown = self._fitting(fields, left)
        if len(shown) == len(left):
            return shown
        best = worth().best_first(fields, [one.page.number for one in left])
        ends = [one.page.number for one in (*self.pages[:FIRST], *self.pages[-LAST:])]
        ranked = sorted(left, key=lambda one: (one.page.number not in ends, best.index(one.page.number)))
        shown = self._fitting(fields, ranked)
        return [one for one in left if one in shown]

    def _fitting(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Evidence]:
        """The first of the pages, as many as the model's context holds."""
        for most in range(min(MAX_PAGES, len(pages)), 1, -1):
            chosen = pages[:most]
            if self._fits(fields, chosen, self._most_tokens(fields, chosen)):
                return list(chosen)
        return list(pages[:1])

    def _fits(
        self, fields: Sequence[FieldSpec], pages: Sequence[Evidence], tokens: int, carried: Carried | None = None
    ) -> bool:
        messages = fill_messages(fields, without_images(pages), carried)
        return fits(self.client, pages, messages, tokens)

    def _likely(self, table: FieldSpec) -> set[int]:
        """The pages that look as if they held rows, and those whose words speak of the table most."""
        pages = [one.page for one in self.pages]
        best = Worth([table], pages).best_first([table], [page.number for page in pages])
        return pages_with_rows(table, pages) | set(best[:LIKELY])

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _asked(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        """Ask for fields, and where the reply is of no use in two halves; what fails again is unread."""
        try:
            return self._ask(fields, pages)
        except ModelBadAnswer as error:
            halves = _halves(fields, pages)
            failed = {} if halves else {one.name: error for one in fields}
        readings: list[Reading] = []
        for some, shown in halves:
            try:
                readings += self._ask(some, shown)
            except ModelBadAnswer as error:
                failed |= {one.name: error for one in some}
        read = {reading.field for reading in readings}
        self.unread |= {name: error for name, error in failed.items() if name not in read}
        return readings

    def _new_rows(self, table: FieldSpec, one: Evidence, before: Sequence[Row], carried: Carried | None) -> list[Row]:
        """The rows of one page that were not read before; of a page with more rows than a form takes, in several goes.

        Raises ModelBadAnswer if the smaller form fails, too.
        """
        here: list[Row] = []
        most = MAX_ROWS
        for _ in range(LOOKS_AT_ROWS):
            told = _carried(one.page, here, carried) if here else carried
            try:
                asked = _rows(self._ask([table], [one], told, most))
            except ModelBadAnswer:
                if most == FEWER_ROWS:
                    raise
                most = FEWER_ROWS
                continue
            new = asked[_repeated(asked, here or before, one.page) :]
            here += new
            if len(asked) < most:
                return here
            if not new:  # it began anew, and there may be more
                break
        raise ModelBadAnswer(f"Page {one.page.number} has more rows of {table.name} than could be read.", _TOO_LONG)

    def _ask(
        self,
        fields: Sequence[FieldSpec],
        pages: Sequence[Evidence],
        carried: Carried | None = None,
        most_rows: int = MAX_ROWS,
    ) -> list[Reading]:
        """One request. A reading of a page that was not shown is dropped; of one page there is no doubt."""
        most = self._most_tokens(fields, pages, most_rows)
        if len(pages) == 1 and not self._fits(fields, pages, most, carried):
            most = self.settings.max_tokens  # what the server's context was made for
        messages = fill_messages(fields, pages, carried)
        reply = self.client.complete_json(messages, reply_schema(fields, most_rows), most)
        readings = read_reply(reply.value, fields, reply.certainty)
        if len(pages) == 1:
            return [replace(reading, page=pages[0].page.number) for reading in readings]
        shown = {one.page.number for one in pages}
        return [reading for reading in readings if reading.page in shown]

    def _most_tokens(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence], most_rows: int = MAX_ROWS) -> int:
        """How long a reply may become: a table has no more rows than its pages have lines."""
        lines = sum(len(one.page.lines) or ROWS_UNSEEN for one in pages)
        tokens = 0
        for one in fields:
            per_row = TOKENS_PER_ROW + TOKENS_PER_COLUMN * len(one.columns)
            table = one.type is FieldType.TABLE
            tokens += min(lines, most_rows) * per_row if table else TOKENS_PER_FIELD
        return max(self.settings.max_tokens, tokens)


_TOO_LONG = "Split the document, or leave this table out."


def _halves(
    fields: Sequence[FieldSpec], pages: Sequence[Evidence]
) -> list[tuple[Sequence[FieldSpec], Sequence[Evidence]]]:
    """A form as two of half the fields, or of half the pages where it has but one field; none if it cannot be halved.

    The same form once more would have the same reply: the temperature is 0.
    """
    if len(fields) > 1:
        middle = (len(fields) + 1) // 2
        return [(fields[:middle], pages), (fields[middle:], pages)]
    if len(pages) > 1:
        middle = (len(pages) + 1) // 2
        return [(fields, pages[:middle]), (fields, pages[middle:])]
    return []


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(readings: Sequence[Reading]) -> list[Row]:
    rows: dict[int, Row] = {}
    for reading in readings:
        rows.setdefault(reading.row, []).append(reading)
    return list(rows.values())


def _repeated(new: Sequence[Row], before: Sequence[Row], page: Page) -> int:
    """How many of the first rows are the last ones that were read before: a page break, or the row that was told.

    A table that has the same row several times may go on with it, if the page shows it.
    """
    told, known = [_said(row) for row in new], [_said(row) for row in before]
    for many in range(min(len(told), len(known)), 0, -1):
        if told[:many] == known[-many:]:
            usual = len(set(told[:many])) == 1 and known.count(told[0]) > 1
            return 0 if usual and _stands(new[0], page) else many
    return 0


def _said(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple((reading.column, " ".join(reading.text.casefold().split())) for reading in row)


def _stands(row: Row, page: Page) -> bool:
    """Whether the page shows a row, or a value of it."""
    return any(locate(text, page) for text in (row[0].quote, *(reading.text for reading in row)))


def _carried(page: Page, new: Sequence[Row], before: Carried | None) -> Carried | None:
    """What is told of a table with the next page; None if this one ended it.

    Rows that the page does not show end it, too: a model that was told of a table likes to go on with it.
    """
    last = next((row for row in reversed(new) if _stands(row, page)), None)
    if last is None:
        return None
    told = last[0].quote or " ".join(reading.text for reading in last)
    if before is not None:
        return replace(before, last_row=told)
    first = next(row for row in new if _stands(row, page))
    return Carried(page.number, _line_above(first, page), told)


def _line_above(row: Row, page: Page) -> str:
    """The words above a row of a table: the names of the columns, as they are printed."""
    sheet = Sheet(page)
    found = next((match for text in (row[0].quote, row[0].text) if (match := locate(text, page))), None)
    above = sheet.runs[sheet.run_at(sheet.starts[found.first])].row - 1 if found is not None else -1
    return " ".join(sheet.string(run) for run in sheet.rows.get(above, ()))
