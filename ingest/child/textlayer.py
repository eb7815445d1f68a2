"""The words that a PDF page says it has, and which of them a person would see.

A text layer can say anything: instructions in white, in one point, off the page or behind a picture. So every word is
judged by what the file says of its paint and by the pixels of the rendered page:

- visible: painted, and something can be seen where it stands;
- hidden: nothing can be seen there, or it has the colour of its paper, is too small to be read, or off the page;
- sandwiched: not painted, or painted over by a picture, where something else can be seen. That is how scanners lay
  recognised text over a picture, and how a file says one thing and shows another: only reading the picture can tell
  (`ingest.textsource`).

Text of switched-off layers never gets here: MuPDF does not run them. ActualText, which replaces what is shown by what
the file claims, is ignored. A font that maps its letters to others is not found out here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.child.ink import Boxes, Flags, PageInk
from ingest.readingorder import RawWord, join_rows, mended

_PAINTED = 0x10 | 0x20 | 0x40  #: char_flags of MuPDF: filled, stroked, used to clip what is painted next
_TRANSPARENT = 26  #: of 255: a tenth
_TINY_POINTS, _TINY_PIXELS = 2.0, 5.0  #: type smaller than both is dust to the eye: footnotes have 5 points and more
_NARROW = 0.1  #: width of a letter in its size: squeezed so far, nothing can be read; an "l" has 0.2
_SPARSE_WORDS = 50  #: under so many words a layer may be a stamp on something that was drawn, not written
_PICTURE = 0.3  #: share of the page from which a picture's writing is worth the seconds that OCR takes
_EDGE = 0.2  #: share of a word's box that has to be on the page

_LATIN = re.compile("[a-z\u00df-\u00f6\u00f8-\u024f]")
_VOWEL = re.compile("[aeiouyäöüáéíóúýàèìòùâêîôûæøåœãõąęěůőűăıëï]")
_ENOUGH_LETTERS = 100  #: Latin letters in longer words from which on the share of vowels says something
#: Shares of vowels in words of four letters and more. Quality falls from 1 to 0 between the two: on 788 sampled pages
#: it stays above 0.94, save one whose font maps its letters to others (0.05).
_VOWELS_LOW, _VOWELS_FAIR = 0.15, 0.27
_TELLING = re.compile(r"[^\W_]")  #: dots and dashes hide nothing
_CID = re.compile(r"\(cid:\d+\)")


class Layer(NamedTuple):
    """What a text layer says, judged. Words are text, x0, y0, x1, y1 (fractions of the page as displayed), line."""

    visible: list[RawWord]
    hidden: list[RawWord]
    sandwiched: list[RawWord]
    quality: float  #: 0..1: how far the visible and sandwiched words make sense as characters
    unexplained: float  #: 0..1: share of the page's ink that looks like writing and is no visible word


class _Words(NamedTuple):
    """The words of a page, one row each, in the order of the file."""

    texts: list[str]
    boxes: Boxes  #: points, as displayed
    lines: npt.NDArray[np.int64]
    colours: npt.NDArray[np.int64]  #: red, green, blue
    alphas: npt.NDArray[np.int64]
    flags: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.float64]  #: points


def read_layer(pymupdf: Any, drawn: Any, ink: PageInk) -> Layer:  # noqa: ANN401
    """Judge the words of a page by its display list (`drawn`, in points) and its pixels."""
    width, height = drawn.rect.width, drawn.rect.height
    words = _words(pymupdf, drawn)
    scale = np.array((ink.width / width, ink.height / height) * 2)
    images = [(info, np.array(info["bbox"]) * scale) for info in _images(pymupdf, drawn)]
    boxes = words.boxes * scale
    hidden, sandwiched = _judged(pymupdf, drawn, words, boxes, ink, images)
    raw = _raw(words, width, height)
    visible = mended(_chosen(raw, ~(hidden | sandwiched)))
    said = [text for text, gone in zip(words.texts, hidden, strict=True) if not gone]
    unexplained = _unexplained(ink, boxes[~(hidden | sandwiched)], [box for _, box in images], len(visible))
    return Layer(
        join_rows(visible),
        join_rows(_chosen(raw, hidden)),
        join_rows(_chosen(raw, sandwiched)),
        quality(said),
        unexplained,
    )


def _raw(words: _Words, width: float, height: float) -> list[RawWord]:
    """The words in fractions of the page; what the page's edge cuts off is gone from box and text."""
    fractions = (words.boxes / ((width, height) * 2)).tolist()
    raw: list[RawWord] = []
    for text, (x0, y0, x1, y1), line in zip(words.texts, fractions, words.lines.tolist(), strict=True):
        box = [min(1.0, max(0.0, edge)) for edge in (x0, y0, x1, y1)]
        if (x0 < 0 < x1 or x0 < 1 < x1) and x1 - x0 > y1 - y0:
            middles = [x0 + (at + 0.5) / len(text) * (x1 - x0) for at in range(len(text))]
            text = "".join(letter for letter, x in zip(text, middles, strict=True) if 0 <= x <= 1) or text
        raw.append((text, box[0], box[1], box[2], box[3], line))
    return raw


def _chosen(raw: Sequence[RawWord], which: Flags) -> list[RawWord]:
    return [word for word, chosen in zip(raw, which, strict=True) if chosen]


# ── what the file says ───────────────────────────────────────────────────────────────────────────────────────────────


def _words(pymupdf: Any, drawn: Any) -> _Words:  # noqa: ANN401
    """Every word with its paint, those off the page too; ligatures spelled out."""
    flags = pymupdf.TEXTFLAGS_WORDS & ~pymupdf.TEXT_PRESERVE_LIGATURES & ~pymupdf.TEXT_MEDIABOX_CLIP
    text = _text_page(pymupdf, drawn, flags | pymupdf.TEXT_IGNORE_ACTUALTEXT)
    spans = {
        (block["number"], number): line["spans"]
        for block in text.extractDICT()["blocks"]
        for number, line in enumerate(block["lines"])
    }
    found = text.extractWORDS()
    paints = [_paint(word, spans.get((word[5], word[6]), [])) for word in found]
    return _Words(
        [word[4] for word in found],
        np.array([word[:4] for word in found], float).reshape(-1, 4),
        np.array([(word[5] << 16) + word[6] for word in found], np.int64),
        np.array([p[0] for p in paints], np.int64)[:, None] >> (16, 8, 0) & 255,
        np.array([p[1] for p in paints], np.int64),
        np.array([p[2] for p in paints], np.int64),
        np.array([p[3] for p in paints], float),
    )


def _text_page(pymupdf: Any, drawn: Any, flags: int) -> Any:  # noqa: ANN401
    """A text page without a border: MuPDF's own drops what is off the page, which would hide that it is there."""
    mupdf = pymupdf.mupdf
    options = mupdf.FzStextOptions()
    options.flags = flags
    everywhere = mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE)
    page = mupdf.FzStextPage(everywhere)
    device = mupdf.fz_new_stext_device(page, options)
    mupdf.fz_run_display_list(drawn.this, device, mupdf.FzMatrix(), everywhere, mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return pymupdf.TextPage(page)


def _paint(word: Sequence[Any], spans: Sequence[dict[str, Any]]) -> tuple[int, int, int, float]:
    """Colour, alpha, flags and size of the span in which the word's middle lies."""
    if not spans:
        return 0, 255, _PAINTED, word[3] - word[1]
    span = spans[0]
    if len(spans) > 1:
        x, y = (word[0] + word[2]) / 2, (word[1] + word[3]) / 2
        span = min(spans, key=lambda span: _distance(span["bbox"], x, y))
    return span["color"], span["alpha"], span["char_flags"], span["size"]


def _distance(box: Sequence[float], x: float, y: float) -> float:
    return max(box[0] - x, x - box[2], 0.0) + max(box[1] - y, y - box[3], 0.0)


def _images(pymupdf: Any, drawn: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    text = pymupdf.TextPage(drawn.get_textpage(pymupdf.TEXT_PRESERVE_IMAGES))
    return list(text.extractIMGINFO())


# ── what can be seen ─────────────────────────────────────────────────────────────────────────────────────────────────


def _judged(
    pymupdf: Any,  # noqa: ANN401
    drawn: Any,  # noqa: ANN401
    words: _Words,
    boxes: Boxes,
    ink: PageInk,
    images: Sequence[tuple[dict[str, Any], npt.NDArray[np.float64]]],
) -> tuple[Flags, Flags]:
    """Which words are hidden, and which are sandwiched."""
    if not words.texts:
        return np.zeros(0, bool), np.zeros(0, bool)
    off = _on_page(boxes, ink) < _EDGE
    telling = np.array([_TELLING.search(text) is not None for text in words.texts])
    unseen = np.zeros(len(boxes), bool)
    looked = telling & ~off
    unseen[looked] = ~ink.shows(boxes[looked])
    unpainted = ((words.flags & _PAINTED) == 0) | ((words.alphas < _TRANSPARENT) & ((words.flags & 0x40) == 0))
    camouflaged = looked & ~unpainted & ink.in_paper_colour(boxes, words.colours)
    pictured = _inside_any(boxes, [box for _, box in images])
    under = _covered(pymupdf, drawn, words, boxes, images) if (pictured & ~unpainted).any() else np.zeros_like(off)
    sandwiched = ~off & ~unseen & (unpainted | under | (camouflaged & pictured))
    hidden = off | unseen | (_too_small(words, boxes) & telling) | (camouflaged & ~sandwiched)
    return hidden, sandwiched & ~hidden


def _on_page(boxes: Boxes, ink: PageInk) -> npt.NDArray[np.float64]:
    """The share of each box that is on the page."""
    low, high = np.maximum(boxes[:, :2], 0), np.minimum(boxes[:, 2:], (ink.width, ink.height))
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)
    return np.asarray(np.prod(np.clip((high - low) / sides, 0, 1), axis=1))


def _too_small(words: _Words, boxes: Boxes) -> Flags:
    sides = words.boxes[:, 2:] - words.boxes[:, :2]
    long = sides.max(axis=1)
    letters = np.array([len(text) for text in words.texts])
    pixels = words.sizes * (boxes[:, 2] - boxes[:, 0]) / np.maximum(sides[:, 0], 1e-6)
    tiny = (words.sizes < _TINY_POINTS) & (pixels < _TINY_PIXELS)
    return np.asarray(tiny | ((letters >= 4) & (long < _NARROW * letters * words.sizes)))


def _inside_any(boxes: Boxes, areas: Sequence[npt.NDArray[np.float64]]) -> Flags:
    """Which boxes have their middle in one of the areas."""
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    inside = np.zeros(len(boxes), bool)
    for x0, y0, x1, y1 in areas:
        inside |= (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    return inside


def _covered(
    pymupdf: Any,  # noqa: ANN401
    drawn: Any,  # noqa: ANN401
    words: _Words,
    boxes: Boxes,
    images: Sequence[tuple[dict[str, Any], npt.NDArray[np.float64]]],
) -> Flags:
    """Which words a picture without transparent parts was drawn over. Asked only where pictures and words meet."""
    solid = [tuple(info["bbox"]) for info, _ in images if not info.get("has-mask")]
    log = _drawing_log(pymupdf, drawn)
    covered = np.zeros(len(boxes), bool)
    x, y = words.boxes[:, ::2].mean(axis=1), words.boxes[:, 1::2].mean(axis=1)
    last = np.full(len(boxes), -1)
    for at, (kind, (x0, y0, x1, y1)) in enumerate(log):
        here = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
        if kind.endswith("-text"):
            last[here] = at
            covered &= ~here
        elif kind == "fill-image" and _is_one_of((x0, y0, x1, y1), solid):
            covered |= here & (last >= 0)
    return covered


def _drawing_log(pymupdf: Any, drawn: Any) -> list[tuple[str, tuple[float, float, float, float]]]:  # noqa: ANN401
    """What was drawn where, in points, in order: (kind, box)."""
    mupdf = pymupdf.mupdf
    log: list[tuple[str, tuple[float, float, float, float]]] = []
    device = pymupdf.JM_new_bbox_device(log, False)
    everywhere = mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE)
    mupdf.fz_run_display_list(drawn.this, device, mupdf.FzMatrix(), everywhere, mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return log


def _is_one_of(box: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
    return any(max(abs(a - b) for a, b in zip(box, other, strict=True)) < 1.0 for other in others)


def _unexplained(ink: PageInk, words: Boxes, pictures: Sequence[npt.NDArray[np.float64]], count: int) -> float:
    """Ink that no word explains, where it is worth looking: large pictures, and pages with hardly a word."""
    area = ink.width * ink.height
    large = [box for box in pictures if (box[2] - box[0]) * (box[3] - box[1]) > _PICTURE * area]
    if count < _SPARSE_WORDS:
        return ink.unexplained(words, None)
    return ink.unexplained(words, np.array(large)) if large else 0.0


# ── whether it makes sense ───────────────────────────────────────────────────────────────────────────────────────────


def quality(texts: Sequence[str]) -> float:
    """How far words make sense as characters, 0..1. Numbers, short pages and other scripts are never held against them.

    The share of characters that mean something (not control, private, unassigned or replaced ones, no "(cid:7)"), less
    where Latin words lack vowels, as they do when a font's codes are taken for letters.
    """
    text = "".join(texts)
    if not text:
        return 0.0
    known = _CID.sub("", text)
    if not known.isprintable() or "\N{REPLACEMENT CHARACTER}" in known:
        known = "".join(c for c in known if unicodedata.category(c)[0] != "C" and c != "\N{REPLACEMENT CHARACTER}")
    return len(known) / len(text) * _sense(texts)


def _sense(texts: Sequence[str]) -> float:
    longer = "".join(text for text in texts if len(text) >= 4).lower()
    letters = len(_LATIN.findall(longer))
    if letters < _ENOUGH_LETTERS:
        return 1.0
    share = len(_VOWEL.findall(longer)) / letters
    return min(1.0, max(0.0, (share - _VOWELS_LOW) / (_VOWELS_FAIR - _VOWELS_LOW)))
