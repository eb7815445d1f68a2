"""Damage on the disk: each kind of file, altered in one byte, cut off or gone, is named by `docqa check --read-data`.

What can be made again is made again by `--repair` and another run. Lance itself notices no altered byte; words and
images of pages, passages and vectors are compared with what the catalog knows of them, so damage to them is found.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from docqa.store import Store
from tests.faults.folders import is_damaged
from tests.faults.invariants import invariants

Run = Callable[..., tuple[int, list[dict[str, object]]]]
Damage = Callable[[Path], None]


@pytest.fixture
def store(tmp_path: Path, inputs: Path, run: Run) -> Path:
    """The folder of a store that is sound."""
    assert run("ingest", inputs)[0] == 3
    assert run("check", "--read-data")[0] == 0
    return tmp_path / "store"


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def flip_in_a_page(file: Path) -> None:
    """In the head of a database's second page: in its middle there may be nothing that anybody would miss."""
    content = bytearray(file.read_bytes())
    content[int.from_bytes(content[16:18], "big")] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def lose(file: Path) -> None:
    file.unlink()


def largest(folder: Path) -> Path:
    return max((file for file in folder.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)


def newest_manifest(table: Path) -> Path:
    return max((table / "_versions").glob("*.manifest"), key=lambda file: file.stat().st_mtime_ns)


def an_original(store: Path) -> Path:
    document = next(d for d in Store(store).catalog.documents() if d.label.startswith("long"))
    return Store(store).originals.path(document.doc)


@pytest.mark.parametrize("damage", [flip, cut, empty, lose])
def test_a_damaged_original_is_named_and_taken_in_again(store: Path, inputs: Path, run: Run, damage: Damage) -> None:
    damage(an_original(store))
    code, lines = run("check", "--read-data")
    assert (code, lines[0]["code"]) == (5, "original_damaged")
    assert run("ingest", inputs)[0] == 3
    assert invariants(store, inputs.iterdir(), is_damaged) == []


@pytest.mark.parametrize("damage", [cut, empty, lose])
def test_damaged_images_are_named_and_made_again(store: Path, inputs: Path, run: Run, damage: Damage) -> None:
    damage(largest(store / "lance" / "pages.lance"))
    mended(store, inputs, run)


def test_one_bit_of_an_image_is_named_and_made_again(store: Path, inputs: Path, run: Run) -> None:
    file = largest(store / "lance" / "pages.lance")
    content = bytearray(file.read_bytes())
    image = Store(store).library.image(*Store(store).library.page_keys()[0])
    content[content.index(image) + len(image) // 2] ^= 1
    file.write_bytes(content)
    mended(store, inputs, run)


@pytest.mark.parametrize("table", ["pages", "chunks", "vectors"])
@pytest.mark.parametrize("damage", [empty, cut])
def test_a_damaged_manifest_is_named_and_the_table_made_again(
    store: Path, inputs: Path, run: Run, table: str, damage: Damage
) -> None:
    damage(newest_manifest(store / "lance" / f"{table}.lance"))
    mended(store, inputs, run)


@pytest.mark.parametrize("table", ["chunks", "vectors"])
@pytest.mark.parametrize("damage", [flip, cut, empty, lose])
def test_damaged_search_rows_are_named_and_made_again(
    store: Path, inputs: Path, run: Run, table: str, damage: Damage
) -> None:
    damage(largest(store / "lance" / f"{table}.lance" / "data"))
    mended(store, inputs, run)


def mended(store: Path, inputs: Path, run: Run) -> None:
    """The check names it, and after a repair and another run everything is there again."""
    code, lines = run("check", "--read-data", "--repair")
    assert code == 5
    assert lines[0]["code"]
    assert run("ingest", inputs)[0] == 3
    assert invariants(store, inputs.iterdir(), is_damaged) == []


@pytest.mark.parametrize("damage", [flip_in_a_page, cut, empty])
def test_a_damaged_catalog_is_an_error_that_says_so(store: Path, run: Run, damage: Damage) -> None:
    """It cannot be made again: a backup has to help. Whatever happens, it is no traceback and nothing is removed."""
    before = sorted(file.name for file in (store / "originals").rglob("*"))
    gc.collect()  # a connection of the run before would write what it knows over the damage as it closes
    damage(store / "catalog.sqlite")
    code, lines = run("check", "--read-data")
    assert (code, bool(lines)) == (5, True)
    assert sorted(file.name for file in (store / "originals").rglob("*")) == before
