"""One document's fields by the built-in reader, from its pages as they are kept; also as a process of its own.

`fill` needs no store and no database, so that a process that only does this starts in a fraction of a second
(`python -c "from docqa.extract.filling import serve; serve()"`): it takes pickled work from its standard input, says
when it is ready, gives JSON for each document with its length before it, and ends with its input. Not here: who gives
it work (`docqa.extract.hands`).
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError

from docqa.errors import StoreDamaged
from docqa.extract.confidence import Calibration
from docqa.extract.fill import BUILT_IN, Readings, fill_cells
from docqa.pages.words import check_words, pages_of, unpacked
from docqa.readers.layout import read_fields
from docqa.types import Cell, FieldSpec

LONGEST_REPLY = 256 << 20  #: bytes: a table of every row of a document of 10,000 pages stays below


@dataclass(frozen=True, slots=True)
class Work:
    """What it takes to fill the fields a document lacks."""

    doc: str
    fields: tuple[FieldSpec, ...]
    known: Mapping[str, Cell]  #: cells that are there already, by name of field
    pages: bytes  #: as `docqa.pages.words.packed` made them
    words_known: Mapping[int, str]  #: the sha256 of each page's words as they were read
    damaged: str = ""  #: why there are no pages


@dataclass(frozen=True, slots=True)
class Reply:
    """The cells, or what is wrong with the stored pages."""

    doc: str
    cells: Mapping[str, Cell] | None
    damaged: str = ""


_REPLY = TypeAdapter(Reply)


def fill(work: Work, calibration: Calibration) -> dict[str, Cell]:
    """The cells of one document, by name of field. Raises StoreDamaged."""
    if work.damaged:
        raise StoreDamaged(work.damaged)
    pages = pages_of(unpacked(work.pages))
    check_words(work.doc, pages, work.words_known)
    readings = Readings(BUILT_IN, read_fields(work.fields, pages))
    return fill_cells(work.doc, work.fields, {page.number: page for page in pages}, readings, work.known, calibration)


def checked(untrusted_reply: bytes, work: Work) -> Reply:
    """A process's reply to some work. Raises ValueError if it is none."""
    try:
        reply: Reply = _REPLY.validate_json(untrusted_reply, strict=True)
    except ValidationError as error:
        raise ValueError("not a reply") from error
    asked = {field.name for field in work.fields}
    if reply.doc != work.doc or (reply.cells is not None and set(reply.cells) != asked):
        raise ValueError("the reply to something else")
    if any(cell.doc != work.doc or cell.field != name for name, cell in (reply.cells or {}).items()):
        raise ValueError("cells of something else")
    return reply


def serve() -> None:
    """Take a calibration and then work from standard input, and reply on standard output, until the input ends."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints something does not print it between the replies
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # pages are many small things without cycles: looking for some takes a third
    calibration: Calibration = pickle.load(sys.stdin.buffer)
    _say(replies, b"")  # ready
    while (work := _next(sys.stdin.buffer)) is not None:
        try:
            reply = Reply(work.doc, fill(work, calibration))
        except StoreDamaged as error:
            reply = Reply(work.doc, None, error.message)
        _say(replies, _REPLY.dump_json(reply))


def _say(replies: BinaryIO, content: bytes) -> None:
    replies.write(len(content).to_bytes(8) + content)
    replies.flush()


def _next(source: BinaryIO) -> Work | None:
    try:
        work: Work = pickle.load(source)  # from the process that started this one
    except EOFError:
        return None
    return work
