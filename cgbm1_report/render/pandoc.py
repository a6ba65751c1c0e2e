"""Pandoc, for the narrative only: Markdown in, a tree that holds nothing but text and layout out.

Narrative is written by people who trust their own words; it may still quote data. So raw HTML, raw
blocks of any format, TeX, attributes, foreign links and files are taken out of it before any format
is made, once, here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cgbm1_report.errors import DataError, ToolError
from cgbm1_report.notebook.receipts import digest_of
from cgbm1_report.system.processes import run_program

Blocks = list[dict[str, Any]]

_READER = (
    "markdown-raw_html-raw_attribute-raw_tex-latex_macros-tex_math_dollars-native_divs-native_spans-fenced_divs"
    "-bracketed_spans-header_attributes-fenced_code_attributes-inline_code_attributes-citations"
    "-yaml_metadata_block-pandoc_title_block-example_lists-implicit_figures-auto_identifiers"
)
_LINK = re.compile(r"(https?://|mailto:)", re.I)
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=\s]*\Z", re.I)
_LENGTH = re.compile(r"\d+(\.\d+)?(in|cm|mm|pt|%)")

#: Where a block's or inline's attributes stand among its contents.
_ATTRIBUTES = {"Header": 1, "CodeBlock": 0, "Div": 0, "Code": 0, "Link": 0, "Image": 0, "Span": 0, "Table": 0, "Figure": 0}


_PACKAGE = "pypandoc-binary"


@cache
def _pinned() -> tuple[Path, str]:
    """The pandoc that came with the package pypandoc-binary, whatever lies on PATH or is named by a variable; its SHA-256.

    Raises
    ------
    ReportError
        The package has none, or not the one it was installed with.
    """
    from importlib.metadata import PackageNotFoundError, files

    try:
        found = [file for file in files(_PACKAGE) or () if file.stem == "pandoc" and file.parent.name == "files"]
    except PackageNotFoundError:
        found = []
    path = Path(str(found[0].locate())) if found else None
    remedy = f"install it again: pip install --force-reinstall {_PACKAGE}"
    if path is None or not path.is_file():
        raise ToolError("pandoc is not there", file=_PACKAGE, rule="the pandoc that is pinned", remedy=remedy)
    digest = digest_of(path)
    # What pip recorded: the wheel's own SHA-256.
    recorded = found[0].hash.value if found[0].hash else ""
    if base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode() != recorded:
        raise ToolError("is not the pandoc of its package", file=path, rule="the pandoc that is pinned", remedy=remedy)
    return path, digest


@cache
def pandoc_record() -> dict[str, str]:
    """The pandoc that runs: its version and SHA-256."""
    version = run_pandoc(["--version"]).decode("utf-8").split("\n", 1)[0].removeprefix("pandoc").strip()
    return {"version": version, "sha256": _pinned()[1]}


def run_pandoc(arguments: Sequence[str], *, given: bytes = b"", timeout: float = 600, folder: Path | None = None) -> bytes:
    """Run pandoc and return what it prints.

    Raises
    ------
    ReportError
        Pandoc fails or takes too long; its own words are quoted.
    """
    # No time enters a document; no data directory of the user's changes it: that of pandoc's own folder holds nothing.
    keep = {name: value for name, value in os.environ.items() if name in ("TMPDIR", "SYSTEMROOT", "TEMP", "TMP")}
    environment = {**keep, "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "315532800"}
    pandoc, _ = _pinned()
    command = [str(pandoc), "--sandbox", "--data-dir", str(pandoc.parent), *arguments]
    try:
        done = run_program(command, given=given, timeout=timeout, folder=folder, environment=environment)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"pandoc took longer than {timeout:g} s", rule="rendering", remedy="allow more time") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip()
        raise ToolError(f"pandoc failed (exit code {done.returncode}): {words}", rule="rendering", remedy="mend what pandoc names")
    return done.stdout


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
        tree = json.loads(run_pandoc(["-f", _READER, "-t", "json", "--file-scope", *names]))
    groups: list[Blocks] = [[]]
    for block in tree["blocks"]:
        if block == {"t": "Para", "c": [{"t": "Str", "c": token}]}:
            groups.append([])
        else:
            groups[-1].append(block)
    return [_safe(group) for group in groups[:-1]]


def _safe(node: Any) -> Any:
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
