"""The command line: arguments in, lines or JSON out, errors to exit codes. No work is done here.

Answers go to standard output, everything else to standard error. `ingest` and `ui` add their own commands through the
entry-point group `docqa.commands`, because this package imports neither.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

from docqa import __version__
from docqa.ask import ask, finished, open_reader
from docqa.ask.voice import hear, read_recording
from docqa.commands import Commands, add_reader, emit, settings_of
from docqa.doctor import examine
from docqa.embed import Embedder
from docqa.errors import DocqaError, StoreDamaged, UsageError
from docqa.evaluate import evaluate_fields, evaluate_questions, half_of, read_field_records, read_questions
from docqa.extract.commands.extract import register as register_extraction
from docqa.extract.commands.review import register as register_review
from docqa.extract.commands.suggest import register as register_suggestions
from docqa.extract.fields import load_fields
from docqa.extract.review import records_of
from docqa.find import Finder, Scope
from docqa.modelserver.commands import register as register_model_server
from docqa.settings import Settings
from docqa.store import Store
from docqa.store.check import check, repair
from docqa.types import Answer, Verdict


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Every error of the program is turned into a line and a code here."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except DocqaError as error:
        print(f"docqa: {error.message}{' ' if error.hint else ''}{error.hint}", file=sys.stderr)
        if arguments.json:
            emit({"error": asdict(error.problem)})
        return error.exit_code
    except KeyboardInterrupt:
        print("docqa: stopped. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stderr.close()
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docqa", description="Ask your own paper. Everything stays on this machine.")
    parser.add_argument("--version", action="version", version=f"docqa {__version__}")
    parser.add_argument("--store", type=Path, metavar="DIR", help="the store's folder (default: ./docqa_store)")
    parser.set_defaults(json=False)
    commands = Commands(parser)
    _add_own(commands)
    for register in (register_extraction, register_review, register_suggestions, register_model_server):
        register(commands)
    for entry in sorted(entry_points(group="docqa.commands"), key=lambda entry: entry.name):
        entry.load()(commands)
    return parser


def _add_own(commands: Commands) -> None:
    search = commands.add("search", _search, "find the pages that a question is about")
    search.add_argument("question")
    search.add_argument("-k", type=_count, default=10, help="how many pages (default: 10)")
    _add_scope(search)
    question = commands.add("ask", _ask, "answer a question with quotes checked against their pages")
    asked = question.add_mutually_exclusive_group(required=True)
    asked.add_argument("question", nargs="?")
    asked.add_argument(
        "--audio", type=Path, metavar="FILE", help="ask what is spoken in a WAV file of 30 seconds at most"
    )
    question.add_argument("--transcribe-only", action="store_true", help="with --audio: print what was understood")
    _add_scope(question)
    add_reader(question)
    checked = commands.add("check", _check, "look for anything missing, doubled or altered in the store")
    checked.add_argument(
        "--read-data", action="store_true", help="read and hash every original, page, passage and vector"
    )
    checked.add_argument("--repair", action="store_true", help="have documents read again whose pages are damaged")
    doctor = commands.add("doctor", _doctor, "look whether everything docqa needs is there and works")
    doctor.set_defaults(probes=commands.probes)
    _add_evaluation(commands.group("eval", "measure on your own questions and fields"))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of pages")
    return int(text)


def _add_scope(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--collection", help="only this collection")
    parser.add_argument("--doc", help="only this document (the beginning of its id is enough)")


def _add_evaluation(group: Commands) -> None:
    questions = group.add("qa", _eval_questions, "pages found and answers given, against questions with known answers")
    questions.add_argument("file", type=Path, help="JSON lines as in sample_docs/questions.jsonl")
    questions.add_argument("--retrieval-only", action="store_true", help="only measure whether the pages are found")
    questions.add_argument("--half", choices=("even", "odd"), help="only this half, to choose settings on the other")
    questions.add_argument("--collection", help="only this collection")
    questions.add_argument(
        "--leave-out", action="store_true", help="ask each question also without its document: nothing should be found"
    )
    add_reader(questions)
    fields = group.add("fields", _eval_fields, "cells filled, against records with known values")
    known = fields.add_mutually_exclusive_group(required=True)
    known.add_argument("file", type=Path, nargs="?", help="JSON lines as in sample_docs/fields.jsonl")
    known.add_argument("--corrections", action="store_true", help="against what people said of cells in this store")
    fields.add_argument("--fields", type=Path, required=True, help="the fields file (TOML)")
    add_reader(fields)


# ── the commands ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _search(arguments: argparse.Namespace) -> int:
    opened = _open(arguments)
    result = opened.finder.search(arguments.question, arguments.k, _scope(arguments, opened.store))
    if arguments.json:
        emit(asdict(result))
        return 0
    for rank, hit in enumerate(result.hits, start=1):
        print(f"{rank:>2}. {hit.label}, page {hit.page}  ({hit.why})\n    {' '.join(hit.snippet.split())[:160]}")
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    question = _heard(arguments) if arguments.audio or arguments.transcribe_only else arguments.question
    if arguments.transcribe_only:
        emit({"question": question}) if arguments.json else print(question)
        return 0
    settings, store, embedder, finder = _open(arguments)
    reader = open_reader(settings, arguments.reader, embedder.embed_documents, _show_notice)
    scope = _scope(arguments, store)
    parts = ask(store, finder, reader, question, scope, settings.find.pages_read, progress=_show_progress)
    if arguments.json:
        emit(_answer_json(finished(parts)))
    else:
        answer = finished(parts, lambda part: print(part, end="", flush=True))
        read = store.catalog.documents(docs={doc for doc, _ in answer.pages_read})
        print(_sources(answer, {document.doc: document.label for document in read}))
    return 0


def _heard(arguments: argparse.Namespace) -> str:
    """What was said in a recording, shown before it is asked: the model may have misheard."""
    if arguments.audio is None:
        raise UsageError("--transcribe-only needs a recording.", "Name its file with --audio.")
    question = hear(settings_of(arguments).model, read_recording(arguments.audio))
    if not arguments.transcribe_only:
        print(f"Understood: {question}", file=sys.stderr)
    return question


def _show_progress(read: int, of: int) -> None:
    """How far a question about every document is, for people who watch."""
    if sys.stderr.isatty():
        print(f"\r{read} of {of} documents read", end="\n" if read == of else "\r", file=sys.stderr, flush=True)


def _show_notice(sentence: str) -> None:
    """Something that a person who waits for an answer wants to know."""
    print(f"docqa: {sentence}", file=sys.stderr, flush=True)


def _check(arguments: argparse.Namespace) -> int:
    store = Store.existing(settings_of(arguments).store)
    findings = list(check(store, read_data=arguments.read_data))
    repaired = 0
    if arguments.repair and findings:
        with store.writing():
            repaired = repair(store, findings)
    for finding in findings:
        if arguments.json:
            emit(asdict(finding))
        else:
            print(f"{finding.code}: {finding.message} {finding.hint}")
    summary = {"documents": len(store.catalog.documents()), "withdrawn": len(store.catalog.watched.unlabelled())}
    summary |= {"findings": len(findings), "queued_again": repaired}
    if arguments.json:
        emit({"summary": summary})
    else:
        print(
            f"{summary['documents']} documents checked ({summary['withdrawn']} more were withdrawn), "
            f"{len(findings)} findings, {repaired} queued to be read again."
        )
    return StoreDamaged.exit_code if len(findings) else 0


def _doctor(arguments: argparse.Namespace) -> int:
    fine = True
    for check_made in examine(settings_of(arguments), arguments.probes):
        fine = fine and check_made.ok
        if arguments.json:
            emit(asdict(check_made))
        else:
            mark = "ok     " if check_made.ok else "PROBLEM"
            print(f"{mark}  {check_made.name}: {check_made.message} {check_made.hint}".rstrip())
    return 0 if fine else 1


def _eval_questions(arguments: argparse.Namespace) -> int:
    questions = half_of(read_questions(arguments.file), arguments.half)
    settings, store, embedder, finder = _open(arguments)
    retrieval_only = arguments.retrieval_only
    reader = None if retrieval_only else open_reader(settings, arguments.reader, embedder.embed_documents)
    pages_read, leave_out = settings.find.pages_read, arguments.leave_out
    emit(evaluate_questions(store, finder, reader, questions, arguments.collection, pages_read, leave_out=leave_out))
    return 0


def _eval_fields(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    store = Store.existing(settings.store)
    fields = load_fields(arguments.fields)
    records = records_of(store, fields) if arguments.corrections else read_field_records(arguments.file)
    emit(evaluate_fields(store, settings, fields, records, arguments.reader))
    return 0


# ── between the commands and the parts ───────────────────────────────────────────────────────────────────────────────


class _Opened(NamedTuple):
    settings: Settings
    store: Store
    embedder: Embedder
    finder: Finder


def _open(arguments: argparse.Namespace) -> _Opened:
    settings = settings_of(arguments)
    store = Store.existing(settings.store)
    embedder = Embedder(settings.embedder)
    return _Opened(settings, store, embedder, Finder(store, embedder, settings.find))


def _scope(arguments: argparse.Namespace, store: Store) -> Scope:
    doc = None if arguments.doc is None else store.catalog.document(arguments.doc).doc
    return Scope(arguments.collection, doc)


def _answer_json(answer: Answer) -> dict[str, object]:
    values = asdict(answer) | {"pages_read": [{"doc": doc, "page": page} for doc, page in answer.pages_read]}
    if answer.receipt is None:
        del values["receipt"]  # only a question about every document has one
    return values


def _sources(answer: Answer, labels: dict[str, str]) -> str:
    """What stands below an answer: who read, the citations and whether they were checked, or the nearest pages."""
    read = f"{answer.reader}, {_count_read(answer)}, {answer.seconds:.1f} s"
    lines = ["", f"— {read}{'; this reader only quotes, it writes no answers' if answer.reader == 'quote' else ''}"]
    for number, citation in enumerate(answer.citations, start=1):
        mark = "verified" if citation.verified else "NOT VERIFIED"
        lines.append(f"  [{number}] {citation.label}, page {citation.page} ({mark}): “{_one_line(citation.quote)}”")
    if answer.verdict is Verdict.NOT_FOUND:
        lines[0] = "Not found in the documents."
    elif answer.verdict is Verdict.UNVERIFIED:
        lines.append("  NOT VERIFIED: no quote of this answer stands on a page that was read. Do not rely on it.")
    if answer.unsupported:
        lines.append(f"  On none of the cited pages: {'; '.join(answer.unsupported)}")
    if answer.verdict is not Verdict.FOUND:
        nearest = [f"{labels.get(doc, 'a withdrawn document')}, page {page}" for doc, page in answer.pages_read]
        lines.append(f"  The nearest pages: {'; '.join(nearest) or 'there are none'}")
    return "\n".join(lines + _receipt_lines(answer))


def _count_read(answer: Answer) -> str:
    return f"{len(answer.pages_read) if answer.receipt is None else answer.receipt.pages} pages read"


def _receipt_lines(answer: Answer) -> list[str]:
    """What a question about every document was asked of, and which documents were left out."""
    receipt = answer.receipt
    if receipt is None:
        return []
    lines = [
        f"  Read: {receipt.read} of {receipt.of} documents ({receipt.pages} pages, the best ones of a long document)"
    ]
    return lines + [f"  NOT READ: {left.label}: {left.problem.message}" for left in receipt.failed]


def _one_line(text: str) -> str:
    return " ".join(text.split())
