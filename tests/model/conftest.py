"""A client that waits for nothing."""

from __future__ import annotations

import pytest

from docqa.model import connection


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried at once."""
    monkeypatch.setattr(connection, "RETRY_PAUSES", (0.0, 0.0))
