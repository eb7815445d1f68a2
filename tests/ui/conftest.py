"""A small store and the whole application that serves it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_store import INVOICE, BagOfWords, add_document
from starlette.testclient import TestClient

from docqa.settings import ModelSettings, Settings
from docqa.store import Store
from docqa.types import Document
from ui import resources


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=tmp_path / "store", model=ModelSettings(base_url=None))


@pytest.fixture
def store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, served, with a stand-in for the embedding model."""
    monkeypatch.setattr(resources, "embedder", BagOfWords)
    resources.use(settings)
    return resources.store()


@pytest.fixture
def invoice(store: Store) -> Document:
    return add_document(store, "invoice.pdf", "invoices", INVOICE, ("Terms of payment", "Interest is 8 percent"))


@pytest.fixture
def client(served_application: TestClient, store: Store) -> TestClient:
    """The application, serving this test's store."""
    return served_application
