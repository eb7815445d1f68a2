"""How the memory of a long ingest is kept from growing."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  #: from malloc.h


def keep_memory_flat() -> None:
    """Have glibc give memory back that embedding and writing in turns would leave it with in pieces.

    Smaller thresholds keep less, but have every batch of vectors ask the kernel for its memory anew: 33 vectors a
    second instead of 50 (measured).
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library than glibc
            for name, value in ((_M_ARENA_MAX, 2), (_M_MMAP_THRESHOLD, 32 << 20), (_M_TRIM_THRESHOLD, 64 << 20)):
                ctypes.CDLL(None).mallopt(name, value)
