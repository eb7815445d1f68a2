"""What imports what: one direction between the packages, one place for each foreign world. Read from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("docqa", "ingest", "ui")

#: Package → those of ours that it must not import.
FORBIDDEN = {"docqa": {"ingest", "ui"}, "ingest": {"ui"}, "ui": {"ingest"}}

#: Foreign package → the only files or folders that may import it.
ONLY_IN = {
    "streamlit": ["ui"],
    "starlette": ["ui"],
    "lancedb": ["docqa/store/library.py"],
    "pyarrow": ["docqa/store/library.py", "docqa/store/pagerows.py", "docqa/store/rowsums.py"],
    "sqlite3": ["docqa/store/database.py"],
    "httpx2": ["docqa/model/connection.py"],
    "sentence_transformers": ["docqa/embed.py", "docqa/find/rerank.py", "docqa/pages/vectors.py"],
    "transformers": ["docqa/embed.py"],
    "torch": ["docqa/embed.py"],
    "pymupdf": ["ingest/child"],
    "fitz": ["ingest/child"],
    "rapidocr": ["ingest/child"],
    "onnxruntime": ["ingest/child"],
    "xlsxwriter": ["docqa/extract/export/sheets.py"],
}


def sources() -> list[str]:
    return [file.relative_to(ROOT).as_posix() for name in PACKAGES for file in sorted((ROOT / name).rglob("*.py"))]


#: What a child that reads an untrusted file may take from the rest: the pipe, and what knows only words and errors.
CHILD_MAY_IMPORT = (
    "ingest.child",
    "ingest.sandbox.wire",
    "ingest.readingorder",
    "ingest.languages",
    "docqa.errors",
    "docqa.pages.grid",
)


@cache
def imports(source: str) -> frozenset[str]:
    """The first name of every module a file imports, wherever in the file it does."""
    return frozenset(name.split(".")[0] for name in _modules(ROOT / source))


def ours(source: str) -> frozenset[str]:
    """The whole names of what a file imports of our packages."""
    return frozenset(name for name in _modules(ROOT / source) if name.split(".")[0] in PACKAGES)


def is_of(name: str, modules: Iterable[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=0):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)  # a module, or a name in one
            case ast.ImportFrom():
                yield file.relative_to(ROOT).parts[0]  # relative, so within its own package
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


def test_there_is_something_to_look_at() -> None:
    assert {source.split("/")[0] for source in sources()} == set(PACKAGES)
    assert "docqa" in imports("docqa/cli.py")


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_point_one_way(package: str) -> None:
    crossed = {
        source: wrong
        for source in sources()
        if source.startswith(f"{package}/") and (wrong := imports(source) & FORBIDDEN[package])
    }
    assert crossed == {}


@pytest.mark.parametrize("foreign", ONLY_IN)
def test_a_foreign_package_is_imported_in_one_place(foreign: str) -> None:
    users = [source for source in sources() if foreign in imports(source)]
    outside = [s for s in users if not any(s == place or s.startswith(f"{place}/") for place in ONLY_IN[foreign])]
    assert outside == []


def test_nothing_imports_what_runs_behind_the_walls() -> None:
    outside = [source for source in sources() if not source.startswith("ingest/child/")]
    assert {s: wrong for s in outside if (wrong := [name for name in ours(s) if is_of(name, ["ingest.child"])])} == {}


def test_what_runs_behind_the_walls_imports_little() -> None:
    inside = [source for source in sources() if source.startswith("ingest/child/")]
    assert inside
    more = {s: wrong for s in inside if (wrong := [name for name in ours(s) if not is_of(name, CHILD_MAY_IMPORT)])}
    assert more == {}


def test_nothing_that_runs_imports_the_tests() -> None:
    assert [source for source in sources() if imports(source) & {"tests", "pytest", "hypothesis", "fake_server"}] == []
