"""A renderer that sends page 2 as page 3."""

from ingest.child import render

honest = render._page_frame


def page_frame(file: render._PdfFile, number: int, budget: int) -> tuple[dict[str, object], bytes]:
    if number == 2:
        return honest(file, 3, budget)
    return honest(file, number, budget)


if __name__ == "__main__":
    render._page_frame = page_frame
    render.main()
