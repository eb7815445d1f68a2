"""A renderer that was taken over by the file it reads: what the file says after %ATTACK is what it does.

It starts as the real one does, confinement included, and a file without %ATTACK is read honestly. An act that should be
impossible and was not is told as a page of the word ESCAPED; one that fails ends the process.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import re
import socket
import struct
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ingest.child import render
from ingest.sandbox.wire import write_frame

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE = 0x4206  # unlike an attachment, it does not stop the process that is looked at
IO_URING_SETUP, PIDFD_OPEN, PROCESS_VM_READV = 425, 434, 310 if os.uname().machine == "x86_64" else 270
CLONE_NEWUSER, MS_BIND, SHM = 0x10000000, 4096, 0


class Aim(NamedTuple):
    """What the attacker knows of the machine: more than a file could."""

    attack: str
    store: str
    outside: str
    original: str
    worker: int
    port: int


ACTS: dict[str, Callable[[Aim], object]] = {}
WAYS: dict[str, Callable[[BinaryIO], object]] = {}


def act(function: Callable[[Aim], object]) -> Callable[[Aim], object]:
    ACTS[function.__name__] = function
    return function


def way(function: Callable[[BinaryIO], object]) -> Callable[[BinaryIO], object]:
    WAYS[function.__name__] = function
    return function


# ── acts: each must be impossible ────────────────────────────────────────────────────────────────────────────────────


@act
def calls_a_server(aim: Aim) -> None:
    socket.create_connection(("127.0.0.1", aim.port), 5)


@act
def becomes_a_server(aim: Aim) -> None:
    socket.create_server(("127.0.0.1", 0))


@act
def sends_a_datagram(aim: Aim) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", aim.port))


@act
def calls_a_unix_socket(aim: Aim) -> None:
    socket.socket(socket.AF_UNIX).connect(f"{aim.outside}/socket")


@act
def calls_an_abstract_socket(aim: Aim) -> None:
    socket.socket(socket.AF_UNIX).connect(f"\0docqa-{aim.port}")


@act
def talks_past_the_system_calls(aim: Aim) -> None:
    result(LIBC.syscall(IO_URING_SETUP, 8, ctypes.create_string_buffer(120)))


@act
def shares_memory_with_others(aim: Aim) -> None:
    result(LIBC.shmget(0x5EC2E7, 4096, 0o1666))


@act
def reads_the_accounts(aim: Aim) -> None:
    Path("/etc/passwd").read_bytes()


@act
def reads_the_catalog(aim: Aim) -> None:
    next(path for path in Path(aim.store).iterdir() if path.suffix == ".sqlite").read_bytes()


@act
def reads_another_original(aim: Aim) -> None:
    Path(aim.original).read_bytes()


@act
def lists_the_store(aim: Aim) -> None:
    list(Path(aim.store).iterdir())


@act
def lists_the_home_folder(aim: Aim) -> None:
    list(Path(f"{aim.outside}/home").iterdir())


@act
def lists_the_processes(aim: Aim) -> None:
    list(Path("/proc").iterdir())


@act
def reads_the_workers_environment(aim: Aim) -> None:
    Path(f"/proc/{aim.worker}/environ").read_bytes()


@act
def finds_a_secret_in_its_own_environment(aim: Aim) -> None:
    if "canary" not in str(os.environ):
        raise OSError("nothing of the sort")


@act
def writes_a_temporary_file(aim: Aim) -> None:
    Path(f"/tmp/docqa-{aim.worker}-escaped").write_text("ESCAPED")


@act
def writes_into_the_store(aim: Aim) -> None:
    Path(f"{aim.store}/escaped").write_text("ESCAPED")


@act
def writes_into_the_current_folder(aim: Aim) -> None:
    Path("escaped").write_text("ESCAPED")


@act
def writes_into_the_program(aim: Aim) -> None:
    with Path(render.__file__).open("a") as file:
        file.write("# ESCAPED\n")


@act
def cuts_an_original_off(aim: Aim) -> None:
    os.truncate(aim.original, 0)


@act
def removes_an_original(aim: Aim) -> None:
    Path(aim.original).unlink()


@act
def locks_everybody_out_of_the_store(aim: Aim) -> None:
    Path(aim.store).chmod(0)


@act
def changes_the_mode_of_the_file_it_reads(aim: Aim) -> None:
    os.fchmod(0, 0o666)


@act
def opens_the_file_it_reads_for_writing(aim: Aim) -> None:
    os.open("/proc/self/fd/0", os.O_RDWR)


@act
def learns_whether_a_file_exists(aim: Aim) -> None:
    Path(aim.original).stat()


@act
def leaves_a_child_behind(aim: Aim) -> None:
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)


@act
def leaves_a_child_in_a_session_of_its_own(aim: Aim) -> None:
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
        os._exit(0)


@act
def leaves_its_group(aim: Aim) -> None:
    os.setpgid(0, 0)
    os.setsid()


@act
def forks_without_end(aim: Aim) -> None:
    for _ in range(50):  # enough to see that there is no bound
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)


@act
def starts_a_shell(aim: Aim) -> None:
    os.execv("/bin/sh", ["/bin/sh", "-c", f"touch {aim.outside}/shell; sleep 60"])


@act
def starts_a_shell_from_another_process(aim: Aim) -> None:
    os.posix_spawn("/bin/sh", ["/bin/sh", "-c", f"touch {aim.outside}/shell; sleep 60"], {})


@act
def signals_the_worker(aim: Aim) -> None:
    os.kill(aim.worker, 0)  # would do nothing but tell that another signal could be sent


@act
def signals_everybody(aim: Aim) -> None:
    os.kill(-1, 0)


@act
def watches_the_worker(aim: Aim) -> None:
    result(LIBC.ptrace(PTRACE_SEIZE, aim.worker, 0, 0))


@act
def opens_the_workers_memory(aim: Aim) -> None:
    os.open(f"/proc/{aim.worker}/mem", os.O_RDWR)


@act
def reads_the_workers_memory(aim: Aim) -> None:
    result(LIBC.syscall(PROCESS_VM_READV, aim.worker, 0, 0, 0, 0, 0))


@act
def takes_hold_of_the_worker(aim: Aim) -> None:
    result(LIBC.syscall(PIDFD_OPEN, aim.worker, 0))


@act
def makes_a_namespace(aim: Aim) -> None:
    result(LIBC.unshare(CLONE_NEWUSER))


@act
def mounts_something(aim: Aim) -> None:
    result(LIBC.mount(b"/usr", b"/tmp", None, MS_BIND, None))


@act
def opens_a_thousand_files(aim: Aim) -> None:
    for _ in range(1000):
        os.dup(0)


@act
def fills_the_memory(aim: Aim) -> None:
    held = [mmap.mmap(-1, 64 << 20) for _ in range(32)]
    for piece in held:
        piece[::4096] = bytes(len(piece) // 4096)


@act
def fills_the_memory_of_the_machine(aim: Aim) -> None:
    raise_limit = struct.pack("QQ", 1 << 40, 1 << 40)
    result(LIBC.syscall(302 if os.uname().machine == "x86_64" else 261, 0, 9, raise_limit, None))


# ── ways to talk to the worker: each must become the document's problem ──────────────────────────────────────────────


@way
def never_says_anything(out: BinaryIO) -> None:
    time.sleep(3600)


@way
def never_ends_a_page(out: BinaryIO) -> None:
    write_frame(out, {"pages": 1, "cut_off": False})
    time.sleep(3600)


@way
def spins(out: BinaryIO) -> None:
    while True:
        pass


@way
def spins_in_many_threads(out: BinaryIO) -> None:
    for _ in range(4):
        threading.Thread(target=spins, args=(out,), daemon=True).start()
    spins(out)


@way
def drips(out: BinaryIO) -> None:
    out.write(struct.pack(">II", 1 << 20, 0))
    while True:
        out.write(b" ")
        out.flush()
        time.sleep(0.01)


@way
def floods_the_pipe(out: BinaryIO) -> None:
    while True:
        out.write(b"\xff" * (1 << 20))


@way
def announces_terabytes(out: BinaryIO) -> None:
    out.write(struct.pack(">II", 0xFFFFFFFF, 0xFFFFFFFF))
    out.flush()
    time.sleep(3600)


@way
def announces_a_billion_pages(out: BinaryIO) -> None:
    write_frame(out, {"pages": 10**9, "cut_off": False})


@way
def announces_less_than_nothing(out: BinaryIO) -> None:
    write_frame(out, {"pages": -1, "cut_off": False})


@way
def says_nonsense(out: BinaryIO) -> None:
    out.write(b"GET / HTTP/1.1\r\n\r\n" * 1000)


@way
def lies_about_the_size(out: BinaryIO) -> None:
    header, image = page(1)
    write_frame(out, {"pages": 1, "cut_off": False})
    write_frame(out, header | {"width": 4800, "height": 4800}, image)


@way
def sends_no_image(out: BinaryIO) -> None:
    header, _ = page(1)
    write_frame(out, {"pages": 1, "cut_off": False})
    write_frame(out, header, b"\x7fELF" * 1000)


@way
def sends_fewer_pages_than_announced(out: BinaryIO) -> None:
    write_frame(out, {"pages": 3, "cut_off": False})
    write_frame(out, *page(1))


@way
def sends_a_page_twice(out: BinaryIO) -> None:
    write_frame(out, {"pages": 3, "cut_off": False})
    for number in (1, 1, 2):
        write_frame(out, *page(number))


@way
def sends_pages_backwards(out: BinaryIO) -> None:
    write_frame(out, {"pages": 2, "cut_off": False})
    for number in (2, 1):
        write_frame(out, *page(number))


@way
def dies_in_the_middle_of_a_page(out: BinaryIO) -> None:
    write_frame(out, {"pages": 1, "cut_off": False})
    out.write(struct.pack(">II", 100_000, 100_000) + b'{"page": 1, ')
    out.flush()
    os.abort()


@way
def ends_well_and_early(out: BinaryIO) -> None:
    os._exit(0)


def page(number: int, word: str = "innocent") -> tuple[dict[str, object], bytes]:
    """A page that nothing is wrong with, with enough words to need no OCR."""
    words = [(word, 0.1, 0.1 + line / 100, 0.3, 0.109 + line / 100, line) for line in range(60)]
    raw = render.RawPage(render.Image.new("L", (768, 768), "white"), render.Layer(words, [], [], 1.0, 0.0), False)
    return render._header(number, raw), render._jpeg(raw.image)


def result(returned: int) -> None:
    if returned == -1:
        raise OSError(ctypes.get_errno(), "refused")


def send_pages(out: BinaryIO, arguments: Namespace, passwords: Sequence[str]) -> None:
    """What `ingest.child.render` would do here, were it not for the file."""
    told = re.search(rb"%ATTACK (.*)\n", os.pread(0, 4096, 0))
    if told is None:
        honest(out, arguments, passwords)
        return
    aim = Aim(**json.loads(told[1]))
    if aim.attack in WAYS:
        WAYS[aim.attack](out)
        return
    if aim.attack != "nothing_forbidden":
        ACTS[aim.attack](aim)
    write_frame(out, {"pages": 1, "cut_off": False})
    write_frame(out, *page(1, "ESCAPED"))


honest = render._send_pages

if __name__ == "__main__":
    render._send_pages = send_pages
    sys.exit(render.main())
