"""A renderer that sends one page again and again, as fast as it can, as many as the settings allow."""

import sys

from ingest.child import render
from ingest.child.confine import private_stdout
from ingest.sandbox.wire import write_frame

if __name__ == "__main__":
    most = next(int(part.partition("=")[2]) for part in sys.argv if part.startswith("--max-pages="))
    out = private_stdout()
    page = render.RawPage(render.Image.new("L", (48, 48), "white"), render.Layer([], [], [], 0.0, 0.0), True)
    write_frame(out, {"pages": most, "cut_off": False})
    for number in range(1, most + 1):
        write_frame(out, render._header(number, page), render._jpeg(page.image))
