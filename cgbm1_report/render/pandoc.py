"""Pandoc, for the narrative only: Markdown in, a tree that holds nothing but text and layout out.

Narrative is written by people who trust their own words; it may still quote data. So raw HTML, raw
blocks of any format, TeX, attributes, foreign links and files are taken out of it before any format
is made, once, here.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cgbm1_report.errors import DataError
from cgbm1_report.system.pandoc import NARRATIVE, pandoc_record, run_pandoc

__all__ = ["Blocks", "document", "new_token", "pandoc_record", "read_markdown", "run_pandoc", "write_fragments"]

Blocks = list[dict[str, Any]]

_LINK = re.compile(r"(https?://|mailto:)", re.I)
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=\s]*\Z", re.I)
_LENGTH = re.compile(r"\d+(\.\d+)?(in|cm|mm|pt|%)")

#: Where a block's or inline's attributes stand among its contents.
_ATTRIBUTES = {"Header": 1, "CodeBlock": 0, "Div": 0, "Code": 0, "Link": 0, "Image": 0, "Span": 0, "Table": 0, "Figure": 0}


def new_token(texts: Sequence[str]) -> str:
    """Make a word that occurs in none of the texts, the same for the same texts."""
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    token = f"slot{digest[:24]}x"
    if any(token in text for text in texts):
        raise DataError("a text holds its own checksum", rule="rendering", remedy="report this text to the maintainers")
    return token


def read_markdown(texts: Sequence[str]) -> list[Blocks]:
    """Read Markdown texts, each by itself, into safe blocks."""
    if not texts:
        return []
    token = new_token(texts)
    with tempfile.TemporaryDirectory(prefix="narrative-") as scratch:
        between = Path(scratch, "between.md")
        between.write_text(token, encoding="utf-8")
        names: list[str] = []
        for number, text in enumerate(texts):
            path = Path(scratch, f"{number}.md")
            path.write_text(text, encoding="utf-8", errors="replace")
            names += [str(path), str(between)]
        tree = json.loads(run_pandoc(["-f", NARRATIVE, "-t", "json", "--file-scope", *names]))
    groups: list[Blocks] = [[]]
    for block in tree["blocks"]:
        if block == {"t": "Para", "c": [{"t": "Str", "c": token}]}:
            groups.append([])
        else:
            groups[-1].append(block)
    return [_safe(group) for group in groups[:-1]]


#: How a list that leaves it open ("#.") is numbered: else each format numbers those within others in its own way.
_NUMBERED = {"DefaultStyle": "Decimal", "DefaultDelim": "Period"}


def _safe(node: Any) -> Any:
    if isinstance(node, dict) and node.get("t") in _NUMBERED:
        return {"t": _NUMBERED[node["t"]]}
    if isinstance(node, list):
        made = []
        for item in node:
            safe = _safe(item)
            if isinstance(safe, list) and isinstance(item, dict):
                made += safe
            else:
                made.append(safe)
        return made
    if not isinstance(node, dict) or "t" not in node:
        return node
    kind, content = node["t"], node.get("c")
    if content is None:
        return node
    if kind in ("RawBlock", "RawInline"):
        text = {"t": "Str", "c": content[1]}
        return {"t": "Para", "c": [text]} if kind == "RawBlock" else text
    if (kind == "Link" and not _LINK.match(content[2][0])) or (kind == "Image" and not _PICTURE.match(content[2][0])):
        return _safe(content[1])
    content = _safe(content)
    if kind in _ATTRIBUTES:
        at = _ATTRIBUTES[kind]
        # Of all attributes the printed size of a picture is the only one that does nothing else.
        sizes = [
            pair for pair in content[at][2] if kind == "Image" and pair[0] in ("width", "height") and _LENGTH.fullmatch(pair[1])
        ]
        content[at] = ["", [], sizes]
    return {"t": kind, "c": content}


def document(blocks: Blocks) -> bytes:
    """Blocks as pandoc's JSON document."""
    return json.dumps({"pandoc-api-version": [1, 23, 1], "meta": {}, "blocks": blocks}).encode("utf-8")


def write_fragments(groups: Sequence[Blocks], to: str) -> list[str]:
    """Write groups of blocks in one format (html, typst, markdown), one text per group."""
    if not groups:
        return []
    token = new_token([json.dumps(groups)])
    kind, mark = {"html": ("html", f"<!--{token}-->"), "typst": ("typst", f"// {token}")}.get(to, ("", token))
    between = {"t": "RawBlock", "c": [kind, mark]} if kind else {"t": "Para", "c": [{"t": "Str", "c": mark}]}
    blocks = [block for group in groups for block in (*group, between)]
    arguments = ["-f", "json", "-t", to, "--wrap=none", "--reference-location=block"]
    text = run_pandoc(arguments, given=document(blocks)).decode("utf-8")
    return [part.strip("\n") for part in text.split(mark)[:-1]]
