"""How a text says whose law holds: forms of sentences in which a place stands.

Not here: which of several places is meant (`docqa.readers.layout`).
"""

from __future__ import annotations

#: "The laws of the State in which…" are of no place: it is named elsewhere, or was not read.
_NO_PLACE = r"(?!(?:The|States?|Commonwealth|Province|Republic|Kingdom|Canton|Country)\b(?! (?:(?:of|and) )?[A-ZÀ-Þ]))"
#: How a text says whose law holds; the group is the place.
_PLACE = _NO_PLACE + r"[A-Z][A-Za-zÀ-ÿ’'-]+(?: (?:(?:of|and|de|du|la|der|und) )?[A-Z][A-Za-zÀ-ÿ’'-]+){0,3}"
PLACE_FORMS: tuple[str, ...] = (
    r"(?i:laws?\s+(?:and\s+regulations\s+)?(?:of|in\s+force\s+in)\s+(?:the\s+)?(?:(?:state|commonwealth|province|republic|"
    rf"kingdom|canton|territory|city)\s+of\s+)?)({_PLACE})",
    rf"(?i:govern\w*\b[^.]{{0,160}}?\bof\s+the\s+(?:state|commonwealth|province|republic|kingdom|canton)\s+of\s+)({_PLACE})",
    rf"(?i:recht\s+(?:der|des|von)\s+(?:bundesrepublik\s+|republik\s+|kantons\s+)?)({_PLACE})",
    rf"(?i:gerichtsstand(?:\s+und\s+erfüllungsort)?(?:\s+für\s+beide\s+teile)?(?:\s+ist|:)\s+)({_PLACE})",
    rf"(?i:(?:lois?|droit)\s+(?:de\s+la|du|de|d[’'])\s?(?:république\s+)?)({_PLACE})",
    rf"(?i:ley(?:es)?\s+(?:de\s+la|de|del)\s+(?:república\s+de\s+)?)({_PLACE})",
    rf"(?i:legg[ei]\s+(?:della|del|di)\s+(?:repubblica\s+)?)({_PLACE})",
    rf"(?i:recht\s+van\s+)({_PLACE})",
    r"\b((?i:deutsche[ms]|österreichische[ms]|schweizer(?:ische[ms])?))\s+Recht",
    r"(?i:droit)\s+((?i:français|belge|suisse|luxembourgeois))",
    r"\b((?i:english|dutch|swiss|french|german|belgian|italian|spanish))\s+(?i:law)\b",
)
#: Words near such a form that make it the governing law and not just any law.
LAW_WORDS = (
    r"(?i)govern|constru|interpret|enforce|choice of law|applicable law|unterlieg|gilt|gelten|régi|soumis|rig|regol"
)
