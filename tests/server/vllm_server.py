"""The real vLLM with the tiny model, as a process of its own that a test can start, kill and start again.

Its flags are those that `docqa model serve` would use on a card of 48 GB, so that vLLM's own parser checks them; what a
processor cannot do is put right behind them.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from docqa.modelserver.checkpoint import read_checkpoint
from docqa.modelserver.plan import Address, Gpu, make_plan

MODEL = "gemma-4-12b"
KEY = "a key for the tests"
START_SECONDS = 420.0  #: 35 on two quiet cores
END_SECONDS = 20.0
#: Put behind the others: the last of a flag's values counts.
ON_A_PROCESSOR = ("--enforce-eager", "--max-model-len", "32768", "--max-num-seqs", "8")
ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "OMP_NUM_THREADS": "1",  # with two they spin against each other
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "TORCHDYNAMO_DISABLE": "1",  # else the first request with log-probabilities compiles for 40 seconds
}
_PR_SET_PDEATHSIG = 1


class VllmServer:
    """Use as a context manager. Its address stays the same over a restart."""

    def __init__(self, venv: Path, model: Path, log: Path) -> None:
        self.log = log
        self.port = _free_port()
        self._venv = venv
        self._model = model
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        plan = make_plan(
            [read_checkpoint(self._model)],
            Gpu(0, "a card of 48 GB", 46_068),
            Address("127.0.0.1", self.port, MODEL),
            lambda _: None,
        )
        command = [self._venv / "bin" / "vllm", "serve", *plan.arguments, *ON_A_PROCESSOR]
        environment = os.environ | plan.environment | ENVIRONMENT | {"VLLM_API_KEY": KEY}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # its engine is a process of its own, which is to die with it
                preexec_fn=_end_with_parent,
            )
        self._wait()

    def kill(self) -> None:
        """End the server, its engine included, as the kernel does when memory runs out."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._end(signal.SIGKILL)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Within this the server runs no more, its engine neither; its kernel still takes connections."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 where it is not there (yet)."""
        with urllib.request.urlopen(f"{self.root}/metrics", timeout=30) as answer:
            said = answer.read().decode()
        found: list[str] = re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", said, re.MULTILINE)
        return sum(map(float, found))

    def __enter__(self) -> VllmServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(signal.SIGTERM)

    def _wait(self) -> None:
        process = self._process
        assert process is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if process.poll() is not None:
                raise AssertionError(f"vLLM ended with {process.returncode}:\n{self._tail()}")
            try:
                with urllib.request.urlopen(f"{self.root}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.25)
        self.kill()
        raise AssertionError(f"vLLM did not start within {START_SECONDS:.0f} seconds:\n{self._tail()}")

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])


def _end_with_parent() -> None:
    """A test run that is killed leaves no server behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
