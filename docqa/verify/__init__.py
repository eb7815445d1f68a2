"""Quote → words → boxes: does what a reader quotes stand on the page, and where exactly?

`quotes` says so, `tokens` is what of a text is compared, `order` in which orders the words of a page can be read.

Not here: whether a quote supports the answer.
"""

from docqa.verify.quotes import Match, boxes_of, check, cited_pages, locate, unsupported_figures
from docqa.verify.tokens import letters_of, printable

__all__ = [
    "Match",
    "boxes_of",
    "check",
    "cited_pages",
    "letters_of",
    "locate",
    "printable",
    "unsupported_figures",
]
