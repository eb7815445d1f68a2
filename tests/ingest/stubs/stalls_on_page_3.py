"""A renderer that never finishes page 3."""

import time

from ingest.child import render

honest = render._page_frame


def page_frame(file: render._PdfFile, number: int, budget: int) -> tuple[dict[str, object], bytes]:
    if number == 3:
        time.sleep(3600)
    return honest(file, number, budget)


if __name__ == "__main__":
    render._page_frame = page_frame
    render.main()
