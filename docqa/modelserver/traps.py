"""What is known to go wrong with a model's folder, from its small files and the headers of its weights.

A server takes a minute to find out what is wrong with a folder, and says it in a stack trace or, worse, not at all: a
missing chat template or end-of-turn token shows only in the answers. No weight is read here, and nothing is repaired.

Every check is about a fault that was seen with published or re-quantised copies of google/gemma-4-12B-it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docqa.modelserver.modelfiles import Config, Generation, Index, Processor, Tokenizer, TokenizerConfig, optional

BUDGETS = frozenset({70, 140, 280, 560, 1120})  #: soft tokens an image may cost; vLLM and transformers refuse others
TURN_END = "<turn|>"
SPECIAL_TOKENS = ("<|turn>", TURN_END, "<|image>", "<|image|>", "<image|>", "<|audio|>")
LARGEST_HEADER = 100 << 20  #: bytes; the format's own limit for the header of a weights file


@dataclass(frozen=True, slots=True)
class Trap:
    """Something in the folder that would make the server fail, or answer wrongly."""

    message: str
    hint: str


def traps_of(folder: Path, config: Config) -> Iterator[Trap]:
    """Look for every known fault of a folder whose config.json could be read."""
    yield from _config_traps(config)
    yield from _tokenizer_traps(folder)
    yield from _processor_traps(folder)
    yield from _weight_traps(folder)


def _config_traps(config: Config) -> Iterator[Trap]:
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
    tokenizer = optional(folder, "tokenizer.json", Tokenizer)
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
    generation = optional(folder, "generation_config.json", Generation)
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
        untrusted = optional(folder, name, TokenizerConfig)
        if untrusted is not None and untrusted.chat_template:
            return untrusted.chat_template
    return None


def _processor_traps(folder: Path) -> Iterator[Trap]:
    names = ("processor_config.json", "preprocessor_config.json")
    found = [one for one in (optional(folder, name, Processor) for name in names) if one is not None]
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
    index = optional(folder, "model.safetensors.index.json", Index)
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
