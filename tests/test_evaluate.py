"""Measuring: figures worked out by hand, and files of questions and records with mistakes in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from docqa.embed import Embedder
from docqa.errors import BadQuestionsFile, PathMissing, UnknownCollection
from docqa.evaluate import (
    FieldRecord,
    Judged,
    Question,
    anls,
    evaluate_fields,
    evaluate_questions,
    fit_confidence,
    half_of,
    is_right,
    read_field_records,
    read_questions,
)
from docqa.extract import run as extraction
from docqa.extract.confidence import Calibration
from docqa.find import Finder, Scope
from docqa.readers import NOTHING_SAID, Conversation
from docqa.settings import FindSettings, Settings
from docqa.store import Store
from docqa.types import Cell, Document, Draft, Evidence, FieldSpec, FieldType, Hit, Problem, Quote, Reading, Verdict

AddDocument = Callable[..., Document]

# ── one answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "truth", "expected"),
    [
        ("1,850 EUR", "1,850 EUR", 1.0),
        ("  Port\nEllen ", "port ellen", 1.0),  # neither case nor white space counts
        ("", "", 1.0),
        ("kitten", "sitting", 1 - 3 / 7),  # 3 edits, the longer has 7 letters: 0.43, less than a half
        ("abcd", "abce", 0.75),
        ("abcd", "abef", 0.0),  # exactly half different counts nothing
        ("abcde", "abcxy", 1 - 2 / 5),
        ("", "anything", 0.0),
        ("The rent is 1,850 EUR", "1,850 EUR", 0.0),
    ],
)
def test_anls_of_one_answer(answer: str, truth: str, expected: float) -> None:
    assert anls(answer, truth) == pytest.approx(expected)
    assert anls(truth, answer) == pytest.approx(expected)


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Ranked(Finder):
    """Finds what it was told to find, and keeps where it was to look."""

    def __init__(self, found: dict[str, Sequence[tuple[str, int]]]) -> None:
        self._found = found
        self.scopes: dict[str, Scope] = {}

    def find(self, question: str, k: int, scope: Scope) -> list[Hit]:
        self.scopes[question] = scope
        return [Hit(doc, "", page, 0.5, "", "") for doc, page in self._found[question]][:k]


@pytest.fixture
def doc(small_store: Store) -> str:
    return next(d.doc for d in small_store.catalog.documents() if d.label == "lease.pdf")


def ask_about(doc: str, name: str, *pages: int, **more: object) -> Question:
    return Question(question=name, doc=doc, pages=pages, **more)


def test_recall_and_mrr_by_hand(small_store: Store, doc: str) -> None:
    far = [("f" * 64, page) for page in range(1, 20)]
    finder = Ranked(
        {
            "first": [(doc, 1), *far],
            "second": [(doc, 9), (doc, 2), (doc, 1)],  # page 2 or 1 would do: the better rank counts
            "fourth": [*far[:3], (doc, 1)],
            "tenth": [*far[:9], (doc, 1)],
            "eleventh": [*far[:10], (doc, 1)],
            "same page of another": [("f" * 64, 1)],
            "nothing": [],
        }
    )
    questions = [ask_about(doc, name, 1, 2, source=name[:2]) for name in finder._found]
    report = evaluate_questions(small_store, finder, None, questions, None, 6)
    assert report["n"] == 7
    assert [report[f"recall@{k}"] for k in (1, 3, 5, 10)] == [round(n / 7, 4) for n in (1, 2, 3, 4)]
    assert report["mrr"] == round((1 + 1 / 2 + 1 / 4 + 1 / 10) / 7, 4)
    assert report["skipped"] == 0
    assert "anls" not in report
    assert isinstance(report["by_source"], dict)
    assert report["by_source"]["fi"] == {"n": 1, "recall@1": 1, "recall@3": 1, "recall@5": 1, "recall@10": 1, "mrr": 1}
    assert sorted(report["by_source"]) == ["el", "fi", "fo", "no", "sa", "se", "te"]


def test_questions_about_one_document_are_asked_in_it_and_counted_apart(small_store: Store, doc: str) -> None:
    finder = Ranked({"here": [(doc, 1)], "anywhere": []})
    questions = [ask_about(doc, "here", 1, scope="doc"), ask_about(doc, "anywhere", 1)]
    report = evaluate_questions(small_store, finder, None, questions, "office", 6)
    assert finder.scopes == {"here": Scope("office", doc), "anywhere": Scope("office", None)}
    assert (report["n"], report["recall@1"]) == (1, 0)
    assert isinstance(report["doc_scope"], dict)
    assert (report["doc_scope"]["n"], report["doc_scope"]["recall@1"]) == (1, 1)


def test_questions_about_documents_that_are_not_there_are_skipped(small_store: Store, doc: str) -> None:
    finder = Ranked({"here": [(doc, 1)]})
    unknown = Question(question="unknown", doc="0" * 64, pages=(1,))
    report = evaluate_questions(small_store, finder, None, [ask_about(doc, "here", 1), unknown], "office", 6)
    assert (report["n"], report["skipped"]) == (1, 1)
    report = evaluate_questions(small_store, finder, None, [ask_about(doc, "here", 1)], "club", 6)
    assert (report["n"], report["skipped"], report["mrr"]) == (0, 1, None)
    with pytest.raises(UnknownCollection):
        evaluate_questions(small_store, finder, None, [], "cellar", 6)


# ── answering ────────────────────────────────────────────────────────────────────────────────────────────────────────

RENT = "The monthly rent is 1,850.00 EUR"


class Knows:
    """A reader that answers by heart: question → (answer, quotes); what it does not know is not found."""

    name = "knows"
    version = "knows-1"

    def __init__(self, by_heart: dict[str, tuple[str, Sequence[tuple[int, str]]]]) -> None:
        self._by_heart = by_heart

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        if question not in self._by_heart:
            return Draft(Verdict.NOT_FOUND, "", ())
        text, quotes = self._by_heart[question]
        yield text
        return Draft(Verdict.FOUND, text, tuple(Quote(pages[0].page.doc, page, quote) for page, quote in quotes))

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        raise NotImplementedError


def test_answers_by_hand(small_store: Store, doc: str, fake_embedder: Embedder) -> None:
    finder = Finder(small_store, fake_embedder, FindSettings())
    reader = Knows(
        {
            "monthly rent right": ("1,850.00 EUR", [(1, RENT), (1, "made up from nothing")]),
            "monthly rent nearly": ("1,850.00 EUX", [(2, RENT)]),  # names the wrong page, and is put right
            "monthly rent unproven": ("1,850.00 EUR", []),  # no quote: counts as an abstention
            "unanswerable but answered": ("five", [(2, "notice period of three months")]),
        }
    )
    questions = [
        *(ask_about(doc, f"monthly rent {how}", 1, answer="1,850.00 EUR") for how in ("right", "nearly", "unproven")),
        Question(question="unanswerable but answered", unanswerable=True),
        Question(question="unanswerable and left so", unanswerable=True),
    ]
    report = evaluate_questions(small_store, finder, reader, questions, "office", 6)
    assert report["n"] == 3  # what cannot be answered cannot be found
    assert report["anls"] == round((1 + 11 / 12 + 1) / 3, 4)
    assert report["cited_right_page"] == round(2 / 3, 4)
    assert report["quotes_verified"] == round(3 / 4, 4)
    assert report["abstain_precision"] == 0.5  # of two abstentions, one was right
    assert report["abstain_recall"] == 0.5
    assert isinstance(report["seconds_per_question"], float)


def test_questions_are_also_asked_without_the_document_that_answers_them(
    small_store: Store, doc: str, fake_embedder: Embedder
) -> None:
    finder = Finder(small_store, fake_embedder, FindSettings())
    notice = "The tenant may not sublet the premises"
    reader = Knows({"monthly rent": ("1,850.00 EUR", [(1, RENT)]), "meeting": ("In September.", [(1, "next meeting")])})
    questions = [
        ask_about(doc, "monthly rent", 1, answer="1,850.00 EUR"),  # of no other page: unverified, so abstained
        ask_about(doc, "meeting", 1),  # the minutes of the club answer it, too
        ask_about(doc, notice, 2, scope="doc"),  # makes no sense without its document
    ]
    report = evaluate_questions(small_store, finder, reader, questions, None, 6, leave_out=True)
    assert (report["left_out"], report["left_out_abstained"]) == (2, 0.5)
    assert report["abstain_recall"] == 0.5
    assert (report["answered"], report["abstain_precision"]) == (round(2 / 3, 4), 0.5)


def test_without_questions_of_a_kind_there_is_no_figure(small_store: Store, doc: str, fake_embedder: Embedder) -> None:
    finder = Finder(small_store, fake_embedder, FindSettings())
    reader = Knows({"rent": ("1,850.00 EUR", [(1, RENT)])})
    report = evaluate_questions(small_store, finder, reader, [ask_about(doc, "rent", 1)], None, 6)
    assert (report["abstain_precision"], report["abstain_recall"]) == (None, None)
    assert report["quotes_verified"] == 1.0


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────────

TOTAL = FieldSpec("total", FieldType.AMOUNT)
PAID = FieldSpec("paid", FieldType.BOOLEAN)


def cell(value: str | None) -> Cell:
    return Cell("d0", "x", value, value, 1, value)


@pytest.mark.parametrize(
    ("value", "truth", "kind", "right"),
    [
        ("1190.00", "1,190.00", FieldType.AMOUNT, True),
        ("1190.00", "1190", FieldType.AMOUNT, True),
        ("1190.00", "1190.01", FieldType.AMOUNT, False),
        ("true", "true", FieldType.BOOLEAN, True),
        ("true", "false", FieldType.BOOLEAN, False),
        ("2026-05-03", "3 May 2026", FieldType.DATE, True),
        ("2026-05-03", "2026-03-05", FieldType.DATE, False),
        ("Alder Ltd", "ALDER LTD.", FieldType.TEXT, True),
        ("Alder Ltd", ["Alder Limited", "Alder Ltd"], FieldType.TEXT, True),
        ("Alder Ltd", ["Birch"], FieldType.TEXT, False),
        ("Alder Ltd", [], FieldType.TEXT, False),
        ("a; b", ["b", "a"], FieldType.LIST, True),
        ("a", ["b", "a"], FieldType.LIST, False),
        (None, "", FieldType.TEXT, True),  # rightly empty
        (None, "x", FieldType.TEXT, False),
        ("x", "", FieldType.TEXT, False),
        (None, ["x"], FieldType.LIST, False),
    ],
)
def test_a_cell_is_right_if_it_says_the_same(
    value: str | None, truth: str | list[str], kind: FieldType, right: bool
) -> None:
    assert is_right(cell(value), truth, kind) == right
    if value is None:
        assert is_right(None, truth, kind) == right


class Scores:
    """A reader of one field that reads the only word of a page, as sure as the page says: "5 0.9"."""

    name = "scores"
    version = "scores-1"

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        raise NotImplementedError

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        value, score = (word.text for word in pages[0].page.words)
        return [Reading(field.name, value, 1, value, float(score)) for field in fields]


@pytest.fixture
def fill(
    empty_store: Store, add_document: AddDocument, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, object]]:
    """Evaluate documents given as (page, true values)."""
    monkeypatch.setattr(extraction, "open_reader", lambda settings, wanted, embed: Scores())

    def fill(*documents: tuple[str, dict[str, str]], fields: Sequence[FieldSpec] = (TOTAL,)) -> dict[str, object]:
        records = [
            FieldRecord(doc=add_document(empty_store, f"{number}.pdf", "c", page).doc, fields=truth)
            for number, (page, truth) in enumerate(documents)
        ]
        return evaluate_fields(empty_store, Settings(), fields, records, "auto")

    return fill


def test_accuracy_by_hand(fill: Callable[..., dict[str, object]]) -> None:
    report = fill(
        ("5 0.9", {"total": "5.00", "not asked for": "x"}),
        ("6 0.8", {"total": "7"}),
        ("8 0.7", {}),
        fields=(TOTAL, PAID),
    )
    assert (report["n"], report["documents"], report["skipped"]) == (2, 3, 0)
    assert report["accuracy"] == 0.5
    assert report["per_field"] == {"total": {"n": 2, "accuracy": 0.5}}


def test_coverage_is_the_share_of_the_surest_cells_that_are_accurate_enough(
    fill: Callable[..., dict[str, object]],
) -> None:
    right, wrong = [(f"{n} 0.{99 - n}", {"total": str(n)}) for n in range(1, 20)], ("99 0.5", {"total": "1"})
    assert fill(*right, wrong)["coverage_at"] == {"0.9": 1.0, "0.95": 1.0, "0.99": 0.95}


def test_a_mistake_made_surely_costs_the_most(fill: Callable[..., dict[str, object]]) -> None:
    right, wrong = [(f"{n} 0.{50 - n}", {"total": str(n)}) for n in range(1, 10)], ("99 0.99", {"total": "1"})
    assert fill(*right, wrong)["coverage_at"] == {"0.9": 1.0, "0.95": 0.0, "0.99": 0.0}


def test_cells_of_the_same_score_cannot_be_told_apart(fill: Callable[..., dict[str, object]]) -> None:
    report = fill(*[(f"{n} 0.5", {"total": str(n) if n < 4 else "0"}) for n in range(1, 6)])
    assert report["accuracy"] == 0.6
    assert report["coverage_at"] == {"0.9": 0.0, "0.95": 0.0, "0.99": 0.0}


def test_a_document_may_have_two_records_and_one_that_is_not_there_is_skipped(small_store: Store, doc: str) -> None:
    truths = [(doc, {"total": "1"}), (doc, {"paid": "true"}), ("0" * 64, {"paid": ""})]
    records = [FieldRecord(doc=of, fields=truth) for of, truth in truths]
    report = evaluate_fields(small_store, Settings(), [PAID], records, "quote")
    assert (report["n"], report["documents"], report["skipped"]) == (1, 2, 1)


def test_a_measurement_is_no_extraction_of_the_office(small_store: Store, doc: str) -> None:
    records = [FieldRecord(doc=doc, fields={"total": "1"})]
    mine = extraction.start_run(small_store, Settings(), [TOTAL], "quote", [doc])
    ledger = small_store.catalog.ledger
    with extraction.measurement(small_store, Settings(), [TOTAL], "quote", [doc]) as run:
        assert run < 0
        assert [one.run for one in ledger.runs()] == [mine], "it is not in the list"
        assert [number for number, *_ in ledger.newest_runs(5)] == [mine]
        assert (ledger.runs_left(), ledger.runs_left(run)) == ([mine], [run])
        assert extraction.carry_on(small_store, Settings())
        assert ledger.run_pending(run) == [doc], "whoever works everything off leaves it alone"
        with small_store.carrying(-run) as free:
            assert free, "it shares no lock with the extraction of that number"
    evaluate_fields(small_store, Settings(), [TOTAL], records, "quote")
    assert [one.run for one in ledger.runs()] == [mine]
    assert ledger.runs(run) == []
    assert (ledger.runs(mine)[0].done, ledger.runs(mine)[0].documents) == (1, 1)


def test_a_measurement_that_was_broken_off_goes_on_where_it_was(
    small_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = sorted(one.doc for one in small_store.catalog.documents())
    read: list[str] = []

    class Dying(Scores):
        def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
            read.append(pages[0].page.doc)
            if len(read) == 2:
                raise KeyboardInterrupt
            return []

    monkeypatch.setattr(extraction, "open_reader", lambda settings, wanted, embed: Dying())
    records = [FieldRecord(doc=one, fields={"total": "1"}) for one in docs[:3]]
    with pytest.raises(KeyboardInterrupt):
        evaluate_fields(small_store, Settings(), [TOTAL], records, "auto")
    assert small_store.catalog.ledger.runs() == []
    assert evaluate_fields(small_store, Settings(), [TOTAL], records, "auto")["n"] == 3
    assert sorted(read) == sorted([*docs[:3], read[1]]), "none but the one that was cut off was read twice"


def test_a_measurement_that_was_killed_is_forgotten_after_a_while(
    small_store: Store, doc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = small_store.catalog.ledger
    with monkeypatch.context() as then:
        then.setattr("docqa.store.ledger.now", lambda: "2026-01-01T00:00:00+00:00")
        killed = ledger.start_measurement("[]", "quote", "v", [doc])
        old = ledger.start_run("[]", "quote", "v", [doc])
    other = ledger.start_measurement("[]", "quote", "v", [doc])
    evaluate_fields(small_store, Settings(), [TOTAL], [FieldRecord(doc=doc, fields={"total": "1"})], "quote")
    assert [bool(ledger.runs(run)) for run in (killed, other, old)] == [False, True, True]


def test_confidence_is_fitted_on_one_half_and_measured_on_the_other() -> None:
    def judged(doc: str, right: bool) -> Judged:
        return Judged(doc * 64, "x", replace(cell("5"), signs=(("good", float(right)),)), right)

    choosing = [judged("a", n % 2 == 0) for n in range(200)]
    held = [judged("b", n % 4 == 0) for n in range(40)]
    fitted = fit_confidence([*choosing, *held], Calibration({}), "drawn", "2026-11-22")
    assert (fitted.cells, fitted.fitted_on, fitted.fitted_at) == (200, "drawn", "2026-11-22")
    assert fitted.chance((("good", 1.0),)) > 0.85 > 0.15 > fitted.chance(())
    assert fitted.measured is not None
    assert (fitted.measured["cells"], fitted.measured["accuracy_at_0.6"]) == (40.0, pytest.approx(10 / 24, abs=1e-3))


def test_from_a_cell_that_failed_a_check_nothing_is_learned() -> None:
    """Its confidence is low for that, whatever its signs: signs that are right elsewhere must not pay for it."""
    negative = replace(cell("-5"), doubts=(Problem("negative", "-5 is below zero.", "Look."),))
    judged = [Judged("a" * 64, "x", cell("5"), True)] * 40 + [Judged("a" * 64, "x", negative, False)] * 40
    fitted = fit_confidence(judged, Calibration({}), "drawn", "2026-11-22")
    assert fitted.cells == 40 and fitted.chance(()) > 0.85


def test_without_records_there_are_no_figures(fill: Callable[..., dict[str, object]]) -> None:
    report = fill()
    assert (report["n"], report["accuracy"], report["per_field"]) == (0, None, {})
    assert report["coverage_at"] == {"0.9": 0.0, "0.95": 0.0, "0.99": 0.0}


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    (tmp_path / "papers").mkdir()
    file = tmp_path / "papers" / "a.pdf"
    file.write_bytes(b"abc")
    return file


SHA_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def lines(*records: object) -> str:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records) + "\n"


def test_questions_come_with_the_content_of_their_document(tmp_path: Path, paper: Path) -> None:
    file = tmp_path / "questions.jsonl"
    first = {
        "question": "Wieviel?",
        "answer": "5\u2028€\x85",
        "doc": "papers/a.pdf",
        "pages": [2, 3],
        "more": "ignored",
    }
    file.write_text(lines(first) + "\r\n  \n" + lines({"question": "Who?", "unanswerable": True}), encoding="utf-8")
    assert read_questions(file) == [
        Question(question="Wieviel?", answer="5\u2028€\x85", doc=SHA_OF_ABC, pages=(2, 3)),
        Question(question="Who?", unanswerable=True),
    ]


def test_values_of_records_become_texts_as_cells_hold_them(tmp_path: Path, paper: Path) -> None:
    file = tmp_path / "fields.jsonl"
    values = {"a": True, "b": False, "c": 5, "d": 11.5, "e": "5", "f": ["x", "y"], "g": ""}
    file.write_text(lines({"doc": "papers/a.pdf", "fields": values}))
    [record] = read_field_records(file)
    assert record.doc == SHA_OF_ABC
    assert record.fields == {"a": "true", "b": "false", "c": "5", "d": "11.5", "e": "5", "f": ["x", "y"], "g": ""}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ('{"answer": "5"}', "question: Field required"),
        ('{"question": 5}', "question: Input should be a valid string"),
        ('{"question": "x", "pages": ["one"]}', "pages.0: Input should be a valid integer"),
        ('{"question": "x", "unanswerable": "perhaps"}', "unanswerable: Input should be a valid boolean"),
    ],
)
def test_a_bad_question_is_named_by_file_and_line(tmp_path: Path, line: str, what: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"question": "a good one"}\n\n' + line + "\n")
    with pytest.raises(BadQuestionsFile) as caught:
        read_questions(file)
    assert caught.value.message.startswith(f"{file}, line 3: ")
    assert what in caught.value.message


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"doc": "papers/a.pdf"}', "fields: Field required"),
        ('{"fields": {}}', "doc: Field required"),
        ('{"doc": "papers/a.pdf", "fields": []}', "fields: Input should be an object"),
        ('{"doc": "papers/a.pdf", "fields": {"x": null}}', "fields.x"),
        ('{"doc": "papers/a.pdf", "fields": {"x": {"y": 1}}}', "fields.x"),
    ],
)
def test_so_is_a_bad_record(tmp_path: Path, paper: Path, line: str, what: str) -> None:
    file = tmp_path / "fields.jsonl"
    file.write_text(line)
    with pytest.raises(BadQuestionsFile) as caught:
        read_field_records(file)
    assert caught.value.message.startswith(f"{file}, line 1: {what}")


@pytest.mark.parametrize(
    ("content", "what"), [(b"", "holds no records"), (b"\n \n", "holds"), (b"\xff\n", "no.* text")]
)
def test_a_file_without_records_is_an_error(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(content)
    with pytest.raises(BadQuestionsFile, match=rf"questions\.jsonl .*{what}"):
        read_questions(file)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match=r"questions\.jsonl cannot be read: No such file"):
        read_questions(tmp_path / "questions.jsonl")
    file = tmp_path / "fields.jsonl"
    file.write_text(lines({"doc": "papers/gone.pdf", "fields": {}}))
    with pytest.raises(PathMissing, match=r"The document .*papers/gone\.pdf cannot be read"):
        read_field_records(file)


def test_a_question_is_in_one_half_for_good() -> None:
    questions = [Question(question=f"question {number}") for number in range(40)]
    even, odd = half_of(questions, "even"), half_of(questions, "odd")
    assert even and odd and set(even).isdisjoint(odd)
    assert len(even) + len(odd) == len(half_of(questions, None)) == 40
    assert half_of(questions[7:], "even") == [question for question in questions[7:] if question in even]
