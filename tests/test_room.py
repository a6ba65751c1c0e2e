"""Where room is missing every verb that writes a file says so alike, with an exit code of its own, and leaves what was there."""

from __future__ import annotations

import errno
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cgbm1_report import emit
from cgbm1_report.errors import ReportError, RoomError
from cgbm1_report.read.seal import seal_cut
from cgbm1_report.render.refresh import refresh_docx
from cgbm1_report.system.listed import write_files
from cgbm1_report.system.room import tell_undone
from cgbm1_report.system.signature import write_keys
from cgbm1_report.tabulate.files import file_stem
from tests.emit_cases import summary_table
from tests.written_csr import body_of, write_csr


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system lets no file of this process grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def prepare_refresh(folder: Path) -> Callable[[], object]:
    """A writer's document, and the output of a new cut for it."""
    old = summary_table()
    output = folder / f"{file_stem(old.number)}.docx"
    changed = replace(old.rows[1], cells={name: f"{text}9" for name, text in old.rows[1].cells.items()})
    output.write_bytes(emit.emit_docx(replace(old, rows=(old.rows[0], changed, *old.rows[2:]))))
    document = write_csr(folder / "csr.docx", body_of(emit.emit_docx(old)))
    return lambda: refresh_docx(document, {old.number: output}, document)


def prepare_seal(folder: Path) -> Callable[[], object]:
    """A cut of two files."""
    (folder / "cut" / "sdtm").mkdir(parents=True)
    for name in ("dm", "ae"):
        (folder / "cut" / "sdtm" / f"{name}.csv").write_text("STUDYID,USUBJID\nS1,01\n")
    return lambda: seal_cut(folder / "cut")


def prepare_listed(folder: Path) -> Callable[[], object]:
    """Files and their listing, of which an earlier run left one in its folder."""
    write_files(folder / "out", {"a.xml": b"<a/>", "b.html": b"old"}, "a.sha256")
    return lambda: write_files(folder / "out", {"a.xml": b"<a></a>", "b.html": b"new" * 200}, "a.sha256")


#: Who writes | how many bytes a file may have: none of these has so few.
WRITERS: dict[str, tuple[Callable[[Path], Callable[[], object]], int]] = {
    "refresh": (prepare_refresh, 2000),
    "key": (lambda folder: lambda: write_keys(folder / "key"), 20),
    # The private key is whole: half a pair would keep the next from being made.
    "public key": (lambda folder: lambda: write_keys(folder / "key"), 115),
    "seal": (prepare_seal, 20),
    "several files": (prepare_listed, 500),
    "several files in a folder of their own": (
        lambda folder: lambda: write_files(folder / "new" / "out", {"a.xml": b"<a/>", "b.html": b"b" * 600}, "a.sha256"),
        500,
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_whoever_writes_tells_alike_that_room_is_missing_and_leaves_what_was_there(writer: str, tmp_path: Path) -> None:
    prepare, size = WRITERS[writer]
    write = prepare(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with files_of_at_most(size), pytest.raises(ReportError) as caught:
        write()
    (problem,) = caught.value.problems
    assert (type(caught.value), caught.value.exit_code) == (RoomError, 74)
    assert (problem.message, problem.rule) == ("cannot be written: File too large", "room on the disk")
    assert problem.remedy.startswith("make room on the disk")
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    assert not (tmp_path / "new").exists()
    write()


def test_folder_that_is_there_and_takes_nothing_is_told_with_what_could_not_be_made(tmp_path: Path) -> None:
    """Linux says of /proc, in which nobody makes a folder, that it is not there."""
    absent = OSError(errno.ENOENT, "No such file or directory")
    assert tell_undone(absent, tmp_path / "build") == "build cannot be made in it"
    assert tell_undone(absent, tmp_path / "nowhere" / "build") == "cannot be made"
    assert tell_undone(OSError(errno.EACCES, "Permission denied"), tmp_path / "build") == "cannot be written"
