"""What text, widths, data cut-off and status an output was printed with, as the name of a bookmark on its title in Word.

Whoever replaces an output in a writer's document can tell by it whether the writer has edited the text or moved a column,
of which cut the rest of the document may still speak, and whether it was a draft.
Word and LibreOffice keep the bookmark; runs, spaces, line breaks and hyphens they write in ways of their own, which do
not count.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable
from html import unescape

#: How the names begin; a bookmark that begins with an underscore is hidden in Word's dialogues.
SEAL = "_out_"
_TOKEN = re.compile(rb"<w:t(?: [^>]*)?>([^<]*)</w:t>|<w:(noBreakHyphen|softHyphen) ?/>")
_HIDDEN = re.compile(rb"<w:r(?: [^>]*)?><w:rPr>(?:(?!</w:rPr>|</w:r>).)*<w:vanish ?/>.*?</w:r>", re.S)
_HYPHENS = {b"noBreakHyphen": "\u2011".encode(), b"softHyphen": "\u00ad".encode()}
_SPACE = b" \t\r\n"
_NAME = re.compile(rb'w:name="_out_([0-9a-f]{16})([0-9a-f]{8})((\d{8})?([df])?)"')
#: Word's names of bookmarks hold 40 characters: a status has one.
_STATUS = {"draft": "d", "final": "f"}
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_WIDTH = re.compile(rb'<w:(?:tblW|gridCol) (?:w:type="\w+" )?w:w="([\d.%]+)"')


def text_of(content: bytes) -> str:
    """The text of a piece of a Word document, without spaces that its markup makes and without what is hidden.

    A hidden field of a caption prints nothing; LibreOffice puts a number into it.
    """
    if b"<w:vanish" in content:
        content = b"".join(_HIDDEN.sub(b"", part) if b"<w:vanish" in part else part for part in content.split(b"</w:p>"))
    return unescape(b"".join(text or _HYPHENS.get(hyphen, b"") for text, hyphen in _TOKEN.findall(content)).decode("utf-8"))


def seal(texts: Iterable[str], start: str = "", cutoff: str = "", status: str = "") -> str:
    """The name of the bookmark for these texts in their order, the widths in the markup a table begins with, a cut and a status."""
    made = hashlib.blake2b(digest_size=8)
    for text in texts:
        made.update(text.encode("utf-8").translate(None, _SPACE))
    day = _DAY.fullmatch(cutoff)
    told = f"{''.join(day.groups()) if day else ''}{_STATUS.get(status, '')}"
    return f"{SEAL}{made.hexdigest()}{_widths(start.encode('utf-8'))}{told}"


def _widths(content: bytes) -> str:
    """What the widths of the first table are, in short."""
    start = content[: content.find(b"</w:tblGrid>") + 1]
    return f"{zlib.crc32(b' '.join(_WIDTH.findall(start))):08x}"


def is_edited(content: bytes) -> bool | None:
    """Whether the text of an output in a Word document is another than its seal says; None where it has none."""
    found = _NAME.search(content)
    return None if found is None else seal([text_of(content)])[len(SEAL) :][:16] != found[1].decode()


def is_moved(content: bytes) -> bool:
    """Whether the widths of an output in a Word document may be the writer's: they are others than its seal says."""
    found = _NAME.search(content)
    return found is None or _widths(content) != found[2].decode()


def cut_of(content: bytes) -> str:
    """The data cut-off of which an output in a Word document was printed, in ISO 8601; empty where it does not say."""
    found = _NAME.search(content)
    day = found[4].decode() if found and found[4] else ""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else ""


def status_of(content: bytes) -> str:
    """Whether an output in a Word document was printed as ``draft`` or ``final``; empty where it does not say."""
    found = _NAME.search(content)
    letter = found[5].decode() if found and found[5] else ""
    return next((status for status, told in _STATUS.items() if told == letter), "")


def date_again(content: bytes, other: bytes) -> bytes:
    """An output that says what another one says, sealed as of the cut and with the status of that."""
    found, made = _NAME.search(content), _NAME.search(other)
    if found is None or made is None or found[3] == made[3]:
        return content
    return content[: found.start(3)] + made[3] + content[found.end(3) :]


def seal_again(content: bytes) -> bytes:
    """An output whose text is lined up or broken into lines otherwise, sealed with it; the widths it was printed with stay told."""
    text = seal([text_of(content)])[len(SEAL) :][:16].encode()
    return _NAME.sub(lambda found: found[0].replace(found[1], text, 1), content, count=1)
