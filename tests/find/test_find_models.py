"""The optional stages with real models: tiny ones with random weights, made here, loaded as anybody's would be.

They show that loading, storing and joining work. What such a stage is worth they cannot show.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from docqa.embed import Embedder
from docqa.errors import EmbedderUnusable
from docqa.find import Finder, Scope
from docqa.find.rerank import Reranker
from docqa.pages.vectors import PictureEmbedder
from docqa.settings import FindSettings
from docqa.store import Store
from docqa.types import Document
from ingest.vectors import make_picture_vectors

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "rent", "notice", "invoice", "roof", "the", "is", "month"]


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers that gives a pair of texts one score."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("cross-encoder")
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        num_labels=1,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of one layer on each side: images of 32 pixels, texts of 16 tokens."""
    from transformers import (
        BertTokenizerFast,
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        CLIPProcessor,
    )

    folder = tmp_path_factory.mktemp("clip")
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), model_max_length=16)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**sizes, "vocab_size": len(WORDS), "max_position_embeddings": 16, "eos_token_id": 3, "pad_token_id": 0}
    config = CLIPConfig(
        text_config={**text, "projection_dim": 8},
        vision_config={**sizes, "image_size": 32, "patch_size": 16, "projection_dim": 8},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def jpeg(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 80), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def test_a_cross_encoder_scores_passages_from_0_to_1(cross_encoder: Path) -> None:
    scores = Reranker(str(cross_encoder)).scores("rent", ["the rent is", "notice month", "roof"])
    assert len(scores) == 3
    assert (min(scores), max(scores)) == (0.0, 1.0)
    assert Reranker(str(cross_encoder)).scores("rent", []) == []


def test_a_cross_encoder_orders_the_pages_when_it_alone_counts(
    small_store: Store, fake_embedder: Embedder, cross_encoder: Path
) -> None:
    plain = Finder(small_store, fake_embedder, FindSettings()).find("the rent", 10, Scope())
    settings = FindSettings(reranker=str(cross_encoder), reranker_weight=1)
    read = Finder(small_store, fake_embedder, settings).find("the rent", 10, Scope())
    assert {(hit.doc, hit.page) for hit in read} == {(hit.doc, hit.page) for hit in plain}
    assert [hit.score for hit in read] != [hit.score for hit in plain]


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnusable, match="no reranking model"):
        Reranker(str(tmp_path))
    with pytest.raises(EmbedderUnusable):
        PictureEmbedder(str(tmp_path))


def test_a_model_of_texts_only_is_refused_for_pictures(cross_encoder: Path) -> None:
    with pytest.raises(EmbedderUnusable, match="images and texts"):
        PictureEmbedder(str(cross_encoder))


def test_pages_are_found_by_their_looks(
    empty_store: Store,
    fake_embedder: Embedder,
    add_document: Callable[..., Document],
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_document(empty_store, "plan.pdf", "c", "the rent is due", " ")
    monkeypatch.setattr(empty_store, "image", lambda doc, number: jpeg("red"))
    pictures = PictureEmbedder(str(clip))
    make_picture_vectors(empty_store, pictures)
    assert sum(empty_store.library.rows_by_document("pictures").values()) == 2
    make_picture_vectors(empty_store, pictures)
    assert sum(empty_store.library.rows_by_document("pictures").values()) == 2
    hits = Finder(empty_store, fake_embedder, FindSettings(pictures=str(clip))).find("rent", 5, Scope())
    [drawing] = [hit for hit in hits if hit.page == 2]
    assert (drawing.snippet, drawing.why) == ("", "looks")
    assert [hit.page for hit in Finder(empty_store, fake_embedder, FindSettings()).find("rent", 5, Scope())] == [1]
