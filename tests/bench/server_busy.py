"""How busy an extraction keeps a model server, against a bare asyncio loop that sends the same requests.

    python tests/bench/server_busy.py [--documents 64] [--at-once 8] [--seconds 2] [--rounds 3]

The server is a stand-in, a process of its own: it takes the same time for each request and works on `--at-once` of
them at a time. The product loads pages and images, asks, checks, reads a second time without a model and commits; the
loop posts what the product posted, as many at once, and reads the replies. Prints one line of JSON a round and the
medians; `ratio` is the product's documents a second over the loop's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import httpx2

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "server")]

from asking import page_image  # noqa: E402
from fake_server import FakeServer, Order, Say  # noqa: E402

from docqa.extract.fields import load_fields  # noqa: E402
from docqa.extract.run import carry_on, start_run  # noqa: E402
from docqa.model import CHAT  # noqa: E402
from docqa.model.connection import ModelServer  # noqa: E402
from docqa.settings import ModelSettings, Settings  # noqa: E402
from docqa.store import Store  # noqa: E402
from tests.ui import small_store  # noqa: E402

FIELDS = load_fields(Path("receipt"))


class Steady(FakeServer):
    """Takes the same time for each answer and gives so many at a time."""

    def __init__(self, seconds: float, at_once: int) -> None:
        super().__init__(Say(json.dumps({field.name: None for field in FIELDS}), piece=20))
        self._seconds = seconds
        self._places = threading.Semaphore(at_once)

    def next_order(self) -> Order:
        with self._places:
            time.sleep(self._seconds)
        return super().next_order()


def serve(told: Connection, seconds: float, at_once: int) -> None:
    with Steady(seconds, at_once) as server:
        told.send(server.url)
        told.recv()


@contextmanager
def served(seconds: float, at_once: int) -> Iterator[str]:
    """The address of a server in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=serve, args=(there, seconds, at_once))
    process.start()
    yield here.recv()
    here.send(None)
    process.join()


def made(folder: Path, count: int) -> Store:
    """A store of receipts of one page, each with an image of the size that ingest stores."""
    store = Store(folder)
    for number in range(count):
        small_store.jpeg = lambda shade, n=number: page_image(f"receipt {n}")  # type: ignore[assignment,misc]
        small_store.add_document(store, f"receipt {number}.png", "bench", [f"Shop {number}", f"Total {number}.00 EUR"])
    return store


def product(store: Store, url: str, at_once: int) -> tuple[float, list[object]]:
    """Documents a second, and the requests that were sent."""
    model = ModelSettings(base_url=url, requests_at_once=at_once)
    settings, sent = Settings(model=model), list[object]()
    docs = [document.doc for document in store.catalog.documents()]
    stream = ModelServer.stream

    def noted(server: ModelServer, path: str, body: dict[str, object], *more: object, **named: object) -> object:
        if path == CHAT and body["max_tokens"] >= model.max_tokens:  # type: ignore[operator]  # the probe asks for less
            sent.append(body)
        return stream(server, path, body, *more, **named)  # type: ignore[arg-type]

    ModelServer.stream = noted  # type: ignore[method-assign,assignment]
    try:
        run = start_run(store, settings, FIELDS, "vision", docs)
        started = time.perf_counter()
        carry_on(store, settings, run)
        seconds = time.perf_counter() - started
    finally:
        ModelServer.stream = stream  # type: ignore[method-assign]
    [found] = store.catalog.ledger.runs(run)
    assert (found.done, found.failed) == (len(docs), 0), found
    return len(docs) / seconds, sent


async def bare(requests: list[object], url: str, at_once: int) -> float:
    """Documents a second of a loop that posts requests and reads the replies."""
    places = asyncio.Semaphore(at_once)
    async with httpx2.AsyncClient(timeout=600) as client:

        async def ask(body: object) -> None:
            async with places, client.stream("POST", f"{url}/{CHAT}", json=body) as response:
                async for _ in response.aiter_raw():
                    pass

        started = time.perf_counter()
        await asyncio.gather(*map(ask, requests))
        return len(requests) / (time.perf_counter() - started)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--documents", type=int, default=64)
    arguments.add_argument("--at-once", type=int, default=8)
    arguments.add_argument("--seconds", type=float, default=2.0, help="that the server takes for an answer")
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    rounds = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder, served(given.seconds, given.at_once) as url:
            run, requests = product(made(Path(folder), given.documents), url, given.at_once)
            size = sum(len(json.dumps(body)) for body in requests) / len(requests)
            loop = asyncio.run(bare(requests, url, given.at_once))
        load = round(os.getloadavg()[0], 1)
        rounds.append({"bare": loop, "product": run, "ratio": run / loop, "kilobytes": size / 1000, "load": load})
        print(json.dumps(rounds[-1]), flush=True)
    print(json.dumps({name: round(median(one[name] for one in rounds), 3) for name in rounds[0]}))


if __name__ == "__main__":
    main()
