"""The child that is started to see whether confinement works on this machine: it tries what must fail, and reports.

Runs as `python -m ingest.child.trial`, started like the children that read files. One frame out: {"landlock",
"seccomp", "limits"}, each true if everything it tried against that layer was refused.
"""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Callable

from ingest.child.confine import confine, private_stdout
from ingest.sandbox.wire import write_frame

_MEMORY = 1 << 30


def main() -> None:
    """Confine this process, try to break out, say how that went."""
    out = private_stdout()
    root = os.open("/", os.O_RDONLY)  # a folder that could be listed
    agreed = confine(out, _MEMORY)
    report = {
        "landlock": agreed.landlock
        and _refused(lambda: os.scandir("/"))
        and _refused(lambda: os.open(".", 0, dir_fd=root)),
        "seccomp": agreed.seccomp and _refused(socket.socket) and _refused(_leave_a_child),
        "limits": _refused(lambda: mmap.mmap(-1, 2 * _MEMORY)),
    }
    write_frame(out, dict(report))


def _leave_a_child() -> None:
    if os.fork() == 0:
        os._exit(0)


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False


if __name__ == "__main__":
    main()
