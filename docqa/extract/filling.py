"""One document's fields by the built-in reader, from its pages as they are kept; also as a process of its own.

`fill` needs no store and no database, so that a process that only does this starts in a fraction of a second
(`python -c "from docqa.extract.filling import serve; serve()"`): it takes pickled work from its standard input, says
when it is ready, gives JSON for each document with its length before it, and ends with its input. Not here: who gives
it work (`docqa.extract.hands`).
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import BinaryIO

from docqa.errors import StoreDamaged
from docqa.extract.confidence import Calibration
from docqa.extract.fill import BUILT_IN, Readings, fill_cells
from docqa.pages.words import PackedPage, check_words, page_of
from docqa.readers.layout import read_fields
from docqa.types import Cell, FieldSpec, Problem

#: Things kept before cycles among them are looked for. Pages are many small things without any, and to look for some
#: more often takes a tenth of the time.
_MANY = 1_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """What it takes to fill the fields a document lacks."""

    doc: str
    fields: tuple[FieldSpec, ...]
    known: Mapping[str, Cell]  #: cells that are there already, by name of field
    pages: Sequence[PackedPage]
    words_known: Mapping[int, str]  #: the sha256 of each page's words as they were read
    damaged: str = ""  #: why there are no pages


@dataclass(frozen=True, slots=True)
class Reply:
    """The cells, or what is wrong with the stored pages."""

    doc: str
    cells: Mapping[str, Cell] | None
    damaged: str = ""


def fill(work: Work, calibration: Calibration) -> dict[str, Cell]:
    """The cells of one document, by name of field. Raises StoreDamaged."""
    if work.damaged:
        raise StoreDamaged(work.damaged)
    check_words(work.doc, work.pages, work.words_known)
    pages = [page_of(page) for page in work.pages]
    readings = Readings(BUILT_IN, read_fields(work.fields, pages))
    return fill_cells(work.doc, work.fields, {page.number: page for page in pages}, readings, work.known, calibration)


def serve() -> None:
    """Take a calibration and then work from standard input, and reply on standard output, until the input ends."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints something does not print it between the replies
    gc.freeze()
    gc.set_threshold(_MANY)
    calibration: Calibration = pickle.load(sys.stdin.buffer)
    _say(replies, b"")  # ready
    while (work := _next(sys.stdin.buffer)) is not None:
        try:
            reply = Reply(work.doc, fill(work, calibration))
        except StoreDamaged as error:
            reply = Reply(work.doc, None, error.message)
        _say(replies, encoded(reply))
    os._exit(0)  # somebody waits for its end, and to give back memory piece by piece takes a seventh of a second


def encoded(reply: Reply) -> bytes:
    """A reply as JSON."""
    return json.dumps(reply, default=_fields_of, separators=(",", ":")).encode()


def _fields_of(record: Reply | Cell | Problem) -> dict[str, object]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _say(replies: BinaryIO, content: bytes) -> None:
    replies.write(len(content).to_bytes(8) + content)
    replies.flush()


def _next(source: BinaryIO) -> Work | None:
    try:
        work: Work = pickle.load(source)  # from the process that started this one
    except EOFError:
        return None
    return work
