"""A child that breaks the rules: `python -m tests.ingest.stubs.misbehaving MODE TOKEN`. The token only marks it."""

import json
import os
import signal
import struct
import sys
import time
from collections.abc import Callable

MODES: dict[str, Callable[[], object]] = {}


def mode(function: Callable[[], object]) -> Callable[[], object]:
    MODES[function.__name__] = function
    return function


def say(raw: bytes, body: bytes = b"") -> None:
    sys.stdout.buffer.write(struct.pack(">II", len(raw), len(body)) + raw + body)
    sys.stdout.buffer.flush()


def for_ever() -> None:
    while True:
        time.sleep(60)


@mode
def floods() -> None:
    while True:
        sys.stdout.buffer.write(b"\xff" * (1 << 20))


@mode
def announces_too_much_json() -> None:
    sys.stdout.buffer.write(struct.pack(">II", (32 << 20) + 1, 0))


@mode
def announces_too_many_bytes() -> None:
    sys.stdout.buffer.write(struct.pack(">II", 2, (64 << 20) + 1) + b"{}")


@mode
def sends_no_json() -> None:
    say(b"{oops")


@mode
def sends_no_unicode() -> None:
    say(b'{"pages": "\xff\xfe\xfa"}')


@mode
def sends_a_list() -> None:
    say(b"[1]")


@mode
def sends_deep_json() -> None:
    say(b"[" * 1_000_000)


@mode
def says_less_than_announced() -> None:
    sys.stdout.buffer.write(struct.pack(">II", 100, 0) + b"{")


@mode
def dies_in_the_lengths() -> None:
    sys.stdout.buffer.write(b"\x00\x00")


@mode
def dies_of_a_signal() -> None:
    sys.stdout.buffer.write(struct.pack(">II", 100, 0) + b"{")
    sys.stdout.buffer.flush()
    os.kill(os.getpid(), signal.SIGSEGV)


@mode
def says_nothing() -> None:
    os._exit(0)


@mode
def never_ends() -> None:
    for_ever()


@mode
def drips() -> None:
    sys.stdout.buffer.write(struct.pack(">II", 1 << 20, 0))
    while True:
        sys.stdout.buffer.write(b" ")
        sys.stdout.buffer.flush()
        time.sleep(0.01)


@mode
def ignores_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    say(b"{}")
    for_ever()


@mode
def has_a_child() -> None:
    if os.fork() == 0:
        for_ever()
    say(b"{}")
    for_ever()


@mode
def leaves_a_child() -> None:
    if os.fork() == 0:
        os.close(1)
        for_ever()
    say(b"{}")


@mode
def talks_without_end() -> None:
    while True:
        say(b"{}")


@mode
def closes_its_ears() -> None:
    os.close(0)
    say(b"{}")
    for_ever()


@mode
def tries_its_limits() -> None:
    from ingest.child.confine import confine, private_stdout

    out = private_stdout()
    confine(out, 512 << 20)
    print("a library prints this")  # must not get between the frames
    tried = json.dumps({"memory": _fails(_allocate), "file": _fails(_write), "files": _fails(_open_many)}).encode()
    out.write(struct.pack(">II", len(tried), 0) + tried)
    out.flush()


def _allocate() -> object:
    return bytearray(600 << 20)


def _write() -> object:
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(b"x")
        file.flush()
    return file


def _open_many() -> object:
    return [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]


def _fails(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (MemoryError, OSError):
        return True
    return False


if __name__ == "__main__":
    MODES[sys.argv[1]]()
    sys.stdout.flush()
