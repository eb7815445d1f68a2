"""Whether a question asks about every document, "which contracts mention a deposit?", by the words offices use.

In English, German and French. Not here: how such a question is answered (`docqa.ask.survey`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

#: What an office calls its papers, in the plural. Words for other things as well (orders, statements) are not here:
#: "how many orders" is a question about one report as often as not.
_PAPERS = (
    r"(?:documents|files|papers|pdfs|scans|contracts|agreements|leases|invoices|bills|receipts|letters|e-?mails|memos"
    r"|reports|quotations|delivery notes|credit notes|purchase orders|certificates|permits|ndas|payslips|minutes"
    r"|reminders|proposals|cvs|resumes|deeds|judge?ments|applications|claims forms|forms"
    r"|\w*(?:dokumente|dateien|unterlagen|vertrage|vereinbarungen|rechnungen|gutschriften|belege|quittungen|briefe"
    r"|schreiben|e-?mails|angebote|bestellungen|auftrage|lieferscheine|mahnungen|gutachten|protokolle|bescheide|antrage"
    r"|bescheinigungen|urkunden|akten|kundigungen|zeugnisse|berichte|formulare|auszuge)n?"
    r"|documents|fichiers|contrats|factures|lettres|courriers|devis|recus|rapports|attestations|avenants|baux)"
)
_PAPER = (
    r"(?:document|file|paper|pdf|contract|agreement|lease|invoice|bill|receipt|letter|e-?mail|memo|report|quotation"
    r"|delivery note|credit note|purchase order|certificate|permit|nda|payslip|reminder|proposal|cv|deed|form"
    r"|\w*(?:dokument|datei|vertrag|rechnung|beleg|quittung|brief|angebot|bestellung|auftrag|lieferschein|mahnung"
    r"|protokoll|bescheid|antrag|urkunde|akte|bericht|formular))"
)
_BETWEEN = (  # adjectives and the like between "all" and "invoices", never a verb or a preposition
    r"(?:(?!(?:are|is|was|were|do|does|did|has|have|had|in|of|on|by|for|to|from|with|at|as|and|or|that|which|per|than"
    r"|sind|ist|war|hat|haben|wurden?|von|vom|mit|bei|im|am|fur|aus|zu|und|oder|the|our|my|den|dem|les)\b)"
    r"[\w&'.-]+ ){0,3}?"
)
_OURS = r"(?:of )?(?:the |our |my |these |those |von |den |der |die |unseren? |unserer |meinen? |diesen? |nos |mes )*"
_FRAMES = tuple(
    re.compile(frame)
    for frame in (
        rf"\b(?:list|name|show|give|find|enumerate|count)(?: me| us)?(?: a list of)? (?:all )?{_OURS}{_BETWEEN}"
        rf"{_PAPERS}\b",
        rf"\b(?:how many|number of|which|wie ?viele[nr]?|welche[nmrs]?|anzahl (?:der|aller)|combien de|quel(?:le)?s) "
        rf"{_OURS}{_BETWEEN}{_PAPERS}\b",
        r"\b(?:what|was fur) (?:documents|files|dokumente|dateien|unterlagen)\b",
        rf"\b(?:all|any|aller?n?|samtliche[nr]?|tou(?:te)?s(?: les)?) {_OURS}{_BETWEEN}{_PAPERS}\b",
        rf"\b(?:every|each|any|jede[mnrs]?|chaque) (?:single |einzelne[mnrs]? )?{_BETWEEN}{_PAPER}\b",
        rf"\b(?:nenne|liste|zeige?|finde)(?: mir| uns)?(?: bitte)?(?: alle)? {_OURS}{_BETWEEN}{_PAPERS}\b",
        rf"\b(?:liste[rz]?|donne[rz]?|montre[rz]?)(?: moi)?(?: tou(?:te)?s)? (?:les|nos|mes) {_BETWEEN}{_PAPERS}\b",
    )
)
#: What is left of a question without them is what it asks of each document.
_ASKING = re.compile(
    r"^(?:please|bitte|can|could|you|tell|me|us|do|does|did|are|is|was|were|be|there|any|we|i|have|has|had|in|across|over"
    r"|from|through|total|what|list|show|give|find|name|count|enumerate|all|every|each|single|how|many|number|which|our|my"
    r"|mention(?:s|ed|ing)?|contain(?:s|ed|ing)?|includ(?:es?|ed|ing)|that|who|whose|speaks?|talks?|about|say(?:s|ing)?|to"
    r"|refers?|deals?|with|the|of|and|a|an|on|by|for|documents?|files?|papers?|pdfs?|scans?"
    r"|sind|ist|gibt|es|haben|hat|wir|enthalten|enthalt|erwahnen|erwahnt|nennen|nennt|die|der|das|den|dem|wird|werden|von"
    r"|uber|geht|um|mit|fur|im|am|aus|alle[nr]?|samtlichen?|jede[mnrs]?|welche[mnrs]?|wie|viele[nr]?|wieviele|anzahl|nenne"
    r"|liste|auf|zeige?|mir|uns|finde|unseren?|unserer|meinen?|dokumente?n?|dateie?n?|unterlagen"
    r"|mentionnent|contiennent|parlent|qui|sont|y|a-t-il|il|du|les|des|de|tous|toutes|quels|quelles|combien|nos|mes|dans"
    r"|documents|fichiers|s|[-–?!.,]+)$"
)


@dataclass(frozen=True, slots=True)
class AboutAll:
    """A question about every document; `topic` is what it asks of each, without the words that ask for all."""

    question: str
    topic: str


def recognised(question: str) -> AboutAll | None:
    """Whether a question asks about every document, in English, German or French; None if it asks for one answer."""
    plain = _plain(question)
    frame = next((found for pattern in _FRAMES if (found := pattern.search(plain))), None)
    if frame is None or _of_one_paper(plain, frame):
        return None
    words = (word.strip(".,;:") for word in re.findall(r"[\w&@$€£%][\w&@$€£%.,'’/-]*", question))
    topic = [word for word in words if not _ASKING.match(_plain(word))]
    return AboutAll(question, " ".join(topic)) if topic else None


_LISTED = re.compile(
    r" (?:listed|named|mentioned|referred to|described|attached|enclosed|filed|genannt|(?:did|does|was) (?!we\b|i\b))"
)
_INSIDE = re.compile(r"\b(?:in|of|according to) (?:the|this|that) (?:\w+ ){0,3}?(?:report|contract|letter|annex)\b")


def _of_one_paper(plain: str, frame: re.Match[str]) -> bool:
    """Whether the papers asked for are those that one paper speaks of: the agreements listed in the annual report."""
    after = plain[frame.end() : frame.end() + 60]
    return bool(_LISTED.match(after) or _INSIDE.search(after))


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", " ".join(text.split()).casefold().replace("’", "'"))
    return "".join(c for c in folded if not unicodedata.combining(c))
