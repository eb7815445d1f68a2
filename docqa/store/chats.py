"""The chats: questions with their checked answers, kept so that nothing has to be derived again.

A part of the catalog (`Catalog.chats`). Every method that writes is one transaction.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from docqa.store.database import Database, now
from docqa.types import Answer, Citation, NotRead, Problem, Receipt, Verdict


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a chat with its checked answer."""

    question: str
    answer: Answer
    asked_at: str


class Chats:
    """Reads and writes chats."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, title: str) -> int:
        """Open a chat; returns its number."""
        with self._database.write() as sql:
            return int(
                sql.execute("INSERT INTO chats (title, started_at) VALUES (?, ?)", (title, now())).lastrowid or 0
            )

    def all(self) -> list[tuple[int, str]]:
        """Number and title of every chat, the newest first."""
        return [
            (row["chat"], row["title"])
            for row in self._database.read("SELECT chat, title FROM chats ORDER BY chat DESC")
        ]

    def add_turn(self, chat: int, answer: Answer) -> None:
        """Keep an answer with its citations, so that nothing has to be derived again when the chat is reopened."""
        with self._database.write() as sql:
            sql.execute(
                """INSERT INTO turns (chat, number, question, answer, asked_at)
                   SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ? FROM turns WHERE chat = ?""",
                (chat, answer.question, json.dumps(asdict(answer)), now(), chat),
            )

    def turns(self, chat: int) -> list[Turn]:
        """The questions and answers of a chat, in order."""
        rows = self._database.read("SELECT * FROM turns WHERE chat = ? ORDER BY number", (chat,))
        return [Turn(row["question"], _answer(row["answer"]), row["asked_at"]) for row in rows]


def _answer(stored: str) -> Answer:
    values = json.loads(stored)
    values["verdict"] = Verdict(values["verdict"])
    values["citations"] = tuple(
        Citation(**{**c, "boxes": tuple(tuple(box) for box in c["boxes"])}) for c in values["citations"]
    )
    values["pages_read"] = tuple((doc, page) for doc, page in values["pages_read"])
    values["unsupported"] = tuple(values.get("unsupported", ()))  # absent from answers of an earlier docqa
    if values.get("receipt") is not None:
        failed = tuple(NotRead(**{**n, "problem": Problem(**n["problem"])}) for n in values["receipt"]["failed"])
        values["receipt"] = Receipt(**{**values["receipt"], "failed": failed})
    return Answer(**values)
