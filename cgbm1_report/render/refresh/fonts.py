"""The font that a writer's document sets our tables in, and how much wider than Arial it is: widths are told in em of Arial."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from cgbm1_report.emit.align import text_width
from cgbm1_report.emit.docx import own_parts

_STYLES, _THEME = "word/styles.xml", re.compile(r"word/theme/theme\d*\.xml")
_STYLE = re.compile(r'<w:style\b[^>]*w:styleId="([^"]+)"[^>]*>.*?</w:style>', re.S)
_BASED, _FONTS = re.compile(r'<w:basedOn w:val="([^"]+)"'), re.compile(r"<w:rFonts\b[^>]*>")
_DEFAULTS = re.compile(r"<w:rPrDefault>.*?</w:rPrDefault>", re.S)
_NAMED, _OF_THEME = re.compile(r'w:ascii="([^"]+)"'), re.compile(r'w:asciiTheme="(major|minor)\w*"')
#: What Word takes where nothing names a font.
_WORDS_OWN = "Times New Roman"
#: Fonts whose letters are as wide as Arial's; and those that have the widths of another, which may be there where that is not.
_AS_ARIAL = frozenset({"arial", "liberation sans", "helvetica", "arimo", "nimbus sans"})
_ALIKE = {"times new roman": "Liberation Serif", "courier new": "Liberation Mono", "calibri": "Carlito", "cambria": "Caladea"}
#: What is measured: numbers as cells have them, and words in which every letter stands.
_MEASURED = ("0123456789 (45.6) 7, 8", "The quick brown fox jumps over the lazy dog")


def find_font(parts: Mapping[str, bytes], named: Mapping[str, str], style: str) -> str:
    """The font of one of our styles in a document, by its name.

    A style that the document lacks comes along, and stands on what the document has of those below it.
    """
    text, own = (content[_STYLES].decode("utf-8") for content in (parts, own_parts()))
    ours = {named.get(found[1], found[1]): found[0] for found in _STYLE.finditer(own)}
    styles = ours | {found[1]: found[0] for found in _STYLE.finditer(text)}
    ident, seen = named.get(style, style), set[str]()
    said = [_DEFAULTS.search(text)]
    chain = []
    while ident in styles and ident not in seen:
        seen.add(ident)
        chain.append(styles[ident])
        base = _BASED.search(styles[ident])
        ident = (named.get(base[1], base[1]) if styles[ident] == ours.get(ident) else base[1]) if base else ""
    for place in [*chain, *(found[0] for found in said if found)]:
        fonts = _FONTS.search(place)
        theme, name = (pattern.search(fonts[0]) if fonts else None for pattern in (_OF_THEME, _NAMED))
        if theme or name:
            return _font_of_theme(parts, theme[1]) if theme else name[1] if name else ""
    return _WORDS_OWN


def _font_of_theme(parts: Mapping[str, bytes], kind: str) -> str:
    theme = next((content.decode("utf-8") for name, content in parts.items() if _THEME.fullmatch(name)), "")
    found = re.search(rf'<a:{kind}Font>.*?<a:latin\b[^>]*typeface="([^"]+)"', theme, re.S)
    return found[1] if found else _WORDS_OWN


@lru_cache(maxsize=8)
def measure_font(family: str) -> float | None:
    """How wide a font is beside Arial, rather too wide; None where it is not on this machine, nor one of the same widths."""
    if family.casefold() in _AS_ARIAL:
        return 1.0
    return next((wide for name in (family, _ALIKE.get(family.casefold(), "")) if name and (wide := _measure(name))), None)


def _measure(family: str) -> float | None:
    from matplotlib.font_manager import FontProperties, findfont, get_font
    from matplotlib.ft2font import LoadFlags

    try:
        font = get_font(findfont(FontProperties(family=[family]), fallback_to_default=False))
    except (ValueError, OSError, RuntimeError):
        return None
    if not all(font.get_char_index(ord(letter)) for text in _MEASURED for letter in text):
        return None

    def width(text: str) -> float:
        return sum(float(font.load_char(ord(letter), flags=LoadFlags.NO_SCALE).horiAdvance) for letter in text) / font.units_per_EM

    return max(width(text) / text_width(text) for text in _MEASURED)


def tell_unmeasured(font: str) -> str:
    """What a writer is told of tables that were fitted in a font that nobody could measure."""
    return (
        f"tables of this document are in {font}, which is not on this machine: what fits was measured in Arial, look at it in Word"
    )
