"""The embedder with the model that comes with docqa: what it makes of many texts is what it makes of each."""

from __future__ import annotations

import numpy as np
import pytest

from docqa.embed import Embedder, check_embedder
from docqa.errors import EmbedderUnusable
from docqa.settings import EmbedderSettings

TEXTS = [f"Clause {number}: " + "the tenant gives notice in writing " * (number % 7) for number in range(50)]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(EmbedderSettings(batch=4))


def test_every_text_gets_its_own_vector_however_many_there_are(embedder: Embedder) -> None:
    together = embedder.embed_documents(TEXTS)
    assert together.shape == (50, 384)
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 0.01
    for place in (0, 6, 7, 31, 49):
        [alone] = embedder.embed_documents([TEXTS[place]])
        assert alone @ together[place] > 0.995  # in 16 bits, another batch gives slightly other numbers
        assert int(np.argmax(together @ alone)) == place


def test_a_question_is_near_the_text_that_answers_it(embedder: Embedder) -> None:
    texts = ["The rent is 900 euros a month.", "The boat was painted blue.", "Minutes of the general meeting."]
    question = embedder.embed_question("How much does the flat cost?")
    assert int(np.argmax(embedder.embed_documents(texts) @ question)) == 0


def test_vectors_of_two_models_are_not_mixed(embedder: Embedder) -> None:
    check_embedder(None, embedder)
    check_embedder(embedder.identity, embedder)
    with pytest.raises(EmbedderUnusable, match="another embedding model"):
        check_embedder("sha256:another", embedder)
