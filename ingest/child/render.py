"""The child that opens one untrusted file: pages out as image and words, over a pipe.

Runs as `python -m ingest.child.render` with the file on standard input; see `ingest.sandbox` for how it is started and
held. It knows no store, no settings and no name of the file, and what it says is believed by nobody until it was
checked. It does not read text in images: that is `ingest.child.ocr`.

First frame: {"pages": total} or {"error": n}. Then one frame a page, in order: {"page", "width", "height", "words",
"hidden", "sandwiched", "quality", "unexplained", "blank"} (see `RawPage`) with the image (JPEG) as its bytes, or
{"page", "error": n} for a page that could not be read. Only numbers tell what went wrong (`FAILURES`).
"""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageFile, ImageOps

from docqa.errors import DamagedFile, DocumentError, NeedsPassword, NoPages, TooManyPages
from docqa.pages.grid import grid_size
from ingest.child.confine import allow_processor_time, confine, private_stdout, read_secrets
from ingest.child.ink import PageInk
from ingest.child.textlayer import Layer, read_layer
from ingest.readingorder import RawWord
from ingest.sandbox.wire import FAILURES, MAX_UNSEEN, MAX_WORD, MAX_WORDS, write_frame

JPEG_QUALITY = 85  #: 42 dB on text pages, 350 kB a page at budget 1120 (measured)
_ENCODED_AT_ONCE = 4 << 20  #: bytes; with Pillow's 64 kB, encoding takes a quarter longer (measured)
_MAX_PIXELS = 120_000_000  #: of one image file: an A3 page at 600 dpi has 70 million
_IMAGE_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I", "F")  #: gray with more than 8 bits


class RawPage(NamedTuple):
    """A page before anybody checked it: its image, its text layer, and whether there is nothing on it but specks."""

    image: Image.Image
    layer: Layer
    blank: bool


class Failure(Exception):
    """A failure of the whole file, by number."""

    def __init__(self, kind: type[DocumentError]) -> None:
        super().__init__(kind.code)
        self.number = FAILURES.index(kind)


def main() -> None:
    """Read the command line, take off what is not needed, send the pages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--media-type", required=True)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, required=True)
    parser.add_argument("--max-pages", type=int, required=True)
    parser.add_argument("--budget", type=int, required=True)
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--page-seconds", type=int, default=60)
    parser.add_argument("--secrets-fd", type=int)
    arguments = parser.parse_args()
    out = private_stdout()
    _load_libraries(arguments.media_type)
    confine(out, arguments.memory_mb << 20)
    allow_processor_time(arguments.page_seconds)
    try:
        _send_pages(out, arguments, read_secrets(arguments.secrets_fd))
    except Failure as failure:
        write_frame(out, {"error": failure.number})


def _load_libraries(media_type: str) -> None:
    """What reads the file, while files can still be opened freely."""
    if media_type == "application/pdf":
        import pymupdf  # noqa: F401
    else:
        from PIL import JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
    ImageFile.MAXBLOCK = _ENCODED_AT_ONCE


def _send_pages(out: BinaryIO, arguments: argparse.Namespace, passwords: Sequence[str]) -> None:
    file = _open(arguments.media_type, passwords)
    if file.pages < 1:
        raise Failure(NoPages)
    if file.pages > arguments.max_pages:
        raise Failure(TooManyPages)
    write_frame(out, {"pages": file.pages, "cut_off": file.cut_off})
    for number in range(arguments.first, min(arguments.last, file.pages) + 1):
        allow_processor_time(arguments.page_seconds)
        write_frame(out, *_page_frame(file, number, arguments.budget))


def _open(media_type: str, passwords: Sequence[str]) -> _PdfFile | _ImageFile:
    try:
        return _PdfFile(passwords) if media_type == "application/pdf" else _ImageFile()
    except Failure:
        raise
    except Exception as error:  # over damaged bytes, MuPDF and Pillow raise anything: it all means the same
        raise Failure(DamagedFile) from error


def _page_frame(file: _PdfFile | _ImageFile, number: int, budget: int) -> tuple[dict[str, object], bytes]:
    try:
        page = file.page(number, budget)
        return _header(number, page), _jpeg(page.image)
    except Exception:  # as above, but of this page only
        return {"page": number, "error": FAILURES.index(DamagedFile)}, b""


def _header(number: int, page: RawPage) -> dict[str, object]:
    return {
        "page": number,
        "width": page.image.width,
        "height": page.image.height,
        "words": _bounded(page.layer.visible),
        "hidden": _bounded(page.layer.hidden[:MAX_UNSEEN]),
        "sandwiched": _bounded(page.layer.sandwiched[:MAX_UNSEEN]),
        "quality": page.layer.quality,
        "unexplained": page.layer.unexplained,
        "blank": page.blank,
    }


def _bounded(words: Sequence[RawWord]) -> list[tuple[object, ...]]:
    return [(text[:MAX_WORD], *place) for text, *place in words[:MAX_WORDS]]


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


class _PdfFile:
    """A PDF on standard input."""

    def __init__(self, passwords: Sequence[str]) -> None:
        import pymupdf

        self._pymupdf = pymupdf
        pymupdf.TOOLS.mupdf_display_errors(False)
        pymupdf.TOOLS.mupdf_display_warnings(False)
        data = sys.stdin.buffer.read()
        self._file = pymupdf.open(stream=data, filetype="pdf")
        if self._file.needs_pass and not any(self._file.authenticate(password) for password in passwords):
            raise Failure(NeedsPassword)
        self.pages = int(self._file.page_count)
        self.cut_off = bool(self._file.is_repaired) and b"%%EOF" not in data[-2048:]

    def page(self, number: int, budget: int) -> RawPage:
        drawn = self._file[number - 1].get_displaylist()  # runs the page once; image, words and checks come from it
        image = self._render(drawn, budget)
        ink = PageInk(np.asarray(image))
        layer = read_layer(self._pymupdf, drawn, ink)
        return RawPage(image, layer, not (layer.visible or layer.sandwiched) and ink.blank())

    def _render(self, drawn: Any, budget: int) -> Image.Image:  # noqa: ANN401
        mu, rect = self._pymupdf, drawn.rect
        width, height = grid_size(rect.width, rect.height, budget)
        matrix = mu.Matrix(width / rect.width, height / rect.height)
        pixels = drawn.get_pixmap(matrix=matrix, alpha=False, colorspace=mu.csRGB)
        image = Image.frombuffer("RGB", (pixels.width, pixels.height), pixels.samples, "raw", "RGB", 0, 1)
        return image if image.size == (width, height) else image.resize((width, height))


class _ImageFile:
    """A PNG, JPEG, TIFF (every frame) or WebP on standard input."""

    cut_off = False

    def __init__(self) -> None:
        self._file = Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=_IMAGE_FORMATS)
        self.pages = int(getattr(self._file, "n_frames", 1))

    def page(self, number: int, budget: int) -> RawPage:
        self._file.seek(number - 1)
        frame = _on_white(ImageOps.exif_transpose(self._file.copy()))
        image = frame.resize(grid_size(frame.width, frame.height, budget), Image.Resampling.LANCZOS)
        blank = PageInk(np.asarray(image)).blank()
        return RawPage(image, Layer([], [], [], 0.0, 0.0 if blank else 1.0), blank)


def _on_white(image: Image.Image) -> Image.Image:
    """The image in gray or colour, as it looks on paper."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in _DEEP_MODES:
        return _eight_bits(image)
    layered = image.convert("RGBA")
    paper = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(paper, layered).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Deeper gray in 8 bits. Pillow would cut off what is brighter than 255: a white page."""
    deep = image.convert("F")
    low, high = map(float, deep.getextrema())  # type: ignore[arg-type]
    usual = next((top for top in (1.0, 255.0, 65535.0) if low >= 0 and high <= top), None)
    bottom, top = (low, high) if usual is None else (0.0, usual)
    scale = 255 / (top - bottom)
    return deep.point(lambda value: value * scale - bottom * scale).convert("L")


if __name__ == "__main__":
    main()
