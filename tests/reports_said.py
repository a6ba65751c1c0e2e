"""All that a reader is told by a report's three files, aspect by aspect: what two engines print alike is equal in each."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pikepdf
from pypdf import PdfReader

from tests.emit_readers import docx_body, docx_parts, xml_text

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"
#: What an address of a page may not be, unless it is a link of the author's: all but a place in it and what it holds.
_ADDRESS = re.compile(r"""\b(?:src|srcset|href|poster|data|action|ping)\s*=\s*["']?(?!#|data:)([^"'\s>]+)""", re.I)
_FETCHED = re.compile(r"""@import[^;]*|url\(\s*["']?(?!data:|#)[^)]*""", re.I)
_SIZE = re.compile(r'<(?:svg|img)\b[^>]*?(?:aria-label|alt)="([^"]*)"')


def said_by(folder: Path) -> dict[str, Any]:
    """What report.html, report.docx and report.pdf of a folder say."""
    return {**page_said(folder / "report.html"), **word_said(folder / "report.docx"), **pdf_said(folder / "report.pdf")}


def pages(folder: Path) -> list[str]:
    """The text of each page; dots and blanks that lead to a page number are one."""
    return [re.sub(r"[.\s]+", " ", page.extract_text()) for page in PdfReader(folder / "report.pdf").pages]


def bookmarks(folder: Path) -> list[tuple[int, str]]:
    """The outline: level and text."""

    def below(items: Any, level: int) -> Any:
        for item in items:
            yield level, str(item.title)
            yield from below(item.children, level + 1)

    with pikepdf.open(folder / "report.pdf") as pdf, pdf.open_outline() as outline:
        return list(below(outline.root, 1))


def paragraphs(folder: Path) -> list[str]:
    """What every paragraph of the Word document says; those that say nothing are left out."""
    texts = [_plain(xml_text(one)) for one in docx_body((folder / "report.docx").read_bytes()).iter(f"{W}p")]
    return [text for text in texts if text]


def _plain(text: str) -> str:
    return " ".join(text.split())


def _words(markup: str) -> str:
    markup = re.sub(r"<(script|style)\b.*?</\1>", " ", markup, flags=re.S | re.I)
    return _plain(unescape(re.sub(r"<[^>]*>", " ", markup)))


def page_said(path: Path) -> dict[str, Any]:
    text = path.read_text("utf-8")
    contents = text[text.index('<nav class="contents"') : text.index("</nav>", text.index('<nav class="contents"'))]
    start = re.search(r'<section class="section[^>]*>', text)
    assert start is not None
    body = text[start.start() : text.index("</main>")]
    lines = re.findall(r'<a href="#([^"]+)">(.*?)</a>', contents, re.S)
    title = re.search(r"<title>(.*?)</title>", text, re.S)
    # What a script does with addresses is asked in a browser (test_browser.py, test_opened.py).
    shown = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    return {
        "page: title": _words(title[1]) if title else "",
        "page: words": _words(body),
        "page: headings": [(level, _words(head)) for level, head in re.findall(r"<h([1-6])\b[^>]*>(.*?)</h\1>", body, re.S)],
        "page: contents": [(_words(line), f'id="{anchor}"' in body) for anchor, line in lines],
        "page: cells": [_words(cell) for cell in re.findall(r"<t[dh]\b[^>]*>(.*?)(?=</?t[dhr]\b|</tbody)", body, re.S)],
        "page: pictures": [unescape(words) for words in _SIZE.findall(body)],
        "page: leads": re.findall(r'<a class="cg-to" href="#([^"]*)"', body),
        "page: addresses": sorted([*_ADDRESS.findall(shown), *_FETCHED.findall(shown)]),
    }


def word_said(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    body, core = docx_body(content), docx_parts(content)["docProps/core.xml"].decode("utf-8")
    heads = [(style, one) for one in body.iter(f"{W}p") for style in _styles(one) if style.startswith(("Heading", "Caption"))]
    named = {mark.get(f"{W}name") for mark in body.iter(f"{W}bookmarkStart")}
    aims = [mark.get(f"{W}anchor") for mark in body.iter(f"{W}hyperlink") if mark.get(f"{W}anchor")]
    title = re.search(r"<dc:title>(.*?)</dc:title>", core)
    return {
        "word: title": title[1] if title else "",
        "word: words": paragraphs(path.parent),
        "word: headings": [(style, _plain(xml_text(one))) for style, one in heads],
        "word: pictures": [mark.get("descr") for mark in body.iter(_PICTURE)],
        "word: leads": [aim in named for aim in aims],
    }


def _styles(paragraph: Any) -> list[str]:
    return [style.get(f"{W}val", "") for style in paragraph.iter(f"{W}pStyle")]


def pdf_said(path: Path) -> dict[str, Any]:
    with pikepdf.open(path) as pdf:
        said = {f"pdf: {name[1:]}": str(pdf.docinfo.get(name, "")) for name in ("/Title", "/Author", "/CreationDate")}
        tags = [item for item in pdf.objects if isinstance(item, pikepdf.Dictionary) and "/S" in item and "/Alt" in item]
        said["pdf: language"] = str(pdf.Root.get("/Lang", ""))
        said["pdf: pictures"] = [str(item["/Alt"]) for item in tags]
        with pdf.open_metadata() as told:
            said["pdf: standards"] = [
                told.get(f"{name}:{part}") for name in ("pdfaid", "pdfuaid") for part in ("part", "conformance")
            ]
    return {**said, "pdf: pages": pages(path.parent), "pdf: bookmarks": bookmarks(path.parent)}
