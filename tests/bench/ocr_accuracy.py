"""How well and how fast scans are read: `python tests/bench/ocr_accuracy.py [DATA] [--every N] [--bare]`, by hand.

DATA (default: $DOCQA_DATA, else ../shared/data) holds ocr.jsonl: {doc, page, lines}. A page goes the way of a real
one: the renderer child makes the image that is stored, the OCR child reads it. Words are compared without order or
place, as bags, case-folded, in two ways: "spaces" cuts at white space alone, so that "RM 3.00:" and "RM3.00" share
nothing; "marks" also takes every character but letters and digits for a space. Recall and precision are sums over all
words of all pages. With --bare the same images are also read by a bare RapidOCR loop in this process, in turn.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import statistics
import sys
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from docqa.settings import IngestSettings  # noqa: E402
from ingest.intake import media_type  # noqa: E402
from ingest.reading import RENDERER, Ocr  # noqa: E402
from ingest.sandbox import process  # noqa: E402

SECONDS = 600.0  #: for one page; a bench waits longer than an office


def spaces(text: str) -> Counter[str]:
    """Words as white space cuts them."""
    return Counter(text.casefold().split())


def marks(text: str) -> Counter[str]:
    """Words as everything but letters and digits cuts them."""
    return Counter("".join(letter if letter.isalnum() else " " for letter in text.casefold()).split())


def page_image(file: Path, number: int, stopping: threading.Event) -> bytes:
    """The image that would be stored of a page."""
    settings = IngestSettings()
    arguments = [
        f"--media-type={media_type(file)}",
        f"--first={number}",
        f"--last={number}",
        f"--max-pages={settings.max_pages}",
        f"--budget={settings.image_budget}",
        f"--memory-mb={settings.memory_mb}",
        f"--page-seconds={settings.page_deadline:.0f}",
    ]
    with file.open("rb") as original, process.Child(RENDERER, arguments, stopping, stdin=original) as child:
        child.receive(SECONDS)
        return child.receive(SECONDS)[1]


def main() -> None:
    """Read every page, print a line each and the sums."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "data", nargs="?", type=Path, default=Path(os.environ.get("DOCQA_DATA", ROOT / "../shared/data"))
    )
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--engine", choices=("auto", "rapidocr", "tesseract"), default="auto")
    parser.add_argument("--bare", action="store_true")
    arguments = parser.parse_args()
    stopping = threading.Event()
    bare = bare_reader() if arguments.bare else None
    records = [json.loads(line) for line in (arguments.data / "ocr.jsonl").open(encoding="utf-8")]
    sums = {way: [0, 0, 0] for way in (spaces, marks)}
    seconds: list[float] = []
    bare_seconds: list[float] = []
    with Ocr(IngestSettings(ocr_engine=arguments.engine, ocr_deadline=SECONDS), stopping) as ocr:
        for record in records[:: arguments.every]:
            image = page_image(arguments.data / record["doc"], record["page"], stopping)
            started = time.monotonic()
            read = ocr.read(image)
            seconds.append(time.monotonic() - started)
            if bare is not None:
                started = time.monotonic()
                bare(image)
                bare_seconds.append(time.monotonic() - started)
            said = " ".join(word.text for word in read.words)
            for way, total in sums.items():
                truth, found = way(" ".join(record["lines"])), way(said)
                counts = (truth & found).total(), truth.total(), found.total()
                total[:] = [a + b for a, b in zip(total, counts, strict=True)]
            figures = "  ".join(
                f"{way.__name__} R {h / t:.4f} P {h / max(1, f):.4f}" for way, (h, t, f) in sums.items()
            )
            print(f"{record['doc']}  {seconds[-1]:.1f} s  unread {read.unread}  so far: {figures}", flush=True)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{len(seconds)} pages, {arguments.engine}; load {os.getloadavg()}")
    print(f"s/page: median {statistics.median(seconds):.2f}, total {sum(seconds):.0f}", end="; ")
    print(f"CPU of all children, start and rendering included: {children.ru_utime + children.ru_stime:.0f} s")
    if bare_seconds:
        ratios = [b / s for s, b in zip(seconds, bare_seconds, strict=True)]
        print(f"bare loop: median {statistics.median(bare_seconds):.2f} s/page; ratio {statistics.median(ratios):.2f}")


def bare_reader():  # type: ignore[no-untyped-def]  # noqa: ANN201
    """RapidOCR as it comes, without its line classifier, one thread."""
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    engine = RapidOCR(params={**threads, "Global.use_cls": False, "Global.log_level": "error"})
    return lambda image: engine(np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))[:, :, ::-1])


if __name__ == "__main__":
    main()
