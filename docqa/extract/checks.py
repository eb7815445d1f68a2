"""Checks of a document's cells against each other, its pages and other documents.

A cell that fails one keeps its value and gets a doubt, which says what does not fit and lowers its confidence. What
amounts confirm each other is said, too: arithmetic is evidence that no reading can give. Which field is the net amount
and which the tax follows from its name, as for the reader. Not here: type, pattern, choices and whether a value stands
on the page; a value that fails those is no value (`docqa.extract.run`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from statistics import median

from docqa.extract.values import SHARED, is_ambiguous_date, same_value
from docqa.readers.layout.labels import column_guides, guide_for
from docqa.readers.layout.runs import Sheet
from docqa.readers.layout.titles import is_credit_note
from docqa.types import Box, Cell, FieldSpec, FieldType, Page, Problem, Word
from docqa.verify.tokens import decimal_mark, tokens_of

#: Amounts may differ by the rounding of each rate: EN 16931 rounds to 0.01, cash to 0.05.
_ROUNDING = Decimal("0.05")
_PRODUCT = ("quantity", "unit_price", "line_total")
_PERCENTAGE = re.compile(r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,4})?)\s?%")
_ALIGNED = 0.012  #: of the page's width: amounts of one column end so close to each other

_HINTS = {
    "sum_differs": "Look at the net amount, the tax and the total: one of them is wrong, or the document is.",
    "negative": "Look whether this is a credit note, and which sign your books give it.",
    "sign_unclear": "Look whether it is meant to be below zero.",
    "mark_unclear": "Look whether it groups thousands or stands before decimals.",
    "currency_unknown": "Look whose money it is: nothing in the document says so.",
    "rows_differ": "Look whether a row is missing or a sum was taken for a row.",
    "row_sum_differs": "Look at the row: quantity, price or amount is wrong, or a discount was given.",
    "row_count": "Look whether a row of the table is missing or was read twice.",
    "order_unknown": "Look at the date: nothing in the document says whether the day or the month comes first.",
    "dates_disorder": "Look at both dates.",
    "checksum": "Look at the number: a digit was read wrong, or it is no such number.",
    "duplicate": "Look whether the same document was taken in twice.",
    "disagreement": "Look at the page: two independent readings differ.",
}


def doubt(code: str, message: str) -> Problem:
    """A failed check."""
    return Problem(code, message, _HINTS[code])


def check_document(
    fields: Sequence[FieldSpec], cells: Mapping[str, Cell], pages: Mapping[int, Page], day_first: bool | None
) -> tuple[dict[str, Cell], set[str]]:
    """The cells of one document with their doubts, and the names of the amounts that confirm each other.

    `day_first` is what is known of the order of its dates, not what is guessed.
    """
    doubts: dict[str, list[Problem]] = defaultdict(list)
    credit_note = cache(lambda: bool(pages) and is_credit_note(pages[min(pages)]))  # few documents have a minus
    meant = {guide_for(field).concept: field.name for field in reversed(fields) if field.type is not FieldType.TABLE}
    confirmed = _check_sums(meant, cells, doubts)
    _check_below_zero(meant, cells, credit_note, doubts)
    _check_signs(fields, cells, pages, doubts)
    _check_marks(fields, cells, pages, doubts)
    _check_currency(meant, cells, doubts)
    _check_dates(fields, meant, cells, day_first, doubts)
    _check_iban(meant, cells, doubts)
    checked = dict(cells)
    for field in fields:
        if field.type is FieldType.TABLE and checked[field.name].rows:
            checked[field.name] = _check_rows(field, checked[field.name], pages)
            confirmed |= _check_table(field, checked[field.name], meant, checked, credit_note, doubts)
            _check_count(field, checked[field.name], pages, doubts)
    for name, found in doubts.items():
        checked[name] = replace(checked[name], doubts=(*checked[name].doubts, *found))
    return checked, confirmed


def duplicate_fields(fields: Sequence[FieldSpec]) -> tuple[list[str], list[str]]:
    """By which fields documents are known to be the same business: the numbers that name it, and the amounts."""
    keys = [one.name for one in fields if guide_for(one).concept in ("invoice_number", "registration_number")]
    return keys, [field.name for field in fields if field.type is FieldType.AMOUNT]


def duplicates(
    fields: Sequence[FieldSpec], documents: Mapping[str, Mapping[str, str | None]]
) -> dict[str, tuple[str, str]]:
    """For each document that says the same as an earlier one: the field and the first such document.

    `documents` are the values of fields by name, in the order that makes a document earlier. Two documents are the same
    business if a number that identifies them and every amount read in both agree, one at least. Takes as long for
    20,000 documents with the same number as for those with different ones.
    """
    keys, amounts = duplicate_fields(fields)
    earlier: dict[tuple[str, str], _Earlier] = defaultdict(_Earlier)
    found: dict[str, tuple[str, str]] = {}
    for doc, values in documents.items():
        known = {name: value for name in amounts if (value := values.get(name)) is not None}
        for key in keys:
            number = values.get(key)
            if number is None:
                continue
            other = earlier[key, number].first_like(known)
            if other is not None:
                found.setdefault(doc, (key, other))
            earlier[key, number].add(doc, known)
    return found


class _Earlier:
    """The documents with one number, so that the first one whose amounts agree is found without looking at each.

    Documents are grouped by which amounts were read in them, and of each group those are remembered by their values
    that can be compared with another group: there are as few groups as there are kinds of documents.
    """

    def __init__(self) -> None:
        self._groups: dict[frozenset[str], list[tuple[int, str, Mapping[str, str]]]] = {}
        #: (group, amounts to be compared) → values → place and name of the first document
        self._first: dict[tuple[frozenset[str], frozenset[str]], dict[tuple[str, ...], tuple[int, str]]] = {}
        self._count = 0

    def add(self, doc: str, known: Mapping[str, str]) -> None:
        """Remember a document and its amounts."""
        group = frozenset(known)
        self._groups.setdefault(group, []).append((self._count, doc, known))
        for (of, common), first in self._first.items():
            if of == group:
                first.setdefault(_picked(known, common), (self._count, doc))
        self._count += 1

    def first_like(self, known: Mapping[str, str]) -> str | None:
        """The first document of which every amount that is known here, too, is the same; None without any in common."""
        names, found = frozenset(known), []
        for group in self._groups:
            common = names & group
            if common and (like := self._compared(group, common).get(_picked(known, common))):
                found.append(like)
        return min(found)[1] if found else None

    def _compared(self, group: frozenset[str], common: frozenset[str]) -> dict[tuple[str, ...], tuple[int, str]]:
        if (group, common) not in self._first:
            first: dict[tuple[str, ...], tuple[int, str]] = {}
            for place, doc, known in self._groups[group]:
                first.setdefault(_picked(known, common), (place, doc))
            self._first[group, common] = first
        return self._first[group, common]


def _picked(known: Mapping[str, str], names: frozenset[str]) -> tuple[str, ...]:
    return tuple(known[name] for name in sorted(names))


def _value(cells: Mapping[str, Cell], name: str | None) -> str | None:
    cell = cells.get(name) if name is not None else None
    return cell.value if cell is not None else None


def _decimal(cell: Cell | None) -> Decimal | None:
    if cell is None or cell.value is None or not re.fullmatch(r"-?\d+(?:\.\d+)?", cell.value):
        return None
    return Decimal(cell.value)


# ── amounts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_sums(meant: Mapping[str, str], cells: Mapping[str, Cell], doubts: dict[str, list[Problem]]) -> set[str]:
    """Net and tax make the total."""
    names = [meant.get(concept, "") for concept in ("net", "tax", "total")]
    net, tax, total = (_decimal(cells.get(name)) for name in names)
    if net is None or tax is None or total is None:
        return set()
    if abs(net + tax - total) <= _ROUNDING:
        return set(names)
    for name in names:
        doubts[name].append(doubt("sum_differs", f"{net} and {tax} do not make {total}."))
    return set()


def _check_below_zero(
    meant: Mapping[str, str],
    cells: Mapping[str, Cell],
    credit_note: Callable[[], bool],
    doubts: dict[str, list[Problem]],
) -> None:
    """What has to be paid is not below zero, unless the document says in its title that it is a credit note."""
    for name in (meant.get(concept, "") for concept in ("net", "tax", "total")):
        amount = _decimal(cells.get(name))
        if amount is not None and amount < 0 and not credit_note():
            doubts[name].append(doubt("negative", f"{amount} is below zero."))


#: A word, a dash between blanks, and then what is behind the dash of an amount.
_DASHED = r"[^\W\d_][%).]* +[-‐‑] +"
#: Debit (Soll) behind an amount of an account, which may be the bank's or the customer's.
_OWED = r"\s(?:S|Soll|D[Rr])(?!\w)"


def _check_signs(
    fields: Sequence[FieldSpec],
    cells: Mapping[str, Cell],
    pages: Mapping[int, Page],
    doubts: dict[str, list[Problem]],
) -> None:
    """In "Skonto - 5.00" the dash may be a minus, or part the words from the amount; "5,00 S" may be owed."""
    for field in fields:
        cell = cells[field.name]
        page = pages.get(cell.page or 0)
        if field.type is not FieldType.AMOUNT or cell.value is None or page is None:
            continue
        amount = re.escape((cell.text or "").lstrip("-‐‑ "))
        unclear = re.compile(f"{_DASHED}{amount}|{amount}{_OWED}")
        if unclear.search(cell.quote or "") and unclear.search(Sheet(page).walled):
            doubts[field.name].append(doubt("sign_unclear", f"“{cell.quote}” may be below zero or not."))


def _check_marks(
    fields: Sequence[FieldSpec],
    cells: Mapping[str, Cell],
    pages: Mapping[int, Page],
    doubts: dict[str, list[Problem]],
) -> None:
    """In "1.234" the mark groups thousands or stands before decimals; other figures of the page say which."""
    for field in fields:
        cell, page = cells[field.name], pages.get(cells[field.name].page or 0)
        found = _ONE_MARK.search(cell.text or "")
        if field.type not in (FieldType.AMOUNT, FieldType.NUMBER) or cell.value is None or not found or page is None:
            continue
        usual = decimal_mark(tokens_of(word.text for word in page.words))
        if usual and (usual == found[1]) != ("." in cell.value):
            doubts[field.name].append(doubt("mark_unclear", f"“{cell.text}” has three digits behind its mark."))


_ONE_MARK = re.compile(r"(?<![\d.,])[1-9]\d{0,2}([.,])\d{3}(?![\d.,])")


def _check_currency(meant: Mapping[str, str], cells: Mapping[str, Cell], doubts: dict[str, list[Problem]]) -> None:
    """A sign that several currencies share is kept as printed where the document does not say whose it is."""
    name = meant.get("currency", "")
    value = _value(cells, name)
    if value in SHARED:
        doubts[name].append(doubt("currency_unknown", f"“{value}” may be {', '.join(SHARED[value])}."))


def _check_table(
    field: FieldSpec,
    table: Cell,
    meant: Mapping[str, str],
    cells: Mapping[str, Cell],
    credit_note: Callable[[], bool],
    doubts: dict[str, list[Problem]],
) -> set[str]:
    """The rows add up to the net amount, or to the total where prices include the tax.

    A credit note may print what it takes back without a minus in its rows, or in its sums.
    """
    place = _column(field, "line_total")
    if place is None:
        return set()
    amounts = [_decimal(row[place]) for row in table.rows]
    printed = {name: _decimal(cells.get(name)) for name in (meant.get("net", ""), meant.get("total", ""))}
    known = {name: value for name, value in printed.items() if value is not None}
    if not known:
        return set()
    summed = sum((amount for amount in amounts if amount is not None), Decimal(0))
    fitting = {name for name, value in known.items() if abs(value - summed) <= _ROUNDING}
    turned = {name for name, value in known.items() if abs(value + summed) <= _ROUNDING}
    if not fitting and turned and credit_note():
        fitting = turned
    if fitting and None not in amounts:
        return {field.name, *fitting}
    if meant.get("net", "") not in known and summed <= abs(known[meant["total"]]):
        return set()  # prices may be without tax, and nobody read how much that is
    said = " or ".join(str(value) for value in known.values())
    doubts[field.name].append(doubt("rows_differ", f"The rows add up to {summed}, not to {said}."))
    return set()


def _check_rows(field: FieldSpec, table: Cell, pages: Mapping[int, Page]) -> Cell:
    """In each row quantity and price make the amount."""
    places = [_column(field, concept) for concept in _PRODUCT]
    rows = []
    for row in table.rows:
        if row_multiplies(field, row, pages) is False:
            quantity, price, amount = (_decimal(row[place]) for place in places if place is not None)
            failed = doubt("row_sum_differs", f"{quantity} times {price} is not {amount}.")
            row = tuple(replace(c, doubts=(*c.doubts, failed)) if n in places else c for n, c in enumerate(row))
        rows.append(row)
    return replace(table, rows=tuple(rows))


def row_multiplies(field: FieldSpec, row: Sequence[Cell], pages: Mapping[int, Page]) -> bool | None:
    """Whether quantity times price is the amount of a row, less what is printed in it as a percentage.

    None where one of them is not there.
    """
    cells = [None if place is None else row[place] for place in (_column(field, concept) for concept in _PRODUCT)]
    quantity, price, amount = map(_decimal, cells)
    if quantity is None or price is None or amount is None:
        return None
    product = abs(quantity * price)
    if abs(product - abs(amount)) <= _ROUNDING:
        return True
    less = _percentages(cells[-1], pages)
    return any(abs(product * (100 - one) / 100 - abs(amount)) <= _ROUNDING for one in less)


def _percentages(cell: Cell | None, pages: Mapping[int, Page]) -> list[Decimal]:
    """The percentages that stand level with a cell."""
    page = None if cell is None else pages.get(cell.page or 0)
    if cell is None or page is None or not cell.boxes:
        return []
    _, top, _, bottom = cell.boxes[-1]
    level = " ".join(word.text for word in page.words if top < (word.box[1] + word.box[3]) / 2 < bottom)
    return [Decimal(found.replace(",", ".")) for found in _PERCENTAGE.findall(level)]


def _column(field: FieldSpec, concept: str) -> int | None:
    guides = column_guides(field.columns)
    return next((place for place, guide in enumerate(guides) if guide.concept == concept), None)


def _check_count(field: FieldSpec, table: Cell, pages: Mapping[int, Page], doubts: dict[str, list[Problem]]) -> None:
    """On each page a column of figures shows as many as were read, and no two rows stand at the same one of them."""
    numbers = (FieldType.AMOUNT, FieldType.NUMBER, FieldType.INTEGER)
    places = [place for place, column in enumerate(field.columns) if column.type in numbers]
    for place in places[-1:]:
        column = field.columns[place].name
        for number, page in pages.items():
            boxes = [row[place].boxes[-1] for row in table.rows if row[place].page == number and row[place].boxes]
            if len(boxes) < 2:
                continue
            there = _figures_between(boxes, page)
            if len(there) > len(boxes):
                said = f"Page {number} has {len(there)} figures in the column {column}, {len(boxes)} were read."
                doubts[field.name].append(doubt("row_count", said))
            elif twice := _read_twice(boxes, there):
                said = f"Page {number} shows {twice} in the column {column} less often than it was read."
                doubts[field.name].append(doubt("row_count", said))


def _figures_between(boxes: Sequence[Box], page: Page) -> list[Word]:
    """The words with digits that end where a column does, from its first box to its last."""
    right = median(box[2] for box in boxes)
    top, bottom = min(box[1] for box in boxes) - 1e-6, max(box[3] for box in boxes) + 1e-6
    return [
        word
        for word in page.words
        if any(map(str.isdigit, word.text))
        and abs(word.box[2] - right) < _ALIGNED
        and word.box[1] >= top
        and word.box[3] <= bottom
    ]


def _read_twice(boxes: Sequence[Box], there: Sequence[Word]) -> str | None:
    """A figure that was read in more rows than its column shows it: the same row, said again by a model.

    Rows that are alike are all proven by the first of them, so figures are counted and not places.
    """
    figure = {box: word.text for box in boxes for word in there if _within(word.box, box)}
    read = Counter(figure[box] for box in boxes if box in figure)
    printed = Counter(word.text for word in there)
    return next((text for text, times in read.items() if times > printed[text]), None)


def _within(inner: Box, outer: Box) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def compare_tables(field: FieldSpec, table: Cell, other: Cell) -> tuple[float, Problem | None]:
    """The share of cells, 0..1, in which the built-in reader's independent reading agrees with a table, and a doubt.

    Tables of different length agree in nothing. Texts may differ, as readers end them differently; figures may not.
    """
    if len(table.rows) != len(other.rows):
        said = f"The built-in reader read {len(other.rows)} rows, not {len(table.rows)}."
        return 0.0, doubt("disagreement", said)
    agreed = []
    differing: Problem | None = None
    for number, (row, second) in enumerate(zip(table.rows, other.rows, strict=True), start=1):
        for column, one, two in zip(field.columns, row, second, strict=True):
            if one.value is None or two.value is None:
                continue
            agreed.append(same_value(one.value, two.value, column.type))
            if not agreed[-1] and column.type is not FieldType.TEXT:
                said = f"The built-in reader read “{two.text}” as {column.name} of row {number}."
                differing = differing or doubt("disagreement", said)
    return sum(agreed) / len(agreed) if agreed else 0.0, differing


# ── dates and numbers ────────────────────────────────────────────────────────────────────────────────────────────────


def _check_dates(
    fields: Sequence[FieldSpec],
    meant: Mapping[str, str],
    cells: Mapping[str, Cell],
    day_first: bool | None,
    doubts: dict[str, list[Problem]],
) -> None:
    """A date like 03/04/2018 needs a document that says how it writes dates; payment is not due before the invoice."""
    for field in fields:
        cell = cells[field.name]
        unknown = field.type is FieldType.DATE and cell.value is not None and day_first is None
        if unknown and is_ambiguous_date(cell.text or ""):
            doubts[field.name].append(doubt("order_unknown", f"“{cell.text}” may be two different dates."))
    issued, due = _value(cells, meant.get("invoice_date")), _value(cells, meant.get("due_date"))
    if issued is not None and due is not None and due < issued:  # ISO dates are in order as texts
        doubts[meant["due_date"]].append(doubt("dates_disorder", f"{due} is before {issued}."))


def _check_iban(meant: Mapping[str, str], cells: Mapping[str, Cell], doubts: dict[str, list[Problem]]) -> None:
    """An IBAN's letters and digits are 1 modulo 97 (ISO 13616)."""
    name = meant.get("iban", "")
    value = _value(cells, name)
    if value is None:
        return
    plain = re.sub(r"[\W_]", "", value).upper()
    moved = plain[4:] + plain[:4]
    if not re.fullmatch(r"[0-9A-Z]{11,}", moved) or int("".join(str(int(char, 36)) for char in moved)) % 97 != 1:
        doubts[name].append(doubt("checksum", f"“{value}” is no valid IBAN."))
