"""Which walls stand between a file and this machine: found out once, by a child that tries to break out.

Not here: the walls that a child builds around itself (`ingest.child.confine`), and its attempts (`ingest.child.trial`).
"""

from __future__ import annotations

import contextlib
import functools
import io
import shutil
import subprocess
from dataclasses import dataclass

from docqa.doctor import Check
from docqa.errors import SandboxMissing
from docqa.settings import Settings
from ingest.sandbox.launch import command_for, environment_for
from ingest.sandbox.wire import read_frame

BUBBLEWRAP = "bwrap"  #: the program, looked for on PATH
TRIAL = "ingest.child.trial"

_TRIAL_SECONDS = 30.0  #: it takes a tenth of one


@dataclass(frozen=True, slots=True)
class Protection:
    """One of the walls between a file and this machine: whether it stands here, and what it keeps out."""

    name: str
    active: bool
    meaning: str


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


def bubblewrap() -> str | None:
    """The program to start children by; None where it is not installed, or cannot confine."""
    return shutil.which(BUBBLEWRAP) if _trial().bubblewrap else None


@dataclass(frozen=True, slots=True)
class _Trial:
    bubblewrap: bool = False
    landlock: bool = False
    seccomp: bool = False
    limits: bool = False


@functools.cache
def _trial() -> _Trial:
    """What held against a child that tries to break out; if bubblewrap cannot start it, against one without."""
    installed = shutil.which(BUBBLEWRAP)
    for program in (installed, None) if installed else (None,):
        command = command_for(program, TRIAL, [])
        with contextlib.suppress(OSError, subprocess.TimeoutExpired, ValueError, TypeError):
            ended = subprocess.run(
                command, capture_output=True, timeout=_TRIAL_SECONDS, check=False, env=environment_for(TRIAL), cwd="/"
            )
            answer = read_frame(io.BytesIO(ended.stdout))
            if answer is not None:
                return _Trial(program is not None, **{name: held is True for name, held in answer[0].items()})
    return _Trial()
