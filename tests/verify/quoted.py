"""What a quote is made from: a run of words as somebody would take it from a page."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docqa.types import Page, Word

Change = Callable[["Source"], str | None]

NUMBER = re.compile(r"\d")


@dataclass
class Source:
    """A run of words of a page that is to be changed, the page, another page, and chance."""

    words: list[str]
    page: Page
    other: Page
    chance: random.Random


def a_run(page: Page, chance: random.Random) -> list[str]:
    """Four to thirty words as somebody would quote them: from inside a line of prose, or whole rows of a table."""
    lines = [line for line in page.lines if line]
    if not lines:
        return []
    start = chance.randrange(len(lines))
    words = [word.text for word in lines[start]]
    if not gappy(lines[start]):
        words = words[chance.randrange(max(1, len(words) - 3)) :]
    while len(words) < chance.randint(4, 30) and start + 1 < len(lines) and beneath(lines[start], lines[start + 1]):
        start += 1
        words += [word.text for word in lines[start]]
    length = len(words) if gappy(lines[start]) else chance.randint(min(4, len(words)), len(words))
    run = words[: min(length, 30)]
    plain = re.sub(r"\W", "", " ".join(run))
    return run if len(run) >= 3 and len(plain) >= 12 else []


def gappy(line: Sequence[Word]) -> bool:
    """Whether a line has cells."""
    letter = sum(w.box[2] - w.box[0] for w in line) / max(1, sum(len(w.text) for w in line))
    return any(b.box[0] - a.box[2] > 2.5 * letter for a, b in zip(line, line[1:], strict=False))


def beneath(upper: Sequence[Word], lower: Sequence[Word]) -> bool:
    """Whether a line of prose goes on in the line below it; cells and lines beside or far away do not."""
    height = upper[0].box[3] - upper[0].box[1]
    follows = 0 < lower[0].box[1] - upper[0].box[1] < 2.5 * height
    overlap = min(upper[-1].box[2], lower[-1].box[2]) - max(upper[0].box[0], lower[0].box[0])
    prose = len(upper) >= 5 and not gappy(upper) and not gappy(lower)
    return follows and prose and overlap > 0
