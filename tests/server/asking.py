"""What the server is asked in these tests: pages like no other, on the model's grid."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageDraw

from docqa.pages.grid import grid_size

A4 = (595, 842)  #: points

Part = dict[str, object]


def page_image(name: str, size: tuple[int, int] | None = None) -> bytes:
    """A page like no other, on the model's grid."""
    image = Image.new("RGB", size or grid_size(*A4), "white")
    draw = ImageDraw.Draw(image)
    for line in range(10, image.height - 10, 40):
        draw.text((20, line), f"{name}, line {line}: the quick brown fox jumps over the lazy dog", fill="black")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def image_part(content: bytes) -> Part:
    url = f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": url}}


def asked(*parts: Part | str) -> list[dict[str, object]]:
    """Messages of one turn: images and texts."""
    content = [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
    return [{"role": "user", "content": content}]
