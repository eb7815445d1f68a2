"""A gate: so many at once go through, the others wait in line, the urgent ones first, and nobody waits for ever.

It keeps a model server from being flooded by one process. It knows nothing of servers; threads share one gate.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from docqa.errors import ModelBusy


class Gate:
    """Lets `at_once` through at the same time and keeps at most `waiting` in line."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = at_once
        self._waiting = waiting
        self._line: list[tuple[int, int]] = []  # a heap of (urgency, number of the ticket)
        self._tickets = itertools.count()
        self._changed = threading.Condition()

    @contextmanager
    def passed(self, urgency: int, patience: float) -> Iterator[None]:
        """Wait for a place and hold it. Lower `urgency` goes first, then who came first; `patience` is in seconds.

        Raises ModelBusy when the line is too long, or when patience ends.
        """
        self._enter(urgency, patience)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _enter(self, urgency: int, patience: float) -> None:
        deadline = time.monotonic() + patience
        with self._changed:
            if not (self._free and not self._line) and len(self._line) >= self._waiting:
                raise ModelBusy(
                    f"{len(self._line)} requests are already waiting for the model server.",
                    "Try again in a moment; model.requests_at_once and model.queue_length set how many are let in.",
                )
            ticket = (urgency, next(self._tickets))
            heapq.heappush(self._line, ticket)
            try:
                while not (self._free and self._line[0] == ticket):
                    if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                        raise ModelBusy(
                            f"The model server had no place for this request within {patience:g} seconds.",
                            "Try again when fewer people ask; model.queue_timeout sets how long a question waits.",
                        )
                self._free -= 1
            finally:
                self._line.remove(ticket)
                heapq.heapify(self._line)
                self._changed.notify_all()
