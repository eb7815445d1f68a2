"""An answer with its citations: the text with numbered chips, and under it each quote with where it stands.

What can be clicked is reported by its place in the answer: "citation 0", "page 2".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from docqa.types import Answer, Receipt
from ui.components import load

NEAREST = 3  #: pages offered when nothing was found
_answer = load("answer")

Opened = str  #: "citation 0" or "page 2": which part of the answer was clicked


def answer(shown: Answer, labels: Mapping[str, str], key: str, on_open: Callable[[], None], active: Opened) -> None:
    """Show an answer; `labels` names the documents of the pages that were read."""
    data = {
        "verdict": shown.verdict.value,
        "text": "" if _only_quotes(shown.reader) else shown.text,  # its quotes stand below, each with its place
        "unsupported": list(shown.unsupported),
        "receipt": None if shown.receipt is None else receipt_lines(shown.receipt, shown.reader),
        "citations": [
            {"label": c.label, "page": c.page, "quote": c.quote, "verified": c.verified} for c in shown.citations
        ],
        "nearest": [
            {"label": labels.get(doc, "A document that is no longer here"), "page": page}
            for doc, page in shown.pages_read[:NEAREST]
        ],
        "note": reader_note(shown.reader, shown.seconds),
        "active": active,
    }
    _answer(key=key, data=data, on_open_change=on_open)


def receipt_lines(receipt: Receipt, reader: str) -> dict[str, object]:
    """What a question about every document was asked of, in sentences, and which documents were left out and why."""
    holds = "hold a passage that matches" if _only_quotes(reader) else "are meant, as far as the reader can tell"
    pages = f"{receipt.pages:,} pages (the best ones of a long document)"
    return {
        "matching": f"{receipt.matching} of {receipt.of} documents {holds}.",
        "read": f"Read: {receipt.read} of {receipt.of} documents, {pages}.",
        "failed": [{"label": left.label, "problem": left.problem.message} for left in receipt.failed],
    }


def reader_note(reader: str, seconds: float) -> str:
    """Who read, in a sentence: people must know when nobody composed an answer."""
    took = f"{seconds:.1f} s"
    if _only_quotes(reader):
        return f"Built-in reader: it only quotes passages, it does not write answers. {took}"
    return f"Read by {reader.partition(':')[2] or reader}. {took}"


def _only_quotes(reader: str) -> bool:
    return reader == "quote"
