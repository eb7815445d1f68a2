"""The reader that looks: page images and their text go to a model server, answers and fields come back.

It says what the model said. Whether a quote stands on its page is checked elsewhere (`docqa.verify`), what is said to
the model is in `docqa.prompts`, and how a server is spoken to in `docqa.model`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

from docqa.model import ModelClient
from docqa.prompts import (
    PROMPT_VERSION,
    AnswerStream,
    answer_messages,
    fields_schema,
    fill_messages,
    parse_readings,
)
from docqa.settings import ModelSettings
from docqa.types import Draft, Evidence, FieldSpec, Reading, Verdict

TOKENS_PER_FIELD = 200  #: a value and its quote at their longest, with the JSON around them


class VisionReader:
    """A `docqa.readers.Reader` on top of a model server that takes images."""

    def __init__(self, client: ModelClient, settings: ModelSettings) -> None:
        self._client = client
        self._settings = settings

    @property
    def name(self) -> str:
        """For example "vision:gemma-4-12b"."""
        return f"vision:{self._settings.name}"

    @property
    def version(self) -> str:
        """Prompts, model and image budget: each of them changes what is read."""
        return f"{PROMPT_VERSION}/{self._settings.name}/{self._settings.image_budget}"

    def answer(self, question: str, pages: Sequence[Evidence]) -> Generator[str, None, Draft]:
        """Yield the answer's text as the model writes it; closing the generator stops the model."""
        if not pages:
            return Draft(Verdict.NOT_FOUND, "", ())
        reply = AnswerStream()
        with closing(self._client.stream(answer_messages(question, pages), self._settings.max_tokens)) as pieces:
            for piece in pieces:
                if text := reply.feed(piece):
                    yield text
        return reply.draft(pages)

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        """Read all fields in one request, so that the pages are looked at once."""
        if not fields or not pages:
            return []
        max_tokens = max(self._settings.max_tokens, TOKENS_PER_FIELD * len(fields))
        reply = self._client.complete_json(fill_messages(fields, pages), fields_schema(fields), max_tokens)
        return parse_readings(reply.value, fields, pages)
