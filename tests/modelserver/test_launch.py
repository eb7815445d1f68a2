"""Which card and which vLLM are taken, and which refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sound_model import CARDS, install

from docqa.errors import CannotServe, PathMissing
from docqa.modelserver.launch import choose_gpu, find_vllm, gpus_here, new_enough
from docqa.modelserver.plan import Gpu


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
