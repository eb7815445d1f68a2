"""Going on from an earlier question: what a chat says of the next one, for the search and for the reader.

"And in 2019?" names no subject: it is searched for with what it refers to, and read on the pages of the turn before
first. Not here: keeping chats (`docqa.store.chats`), and how the pages of two turns share a prompt
(`docqa.readers.vision`).
"""

from __future__ import annotations

from collections.abc import Sequence

from docqa.readers import NOTHING_SAID, Conversation, Exchange, Reader
from docqa.readers.room import MAX_PAGES
from docqa.readers.vision import VisionReader, rewrite_question
from docqa.store import Store
from docqa.types import Answer, Draft, Evidence, Verdict


def conversation(store: Store, answers: Sequence[Answer]) -> Conversation:
    """What was said in a chat, the oldest first, with the pages of its last answer as far as they are still there.

    An answer that was read from more pages than a prompt holds leaves none: it was asked of many documents one by one.
    """
    if not answers:
        return NOTHING_SAID
    turns = tuple(Exchange(one.question, "" if one.verdict is Verdict.NOT_FOUND else one.text) for one in answers)
    read = answers[-1].pages_read
    if len(read) > MAX_PAGES:
        return Conversation(turns)
    there = {document.doc: document for document in store.catalog.documents(docs={doc for doc, _ in read})}
    pages = [one for doc, page in read if doc in there for one in store.evidence(there[doc], [page])]
    return Conversation(turns, tuple(pages))


def searched(reader: Reader, question: str, history: Conversation) -> str:
    """The words with which pages are searched for a question; a model, where there is one, finds them best."""
    return rewrite_question(reader.client if isinstance(reader, VisionReader) else None, question, history)


def read_pages(draft: Draft, found: Sequence[Evidence], history: Conversation) -> list[Evidence]:
    """The pages a draft was read from, in their order: those that were found, if it does not say."""
    by_number = {(one.page.doc, one.page.number): one for one in (*history.pages, *found)}
    return [by_number[key] for key in draft.pages_read] if draft.pages_read else list(found)
