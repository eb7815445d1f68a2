"""What a file really is, by its first bytes: which of the types docqa reads, or a zip. Names decide nothing here."""

from __future__ import annotations

#: How a file of each type begins; a PDF may have some bytes before that.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")  #: with files in it, without any, in several parts
HEAD = 4096  #: bytes that are looked at: PDF readers look for the header in the first 1,024, MuPDF also further on
ENDINGS = frozenset({".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"})  #: names that promise such a type


def media_type_of(head: bytes) -> str | None:
    """The type of a file that begins so (`HEAD` bytes, fewer if the file is shorter); None if docqa cannot read it."""
    if is_zip(head):  # an archive may hold a PDF so near to its beginning that it looks like one
        return None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    image = next((name for signature, name in _SIGNATURES if head.startswith(signature)), None)
    return image or ("application/pdf" if b"%PDF-" in head[:HEAD] else None)


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip: an archive, or one of the many formats that are zips inside."""
    return head.startswith(_ZIP)
