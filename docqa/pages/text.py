"""The text of a page as it is said to a model: in its layout, and without anything that could pass for a command.

Whatever stands in a document is data from strangers. `clean` takes out of it what nobody sees and what a model could
mistake for the frame of the conversation; the rest of the defence is elsewhere: an answer can trigger nothing, and
every quote is checked (`docqa.verify`).
"""

from __future__ import annotations

import re
import statistics
import textwrap
import unicodedata
from collections.abc import Sequence

from docqa.types import Page, Word

MAX_PAGE_TEXT = 10_000  #: characters; the densest A4 page has about 7000, a page with more hides something
COLUMN_GAP = 2  #: characters of empty space on a line that separate columns; words of a sentence are closer


def clean(text: str) -> str:
    """Take out what is invisible and what looks like the frame of a conversation with a model: text from documents.

    Letters, digits and signs that a reader of the page would see stay as they are.
    """
    text = "".join(char for char in _SEPARATORS.sub("\n", text) if _visible(char))
    text = _FRAME.sub(" ", text)  # by a space, so that what stood around it cannot close up to another one
    return _HALF_TOKEN.sub(r"\g<0> ", text)  # what is left of a token with another one inside it


def layout_text(page: Page) -> str:
    """Arrange the words of a page by line, and keep columns apart by spaces in proportion to their place."""
    columns = _columns(page.words)
    blocks = ("\n".join(_line(row, columns) for row in block) for block in _blocks(_rows(page.lines)))
    text = "\n\n".join(textwrap.dedent(block) for block in blocks)
    return clean(text[:MAX_PAGE_TEXT])


# ---------------------------------------------------------------------------------------------- layout


def _rows(lines: Sequence[Sequence[Word]]) -> list[list[Word]]:
    """Put lines that stand beside the line before them into one row: the cells of a table.

    Lines are taken in reading order, so the columns of prose, which follow one another, stay whole.
    """
    rows: list[list[Word]] = []
    for line in lines:
        if rows and _beside(rows[-1][-1], line[0]):
            rows[-1].extend(line)
        else:
            rows.append(list(line))
    return rows


def _blocks(rows: Sequence[list[Word]]) -> list[list[list[Word]]]:
    """Begin a new block where reading goes back up the page: the next column of prose needs no margin for the last."""
    blocks: list[list[list[Word]]] = []
    for row in rows:
        if blocks and row[0].box[3] > blocks[-1][-1][0].box[1]:
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def _beside(left: Word, right: Word) -> bool:
    """Whether a word stands to the right of another and shares more than half of the smaller one's height."""
    _, left_top, left_end, left_bottom = left.box
    right_start, right_top, _, right_bottom = right.box
    shared = min(left_bottom, right_bottom) - max(left_top, right_top)
    return right_start >= left_end and shared > 0.5 * min(left_bottom - left_top, right_bottom - right_top)


def _columns(words: Sequence[Word]) -> float:
    """How many characters of this page's usual size stand side by side on it."""
    widths = [(word.box[2] - word.box[0]) / len(word.text) for word in words if word.text and word.box[2] > word.box[0]]
    return min(1 / statistics.median(widths), 160) if widths else 0


def _line(words: Sequence[Word], columns: float) -> str:
    line, end = "", 0.0
    for word in words:
        start = word.box[0]
        if (start - end) * columns > COLUMN_GAP:
            line = (line and line + " " * COLUMN_GAP).ljust(round(start * columns))
        line += word.text if not line or line.endswith(" ") else f" {word.text}"
        end = word.box[2]
    return line


# ---------------------------------------------------------------------------------------------- cleaning

#: What ends a line in Unicode, and the tab.
_SEPARATORS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
#: Characters that print nothing although their category is that of a letter, a mark or a symbol.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
#: Controls; zero width, bidi and tags; halves of surrogate pairs; private use, of which nobody knows what it shows.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co"})

#: Special tokens of the model families that the supported servers run, and the tags of our own prompts.
_FRAME = re.compile(
    r"""
      <[|｜][^<>\n]{0,64}>            # <|turn>  <|im_start|>  <|channel>  <|"|>  <｜User｜>
    | <[^<>|｜\n]{0,64}[|｜]>         # <turn|>  <channel|>
    | </?\s*(?:start|end)_of_\w+\s*>  # <start_of_turn>  <end_of_image>
    | </?\s*\w*soft_token\w*\s*>      # <image_soft_token>
    | </?\s*(?:bos|eos|pad|unk|mask|s|unused\d+|boi|eoi|boa|eoa|image|img|audio|video|think|thinking
        |system|user|assistant|model|tool|tool_call|tool_response|__media__)\s*/?>
    | \[/?(?:INST|IMG|SYSTEM_PROMPT|multimodal)\] | <</?SYS>>
    | </?\s*(?:answer|quote|not_found|text)\b[^<>\n]{0,64}>?
    """,
    re.VERBOSE | re.IGNORECASE,
)


_HALF_TOKEN = re.compile(r"<(?=[|｜])|[|｜](?=>)")


def _visible(char: str) -> bool:
    if char in "\n\t" or " " <= char <= "~":
        return True
    code = ord(char)
    if 0xFE00 <= code <= 0xFE0F or 0xE0000 <= code <= 0xE0FFF:  # variation selectors and tags, assigned or not
        return False
    return char not in _BLANKS and unicodedata.category(char) not in _INVISIBLE_CATEGORIES
