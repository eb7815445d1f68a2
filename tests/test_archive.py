"""Zip archives: every file inside is accounted for, nothing is written by its name, what is too much is refused."""

from __future__ import annotations

import io
import random
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from docqa import archive
from docqa.archive import Unpacked, is_archive, spooled, take_archive
from docqa.errors import ArchiveTooLarge, DamagedFile
from docqa.settings import IngestSettings
from docqa.store import Store

MB = 1 << 20
PDF = b"%PDF-1.7 "
Entries = dict[str, bytes]


def packed(entries: Entries, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as out:
        for name, content in entries.items():
            out.writestr(name, content)
    return buffer.getvalue()


def zip_crypto(name: bytes, content: bytes, password: bytes, aes: bool = False) -> bytes:
    """A zip of one stored file, encrypted as PKWARE's appnote says; Python only reads these."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = zlib.crc32(bytes([byte]), keys[0] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = zlib.crc32(bytes([keys[1] >> 24]), keys[2] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    for byte in password:
        update(byte)
    crc = zlib.crc32(content)
    encrypted = bytearray()
    for byte in bytes(11) + bytes([crc >> 24]) + content:
        key = keys[2] | 2
        encrypted.append(byte ^ ((key * (key ^ 1)) >> 8 & 0xFF))
        update(byte)
    method = 99 if aes else 0
    common = struct.pack("<HHHHHIIIHH", 20, 1, method, 0, 33, crc, len(encrypted), len(content), len(name), 0)
    local = b"PK\x03\x04" + common + name + bytes(encrypted)
    record = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + record + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(record), len(local), 0)


def entry(name: str, **fields: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


Take = Callable[..., Unpacked | None]


@pytest.fixture
def take(empty_store: Store) -> Take:
    """`take(bytes, **limits)`: what became of the files of a zip called a.zip."""

    def run(content: bytes, passwords: Sequence[str] = (), **limits: int) -> Unpacked | None:
        return take_archive(empty_store, io.BytesIO(content), "a.zip", "office", IngestSettings(**limits), passwords)

    return run


def outcome(unpacked: Unpacked | None) -> dict[str, str]:
    """What became of every file that was not passed over, by its name in the archive."""
    assert unpacked is not None
    return {
        entry.label.removeprefix("a.zip/"): "taken" if entry.problem is None else entry.problem.code
        for entry in unpacked.entries
    }


def kept(store: Store) -> dict[str, bytes]:
    return {document.label: store.originals.path(document.doc).read_bytes() for document in store.catalog.documents()}


def test_files_are_taken_by_name_or_content_like_those_of_a_folder(take: Take, empty_store: Store) -> None:
    unpacked = take(
        packed(
            {
                "a.pdf": PDF,
                "in/side/b.PNG": b"x",
                "no ending": b"\xff\xd8\xff\xe0",
                "notes.txt": b"text",
                "table.xlsx": packed({"[Content_Types].xml": b""}),
                "folder/": b"",
                "__MACOSX/._a.pdf": b"resource fork",
                ".DS_Store": b"x",
            }
        )
    )
    assert outcome(unpacked) == {"a.pdf": "taken", "in/side/b.PNG": "taken", "no ending": "taken"}
    assert unpacked is not None and unpacked.passed_over == 2
    assert kept(empty_store) == {
        "a.zip/a.pdf": PDF,
        "a.zip/in/side/b.PNG": b"x",
        "a.zip/no ending": b"\xff\xd8\xff\xe0",
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_whose_first_file_is_a_pdf_is_no_pdf(take: Take, method: int) -> None:
    assert outcome(take(packed({"a.pdf": PDF * 500}, method))) == {"a.pdf": "taken"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_named(take: Take, method: int) -> None:
    assert outcome(take(packed({"a.pdf": PDF}, method))) == {"a.pdf": "unsupported_type"}


@pytest.mark.parametrize("mark", ["[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"])
def test_office_files_are_no_archives(take: Take, empty_store: Store, mark: str) -> None:
    content = packed({"word/media/image1.png": b"\x89PNG\r\n\x1a\n", mark: b""})
    assert take(content) is None
    assert not is_archive(io.BytesIO(content))
    assert empty_store.catalog.documents() == []


def test_what_is_no_zip_is_left_where_it_begins(empty_store: Store) -> None:
    file = io.BytesIO(PDF)
    assert take_archive(empty_store, file, "a", "office", IngestSettings()) is None
    assert file.tell() == 0


def test_an_archive_without_files(take: Take) -> None:
    assert take(packed({})) == Unpacked((), 0)


def test_zip64_and_names_in_utf8(take: Take) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out, out.open("größe €.pdf", "w", force_zip64=True) as stream:
        stream.write(PDF)
    assert outcome(take(buffer.getvalue())) == {"größe €.pdf": "taken"}


def test_names_that_are_utf8_without_saying_so(take: Take) -> None:
    """As macOS writes them."""
    content = packed({"gr____e.pdf": PDF}).replace(b"gr____e", "größe".encode())
    assert outcome(take(content)) == {"größe.pdf": "taken"}


def test_damage_of_one_file_costs_that_file(take: Take) -> None:
    content = bytearray(packed({"a.pdf": PDF + b"a" * 40, "b.pdf": PDF + b"b" * 40, "c.pdf": PDF}, zipfile.ZIP_STORED))
    content[content.index(b"b" * 40)] ^= 1
    assert outcome(take(bytes(content))) == {"a.pdf": "taken", "b.pdf": "damaged_file", "c.pdf": "taken"}


def test_an_empty_file_is_named(take: Take) -> None:
    assert outcome(take(packed({"a.pdf": b""}))) == {"a.pdf": "empty_file"}


def test_archives_inside_are_named_and_not_opened(take: Take) -> None:
    inside = packed({"b.pdf": PDF})
    assert outcome(take(packed({"inner.zip": inside, "a.pdf": PDF}))) == {
        "inner.zip": "unsupported_type",
        "a.pdf": "taken",
    }


def test_links_are_passed_over(take: Take) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr(entry("a.pdf", external_attr=(stat.S_IFLNK | 0o777) << 16, create_system=3), "/etc/passwd")
    assert take(buffer.getvalue()) == Unpacked((), 1)


@pytest.mark.parametrize(
    "cut", [lambda whole: whole[:-30], lambda whole: whole[: len(whole) // 2], lambda whole: whole[:4]]
)
def test_an_archive_that_is_cut_off_is_named(take: Take, cut: Callable[[bytes], bytes]) -> None:
    content = cut(packed({"a.pdf": PDF * 100, "b.pdf": PDF * 90}))
    assert not is_archive(io.BytesIO(content))
    with pytest.raises(DamagedFile):
        take(content)


# ── what is too much ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_too_many_files(take: Take, empty_store: Store) -> None:
    content = packed({f"{number}.pdf": PDF for number in range(4)})
    with pytest.raises(ArchiveTooLarge, match="more than 3 files"):
        take(content, max_archive_files=3)
    assert empty_store.catalog.documents() == []
    assert len(outcome(take(content, max_archive_files=4))) == 4


def test_a_directory_that_lies_about_its_length_is_still_counted(take: Take) -> None:
    content = bytearray(packed({f"{number}.pdf": PDF for number in range(4)}))
    end = content.rindex(b"PK\x05\x06")
    content[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    with pytest.raises(ArchiveTooLarge):
        take(bytes(content), max_archive_files=3)


def test_a_directory_too_large_to_be_parsed(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MAX_DIRECTORY", 70_000)
    content = packed({f"{number:0>9000}.pdf": PDF for number in range(20)})
    with pytest.raises(ArchiveTooLarge, match="directory"):
        take(content)


def test_a_file_that_is_too_large_costs_itself(take: Take) -> None:
    random_bytes = random.Random(3).randbytes(MB + 1)
    content = packed({"large.pdf": random_bytes, "small.pdf": PDF}, zipfile.ZIP_STORED)
    assert outcome(take(content, max_file_mb=1)) == {"large.pdf": "file_too_large", "small.pdf": "taken"}


def test_files_that_are_too_much_together(take: Take) -> None:
    rng = random.Random(3)
    content = packed({f"{n}.pdf": rng.randbytes(MB * 2 // 5) for n in range(4)} | {"last.pdf": PDF})
    expected = {"0.pdf": "taken", "1.pdf": "taken", "2.pdf": "archive_too_large", "3.pdf": "archive_too_large"}
    assert outcome(take(content, max_archive_mb=1)) == expected | {"last.pdf": "taken"}


def test_a_bomb_is_not_inflated(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MAY_GROW", MB)
    content = packed({"bomb.pdf": bytes(2 * MB), "good.pdf": PDF})
    assert outcome(take(content)) == {"bomb.pdf": "archive_too_large", "good.pdf": "taken"}


def test_files_that_share_their_bytes_are_counted_each(take: Take) -> None:
    """The way of 42 kB that become petabytes: many records of the directory, one piece of data."""
    content = packed({"a.pdf": random.Random(5).randbytes(MB // 2)}, zipfile.ZIP_STORED)
    start, end = content.index(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    records = content[start:end] * 5
    tail = struct.pack("<HHHHIIH", 0, 0, 5, 5, len(records), start, 0)
    found = take(content[:start] + records + b"PK\x05\x06" + tail, max_archive_mb=1)
    assert found is not None
    codes = [one.problem.code if one.problem else "taken" for one in found.entries]
    assert codes == ["taken"] * 2 + ["archive_too_large"] * 3


def test_no_more_comes_out_than_the_directory_claims(take: Take, empty_store: Store) -> None:
    content = bytearray(packed({"a.pdf": PDF * 100_000, "b.pdf": PDF}))
    for signature, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = content.index(signature)
        content[start + place : start + place + 4] = struct.pack("<I", 9)
    assert outcome(take(bytes(content))) == {"a.pdf": "damaged_file", "b.pdf": "taken"}
    assert kept(empty_store) == {"a.zip/b.pdf": PDF}


def test_what_is_sent_is_bounded_on_its_way_to_the_disk(tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge), spooled(io.BytesIO(bytes(MB + 1)), tmp_path, MB):
        pass
    with spooled(io.BytesIO(b"PK" + bytes(MB - 2)), tmp_path, MB) as file:
        assert (file.read(2), list(tmp_path.iterdir())) == (b"PK", [])


# ── encrypted ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [b"a.pdf", b"scan"])
def test_passwords_are_tried(take: Take, empty_store: Store, name: bytes) -> None:
    content = zip_crypto(name, PDF + b"secret", "grün".encode())
    assert outcome(take(content)) == {name.decode(): "needs_password"}
    assert outcome(take(content, ["wrong", "", "other"])) == {name.decode(): "needs_password"}
    assert empty_store.catalog.documents() == []
    assert outcome(take(content, ["wrong", "grün"])) == {name.decode(): "taken"}
    assert list(kept(empty_store).values()) == [PDF + b"secret"]


def test_of_two_hundred_wrong_passwords_none_opens_it(take: Take, empty_store: Store) -> None:
    """The format's own check lets one in 256 through: what comes out then is not kept."""
    content = zip_crypto(b"a.pdf", PDF, b"right")
    assert outcome(take(content, [f"wrong {number}" for number in range(600)])) == {"a.pdf": "needs_password"}
    assert empty_store.catalog.documents() == []


def test_aes_needs_to_be_unpacked_first(take: Take) -> None:
    unpacked = take(zip_crypto(b"a.pdf", PDF, b"x", aes=True), ["x"])
    assert outcome(unpacked) == {"a.pdf": "needs_password"}
    assert unpacked is not None and unpacked.entries[0].problem is not None
    assert "Unpack" in unpacked.entries[0].problem.hint


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_damaged_has_a_name(take: Take, seed: int) -> None:
    """Bytes changed anywhere, directory and headers above all: no other exception, nothing that hangs."""
    rng = random.Random(seed)
    whole = packed({"a.pdf": PDF * 3, "ä/b.png": b"x" * 50}) + b""
    whole = zip_crypto(b"a.pdf", PDF, b"x") if seed == 3 else whole
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(4, len(damaged))] = rng.choice([0, 1, 0x7F, 0xFF, rng.randrange(256)])
        try:
            unpacked = take(bytes(damaged), ["x"])
        except (DamagedFile, ArchiveTooLarge):
            continue
        assert unpacked is not None
        assert all((entry.taken is None) != (entry.problem is None) for entry in unpacked.entries)
