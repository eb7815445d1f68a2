"""Pictures of paper: a sheet is drawn, printed to pixels, and laid a little askew on a made-up scanner.

Every dice has a fixed seed, so that the same speckles come out each time.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pymupdf
from PIL import Image, ImageFilter

from .paper import Made, Sheet, pdf_bytes


@dataclass(frozen=True, slots=True)
class Scanner:
    """How badly a page is scanned."""

    seed: int
    skew: float = 0.0  #: degrees, counter-clockwise
    blur: float = 0.6  #: pixels
    noise: float = 5.0  #: standard deviation in gray levels
    paper: float = 243.0  #: gray level of the paper
    shade: float = 18.0  #: how much darker the far corner is
    dpi: int = 200


def page_image(sheet: Sheet, page: int, dpi: int) -> Image.Image:
    """The page as a gray picture."""
    pixels = sheet.document()[page].get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False)
    return Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)


def scan(image: Image.Image, scanner: Scanner) -> Image.Image:
    """Turn a clean picture into a scan: skewed, blurred, shaded, speckled."""
    skewed = image.rotate(scanner.skew, Image.Resampling.BICUBIC, fillcolor=255)
    soft = np.asarray(skewed.filter(ImageFilter.GaussianBlur(scanner.blur)), dtype=np.float64)
    height, width = soft.shape
    down, across = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
    light = scanner.paper - scanner.shade * (0.7 * down**2 + 0.3 * across)
    dice = np.random.Generator(np.random.PCG64(scanner.seed))
    dirty = 28 + (light - 28) * soft / 255 + dice.normal(0, scanner.noise, soft.shape)
    return Image.fromarray(np.clip(dirty, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: int, dpi: int) -> bytes:
    """The picture as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, dpi=(dpi, dpi))
    return out.getvalue()


def sideways_pdf(name: str, sheet: Sheet, scanner: Scanner, says_rotate: bool) -> Made:
    """A PDF of pictures only, stored a quarter turn counter-clockwise.

    With `says_rotate` its pages carry /Rotate 90 and so display upright; without, they display sideways.
    """
    source = sheet.document()
    texts = tuple(page.get_text() for page in source)
    target = pymupdf.open()
    target.set_metadata(source.metadata | {"title": "Scan", "author": "", "producer": "", "creator": ""})
    for number in range(len(source)):
        picture = scan(page_image(sheet, number, scanner.dpi), scanner).transpose(Image.Transpose.ROTATE_90)
        page = target.new_page(width=sheet.size[1], height=sheet.size[0])
        page.insert_image(page.rect, stream=jpeg(picture, 38, scanner.dpi))
        if says_rotate:
            page.set_rotation(90)
    return Made(name, pdf_bytes(target), texts)


def fax_tiff(name: str, sheet: Sheet, scanner: Scanner) -> Made:
    """A TIFF of black and white pages, compressed as fax machines do (G4)."""
    source = sheet.document()
    gray = [scan(page_image(sheet, number, scanner.dpi), scanner) for number in range(len(source))]
    pages = [picture.point(lambda level: 255 if level > 150 else 0).convert("1") for picture in gray]
    out = io.BytesIO()
    dpi = (scanner.dpi, scanner.dpi)
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:], compression="group4", dpi=dpi)
    return Made(name, out.getvalue(), tuple(page.get_text() for page in source))
