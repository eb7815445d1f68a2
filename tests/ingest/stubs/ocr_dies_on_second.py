"""An OCR child that answers one image and crashes over the next."""

import os
import sys

from ingest.child.confine import private_stdout
from ingest.sandbox.wire import read_frame, write_frame

if __name__ == "__main__":
    out = private_stdout()
    read_frame(sys.stdin.buffer)
    write_frame(out, {"words": [["read", 0.1, 0.1, 0.2, 0.2, 0]], "quality": 0.9, "unread": []})
    read_frame(sys.stdin.buffer)
    os._exit(139)
