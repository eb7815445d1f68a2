"""Which settings a card gets: every row of the table has room, and what has none is refused with what would."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sound_model import ADDRESS, QUANTIZED, edit, flag, model_folder, no_drafter, plan_for, put

from docqa.errors import CannotServe
from docqa.modelserver.checkpoint import Checkpoint, check_drafter, find_drafter, read_checkpoint, read_checkpoints
from docqa.modelserver.plan import TABLE, Gpu, Row, fits, make_plan, needed_gib, parse_gpus


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


def test_a_card_that_is_in_use_is_said(shape: Checkpoint) -> None:
    busy = make_plan([shape], Gpu(0, "card", 46_068, used=20_480), ADDRESS, no_drafter)
    assert any("Another program holds 20.0 GiB" in note for note in busy.notes)
