"""Children that meet untrusted files: how they are started, waited for and ended.

A child is a process of its own in a process group of its own, and no wait on it is without a deadline. Where bubblewrap
works it sees a machine of its own: no network, no other process, no file but Python's and the system's programs, and
nothing that can be written. What else it gives up it gives up by itself (`ingest.confine`). Which of these walls stand
on this machine is found out by a child that tries to break out (`ingest.trial`), once. Whatever arrives from a child is
called `untrusted_…` until `ingest.untrusted` looked at it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from docqa.doctor import Check
from docqa.errors import RendererDied, RendererTimeout, SandboxMissing
from docqa.settings import Settings
from ingest.untrusted import lie
from ingest.wire import LENGTHS, MAX_BYTES, MAX_JSON, frame, read_frame

BUBBLEWRAP = "bwrap"  #: the program, looked for on PATH
TRIAL = "ingest.trial"

_PATIENCE = 2.0  #: seconds the kernel has to clear a killed process away
_GRACE = 0.5  #: seconds between TERM and KILL; only a child that ignores TERM uses any of it up
_BLINK = 0.25  #: seconds after which a wait looks up whether to go on
_TRIAL_SECONDS = 30.0  #: it takes a tenth of one
_PIPE_BYTES = 1 << 20

#: What is run first: `python -c START module arguments…` is `python -m module arguments…` without the collector, which
#: takes a sixth of the start while modules are loaded (measured). `ingest.confine` switches it on.
_START = (
    "import gc, sys; gc.disable(); import runpy; del sys.argv[0]; runpy.run_module(sys.argv[0], None, '__main__', True)"
)

#: What a child sees of the system: programs and libraries, no settings, no accounts, no one's files.
_SYSTEM = ("/usr", "/etc/ld.so.cache", "/etc/alternatives")
_ROOT_FOLDERS = ("/bin", "/lib", "/lib32", "/lib64")  #: links into /usr, or folders on older systems
_DEVICES = ("/dev/null", "/dev/urandom")


class Stopped(Exception):
    """The worker is shutting down; nobody waits for the child any more."""


@dataclass(frozen=True, slots=True)
class Protection:
    """One of the walls between a file and this machine: whether it stands here, and what it keeps out."""

    name: str
    active: bool
    meaning: str


class Child:
    """One running child. Use as a context manager; leaving it ends the process whatever it does.

    Waiting for it ends with `Stopped` soon after the `stopping` event was set. With `secrets` an argument,
    `--secrets-fd=N`, says where to read them; they stand neither among the arguments nor in the environment.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        stopping: threading.Event,
        stdin: BinaryIO | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self._stopping = stopping
        with _sent(secrets) as fds:
            bubblewrap = shutil.which(BUBBLEWRAP) if _trial().bubblewrap else None
            self._process = subprocess.Popen(
                _command(bubblewrap, module, [*arguments, *(f"--secrets-fd={fd}" for fd in fds)]),
                stdin=subprocess.PIPE if stdin is None else stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=_environment(module),
                cwd="/",
                pass_fds=fds,
            )
        assert self._process.stdout is not None  # it was asked for
        self._out = self._process.stdout.fileno()
        self._in = self._process.stdin.fileno() if self._process.stdin else None
        _widen(self._out)
        if self._in is not None:
            os.set_blocking(self._in, False)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def running(self) -> bool:
        """Whether the process is still there. It is not reaped by asking: its id must stay its own until `end`."""
        if self._process.returncode is not None:
            return False
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def send(self, header: dict[str, object], body: bytes, seconds: float) -> None:
        """Give the child a frame. Raises RendererTimeout if it does not take it, RendererDied if it is gone."""
        assert self._in is not None  # only children without a file on stdin are sent frames
        deadline = time.monotonic() + seconds
        left = memoryview(frame(header, body))
        try:
            while left:
                self._wait(self._in, select.POLLOUT, deadline, seconds)
                left = left[os.write(self._in, left) :]
        except BrokenPipeError as error:
            raise _death() from error

    def receive(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        """The next frame, unchecked but for its lengths. Raises RendererTimeout, RendererDied, RendererLied."""
        deadline = time.monotonic() + seconds
        json_length, body_length = LENGTHS.unpack(self._read(LENGTHS.size, deadline, seconds))
        if json_length > MAX_JSON or body_length > MAX_BYTES:
            raise lie("more than a page can hold")
        untrusted_json = self._read(json_length, deadline, seconds)
        untrusted_body = self._read(body_length, deadline, seconds)
        try:
            untrusted_header = json.loads(untrusted_json)
        except (ValueError, RecursionError) as error:
            raise lie("something unreadable") from error
        if not isinstance(untrusted_header, dict):
            raise lie("something unreadable")
        return untrusted_header, untrusted_body

    def end(self) -> None:
        """TERM to the whole process group, then KILL, and wait until the kernel has taken the child back.

        A child that ended, or ends of TERM as every honest one does, costs no grace. Around it, bubblewrap ends of
        either signal, and the kernel kills with it whatever runs inside.
        """
        if self._process.returncode is not None:
            return
        self._signal(signal.SIGTERM)
        patience = time.monotonic() + _GRACE
        while self.running and time.monotonic() < patience:
            time.sleep(0.0005)
        self._signal(signal.SIGKILL)  # also when it is gone: others of its group may not be
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self, count: int, deadline: float, seconds: float) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            self._wait(self._out, select.POLLIN, deadline, seconds)
            piece = os.read(self._out, min(count - len(parts), _PIPE_BYTES))
            if not piece:
                raise _death()
            parts += piece
        return bytes(parts)

    def _wait(self, pipe: int, readiness: int, deadline: float, seconds: float) -> None:
        """Until the pipe is ready; looks at the clock every time, or a child that drips bytes would never be late."""
        poll = select.poll()
        poll.register(pipe, readiness)
        while True:
            if self._stopping.is_set():
                raise Stopped
            left = deadline - time.monotonic()
            if left <= 0:
                raise RendererTimeout(f"Reading took longer than {seconds:g} seconds and was stopped.")
            if poll.poll(1000 * min(_BLINK, left)):
                return


# ── which walls stand ────────────────────────────────────────────────────────────────────────────────────────────────


def protections() -> list[Protection]:
    """The walls around a child on this machine, as they were found to hold or not."""
    trial = _trial()
    return [
        Protection("bubblewrap", trial.bubblewrap, "the reader sees no network, no other process, no file of yours"),
        Protection("landlock", trial.landlock, "the reader opens no file but programs"),
        Protection("seccomp", trial.seccomp, "the reader makes no connection and starts or touches no process"),
        Protection("limits", trial.limits, "memory and open files are bounded"),
    ]


def examine(settings: Settings) -> Check:
    """What `docqa doctor` says about these walls."""
    walls = protections()
    said = " ".join(f"{wall.name}: {f'active, {wall.meaning}' if wall.active else 'NOT ACTIVE'}." for wall in walls)
    missing = {wall.name for wall in walls if not wall.active}
    if not missing:
        return Check("sandbox", True, said)
    if "bubblewrap" not in missing or not missing & {"landlock", "seccomp"}:
        wanted = "bubblewrap (`apt install bubblewrap`)" if "bubblewrap" in missing else "a newer Linux kernel"
        return Check("sandbox", True, said, f"Enough to go on; {wanted} would add a second wall.")
    hint = "Files are read all the same, as ingest.unsafe_parser says: " if settings.ingest.unsafe_parser else ""
    return Check("sandbox", False, said, hint + SandboxMissing.default_hint)


def require(unsafe: bool) -> None:
    """Refuse to go on where nothing confines a child: neither bubblewrap, nor Landlock together with seccomp.

    Raises SandboxMissing, unless `unsafe` says that the caller wants it so.
    """
    trial = _trial()
    if not (unsafe or trial.bubblewrap or (trial.landlock and trial.seccomp)):
        raise SandboxMissing("Nothing on this machine can confine the process that reads files.")


@dataclass(frozen=True, slots=True)
class _Trial:
    bubblewrap: bool = False
    landlock: bool = False
    seccomp: bool = False
    limits: bool = False


@functools.cache
def _trial() -> _Trial:
    """What held against a child that tries to break out; if bubblewrap cannot start it, against one without."""
    program = shutil.which(BUBBLEWRAP)
    for bubblewrap in (program, None) if program else (None,):
        command = _command(bubblewrap, TRIAL, [])
        with contextlib.suppress(OSError, subprocess.TimeoutExpired, ValueError, TypeError):
            ended = subprocess.run(
                command, capture_output=True, timeout=_TRIAL_SECONDS, check=False, env=_environment(TRIAL), cwd="/"
            )
            answer = read_frame(io.BytesIO(ended.stdout))
            if answer is not None:
                return _Trial(bubblewrap is not None, **{name: held is True for name, held in answer[0].items()})
    return _Trial()


# ── how a child is started ───────────────────────────────────────────────────────────────────────────────────────────


def _command(bubblewrap: str | None, module: str, arguments: Sequence[str]) -> list[str]:
    """Python on a module of ours, without `site`: it takes longer than Python itself, and children need none of it."""
    python = [os.path.realpath(sys.executable), "-S", "-P", "-s", "-c", _START, module, *arguments]
    return python if bubblewrap is None else [bubblewrap, *_view(module), "--", *python]


def _view(module: str) -> list[str]:
    """The machine as a child sees it: programs and Python's files, read-only, and nothing else.

    No /proc: through it a file that is open for reading could be opened for writing. No session of its own inside: it
    has one from outside, and is in the group that is killed from its first moment on. Bubblewrap's --die-with-parent
    begins a little later, and what is left by a bubblewrap killed before would live on.
    """
    view = ["--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    for folder in map(Path, _ROOT_FOLDERS):
        if folder.is_symlink():
            view += ["--symlink", str(folder.readlink()), str(folder)]
        else:
            view += ["--ro-bind-try", str(folder), str(folder)]
    for path in (*_SYSTEM, *_python_files(module)):
        view += ["--ro-bind-try", path, path]
    for device in _DEVICES:
        view += ["--dev-bind", device, device]
    return [*view, "--dir", "/tmp", "--remount-ro", "/", "--chdir", "/"]


@functools.cache
def _python_files(module: str) -> tuple[str, ...]:
    """Python, its packages, and our packages without the folder they lie in: the store may be there, too."""
    base = Path(sys.base_prefix)
    lib = [str(base / name) for name in ("bin", "lib", "lib64")]
    ours = [str(root / package) for package, root in _roots(module).items()]
    found = [os.path.realpath(sys.executable), *lib, *_packages(), *ours]
    return tuple(path for path in dict.fromkeys(found) if not path.startswith("/usr/") and Path(path).exists())


def _packages() -> list[str]:
    return [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]


def _roots(module: str) -> dict[str, Path]:
    """The top packages that a child runs code of, and the folder each lies in."""
    names = dict.fromkeys((module.partition(".")[0], "ingest", "docqa"))
    specs = {name: importlib.util.find_spec(name) for name in names}
    return {
        name: Path(next(iter(spec.submodule_search_locations))).parent
        for name, spec in specs.items()
        if spec is not None and spec.submodule_search_locations
    }


def _environment(module: str) -> dict[str, str]:
    """What a child may know of this process's environment: where Python's packages are, nothing else."""
    library = str(Path(os.__file__).parent)
    standard = [entry for entry in sys.path if entry.startswith(library) and entry not in _packages()]
    path = [*standard, *map(str, _roots(module).values()), *_packages()]
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return kept | threads | {"LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(dict.fromkeys(path))}


@contextlib.contextmanager
def _sent(secrets: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """A pipe that holds the secrets, to be inherited; none for none. They must fit into it: nobody reads yet."""
    if not secrets:
        yield ()
        return
    reading, writing = os.pipe()
    try:
        _widen(writing)
        os.set_blocking(writing, False)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(list(secrets)).encode())
        yield (reading,)
    finally:
        os.close(reading)


def _widen(pipe: int) -> None:
    """A page image fits into the pipe, so that the child need not wait for the worker. Linux only, and optional."""
    import fcntl

    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _death() -> RendererDied:
    return RendererDied("The process that reads the file ended unexpectedly.")
