"""The main job, end to end, on the sample documents: the commands a user types, the real OCR and the real embedder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from docqa.cli import main

SAMPLES = Path(__file__).parent.parent / "sample_docs"
QUESTIONS = [json.loads(line) for line in (SAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
RECORDS = {
    record["doc"]: record["fields"]
    for record in map(json.loads, (SAMPLES / "fields.jsonl").read_text(encoding="utf-8").splitlines())
}

Run = Callable[..., list[dict[str, object]]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("main_job") / "store"
    assert main(["--store", str(folder), "ingest", str(SAMPLES)]) == 0
    return folder


@pytest.fixture
def run(store: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that must succeed; returns its lines of JSON."""

    def run(*arguments: str) -> list[dict[str, object]]:
        capsys.readouterr()
        assert main(["--store", str(store), *arguments, "--json"]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.mark.timeout(300)
def test_every_sample_document_is_ready_and_reading_again_reads_nothing(run: Run) -> None:
    *lines, summary = run("ingest", str(SAMPLES))
    assert {line["label"] for line in lines} == RECORDS.keys()
    assert {line["status"] for line in lines} == {"duplicate"}
    assert summary["summary"]["pages"] == 0  # type: ignore[index]


def test_the_store_is_sound(run: Run) -> None:
    assert run("check", "--read-data")[-1]["summary"]["findings"] == 0  # type: ignore[index]


def test_the_page_of_every_question_is_found_and_its_quotes_are_checked(run: Run) -> None:
    [report] = run("eval", "qa", str(SAMPLES / "questions.jsonl"))
    assert report["n"] == sum(q["scope"] == "corpus" and not q.get("unanswerable") for q in QUESTIONS)
    assert float(report["recall@5"]) >= 0.95  # type: ignore[arg-type]
    assert float(report["quotes_verified"]) == 1.0  # type: ignore[arg-type]
    assert float(report["cited_right_page"]) >= 0.75  # type: ignore[arg-type]
    assert float(report["abstain_recall"]) >= 0.45  # type: ignore[arg-type]


def test_an_answer_cites_the_page_with_boxes(run: Run) -> None:
    [answer] = run("ask", "What salary is Idris Pallant offered?")
    assert answer["verdict"] == "found"
    assert answer["reader"] == "quote"
    best = answer["citations"][0]  # type: ignore[index]
    assert (best["label"], best["page"], best["verified"]) == ("letter-job-offer.pdf", 1, True)
    assert "68,500" in best["quote"]
    assert all(0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1 for x0, y0, x1, y1 in best["boxes"])


def test_words_of_sideways_scans_and_later_frames_are_found(run: Run) -> None:
    [lift] = run("search", "lift certificate rope replaced", "-k", "1")
    [minutes] = run("search", "allotment treasurer elected", "-k", "1")
    assert lift["hits"][0]["label"] == "scan-lift-certificate.pdf"  # type: ignore[index]
    assert (minutes["hits"][0]["label"], minutes["hits"][0]["page"]) == ("minutes-allotment.tif", 3)  # type: ignore[index]


def test_what_is_not_there_is_not_found(run: Run) -> None:
    [answer] = run("ask", "Who won the regatta?")
    assert (answer["verdict"], answer["citations"]) == ("not_found", [])
    assert answer["pages_read"]


def test_fields_become_a_table_with_evidence(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "invoices.csv"
    invoices = [str(SAMPLES / name) for name in RECORDS if name.startswith("invoice")]
    [summary] = run("extract", "--fields", str(SAMPLES / "invoice.toml"), "--out", str(out), *invoices)
    assert (summary["documents"], summary["failed"]) == (len(invoices), 0)
    rows = {row["document"]: row for row in csv.DictReader(out.read_text(encoding="utf-8").splitlines())}
    for name in ("invoice_number", "invoice_date", "total_amount"):
        for label, row in rows.items():
            assert row[name] == RECORDS[label][name]
            assert row[f"{name}.page"] == "1"
            assert row[f"{name}.quote"]


def test_fields_are_measured(run: Run) -> None:
    [report] = run("eval", "fields", str(SAMPLES / "fields.jsonl"), "--fields", str(SAMPLES / "invoice.toml"))
    assert float(report["accuracy"]) >= 0.8  # type: ignore[arg-type]
    assert report["skipped"] == 0
