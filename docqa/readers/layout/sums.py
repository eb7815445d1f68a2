"""What the amounts of a document say about each other: net and tax make the total, cash less change is the total.

Arithmetic is evidence no label can give: it raises amounts that fit the others, and finds one that has no label.
Not here: reading the amounts (`docqa.readers.layout`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

#: The concepts that are read to check each other.
CHECKED = ("net", "tax", "total", "cash", "change")
_SURE = 0.75
_LONGEST = 60  #: amounts of a column that are added up
_MOST = 12  #: amounts of one concept that take part; a long report has thousands
_UNLABELLED = 0.3  #: below this score no label speaks for an amount

#: Where small coins are gone, sums paid in cash are rounded to 0.05 (Malaysia, Switzerland) or, in some shops, 0.10.
_CASH_ROUNDING = Decimal("0.05")

Scores = Mapping[str, Mapping[Decimal, float]]


class Sums:
    """The amounts of one document, without signs: how sure each is under its concept, how often each is printed."""

    def __init__(self, scores: Scores, printed: Counter[Decimal]) -> None:
        self._printed = printed
        self._labelled = {name: _surest(scores.get(name, {}), 0.0) for name in CHECKED}
        surely = {name: _surest(scores.get(name, {}), _SURE) for name in CHECKED}
        self._fitting = _implied(self._labelled)
        self._missing = {name: values - surely[name] for name, values in _implied(surely).items()}
        change = self._labelled["change"] or {Decimal(0)}
        self._paid = {paid - back for paid in self._labelled["cash"] for back in change}
        self._rounded = {
            paid for paid in self._paid for total in surely["total"] if 0 < abs(paid - total) <= _CASH_ROUNDING
        }
        self._largest = max(self._labelled["total"], default=None)

    def bonus(self, concept: str, value: Decimal, score: float) -> float:
        """What the other amounts add to the score of this one."""
        if value <= 0 or concept not in self._fitting:
            return 0.0
        if concept == "total" and value in self._rounded:
            return 1.2  # the till rounded the total, and this is what was paid
        if score < _UNLABELLED:
            return self._unlabelled(concept, value)
        bonus = 0.15 if value in self._fitting[concept] else 0.0
        if concept == "total":
            # Of several amounts called total the gross one is the largest.
            bonus += 0.12 * float(min(Decimal(1), value / self._largest)) if self._largest else 0.0
            bonus += 0.05 if value in self._paid else 0.0
        return bonus

    def _unlabelled(self, concept: str, value: Decimal) -> float:
        """An amount no label speaks for, but which two surely labelled ones imply or which was paid."""
        twice = self._printed[value] > 1 or bool(self._labelled["change"])
        if concept == "total" and twice and value in self._paid:
            return 0.48
        return 0.46 if value in self._missing[concept] else 0.0


def column_total(column: Sequence[Decimal]) -> int | None:
    """The place, in a column of amounts from its first on, of the one that sums up those above it; None without one."""
    so_far = Decimal(0)
    for place, value in enumerate(column[:_LONGEST]):
        if place > 1 and value == so_far:
            return place
        so_far += value
    return None


def _surest(scores: Mapping[Decimal, float], floor: float) -> set[Decimal]:
    best = sorted(scores, key=lambda value: -scores[value])[:_MOST]
    return {value for value in best if scores[value] >= floor}


def _implied(values: Mapping[str, set[Decimal]]) -> dict[str, set[Decimal]]:
    """For each of net, tax and total the amounts the other two say it should be."""
    net, tax, total = values["net"], values["tax"], values["total"]
    return {
        "total": {n + t for n in net for t in tax if n > t},
        "net": {t - x for t in total for x in tax if t > x},
        "tax": {t - n for t in total for n in net if t > n},
    }
