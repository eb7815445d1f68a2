"""An OCR child that answers every image at once: no words."""

import sys

from ingest.child.render import private_stdout
from ingest.sandbox.wire import read_frame, write_frame

if __name__ == "__main__":
    out = private_stdout()
    while read_frame(sys.stdin.buffer) is not None:
        write_frame(out, {"words": [], "quality": 0.0, "unread": []})
