"""The structure of a PDF, checked as veraPDF checks it: PDF/A-2 (ISO 19005-2) and PDF/UA-1 (ISO 14289-1).

What a PDF says it is decides what it is held to: PDF/A-2a and PDF/UA-1 with tags, PDF/A-2b without. Quarto's
says nothing, and is held to what every PDF is: fonts, bookmarks, links, language, nothing that runs. Each
rule is a function of its own; they see the file through pikepdf, and share nothing with what wrote it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pikepdf

from cgbm1_report.errors import number_of
from cgbm1_report.readback.printed import Finding
from cgbm1_report.readback.structure import bookmarks, document, fonts, marks, seen, tables, tags
from cgbm1_report.readback.structure.opened import Opened, shortened

__all__ = ["CHECKS", "STANDARD_CHECKS", "TAGGED_CHECKS", "check_structure"]

#: For every PDF; for those that are PDF/A; for those with tags, which takes longer: every tag is read.
CHECKS = (*document.ALWAYS, *fonts.CHECKS, *bookmarks.CHECKS, *tags.ALWAYS, *seen.CHECKS)
STANDARD_CHECKS = document.CHECKS
TAGGED_CHECKS = (*tags.CHECKS, *tables.CHECKS, *marks.CHECKS)
_READ = "the structure of the file can be read"
_DAMAGE = (pikepdf.PdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OSError)


#: What a linearised file says its length is (ISO 32000-1, table F.1).
_LENGTH = re.compile(rb"/Linearized\b[^>]*?/L (\d+)")


def check_structure(
    path: Path,
    name: str,
    log: str = "",
    *,
    every_tag: bool = True,
    standard: bool = True,
    alternatives: Sequence[str] | None = None,
    pictured: Collection[str] | None = None,
    beside: Mapping[str, str] | None = None,
    known: Mapping[int, bytes] | None = None,
) -> list[Finding]:
    """Findings about the structure of a PDF; none where it is what it says it is.

    Parameters
    ----------
    name
        How findings name the file.
    log
        What the build says of its PDF, so that it may have no tags or not be PDF/UA.
    every_tag
        Read the tree of tags too; without, what the document says of itself, its fonts, colours and bookmarks.
    standard
        It must say that it is PDF/A.
    alternatives
        What stands for its pictures, if that is known; in any order.
    pictured
        The places (``page 3``) where pictures may stand, if that is known.
    beside
        The files beside it that it leads to, and what is said of each.
    known
        Pages, counted from 1, that other files hold and whose structure was read there, and what is laid over each.
    """
    content = path.read_bytes()
    length = _LENGTH.search(content, 0, 1024)
    # A reader that mends a damaged file would read what is left of it as a whole one.
    if length and int(length[1]) != len(content):
        return [Finding(name, f"holds {number_of(len(content), 'byte')} and says that it has {int(length[1])}", _READ)]
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            doc = Opened(name, pdf, content, log, every_tag, alternatives, pictured, beside or {}, known or {})
            checks = [
                *CHECKS,
                *(STANDARD_CHECKS if standard or doc.says_standard else ()),
                *(TAGGED_CHECKS if doc.reads_tags else ()),
            ]
            return shortened([finding for check in checks for finding in _carried_out(check, doc)])
    except _DAMAGE as error:
        return [Finding(name, f"cannot be read: {type(error).__name__} {error}", _READ)]


def _carried_out(check: Callable[[Opened], Iterable[Finding]], doc: Opened) -> list[Finding]:
    """The findings of a check; that it met what it cannot read is one."""
    found: list[Finding] = []
    try:
        found.extend(check(doc))
    except _DAMAGE as error:
        found.append(doc.say(_READ, f"cannot be read by {check.__name__}: {type(error).__name__} {error}"))
    return found
