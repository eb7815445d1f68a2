"""A client of one server, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from fake_server import MODEL, Asked, FakeServer, sent_parts

from docqa.model import ModelClient
from docqa.settings import ModelSettings

KEY = "sk-very-secret"
HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA: dict[str, object] = {"type": "object", "properties": {}, "additionalProperties": False}


@contextmanager
def client_of(server: FakeServer, name: str = MODEL, key: str = KEY, **limits: float) -> Iterator[ModelClient]:
    settings = ModelSettings.model_validate(
        {"base_url": server.url, "name": name, "api_key": key, "read_timeout": 5, **limits}
    )
    with closing(ModelClient(settings)) as client:
        yield client


def streamed(client: ModelClient) -> str:
    return "".join(client.stream(HELLO, 100))


def with_images(*names: str) -> list[dict[str, object]]:
    images: list[dict[str, object]] = [
        {"type": "image_url", "image_url": {"url": f"data:,{name}"}, "uuid": name} for name in names
    ]
    return [{"role": "user", "content": [*images, {"type": "text", "text": "?"}]}]


def sent_images(asked: Asked) -> list[tuple[object, bool]]:
    """The name of each image of a request, and whether it was sent."""
    return [(part.get("uuid"), part["image_url"] is not None) for part in sent_parts(asked) if "image_url" in part]
