"""Which languages Tesseract reads here, and settings that ask for others."""

from __future__ import annotations

import pytest

from docqa.errors import BadSettings
from ingest import languages


def test_settings_that_ask_for_what_is_not_installed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "installed", lambda: frozenset({"eng"}))
    languages.check_choice("tesseract", ["eng"])
    with pytest.raises(BadSettings, match="rus"):
        languages.check_choice("auto", ["eng", "rus"])
    monkeypatch.setattr(languages, "installed", lambda: frozenset())
    languages.check_choice("auto", [])
    with pytest.raises(BadSettings, match="not installed"):
        languages.check_choice("tesseract", [])
