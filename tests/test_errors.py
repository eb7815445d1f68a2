"""The tree of errors: the drawing at the top of the module is the tree, and every kind can be told from the others."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from docqa import errors
from docqa.errors import DocqaError, DocumentError, ModelError, StoreError, UsageError
from docqa.types import Problem

DRAWING = (errors.__doc__ or "").split("\n\n")[1]
EXITS = {DocqaError: 1, UsageError: 2, DocumentError: 3, ModelError: 4, StoreError: 5}


def below(kind: type[DocqaError]) -> Iterator[type[DocqaError]]:
    """A class and all that come from it, as far as this module defines them."""
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from below(child)


ALL = list(below(DocqaError))


def drawn() -> Iterator[tuple[int, str, str]]:
    """(depth, class, what the line says beside it) of every class in the drawing."""
    for line in DRAWING.splitlines():
        branch = re.match(r"[│├└─ ]*", line)
        assert branch is not None
        names, _, beside = line[branch.end() :].partition("  ")
        for name in names.split(" · "):
            yield branch.end() // 4, name.strip(), beside.strip()


def test_the_drawing_names_every_class_once() -> None:
    assert Counter(name for _, name, _ in drawn()) == Counter(kind.__name__ for kind in ALL)
    defined = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
    assert set(defined) == set(ALL)  # no exception stands beside the tree


def test_the_drawing_hangs_every_class_under_its_parent() -> None:
    parents: dict[int, str] = {}
    for depth, name, _ in drawn():
        parents[depth] = name
        kind = getattr(errors, name)
        assert kind.__base__.__name__ == (parents[depth - 1] if depth else "Exception")


def test_the_drawing_says_the_exit_codes() -> None:
    said = {name: int(match[1]) for _, name, beside in drawn() if (match := re.search(r"exit (\d)", beside))}
    assert said == {kind.__name__: code for kind, code in EXITS.items() if kind is not DocqaError}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_class_exits_as_its_branch_does(kind: type[DocqaError]) -> None:
    branch = next(base for base in kind.__mro__ if base in EXITS)
    assert kind.exit_code == EXITS[branch]


def test_every_class_has_a_code_of_its_own() -> None:
    assert all("code" in vars(kind) for kind in ALL)
    assert [code for code, times in Counter(kind.code for kind in ALL).items() if times > 1] == []
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code) for kind in ALL)


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind not in EXITS], ids=lambda kind: kind.__name__)
def test_every_error_says_what_to_do(kind: type[DocqaError]) -> None:
    assert kind.default_hint.endswith(".")


def test_a_transient_error_is_one_that_may_end_differently() -> None:
    transient = {kind.__name__ for kind in below(DocumentError) if getattr(kind, "transient", False)}
    assert transient == {"RendererDied", "RendererTimeout", "FillerDied"}


def test_an_error_becomes_a_problem() -> None:
    usual = errors.EmptyFile("The file is empty.")
    assert usual.problem == Problem("empty_file", "The file is empty.", errors.EmptyFile.default_hint)
    assert str(usual) == "The file is empty."
    assert errors.EmptyFile("Nothing in it.", "Look again.").problem.hint == "Look again."
    assert errors.EmptyFile("Nothing in it.", "").problem.hint == ""  # a hint that is left out on purpose
