"""What the modules that add commands share: where they register, the settings they run with, how they print JSON.

Not here: the commands themselves, and errors becoming exit codes (`docqa.cli`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from docqa.doctor import Probe
from docqa.settings import Settings, load_settings

READERS = ("auto", "quote", "vision")


class Commands:
    """Where a package registers its commands; each gets --store and --json."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.probes: list[tuple[str, Probe]] = []  #: what `docqa doctor` looks at besides its own checks
        self._subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
        self._common = argparse.ArgumentParser(add_help=False)
        self._common.add_argument("--store", type=Path, metavar="DIR", default=argparse.SUPPRESS)
        self._common.add_argument("--json", action="store_true", help="print JSON on standard output")

    def add(self, name: str, run: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
        """Add a command; `run` gets the parsed arguments and returns the exit code."""
        parser = self._subparsers.add_parser(name, help=summary, description=summary, parents=[self._common])
        parser.set_defaults(run=run)
        return parser

    def add_probe(self, name: str, probe: Probe) -> None:
        """Add a check to `docqa doctor`; an error of docqa that it raises becomes its outcome."""
        self.probes.append((name, probe))

    def group(self, name: str, summary: str) -> Commands:
        """Add a command that has commands of its own, such as `docqa eval qa`."""
        return Commands(self._subparsers.add_parser(name, help=summary, description=summary))


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of the store a command was given."""
    return load_settings(arguments.store)


def emit(value: object) -> None:
    """One line of JSON on standard output."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def add_reader(parser: argparse.ArgumentParser) -> None:
    """The choice of who reads, for commands that read pages."""
    parser.add_argument(
        "--reader", choices=READERS, default="auto", help="quote: built in; vision: the model server (default: auto)"
    )
