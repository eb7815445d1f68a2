"""A folder with a model, looked through before a server is asked to load it: what a server's settings depend on.

Not here: what is wrong with it (`docqa.modelserver.traps`), and which settings follow (`docqa.modelserver.plan`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from docqa.errors import CannotServe, PathMissing
from docqa.modelserver.modelfiles import Config, Typed, optional, required
from docqa.modelserver.traps import Trap, traps_of

Scheme = Literal["bf16", "fp8", "int4"]

MODEL_TYPE = "gemma4_unified"  #: of config.json: the 12B, which takes text, images and sound
DRAFTER_TYPE = "gemma4_unified_assistant"
FULL_CONTEXT = 262_144  #: tokens; the first published config.json said half of it


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
    config = required(folder, "config.json", Config)
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
        traps=tuple(traps_of(folder, config)),
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


def _scheme(folder: Path, config: Config) -> Scheme:
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


def _model_type(folder: Path) -> str | None:
    config = optional(folder, "config.json", Typed)
    return None if config is None else config.model_type


def _in_common(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
