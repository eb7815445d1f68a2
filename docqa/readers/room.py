"""What of a document goes into one prompt: pages as the model looks at them, and how many its context holds.

Not here: which pages those should be, nor what is said about them (`docqa.prompts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

from docqa.model import ModelClient
from docqa.pages.grid import grid_size, soft_tokens
from docqa.pages.image import on_grid
from docqa.prompts import Message
from docqa.types import Evidence

MAX_PAGES = 12  #: in one prompt, with those of the turn before; one more, a close-up, is below the 16 a server takes
FRAME_TOKENS = 256  #: of a prompt, besides its pages and texts: turns, labels, begin and end of images
_TOKEN = 3  #: characters of one, where the server does not count: fewer than of prose, more than of figures


def looked_at(pages: Sequence[Evidence], budget: int) -> list[Evidence]:
    """The pages with their images as the model looks at them, each of them fetched once."""
    return [replace(one, image=cache(partial(_image, one, budget))) for one in pages]


def without_images(pages: Sequence[Evidence]) -> list[Evidence]:
    """The pages as far as they are words."""
    return [replace(one, image=bytes) for one in pages]


def fits(client: ModelClient, pages: Sequence[Evidence], messages: Sequence[Message], spare: int) -> bool:
    """Whether messages about pages leave so many tokens of the context free, for the answer and what else may come.

    The messages are made of the pages `without_images`, whose cost is known. Raises ModelError.
    """
    context = client.capabilities().max_context
    if context is None:
        return True
    budget = client.image_budget()
    images = sum(soft_tokens(*grid_size(one.page.width, one.page.height, budget)) for one in pages)
    room = context - spare - images - FRAME_TOKENS
    if room <= 0:
        return False
    texts = _texts(messages)
    if len(texts) <= room:  # a token has at least one character
        return True
    exact = client.count_tokens([{"role": "user", "content": texts}])
    return (exact if exact is not None else len(texts) // _TOKEN) <= room


def _image(one: Evidence, budget: int) -> bytes:
    return on_grid(one.image(), budget)


def _texts(messages: Sequence[Message]) -> str:
    """All that is said in words."""
    said = []
    for message in messages:
        content = message["content"]
        parts = content if isinstance(content, list) else [{"text": content}]
        said += [str(part["text"]) for part in parts if "text" in part]
    return "\n".join(said)
