"""Fonts of a PDF: in the file, read back as characters, and as wide as the file says."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from pikepdf import Array, Dictionary, Name, Stream

from cgbm1_report.readback.pdftext import STRING, TAG, read_characters, unescaped
from cgbm1_report.readback.printed import Finding
from cgbm1_report.readback.structure.opened import Drawing, Opened

EMBEDDED = "PDF/A-2 6.2.11.4: every font is in the file"
KINDS = "PDF/A-2 6.2.11.3: fonts with many characters say which is which"
CHARACTERS = "PDF/A-2 6.2.11.7, PDF/UA-1 7.21.7: every character printed is one of Unicode"
GLYPHS = "PDF/A-2 6.2.11.8, PDF/UA-1 7.21.8: every character printed has a glyph"
WIDTHS = "PDF/A-2 6.2.11.5: characters are as wide as the file says"

#: What a mark says of itself, which is not shown; a font by its name; a string.
_TOKENS = re.compile(rb"<<[^<>()]*+>>|" + TAG + rb"|/(\S+)\s+[-\d.]+\s+Tf\b|(" + STRING + rb"|<[^<>]*>)", re.S)
_FILES = (Name.FontFile, Name.FontFile2, Name.FontFile3)
#: Thousandths of the font's size by which a width may differ.
_TOLERANCE = 1.0


def fonts_of(doc: Opened) -> dict[tuple[int, int], tuple[Any, str]]:
    """Every font of a page or form, with the first place it is named at."""
    if "fonts" not in doc.cache:
        found: dict[tuple[int, int], tuple[Any, str]] = {}
        for drawing in doc.drawings:
            for font in drawing.resources.get(Name.Font, Dictionary()).values():
                found.setdefault(font.objgen, (font, drawing.place))
        doc.cache["fonts"] = found
    return dict(doc.cache["fonts"])


def _name(font: Any) -> str:
    return str(font.get(Name.BaseFont, "without a name")).lstrip("/")


def _below(font: Any) -> Any:
    """The font that holds the glyphs."""
    kids = font.get(Name.DescendantFonts)
    return kids[0] if isinstance(kids, Array) and len(kids) else font


def check_fonts_embedded(doc: Opened) -> Iterator[Finding]:
    """Each font has its program in the file."""
    for font, place in fonts_of(doc).values():
        descriptor = _below(font).get(Name.FontDescriptor, Dictionary())
        if not any(isinstance(descriptor.get(key), Stream) for key in _FILES):
            yield doc.say(EMBEDDED, f"font {_name(font)} is not in the file", place)


def check_font_kinds(doc: Opened) -> Iterator[Finding]:
    """No fonts of drawings; composite fonts by identity, with a map to their glyphs and a table to characters."""
    for font, place in fonts_of(doc).values():
        below = _below(font)
        said = []
        if font.get(Name.Subtype) == Name.Type3:
            said.append("is made of drawings (Type 3)")
        if font.get(Name.Subtype) == Name.Type0 and font.get(Name.Encoding) not in (Name("/Identity-H"), Name("/Identity-V")):
            said.append("has codes of its own")
        if below.get(Name.Subtype) == Name.CIDFontType2 and not (
            below.get(Name.CIDToGIDMap) == Name.Identity or isinstance(below.get(Name.CIDToGIDMap), Stream)
        ):
            said.append("has no map from characters to glyphs (CIDToGIDMap)")
        if not isinstance(font.get(Name.ToUnicode), Stream):
            said.append("has no table of its characters (ToUnicode)")
        names = {str(item) for item in (font.get(Name.BaseFont), below.get(Name.BaseFont)) if item is not None}
        names.add(str(below.get(Name.FontDescriptor, Dictionary()).get(Name.FontName)))
        if below.get(Name.Subtype) == Name.CIDFontType0:
            # The name of such a font ends with that of its character map (ISO 32000-1, 9.7.6.1).
            names.discard(f"{below.get(Name.BaseFont)}-{str(font.get(Name.Encoding)).removeprefix('/')}")
        if len(names) > 1:
            said.append(f"has the names {', '.join(sorted(names))}")
        for what in said:
            yield doc.say(KINDS, f"font {_name(font)} {what}", place)


def shown_codes(doc: Opened) -> dict[tuple[int, int], dict[int, str]]:
    """The codes shown of every font, each with the first place it stands at."""
    if "codes" not in doc.cache:
        found: dict[tuple[int, int], dict[int, str]] = {}
        # Most strings stand in many cells and on many pages: each is taken apart where it stands first.
        met: dict[tuple[int, int], set[bytes]] = {}
        for drawing in doc.drawings:
            for font, texts in _shown(drawing):
                fresh = texts - met.setdefault(font.objgen, set())
                met[font.objgen] |= fresh
                known = found.setdefault(font.objgen, {})
                for code in _codes(fresh, wide=font.get(Name.Subtype) == Name.Type0) - known.keys():
                    known[code] = drawing.place
        doc.cache["codes"] = found
    return dict(doc.cache["codes"])


def _shown(drawing: Drawing) -> list[tuple[Any, set[bytes]]]:
    """The strings that a drawing shows of each of its fonts, as they are written."""
    fonts = drawing.resources.get(Name.Font, Dictionary())
    texts: dict[bytes, set[bytes]] = {}
    shown: set[bytes] = set()
    for name, text in _TOKENS.findall(drawing.content):
        if name:
            shown = texts.setdefault(name, set())
        elif text:
            shown.add(text)
    named = [(fonts.get("/" + name.decode("latin-1")), own) for name, own in texts.items()]
    return [(font, own) for font, own in named if font is not None]


def _whole(digits: bytes) -> bytes:
    """Digits of a string without blanks, the last of an odd number being 0."""
    found = b"".join(digits.split())
    return found + b"0" * (len(found) % 2)


def _codes(texts: Iterable[bytes], *, wide: bool) -> set[int]:
    """The codes of strings in round or in pointed brackets."""
    found: set[int] = set()
    for text in texts:
        codes = unescaped(text) if text.startswith(b"(") else bytes.fromhex(_whole(text[1:-1]).decode("ascii"))
        found.update(struct.unpack(f">{len(codes) // 2}H", codes[: len(codes) // 2 * 2]) if wide else codes)
    return found


def check_characters(doc: Opened) -> Iterator[Finding]:
    """Each code shown is a character of Unicode: not none, not one for private use.

    U+FFFD is one: it stands where the data held what cannot be printed.
    """
    fonts = fonts_of(doc)
    for key, codes in shown_codes(doc).items():
        font = fonts[key][0]
        table = font.get(Name.ToUnicode)
        known = read_characters(table.read_bytes()) if isinstance(table, Stream) else {}
        for code, place in sorted(codes.items()):
            text = known.get(code, "")
            if not text or any(char in "\0\ufeff\ufffe" or "\ue000" <= char <= "\uf8ff" for char in text):
                yield doc.say(CHARACTERS, f"font {_name(font)} shows code {code:04X}, which is the text {text!r}", place)


def check_glyphs(doc: Opened) -> Iterator[Finding]:
    """Each code shown has a glyph: it is not the box for none, it is in the font's set and in its program."""
    fonts = fonts_of(doc)
    for key, codes in shown_codes(doc).items():
        font = fonts[key][0]
        below = _below(font)
        descriptor = below.get(Name.FontDescriptor, Dictionary())
        members = descriptor.get(Name.CIDSet)
        bits = members.read_bytes() if isinstance(members, Stream) else None
        program = descriptor.get(Name.FontFile2)
        widths = glyph_widths(program.read_bytes()) if isinstance(program, Stream) else None
        for code, place in sorted(codes.items()):
            if font.get(Name.Subtype) != Name.Type0:
                continue
            if code == 0:
                yield doc.say(GLYPHS, f"font {_name(font)} shows a character without a glyph (.notdef)", place)
            if bits is not None and not (code // 8 < len(bits) and bits[code // 8] & (128 >> code % 8)):
                yield doc.say(GLYPHS, f"font {_name(font)} shows code {code:04X}, which its CIDSet leaves out", place)
            if widths is not None and _glyph_of(below, code) >= len(widths):
                yield doc.say(GLYPHS, f"font {_name(font)} shows code {code:04X}, which it does not hold", place)


def _glyph_of(font: Any, code: int) -> int:
    table = font.get(Name.CIDToGIDMap)
    if not isinstance(table, Stream):
        return code
    pairs = table.read_bytes()
    return int.from_bytes(pairs[2 * code : 2 * code + 2], "big")


def check_widths(doc: Opened) -> Iterator[Finding]:
    """Each code shown is as wide in the file's table as in the font."""
    fonts = fonts_of(doc)
    for key, codes in shown_codes(doc).items():
        font = fonts[key][0]
        below = _below(font)
        program = below.get(Name.FontDescriptor, Dictionary()).get(Name.FontFile2)
        true = glyph_widths(program.read_bytes()) if isinstance(program, Stream) else None
        if true is None or below.get(Name.Subtype) != Name.CIDFontType2:
            continue
        said = _said_widths(below)
        default = float(below.get(Name.DW, 1000))
        for code, place in sorted(codes.items()):
            glyph = _glyph_of(below, code)
            if glyph < len(true) and abs(said.get(code, default) - true[glyph]) > _TOLERANCE:
                told = f"code {code:04X} is {said.get(code, default):g} wide in the file, {true[glyph]:g} in the font"
                yield doc.say(WIDTHS, f"font {_name(font)}: {told}", place)


def _said_widths(font: Any) -> dict[int, float]:
    """The widths that a composite font says, by code."""
    found: dict[int, float] = {}
    items = list(font.get(Name.W, Array()))
    at = 0
    while at + 1 < len(items):
        first = int(items[at])
        if isinstance(items[at + 1], Array):
            found |= {first + step: float(width) for step, width in enumerate(items[at + 1])}
            at += 2
        elif at + 2 < len(items):
            found |= dict.fromkeys(range(first, int(items[at + 1]) + 1), float(items[at + 2]))
            at += 3
        else:
            break
    return found


def glyph_widths(program: bytes) -> list[float] | None:
    """Widths of a TrueType font's glyphs in thousandths of its size; None where its tables cannot be read."""
    try:
        count = struct.unpack_from(">H", program, 4)[0]
        tables = {
            bytes(tag): (start, length)
            for tag, _, start, length in (struct.unpack_from(">4sIII", program, 12 + 16 * at) for at in range(count))
        }
        units = struct.unpack_from(">H", program, tables[b"head"][0] + 18)[0]
        longs = struct.unpack_from(">H", program, tables[b"hhea"][0] + 34)[0]
        glyphs = struct.unpack_from(">H", program, tables[b"maxp"][0] + 4)[0]
        own = [struct.unpack_from(">H", program, tables[b"hmtx"][0] + 4 * at)[0] for at in range(longs)]
        return [1000 * width / units for width in [*own, *([own[-1]] * (glyphs - longs))][:glyphs]]
    except (struct.error, KeyError, IndexError, ZeroDivisionError):
        return None


CHECKS = (check_fonts_embedded, check_font_kinds, check_characters, check_glyphs, check_widths)
