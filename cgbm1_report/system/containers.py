"""Files that hold files (.docx, .xlsx): what is read of them is bounded, whatever they say of themselves."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

#: More than the largest report holds, far less than a machine has.
MOST_MEMBERS, MOST_BYTES = 5_000, 1_000_000_000
#: Markup of tables shrinks to a thirtieth, an empty drawing to a hundredth; what was made to burst, to a thousandth.
MOST_RATIO, _SMALL = 200, 1_000_000
_PIECE = 1_000_000


class ContainerError(Exception):
    """What keeps a container from being read, in words."""


def read_container(path: Path, most_bytes: int = MOST_BYTES) -> dict[str, bytes]:
    """The members of a zip file by name, in their order; folders are left out.

    What unpacks to more than ``most_bytes`` altogether, or is packed two hundred times, is not read further than
    that: sizes are counted while reading, the file's own claims are not believed. XML with a document type,
    which could declare entities that grow, is refused.

    Raises
    ------
    ContainerError
        It is no zip file, is damaged, holds a name twice or too much.
    FileNotFoundError
        It is not there.
    """
    try:
        with zipfile.ZipFile(path) as package:
            infos = [info for info in package.infolist() if not info.is_dir()]
            if len(infos) > MOST_MEMBERS:
                raise ContainerError(f"it holds {len(infos)} parts, more than {MOST_MEMBERS}")
            parts: dict[str, bytes] = {}
            for info in infos:
                if info.filename in parts:
                    raise ContainerError(f"it holds {info.filename} twice")
                parts[info.filename] = b"".join(_pieces(package, info, most_bytes))
                most_bytes -= len(parts[info.filename])
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise ContainerError(str(error) or type(error).__name__) from error
    except OSError as error:
        raise ContainerError(error.strerror or str(error)) from error
    for name, content in parts.items():
        if name.endswith((".xml", ".rels")) and _has_document_type(content):
            raise ContainerError(f"{name} declares a document type")
    return parts


def walk_container(package: zipfile.ZipFile, most_bytes: int = MOST_BYTES) -> None:
    """Read every member once, bounded as `read_container` is, and keep nothing.

    Raises
    ------
    ContainerError
        A member is damaged or unpacks to too much.
    """
    try:
        for info in package.infolist():
            for piece in _pieces(package, info, most_bytes):
                most_bytes -= len(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise ContainerError(f"{info.filename} is damaged: {error}") from error


def _pieces(package: zipfile.ZipFile, info: zipfile.ZipInfo, most_bytes: int) -> Iterator[bytes]:
    size = 0
    with package.open(info) as member:
        while piece := member.read(_PIECE):
            size += len(piece)
            if size > most_bytes:
                raise ContainerError("it unpacks to too much")
            if size > _SMALL and size > MOST_RATIO * info.compress_size:
                raise ContainerError(f"{info.filename} unpacks to more than {MOST_RATIO} times its size")
            yield piece


def _has_document_type(content: bytes) -> bool:
    """Whether a document type stands before the first element; XML that is no XML is its reader's to refuse."""
    found: list[bool] = []

    class _Enough(Exception):  # noqa: N818 - nothing is wrong
        pass

    def stop(answer: bool) -> None:
        found.append(answer)
        raise _Enough

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: stop(True)
    parser.StartElementHandler = lambda *_: stop(False)
    try:
        for at in range(0, len(content), _PIECE):
            parser.Parse(content[at : at + _PIECE], False)
    except (_Enough, expat.ExpatError):
        pass
    return bool(found and found[0])
