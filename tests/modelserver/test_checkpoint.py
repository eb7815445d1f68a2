"""A model's folder: a sound one has no traps, every known fault of one is named."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from sound_model import FP8, INT4, edit, model_folder, put, weights

from docqa.errors import CannotServe, PathMissing
from docqa.modelserver.checkpoint import read_checkpoint


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


TRAPS = {
    "no soft tokens": (edit("config.json", lambda c: c.pop("vision_config")), "vision_config.num_soft_tokens"),
    "saved by another transformers": (
        edit("config.json", lambda c: c["text_config"].pop("global_head_dim")),  # type: ignore[attr-defined]
        "global_head_dim",
    ),
    "no tokenizer": (remove("tokenizer.json"), "no usable tokenizer.json"),
    "a tokenizer of another model": (write("tokenizer.json", b'{"added_tokens": []}'), "does not know <|turn>"),
    "no template": (remove("chat_template.jinja"), "no chat template"),
    "another template": (write("chat_template.jinja", b"<start_of_turn>"), "not Gemma 4's"),
    "no generation settings": (remove("generation_config.json"), "does not end an answer at <turn|>"),
    "other ends": (write("generation_config.json", b'{"eos_token_id": 1}'), "does not end an answer at <turn|>"),
    "no processor": (remove("processor_config.json"), "images cannot be prepared"),
    "no such budget": (
        write("preprocessor_config.json", b'{"max_soft_tokens": 300}'),
        "max_soft_tokens is 300",
    ),
    "no weights": (remove("model.safetensors"), "no weights"),
    "a missing part": (
        write(
            "model.safetensors.index.json", b'{"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}'
        ),
        "1 files of the weights are missing, the first is model-2.safetensors",
    ),
    "weights cut off": (write("model.safetensors", weights()[:-1]), "is cut off"),
    "a pointer": (write("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n"), "pointer of Git LFS"),
    "no weights file": (write("model.safetensors", b"<html>not found</html>"), "is not a weights file"),
    "an odd header": (write("model.safetensors", struct.pack("<Q", 4) + b"[{}]"), "is not a weights file"),
    "an empty file": (write("model.safetensors", b""), "is not a weights file"),
}


def test_a_sound_folder_has_no_traps(tmp_path: Path) -> None:
    assert read_checkpoint(model_folder(tmp_path / "model")).traps == ()
    inside = model_folder(tmp_path / "template inside")
    (inside / "chat_template.jinja").unlink()
    put(inside, "tokenizer_config.json", {"chat_template": "<|turn>user\n<|image|>"})
    assert read_checkpoint(inside).traps == ()


@pytest.mark.parametrize(("spoil", "said"), TRAPS.values(), ids=TRAPS)
def test_a_known_fault_of_a_folder_is_named(spoil: Callable[[Path], object], said: str, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    spoil(folder)
    (trap,) = read_checkpoint(folder).traps
    assert said in trap.message
    assert trap.hint


def test_a_folder_that_holds_no_such_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PathMissing):
        read_checkpoint(tmp_path / "nowhere")
    folder = model_folder(tmp_path / "model")
    put(folder, "config.json", {"model_type": "gemma3"})
    with pytest.raises(CannotServe, match="gemma3, not Gemma 4 12B"):
        read_checkpoint(folder)
    for content in (b"[", b"[]", b"\xff", b'{"model_type": 4}', b'{"text_config": "x"}'):
        (folder / "config.json").write_bytes(content)
        with pytest.raises(CannotServe):
            read_checkpoint(folder)


@pytest.mark.parametrize(
    ("quantization", "scheme"),
    [(INT4, "int4"), (FP8, "fp8"), ({"quant_method": "fp8"}, "fp8"), ({"quant_method": "modelopt"}, None)],
)
def test_how_the_weights_are_quantised(quantization: object, scheme: str | None, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    edit("config.json", lambda config: config.update(quantization_config=quantization))(folder)
    if scheme is None:
        with pytest.raises(CannotServe, match=r"no settings for \(modelopt\)"):
            read_checkpoint(folder)
    else:
        assert read_checkpoint(folder).scheme == scheme
