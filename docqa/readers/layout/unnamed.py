"""What the columns of a table are that nobody knows by name, seen from what stands in them.

Of columns of figures those are quantity, price and amount that multiply so in most rows. The column with the most
letters is the description, where no heading says so. Where figures end below their heading is seen from the rows, too.
Not here: which rows there are (`docqa.readers.layout.tables`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from statistics import median

from docqa.readers.layout.headings import Column

_ROUNDING = Decimal("0.05")  #: by which a product may differ: EN 16931 rounds to 0.01, cash to 0.05
_PRODUCT = ("quantity", "unit_price", "line_total")
_TRIED = 5  #: columns of figures that are tried; three of them make 60 products a row
_WORDIER = 5  #: times the letters of a column that is called a description and holds numbers
_SAMPLE = 12  #: rows that are looked at

Figures = Mapping[str, Decimal]  #: of a row, by column


def with_edges(columns: Sequence[Column], edges: Mapping[str, Sequence[float]], tolerance: float) -> list[Column]:
    """The columns with the place where their figures end, if most figures of a column end there."""
    found = []
    for column in columns:
        ends = edges.get(column.concept, ())
        edge = median(ends) if len(ends) > 1 else None
        aligned = edge is not None and sum(abs(end - edge) <= tolerance for end in ends) * 3 >= len(ends) * 2
        found.append(replace(column, edge=edge) if aligned else column)
    return found


def named(
    columns: Sequence[Column], letters: Mapping[str, int], figures: Sequence[Figures], wanted: Set[str]
) -> list[Column]:
    """The columns, with names for those that show what they are.

    `letters` says how many stand in each column, `figures` has the numbers of each row by column, both by the names
    that the columns have so far.
    """
    names = _multiplied(columns, figures[:_SAMPLE]) if wanted >= {"line_total"} else {}
    free = [one.concept for one in columns if one.is_unnamed or one.concept in ("article", "position")]
    free = [name for name in free if name not in names]
    most = max(free, key=lambda name: (letters.get(name, 0), name == "position"), default=None)
    if most is not None and "description" in wanted:
        there = "description" in {column.concept for column in columns}
        if there and letters.get("description", 0) * _WORDIER < letters.get(most, 0):
            names |= {"description": "position", most: "description"}  # an "Item" may be a mere number
        elif not there and (letters.get(most, 0) or most == "position"):
            names[most] = "description"
    return [replace(column, concept=names.get(column.concept, column.concept)) for column in columns]


def _multiplied(columns: Sequence[Column], rows: Sequence[Figures]) -> dict[str, str]:
    """New names for columns, so that quantity times price is the amount in most rows.

    Where nothing multiplies so, a last column of figures is the amount, if nothing else is called that.
    """
    known = {column.concept for column in columns}
    missing = [name for name in _PRODUCT if name not in known]
    if not missing or not rows:
        return {}
    unknown = [one.concept for one in columns if one.concept not in (*_PRODUCT, "description")]
    numeric = [name for name in unknown if sum(name in row for row in rows) * 2 >= len(rows)][:_TRIED]
    found = _best(missing, numeric, rows)
    if not found and "unit_price" in missing and "line_total" in known:  # what is called so may be the price
        found = _best([*missing, "line_total"], [*numeric, "line_total"], rows)
    last = columns[-1].concept
    return found or ({last: "line_total"} if "line_total" in missing and last in numeric else {})


def _best(missing: Sequence[str], free: Sequence[str], rows: Sequence[Figures]) -> dict[str, str]:
    """What free columns are called so that most rows multiply; nothing where less than half of them do."""
    best: tuple[int, int, dict[str, str]] = (0, 0, {})
    for chosen in permutations(free, len(missing)):
        names = {**dict(zip(_PRODUCT, _PRODUCT, strict=True)), **dict(zip(missing, chosen, strict=True))}
        holds = sum(_holds(names, row) for row in rows)
        # Of two factors the one that is printed without decimals is the quantity.
        whole = sum(row[names["quantity"]] % 1 == 0 for row in rows if names["quantity"] in row)
        if (holds, whole) > best[:2]:
            best = (holds, whole, {name: one for one, name in zip(missing, chosen, strict=True)})
    return best[2] if best[0] and best[0] * 2 >= len(rows) else {}


def _holds(names: Mapping[str, str], row: Figures) -> bool:
    quantity, price, amount = (row.get(names[one]) for one in _PRODUCT)
    if quantity is None or price is None or amount is None:
        return False
    return abs(abs(quantity * price) - abs(amount)) <= _ROUNDING
