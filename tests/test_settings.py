"""Settings: where they come from, which wins, and what is said about one that cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from docqa.errors import BadSettings
from docqa.settings import DEFAULT_STORE, SETTINGS_FILE, Settings, load_settings

SECRET = "sk-canary-4711"


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("DOCQA_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / SETTINGS_FILE


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings.model_dump() == Settings(store=tmp_path).model_dump()
    assert settings.model.base_url is None
    assert settings.model.api_key.get_secret_value() == ""
    assert settings.ingest.jobs == os.cpu_count()
    assert (settings.ui.host, settings.ui.port) == ("127.0.0.1", 8501)
    assert settings.find.pages_read == 6


def test_the_store_is_the_one_given_else_the_environment_s_else_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().store == DEFAULT_STORE
    monkeypatch.setenv("DOCQA_STORE", str(tmp_path / "from the environment"))
    assert load_settings().store == tmp_path / "from the environment"
    assert load_settings(tmp_path).store == tmp_path


def test_a_file_sets_what_it_names(file: Path) -> None:
    file.write_text('[model]\nbase_url = "http://gpu:8000/v1"\n[ui]\nport = 9000\n[find]\ndense_weight = 0\n')
    settings = load_settings(file.parent)
    assert (settings.model.base_url, settings.ui.port, settings.find.dense_weight) == ("http://gpu:8000/v1", 9000, 0)
    assert settings.model.name == "gemma-4-12b"  # not named, so its default


def test_the_file_of_the_store_in_the_environment_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("[ui]\nport = 9000\n")
    monkeypatch.setenv("DOCQA_STORE", str(file.parent))
    assert load_settings().ui.port == 9000


def test_the_environment_wins_over_the_file_setting_by_setting(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('[model]\nbase_url = "http://file/v1"\nname = "from the file"\n')
    monkeypatch.setenv("DOCQA_MODEL__BASE_URL", "http://environment/v1")
    settings = load_settings(file.parent)
    assert (settings.model.base_url, settings.model.name) == ("http://environment/v1", "from the file")


@pytest.mark.parametrize(
    ("text", "setting", "sentence"),
    [
        ('[model]\nbase_uri = "http://gpu/v1"', "model.base_uri", "Extra inputs are not permitted"),
        ("[modle]\n", "modle", "Extra inputs are not permitted"),
        ("[ui]\nport = 70000", "ui.port", "less than or equal to 65535"),
        ('[ui]\nport = "eighty"', "ui.port", "valid integer"),
        ("[model]\nread_timeout = 0", "model.read_timeout", "greater than 0"),
        ("[model]\nimage_budget = 1121", "model.image_budget", "less than or equal to 1120"),
        ("[find]\ndense_weight = 1.5", "find.dense_weight", "less than or equal to 1"),
        ("[ingest]\njobs = 0", "ingest.jobs", "greater than or equal to 1"),
        ("model = 5", "model", "valid dictionary"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_file(
    file: Path, text: str, setting: str, sentence: str
) -> None:
    file.write_text(text)
    with pytest.raises(BadSettings) as caught:
        load_settings(file.parent)
    assert f"The setting {setting} cannot be used: " in caught.value.message
    assert sentence in caught.value.message
    assert str(file) in caught.value.message
    assert caught.value.exit_code == 2
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [("DOCQA_UI__PORT", "0", "ui.port"), ("DOCQA_MODEL__BASE_URI", "http://gpu/v1", "model.base_uri")],
)
def test_so_is_one_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, setting: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings, match=f"The setting {setting} .* the environment"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda file: file.write_text("[model\nname = 1"), id="a bracket is missing"),
        pytest.param(lambda file: file.write_text("ui.port = 1\nui.port = 2"), id="said twice"),
        pytest.param(lambda file: file.write_bytes(b"\xff\xfe[\x00m\x00"), id="UTF-16"),
    ],
)
def test_a_file_that_is_not_toml_is_named(file: Path, write: Callable[[Path], object]) -> None:
    write(file)
    with pytest.raises(BadSettings) as caught:
        load_settings(file.parent)
    assert caught.value.message.startswith(f"{file} is not valid TOML: ")


def test_the_api_key_is_shown_nowhere(file: Path) -> None:
    file.write_text(f'[model]\napi_key = "{SECRET}"\n')
    settings = load_settings(file.parent)
    assert settings.model.api_key.get_secret_value() == SECRET
    for shown in (repr(settings), str(settings), repr(settings.model), settings.model_dump_json()):
        assert SECRET not in shown


def test_an_error_elsewhere_does_not_show_the_api_key_either(file: Path) -> None:
    file.write_text(f'[model]\napi_key = "{SECRET}"\nmax_tokens = 1\nnonsense = 2\n')
    with pytest.raises(BadSettings) as caught:
        load_settings(file.parent)
    assert SECRET not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__}"


def test_settings_do_not_change_once_read(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    with pytest.raises(ValidationError):
        settings.ui.port = 1
    with pytest.raises(ValidationError):
        settings.store = Path("elsewhere")
