"""A sound folder of the 12B, what is planned for it, and the programs of a machine that could run it."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from docqa.modelserver.checkpoint import Checkpoint
from docqa.modelserver.plan import Address, Gpu, Plan, make_plan

ADDRESS = Address("127.0.0.1", 8000, "gemma-4-12b")
TOKENS = {"<|turn>": 105, "<turn|>": 106, "<|image>": 255999, "<|image|>": 258880, "<image|>": 258882}
INT4 = {"quant_method": "compressed-tensors", "config_groups": {"0": {"weights": {"type": "int", "num_bits": 4}}}}
FP8 = {"quant_method": "compressed-tensors", "config_groups": {"0": {"weights": {"type": "float", "num_bits": 8}}}}
QUANTIZED = {"bf16": None, "fp8": FP8, "int4": INT4}

#: The shape of google/gemma-4-12B-it, as its config.json has it.
TEXT = {
    "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 8,
    "max_position_embeddings": 262_144,
    "sliding_window": 1_024,
    "num_key_value_heads": 8,
    "num_global_key_value_heads": 1,
    "head_dim": 256,
    "global_head_dim": 512,
    "intermediate_size": 15_360,
}

#: What `nvidia-smi` says with an old driver, which refuses a question it does not know.
CARDS = """#!/bin/sh
case "$1" in *compute_cap*) exit 2;; esac
echo "0, Quadro, 8192, 0"
echo "1, NVIDIA L40S, 46068, 100"
"""

#: A vLLM that says what it was started with, and ends.
VLLM = f"""#!{sys.executable}
import json, os, sys
names = ("VLLM_API_KEY", "HF_HUB_OFFLINE", "VLLM_SERVER_DEV_MODE", "CUDA_VISIBLE_DEVICES")
print(json.dumps([sys.argv[1:], {{name: os.environ.get(name) for name in names}}]))
sys.exit(7)
"""


def weights(length: int = 16) -> bytes:
    header = json.dumps({"w": {"dtype": "BF16", "shape": [length // 2], "data_offsets": [0, length]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(length)


def put(folder: Path, name: str, value: object) -> None:
    (folder / name).write_text(json.dumps(value), encoding="utf-8")


def model_folder(folder: Path, scheme: str = "bf16") -> Path:
    """A sound folder with the small files of the 12B and a file that has the form of its weights."""
    folder.mkdir(parents=True)
    config = {"model_type": "gemma4_unified", "text_config": TEXT, "vision_config": {"num_soft_tokens": 280}}
    put(folder, "config.json", config | ({"quantization_config": QUANTIZED[scheme]} if QUANTIZED[scheme] else {}))
    added = [{"id": number, "content": token} for token, number in (TOKENS | {"<|audio|>": 258881}).items()]
    put(folder, "tokenizer.json", {"added_tokens": added})
    put(folder, "tokenizer_config.json", {})
    put(folder, "generation_config.json", {"eos_token_id": [1, 106, 50]})
    put(folder, "processor_config.json", {"image_processor": {"max_soft_tokens": 280}})
    (folder / "chat_template.jinja").write_text("<|turn>user\n<|image|>", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(weights())
    return folder


def no_drafter(_: Path) -> None:
    return None


def edit(name: str, change: Callable[[dict[str, object]], object]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        value = json.loads((folder / name).read_text(encoding="utf-8"))
        change(value)
        put(folder, name, value)

    return apply


def plan_for(checkpoint: Checkpoint, memory: int, **others: object) -> Plan:
    gpu = Gpu(0, "card", memory, compute=(8, 6))
    return make_plan([checkpoint], gpu, ADDRESS, no_drafter, **others)  # type: ignore[arg-type]


def flag(plan: Plan, name: str) -> str:
    return plan.arguments[plan.arguments.index(name) + 1]


def install(programs: Callable[[str, str], Path], version: str) -> Path:
    program = programs("vllm", VLLM)
    metadata = program.parent.parent / f"lib/python3.12/site-packages/vllm-{version}.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.4\nName: vllm\nVersion: {version}\n\nVersion: 9.9\n", encoding="utf-8")
    return program
