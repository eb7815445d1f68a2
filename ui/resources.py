"""What every part of the interface shares in this process: the settings, the store, the search.

Set once by `use` before the first request. The embedder takes seconds to load: `preload` does that beside the start.
Nothing here belongs to one person: that lives in Streamlit's session state.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cache

from docqa.embed import Embedder
from docqa.errors import DocqaError
from docqa.find import Finder
from docqa.settings import Settings
from docqa.store import Store

_settings: Settings | None = None
_loading = threading.Lock()


def use(settings: Settings) -> None:
    """Serve this store from here on."""
    global _settings
    _settings = settings
    store.cache_clear()
    _embedder.cache_clear()


def settings() -> Settings:
    """The settings this server was started with."""
    if _settings is None:
        raise RuntimeError("ui.resources.use was not called")
    return _settings


@cache
def store() -> Store:
    """The store that is served."""
    return Store(settings().store)


def embedder() -> Embedder:
    """The embedding model, loaded. Raises EmbedderUnusable."""
    with _loading:  # two first questions at once must not load it twice
        return _embedder()


def preload() -> None:
    """Load the embedding model before the first question needs it. What is wrong with it, the first question tells."""
    with suppress(DocqaError):
        embedder()


def embedder_is_loaded() -> bool:
    """Whether `embedder` returns at once."""
    return _embedder.cache_info().currsize > 0


def finder() -> Finder:
    """The search. Raises EmbedderUnusable."""
    return Finder(store(), embedder(), settings().find)


@cache
def _embedder() -> Embedder:
    return Embedder(settings().embedder)
