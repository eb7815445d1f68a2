"""Make everything in `sample_docs/`: run `python tests/make_sample_docs.py`.

The same libraries give the same bytes. Nothing is written unless every answer and field is found on its page. With
`--check` nothing is written at all: the command says which files on disk differ and fails if any does.

What the documents say is in the package `sample_docs_maker` beside this file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sample_docs_maker.check import problems
from sample_docs_maker.folder import documents, files

FOLDER = Path(__file__).resolve().parent.parent / "sample_docs"


def main() -> int:
    """Make, prove, then write or compare."""
    parser = argparse.ArgumentParser(description="Make the sample documents.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare with what is on disk")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where to (default: sample_docs)")
    options = parser.parse_args()
    made = documents()
    if wrong := problems(made):
        print(*wrong, sep="\n", file=sys.stderr)
        return 1
    contents = files(made)
    return compare(contents, options.folder) if options.check else write(contents, options.folder)


def write(contents: dict[str, bytes], folder: Path) -> int:
    """Write all files and say how large they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
        print(f"{len(data):>8,}  {name}")
    print(f"{sum(map(len, contents.values())):>8,}  bytes in {len(contents)} files")
    return 0


def compare(contents: dict[str, bytes], folder: Path) -> int:
    """Name the files that are missing or differ."""
    other = [name for name, data in contents.items() if not same(folder / name, data)]
    print(*(f"differs: {name}" for name in other), sep="\n", end="\n" if other else "")
    return 1 if other else 0


def same(path: Path, data: bytes) -> bool:
    """Whether the file has exactly these bytes."""
    return path.is_file() and path.read_bytes() == data


if __name__ == "__main__":
    sys.exit(main())
