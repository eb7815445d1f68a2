"""Damage good files at random, by the thousand if wanted, and take them through one run of `docqa ingest`.

    python -m tests.hostile.mutants [--count 500] [--seed 11] [--deadline 10] [--data FOLDER]

The good files are made on the spot; with `--data`, small ones that open of its hostile.jsonl are added. Some good files
are among the mutants and have to be ready. Prints a summary as JSON; exit code 1 if the run died, a file has no status,
one was late, or a good one is not ready.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from tests.faults import stand_ins
from tests.faults.folders import letter
from tests.hostile.corpus import run_over

_SMALL = 60_000  #: bytes
_GOOD = 10  #: unharmed files among the mutants
_NUMBERS = (b"0", b"-1", b"1", b"65536", b"2147483647", b"4294967296", b"99999999999999999999", b"0.0001")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--deadline", type=float, default=10)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--keep", type=Path, help="where mutants are copied to")
    asked = parser.parse_args()
    stand_ins.install(page_deadline=asked.deadline)
    chance = random.Random(asked.seed)
    seeds = {**_made(), **({} if asked.data is None else _found(asked.data))}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        inputs = asked.keep or place / "inputs"
        inputs.mkdir(parents=True, exist_ok=True)
        for number, (kind, content) in enumerate(_mutants(seeds, asked.count, chance)):
            (inputs / f"mutant {number:04} {kind}").write_bytes(content)
        for number in range(_GOOD):
            (inputs / f"good {number}.pdf").write_bytes(letter(f"good {number}", 2))
        summary, lines = run_over(place, inputs, asked.deadline)
    summary["wrong"] += [
        f"{label} is {line['status']}: {line['problem']}"
        for label, line in lines.items()
        if label.startswith("good") and line["status"] != "ready"
    ]
    print(json.dumps(summary | {"seeds": len(seeds), "seed": asked.seed}, ensure_ascii=False))
    return 1 if summary["wrong"] else 0


# ── good files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _made() -> dict[str, bytes]:
    """Name → content of a file of each type that docqa reads."""
    sheet = Image.new("RGB", (160, 220), "white")
    ImageDraw.Draw(sheet).text((10, 10), "Harbour\nlantern", fill="black")
    kinds = {"png": {}, "jpg": {}, "webp": {}, "tif": {"save_all": True, "append_images": [sheet.convert("L")]}}
    return {
        "letter.pdf": letter("seed", 1),
        "letters.pdf": letter("seeds", 3),
        "packed.tif": _saved(sheet.convert("1"), "tif", compression="group4"),
        **{f"sheet.{ending}": _saved(sheet, ending, **options) for ending, options in kinds.items()},
    }


def _saved(image: Image.Image, ending: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending.upper()), **options)
    return buffer.getvalue()


def _found(data: Path) -> dict[str, bytes]:
    listed = map(json.loads, (data / "hostile.jsonl").read_text(encoding="utf-8").splitlines())
    opening = [data / one["file"] for one in listed if one["expected"] == "opens" and one["bytes"] < _SMALL]
    return {f"{number} {file.suffix or '.pdf'}": file.read_bytes() for number, file in enumerate(opening)}


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _mutants(seeds: dict[str, bytes], count: int, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    names = sorted(seeds)
    for _ in range(count):
        name, other = chance.choice(names), chance.choice(names)
        content = bytearray(seeds[name])
        for _ in range(chance.choice((1, 1, 2, 4))):
            content = chance.choice(_DAMAGE)(content, seeds[other], chance) or content
        yield Path(name).name, bytes(content)


def _flip(content: bytearray, _: bytes, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 8, 64))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content


def _truncate(content: bytearray, _: bytes, chance: random.Random) -> bytearray:
    return content[: chance.randrange(1, len(content) + 1)]


def _splice(content: bytearray, other: bytes, chance: random.Random) -> bytearray:
    start, at = chance.randrange(len(other)), chance.randrange(len(content))
    content[at : at + chance.randrange(200)] = other[start : start + chance.randrange(2000)]
    return content


def _swap_numbers(content: bytearray, _: bytes, chance: random.Random) -> bytearray:
    places = list(re.finditer(rb"\d+", bytes(content)))
    for place in sorted(chance.sample(places, min(3, len(places))), key=lambda match: -match.start()):
        content[place.start() : place.end()] = chance.choice(_NUMBERS)
    return content


def _zero(content: bytearray, _: bytes, chance: random.Random) -> bytearray:
    at, length = chance.randrange(len(content)), chance.randrange(1, 512)
    content[at : at + length] = bytes(len(content[at : at + length]))
    return content


_DAMAGE: tuple[Callable[[bytearray, bytes, random.Random], bytearray], ...] = (
    _flip,
    _truncate,
    _splice,
    _swap_numbers,
    _zero,
)


if __name__ == "__main__":
    raise SystemExit(main())
