"""What makes a run of docqa quick enough to be cut off a hundred times: no embedding model, no OCR model, small images.

Everything else is the real thing: the command line, the children, both databases, the files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import numpy as np

from docqa.embed import Embedder
from docqa.store.library import Vectors
from ingest import reading

DIMENSIONS = 32
OCR = "tests.faults.stubs.ocr_sees_nothing"


def install(*, jobs: int = 2, page_deadline: float = 30) -> None:
    """Put the stand-ins in place, for the rest of this process. The class is changed, so whoever imported it has it."""
    Embedder.__init__ = _load  # type: ignore[method-assign]
    Embedder.embed_documents = _embed_documents  # type: ignore[method-assign]
    Embedder.embed_question = _embed_question  # type: ignore[method-assign]
    reading.OCR = OCR
    os.environ |= {
        "DOCQA_INGEST__JOBS": str(jobs),
        "DOCQA_INGEST__IMAGE_BUDGET": "70",
        "DOCQA_INGEST__PAGE_DEADLINE": str(page_deadline),
    }


def _load(self: Embedder, *_: object) -> None:
    self.identity = "test:hash"


def _embed_documents(self: Embedder, texts: Sequence[str]) -> Vectors:
    return np.stack([_embed_question(self, text) for text in texts])


def _embed_question(_: Embedder, text: str) -> Vectors:
    """A unit vector that is the same for the same text, and means nothing."""
    drawn = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))
    vector = drawn.standard_normal(DIMENSIONS).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
