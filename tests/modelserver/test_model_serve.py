"""`docqa model serve`: every row of its table has room, every known fault is named, what is run is what was printed."""

from __future__ import annotations

import json
import os
import shlex
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from docqa.cli import main
from docqa.errors import BadSettings, CannotServe, PathMissing
from docqa.modelserver.checkpoint import Checkpoint, check_drafter, find_drafter, read_checkpoint, read_checkpoints
from docqa.modelserver.launch import choose_gpu, command_line, find_vllm, gpus_here, new_enough
from docqa.modelserver.plan import TABLE, Address, Gpu, Plan, Row, fits, make_plan, needed_gib, parse_gpus

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


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return read_checkpoint(model_folder(tmp_path_factory.mktemp("shape") / "model"))


def plan_for(checkpoint: Checkpoint, memory: int, **others: object) -> Plan:
    gpu = Gpu(0, "card", memory, compute=(8, 6))
    return make_plan([checkpoint], gpu, ADDRESS, no_drafter, **others)  # type: ignore[arg-type]


def flag(plan: Plan, name: str) -> str:
    return plan.arguments[plan.arguments.index(name) + 1]


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_sum_agrees_with_what_was_measured_on_a_card_of_24_gb(shape: Checkpoint) -> None:
    """0.90 of an RTX 3090 with int4 weights left 11.0 GiB for the KV cache; a sequence of 128k took 3.1 of them."""
    row = Row(24, 0, "int4", context=131_072, sequences=1, batched=2_048, share=0.90, overlapped=False)
    assert shape.global_bytes == pytest.approx(16.4e3, rel=0.01)
    cache = needed_gib(row, shape) - needed_gib(replace(row, context=1, batched=1), shape)
    assert cache == pytest.approx(3.1, abs=0.15)
    left = 0.90 * 24 - (needed_gib(row, shape) - cache)
    assert left == pytest.approx(11.0, abs=0.2)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.card} GB {row.scheme}")
def test_every_row_has_room_on_the_smallest_of_its_cards(row: Row, shape: Checkpoint) -> None:
    checkpoint = replace(shape, scheme=row.scheme)
    assert fits(row, checkpoint, row.least)
    plan = plan_for(checkpoint, row.least)
    assert plan.row == row
    assert flag(plan, "--max-model-len") == str(row.context)
    assert flag(plan, "--max-num-batched-tokens") == str(row.batched)
    assert row.batched >= (4_096 if row.card == 12 else 8_192)  # three pages a step, or seven


def test_the_table_has_a_row_for_every_card_there_is() -> None:
    assert sorted({row.card for row in TABLE}) == [12, 16, 24, 48, 80, 141]
    assert len({(row.card, row.scheme) for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert row.least < row.card * 1024  # cards show less than they are called by
        assert row.context < 262_144  # the full context only on request


@pytest.mark.parametrize(
    ("memory", "card"),
    [(12_282, 12), (15_360, 12), (16_376, 16), (23_028, 24), (24_564, 24), (40_960, 24), (46_068, 48), (81_559, 80)],
    ids=str,
)
def test_a_card_gets_the_row_of_its_size_or_of_the_next_smaller(memory: int, card: int, shape: Checkpoint) -> None:
    assert plan_for(replace(shape, scheme="int4"), memory).row.card == card


def test_of_several_checkpoints_the_best_that_fits_is_taken(tmp_path: Path) -> None:
    for scheme in QUANTIZED:
        model_folder(tmp_path / scheme, scheme)
    model_folder(tmp_path / "other")
    put(tmp_path / "other", "config.json", {"model_type": "llama"})
    (tmp_path / "other" / "inside").mkdir()
    odd = model_folder(tmp_path / "nvfp4")
    edit("config.json", lambda config: config.update(quantization_config={"quant_method": "modelopt"}))(odd)
    found = read_checkpoints(tmp_path)
    assert [checkpoint.scheme for checkpoint in found] == ["bf16", "fp8", "int4"]
    for memory, scheme in ((16_376, "int4"), (24_564, "fp8"), (46_068, "bf16")):
        plan = make_plan(found, Gpu(0, "card", memory), ADDRESS, no_drafter)
        assert plan.arguments[0] == str(tmp_path / scheme)
    with pytest.raises(CannotServe, match=r"no settings for \(modelopt\)"):
        read_checkpoints(odd)
    with pytest.raises(CannotServe, match="no Gemma 4 12B in"):
        read_checkpoints(odd.parent / "other" / "inside")


def test_what_has_no_room_is_refused_with_what_would(shape: Checkpoint) -> None:
    with pytest.raises(CannotServe, match="16 GB has no room for the bf16 weights") as refused:
        plan_for(shape, 16_376)
    assert "int4" in refused.value.hint
    with pytest.raises(CannotServe, match="8.0 GiB of memory; the smallest"):
        plan_for(shape, 8_192)
    with pytest.raises(CannotServe, match="compute capability 7.5"):
        make_plan([shape], Gpu(0, "Tesla T4", 81_920, compute=(7, 5)), ADDRESS, no_drafter)


def test_the_full_context_comes_on_request_where_there_is_room(shape: Checkpoint) -> None:
    int4 = replace(shape, scheme="int4")
    assert flag(plan_for(int4, 24_564), "--max-model-len") == "65536"
    assert flag(plan_for(int4, 24_564, context=262_144), "--max-model-len") == "262144"
    with pytest.raises(CannotServe, match="262,144 tokens needs") as refused:
        plan_for(int4, 16_376, context=262_144)
    longest = int(refused.value.hint.split(";")[0].rsplit(" ", 1)[1].replace(",", ""))
    assert plan_for(int4, 16_376, context=longest).row.context == longest > 32_768
    with pytest.raises(CannotServe, match="allows a context of 131,072"):
        plan_for(replace(int4, max_context=131_072), 24_564, context=262_144)


def test_the_drafter_is_used_where_it_lies_beside_the_model_and_fits(tmp_path: Path, shape: Checkpoint) -> None:
    model = model_folder(tmp_path / "gemma-4-12B-it-qat-w4a16-ct", "int4")
    for name in ("gemma-4-12B-it-qat-q4_0-assistant", "another-assistant"):
        (tmp_path / name).mkdir()
        put(tmp_path / name, "config.json", {"model_type": "gemma4_unified_assistant"})
    (tmp_path / "notes.txt").write_text("not a folder", encoding="utf-8")
    drafter = find_drafter(model)
    assert drafter == tmp_path / "gemma-4-12B-it-qat-q4_0-assistant"
    int4 = read_checkpoint(model)
    plan = make_plan([int4], Gpu(0, "card", 24_564), ADDRESS, find_drafter)
    assert json.loads(flag(plan, "--speculative-config")) == {"model": str(drafter), "num_speculative_tokens": 4}
    small = make_plan([int4], Gpu(0, "card", 16_376), ADDRESS, find_drafter)
    assert "--speculative-config" not in small.arguments
    assert any("drafter is left out" in note for note in small.notes)
    assert check_drafter(tmp_path / "another-assistant").name == "another-assistant"
    with pytest.raises(CannotServe, match="does not hold a drafter"):
        check_drafter(model)


def test_the_settings_that_keep_the_server_closed_and_the_pages_readable(shape: Checkpoint) -> None:
    plan = plan_for(shape, 46_068)
    assert flag(plan, "--host") == "127.0.0.1"
    assert json.loads(flag(plan, "--mm-processor-kwargs")) == {"max_soft_tokens": 1120}
    assert json.loads(flag(plan, "--limit-mm-per-prompt")) == {"image": 16, "audio": 1, "video": 0}
    assert json.loads(flag(plan, "--structured-outputs-config"))["disable_any_whitespace"] is True
    assert json.loads(flag(plan, "--default-chat-template-kwargs")) == {"enable_thinking": False}
    assert flag(plan, "--scheduling-policy") == "priority"
    assert flag(plan, "--allowed-media-domains") == "invalid.local"
    assert not {"--allowed-local-media-path", "--trust-remote-code", "--api-key"} & set(plan.arguments)
    assert plan.environment["HF_HUB_OFFLINE"] == plan.environment["VLLM_NO_USAGE_STATS"] == "1"
    assert plan.environment["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"


# ── what is wrong with a folder ──────────────────────────────────────────────────────────────────────────────────────


def edit(name: str, change: Callable[[dict[str, object]], object]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        value = json.loads((folder / name).read_text(encoding="utf-8"))
        change(value)
        put(folder, name, value)

    return apply


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


# ── the cards ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_nvidia_smi_says_is_read_as_far_as_it_makes_sense() -> None:
    said = """0, NVIDIA GeForce RTX 3090, 24576, 412, 8.6
1, NVIDIA A10, 23028, [N/A], 8.6
2, NVIDIA GB10, [N/A], [N/A], 12.1
Failed to initialize NVML: Driver/library version mismatch
3, Tesla T4, 15360, 0"""
    assert parse_gpus(said) == [
        Gpu(0, "NVIDIA GeForce RTX 3090", 24_576, 412, (8, 6)),
        Gpu(1, "NVIDIA A10", 23_028, 0, (8, 6)),
        Gpu(3, "Tesla T4", 15_360),
    ]
    assert parse_gpus("") == parse_gpus(",,,,,,\n\n") == []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """`programs(name, script)` puts a program on the PATH, before all others."""
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def add(name: str, script: str) -> Path:
        program = folder / name
        program.write_text(script, encoding="utf-8")
        program.chmod(0o755)
        return program

    return add


CARDS = """#!/bin/sh
case "$1" in *compute_cap*) exit 2;; esac
echo "0, Quadro, 8192, 0"
echo "1, NVIDIA L40S, 46068, 100"
"""


def test_the_largest_card_is_chosen_unless_one_is_named(programs: Callable[[str, str], Path]) -> None:
    programs("nvidia-smi", CARDS)  # an old driver, which refuses a question it does not know
    assert choose_gpu(None, None) == Gpu(1, "NVIDIA L40S", 46_068, 100)
    assert choose_gpu(0, None).name == "Quadro"
    assert choose_gpu(None, 24) == Gpu(0, "Quadro", 24_576)
    with pytest.raises(CannotServe, match="no card 2"):
        choose_gpu(2, None)


def test_without_a_card_the_memory_can_be_given(programs: Callable[[str, str], Path]) -> None:
    programs("nvidia-smi", "#!/bin/sh\nexit 9\n")
    assert gpus_here() == []
    with pytest.raises(CannotServe, match="No NVIDIA card"):
        choose_gpu(None, None)
    assert choose_gpu(None, 141).memory == 144_384


def test_a_card_that_is_in_use_is_said(shape: Checkpoint) -> None:
    busy = make_plan([shape], Gpu(0, "card", 46_068, used=20_480), ADDRESS, no_drafter)
    assert any("Another program holds 20.0 GiB" in note for note in busy.notes)


# ── vLLM and what is run ─────────────────────────────────────────────────────────────────────────────────────────────

VLLM = f"""#!{sys.executable}
import json, os, sys
names = ("VLLM_API_KEY", "HF_HUB_OFFLINE", "VLLM_SERVER_DEV_MODE", "CUDA_VISIBLE_DEVICES")
print(json.dumps([sys.argv[1:], {{name: os.environ.get(name) for name in names}}]))
sys.exit(7)
"""


def install(programs: Callable[[str, str], Path], version: str) -> Path:
    program = programs("vllm", VLLM)
    metadata = program.parent.parent / f"lib/python3.12/site-packages/vllm-{version}.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.4\nName: vllm\nVersion: {version}\n\nVersion: 9.9\n", encoding="utf-8")
    return program


@pytest.mark.parametrize("version", ["0.33.0", "0.33.1+cu130", "0.40.2", "1.0", "0.33.0.post1", "0.34.0rc1"])
def test_versions_that_will_do(version: str) -> None:
    assert new_enough(version)


@pytest.mark.parametrize("version", ["0.32.9", "0.9.2", "0.33.0rc2", "0.33.0.dev12+gabc", "unknown", ""])
def test_versions_that_are_refused(version: str) -> None:
    assert not new_enough(version)


def test_the_version_is_read_beside_the_command(programs: Callable[[str, str], Path], tmp_path: Path) -> None:
    program = install(programs, "0.33.0")
    assert find_vllm(None).version == "0.33.0"
    link = tmp_path / "vllm"
    link.symlink_to(program)
    assert find_vllm(link).version == "0.33.0"
    wrapper = tmp_path / "elsewhere" / "vllm"
    wrapper.parent.mkdir()
    wrapper.write_text(f"#!{program.parent}/python\n", encoding="utf-8")
    wrapper.chmod(0o755)
    assert find_vllm(wrapper).version == "0.33.0"


def test_a_vllm_that_is_old_absent_or_unknown_is_refused(
    programs: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs, "0.32.0")
    with pytest.raises(CannotServe, match=r"vLLM 0\.32\.0 is too old: 0\.33 or newer"):
        find_vllm(None)
    lonely = tmp_path / "vllm"
    lonely.write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(CannotServe, match="cannot be run"):
        find_vllm(lonely)
    lonely.chmod(0o755)
    with pytest.raises(CannotServe, match="version of .* cannot be told"):
        find_vllm(lonely)
    with pytest.raises(PathMissing):
        find_vllm(tmp_path / "nothing")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(CannotServe, match="vllm was not found"):
        find_vllm(None)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    settings = f"""
model = {{base_url = "http://localhost:8123/v1", name = "gemma", api_key = "a secret"}}
model_server = {{folder = "{model_folder(tmp_path / "model")}"}}
"""
    (folder / "docqa.toml").write_text(settings, encoding="utf-8")
    return folder


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """`said(*arguments)` runs `docqa model serve`: its exit code, what it printed, and its complaints."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main(["model", "serve", *arguments])
        out, err = capfd.readouterr()
        return code, out, err

    yield run


def test_what_is_printed_can_be_typed(
    said: Callable[..., tuple[int, str, str]], store: Path, shape: Checkpoint
) -> None:
    code, out, err = said("--print", "--gpu-memory", "48", "--store", str(store))
    assert code == 0
    assert "48 GiB, settings for 48 GB: bf16 weights without a drafter" in err
    words = shlex.split(out.replace("\\\n", ""))
    assert words[words.index("--port") + 1] == "8123"  # where docqa itself looks
    assert words[words.index("--served-model-name") + 1] == "gemma"
    assert json.loads(words[words.index("--limit-mm-per-prompt") + 1])["image"] == 16
    assert "a secret" not in out + err
    assert 'VLLM_API_KEY="$DOCQA_MODEL__API_KEY"' in out
    plan = plan_for(shape, 46_068)
    assert shlex.split(command_line(plan, "vllm").replace("\\\n", ""))[-len(plan.arguments) :] == list(plan.arguments)


def test_as_json_the_command_stands_in_parts(said: Callable[..., tuple[int, str, str]], store: Path) -> None:
    code, out, _ = said("--print", "--json", "--gpu-memory", "80", "--context", "262144", "--store", str(store))
    printed = json.loads(out)
    assert code == 0
    assert printed["command"][:2] == ["vllm", "serve"]
    assert printed["settings"]["context"] == 262_144
    assert printed["environment"]["DO_NOT_TRACK"] == "1"
    assert printed["traps"] == []


def test_the_command_becomes_the_server(programs: Callable[[str, str], Path], store: Path) -> None:
    programs("nvidia-smi", CARDS)
    install(programs, "0.33.0")
    environment = os.environ | {"VLLM_SERVER_DEV_MODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "docqa", "model", "serve", "--store", str(store)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert ran.returncode == 7, ran.stderr  # the server's own
    printed, _, received = ran.stdout.rpartition("\n[")
    arguments, variables = json.loads(f"[{received}")
    typed = shlex.split(printed.replace("\\\n", ""))
    assert typed[typed.index("vllm") + 1 :] == arguments
    assert arguments[0] == "serve"
    assert variables == {
        "VLLM_API_KEY": "a secret",
        "HF_HUB_OFFLINE": "1",
        "VLLM_SERVER_DEV_MODE": None,
        "CUDA_VISIBLE_DEVICES": "1",
    }


def test_nothing_is_run_that_is_known_to_fail(
    said: Callable[..., tuple[int, str, str]],
    programs: Callable[[str, str], Path],
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve = ("--gpu-memory", "48", "--store", str(store))
    install(programs, "0.32.1")
    code, _, err = said(*serve)
    assert (code, "vLLM 0.32.1 is too old" in err) == (2, True)
    old = tmp_path / "venv/lib/python3.12/site-packages/vllm-0.32.1.dist-info"
    (old / "METADATA").write_text("Version: 0.33.0\n", encoding="utf-8")
    (tmp_path / "model" / "generation_config.json").unlink()
    code, _, err = said(*serve)
    assert code == 2
    assert "PROBLEM  generation_config.json does not end an answer" in err
    assert "is not sound" in err
    put(tmp_path / "model", "generation_config.json", {"eos_token_id": [106]})
    monkeypatch.setenv("DOCQA_MODEL__API_KEY", "")
    code, _, err = said(*serve)
    assert (code, "No key is set" in err) == (2, True)


def test_arguments_that_mean_nothing(said: Callable[..., tuple[int, str, str]], store: Path, tmp_path: Path) -> None:
    for wrong in (["--gpu-memory", "lots"], ["--context", "12"], ["--context", "300000"], ["--port", "0"]):
        with pytest.raises(SystemExit):
            said("--print", *wrong, "--store", str(store))
    code, _, err = said("--print", "--gpu-memory", "48", "--store", str(tmp_path / "other"))
    assert (code, "No model is named" in err) == (BadSettings.exit_code, True)
    code, _, err = said("--print", "--gpu-memory", "48", "--model", str(tmp_path / "venv"), "--store", str(store))
    assert code == 2
