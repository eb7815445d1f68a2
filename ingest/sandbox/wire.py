"""What goes over the pipe between the worker and its children: frames of a small JSON object and some bytes.

A frame is two big-endian 32-bit lengths, the JSON, the bytes. The worker checks the lengths against these limits before
it reads on, and what the JSON says in `ingest.sandbox.untrusted`; an honest child keeps to the limits by itself. What
failed crosses as a number: the sentences are the worker's.
"""

from __future__ import annotations

import json
import struct
from typing import IO

from docqa.errors import DamagedFile, DocumentError, NeedsPassword, NoPages, TooManyPages

#: What can cross the pipe as the reason of a failure, by its place here.
FAILURES: tuple[type[DocumentError], ...] = (DamagedFile, NeedsPassword, NoPages, TooManyPages)

LENGTHS = struct.Struct(">II")
MAX_JSON = 32 << 20  #: bytes; a page of 100,000 words needs about 8 MB
MAX_BYTES = 64 << 20  #: bytes; a page image needs about 0.4 MB
MAX_WORDS = 100_000  #: on one page
MAX_UNSEEN = 20_000  #: hidden words on one page, and as many that only the OCR can judge
MAX_WORD = 2_000  #: characters


def frame(header: dict[str, object], body: bytes = b"") -> bytes:
    """The bytes of one frame."""
    encoded = json.dumps(header, separators=(",", ":")).encode()
    return LENGTHS.pack(len(encoded), len(body)) + encoded + body


def write_frame(stream: IO[bytes], header: dict[str, object], body: bytes = b"") -> None:
    """Write one frame and flush it."""
    stream.write(frame(header, body))
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[dict[str, object], bytes] | None:
    """The next frame from a peer that is trusted (a child reading its worker), or None at the end."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    json_length, body_length = LENGTHS.unpack(lengths)
    return json.loads(stream.read(json_length)), stream.read(body_length)
