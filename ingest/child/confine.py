"""What a child gives up before it looks at a file it was sent: run by the child itself, for good.

Limits on memory, written bytes and open files hold everywhere; on Linux the kernel adds three things. Capabilities are
dropped and the child dies with its worker; Landlock leaves it no file but Python's own; a seccomp filter refuses what
no reader of documents needs: sockets, other processes, mounts, modes and times of files. With bubblewrap around it
(`ingest.sandbox`) these are the second wall, without it the only one, and then two things stay possible: to learn by
`stat` whether a path exists, and to see which processes run.

Not here: whether bubblewrap is used, and when a child has taken too long (`ingest.sandbox`).
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from ingest.child.syscalls import ARCHITECTURES, CLONE, CLONE3, NAMES_A_PROCESS, REFUSED, STARTS_PROCESSES, Numbers

FILES = 64  #: open files; the readers hold about ten
#: Of the whole user, which is how Linux counts (and not for root): a bound for a child that may start programs. The
#: other children cannot start any.
PROCESSES = 4096

# linux/prctl.h, linux/capability.h
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CAPABILITY_VERSION_3 = 0x20080522

# linux/landlock.h: three system calls with the same numbers everywhere; what each version of the interface added.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_ASK_VERSION, _LANDLOCK_RULE_PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  #: 2: renames, 3: truncation, 5: devices
_NET_RIGHTS = {4: 0b11}  #: TCP: bind, connect
_SCOPES = {6: 0b11}  #: abstract UNIX sockets, signals

# linux/filter.h, linux/seccomp.h
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  #: offsets in struct seccomp_data
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_EPERM, _ENOSYS = 1, 38
_SECOND_TABLE = 0x40000000  #: numbers from here on (x32) do what others do, and nothing uses them
_PERMITTED, _NOT_PERMITTED = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERROR | _EPERM)
#: linux/sched.h: a thread; a thread or a process, which say the signal of their end; any namespace of its own.
_CLONE_THREAD, _CLONE_ANYTHING, _CLONE_NEW = 0x00010000, 0x000100FF, 0x7E020080

#: Folders of shared libraries, which are loaded when first needed, and what `may_execute` adds for programs.
_LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache")
_PROGRAMS = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")


class Confinement(NamedTuple):
    """What the kernel agreed to."""

    landlock: bool
    seccomp: bool


def private_stdout() -> BinaryIO:
    """Keep the pipe for frames: whatever a library prints goes to standard error."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def read_secrets(fd: int | None) -> list[str]:
    """The passwords that the worker sent through the pipe with this number; none without one. Can be read once."""
    if fd is None:
        return []
    with os.fdopen(fd, "rb") as pipe:
        return [str(secret) for secret in json.load(pipe)]


def confine(out: BinaryIO, memory: int, *, may_execute: bool = False) -> Confinement:
    """Give up everything that reading a file does not need. `memory` is the address space in bytes.

    To be called once, with the pipe from `private_stdout`, before a second thread runs (Landlock binds the calling
    thread and those it starts) and before a byte of the file is read. `may_execute` leaves the way open to programs of
    the system, for Tesseract.
    """
    _limit(memory, may_execute)
    gc.enable()  # it is off at the start: collecting while modules are loaded costs a sixth of loading them
    if sys.platform != "linux":
        return Confinement(False, False)
    libc = ctypes.CDLL(None, use_errno=True)
    _die_with_the_worker(libc, out)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return Confinement(False, False)
    libc.capset(struct.pack("Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_ASK_VERSION)
    landlock = version > 0 and _close_files(libc, version, may_execute)
    may_signal = may_execute and landlock and version >= min(_SCOPES)  # Landlock keeps signals among its children then
    return Confinement(landlock, _close_system_calls(libc, may_execute, may_signal))


def allow_processor_time(seconds: int) -> None:
    """End this process if all processors have worked for it for so many seconds more; to be called for every page.

    Only the soft limit is set, because a hard one could not be renewed. It ends a library in an endless loop even when
    the worker is stopped; a child that lifts it is ended by the worker's clock.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds * (os.cpu_count() or 1)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _limit(memory: int, may_execute: bool) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    if may_execute:
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        most = PROCESSES if hard == resource.RLIM_INFINITY else min(PROCESSES, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def _die_with_the_worker(libc: ctypes.CDLL, out: BinaryIO) -> None:
    """Also if it died just before this: then nobody holds the reading end of the pipe.

    The parent's process id would not tell: in a container the worker itself may be process 1.
    """
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    poll = select.poll()
    poll.register(out, 0)
    if any(event & select.POLLERR for _, event in poll.poll(0)):
        os._exit(1)


# ── Landlock ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _close_files(libc: ctypes.CDLL, version: int, may_execute: bool) -> bool:
    """Leave only reading, and only code; refuse TCP and signals to others as far as this version of Landlock can."""
    files, net, scopes = (_up_to(version, rights) for rights in (_FILE_RIGHTS, _NET_RIGHTS, _SCOPES))
    attributes = _RulesetAttributes(files, net, scopes)
    size = ctypes.c_size_t(8 if version < 4 else 16 if version < 6 else 24)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), size, 0)
    if ruleset < 0:
        return False
    for path in _code():
        _permit(libc, ruleset, path, _READ_FILE | _READ_DIR)
    for path in _PROGRAMS if may_execute else ():
        _permit(libc, ruleset, path, _READ_FILE | _READ_DIR | _EXECUTE)
    _permit(libc, ruleset, "/dev/null", _READ_FILE | _WRITE_FILE)
    restricted: int = libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return restricted == 0


def _up_to(version: int, rights: dict[int, int]) -> int:
    return sum(bits for since, bits in rights.items() if since <= version)


def _code() -> Sequence[str]:
    """Folders of Python, of the installed packages, of ours and of shared libraries: public, and loaded when needed.

    Not the folder that our packages lie in: the store may be there, too.
    """
    here = os.path.dirname(__file__)  # noqa: PTH120 - pathlib is not loaded yet, and takes 10 ms
    packages = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    ours = [here, f"{os.path.dirname(here)}/docqa"]  # noqa: PTH120
    return [os.path.dirname(os.__file__), *packages, *ours, *_LIBRARIES]  # noqa: PTH120


def _permit(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # another distribution has it elsewhere
        return
    if not os.path.isdir(path):  # noqa: PTH112
        access &= ~_READ_DIR
    rule = _PathBeneath(access, fd)
    libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    os.close(fd)


# ── seccomp ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_Step = tuple[int, int, int, int]  # a struct sock_filter: code, steps to skip if true, if false, operand


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def _close_system_calls(libc: ctypes.CDLL, may_execute: bool, may_signal: bool) -> bool:
    """Refuse the system calls that no reader of documents needs; False where this machine's numbers are not known."""
    numbers = ARCHITECTURES.get(os.uname().machine)
    if numbers is None or struct.calcsize("P") != 8:
        return False
    steps = b"".join(struct.pack("HBBI", *step) for step in _filter(numbers, may_execute, may_signal))
    program = _Program(len(steps) // 8, steps)
    arguments = (_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(program))
    refused: int = libc.syscall(numbers.seccomp, *arguments)
    return refused == 0


def _filter(numbers: Numbers, may_execute: bool, may_signal: bool) -> Iterator[_Step]:
    """The program that the kernel runs at every system call.

    An error and not the end of the process is the answer to what is refused, because libraries try things they can do
    without. System calls of another architecture end it: nothing honest makes any.
    """
    yield from ((_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, numbers.audit), (_RETURN, 0, 0, _KILL))
    yield (_LOAD, 0, 0, _NUMBER)
    yield from ((_AT_LEAST, 0, 1, _SECOND_TABLE), (_RETURN, 0, 0, _KILL))
    for number in numbers.of(REFUSED) + (() if may_execute else numbers.of(STARTS_PROCESSES)):
        yield from ((_EQUAL, 0, 1, number), _NOT_PERMITTED)
    for number in numbers.of(CLONE3):
        yield from ((_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | _ENOSYS))  # the C library goes on to `clone`
    for number in numbers.of(CLONE):
        wanted = _CLONE_ANYTHING if may_execute else _CLONE_THREAD
        yield from ((_EQUAL, 0, 5, number), (_LOAD, 0, 0, _FIRST_ARGUMENT))
        yield from ((_ANY_BIT, 2, 0, _CLONE_NEW), (_ANY_BIT, 0, 1, wanted), _PERMITTED, _NOT_PERMITTED)
    for number in () if may_signal else numbers.of(NAMES_A_PROCESS):
        yield from ((_EQUAL, 0, 5, number), (_LOAD, 0, 0, _FIRST_ARGUMENT))
        yield from ((_EQUAL, 1, 0, os.getpid()), (_EQUAL, 0, 1, 0), _PERMITTED, _NOT_PERMITTED)
    yield _PERMITTED
