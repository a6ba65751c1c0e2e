"""Words as Markdown that says the words and nothing else, whatever acts on Markdown there.

Pandoc's writer escapes what its own reader acts on by its own settings. Quarto's acts on more: ``@key``, ``{#id}`` behind
a heading, ``{=html}`` behind code, ``{{< … >}}``, ``"`` and ``--``. So each sign of a word is escaped here, and code,
in which nothing can be, is words in Word's own styles for code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cgbm1_report.render.pandoc import Blocks, write_fragments

#: A typographic quotation mark is itself, not what a reader makes of a straight one.
_MARKDOWN = "markdown-smart"
_SIGN = re.compile(r"([!-/:-@\[-`{-~])")
#: A second blank, and one at the start of a line, would be left out.
_BLANK = re.compile(r"(?:(?<= )|^) ", re.M)
#: Stands beside a picture that has a paragraph to itself, and keeps its alternative text from becoming a caption.
_NOTHING = {"t": "RawInline", "c": ["html", "<!-- -->"]}


def write_literal(groups: Sequence[Blocks]) -> list[str]:
    """Write groups of safe blocks as Markdown, one text per group."""
    return write_fragments([_literal(blocks) for blocks in groups], _MARKDOWN)


def styled(style: str, blocks: Blocks) -> Blocks:
    """Blocks in a style of Word's."""
    return [{"t": "Div", "c": [["", [], [["custom-style", style]]], blocks]}]


def escape_signs(text: str) -> str:
    """A text in which every sign stands for itself."""
    return _SIGN.sub(r"\\\1", text)


def _literal(node: Any) -> Any:
    if isinstance(node, list):
        return [_literal(item) for item in node]
    if not isinstance(node, dict) or "t" not in node:
        return node
    kind: str = node["t"]
    content: Any = node.get("c")
    if kind == "Str":
        return _word(content)
    if kind == "Code":
        return _code(content[1])
    if kind == "CodeBlock":
        lines = [piece for line in content[1].split("\n") for piece in ({"t": "LineBreak"}, _code(line))][1:]
        return styled("Source Code", [{"t": "Para", "c": lines}])[0]
    if content is None:
        return node
    if kind == "DefinitionList" and any(len(blocks) > 1 for _, texts in content for blocks in texts):
        # Of a list that it takes for a close one, the writer runs the paragraphs together.
        content = [[term, [_apart(blocks) for blocks in texts]] for term, texts in content]
    content = _literal(content)
    if kind in ("Link", "Image"):
        # Word shows no title of a link.
        content[2] = [_address(content[2][0]), ""]
    if kind in ("Para", "Plain") and [inline["t"] for inline in content] == ["Image"]:
        content = [*content, _NOTHING]
    return {"t": kind, "c": content}


def _apart(blocks: Blocks) -> Blocks:
    return [{**block, "t": "Para"} if block["t"] == "Plain" else block for block in blocks]


def _word(text: str) -> dict[str, Any]:
    return {"t": "RawInline", "c": ["markdown", escape_signs(text)]}


def _code(text: str) -> dict[str, Any]:
    words = _word(_BLANK.sub("\u00a0", text))
    return {"t": "Span", "c": [["", [], [["custom-style", "Verbatim Char"]]], [words]]}


def _address(target: str) -> str:
    """An address in which no command and no comment begins."""
    return target.replace("{", "%7B").replace("<", "%3C")
