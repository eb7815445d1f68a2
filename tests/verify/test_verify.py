"""Does a quote stand on its page, and where: true quotes as readers give them, and false ones as they invent them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from misquotes import cases

from docqa.types import Box, Page, TextSource, Word
from docqa.verify import Match, boxes_of, locate

SAMPLES = Path(__file__).parents[2] / "sample_docs"

MakePage = Callable[[str, int, str], Page]

TEXT = """Lease agreement of 14 March 2026, No. 2026-0417
The monthly rent is 1,850.00 EUR and is due on the third day of each
month. The tenant may not sublet the premises without the written consent of the land-
lord. The notice period of three months ends on 30 June.
The landlord cannot refuse consent where the tenant's need is urgent.
The deposit of 5 550,00 EUR bears no interest – see § 12."""


@pytest.fixture(scope="module")
def page(make_page: MakePage) -> Page:
    return make_page("d0", 1, TEXT)


def found_in(page: Page, quote: str) -> str | None:
    """The words a quote was matched to, or None."""
    match = locate(quote, page)
    return None if match is None else " ".join(word.text for word in page.words[match.first : match.last + 1])


# ── true quotes ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        pytest.param("The monthly rent is 1,850.00 EUR", "The monthly rent is 1,850.00 EUR", id="as printed"),
        pytest.param("the MONTHLY rent", "The monthly rent", id="in another case"),
        pytest.param("rent is 1.850,00 EUR", "rent is 1,850.00 EUR", id="with the marks of another country"),
        pytest.param("third day of each month.", "third day of each month.", id="across a line break"),
        pytest.param("third day\nof  each\tmonth", "third day of each month.", id="with other white space"),
        pytest.param("consent of the landlord.", "consent of the land- lord.", id="across a hyphen at a line's end"),
        pytest.param("consent of the land\u00adlord", "consent of the land- lord.", id="with a soft hyphen"),
        pytest.param("“where the tenant’s need”", "where the tenant's need", id="in typographic quotes"),
        pytest.param("bears no interest - see § 12", "bears no interest – see § 12.", id="with another dash"),
        pytest.param("wrltten consent of the Iandlord", "written consent of the land- lord.", id="with OCR slips"),
        pytest.param("the writtenconsent of the landlord", "the written consent of the land- lord.", id="glued"),
        pytest.param("30 June", "30 June.", id="short"),
        pytest.param(" ".join(TEXT.split()), " ".join(TEXT.split()), id="the whole page"),
    ],
)
def test_a_true_quote_is_found_word_for_word(page: Page, quote: str, words: str) -> None:
    assert found_in(page, quote) == words


@pytest.mark.parametrize(
    ("quote", "printed"),
    [
        ("office of finance", "o\ufb03ce of \ufb01nance"),
        ("o\ufb03ce of \ufb01nance", "office of finance"),
        ("Kündigungsfrist beträgt", "Ku\u0308ndigungsfrist betra\u0308gt"),
        ("Kündigungsfrist beträgt", "Kundigungsfrist betragt"),
        ("Straße in Köln", "STRASSE IN KÖLN"),
        ("an area of 40 m2", "an area of 40 m²"),
        ("don't pay cash", "don’t pay cash"),
        ("Rechnung „Mai“", "Rechnung «Mai»"),
        ("契約書の日付", "契約書の日付"),
    ],
)
def test_what_printers_do_differently_makes_no_difference(make_page: MakePage, quote: str, printed: str) -> None:
    assert found_in(make_page("d0", 1, f"First comes this.\nThen {printed} and more"), quote) == printed


def test_two_lines_of_a_quote_have_a_box_each(page: Page) -> None:
    match = locate("due on the third day of each month.", page)
    assert match is not None
    words = page.words[match.first : match.last + 1]
    assert [word.line for word in words] == [1] * 7 + [2]
    first, last = [word for word in words if word.line == 1], words[-1]
    assert match.boxes == (
        (first[0].box[0], first[0].box[1], first[-1].box[2], first[-1].box[3]),
        last.box,
    )


def test_a_box_is_around_its_words_however_they_stand() -> None:
    words = (Word("a", (0.3, 0.22, 0.4, 0.25), 4), Word("b", (0.1, 0.2, 0.2, 0.24), 4), Word("c", (0, 0, 1, 1), 9))
    assert boxes_of(words) == ((0.1, 0.2, 0.4, 0.25), (0, 0, 1, 1))


@pytest.mark.parametrize(
    ("quote", "text", "first", "last"),
    [
        ("100", "1000 pieces and 100 more", 3, 3),
        ("5 June", "from 15 June to 5 June", 4, 5),
        ("art", "the party of art", 3, 3),
        ("lock the door", "clock the doors, then lock the door", 4, 6),
        ("10.00", "1,000 of them for 10.00", 4, 4),
    ],
)
def test_whole_words_come_before_parts_of_words(
    make_page: MakePage, quote: str, text: str, first: int, last: int
) -> None:
    match = locate(quote, make_page("d0", 1, text))
    assert match is not None
    assert (match.first, match.last) == (first, last)


@pytest.mark.parametrize("quote", ["EU", "7", "7."])
def test_a_quote_too_short_to_mean_anything_counts_as_a_whole_word_only(make_page: MakePage, quote: str) -> None:
    assert found_in(make_page("d0", 1, "EUR 17 for 7 in the EU"), quote) == quote.rstrip(".")
    assert found_in(make_page("d0", 1, "EUR 17 for 77 in Europe"), quote) is None


# ── false quotes ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "quote",
    [
        pytest.param("The monthly rent is 1,950.00 EUR and is due on the third day of each month", id="another digit"),
        pytest.param("The monthly rent is 1,85.00 EUR and is due on the third day of each month", id="a digit less"),
        pytest.param("The monthly rent is 11,850.00 EUR and is due on the third day of each month", id="a digit more"),
        pytest.param("The monthly rent is 1,580.00 EUR and is due on the third day of each month", id="digits swapped"),
        pytest.param("The monthly rent is 185,000 EUR and is due on the third day", id="the decimal mark gone"),
        pytest.param("Lease agreement of 14 March 2026, No. 2026-041.7", id="a decimal mark come"),
        pytest.param("The monthly rent is 1,850.00 EUR and is due on the 3 day of each month", id="a word as a digit"),
        pytest.param(
            "The tenant may sublet the premises without the written consent of the landlord", id="without not"
        ),
        pytest.param("The tenant may not sublet the premises with the written consent of the landlord", id="with"),
        pytest.param("The notice period of three months never ends on 30 June.", id="never"),
        pytest.param("The landlord can refuse consent where the tenant's need is urgent", id="can for cannot"),
        pytest.param("The landlord cannot refuse consent where the tenant's need is not urgent", id="not at its end"),
        pytest.param("The deposit of 5 550,00 EUR bears interest – see § 12", id="without no"),
        pytest.param("Invoice for four walnut shelves, delivered in May", id="of another page"),
        pytest.param("The landlord shall insure the building against fire and storm", id="half of it of another page"),
        pytest.param("month. each of day third the on due is and", id="in another order"),
        pytest.param(f"{TEXT} And so on.", id="longer than the page"),
        pytest.param("", id="empty"),
        pytest.param(" .–„“ ", id="without letters"),
    ],
)
def test_a_false_quote_is_not_found(page: Page, quote: str) -> None:
    assert locate(quote, page) is None


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        (
            "haftet der Vermieter für alle Schäden an der Mietsache",
            "haftet der Vermieter nicht für alle Schäden an der",
        ),
        ("Es besteht ein Anspruch auf Ersatz der Aufwendungen", "Es besteht kein Anspruch auf Ersatz der Aufwendungen"),
        ("Eine Partei kann vor Ablauf des Jahres kündigen", "Keine Partei kann vor Ablauf des Jahres kündigen"),
        ("le preneur peut sous-louer les locaux du bailleur", "le preneur ne peut pas sous-louer les locaux du"),
        ("Either party shall be liable for indirect damages", "Neither party shall be liable for indirect damages"),
        ("the fee is refundable after the course has begun", "the fee is non refundable after the course has begun"),
        ("the parties do agree on the price of the goods", "the parties don't agree on the price of the goods"),
    ],
)
def test_a_negation_neither_comes_nor_goes(make_page: MakePage, said: str, printed: str) -> None:
    tail = " and this is so from the first day of the contract to the last"
    assert locate(said + tail, make_page("d0", 1, f"{printed} Mietsache{tail}")) is None
    assert locate(said + tail, make_page("d0", 1, f"{printed}{tail}")) is None
    assert found_in(make_page("d0", 1, printed + tail), printed + tail) == printed + tail


def test_a_page_without_words_holds_nothing() -> None:
    blank = Page("d0", 1, 10, 10, (), TextSource.NONE, 0.0)
    assert locate("anything at all", blank) is None
    assert locate("a", blank) is None


# ── generated pages ──────────────────────────────────────────────────────────────────────────────────────────────────

LETTERS = st.text("abcdefghijklmnopqrstuvwxyzäöüßéè", min_size=1, max_size=10)
NUMBERS = st.integers(0, 99_999).map(str) | st.decimals(0, 9999, places=2).map("{:,.2f}".format)
TOKENS = LETTERS | NUMBERS | LETTERS.map(str.title) | LETTERS.map("{},".format)


@st.composite
def pages_with_runs(draw: st.DrawFn) -> tuple[Page, int, int]:
    """A page of lines of words, and the first and last of at least four words on it."""
    lines = draw(st.lists(st.lists(TOKENS, min_size=1, max_size=8), min_size=2, max_size=8))
    words = tuple(
        Word(token, (0.1 * place, 0.1 * number, 0.1 * place + 0.08, 0.1 * number + 0.05), number)
        for number, line in enumerate(lines)
        for place, token in enumerate(line)
    )
    assume(len(words) >= 4)
    first = draw(st.integers(0, len(words) - 4))
    last = draw(st.integers(first + 3, len(words) - 1))
    return Page("d0", 1, 1000, 1000, words, TextSource.TEXT_LAYER, 1.0), first, last


def letters_of(words: tuple[Word, ...]) -> str:
    return "".join(c for word in words for c in word.text.casefold() if c.isalnum())


def cuts_a_number(words: tuple[Word, ...]) -> bool:
    """Whether two words can be one number, such as 5 550: half of it is not what the page says."""
    return re.search(r"[1-9]\d{0,2} \d{3}(?!\d)", " ".join(word.text for word in words)) is not None


def boxes_by_hand(words: tuple[Word, ...]) -> tuple[Box, ...]:
    boxes = []
    for line in sorted({word.line for word in words}):
        x0, y0, x1, y1 = zip(*(word.box for word in words if word.line == line), strict=True)
        boxes.append((min(x0), min(y0), max(x1), max(y1)))
    return tuple(boxes)


@given(pages_with_runs())
def test_any_run_of_words_is_found_with_exactly_its_boxes(drawn: tuple[Page, int, int]) -> None:
    page, first, last = drawn
    run = page.words[first : last + 1]
    letters, all_letters = letters_of(run), letters_of(page.words)
    assume(all_letters.find(letters) == all_letters.rfind(letters))  # the same run twice: either is right
    assume(not any(cuts_a_number(page.words[n : n + 2]) for n in (first - 1, last)))
    match = locate(" ".join(word.text for word in run), page)
    assert match is not None
    assert (match.first, match.last) == (first, last)
    assert match.boxes == boxes_by_hand(run)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(pages_with_runs(), st.data())
def test_any_run_with_one_digit_changed_is_refused(drawn: tuple[Page, int, int], data: st.DataObject) -> None:
    page, first, last = drawn
    quote = " ".join(word.text for word in page.words[first : last + 1])
    digits = [place for place, c in enumerate(quote) if c.isdigit()]
    assume(digits)
    place = data.draw(st.sampled_from(digits))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != quote[place]]))
    changed = f"{quote[:place]}{other}{quote[place + 1 :]}"
    numbers = "".join(c for c in changed if c.isdigit())
    assume(numbers not in "".join(c for word in page.words for c in word.text if c.isdigit()))
    assert locate(changed, page) is None


@given(pages_with_runs(), st.text(max_size=60))
def test_whatever_is_asked_the_answer_is_words_of_the_page(drawn: tuple[Page, int, int], quote: str) -> None:
    page, *_ = drawn
    match = locate(quote, page)
    assert match is None or (
        0 <= match.first <= match.last < len(page.words)
        and match.boxes == boxes_by_hand(page.words[match.first : match.last + 1])
    )


def test_a_sign_is_found_where_a_word_holds_it_and_punctuation_nowhere(make_page: MakePage) -> None:
    page = make_page("d0", 1, "Total due: 40.00 € today.")
    assert locate("€", page) == Match(3, 3, (page.words[3].box,))
    assert locate("£", page) is None
    assert locate(":", page) is None
    assert locate("", page) is None


# ── quotes that are nearly right ─────────────────────────────────────────────────────────────────────────────────────

ACCOUNTS = """Statement of income (in millions of USD)
Revenue  1,577  1,433
Other loss  (1,577)  (12.5)
Tax rate  21 %  24 %
Operating income increased by 12.5 % to $ 310 million in March 2026.
The Lessor, Ms Barker, pays 5 550 EUR to Mr Hollis before 3 June 2026."""


@pytest.mark.parametrize(
    "quote",
    [
        "Revenue 1577 1433",
        "Revenue 1.577 1.433",
        "Revenue 1'577,00 1433.0",
        "Revenue 1\u202f577 1\u00a0433",
        "Other loss (1\u202f577)",
        "Other loss -1,577 -12.5",
        "Other loss −1,577 (12,5)",
        "Operating income increased by 12,5% to $310 million",
        "Operating income increased by 12.5% to 310 million",
        "pays 5550 EUR to Mr Hollis",
        "pays 5.550,00 EUR to Mr Hollis before 2026-06-03",
        "before 3rd June, 2026",
        "Statement of income … Revenue",
        "Statement of income ... Revenue 1,577 1,433",
    ],
)
def test_a_figure_may_be_written_in_another_way(make_page: MakePage, quote: str) -> None:
    ellipsis = quote.count("…") + quote.count("...")
    words = len(quote.replace("…", " ").replace("...", " ").split())
    found = locate(quote, make_page("d0", 1, ACCOUNTS))
    assert (found is not None) is not (ellipsis and words < 6)  # three words on each side of an ellipsis, at least


@pytest.mark.parametrize(
    "quote",
    [
        "Revenue 1,577 1,577",
        "Revenue 1,433 1,577",
        "Revenue (1,577) 1,433",
        "Revenue -1,577",
        "Other loss 1,577",
        "Other loss (1,577) 12.5",
        "Revenue 15.77",
        "Revenue 1,57",
        "Revenue 1",
        "Tax rate 1,577 1,433",
        "Tax rate 21 ‰",
        "Tax rate 21",
        "1,433 Other loss",
        "Operating income decreased by 12.5 %",
        "Operating income increased by 12.5 % to € 310 million",
        "Operating income increased by 12.5 % to $ 310 billion",
        "Operating income increased by 12.5 % to $ 310",
        "$ 310 million in May 2026",
        "The Lessee, Ms Barker, pays 5 550 EUR",
        "The Lessor, Ms Baker, pays 5 550 EUR",
        "The Lessor, Ms Hollis, pays 5 550 EUR",
        "pays 5 EUR to Mr Hollis",
        "pays 550 EUR to Mr Hollis",
        "pays 5 550 EUR to Mr Hollis after 3 June 2026",
        "before 6 March 2026",
        "before 3 July 2026",
        "Ms Barker … Mr Hollis",
    ],
)
def test_what_is_nearly_right_is_refused(make_page: MakePage, quote: str) -> None:
    assert locate(quote, make_page("d0", 1, ACCOUNTS)) is None


def test_a_letter_lost_in_recognition_is_forgiven_on_recognised_pages_only(make_page: MakePage) -> None:
    printed = make_page("d0", 1, "The delivry of the cornplete order is confirmed.")
    said = "The delivery of the complete order is confirmed."
    assert locate(said, replace(printed, text_source=TextSource.OCR)) is not None
    assert locate(said, printed) is None
    assert locate("the delivry of the complete order", printed) is not None  # m for rn: a shape, wherever it stands


def test_an_ellipsis_hides_no_negation_and_no_distance(make_page: MakePage) -> None:
    text = (
        "The tenant of the flat may not keep any animals in it.\n"
        + "More is said here.\n" * 5
        + "The end of this page."
    )
    page = make_page("d0", 1, text)
    assert locate("The tenant of … keep any animals in it", page) is None
    assert locate("The tenant of the … end of this page", page) is None
    assert locate("The tenant of … flat may not keep any", page) is not None


TABLE = """Rent
Deposit
Garage
100
500
70"""


@pytest.fixture(scope="module")
def columns() -> Page:
    """A table whose labels are stored first and then its figures, as some files have it."""
    words = [
        Word(text, (0.1 + 0.5 * (n // 3), 0.1 + 0.05 * (n % 3), 0.25 + 0.5 * (n // 3), 0.13 + 0.05 * (n % 3)), n)
        for n, text in enumerate(TABLE.split())
    ]
    return Page("d0", 1, 1000, 1000, tuple(words), TextSource.TEXT_LAYER, 1.0)


@pytest.mark.parametrize(
    "quote", ["Rent 100", "Deposit 500", "Garage 70", "Rent 100 Deposit 500", "Rent Deposit Garage"]
)
def test_a_row_of_a_table_is_found_however_it_is_stored(columns: Page, quote: str) -> None:
    match = locate(quote, columns)
    assert match is not None
    assert len(match.boxes) == len(quote.split())


@pytest.mark.parametrize("quote", ["Garage 100", "Rent 500", "Deposit 100", "500 Garage", "100 Deposit"])
def test_no_figure_is_put_beside_the_label_of_another_row(columns: Page, quote: str) -> None:
    assert locate(quote, columns) is None


def test_two_columns_of_prose_are_read_one_after_the_other(make_page: MakePage) -> None:
    left = ["The landlord keeps the roof and", "the walls in good repair at his", "own cost, and pays the taxes of"]
    right = ["the house. The tenant keeps the", "garden and cleans the windows at", "least four times in every year."]
    lines = [line for pair in zip(left, right, strict=True) for line in pair]
    words = [
        Word(text, (0.05 + 0.06 * place + 0.5 * (n % 2), 0.1 + 0.02 * (n // 2), 0.1 + 0.06 * place + 0.5 * (n % 2),
             0.115 + 0.02 * (n // 2)), n // 2)
        for n, line in enumerate(lines) for place, text in enumerate(line.split())
    ]  # fmt: skip
    page = Page("d0", 1, 1000, 1000, tuple(words), TextSource.OCR, 1.0)  # recognised straight across both columns
    assert locate("keeps the roof and the walls in good repair", page) is not None
    assert locate("The tenant keeps the garden and cleans the windows", page) is not None


# ── quotes made from real pages ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def sample_pages() -> list[Page]:
    """The pages of the sample documents that have a text layer, read without the program's own reading of files."""
    pages = []
    for file in sorted(SAMPLES.glob("*.pdf")):
        with pymupdf.open(file) as opened:
            for number, sheet in enumerate(opened, start=1):
                width, height = sheet.rect.width, sheet.rect.height
                lines: dict[tuple[int, int], int] = {}
                words = tuple(
                    Word(
                        text,
                        (x0 / width, y0 / height, x1 / width, y1 / height),
                        lines.setdefault((block, line), len(lines)),
                    )
                    for x0, y0, x1, y1, text, block, line, _ in sheet.get_text("words")
                )
                if len(words) > 20:
                    pages.append(Page(file.name, number, 1000, 1414, words, TextSource.TEXT_LAYER, 1.0))
    return pages


def test_true_quotes_are_found_and_false_ones_refused(sample_pages: list[Page]) -> None:
    made = list(cases(sample_pages, seed=7, each=2))
    true, false = [case for case in made if case.true], [case for case in made if not case.true]
    assert len(true) >= 200 and len(false) >= 200
    missed = [(case.kind, case.quote) for case in true if locate(case.quote, case.page) is None]
    taken = [(case.kind, case.quote) for case in false if locate(case.quote, case.page) is not None]
    found = len(true) - len(missed)
    assert found / len(true) >= 0.95, missed
    assert found / (found + len(taken)) >= 0.99, taken
