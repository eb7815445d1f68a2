"""A gate: so many at once go through, the others wait in line, the urgent ones first, and nobody waits for ever.

It keeps a model server from being flooded by one process. How many of those that are not urgent go through follows how
the server takes it: one more after as many that went well, half as many after a refusal, and a pause that doubles until
one goes well again (additive increase, multiplicative decrease, as TCP does it). Those with urgency 0 are held back by
nothing but the most that may go through at once. It knows nothing of servers; threads share one gate.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from docqa.errors import ModelBusy

FIRST_PAUSE, LONGEST_PAUSE = (
    0.5,
    30.0,
)  #: seconds after one refusal and after many in a row, half more or less by chance


class Gate:
    """Lets `at_once` through at the same time and keeps at most `waiting` in line."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once = at_once
        self._inside = 0
        self._waiting = waiting
        self._line: list[tuple[int, int]] = []  # a heap of (urgency, number of the ticket)
        self._tickets = itertools.count()
        self._changed = threading.Condition()
        self._limit = float(at_once)  # of those that are not urgent
        self._refused = 0  # in a row
        self._lowered, self._open_at = 0.0, 0.0  # moments: of the last refusal that counted, and when its pause ends

    @property
    def limit(self) -> int:
        """How many of those that are not urgent go through at once at present."""
        return int(self._limit)

    @contextmanager
    def passed(self, urgency: int, patience: float) -> Iterator[float]:
        """Wait for a place and hold it; gives the moment it was entered, which `refused` wants to know.

        Lower `urgency` goes first, then who came first; `patience` is in seconds. Raises ModelBusy when the line is too
        long, or when patience ends.
        """
        self._enter(urgency, patience)
        try:
            yield time.monotonic()
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def went_well(self) -> None:
        """Somebody who went through was served."""
        with self._changed:
            self._limit = min(float(self._at_once), self._limit + 1 / self._limit)
            self._refused = 0
            self._changed.notify_all()

    def refused(self, entered: float, asked: float = 0.0) -> None:
        """Somebody who entered at that moment was sent away, or not served in time; `asked` are seconds to stay away.

        Those that were sent before the last refusal say nothing new.
        """
        with self._changed:
            now = time.monotonic()
            if entered >= self._lowered:
                self._limit = max(1.0, self._limit / 2)
                self._lowered = now
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._refused) * random.uniform(0.5, 1.5)
                self._refused = min(self._refused + 1, 10)
                self._open_at = max(self._open_at, now + pause)
            self._open_at = max(self._open_at, now + asked)

    def _enter(self, urgency: int, patience: float) -> None:
        deadline = time.monotonic() + patience
        with self._changed:
            if not (self._room(urgency) and not self._line) and len(self._line) >= self._waiting:
                raise ModelBusy(
                    f"{len(self._line)} requests are already waiting for the model server.",
                    "Try again in a moment; model.requests_at_once and model.queue_length set how many are let in.",
                )
            ticket = (urgency, next(self._tickets))
            heapq.heappush(self._line, ticket)
            try:
                while not (self._line[0] == ticket and self._room(urgency)):
                    self._changed.wait(self._next_look(urgency, deadline))
                    if time.monotonic() >= deadline and not (self._line[0] == ticket and self._room(urgency)):
                        raise ModelBusy(
                            f"The model server had no place for this request within {patience:g} seconds.",
                            "Try again when fewer people ask; model.queue_timeout sets how long a question waits.",
                        )
                self._inside += 1
            finally:
                self._line.remove(ticket)
                heapq.heapify(self._line)
                self._changed.notify_all()

    def _room(self, urgency: int) -> bool:
        if not urgency:
            return self._inside < self._at_once
        return self._inside < self.limit and time.monotonic() >= self._open_at

    def _next_look(self, urgency: int, deadline: float) -> float:
        """Seconds until something may have changed without anybody saying so."""
        now = time.monotonic()
        pause = self._open_at - now if urgency and self._open_at > now else deadline - now
        return max(0.0, min(pause, deadline - now))
