"""Pieces of a sheet that look like a value of some shape, wherever they stand.

Each shape has one finder. Not here: whether a candidate is the value of a field (`docqa.readers.layout`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from docqa.extract.values import Span, find_amounts, find_currencies, find_dates, fold_letters
from docqa.readers.layout.addressee import POSTCODE, heads_an_address
from docqa.readers.layout.boxes import EMPTY_BOX, TICKED, Told, answers, told
from docqa.readers.layout.labels import Guide, Mark, by_row
from docqa.readers.layout.lexicon import DURATION_FORM, PHONE_FORM, Shape
from docqa.readers.layout.names import (
    COMPACT_FORMS,
    COMPACT_SALUTATIONS,
    compact,
    has_legal_form,
    looks_like_name,
)
from docqa.readers.layout.parties import find_parties
from docqa.readers.layout.places import LAW_WORDS, PLACE_FORMS
from docqa.readers.layout.runs import Lazy, Sheet


class Candidate(NamedTuple):
    """A piece of a sheet's text; `value` is its kept form where the shape has one; `prior` is its worth unlabelled."""

    sheet: int
    start: int
    end: int
    run: int
    value: str
    prior: float = 0.0


@dataclass(frozen=True)
class Scene:
    """The document as the finders see it: its sheets, their labels, the order of its dates, and whose signs it has."""

    sheets: Sequence[Sheet]
    marks: Sequence[Sequence[Mark]]
    day_first: bool | None
    signs: Mapping[str, str] = field(default_factory=dict)  #: what it means by signs that several currencies share

    @cached_property
    def marks_by_row(self) -> list[dict[int, list[Mark]]]:
        """The labels of each row of each sheet."""
        return [by_row(sheet, marks) for sheet, marks in zip(self.sheets, self.marks, strict=True)]

    @cached_property
    def found(self) -> dict[tuple[object, ...], list[Candidate]]:
        """What was found for earlier fields: most shapes look the same whatever the field is called."""
        return {}

    @cached_property
    def near(self) -> dict[tuple[int, int, int, Shape], list[Mark]]:
        """The labels near what stands from a run of a sheet to another, as far as somebody asked."""
        return {}

    @cached_property
    def closeness(self) -> dict[tuple[int, int, int, Mark, Shape], float]:
        """How close labels are to pieces of a sheet, as far as somebody asked."""
        return {}

    @cached_property
    def dates(self) -> Sequence[list[Span]]:
        """The dates of each sheet."""
        return Lazy(len(self.sheets), lambda index: find_dates(self.sheets[index].walled, self.day_first))

    @cached_property
    def amounts(self) -> Sequence[list[Span]]:
        """The amounts of each sheet."""
        return Lazy(len(self.sheets), lambda index: find_amounts(self.sheets[index].walled, self.dates[index]))

    @cached_property
    def names(self) -> Sequence[list[tuple[int, int, int]]]:
        """The pieces of each sheet that can be a name: start, end, run."""
        return Lazy(len(self.sheets), lambda index: _name_pieces(self, index))

    @cached_property
    def currencies(self) -> Sequence[list[Span]]:
        """The currencies of each sheet."""
        spans = (find_currencies(sheet.walled) for sheet in self.sheets)
        return [[span._replace(value=self.signs.get(span.value, span.value)) for span in found] for found in spans]

    @cached_property
    def currency_counts(self) -> Counter[str]:
        """How often each currency is printed in the document."""
        return Counter(span.value for spans in self.currencies for span in spans)


def find_candidates(guide: Guide, scene: Scene, sheets: Iterable[int]) -> list[Candidate]:
    """Everything on these sheets that has the shape of the field's value."""
    return [candidate for index in sheets for candidate in _on_sheet(guide, scene, index)]


def _on_sheet(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    finder = _FINDERS[guide.shape]
    key = (finder, guide.concept if guide.shape is Shape.NAME else "", guide.spec.choices, index)
    if key not in scene.found:
        scene.found[key] = finder(guide, scene, index)
    return scene.found[key]


def _from_spans(sheet: Sheet, index: int, spans: Iterable[Span]) -> list[Candidate]:
    return [Candidate(index, span.start, span.end, sheet.run_at(span.start), span.value) for span in spans]


# ── values that can be told by their form ────────────────────────────────────────────────────────────────────────────


def _dates(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    return _from_spans(scene.sheets[index], index, scene.dates[index])


def _amounts(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    return _from_spans(scene.sheets[index], index, scene.amounts[index])


_PERCENT = re.compile(r"(?<![\w.,])[-−]?\d{1,3}(?:[.,]\d{1,4})?\s?%")  #: a number that is no amount


def _numbers(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    rates = (Span(*match.span(), match.group()) for match in _PERCENT.finditer(scene.sheets[index].walled))
    return _amounts(guide, scene, index) + _from_spans(scene.sheets[index], index, rates)


_CODE = re.compile(
    r"(?<![\w.])(?:[A-Z]{2}\d{2} ?(?:[A-Z]{4} ?)?\d[\dA-Z]{1,26}(?: \d[\dA-Z]{0,10}){1,7}(?!\w)"  # an IBAN in groups
    r"|(?:[A-Z\d] ){4,}[A-Z\d](?![^\s\x00])"  # one character in each box of a form
    r"|(?:(?<![^\x00])|(?<=[:#] ))\d{2,}(?: \d{2,})+(?=\s*(?:\x00|$))"  # groups of digits, and all there is
    r"|(?:[A-Z]{2} )?\d{2,4}(?: \d{3}){2,3}(?: \d{2})?(?! ?\d)"
    r"|(?:# ?|\+|(?<![^\s\x00])[-=])?(?=[\w./\-]{0,15}\d)[^\W_][\w./#\-]*\w)",
)


_DECIMAL = re.compile(r"\d{1,3}(?:[.,]\d{3})*[.,]\d{2}|\d{1,2}\.\d")  #: a price, or the number of a section


def _codes(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    sheet = scene.sheets[index]
    taken = scene.dates[index]
    spans = (Span(_code_start(sheet, m), m.end(), m.group().strip("# ")) for m in _CODE.finditer(sheet.walled))
    return _from_spans(sheet, index, (span for span in spans if _is_code(span, taken, sheet)))


def _code_start(sheet: Sheet, found: re.Match[str]) -> int:
    """Where a code begins whose parts stand apart: "Ref.: DURAND/PLF – 250311", "12 34 567 890 123"."""
    start = found.start()
    if start == 0 or sheet.text[start - 1] not in " -–/":
        return start  # as nearly all
    front = sheet.text[sheet.runs[sheet.run_at(start)].start : start]
    parts = (_DIGITS_FRONT if " " in found.group() else _CODE_FRONT).search(front)
    return start if parts is None else start - len(parts.group(1))


_DIGITS_FRONT = re.compile(r"(?<![^\s:])((?:\d{1,4} )+)$")
_CODE_FRONT = re.compile(r":\s?((?:[A-ZÀ-Þ\d][A-ZÀ-Þ\d./-]*\s?[-–/]\s?)+)$")


def _is_code(span: Span, dates: Sequence[Span], sheet: Sheet) -> bool:
    """Not a date, not a percentage, not a price, not an address of the web."""
    dated = not span.value.isdigit() and any(date.start <= span.start and span.end <= date.end for date in dates)
    if dated or len(span.value) < 2:
        return False
    behind = sheet.walled[span.end : span.end + 2].strip()
    free = not behind.startswith(("%", "@", "€", "$")) and not span.value.startswith(("http", "www."))
    return free and _DECIMAL.fullmatch(span.value.lstrip("-=")) is None


def _phones(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    """Telephone numbers as they are printed: in groups, the code of a country or a town in front."""
    sheet, dates = scene.sheets[index], scene.dates[index]
    spans = (Span(m.start(), m.end(), m.group()) for m in re.finditer(PHONE_FORM, sheet.walled))
    free = (one for one in spans if not any(one.start < date.end and date.start < one.end for date in dates))
    return _from_spans(sheet, index, free)


def _currencies(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    """A currency is worth more the more often it is printed, and most where a label asks for it."""
    counts = scene.currency_counts
    share = {code: 0.45 + 0.3 * count / counts.total() for code, count in counts.items()}
    found = _from_spans(scene.sheets[index], index, scene.currencies[index])
    return [c._replace(prior=share[c.value] + 0.05 * (c.end - c.start == 3)) for c in found]


def _durations(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    sheet = scene.sheets[index]
    spans = (Span(m.start(), m.end(), m.group()) for m in re.finditer(DURATION_FORM, sheet.text))
    return _from_spans(sheet, index, spans)


def _places(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    """The place of a "laws of X"; near a word such as "governed" it needs no label."""
    sheet = scene.sheets[index]
    found: list[Candidate] = []
    for form in PLACE_FORMS:
        for match in re.finditer(form, sheet.text):
            near = sheet.text[max(0, match.start() - 160) : match.start()]
            prior = 0.85 if re.search(LAW_WORDS, near) else 0.3
            other = re.search(r"(?i)(?:other than|securities|application of)[^.]{0,12}$", near)
            start, end = match.span(1)
            found.append(Candidate(index, start, end, sheet.run_at(start), match.group(1), 0.25 if other else prior))
    return found


def _choices(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    """Each choice where it is printed; in a large line at the top of the first page it needs no label."""
    sheet = scene.sheets[index]
    found: list[Candidate] = []
    for choice in guide.spec.choices:
        folded = re.escape(fold_letters(choice)).replace(r"\ ", r"\s*")
        for match in re.finditer(rf"(?<!\w){folded}(?!\w)", sheet.folded):
            run = sheet.run_at(match.start())
            found.append(Candidate(index, match.start(), match.end(), run, choice, _title_prior(sheet, index, run)))
    return _chosen(sheet, found)


def _chosen(sheet: Sheet, options: list[Candidate]) -> list[Candidate]:
    """Of options with boxes the one that is ticked, of those side by side without one none."""
    said = told(sheet, list({(one.start, one.end) for one in options}))
    there = [one for one in options if said[one.start, one.end] is not Told.NOT]
    ticked = [said[one.start, one.end] is Told.TICKED for one in there]
    return [
        one._replace(prior=max(one.prior, _TICKED_PRIOR)) if mark else one
        for one, mark in zip(there, ticked, strict=True)
    ]


_TICKED_PRIOR = 0.6  #: worth of a ticked choice without a label: it is an answer, if not surely to this question


def _title_prior(sheet: Sheet, index: int, run: int) -> float:
    if index > 0:
        return 0.1
    top = sheet.runs[run].box[1] / sheet.page.height
    short = sheet.runs[run].end - sheet.runs[run].start < 90
    return max(0.2, 0.75 - 0.8 * top) * (1.0 if short else 0.6)


def _marks(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    """Boxes, and yes or no; of "☐ yes ☒ no" the word that is ticked."""
    sheet = scene.sheets[index]
    words, taken = answers(sheet)
    forms = ((TICKED, "true"), (EMPTY_BOX, "false"))
    spans = [(*match.span(), value) for form, value in forms for match in re.finditer(form, sheet.walled)]
    boxes = [one for one in spans if not any(one[0] < end and start < one[1] for start, end in taken)]
    said = [(*word, sheet.text[slice(*word)]) for word in words]
    return [Candidate(index, start, end, sheet.run_at(start), value) for start, end, value in (*boxes, *said)]


_Piece = tuple[int, int, int]  #: start and end in the sheet's text, number of the run
# ── texts, told by their place ───────────────────────────────────────────────────────────────────────────────────────


def text_pieces(sheet: Sheet, marks: Sequence[Mark], names: bool = False) -> list[_Piece]:
    """For each run its text without the label in front, and for names without the register number behind."""
    pieces: list[_Piece] = []
    labels = {mark.run for mark in marks if mark.before == 0 and mark.behind == 0 and mark.weight > 0.6}
    by_run: dict[int, list[Mark]] = {}
    for mark in marks:
        by_run.setdefault(mark.run, []).append(mark)
    for number, run in enumerate(sheet.runs):
        ends = (mark.end for mark in by_run.get(number, ()) if mark.before == 0 and _ends_label(sheet, mark))
        trimmed = _trim(sheet.text, max(ends, default=run.start), run.end, names)
        bare = trimmed is not None and number in labels and _only_label(by_run[number], trimmed[0])
        if trimmed is not None and not bare:
            pieces.append((*trimmed, number))
    return pieces


def _only_label(marks: Sequence[Mark], start: int) -> bool:
    """Whether a run with these labels says nothing but its label."""
    return any(mark.start <= start < mark.end and mark.behind == 0 for mark in marks)


_COLON = re.compile(r"\W{0,3}[:#]")


def _ends_label(sheet: Sheet, mark: Mark) -> bool:
    return _COLON.match(sheet.text, mark.end) is not None


#: What leads up to a text; a hyphen or an equals sign that a blank precedes and none follows begins it: "Id: -A12".
_HEAD = re.compile(r"(?:[\s:;.,*>–—#|]|[-=](?!\w)|(?<=[^\s\0])[-=])*(?:\d{1,2}[.)]\s+)?")
_REGISTER = re.compile(r"(?<=\w)\s*\([^()]*\d{4}[^()]*\)\s.*$")
_BRACKET = re.compile(r"\s*[(\[][^()\[\]]*(?:\d[^()\[\]]*|[)\]])?[)\]]?\s*$")
_NUMBER_BEHIND = re.compile(r"\s+[#(]?\d[\w-]*\)?$")
#: A street or a postcode in the line of a name: "Alder Ltd, 4 Forge Lane".
_ADDRESS_BEHIND = re.compile(r"(?<=\w[\w.])\s?,\s(?=[^,]*\d).*$")


def _trim(text: str, start: int, end: int, name: bool) -> tuple[int, int] | None:
    """Without list numbers and leading marks; a name also without brackets or the number of a register behind it."""
    if start < end and not text[start].isalpha():
        head = _HEAD.match(text, start, end)
        start = head.end() if head else start
    piece = text[start:end]
    if name:
        if "(" in piece or "[" in piece:
            piece = _BRACKET.sub("", _REGISTER.sub("", piece)) or piece
        if "," in piece:
            piece = _ADDRESS_BEHIND.sub("", piece)
        if piece.rpartition(" ")[2].lstrip("#(")[:1].isdigit():
            piece = _NUMBER_BEHIND.sub("", piece)
    piece = piece.rstrip(" ,;:-–*<=|★☆")
    return (start, start + len(piece)) if len(piece) > 1 else None


def _texts(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    sheet = scene.sheets[index]
    pieces = text_pieces(sheet, scene.marks[index])
    return [Candidate(index, start, end, run, sheet.text[start:end]) for start, end, run in pieces]


def _addresses(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    """Blocks of lines below each other; right below the issuer's name a block needs no label."""
    sheet = scene.sheets[index]
    labelled = {mark.run for mark in scene.marks[index] if mark.before == 0 and mark.weight > 0.8}
    pieces = text_pieces(sheet, scene.marks[index])
    below_name = _first_below_name(sheet, pieces, labelled) if index == 0 else None
    ends = _block_ends(sheet, pieces, labelled)
    found: list[Candidate] = []
    for (start, _, run), end in zip(pieces, ends, strict=True):
        unlabelled = run == below_name and any(map(str.isdigit, sheet.text[start:end]))
        found.append(Candidate(index, start, end, run, sheet.text[start:end], 0.5 if unlabelled else 0.0))
    return found


def _first_below_name(sheet: Sheet, pieces: Sequence[_Piece], labelled: set[int]) -> int | None:
    """The run in which the lines under the first company name begin, register numbers in brackets left out."""
    trimmed = ((sheet.text[start:end], run) for start, end, run in text_pieces(sheet, [], names=True))
    names = [(text, run) for text, run in trimmed if looks_like_name(text)]
    first = min((run for _, run in names), default=-1)
    company = next((run for text, run in names if has_legal_form(text)), first)
    below = [
        run
        for start, end, run in pieces
        if company < run <= company + 3
        and run not in labelled
        and not sheet.text[start:end].startswith("(")
        and _mostly_letters(sheet.text[start:end])
    ]
    return min(below, default=None) if company >= 0 else None


def _block_ends(sheet: Sheet, pieces: Sequence[_Piece], labelled: set[int]) -> list[int]:
    """Where the block that starts with each piece ends: at a gap, at a label, at a telephone number."""
    goes_on = [_goes_on(sheet, above, below, labelled) for above, below in pairwise(pieces)]
    ends = []
    for first in range(len(pieces)):
        last = first
        while last < len(goes_on) and last - first + 1 < _BLOCK and goes_on[last]:
            last += 1
        ends.append(pieces[last][1])
    return ends


def _goes_on(sheet: Sheet, above: _Piece, below: _Piece, labelled: set[int]) -> bool:
    """Whether a piece is the next line of a block."""
    text = sheet.text[below[0] : below[1]]
    near = below[2] == above[2] + 1 and below[2] not in labelled and _stacked(sheet, above, below)
    return near and not text.startswith("(") and _mostly_letters(text) and _REACHED.search(text) is None


_BLOCK = 5  #: lines of an address
_ADDRESSED = 0.5  #: worth of a name above an address without a label
#: Ways to reach somebody that are no place to go to.
_REACHED = re.compile(r"(?i)@|www\.|https?:|\be-?mail\b|\b(?:tel|fax|phone)\b")


def _mostly_letters(text: str) -> bool:
    return sum(map(str.isalpha, text)) > sum(map(str.isdigit, text))


def _names(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    """Runs that can be a name; a legal form, the top of the first page and large letters speak for the issuer."""
    sheet = scene.sheets[index]
    found: list[Candidate] = []
    for start, end, run in scene.names[index]:
        text = sheet.text[start:end]
        prior = 0.0
        if guide.concept == "seller":
            prior = _issuer_prior(scene, index, run, text)
        elif guide.concept == "buyer" and index == 0 and not POSTCODE.search(text) and heads_an_address(sheet, run):
            prior = _ADDRESSED
        found.append(Candidate(index, start, end, run, text, prior))
    return _ranked_from_top(found) if index == 0 else found


def _name_pieces(scene: Scene, index: int) -> list[_Piece]:
    """The pieces of a sheet that look like names and are neither labels nor priced items."""
    sheet = scene.sheets[index]
    labels = {(mark.start, mark.end) for mark in scene.marks[index] if mark.weight > 0.6}
    priced = [span for span in scene.amounts[index] if "." in span.value]
    return [
        (start, end, run)
        for start, end, run in _join_split_names(sheet, text_pieces(sheet, scene.marks[index], names=True))
        if looks_like_name(sheet.text[start:end])
        and (start, end) not in labels
        and not any(start < span.end and span.start < end for span in priced)
        and not _heads_a_value(sheet, end)
    ]


def _ranked_from_top(names: list[Candidate]) -> list[Candidate]:
    """The first name on the page is more likely its issuer's than the fifth."""
    return [c._replace(prior=max(0.0, c.prior - 0.03 * min(place, 6))) for place, c in enumerate(names)]


def _issuer_prior(scene: Scene, index: int, run: int, text: str) -> float:
    if index > 0:
        return 0.0
    sheet = scene.sheets[0]
    box = sheet.runs[run].box
    top = (box[1] - min(other.box[1] for other in sheet.runs)) / sheet.page.height
    large = min(0.12, 0.15 * max(0.0, sheet.runs[run].height / sheet.line_height - 1.05))
    numbered = 0.12 if _stands_above_a_register_number(sheet, run) else 0.0
    if has_legal_form(text) and len(text) < 70:
        return 0.6 + large + numbered - 0.15 * min(top, 0.9)
    # Where a page names its addressee, the lines below that may be his; then only large letters speak for the issuer.
    row = sheet.runs[run].row
    addressed = any(
        mark.concept == "buyer" and mark.before == 0 and sheet.runs[mark.run].row < row for mark in scene.marks[0]
    )
    return (0.36 if addressed else 0.48) + large + numbered - 0.4 * top if top < 0.35 else 0.0


def _heads_a_value(sheet: Sheet, end: int) -> bool:
    """Whether a colon follows, which makes the piece a label: "Order ref : A4711"."""
    return re.match(r"\s?:(?!\w)", sheet.text[end : end + 3]) is not None


def _stands_above_a_register_number(sheet: Sheet, run: int) -> bool:
    """A company prints the number it is registered under right below its name or behind it, in brackets."""
    here = sheet.runs[run]
    behind = sheet.string(run)[-20:]
    below = sheet.string(run + 1) if run + 1 < len(sheet.runs) else ""
    level = run + 1 < len(sheet.runs) and sheet.runs[run + 1].box[1] - here.box[1] < 2.5 * here.height
    number = r"\([^()]*\d{4}[^()]*\)\W*$"
    return re.search(number, behind) is not None or (level and re.fullmatch(number, below.strip()) is not None)


def _join_split_names(sheet: Sheet, pieces: list[_Piece]) -> list[_Piece]:
    """A salutation belongs to the name below it, a bare legal form to the name above it."""
    joined: list[_Piece] = []
    for piece in pieces:
        above = joined[-1] if joined and joined[-1][2] == piece[2] - 1 else None
        if above is not None and _centred(sheet, above, piece):
            joined[-1] = (above[0], piece[1], piece[2])
            continue
        if above is not None and _continues(sheet, above, piece):
            joined[-1] = (above[0], piece[1], above[2])
        joined.append(piece)
    return joined


def _stacked(sheet: Sheet, above: _Piece, below: _Piece, spacing: float = 1.6) -> bool:
    first, second = sheet.runs[above[2]], sheet.runs[below[2]]
    return 0 < second.box[1] - first.box[1] < spacing * first.height


def _continues(sheet: Sheet, above: _Piece, below: _Piece) -> bool:
    aligned = abs(sheet.runs[below[2]].box[0] - sheet.runs[above[2]].box[0]) < sheet.runs[above[2]].height
    bare_form = compact(sheet.text[below[0] : below[1]]) in COMPACT_FORMS
    salutation = compact(sheet.text[above[0] : above[1]]) in COMPACT_SALUTATIONS
    return (_stacked(sheet, above, below) and aligned and salutation) or (
        bare_form and _stacked(sheet, above, below, 2.0)
    )


def _centred(sheet: Sheet, above: _Piece, below: _Piece) -> bool:
    """Whether a label stands beside the second line only: it is centred on a value of two lines."""
    first, second = sheet.rows[sheet.runs[above[2]].row], sheet.rows[sheet.runs[below[2]].row]
    labelled = second[0] != below[2] and sheet.string(second[0]).rstrip().endswith(":")
    return first[0] == above[2] and labelled and _stacked(sheet, above, below)


def _parties(guide: Guide, scene: Scene, index: int) -> list[Candidate]:
    """The names that an agreement says it is between."""
    if index > 0:
        return []
    sheet = scene.sheets[0]
    return [
        Candidate(0, start, start + len(text), sheet.run_at(start), text, worth)
        for start, text, worth in find_parties(sheet.text)
    ]


_FINDERS: dict[Shape, Callable[[Guide, Scene, int], list[Candidate]]] = {
    Shape.DATE: _dates,
    Shape.AMOUNT: _amounts,
    Shape.NUMBER: _numbers,
    Shape.CODE: _codes,
    Shape.PHONE: _phones,
    Shape.NAME: _names,
    Shape.PARTY: _parties,
    Shape.PLACE: _places,
    Shape.ADDRESS: _addresses,
    Shape.CURRENCY: _currencies,
    Shape.DURATION: _durations,
    Shape.CHOICE: _choices,
    Shape.MARK: _marks,
    Shape.TEXT: _texts,
}
