"""A folder with a model, looked through before a server is asked to load it.

A server takes a minute to find out what is wrong with a folder, and says it in a stack trace or, worse, not at all: a
missing chat template or end-of-turn token shows only in the answers. What is known to go wrong is looked for here, from
the small files and the headers of the large ones. No weight is read, and nothing is repaired.

Every check is about a fault that was seen with published or re-quantised copies of google/gemma-4-12B-it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from docqa.errors import CannotServe, PathMissing

Scheme = Literal["bf16", "fp8", "int4"]

MODEL_TYPE = "gemma4_unified"  #: of config.json: the 12B, which takes text, images and sound
DRAFTER_TYPE = "gemma4_unified_assistant"
BUDGETS = frozenset({70, 140, 280, 560, 1120})  #: soft tokens an image may cost; vLLM and transformers refuse others
FULL_CONTEXT = 262_144  #: tokens; the first published config.json said half of it
TURN_END = "<turn|>"
SPECIAL_TOKENS = ("<|turn>", TURN_END, "<|image>", "<|image|>", "<image|>", "<|audio|>")
LARGEST_JSON = 64 << 20  #: bytes; the published tokenizer.json has 33 MB
LARGEST_HEADER = 100 << 20  #: bytes; the format's own limit for the header of a weights file

T = TypeVar("T", bound="_File")


@dataclass(frozen=True, slots=True)
class Trap:
    """Something in the folder that would make the server fail, or answer wrongly."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a folder holds, as far as a server's settings depend on it."""

    folder: Path
    scheme: Scheme
    max_context: int  #: tokens that config.json allows
    window: int  #: tokens the sliding layers look back
    sliding_bytes: int  #: of the KV cache, a token in all sliding layers together
    global_bytes: int  #: of the KV cache, a token in all global layers together
    width: int  #: of the feed-forward layers, which need the most memory while a prompt is read
    traps: tuple[Trap, ...]


def read_checkpoint(folder: Path) -> Checkpoint:
    """Look through a folder. Raises PathMissing, and CannotServe where it holds no Gemma 4 12B at all."""
    if not folder.is_dir():
        raise PathMissing(f"There is no folder {folder}.", "--model names the folder with the model's config.json.")
    config = _required(folder, "config.json", _Config)
    if config.model_type != MODEL_TYPE or config.text_config is None:
        raise CannotServe(
            f"{folder} holds a model of the type {config.model_type}, not Gemma 4 12B ({MODEL_TYPE}).",
            "Start a server for another model yourself and set model.base_url; `docqa model check` says if it will do.",
        )
    text = config.text_config
    layers = text.layer_types or ()
    sliding = layers.count("sliding_attention")
    wide = 2 * 2  # a key and a value, of two bytes each
    return Checkpoint(
        folder=folder.resolve(),
        scheme=_scheme(folder, config),
        max_context=text.max_position_embeddings,
        window=text.sliding_window,
        sliding_bytes=sliding * text.num_key_value_heads * text.head_dim * wide,
        global_bytes=(len(layers) - sliding) * text.num_global_key_value_heads * (text.global_head_dim or 512) * wide,
        width=text.intermediate_size,
        traps=tuple(_traps(folder, config)),
    )


def read_checkpoints(folder: Path) -> list[Checkpoint]:
    """The folder itself if it holds a model, else every Gemma 4 12B in its folders that can be served, by name.

    Raises PathMissing, CannotServe where there is none.
    """
    if not folder.is_dir() or (folder / "config.json").exists():
        return [read_checkpoint(folder)]
    found, refused = [], []
    for place in sorted(folder.iterdir()):
        if _model_type(place) == MODEL_TYPE:
            try:
                found.append(read_checkpoint(place))
            except CannotServe as error:
                refused.append(error)
    if not found:
        nothing = CannotServe(
            f"There is no Gemma 4 12B in {folder} or in its folders.", "docqa downloads none: copy it."
        )
        raise (refused or [nothing])[0]
    return found


def find_drafter(checkpoint: Path) -> Path | None:
    """The drafter that lies beside a checkpoint: the one with the longest beginning of the name in common, if any."""
    beside = [place for place in sorted(checkpoint.parent.iterdir()) if _model_type(place) == DRAFTER_TYPE]
    return max(beside, key=lambda place: _in_common(place.name, checkpoint.name), default=None)


def check_drafter(folder: Path) -> Path:
    """The folder, if it holds a drafter. Raises PathMissing, CannotServe."""
    if not folder.is_dir():
        raise PathMissing(f"There is no folder {folder}.", "--drafter names the folder with the drafter's config.json.")
    if _model_type(folder) != DRAFTER_TYPE:
        said = f"{folder} does not hold a drafter of Gemma 4 12B ({DRAFTER_TYPE})."
        raise CannotServe(said, "Its published name is google/gemma-4-12B-it-assistant.")
    return folder.resolve()


# ── what config.json says ────────────────────────────────────────────────────────────────────────────────────────────


class _File(BaseModel):
    """One of the folder's JSON files, as far as it is looked at."""

    model_config = ConfigDict(frozen=True)


class _Text(_File):
    layer_types: tuple[str, ...] | None = None
    max_position_embeddings: int
    sliding_window: int
    num_key_value_heads: int
    num_global_key_value_heads: int = 1
    head_dim: int
    global_head_dim: int | None = None
    intermediate_size: int


class _Vision(_File):
    num_soft_tokens: int | None = None


class _Weights(_File):
    num_bits: int | None = None
    type: str | None = None


class _Group(_File):
    weights: _Weights | None = None


class _Quantization(_File):
    quant_method: str | None = None
    quant_algo: str | None = None
    config_groups: dict[str, _Group] = {}


class _Config(_File):
    model_type: str | None = None
    text_config: _Text | None = None
    vision_config: _Vision | None = None
    quantization_config: _Quantization | None = None


class _Token(_File):
    id: int
    content: str


class _Tokenizer(_File):
    added_tokens: tuple[_Token, ...] = ()


class _TokenizerConfig(_File):
    chat_template: str | None = None


class _Generation(_File):
    eos_token_id: int | tuple[int, ...] | None = None


class _ImageProcessor(_File):
    max_soft_tokens: int | None = None


class _Processor(_File):
    image_processor: _ImageProcessor | None = None
    max_soft_tokens: int | None = None  # in preprocessor_config.json it stands at the top


class _Index(_File):
    weight_map: dict[str, str]


def _scheme(folder: Path, config: _Config) -> Scheme:
    quantization = config.quantization_config
    if quantization is None:
        return "bf16"
    kinds = {(g.weights.type, g.weights.num_bits) for g in quantization.config_groups.values() if g.weights is not None}
    if quantization.quant_method == "compressed-tensors" and kinds == {("int", 4)}:
        return "int4"
    if quantization.quant_method == "compressed-tensors" and kinds == {("float", 8)}:
        return "fp8"
    if quantization.quant_method == "fp8" or (quantization.quant_algo or "").upper() == "FP8":
        return "fp8"
    raise CannotServe(
        f"The weights in {folder} are quantised in a way docqa has no settings for ({quantization.quant_method}).",
        "Known are bf16, FP8 and int4 in compressed-tensors, such as google/gemma-4-12B-it-qat-w4a16-ct.",
    )


# ── what is known to go wrong ────────────────────────────────────────────────────────────────────────────────────────


def _traps(folder: Path, config: _Config) -> Iterator[Trap]:
    yield from _config_traps(config)
    yield from _tokenizer_traps(folder)
    yield from _processor_traps(folder)
    yield from _weight_traps(folder)


def _config_traps(config: _Config) -> Iterator[Trap]:
    if config.vision_config is None or config.vision_config.num_soft_tokens is None:
        # vLLM 0.33 reads it unguarded, and the class of transformers has no default for it.
        yield Trap(
            "config.json has no vision_config.num_soft_tokens: vLLM would stop with an AttributeError.",
            'Add "num_soft_tokens": 280 to vision_config in config.json, as in the published file.',
        )
    text = config.text_config
    if text is not None and (text.global_head_dim is None or not text.layer_types):
        yield Trap(
            "config.json lacks layer_types or global_head_dim: it was saved again by another transformers.",
            "Put the published config.json in its place; keep its quantization_config.",
        )


def _tokenizer_traps(folder: Path) -> Iterator[Trap]:
    tokenizer = _optional(folder, "tokenizer.json", _Tokenizer)
    if tokenizer is None:
        yield Trap("There is no usable tokenizer.json.", "Copy it from the published model.")
        return
    number = {token.content: token.id for token in tokenizer.added_tokens}
    if missing := [token for token in SPECIAL_TOKENS if token not in number]:
        yield Trap(
            f"tokenizer.json does not know {', '.join(missing)}: pages and turns would be read as plain text.",
            "Copy tokenizer.json and tokenizer_config.json from the published model.",
        )
    yield from _template_traps(folder)
    generation = _optional(folder, "generation_config.json", _Generation)
    ends = generation.eos_token_id if generation is not None else None
    if TURN_END in number and number[TURN_END] not in (ends if isinstance(ends, tuple) else (ends,)):
        yield Trap(
            f"generation_config.json does not end an answer at {TURN_END}: answers would run on to their limit.",
            f"Its eos_token_id must hold {number[TURN_END]}; copy the file from the published model.",
        )


def _template_traps(folder: Path) -> Iterator[Trap]:
    template = _template(folder)
    if template is None:
        yield Trap(
            "There is no chat template: the server would refuse every question.",
            "Copy chat_template.jinja from the published model.",
        )
    elif "<|turn>" not in template or "image" not in template:
        yield Trap(
            "The chat template is not Gemma 4's, or leaves images out.",
            "Copy chat_template.jinja from the published model.",
        )


def _template(folder: Path) -> str | None:
    try:
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    for name in ("chat_template.json", "tokenizer_config.json"):
        untrusted = _optional(folder, name, _TokenizerConfig)
        if untrusted is not None and untrusted.chat_template:
            return untrusted.chat_template
    return None


def _processor_traps(folder: Path) -> Iterator[Trap]:
    names = ("processor_config.json", "preprocessor_config.json")
    found = [one for one in (_optional(folder, name, _Processor) for name in names) if one is not None]
    if not found:
        yield Trap(
            "There is neither a processor_config.json nor a preprocessor_config.json: images cannot be prepared.",
            "Copy processor_config.json from the published model.",
        )
    for processor in found:
        budget = processor.image_processor.max_soft_tokens if processor.image_processor else processor.max_soft_tokens
        if budget is not None and budget not in BUDGETS:
            yield Trap(
                f"The processor's max_soft_tokens is {budget}, which no image can have.",
                f"It must be one of {', '.join(map(str, sorted(BUDGETS)))}.",
            )


def _weight_traps(folder: Path) -> Iterator[Trap]:
    index = _optional(folder, "model.safetensors.index.json", _Index)
    named = {folder / Path(name).name for name in index.weight_map.values()} if index else set()
    there = set(folder.glob("*.safetensors"))
    again = "Copy the model again and compare its checksums."
    if missing := sorted(file.name for file in named - there):
        yield Trap(f"{len(missing)} files of the weights are missing, the first is {missing[0]}.", again)
    if not there and not named:
        yield Trap("There are no weights (*.safetensors).", again)
    for file in sorted(there):
        if fault := _weights_fault(file):
            yield Trap(f"{file.name} {fault}.", again)


def _weights_fault(file: Path) -> str | None:
    """What is wrong with a weights file, from its header and its length; None if nothing is."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        if start == b"version ":
            return "is a pointer of Git LFS and not the weights"
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(LARGEST_HEADER, size):
            return "is not a weights file"
        untrusted_header = stream.read(length)
    try:
        entries = json.loads(untrusted_header)
        ends = [entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"]
        whole = 8 + length + max(ends, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return "is not a weights file"
    return None if size == whole else f"is cut off: it has {size:,} of {whole:,} bytes"


# ── reading the small files ──────────────────────────────────────────────────────────────────────────────────────────


def _required(folder: Path, name: str, kind: type[T]) -> T:
    found = _optional(folder, name, kind)
    if found is None:
        raise CannotServe(
            f"{folder} has no {name} that can be read: it is not the folder of a model.",
            "--model names the folder with config.json, tokenizer.json and the *.safetensors files.",
        )
    return found


def _optional(folder: Path, name: str, kind: type[T]) -> T | None:
    """One of the folder's JSON files; None if it is not there or not what it should be."""
    file = folder / name
    try:
        if file.stat().st_size > LARGEST_JSON:
            return None
        return kind.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _model_type(folder: Path) -> str | None:
    config = _optional(folder, "config.json", _Type)
    return None if config is None else config.model_type


class _Type(_File):
    model_type: str | None = None


def _in_common(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
