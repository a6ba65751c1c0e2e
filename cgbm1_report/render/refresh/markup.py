"""A part of a Word file written as Word writes it, so that what is looked for in it is found.

Other programs put attributes into single quotes, break lines between elements and inside tags, leave comments, or wrap
text as CDATA. That is the same XML, and a reader sees the same document.
"""

from __future__ import annotations

import re

_ATTRIBUTES = rb"""(?:[^<>"']|"[^"]*"|'[^']*')*?"""
_TOKEN = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[(?P<data>.*?)\]\]>|<\?.*?\?>|<(?P<end>/?)(?P<name>[^\s/>\"'!?]+)(?P<said>%s)\s*(?P<empty>/?)>"
    % _ATTRIBUTES,
    re.S,
)
_ATTRIBUTE = re.compile(rb"""([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
#: What Word never writes behind a part's first line: in any part, and in the main one, whose elements stand side by side.
_ODD = re.compile(rb"<[\w:]+\s[^<>]*=\s*'|<!--|<!\[CDATA\[")
_LOOSE = re.compile(rb'<[\w:]+(?:[\r\n\t]|[ ]{2}|\s[^<>]*(?:=\s+"|\s=|"(?:[\r\n\t]|[ ]{2})\s*\w))|="[^"<>]*>')
_APART = re.compile(rb">\s+<(?!/)|/>\s+</|</[^>]*>\s+</")


def plain_markup(content: bytes, *, apart: bool) -> bytes:
    """The same XML: attributes in double quotes with a blank before each, text as text, nothing but elements and their text.

    Where it is written so already, nothing is changed. ``apart`` says whether
    white space in tags and between elements counts too.
    """
    start = content.find(b"?>") + 2 if content.lstrip(b"\xef\xbb\xbf")[:5] == b"<?xml" else 0
    body = content[start:].lstrip()
    if not _ODD.search(body) and not (apart and (_LOOSE.search(body) or _APART.search(body))):
        return content
    pieces, last, opened = [content[: len(content) - len(body)]], 0, False
    for found in _TOKEN.finditer(body):
        text, closes = body[last : found.start()], bool(found["end"])
        # White space alone is text only where nothing else stands in an element.
        pieces.append(text if text.strip() or (opened and closes) else b"")
        last = found.end()
        if found["data"] is not None:
            pieces.append(found["data"].replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;"))
        elif found["name"] is not None:
            said = b"".join(map(_attribute, _ATTRIBUTE.finditer(found["said"])))
            pieces.append(b"<" + found["end"] + found["name"] + said + found["empty"] + b">")
            opened = not closes and not found["empty"]
    return b"".join(pieces)


def _attribute(found: re.Match[bytes]) -> bytes:
    value = found[2] if found[2] is not None else found[3].replace(b'"', b"&quot;")
    return b" " + found[1] + b'="' + re.sub(rb"[\r\n\t]", b" ", value.replace(b">", b"&gt;")) + b'"'
