"""How far an extraction is, for people who watch: a bar on a terminal, a plain line every half a minute elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from docqa.store.ledger import Run

_EVERY, _SELDOM = 0.2, 30.0  #: seconds between two looks of a terminal, and between two lines of a log
_BAR = 24  #: characters
_NARROW = 70  #: columns of a terminal that has no room for a bar


class ProgressLine:
    """Use as a context manager: it is called with a run whenever that went on, and ends its line."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock = out, clock
        self._terminal = out.isatty()
        self._before: int | None = None  # documents that were done when this began
        self._started = self._shown = clock()
        self._open = False
        self._last: Run | None = None

    def __call__(self, run: Run) -> None:
        """Tell how far it is, if it is time for that."""
        now, settled = self._clock(), run.done + run.failed
        if self._before is None:
            self._before = max(0, settled - 1)
        self._last = run
        if settled >= run.documents or now - self._shown >= (_EVERY if self._terminal else _SELDOM):
            self._shown = now
            self._show(run)

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            if self._last is not None:
                self._show(self._last)
            print(file=self._out, flush=True)

    def _show(self, run: Run) -> None:
        text = self.sentence(run)
        if not self._terminal:
            print(text, file=self._out, flush=True)
            return
        columns = shutil.get_terminal_size().columns
        if columns > _NARROW + _BAR:
            full = _BAR * (run.done + run.failed) // max(1, run.documents)
            text = f"[{'#' * full}{'.' * (_BAR - full)}] {text}"
        print(f"\r{text[: columns - 1]:<{columns - 1}}", end="", file=self._out, flush=True)
        self._open = True

    def sentence(self, run: Run) -> str:
        """For example "120 of 400 documents, 36 a minute, about 8 min left, 2 failed"."""
        settled = run.done + run.failed
        parts = [f"{settled} of {run.documents} documents"]
        seconds, new = self._clock() - self._started, settled - (self._before or 0)
        if seconds > 0 and new > 0:
            rate = new / seconds
            parts.append(f"{60 * rate:.{0 if rate > 1 / 6 else 1}f} a minute")
            if settled < run.documents:
                parts.append(f"about {_spoken((run.documents - settled) / rate)} left")
        if run.failed:
            parts.append(f"{run.failed} failed")
        return ", ".join(parts)


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
