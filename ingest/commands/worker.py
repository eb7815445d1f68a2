"""`docqa worker`: reads what is uploaded or lies in watched folders, carries on extractions, until it is stopped."""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import signal
import sys
import time
from collections.abc import Callable

from docqa.commands import Commands, settings_of
from docqa.embed import Embedder
from docqa.errors import ModelError, StoreBusy
from docqa.extract.run import carry_on, is_waited_for
from docqa.pages.vectors import open_pictures
from docqa.settings import Settings
from docqa.store import Store
from ingest import watch
from ingest.commands.memory import keep_memory_flat
from ingest.vectors import make_picture_vectors
from ingest.worker import PIPELINE, ingest_pending

_POLL = 1.0  #: seconds between two looks of the worker for something to do
_SERVER_AWAY = 10.0  #: seconds after which the worker tries the model server again


def register(commands: Commands) -> None:
    """Add the command."""
    commands.add(
        "worker", _work, "read what is uploaded or lies in watched folders, carry on extractions, until stopped"
    )


def _work(arguments: argparse.Namespace) -> int:
    keep_memory_flat()
    settings = settings_of(arguments)
    store = Store(settings.store)
    embedder = functools.cache(lambda: Embedder(settings.embedder))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopping a service is no failed attempt, either
    put_off = -math.inf  # when extractions were last left for later because the server is away

    def waited_for() -> bool:  # somebody's extraction goes before vectors, which may take hours
        return time.monotonic() - put_off >= _SERVER_AWAY and is_waited_for(store)

    while True:
        try:
            pause = 0 if _work_once(store, settings, embedder, waited_for) else _POLL
        except ModelError as error:  # extractions wait for the server; documents are still read, and vectors made
            print(f"docqa: {error.message} {error.hint}", file=sys.stderr)
            put_off = time.monotonic()
            pause = _POLL if store.catalog.without_vectors() else _SERVER_AWAY
        time.sleep(pause)


def _work_once(
    store: Store, settings: Settings, embedder: Callable[[], Embedder], waited_for: Callable[[], bool] = lambda: False
) -> bool:
    """Look into watched folders, read what is pending, then carry on extractions; False if there was nothing to do.

    Vectors are made unless an extraction is waited for.
    """
    _look_into_folders(store, settings)
    watch.remove_withdrawn(store)
    read, held = 0, True
    if store.catalog.pending(PIPELINE) or store.catalog.without_vectors():
        held = False
        with contextlib.suppress(StoreBusy), store.writing():  # whoever holds the lock reads what is pending
            held = True
            # folders are watched meanwhile: reading what is pending may take hours
            look = functools.partial(_look_into_folders, store, settings)
            read = ingest_pending(store, embedder, settings.ingest, lambda _: look(), held_up=waited_for)
            if settings.find.pictures is not None and not waited_for():
                make_picture_vectors(store, open_pictures(settings.find.pictures))

    def nothing_to_read() -> bool:  # documents go before extractions, which may take hours; between two of theirs
        _look_into_folders(store, settings)
        return not (held and store.catalog.pending(PIPELINE))

    return carry_on(store, settings, only_if=nothing_to_read) or read > 0


def _look_into_folders(store: Store, settings: Settings) -> None:
    watch.scan_due(store, settings.ingest, time.time())
