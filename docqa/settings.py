"""Settings: one object, read once at the edge, passed down.

They come, later ones winning, from the defaults here, from `docqa.toml` in the store's folder, and from environment
variables such as DOCQA_MODEL__BASE_URL. Nothing else in the program reads the environment (but for NO_COLOR).
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from docqa.errors import BadSettings

SETTINGS_FILE = "docqa.toml"
DEFAULT_STORE = Path("docqa_store")

Seconds = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Section):
    """The model server. Without a `base_url` the built-in reader answers."""

    base_url: str | None = None  #: e.g. "http://127.0.0.1:8000/v1"
    name: str = "gemma-4-12b"  #: as in the server's --served-model-name
    api_key: SecretStr = SecretStr("")
    image_budget: Annotated[int, Field(ge=70, le=1120)] = 1120  #: soft tokens a page image may cost
    connect_timeout: Seconds = 5.0
    read_timeout: Seconds = 120.0  #: between two pieces of an answer
    total_timeout: Seconds = 600.0  #: for one whole answer, tries included; waiting in the queue is not
    requests_at_once: Annotated[int, Field(ge=1, le=256)] = 8  #: sent by this process to the server
    queue_length: Annotated[int, Field(ge=0, le=10_000)] = 32  #: requests of this process that may wait for their turn
    queue_timeout: Seconds = 30.0  #: that a question waits for its turn; a batch waits as long as total_timeout
    max_tokens: Annotated[int, Field(ge=64)] = 1024


class ModelServerSettings(_Section):
    """What `docqa model serve` starts on this machine; a server elsewhere needs none of it."""

    folder: Path | None = None  #: the model, or a folder that holds several of which the card's best is chosen
    drafter: Path | None = None  #: None: the one beside the model, if any
    vllm: Path | None = None  #: vLLM's command; None: the one on the PATH


class EmbedderSettings(_Section):
    """Any sentence-transformers model that is on this machine; None is the all-MiniLM-L6-v2 that comes with docqa."""

    model: str | None = None  #: a folder, or a name in the local Hugging Face cache
    batch: Annotated[int, Field(ge=1)] | None = None  #: texts computed at a time; None: 8 on a processor, 64 on a GPU


class IngestSettings(_Section):
    """Limits for untrusted files: what exceeds them becomes the document's problem."""

    jobs: Annotated[int, Field(ge=1, le=64)] = Field(default_factory=lambda: os.cpu_count() or 1)
    page_deadline: Seconds = 60.0  #: wall-clock, for one page, OCR not included
    document_deadline: Seconds = 3600.0  #: wall-clock, for all pages of a document, OCR not included
    ocr_deadline: Seconds = 120.0  #: wall-clock, for the OCR of one page
    ocr_engine: Literal["auto", "rapidocr", "tesseract"] = "auto"  #: auto: Tesseract for scripts RapidOCR cannot read
    #: Tesseract's names, e.g. ["ell", "rus"], for what Tesseract reads; empty: by the script it sees on the page
    ocr_languages: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_]{3,20}$")], ...] = ()
    memory_mb: Annotated[int, Field(ge=256)] = 4096  #: address space of the child that reads a file
    unsafe_parser: bool = False  #: read files also where nothing confines the child that does it
    max_file_mb: Annotated[int, Field(ge=1)] = 2048
    max_pages: Annotated[int, Field(ge=1)] = 10_000
    max_archive_files: Annotated[int, Field(ge=1)] = 10_000  #: in one zip
    max_archive_mb: Annotated[int, Field(ge=1)] = 4096  #: a zip, and what its files have together when unpacked
    image_budget: Annotated[int, Field(ge=70, le=1120)] = 1120  #: soft tokens; sets the stored image's pixel grid
    watch_seconds: Annotated[float, Field(ge=1)] = 30.0  #: between two looks into the watched folders


class FindSettings(_Section):
    """How pages are ranked and how many of them a reader is given."""

    #: share of meaning against words in the fused score; this and the next two were chosen on the even half of 98
    #: questions (`docqa eval qa --half even`): of 540 settings, the middle of those that ranked well there
    dense_weight: Annotated[float, Field(ge=0, le=1)] = 0.65
    #: what a document's being named adds to its pages, and a page's being full of figures: a fused score is 0..1
    named_weight: Annotated[float, Field(ge=0)] = 1.4
    figures_weight: Annotated[float, Field(ge=0)] = 0.3
    #: folder of a multimodal sentence-transformers model that finds pages by their images; its gain is not measured
    pictures: str | None = None
    pictures_weight: Annotated[float, Field(ge=0)] = 0.3  #: what a page's looks add to its score
    #: folder of a sentence-transformers CrossEncoder that reads the best pages once more; its gain is not measured
    reranker: str | None = None
    reranker_weight: Annotated[float, Field(ge=0, le=1)] = 0.5  #: share of the cross-encoder in the final score
    candidates: Annotated[int, Field(ge=10)] = 200  #: chunks taken from each search before pages are formed
    pages_read: Annotated[int, Field(ge=1, le=16)] = 6  #: pages given to a reader at most


class ExtractSettings(_Section):
    """How fields are filled."""

    #: processes that read fields without a model server, once there are enough documents; 1: none besides this one
    jobs: Annotated[int, Field(ge=1, le=64)] = Field(default_factory=lambda: os.cpu_count() or 1)


class UiSettings(_Section):
    """Where the browser interface is served."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8501


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix="DOCQA_", env_nested_delimiter="__", extra="forbid", frozen=True)

    store: Path = DEFAULT_STORE
    model: ModelSettings = ModelSettings()
    model_server: ModelServerSettings = ModelServerSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    ingest: IngestSettings = IngestSettings()
    find: FindSettings = FindSettings()
    extract: ExtractSettings = ExtractSettings()
    ui: UiSettings = UiSettings()


def load_settings(store: Path | None = None) -> Settings:
    """Read the settings for a store folder (default: DOCQA_STORE, else ./docqa_store).

    Raises BadSettings, naming the file and the setting.
    """
    folder = store or Path(os.environ.get("DOCQA_STORE") or DEFAULT_STORE)
    file = folder / SETTINGS_FILE

    class FileSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    try:
        return FileSettings(store=folder)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        sentence = f"The setting {where} cannot be used: {first['msg']} (from {file} or the environment)."
        raise BadSettings(sentence) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{file} is not valid TOML: {error}") from error
    except SettingsError as error:  # a variable for a whole section, such as DOCQA_MODEL, that is not JSON
        raise BadSettings(f"The environment cannot be used: {error}.") from error
