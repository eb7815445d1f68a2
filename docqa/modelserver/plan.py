"""From the GPU and the model's folder to the command that serves it: a table of settings and the sum behind it.

The table was written from the published sizes of the checkpoints, from vLLM's own sum of what a KV cache needs
(`v1/kv_cache_interface.py`) and from one measurement on a card of 24 GB (see WEIGHTS_GIB and RESERVE_GIB); every row is
checked against the sum by a test. No row was measured on its card.

Not here: whether the folder is sound (`checkpoint`), and running the command (`launch`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docqa.errors import CannotServe
from docqa.modelserver.checkpoint import FULL_CONTEXT, Checkpoint, Scheme
from docqa.pages.grid import MAX_BUDGET

#: GiB in the GPU: google/gemma-4-12B-it, an FP8 copy of it, and google/gemma-4-12B-it-qat-w4a16-ct as vLLM's recipe and
#: a measurement on an RTX 3090 give them.
WEIGHTS_GIB: dict[Scheme, float] = {"bf16": 22.8, "fp8": 12.2, "int4": 8.3}
#: GiB beside weights and KV cache: CUDA graphs, libraries, the sampler. On that RTX 3090 (0.90 of 24 GiB, weights 8.28,
#: KV cache 11.0) 2.3 were left, 0.1 of them for reading 2,048 tokens at a time.
RESERVE_GIB = 2.2
DRAFTER_GIB = 1.1  #: 423 million parameters in bf16, and its CUDA graphs
GIB = 1 << 30
MIB_A_GIB = 1024

IMAGES_A_PROMPT = 16
DRAFTED_TOKENS = 4  #: guessed ahead by the drafter; its card recommends 4 to 8 for the 12B
MOST_PIXELS = 40_000_000  #: of one image; docqa sends 2.5 million
MOST_ANSWERS = 4  #: to one prompt
LEAST_COMPUTE = (8, 0)  #: compute capability of Ampere, the first with bf16, which Gemma 4 needs


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card. Memory in MiB, as nvidia-smi counts."""

    index: int
    name: str
    memory: int
    used: int = 0
    compute: tuple[int, int] | None = None  #: capability; None where the driver does not say


@dataclass(frozen=True, slots=True)
class Row:
    """Settings for one kind of weights on cards from one size up to the next."""

    card: int  #: GB, as cards are called
    least: int  #: MiB that the smallest of these cards shows
    scheme: Scheme
    context: int  #: tokens of the longest prompt with its answer
    sequences: int  #: questions answered at the same time
    batched: int  #: tokens computed in one step; an image is never split, a page costs 1,094
    share: float = 0.92  #: of the card's memory that vLLM may take
    overlapped: bool = True  #: prepare the next step during this one; doubles what sliding layers keep
    offload: int = 0  #: GiB of the weights that stay in the machine's memory
    eager: bool = False  #: no CUDA graphs


#: What a card gets, best weights first within a size. `least` allows for memory that the card keeps for itself: an A10
#: of 24 GB shows 22,700 MiB, an L40S of 48 GB 46,068.
TABLE: tuple[Row, ...] = (
    Row(12, 12_000, "int4", context=16_384, sequences=2, batched=4_096, overlapped=False, offload=2, eager=True),
    Row(16, 16_000, "int4", context=32_768, sequences=4, batched=8_192, share=0.93, overlapped=False),
    Row(24, 22_500, "fp8", context=32_768, sequences=8, batched=8_192, overlapped=False),
    Row(24, 22_500, "int4", context=65_536, sequences=16, batched=8_192),
    Row(48, 45_000, "bf16", context=65_536, sequences=16, batched=8_192),
    Row(48, 45_000, "fp8", context=131_072, sequences=32, batched=8_192),
    Row(48, 45_000, "int4", context=131_072, sequences=32, batched=8_192),
    Row(80, 79_000, "bf16", context=131_072, sequences=64, batched=16_384),
    Row(80, 79_000, "fp8", context=131_072, sequences=64, batched=16_384),
    Row(80, 79_000, "int4", context=131_072, sequences=64, batched=16_384),
    Row(141, 140_000, "bf16", context=131_072, sequences=128, batched=16_384),
    Row(141, 140_000, "fp8", context=131_072, sequences=128, batched=16_384),
    Row(141, 140_000, "int4", context=131_072, sequences=128, batched=16_384),
)

#: For the server's process. It finds everything on this disk and tells nobody anything; what a request may make it do
#: is bounded. The key is added by `launch`, because an argument can be read by everybody on the machine.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # as nvidia-smi counts; CUDA itself counts the fastest first
    "VLLM_MAX_IMAGE_PIXELS": str(MOST_PIXELS),
    "VLLM_MAX_N_SEQUENCES": str(MOST_ANSWERS),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run for one model on one card, and why."""

    checkpoint: Checkpoint
    gpu: Gpu
    row: Row
    drafter: Path | None
    arguments: tuple[str, ...]  #: of `vllm serve`
    environment: dict[str, str]
    notes: tuple[str, ...]  #: what a person should know about it, in sentences


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens, and what the model is called there."""

    host: str
    port: int
    model: str


def make_plan(
    checkpoints: Sequence[Checkpoint],
    gpu: Gpu,
    address: Address,
    drafter_of: Callable[[Path], Path | None],
    context: int | None = None,
) -> Plan:
    """Choose the best checkpoint that fits the card, and its settings. Raises CannotServe.

    `drafter_of` tells the drafter of a checkpoint's folder, which is left out where it does not fit; `context`
    overrides the table's, up to the 262,144 tokens of the model.
    """
    if gpu.compute is not None and gpu.compute < LEAST_COMPUTE:
        said = f"The {gpu.name} has compute capability {gpu.compute[0]}.{gpu.compute[1]}; Gemma 4 needs 8.0 or more."
        raise CannotServe(said, "Any NVIDIA card from the Ampere generation (2020) on will do.")
    checkpoint, row = _best(checkpoints, gpu)
    if context is not None:
        row = _with_context(row, checkpoint, gpu, context)
    notes = [*_memory_notes(gpu, row), *_context_notes(row, checkpoint)]
    drafter = drafter_of(checkpoint.folder)
    if drafter is not None and not fits(row, checkpoint, gpu.memory, drafter=True):
        notes.append("The drafter is left out: there is no room for it beside the model.")
        drafter = None
    arguments = (str(checkpoint.folder), *_arguments(row, address, drafter))
    environment = ENVIRONMENT | {"CUDA_VISIBLE_DEVICES": str(gpu.index)}
    return Plan(checkpoint, gpu, row, drafter, arguments, environment, tuple(notes))


def needed_gib(row: Row, checkpoint: Checkpoint, drafter: bool = False) -> float:
    """GiB that the weights, one longest prompt and one step take on the card.

    vLLM does not start unless one prompt of the whole context fits: sliding layers keep their window and what is in
    flight, global layers every token (`SlidingWindowSpec.max_admission_blocks_per_request` in vLLM 0.32).
    """
    in_flight = row.batched * (2 if row.overlapped else 1)
    sliding = min(checkpoint.window - 1 + in_flight, row.context) * checkpoint.sliding_bytes
    step = row.batched * 2 * checkpoint.width * 2  # what the feed-forward layers hold of a step: two halves in bf16
    cache = sliding + row.context * checkpoint.global_bytes
    weights = WEIGHTS_GIB[row.scheme] - row.offload + (DRAFTER_GIB if drafter else 0)
    return weights + RESERVE_GIB + (cache + step) / GIB


def fits(row: Row, checkpoint: Checkpoint, memory: int, drafter: bool = False) -> bool:
    """Whether a card of so many MiB has room for it."""
    return needed_gib(row, checkpoint, drafter) <= row.share * memory / MIB_A_GIB


def _best(checkpoints: Sequence[Checkpoint], gpu: Gpu) -> tuple[Checkpoint, Row]:
    size = max((row.least for row in TABLE if row.least <= gpu.memory), default=None)
    if size is None:
        said = f"The {gpu.name} has {gpu.memory / MIB_A_GIB:.1f} GiB of memory; the smallest Gemma 4 12B needs 12."
        raise CannotServe(said, "docqa works without a server, too: the built-in reader quotes.")
    rows = [row for row in TABLE if row.least == size]
    for row in rows:
        for checkpoint in checkpoints:
            if checkpoint.scheme == row.scheme:
                return checkpoint, row
    there = " and ".join(sorted({checkpoint.scheme for checkpoint in checkpoints}))
    wanted = " or ".join(row.scheme for row in rows)
    raise CannotServe(
        f"A card of {rows[0].card} GB has no room for the {there} weights that are there.",
        f"Use {wanted} weights: google/gemma-4-12B-it-qat-w4a16-ct is the int4 of the model's makers.",
    )


def _with_context(row: Row, checkpoint: Checkpoint, gpu: Gpu, context: int) -> Row:
    """The row with another context. Raises CannotServe, naming the longest that fits."""
    if context > checkpoint.max_context:
        early = checkpoint.max_context < FULL_CONTEXT
        hint = "The first published config.json said half of 262,144: copy the current one." if early else None
        raise CannotServe(f"config.json allows a context of {checkpoint.max_context:,} tokens, not {context:,}.", hint)
    longer = replace(row, context=context)
    if not fits(longer, checkpoint, gpu.memory):
        shorter = range(row.context, context, 4_096)
        longest = max(n for n in shorter if fits(replace(row, context=n), checkpoint, gpu.memory))
        said = f"A context of {context:,} tokens needs {needed_gib(longer, checkpoint):.1f} GiB on this card."
        raise CannotServe(said, f"There is room for {longest:,}; int4 weights would leave more.")
    return longer


def _memory_notes(gpu: Gpu, row: Row) -> list[str]:
    if gpu.used <= (1 - row.share) * gpu.memory:
        return []
    busy = f"Another program holds {gpu.used / MIB_A_GIB:.1f} GiB of the card's {gpu.memory / MIB_A_GIB:.1f}"
    return [f"{busy}: vLLM will not start unless {row.share:.0%} are free."]


def _context_notes(row: Row, checkpoint: Checkpoint) -> list[str]:
    if row.context < FULL_CONTEXT <= checkpoint.max_context:
        return [f"Prompts may have {row.context:,} tokens; --context allows more, up to {checkpoint.max_context:,}."]
    return []


def _arguments(row: Row, address: Address, drafter: Path | None) -> list[str]:
    """The flags of `vllm serve`. Why each of them: see the comments."""
    flags: list[tuple[str, object]] = [
        ("--served-model-name", address.model),
        ("--host", address.host),
        ("--port", address.port),
        ("--disable-fastapi-docs", None),
        ("--max-model-len", row.context),
        ("--max-num-seqs", row.sequences),
        ("--max-num-batched-tokens", row.batched),  # the default on small cards is one page a step
        ("--gpu-memory-utilization", row.share),
        # One clip, because vLLM 0.33 miscounts several; no video, whose worst case would reserve room that pages need.
        ("--limit-mm-per-prompt", {"image": IMAGES_A_PROMPT, "audio": 1, "video": 0}),
        ("--mm-processor-kwargs", {"max_soft_tokens": MAX_BUDGET}),  # the default of 280 garbles small print
        ("--trust-request-mm-kwargs", None),  # docqa asks for smaller images where they will do; it is the only client
        ("--mm-processor-cache-gb", 4),
        ("--allowed-media-domains", "invalid.local"),  # an empty list would allow every address
        ("--reasoning-parser", "gemma4"),
        ("--default-chat-template-kwargs", {"enable_thinking": False}),  # a thought before JSON escapes the grammar
        ("--structured-outputs-config", {"backend": "xgrammar", "disable_any_whitespace": True}),
        ("--scheduling-policy", "priority"),  # a person's question goes before a table that is being filled
        ("--enable-prompt-tokens-details", None),
    ]
    if not row.overlapped:
        flags.append(("--no-async-scheduling", None))
    if row.offload:
        flags.append(("--cpu-offload-gb", row.offload))
    if row.eager:
        flags.append(("--enforce-eager", None))
    if drafter is not None:
        flags.append(("--speculative-config", {"model": str(drafter), "num_speculative_tokens": DRAFTED_TOKENS}))
    return [part for flag, value in flags for part in ([flag] if value is None else [flag, _value(value)])]


def _value(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


# ── what nvidia-smi says ─────────────────────────────────────────────────────────────────────────────────────────────

QUERIES = ("index,name,memory.total,memory.used,compute_cap", "index,name,memory.total,memory.used")


def parse_gpus(untrusted_lines: str) -> list[Gpu]:
    """The cards in an answer to one of QUERIES as CSV without header and units; lines that say less are skipped."""
    return [gpu for line in untrusted_lines.splitlines() if (gpu := _gpu(line.split(","))) is not None]


def _gpu(fields: Sequence[str]) -> Gpu | None:
    """One line; None where it gives no memory, as on machines that share it with the processor."""
    index, name, memory, used, compute, *_ = [*(field.strip() for field in fields), *([""] * 5)]
    if not (index.isdecimal() and memory.isdecimal()):
        return None
    capability = re.fullmatch(r"(\d+)\.(\d+)", compute)
    return Gpu(
        index=int(index),
        name=name or "GPU",
        memory=int(memory),
        used=int(used) if used.isdecimal() else 0,
        compute=(int(capability[1]), int(capability[2])) if capability else None,
    )
