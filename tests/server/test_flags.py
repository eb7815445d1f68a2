"""What `docqa model serve` would run on every card, given to vLLM's own parser: a flag that was renamed shows here."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from docqa.modelserver.checkpoint import read_checkpoint
from docqa.modelserver.plan import TABLE, Address, Gpu, make_plan

pytestmark = [pytest.mark.model, pytest.mark.timeout(600)]

PARSE = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = make_arg_parser(FlexibleArgumentParser())
for arguments in json.load(sys.stdin):
    parsed = parser.parse_args(arguments)
    validate_parsed_serve_args(parsed)
    names = "model_tag", "host", "max_model_len", "async_scheduling", "cpu_offload_gb", "scheduling_policy"
    print(json.dumps([str(getattr(parsed, name)) for name in names]))
"""


def test_vllm_knows_the_flags_of_every_row(venv: Path, tiny_model: Path) -> None:
    checkpoint = read_checkpoint(tiny_model)
    plans = [
        make_plan(
            [replace(checkpoint, scheme=row.scheme)],
            Gpu(0, "card", row.least),
            Address("127.0.0.1", 8000, "gemma"),
            lambda _: tiny_model,
        )
        for row in TABLE
    ]
    assert any("--speculative-config" in plan.arguments for plan in plans)
    parsed = subprocess.run(
        [venv / "bin" / "python", "-c", PARSE],
        input=json.dumps([plan.arguments for plan in plans]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert parsed.returncode == 0, parsed.stderr[-3_000:]
    read = [json.loads(line) for line in parsed.stdout.splitlines() if line.startswith("[")]
    assert read == [
        [
            str(checkpoint.folder),
            "127.0.0.1",
            str(row.context),
            "None" if row.overlapped else "False",
            str(float(row.offload)) if row.offload else "0",
            "priority",
        ]
        for row in TABLE
    ]
