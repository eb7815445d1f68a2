"""The small JSON files of a model's folder, as far as they are looked at. What they say is checked in form only.

Not here: what is wrong with them (`docqa.modelserver.traps`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from docqa.errors import CannotServe

LARGEST_JSON = 64 << 20  #: bytes; the published tokenizer.json has 33 MB

T = TypeVar("T", bound="ModelFile")


class ModelFile(BaseModel):
    """One of the folder's JSON files, as far as it is looked at."""

    model_config = ConfigDict(frozen=True)


class _Text(ModelFile):
    layer_types: tuple[str, ...] | None = None
    max_position_embeddings: int
    sliding_window: int
    num_key_value_heads: int
    num_global_key_value_heads: int = 1
    head_dim: int
    global_head_dim: int | None = None
    intermediate_size: int


class _Vision(ModelFile):
    num_soft_tokens: int | None = None


class _Weights(ModelFile):
    num_bits: int | None = None
    type: str | None = None


class _Group(ModelFile):
    weights: _Weights | None = None


class _Quantization(ModelFile):
    quant_method: str | None = None
    quant_algo: str | None = None
    config_groups: dict[str, _Group] = {}


class Config(ModelFile):
    """config.json: what kind of model, its layers, how its weights are quantised."""

    model_type: str | None = None
    text_config: _Text | None = None
    vision_config: _Vision | None = None
    quantization_config: _Quantization | None = None


class _Token(ModelFile):
    id: int
    content: str


class Tokenizer(ModelFile):
    """tokenizer.json: the tokens that were added to the vocabulary."""

    added_tokens: tuple[_Token, ...] = ()


class TokenizerConfig(ModelFile):
    """tokenizer_config.json, or chat_template.json."""

    chat_template: str | None = None


class Generation(ModelFile):
    """generation_config.json: where an answer ends."""

    eos_token_id: int | tuple[int, ...] | None = None


class _ImageProcessor(ModelFile):
    max_soft_tokens: int | None = None


class Processor(ModelFile):
    """processor_config.json or preprocessor_config.json: how images are prepared."""

    image_processor: _ImageProcessor | None = None
    max_soft_tokens: int | None = None  # in preprocessor_config.json it stands at the top


class Index(ModelFile):
    """model.safetensors.index.json: which file each weight is in."""

    weight_map: dict[str, str]


class Typed(ModelFile):
    """config.json of any model."""

    model_type: str | None = None


def required(folder: Path, name: str, kind: type[T]) -> T:
    """One of the folder's JSON files. Raises CannotServe where it is not there or not what it should be."""
    found = optional(folder, name, kind)
    if found is None:
        raise CannotServe(
            f"{folder} has no {name} that can be read: it is not the folder of a model.",
            "--model names the folder with config.json, tokenizer.json and the *.safetensors files.",
        )
    return found


def optional(folder: Path, name: str, kind: type[T]) -> T | None:
    """One of the folder's JSON files; None if it is not there or not what it should be."""
    file = folder / name
    try:
        if file.stat().st_size > LARGEST_JSON:
            return None
        return kind.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
