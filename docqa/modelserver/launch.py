"""Running what `plan` chose: the cards of this machine, vLLM's version, and the one exec.

vLLM lives in a venv of its own, because it wants another torch than docqa; it is never imported here, its version is
read from the metadata that lies beside its command. The process of `docqa model serve` becomes the server, so that
systemd, Ctrl+C and exit codes mean what they mean for vLLM itself.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from docqa.errors import CannotServe, PathMissing
from docqa.modelserver.plan import MIB_A_GIB, QUERIES, Gpu, Plan, parse_gpus

#: The first with the corrections that pages at budget 1120 and JSON from untrusted requests need (GHSA-5r3c-5x4v-8gjh,
#: CVE-2026-105757, vLLM's pull requests 47217 and 50539).
LEAST_VERSION = (0, 33)
ASKING_SECONDS = 15.0  #: for nvidia-smi, which wakes a sleeping card
KEY_VARIABLE = "VLLM_API_KEY"
#: Variables of our own environment that would open the server: a developer's endpoints, code from elsewhere.
NEVER_PASSED = ("VLLM_SERVER_DEV_MODE", "VLLM_PLUGINS", "VLLM_ALLOW_RUNTIME_LORA_UPDATING")


@dataclass(frozen=True, slots=True)
class Vllm:
    """An installed vLLM."""

    command: Path
    version: str


def gpus_here() -> list[Gpu]:
    """The cards that nvidia-smi tells of; none where there is no nvidia-smi or it fails."""
    for query in QUERIES:  # an old driver does not know the compute capability and refuses the whole question
        try:
            asked = subprocess.run(
                ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits"],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=ASKING_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return []
        if asked.returncode == 0:
            return parse_gpus(asked.stdout)
    return []


def choose_gpu(index: int | None, memory_gb: float | None) -> Gpu:
    """The card asked for, else the largest that is free; `memory_gb` says its size where nvidia-smi does not.

    Raises CannotServe.
    """
    cards = gpus_here()
    if memory_gb is not None:
        known = next((card for card in cards if card.index == (index or 0)), None)
        name = known.name if known else "GPU"
        return Gpu(index or 0, name, round(memory_gb * MIB_A_GIB), compute=known.compute if known else None)
    if not cards:
        raise CannotServe(
            "No NVIDIA card was found: nvidia-smi is not there, or tells of none.",
            "Give the memory of the card with --gpu-memory GB if there is one; docqa works without a server, too.",
        )
    if index is None:
        return max(cards, key=lambda card: (card.memory - card.used, -card.index))
    for card in cards:
        if card.index == index:
            return card
    raise CannotServe(f"There is no card {index}.", f"There are: {', '.join(f'{c.index} ({c.name})' for c in cards)}.")


def find_vllm(command: Path | None) -> Vllm:
    """The vLLM that would run, if it is new enough. Raises PathMissing, CannotServe."""
    if command is not None and not command.is_file():
        raise PathMissing(f"There is no file {command}.", "--vllm names the command, such as /opt/vllm/bin/vllm.")
    found = shutil.which("vllm" if command is None else command)
    if found is None:
        raise CannotServe(
            "The command vllm was not found." if command is None else f"{command} cannot be run.",
            'Install it in a venv of its own (pip install "vllm>=0.33") and name its command with --vllm.',
        )
    version = _version(Path(found))
    if version is None:
        raise CannotServe(
            f"The version of {found} cannot be told: there is no vllm-*.dist-info beside it.",
            "Name the command in the venv where vLLM is installed with --vllm.",
        )
    if not new_enough(version):
        raise CannotServe(
            f"vLLM {version} is too old: {LEAST_VERSION[0]}.{LEAST_VERSION[1]} or newer is needed.",
            "Older ones lose the text of large pages or can be stopped by a request; upgrade it in its venv.",
        )
    return Vllm(Path(found), version)


def new_enough(version: str) -> bool:
    """Whether a version is at least LEAST_VERSION; its own release candidates are not."""
    parts = re.match(r"(\d+)\.(\d+)((?:\.\d+)*)(\.?(?:a|b|rc|dev)\d*)?", version)
    if parts is None:
        return False
    release = (int(parts[1]), int(parts[2]))
    return release > LEAST_VERSION or (release == LEAST_VERSION and parts[4] is None)


def command_line(plan: Plan, vllm: str) -> str:
    """What is run, as it can be typed into a shell; the key stands in it as a variable."""
    variables = [f"{name}={shlex.quote(value)}" for name, value in sorted(plan.environment.items())]
    flags = [shlex.quote(argument) for argument in plan.arguments]
    lines = [" ".join(variables), f'{KEY_VARIABLE}="$DOCQA_MODEL__API_KEY"', f"{shlex.quote(vllm)} serve {flags[0]}"]
    return " \\\n  ".join([*lines, *_by_flag(flags[1:])])


def run(plan: Plan, vllm: Vllm, key: str) -> NoReturn:
    """Become the server. Raises CannotServe if it cannot be started, and returns never."""
    environment = {name: value for name, value in os.environ.items() if name not in NEVER_PASSED}
    environment |= plan.environment | {KEY_VARIABLE: key}
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(vllm.command, [str(vllm.command), "serve", *plan.arguments], environment)
    except OSError as error:
        raise CannotServe(f"{vllm.command} cannot be run: {error.strerror}.") from error


def _by_flag(arguments: list[str]) -> Iterator[str]:
    """One line a flag with its value."""
    line: list[str] = []
    for argument in arguments:
        if argument.startswith("--") and line:
            yield " ".join(line)
            line = []
        line.append(argument)
    yield " ".join(line)


def _version(command: Path) -> str | None:
    """The version beside a command: in the venv it lies in, or in that of the Python that runs it."""
    for root in (command.parent.parent, command.resolve().parent.parent, *_interpreter_root(command)):
        for metadata in sorted(root.glob("lib/python3*/*-packages/vllm-*.dist-info/METADATA")):
            for line in metadata.read_text(encoding="utf-8", errors="replace").splitlines():
                name, _, value = line.partition(":")
                if name.lower() == "version":
                    return value.strip()
    return None


def _interpreter_root(command: Path) -> Iterator[Path]:
    with command.open("rb") as stream:
        first = stream.readline(512).decode("utf-8", "replace")
    if first.startswith("#!/") and "python" in first:
        yield Path(first[2:].split()[0]).parent.parent
