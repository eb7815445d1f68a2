"""Where a page's words come from: its text layer, OCR of its image, or both.

A layer is taken at its word where a person can see its words, they make sense, and they account for the ink. Otherwise
the OCR's reading decides: words that lie invisibly over a picture are believed where the OCR reads the same there, and
ink that the layer leaves out is read from the image. What nobody can see never becomes a word of the page; it is told
in a notice. Not here: judging the layer (`ingest.child.textlayer`) and reading the image (`ingest.child.ocr`).
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz

from docqa.store.library import StoredPage
from docqa.types import Box, Notice, NoticeCode, TextSource, Word
from ingest.readingorder import in_reading_order
from ingest.sandbox.untrusted import OcrReading, Rendered

_FEW_WORDS = 5  #: under so many words on a page that is not blank, the layer says nothing
_SENSE = 0.7  #: quality under which a layer is useless: 0.94 and more on 787 of 788 sampled pages, 0.05 on the last
#: Share of the ink that no word explains, from which the image is read. Of 393 sampled pages with words 10 have more:
#: pages of photographs and drawings. A scan under a typed stamp has 0.6 and more (drawn for the tests).
_UNEXPLAINED = 0.3
_FEW_SANDWICHED = 3  #: fewer are not worth the seconds: they are left out

_NEAR_X, _NEAR_Y = 0.08, 0.012  #: of the page: how far the OCR may see a word from where the layer has it
_SAME = 75  #: rapidfuzz's partial ratio from which two readings are of the same word
#: Share of an invisible layer's letters that the OCR finds in their places. From the first on the layer is kept; under
#: the second it is not of this page. Measured on FARA filings: the agency's own OCR 0.97 to 1.00, metadata laid over
#: the scan 0.02 to 0.14.
_AGREES, _STRANGE = 0.8, 0.4
_CONTRIBUTES = 0.05  #: share of the words from which on a source is named

_NOTED_WORDS = 3  #: hidden words from which on people are told: fewer are stray marks
_NOTED_LETTERS = 500  #: of a notice's detail


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as it is to be stored, and what people should know about it."""

    stored: StoredPage
    notices: tuple[Notice, ...] = ()


def read_words(rendered: Rendered, ocr: Callable[[bytes], OcrReading]) -> ReadPage:
    """The page with the words that can be seen on it. Raises what `ocr` raises."""
    number, hidden = rendered.stored.page.number, rendered.hidden
    if rendered.blank:
        return ReadPage(rendered.stored, (Notice(NoticeCode.BLANK_PAGE, number), *_hidden_notice(number, hidden)))
    if not _needs_ocr(rendered):
        return ReadPage(rendered.stored, _hidden_notice(number, hidden))
    read = ocr(rendered.stored.image)
    believed, strange = _believed(rendered.sandwiched, read.words)
    stored = _with_words(rendered, believed, read)
    notices = _hidden_notice(number, (*hidden, *strange))
    if read.unread:
        notices += (Notice(NoticeCode.UNREAD_SCRIPT, number, ", ".join(read.unread)),)
    return ReadPage(stored, notices)


def _needs_ocr(rendered: Rendered) -> bool:
    few = len(rendered.stored.page.words) < _FEW_WORDS
    doubtful = rendered.quality < _SENSE or rendered.unexplained > _UNEXPLAINED
    return few or doubtful or len(rendered.sandwiched) >= _FEW_SANDWICHED


def _hidden_notice(page: int, hidden: Sequence[Word]) -> tuple[Notice, ...]:
    if len(hidden) < _NOTED_WORDS:
        return ()
    ordered = sorted(hidden, key=lambda word: (round(word.box[1], 2), word.box[0]))
    return (Notice(NoticeCode.HIDDEN_TEXT, page, " ".join(word.text for word in ordered)[:_NOTED_LETTERS]),)


# ── words that lie invisibly over a picture ──────────────────────────────────────────────────────────────────────────


def _believed(sandwiched: Sequence[Word], seen: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """Which words of an invisible layer are believed, and which are strange to the page.

    Where the layer agrees with the OCR on the whole, the words the OCR finds too; where it does not, none, save those
    in scripts that the OCR cannot read. Single words the OCR reads otherwise are misreadings of either; nobody is told.
    """
    found = _found(sandwiched, seen)
    foreign = np.array([not _readable_by_ocr(word.text) for word in sandwiched], bool)
    weights = np.array([len(_letters(word.text)) for word in sandwiched], float) * ~foreign
    agreement = float((weights * found).sum() / weights.sum()) if weights.sum() else 1.0
    kept = found | foreign if agreement >= _AGREES else foreign
    strange = ~foreign if agreement < _STRANGE else np.zeros(len(sandwiched), bool)
    return _chosen(sandwiched, kept), _chosen(sandwiched, strange)


def _chosen(words: Sequence[Word], which: Sequence[bool] | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Word]:
    return [word for word, chosen in zip(words, which, strict=True) if chosen]


def _found(words: Sequence[Word], seen: Sequence[Word]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For each word, whether the OCR read it about where it stands."""
    found = np.zeros(len(words), bool)
    if not seen:
        return found
    boxes, texts = np.array([word.box for word in seen]), [_letters(word.text) for word in seen]
    for number, word in enumerate(words):
        x0, y0, x1, y1 = word.box
        y = (y0 + y1) / 2
        near = (boxes[:, 1] - _NEAR_Y <= y) & (y <= boxes[:, 3] + _NEAR_Y)
        near &= (boxes[:, 0] - _NEAR_X <= x1) & (x0 <= boxes[:, 2] + _NEAR_X)
        there, letters = "".join(texts[at] for at in np.flatnonzero(near)), _letters(word.text)
        found[number] = len(there) >= len(letters) and fuzz.partial_ratio(letters, there) >= _SAME
    return found


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def _readable_by_ocr(text: str) -> bool:
    """Whether the word is Latin or Chinese, as far as it has letters at all: what `ingest.child.ocr` reads."""
    names = (unicodedata.name(letter, "") for letter in text if letter.isalpha())
    return all(name.startswith(("LATIN", "CJK", "FULLWIDTH", "MASCULINE", "FEMININE", "MICRO")) for name in names)


# ── two readings of one page ─────────────────────────────────────────────────────────────────────────────────────────


def _with_words(rendered: Rendered, believed: Sequence[Word], read: OcrReading) -> StoredPage:
    """The page with the words of its layer, so far as they make sense, and the OCR's where it has none."""
    page = rendered.stored.page
    sensible = rendered.quality >= _SENSE
    layer = _after_another(page.words, believed) if sensible else []
    added = _beside(read.words, layer)
    if not layer and not added:
        layer = list(page.words)  # better a doubtful word than none
    source = _source(len(layer), len(added))
    if source is TextSource.OCR:
        words, quality = (read.words if not layer else _merged(layer, added)), read.quality
    elif not added and not believed:
        words, quality = page.words, page.quality
    else:
        words, quality = _merged(layer, added), rendered.quality
    changed = dataclasses.replace(page, words=tuple(words), text_source=source, quality=quality)
    return StoredPage(changed, rendered.stored.image)


def _source(layer: int, added: int) -> TextSource:
    if not layer + added:
        return TextSource.NONE
    share = added / (layer + added)
    if share < _CONTRIBUTES:
        return TextSource.TEXT_LAYER
    return TextSource.BOTH if share <= 1 - _CONTRIBUTES else TextSource.OCR


def _beside(seen: Sequence[Word], layer: Sequence[Word]) -> list[Word]:
    """The OCR's words that stand where the layer has none."""
    if not layer:
        return list(seen)
    boxes = np.array([word.box for word in layer])
    return [word for word in seen if not _overlaps(word.box, boxes)]


def _overlaps(box: Box, boxes: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> bool:
    """Whether a third of the box is taken."""
    x0, y0, x1, y1 = box
    width = np.minimum(boxes[:, 2], x1) - np.maximum(boxes[:, 0], x0)
    height = np.minimum(boxes[:, 3], y1) - np.maximum(boxes[:, 1], y0)
    taken = float((np.clip(width, 0, None) * np.clip(height, 0, None)).sum())
    return taken > (x1 - x0) * (y1 - y0) / 3


def _merged(layer: Sequence[Word], added: Sequence[Word]) -> tuple[Word, ...]:
    """Words of two readings as one page: in reading order, lines numbered anew."""
    if not added:
        return tuple(layer)
    raw = [(word.text, *word.box, word.line) for word in _after_another(layer, added)]
    return tuple(Word(text, (x0, y0, x1, y1), line) for text, x0, y0, x1, y1, line in in_reading_order(raw))


def _after_another(first: Sequence[Word], then: Sequence[Word]) -> list[Word]:
    """The words of both, no line number in common."""
    last = max((word.line for word in first), default=-1) + 1
    return [*first, *(word._replace(line=last + word.line) for word in then)]
