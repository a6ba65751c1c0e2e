"""Makes text from data harmless: the one place where characters are replaced or escaped.

Every text goes through :func:`clean` first, whatever the format, so that all formats print the
same characters. The escapes of a format work on clean text only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

#: Stands for a character that must not be printed; the reader sees that something was there.
REPLACEMENT = "\ufffd"

# C0 and C1 controls (not XML, or a command to a terminal or to RTF), lone surrogates (not UTF-8),
# bidirectional overrides and isolates (make 12 read as 21), non-characters.
_FORBIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1e\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff"
_SEPARATOR = "\x1f"
_HOSTILE = re.compile(f"[{_FORBIDDEN}]")
_NEWLINE = re.compile("\r\n|[\r\u2028\u2029]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def map_texts(texts: Sequence[str], change: Callable[[str], str]) -> list[str]:
    """Change many clean texts at once: one call on the joined text instead of one per text.

    ``change`` must work character by character and leave U+001F alone.
    """
    if not texts:
        return []
    return change(_SEPARATOR.join(texts)).split(_SEPARATOR)


def _clean_joined(text: str) -> str:
    if "\r" in text or "\u2028" in text or "\u2029" in text:
        text = _NEWLINE.sub("\n", text)
    if "\t" in text:
        text = text.replace("\t", " ")
    return _HOSTILE.sub(REPLACEMENT, text)


def clean(text: str) -> str:
    """Text without anything but printable characters, spaces and line feeds.

    Tabs become spaces, every kind of line end a line feed, and what cannot or must not be printed
    (controls, lone surrogates, bidirectional overrides, non-characters) U+FFFD.
    """
    return _clean_joined(text.replace(_SEPARATOR, REPLACEMENT))


def clean_all(texts: Sequence[str]) -> list[str]:
    """:func:`clean` for many texts, fast."""
    if _SEPARATOR.join(texts).count(_SEPARATOR) != max(len(texts) - 1, 0):
        texts = [text.replace(_SEPARATOR, REPLACEMENT) for text in texts]
    return map_texts(texts, _clean_joined)


def escape_html(text: str) -> str:
    """Clean text as HTML text or attribute value.

    Doubled braces too: a report generator downstream reads ``{{< … >}}`` as a command.
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("'", "&#39;")
    return text.replace("{{", "&#123;&#123;")


def escape_xml(text: str) -> str:
    """Clean text as the text of a WordprocessingML run: line feeds become line breaks."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("{{", "&#123;&#123;")
    return text.replace("\n", '</w:t><w:br/><w:t xml:space="preserve">')


def escape_attribute(text: str) -> str:
    """Clean text as an XML attribute value: one line."""
    return escape_html(text).replace("\n", " ")


def escape_typst(text: str) -> str:
    """Clean text as the inside of a typst string literal: data, never markup or code."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("{{", "\\u{7b}\\u{7b}")


def _rtf_unicode(match: re.Match[str]) -> str:
    code = ord(match[0])
    # \uN takes a signed 16-bit number: astral characters go as two surrogates.
    units = [code] if code < 0x10000 else [0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF)]
    return "".join(f"\\u{unit - 0x10000 if unit > 0x7FFF else unit}?" for unit in units)


def escape_rtf(text: str) -> str:
    """Clean text as RTF text: no backslash or brace is left as a command, all else is ASCII."""
    text = text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}").replace("\n", "\\line ")
    return text if text.isascii() else _NOT_ASCII.sub(_rtf_unicode, text)


_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def escape_markdown(text: str) -> str:
    """Clean text as one line of markdown text that means nothing but itself."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def fence(content: str) -> str:
    """A run of backticks longer than any in the content, three at least."""
    if "```" not in content:
        return "```"
    return "`" * (1 + max(len(run) for run in re.findall("`+", content)))


def anchor(number: str) -> str:
    """The name an output is linked by, in HTML, Word and PDF alike: ``T14_3_1_2_1``.

    Letters, digits and underscores, begins with a letter, at most 40 characters (Word's limit).
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", number)[:40]
    return name if name[:1].isalpha() else f"o{name}"[:40]
