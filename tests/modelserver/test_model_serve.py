"""`docqa model serve`: what is printed can be typed, and is what is run."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sound_model import CARDS, install, plan_for, put

from docqa.cli import main
from docqa.errors import BadSettings
from docqa.modelserver.checkpoint import Checkpoint
from docqa.modelserver.launch import command_line


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
