"""Whole answers over a real vLLM: a second question shares its prompt, and `docqa model check` is honest."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from asking import page_image
from vllm_server import KEY, VllmServer

from docqa.cli import main
from docqa.model import ModelClient
from docqa.modelserver.check import Outcome, prove
from docqa.readers import Conversation, Exchange, finished
from docqa.readers.vision import VisionReader
from docqa.settings import ModelSettings
from docqa.types import Evidence, Page

pytestmark = [pytest.mark.model, pytest.mark.timeout(900)]


def test_the_check_tells_what_works_and_that_this_model_cannot_read(settings: ModelSettings) -> None:
    found = {finding.name: finding for finding in prove(settings)}
    failed = {name for name, finding in found.items() if finding.outcome is not Outcome.OK}
    assert failed == {"version", "small print"}  # vLLM 0.32 in the tests; random weights read nothing
    assert "0 of 30 made-up words" in found["small print"].message
    assert "An A4 page costs 1,094 tokens" in found["image budget"].message


def test_a_budget_that_is_too_small_is_noticed(settings: ModelSettings) -> None:
    found = {finding.name: finding for finding in prove(settings.model_copy(update={"image_budget": 280}))}
    assert found["image budget"].outcome is Outcome.FAILED
    assert "268 tokens, not 1,094" in found["image budget"].message


def test_the_command_reports_it(server: VllmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toml = f'[model]\nbase_url = "{server.url}"\napi_key = "{KEY}"\nread_timeout = 300.0\n'
    (tmp_path / "docqa.toml").write_text(toml, encoding="utf-8")
    assert main(["model", "check", "--json", "--store", str(tmp_path)]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["outcome"] for line in lines} == {"ok", "failed"}
    assert all(line["hint"] for line in lines if line["outcome"] == "failed")


def test_a_second_question_on_the_same_pages_is_mostly_computed_already(
    settings: ModelSettings, make_page: Callable[[str, int, str], Page], record_property: Callable[[str, object], None]
) -> None:
    """The goal of the product is a share of 0.8; what was measured goes into the report."""
    text = "\n".join(f"{line}. The rent of flat {line} is {line * 37} EUR a month." for line in range(1, 40))
    pages = [make_page("d" * 64, number, text) for number in (1, 2, 3)]
    evidence = [Evidence(page, "lease.pdf", partial(page_image, f"lease {page.number}")) for page in pages]
    brief = settings.model_copy(update={"max_tokens": 64})
    client = ModelClient(brief)
    reader = VisionReader(client, brief)
    first = finished(reader.answer("What is the rent of flat 7?", evidence))
    history = Conversation((Exchange("What is the rent of flat 7?", first.text or "259 EUR"),), tuple(evidence))
    second = finished(reader.answer("And that of flat 8?", evidence, history))
    client.close()
    assert second.usage is not None and second.usage.cached_share is not None
    record_property("cached_share", second.usage.cached_share)
    print(f"\n{second.usage.cached_tokens} of {second.usage.prompt_tokens} tokens were cached")
    assert second.usage.cached_share >= 0.8
