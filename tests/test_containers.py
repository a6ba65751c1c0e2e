"""What unpacks to too much is refused before it is unpacked, whatever it says of itself."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from cgbm1_report.system.containers import ContainerError, read_container, walk_container

XML = b'<?xml version="1.0"?><a>text</a>'


def pack(path: Path, parts: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts:
            package.writestr(name, content)
    return path


def understate(path: Path) -> Path:
    """Let the file say of each member that it holds ten bytes."""
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(mark)
        content[start + at : start + at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def test_parts_are_read_in_their_order_without_folders(tmp_path):
    path = pack(tmp_path / "a.zip", [("b.xml", XML), ("folder/", b""), ("a/c.bin", b"\0\1"), ("empty", b"")])
    assert list(read_container(path).items()) == [("b.xml", XML), ("a/c.bin", b"\0\1"), ("empty", b"")]


#: What the file holds, and what must be said.
BAD = {
    "packed a thousand times": ([("a.bin", bytes(30_000_000))], "a.bin unpacks to more than 200 times its size"),
    "many small ones":         ([(f"{n}.bin", bytes(900_000)) for n in range(120)], "unpacks to too much"),
    "one name twice":          ([("a.xml", XML), ("a.xml", XML)], "holds a.xml twice"),
    "more parts than any":     ([(str(n), b"") for n in range(5001)], "holds 5001 parts"),
    "entities":                ([("a.xml", b'<?xml version="1.0"?><!-- x --><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')], "a.xml declares a document type"),
    "entities in UTF-16":      ([("a.rels", '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a SYSTEM "b"><a/>'.encode("utf-16"))], "a.rels declares a document type"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", BAD)
def test_container_that_wants_too_much_or_means_ill_is_refused(case, tmp_path):
    parts, words = BAD[case]
    path = pack(tmp_path / "a.docx", parts)
    tracemalloc.start()
    with pytest.raises(ContainerError, match=words):
        read_container(path, 100_000_000)
    assert tracemalloc.get_traced_memory()[1] < 130_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("read", [read_container, lambda path: walk_container(zipfile.ZipFile(path))], ids=["read", "walk"])
def test_size_is_counted_and_not_believed(read, tmp_path):
    with pytest.raises(ContainerError, match=r"200 times|damaged|CRC"):
        read(understate(pack(tmp_path / "a.zip", [("a.bin", bytes(30_000_000))])))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_what_is_no_zip_file_is_told_so(content, tmp_path):
    (tmp_path / "a.docx").write_bytes(content)
    with pytest.raises(ContainerError):
        read_container(tmp_path / "a.docx")
    with pytest.raises(ContainerError, match="directory"):
        read_container(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_container(tmp_path / "absent.docx")


def test_damaged_member_is_found_by_either_reader(tmp_path):
    path = pack(tmp_path / "a.zip", [("a.xml", XML * 50)])
    content = bytearray(path.read_bytes())
    content[45] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ContainerError):
        read_container(path)
    with zipfile.ZipFile(path) as package, pytest.raises(ContainerError, match=r"a\.xml is damaged"):
        walk_container(package)
