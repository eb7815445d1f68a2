"""Measuring on an office's own questions and fields.

Questions are asked as users would ask them, fields are filled by the same code as an extraction. A record names its
document by a path relative to the file of records; what counts is the content, wherever the document was ingested from.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from rapidfuzz.distance import Levenshtein

from docqa.ask import ask, finished
from docqa.errors import BadQuestionsFile, PathMissing
from docqa.extract.calibration import accuracy_at, brier, calibration_error, fitted, in_words
from docqa.extract.confidence import Calibration
from docqa.extract.run import carry_on, measurement
from docqa.extract.table import run_table
from docqa.extract.values import same_value
from docqa.find import Finder, Scope
from docqa.readers import Reader
from docqa.settings import Settings
from docqa.store import Store
from docqa.types import Answer, Cell, FieldSpec, FieldType, Verdict
from docqa.verify import letters_of

ANLS_THRESHOLD = 0.5  #: normalised distance from which an answer counts nothing (Biten et al., ICCV 2019)
_DEPTHS = (1, 3, 5, 10)
_ACCURACIES = (0.9, 0.95, 0.99)
_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)  #: of the cells, the surest first, that are taken without a look

Truth = str | Sequence[str]
Half = Literal["even", "odd"]


class Question(BaseModel):
    """A question with its known answer. `pages` are 1-based; any of them found is a hit."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: str
    answer: str = ""
    doc: str | None = None
    pages: tuple[int, ...] = ()
    scope: str = "corpus"  #: "doc": the question only makes sense with the document given
    unanswerable: bool = False
    source: str = ""


class FieldRecord(BaseModel):
    """The known values of one document; a field that is not named was not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    doc: str
    fields: Mapping[str, Truth]

    @field_validator("fields", mode="before")
    @classmethod
    def _as_printed(cls, fields: object) -> object:
        """JSON numbers and booleans become the texts that cells hold."""
        if not isinstance(fields, dict):
            return fields
        return {name: json.dumps(v) if isinstance(v, bool | int | float) else v for name, v in fields.items()}


Record = TypeVar("Record", Question, FieldRecord)


def read_questions(file: Path) -> list[Question]:
    """Questions from JSON lines, documents as sha256. Raises PathMissing, BadQuestionsFile."""
    return _read(file, Question)


def half_of(questions: Sequence[Question], half: Half | None) -> list[Question]:
    """The questions of one half, or all of them: choose settings on one half and report the other.

    A question's half is the lowest bit of the first byte of its sha256, so it stays in it whatever else is asked.
    """
    halves: dict[int, Half] = {0: "even", 1: "odd"}
    return [
        question
        for question in questions
        if half is None or halves[hashlib.sha256(question.question.encode()).digest()[0] & 1] == half
    ]


def read_field_records(file: Path) -> list[FieldRecord]:
    """Field records from JSON lines, documents as sha256. Raises PathMissing, BadQuestionsFile."""
    return _read(file, FieldRecord)


# ── questions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def evaluate_questions(
    store: Store,
    finder: Finder,
    reader: Reader | None,
    questions: Sequence[Question],
    collection: str | None,
    pages_read: int,
    *,
    leave_out: bool = False,
) -> dict[str, object]:
    """Recall and MRR of the pages found; with a reader also ANLS and abstention.

    The figures at the top are those of whole-collection questions; questions about a given document come below
    "doc_scope". Questions whose document is not in the store are counted as "skipped". With `leave_out` each
    whole-collection question is asked once more of all other documents, as one that cannot be answered.
    """
    there = {document.doc for document in store.catalog.documents(collection)}
    known = [question for question in questions if question.unanswerable or question.doc in there]
    answerable = [question for question in known if not question.unanswerable]
    ranks = {question: _rank(finder, question, collection) for question in answerable}
    whole = {question: rank for question, rank in ranks.items() if question.scope != "doc"}
    report: dict[str, object] = _recall(whole.values())
    report["skipped"] = len(questions) - len(known)
    report["doc_scope"] = _recall(rank for question, rank in ranks.items() if question.scope == "doc")
    sources = sorted({question.source for question in whole})
    report["by_source"] = {
        source: _recall(rank for question, rank in whole.items() if question.source == source) for source in sources
    }
    if reader is not None:
        answers = _answers(store, finder, reader, known, collection, pages_read)
        report |= _judged(answers)
        without = list(whole) if leave_out else []
        report |= _abstention(answers, _without(store, finder, reader, without, collection, pages_read))
    return report


def anls(answer: str, truth: str) -> float:
    """Average normalised Levenshtein similarity of one answer: 1 for equal, 0 from half different on."""
    a, b = " ".join(answer.casefold().split()), " ".join(truth.casefold().split())
    distance = Levenshtein.normalized_distance(a, b)
    return 1 - distance if distance < ANLS_THRESHOLD else 0.0


def _rank(finder: Finder, question: Question, collection: str | None) -> int | None:
    """The rank, from 1, of the first page found that holds the answer; None if none of the first ten does."""
    hits = finder.find(question.question, max(_DEPTHS), _scope(question, collection))
    ranks = (n for n, hit in enumerate(hits, start=1) if hit.doc == question.doc and hit.page in question.pages)
    return next(ranks, None)


def _scope(question: Question, collection: str | None) -> Scope:
    return Scope(collection, question.doc if question.scope == "doc" else None)


def _recall(ranks: Iterable[int | None]) -> dict[str, object]:
    found = list(ranks)
    report: dict[str, object] = {"n": len(found)}
    for depth in _DEPTHS:
        report[f"recall@{depth}"] = _mean(rank is not None and rank <= depth for rank in found)
    report["mrr"] = _mean(0.0 if rank is None else 1 / rank for rank in found)
    return report


Answers = Sequence[tuple[Question, Answer]]


def _answers(
    store: Store, finder: Finder, reader: Reader, questions: Sequence[Question], collection: str | None, pages_read: int
) -> Answers:
    return [
        (question, _ask(store, finder, reader, question, _scope(question, collection), pages_read))
        for question in questions
    ]


def _without(
    store: Store, finder: Finder, reader: Reader, questions: Sequence[Question], collection: str | None, pages_read: int
) -> Answers:
    """Questions asked of every document but the one that answers them."""
    return [
        (question, _ask(store, finder, reader, question, Scope(collection, without=question.doc), pages_read))
        for question in questions
    ]


def _judged(answers: Answers) -> dict[str, object]:
    cited = [citation for _, answer in answers for citation in answer.citations]
    right_page = [
        any(c.doc == question.doc and c.page in question.pages for c in answer.citations)
        for question, answer in answers
        if not question.unanswerable
    ]
    return {
        "anls": _mean(anls(answer.text, question.answer) for question, answer in answers if not question.unanswerable),
        "answer_in_quotes": _mean(
            _quotes_hold(answer, question.answer) for question, answer in answers if question.answer
        ),
        "cited_right_page": _mean(right_page),
        "quotes_verified": _mean(citation.verified for citation in cited),
        "seconds_per_question": _mean(answer.seconds for _, answer in answers),
    }


def _abstention(answers: Answers, without: Answers) -> dict[str, object]:
    """Of what was not answered, how much could not be; of what could not be, how much was not answered.

    An answer counts if it is shown as found: one that is unverified is not.
    """
    hopeless = [(True, answer) for _, answer in without] + [(q.unanswerable, answer) for q, answer in answers]
    abstained = [unanswerable for unanswerable, answer in hopeless if answer.verdict is not Verdict.FOUND]
    report: dict[str, object] = {
        "abstain_precision": _mean(abstained),
        "abstain_recall": _mean(
            answer.verdict is not Verdict.FOUND for unanswerable, answer in hopeless if unanswerable
        ),
    }
    if without:
        left_out = [answer.verdict is not Verdict.FOUND for _, answer in without]
        answered = [a.verdict is Verdict.FOUND for q, a in answers if not q.unanswerable]
        report |= {"left_out": len(without), "left_out_abstained": _mean(left_out), "answered": _mean(answered)}
    return report


def _quotes_hold(answer: Answer, truth: str) -> bool:
    """Whether the true answer stands in a quote, letter by letter: ANLS cannot see that in a long quote."""
    wanted = letters_of(truth)
    return any(wanted in letters_of(citation.quote) for citation in answer.citations)


def _ask(store: Store, finder: Finder, reader: Reader, question: Question, scope: Scope, limit: int) -> Answer:
    return finished(ask(store, finder, reader, question.question, scope, limit))


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Judged:
    """A cell, or that there is none, of a field whose true value is known."""

    doc: str
    field: str
    cell: Cell | None
    right: bool

    @property
    def sureness(self) -> tuple[float, float]:
        """What cells are ranked by: their confidence, and the reader's score where that is the same."""
        known = self.cell is not None and self.cell.value is not None
        return (self.cell.confidence or 0.0, self.cell.score) if known and self.cell is not None else (0.0, 0.0)

    @property
    def held_back(self) -> bool:
        """Whether the document belongs to the half that nothing is chosen or fitted on: decided by its content."""
        return int(self.doc[:8], 16) % 2 == 1


def evaluate_fields(
    store: Store, settings: Settings, fields: Sequence[FieldSpec], records: Sequence[FieldRecord], wanted: str
) -> dict[str, object]:
    """Accuracy of the cells, per field and overall, and how far their confidence can be believed.

    The same figures come a second time for the half of the documents that was held back when weights were chosen.
    Only fields that both the fields file and the record name are counted; an empty true value means that the right
    cell is empty. Documents that are not in the store are counted as "skipped".
    """
    there = {document.doc for document in store.catalog.documents()}
    known = [record for record in records if record.doc in there]
    judged = judge_fields(store, settings, fields, known, wanted)
    held = [one for one in judged if one.held_back]
    return {
        "documents": len(known),
        "skipped": len(records) - len(known),
        **_field_figures(judged),
        "held_back": _field_figures(held),
    }


def judge_fields(
    store: Store, settings: Settings, fields: Sequence[FieldSpec], records: Sequence[FieldRecord], wanted: str
) -> list[Judged]:
    """Fill the fields of the records' documents and compare every cell with the truth.

    It is no extraction of the office's: nobody sees it, and nothing of it is left but cells that need not be filled
    again.
    """
    with measurement(store, settings, fields, wanted, [record.doc for record in records]) as run:
        carry_on(store, settings, run)
        cells = {row.document.doc: row.cells for row in run_table(store, run)}
    types = {field.name: field.type for field in fields}
    return [
        Judged(record.doc, name, cell := cells[record.doc].get(name), is_right(cell, truth, types[name]))
        for record in records
        for name, truth in record.fields.items()
        if name in types
    ]


def fit_confidence(judged: Sequence[Judged], start: Calibration, fitted_on: str, fitted_at: str) -> Calibration:
    """Fit confidence to one half of the cells, measure it on the half held back, and say both.

    `start` is the calibration in use, or `Calibration(BELIEFS)` for a first one. A cell that failed a check is as sure
    as that allows, whatever its signs, so that nothing is learned from it.
    """
    taught = [(one.cell.signs, one.right) for one in judged if one.cell is not None and _teaches(one)]
    fit = fitted(start, taught)
    held = [one for one in judged if one.held_back]
    return replace(fit, fitted_on=fitted_on, fitted_at=fitted_at, measured=believability(held, fit))


def _teaches(one: Judged) -> bool:
    return not one.held_back and one.cell is not None and one.cell.value is not None and not one.cell.doubts


def believability(judged: Sequence[Judged], calibration: Calibration) -> dict[str, float]:
    """How far the confidence that a calibration gives to cells can be believed; cells without a value claim nothing."""
    rated = rated_by(judged, calibration)
    claimed = [one for one in rated if one[0] > 0]
    return {
        "cells": float(len(rated)),
        "calibration_error": calibration_error(claimed) or 0.0,
        "brier": brier(claimed) or 0.0,
        "accuracy_at_0.6": accuracy_at(rated, 0.6) or 0.0,
        "accuracy_at_0.8": accuracy_at(rated, 0.8) or 0.0,
    }


def rated_by(judged: Sequence[Judged], calibration: Calibration) -> list[tuple[float, bool]]:
    """Each cell's confidence by a calibration, 0 where it has no value, and whether it was right."""
    return [(0.0 if one.cell is None else calibration.confidence(one.cell) or 0.0, one.right) for one in judged]


#: Cells with a value that each half must have: of 50 that are right nine times in ten, the share that is seen is off by
#: 0.04 (one standard error), which is what a good fit may gain.
FEWEST_CELLS = 50
#: By so much a calibration error may rise without being worse: a few hundred cells cannot tell less from chance.
_NO_WORSE = 0.01


@dataclass(frozen=True, slots=True)
class Fit:
    """A calibration that was fitted anew, what it does on the half held back, and what the one in use does there."""

    calibration: Calibration
    cells: int  #: that it was fitted to
    before: Mapping[str, float]
    after: Mapping[str, float]
    sentence: str  #: how many of the cells held back need no look
    refused: str | None  #: why it should not replace the one in use


def refitted(judged: Sequence[Judged], start: Calibration, in_use: Calibration, fitted_on: str, fitted_at: str) -> Fit:
    """Fit confidence anew from `start`, and say whether it may replace the calibration `in_use`."""
    fit = fit_confidence(judged, start, fitted_on, fitted_at)
    held = [one for one in judged if one.held_back]
    before, after = believability(held, in_use), believability(held, fit)
    refused = _too_few(judged) or _worse(before, after)
    cells = sum(map(_teaches, judged))
    return Fit(fit, cells, before, after, in_words(rated_by(held, in_use if refused else fit)), refused)


def _too_few(judged: Sequence[Judged]) -> str | None:
    valued = [one.held_back for one in judged if one.cell is not None and one.cell.value is not None]
    held, used = sum(valued), len(valued) - sum(valued)
    if min(held, used) >= FEWEST_CELLS:
        return None
    return (
        f"There are too few cells that somebody looked at: {used} to fit and {held} to measure, "
        f"and {FEWEST_CELLS} of each are needed"
    )


def _worse(before: Mapping[str, float], after: Mapping[str, float]) -> str | None:
    if after["brier"] > before["brier"]:
        return f"It is worse on the half held back: a Brier score of {after['brier']} instead of {before['brier']}"
    if after["calibration_error"] > before["calibration_error"] + _NO_WORSE:
        was, would = before["calibration_error"], after["calibration_error"]
        return f"It is worse on the half held back: a calibration error of {would} instead of {was}"
    return None


def _field_figures(judged: Sequence[Judged]) -> dict[str, object]:
    """The calibration error is that of the cells that have a value; empty ones claim nothing."""
    by_field: dict[str, list[bool]] = defaultdict(list)
    for one in judged:
        by_field[one.field].append(one.right)
    ranked = [(one.sureness, one.right) for one in judged]
    claimed = [(sure[0], right) for sure, right in ranked if sure > (0.0, 0.0)]
    return {
        "n": len(judged),
        "accuracy": _mean(one.right for one in judged),
        "per_field": {name: {"n": len(marks), "accuracy": _mean(marks)} for name, marks in sorted(by_field.items())},
        "coverage_at": _coverage(ranked),
        "accuracy_at": {str(share): accuracy_at(ranked, share) for share in _SHARES},
        "calibration_error": calibration_error(claimed),
        "in_words": in_words([(sure[0], right) for sure, right in ranked]) if ranked else None,
    }


def is_right(cell: Cell | None, truth: Truth, type: FieldType) -> bool:
    """Whether a cell holds the true value, or one of several true values, after normalisation."""
    value = "" if cell is None or cell.value is None else cell.value
    if isinstance(truth, str):
        return same_value(value, truth, type) if value and truth else value == truth
    if type is FieldType.LIST:
        return bool(value) and same_value(value, "; ".join(truth), type)
    return any(bool(value) and same_value(value, one, type) for one in truth)


def _coverage(scored: Sequence[tuple[tuple[float, float], bool]]) -> dict[str, float]:
    """For each accuracy the largest share of cells, the surest first, that is at least so accurate.

    Cells of the same score go together: no threshold could part them.
    """
    ranked = sorted(scored, key=lambda item: item[0], reverse=True)
    shares: dict[str, float] = {}
    for wanted in _ACCURACIES:
        right, best = 0, 0
        for number, (score, correct) in enumerate(ranked, start=1):
            right += correct
            last = number == len(ranked) or ranked[number][0] < score
            if last and right / number >= wanted:
                best = number
        shares[str(wanted)] = round(best / len(ranked), 4) if ranked else 0.0
    return shares


# ── files of records ─────────────────────────────────────────────────────────────────────────────────────────────────


def _read(file: Path, kind: type[Record]) -> list[Record]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")  # splitlines would also split at U+2028 inside a string
    except OSError as error:
        raise PathMissing(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadQuestionsFile(f"{file} is not a text file.") from error
    records = [_record(file, number, line, kind) for number, line in enumerate(lines, start=1) if line.strip()]
    if not records:
        raise BadQuestionsFile(f"{file} holds no records.")
    hashes = {name: _sha256(file.parent / name) for name in {record.doc for record in records if record.doc}}
    return [r if r.doc is None else r.model_copy(update={"doc": hashes[r.doc]}) for r in records]


def _record(file: Path, number: int, line: str, kind: type[Record]) -> Record:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadQuestionsFile(f"{file}, line {number}: {where}: {first['msg']}.") from error


def _sha256(document: Path) -> str:
    try:
        with document.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise PathMissing(f"The document {document} cannot be read: {error.strerror}.") from error


def _mean(values: Iterable[float]) -> float | None:
    """The mean to four places; None of nothing."""
    listed = list(values)
    return round(fmean(listed), 4) if listed else None
