"""The commands `docqa model serve` and `docqa model check`."""

from __future__ import annotations

import argparse
import secrets
import sys
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from docqa.commands import Commands, emit, settings_of
from docqa.errors import BadSettings, CannotServe
from docqa.modelserver.check import Outcome, prove
from docqa.modelserver.checkpoint import FULL_CONTEXT, check_drafter, find_drafter, read_checkpoints
from docqa.modelserver.launch import choose_gpu, command_line, find_vllm, run
from docqa.modelserver.plan import MIB_A_GIB, Address, Plan, make_plan
from docqa.settings import ModelSettings, Settings

DEFAULT_PORT = 8000
LEAST_CONTEXT = 4_096  #: tokens; one page, its text, the question and an answer
MARKS = {Outcome.OK: "ok           ", Outcome.FAILED: "FAILED       ", Outcome.UNSUPPORTED: "not supported"}
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def register(commands: Commands) -> None:
    """Add the commands to the command line."""
    group = commands.group("model", "the model server: start it on this machine's GPU, prove a running one")
    serve = group.add("serve", _serve, "start vLLM with the settings for this GPU, reachable from this machine only")
    serve.add_argument("--model", type=Path, metavar="FOLDER", help="a model, or several in a folder of folders")
    serve.add_argument("--drafter", type=Path, metavar="FOLDER", help="default: the one beside the model, if any")
    serve.add_argument("--no-drafter", action="store_true", help="do not use the drafter beside the model")
    serve.add_argument("--vllm", type=Path, metavar="COMMAND", help="vLLM's command (default: vllm on the PATH)")
    serve.add_argument("--gpu", type=int, metavar="N", help="which card (default: the one with the most free memory)")
    serve.add_argument("--gpu-memory", type=_gigabytes, metavar="GB", help="its memory, where nvidia-smi is wrong")
    serve.add_argument("--context", type=_tokens, metavar="TOKENS", help="longest prompt with its answer (to 262144)")
    serve.add_argument("--port", type=_port, help=f"default: that of model.base_url, else {DEFAULT_PORT}")
    serve.add_argument("--print", action="store_true", dest="only_print", help="print the command, run nothing")
    group.add("check", _check, "have the running server show that it can do what answers depend on")


def _check(arguments: argparse.Namespace) -> int:
    """One line for each thing the server was asked to show; 1 if it does one of them wrongly."""
    fine = True
    for finding in prove(settings_of(arguments).model):
        fine = fine and finding.outcome is not Outcome.FAILED
        if arguments.json:
            emit(asdict(finding))
        else:
            print(f"{MARKS[finding.outcome]}  {finding.name}: {finding.message} {finding.hint}".rstrip(), flush=True)
    return 0 if fine else 1


def _serve(arguments: argparse.Namespace) -> int:
    """Print the command and become it."""
    settings = settings_of(arguments)
    plan = _plan(arguments, settings)
    wanted = arguments.vllm or settings.model_server.vllm
    _tell(plan, str(wanted or "vllm"), arguments.json)
    if arguments.only_print:
        return 0
    vllm = find_vllm(wanted)
    if plan.checkpoint.traps:
        said = f"{plan.checkpoint.folder} is not sound: see above."
        raise CannotServe(said, "Mend it; who knows better runs the command that --print prints.")
    run(plan, vllm, _key(settings.model))


def _tell(plan: Plan, vllm: str, as_json: bool) -> None:
    """The command on standard output, what there is to know about it on standard error."""
    card = f"{plan.gpu.name} with {plan.gpu.memory / MIB_A_GIB:.0f} GiB, settings for {plan.row.card} GB"
    drafter = "with" if plan.drafter else "without"
    print(f"{card}: {plan.row.scheme} weights {drafter} a drafter.", file=sys.stderr)
    for note in plan.notes:
        print(note, file=sys.stderr)
    for trap in plan.checkpoint.traps:
        print(f"PROBLEM  {trap.message} {trap.hint}", file=sys.stderr)
    if as_json:
        emit(_as_json(plan, vllm))
    else:
        print(command_line(plan, vllm), flush=True)


def _plan(arguments: argparse.Namespace, settings: Settings) -> Plan:
    folder = arguments.model or settings.model_server.folder
    if folder is None:
        raise BadSettings("No model is named.", "Name its folder with --model, or set model_server.folder.")
    named = arguments.drafter or settings.model_server.drafter

    def drafter_of(checkpoint: Path) -> Path | None:
        if arguments.no_drafter:
            return None
        return find_drafter(checkpoint) if named is None else check_drafter(named)

    checkpoints = read_checkpoints(folder)
    gpu = choose_gpu(arguments.gpu, arguments.gpu_memory)
    return make_plan(checkpoints, gpu, _address(arguments.port, settings.model), drafter_of, arguments.context)


def _address(port: int | None, model: ModelSettings) -> Address:
    """Where docqa itself will look for the server, if that is on this machine; never reachable from another."""
    try:
        url = urlsplit(model.base_url or "")
        ours = url.port if url.hostname in LOOPBACK else None
    except ValueError as error:
        raise BadSettings(f"model.base_url is not an address: {error}.") from error
    return Address("127.0.0.1", port or ours or DEFAULT_PORT, model.name)


def _key(model: ModelSettings) -> str:
    """The key that clients must show. Raises BadSettings where there is none."""
    key = model.api_key.get_secret_value()
    if not key:
        raise BadSettings(
            "No key is set: every program on this machine could use the server.",
            f'Set model.api_key, for example to this one, made just now: "{secrets.token_urlsafe(24)}"',
        )
    return key


def _as_json(plan: Plan, vllm: str) -> dict[str, object]:
    return {
        "command": [vllm, "serve", *plan.arguments],
        "environment": plan.environment,
        "gpu": asdict(plan.gpu),
        "settings": asdict(plan.row),
        "notes": plan.notes,
        "traps": [asdict(trap) for trap in plan.checkpoint.traps],
    }


def _gigabytes(text: str) -> float:
    try:
        memory = float(text)
    except ValueError:
        memory = 0.0
    if not 1 <= memory <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} is not the memory of a card in GB")
    return memory


def _tokens(text: str) -> int:
    if not text.isdecimal() or not LEAST_CONTEXT <= int(text) <= FULL_CONTEXT:
        raise argparse.ArgumentTypeError(f"{text} is not a number of tokens from {LEAST_CONTEXT} to {FULL_CONTEXT}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port")
    return int(text)
