"""What the README says of settings and commands is what the program does; sample_docs/ is what its maker makes."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from docqa.cli import main
from docqa.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_names_the_default_of_every_setting() -> None:
    block = README.split("The defaults:\n\n", 1)[1].split("\n\nA fields file", 1)[0]
    commented = re.compile(r"^# (\w+ =)", re.MULTILINE)  # shown, but with no default that could be written down
    said = tomllib.loads(textwrap.dedent(block))
    shown = tomllib.loads(commented.sub(r"\1", textwrap.dedent(block)))
    true = Settings().model_dump(mode="json", exclude={"store"})
    true["model"]["api_key"] = ""
    assert {s: shown[s].keys() for s in shown} == {s: true[s].keys() for s in true}
    for section, values in said.items():
        assert values == {name: true[section][name] for name in values}


def test_the_readme_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out.split("COMMAND\n", 1)[1]
    commands = re.findall(r"^    (\w+) ", listed, re.MULTILINE)
    assert commands
    for command in commands:
        assert f"docqa {command}" in README, command


def test_every_module_and_package_is_in_the_readme() -> None:
    where = README.split("\n## Where things are\n", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"\w+(?:\.py|/)", where))
    for package in ("docqa", "ingest", "ui"):
        for folder in [ROOT / package, *(ROOT / package).rglob("*/")]:
            if not (folder / "__init__.py").exists():
                continue
            assert f"{folder.name}/" in named, folder
            if package != "ui" and folder.name != "layout":  # only of these every module
                assert {module.name for module in folder.glob("[a-z]*.py")} <= named, folder


@pytest.mark.skipif(sys.platform != "linux", reason="fonts and encoders may give other bytes elsewhere")
def test_the_sample_documents_are_what_their_maker_makes() -> None:
    made = subprocess.run(
        [sys.executable, "tests/make_sample_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
