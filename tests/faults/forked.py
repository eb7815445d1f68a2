"""Run docqa's command line in forks of one process that has imported everything and opened nothing.

Importing takes seconds, a fork milliseconds: only so can a run be cut off a hundred times. The process that forks must
not have opened a store itself; LanceDB begins anew in each fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from docqa.cli import main

warnings.filterwarnings("ignore", "lancedb fork support is experimental", RuntimeWarning)
CRASHED = 70  #: exit code of a fork that ended with a traceback


class Fork:
    """One fork that runs a function; its standard output and error go to a file each, `name` in `folder`."""

    def __init__(self, run: Callable[[], int], folder: Path, name: str) -> None:
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        self._code: int | None = None
        self._started = time.monotonic()
        self.seconds = 0.0
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(run)

    def kill(self) -> None:
        """SIGKILL, to this process only: what it started has to notice by itself."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def running(self) -> bool:
        """Whether it is still there."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended(status)
        return self._code is None

    def wait(self) -> int:
        """Its exit code; negative, the signal that ended it."""
        if self._code is None:
            self._ended(os.waitpid(self.pid, 0)[1])
        assert self._code is not None
        return self._code

    def lines(self) -> list[dict[str, Any]]:
        """The JSON it printed."""
        return [json.loads(line) for line in self._out.read_text(encoding="utf-8").splitlines()]

    def complaints(self) -> str:
        """What it said on standard error."""
        return self._err.read_text(encoding="utf-8", errors="replace").strip()

    def _ended(self, status: int) -> None:
        self._code = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - self._started

    def _become(self, run: Callable[[], int]) -> None:
        code = CRASHED
        try:
            for descriptor, file in ((1, self._out), (2, self._err)):
                os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
            code = run()
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:  # whatever it is, it is this fork's end, not the test's
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)


def docqa(store: Path, *arguments: str | Path) -> Callable[[], int]:
    """The command line of docqa as a function to fork."""
    words: Sequence[str] = ["--store", str(store), *map(str, arguments), "--json"]
    return lambda: main(words)
