"""Where text is not UTF-8: the variable and the record, not the byte of a file of a million records.

No value is shown: letters nobody can read tell nothing, and the variable may be a blinded one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cgbm1_report.errors import DataError, Problem, number_of

RULE: Final = "text in UTF-8"
_REMEDY: Final = "export the dataset again, all of it in UTF-8"
#: Bytes a file in UTF-16 or UTF-32 begins with.
_MARKS: Final = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def check_encoding(data: bytes, file: Path) -> None:
    """Refuse a text file of another encoding as a whole.

    Raises
    ------
    ReportError
        The file is UTF-16 or UTF-32 by its first bytes, or has a NUL, which no text has.
    """
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            raise DataError(f"is {name}, not UTF-8", file=file, rule=RULE, remedy="save the file as UTF-8")
    at = data.find(b"\0")
    if at >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise DataError("holds a NUL, which no text has", file=file, place=f"line {line}", rule=RULE, remedy="save it as UTF-8")


def decode_label(field: bytes) -> tuple[str, bool]:
    """A label, and whether letters were replaced: no label is a reason to refuse the data under it."""
    try:
        return field.decode("utf-8"), False
    except UnicodeDecodeError:
        return field.decode("utf-8", "replace"), True


def note_labels(names: Sequence[str], file: Path) -> tuple[Problem, ...]:
    """What is said of labels with replaced letters; nothing where there are none. An empty name is the dataset's own."""
    if not names:
        return ()
    of = ", ".join(name or "the dataset" for name in names[:5]) + (" …" if len(names) > 5 else "")
    message = f"the label of {of} is not UTF-8; letters that cannot be read are replaced"
    return (Problem(message, file=str(file), rule=RULE, remedy="export the labels in UTF-8"),)


def find_undecodable(name: str, values: Iterable[bytes], file: Path) -> Problem | None:
    """The first record of a variable that is not UTF-8, how many there are, and what the letters may be."""
    first, reason, count = -1, "", 0
    for record, value in enumerate(values):
        try:
            value.rstrip(b" ").decode("utf-8")
        except UnicodeDecodeError as error:
            if not count:
                first, reason = record, _guess(value.rstrip(b" "), error)
            count += 1
    return name_undecodable(name, first, count, reason, file) if count else None


def name_undecodable(name: str, first: int, count: int, reason: str, file: Path) -> Problem:
    """The problem of a variable with such records; ``first`` counts from 0."""
    message = f"{name} is not UTF-8{reason} ({number_of(count, 'such value')})"
    return Problem(message, str(file), RULE, f"record {first + 1}", _REMEDY, closed=f"{name} is not UTF-8")


def _guess(value: bytes, error: UnicodeDecodeError) -> str:
    if error.reason == "unexpected end of data":
        return f": it ends inside a character at byte {len(value)}"
    try:
        chinese = any("\u4e00" <= letter <= "\u9fff" for letter in value.decode("gb18030"))
    except UnicodeDecodeError:
        chinese = False
    return ": it may be GBK" if chinese else ""


def find_surrogates(name: str, texts: Iterable[str | None], file: Path) -> Problem | None:
    """The first record whose text holds half a character: bytes that were no UTF-8, or a lone surrogate of JSON."""
    records = [record for record, text in enumerate(texts) if text is not None and not _encodes(text)]
    return name_undecodable(name, records[0], len(records), "", file) if records else None


def _encodes(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
