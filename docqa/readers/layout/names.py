"""What a name looks like: of a company by its legal form, of anybody by what it is not.

Not here: where names stand (`docqa.readers.layout.candidates`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz import fuzz, process

from docqa.extract.values import fold_letters
from docqa.readers.layout.columns import COLUMN_CONCEPTS
from docqa.readers.layout.lexicon import DOCUMENT_WORDS, LEGAL_FORMS, SALUTATIONS, phrases

_ADDRESS = re.compile(r"@|www\.|https?:|\.html?\b")  #: of the web
_CAPITAL = re.compile(r"[\W\d]*[A-ZÀ-Þ]")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_ALIKE = 85.5  #: of 100: a title that OCR misread
#: A legal form that ends a name, and what can begin another one.
_TWO = re.compile(r"(.{4,}?\b(?:Inc|Ltd|LLC|GmbH)\b\.?) ([A-Z][a-z].*)")
_REMEMBERED = 8192  #: texts: those of a page are looked at for each field, and forms say the same again and again


@lru_cache(maxsize=_REMEMBERED)
def looks_like_name(text: str) -> bool:
    """Letters more than anything else, no kind of document or heading of a column, no sentence, no web address."""
    letters = sum(map(str.isalpha, text))
    if letters < 3 or letters < 0.6 * (len(text) - text.count(" ")) or len(text) > 90 or ":" in text.rstrip(":"):
        return False
    if _ADDRESS.search(text) or not (_CAPITAL.match(text) or has_legal_form(text)):
        return False
    if not has_legal_form(text) and (_reads_like_a_title(text) or (text.endswith(".") and text.count(" ") > 2)):
        return False
    few_small = sum(map(str.islower, _LONG_WORD.findall(text))) <= 2
    return few_small and compact(text) not in _COLUMN_NAMES and not _is_title(text)


def _is_title(text: str) -> bool:
    written = compact(text)
    return process.extractOne(written, _COMPACT_TITLES, scorer=fuzz.ratio, score_cutoff=_ALIKE) is not None


def _reads_like_a_title(text: str) -> bool:
    words = re.findall(r"[^\W\d_]+", text)
    return bool(words) and (compact(words[0]) in _COMPACT_TITLES or compact(words[-1]) in _COMPACT_TITLES)


@lru_cache(maxsize=_REMEMBERED)
def has_legal_form(text: str) -> bool:
    """Whether the text ends like a company's name."""
    words = re.findall(r"[^\W\d_]+", fold_letters(text))
    tails = {"".join(words[-size:]) for size in range(1, min(5, len(words)) + 1)}
    return len(words) > 1 and bool(tails & COMPACT_FORMS)


def first_company(text: str) -> str:
    """The first of two companies in a row whose comma was not printed or not read: "Alder, Inc. Birch Company"."""
    two = _TWO.fullmatch(text)
    return two.group(1) if two is not None and has_legal_form(two.group(2)) else text


@lru_cache(maxsize=_REMEMBERED)
def compact(text: str) -> str:
    """Letters and digits only, small and without accents."""
    return re.sub(r"[\W_]", "", fold_letters(text))


COMPACT_FORMS = frozenset(compact(form) for form in phrases(LEGAL_FORMS))
COMPACT_SALUTATIONS = frozenset(compact(word) for word in phrases(SALUTATIONS))
_COLUMN_NAMES = frozenset(compact(name) for one in COLUMN_CONCEPTS for name in phrases(one.strong))
_COMPACT_TITLES = tuple(compact(title) for title in phrases(DOCUMENT_WORDS))
