"""Pictures by their bytes: those that notebooks display are those that files draw, and no others."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cgbm1_report.errors import number_of
from cgbm1_report.notebook.receipts import PLACE
from cgbm1_report.readback.printed import Finding

PICTURES = "pictures are those that the notebooks display"
_SVG = re.compile(r"<svg\b.*?</svg>", re.S | re.I)
_IMG = re.compile(r"""<img\b[^>]*?\bsrc\s*=\s*["']?(data:[^"'>]*)""", re.I)
_DATA = re.compile(r"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=\s]+)", re.I)
_DRAWN = b"<svg"


def digest_of(content: bytes) -> str:
    """What tells a picture from every other."""
    return hashlib.sha256(content).hexdigest()


def pictures_in(html: str) -> list[str]:
    """The pictures of a piece of HTML: drawings as they are written, others by what their address holds."""
    drawn = [digest_of(one.encode("utf-8", "replace")) for one in _SVG.findall(html)]
    return drawn + [picture_at(address) for address in _IMG.findall(html)]


def picture_at(address: str) -> str:
    """The picture that an address holds; the address itself where it holds none."""
    found = _DATA.match(address)
    if found:
        with suppress(binascii.Error, ValueError):
            return digest_of(base64.b64decode(found[1]))
    return digest_of(address.encode("utf-8", "replace"))


def read_displayed(folder: Path) -> dict[str, tuple[str, str]]:
    """The drawing and the still picture of each figure that a notebook of a build displays, by the name it is linked by.

    A notebook that cannot be read displays none; that it cannot be read is told elsewhere.
    """
    found: dict[str, tuple[str, str]] = {}
    for path in sorted((folder / "notebooks").glob("*.ipynb")):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            content = path.read_bytes()
            for cell in json.loads(content)["cells"] if _DRAWN in content else ():
                for shown in cell.get("outputs", ()):
                    mark, html = shown.get("metadata", {}).get(PLACE, {}), "".join(shown.get("data", {}).get("text/html", ()))
                    if mark.get("is") == "output" and _DRAWN.decode() in html:
                        drawing, still = pictures_in(html)
                        found[str(mark.get("name"))] = (drawing, still)
    return found


def check_pictures(
    file: str, found: Iterable[str], wanted: Iterable[str], *, output: str = "", place: str = "pictures"
) -> list[Finding]:
    """Findings where a file draws a picture that no notebook displays, or not one that it does."""
    have, want = list(found), list(wanted)
    more, less = [one for one in have if one not in want], [one for one in want if one not in have]
    said = [f"draws {number_of(len(more), 'picture')} that no notebook displays"] * bool(more)
    said += [f"lacks {number_of(len(less), 'picture')} that the notebooks display"] * bool(less)
    if not said and len(have) > len(want):
        said = [f"draws {number_of(len(have), 'picture')}, the notebooks display {len(want)}"]
    return [Finding(file, text, PICTURES, output, place) for text in said]
