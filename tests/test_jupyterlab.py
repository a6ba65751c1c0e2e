"""An output in JupyterLab, light, dark and untrusted: its own styles win, and without them it still reads as printed.

JupyterLab's rules for HTML outputs are restated below from packages/rendermime/style/base.css, the colours of its two
themes from packages/theme-light-extension and packages/theme-dark-extension, what its sanitizer leaves of an untrusted
output from packages/apputils/src/sanitizer.ts (jupyterlab 4; held against a JupyterLab 4.6.6 that ran).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import pytest
from playwright.sync_api import sync_playwright

from cgbm1_report import emit
from cgbm1_report.tabulate.table import Output
from tests.emit_cases import change_table, figure, listing, summary_table
from tests.programs import find_program

pytestmark = pytest.mark.runs("chromium")

#: By theme: text, paper of odd rows, of even ones, under the pointer, lines.
THEMES = {
    "light": ("rgba(0, 0, 0, 0.87)", "#fff", "#f5f5f5", "#e1f5fe", "#bdbdbd"),
    "dark": ("rgba(255, 255, 255, 0.87)", "#111", "#212121", "rgba(3, 169, 244, 0.2)", "#616161"),
}
RULES = """
body {{ background: {odd} }}
.jp-RenderedHTMLCommon {{ color: {ink}; font-family: system-ui; font-size: 14px; line-height: 1.6; padding-right: 20px }}
.jp-RenderedHTMLCommon h2 {{ font-size: 1.728em; line-height: 1; font-weight: 500; margin: 1.2em 0 .8em }}
.jp-RenderedHTMLCommon h2:first-child {{ margin-top: .6em }}
.jp-RenderedHTMLCommon table {{ border-collapse: collapse; border: none; color: {ink}; font-size: 13px; table-layout: fixed;
  margin: 0 auto 1em }}
.jp-RenderedHTMLCommon thead {{ border-bottom: 1px solid {line}; vertical-align: bottom }}
.jp-OutputArea-output.jp-RenderedHTMLCommon table {{ margin-left: 0; margin-right: 0 }}
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th, .jp-RenderedHTMLCommon tr {{ vertical-align: middle; padding: .5em;
  line-height: normal; white-space: normal; max-width: none; border: none }}
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon td, :not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon th,
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon tr {{ text-align: right }}
.jp-RenderedHTMLCommon th {{ font-weight: bold }}
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) {{ background: {odd} }}
.jp-RenderedHTMLCommon tbody tr:nth-child(even) {{ background: {even} }}
.jp-RenderedHTMLCommon tbody tr:hover {{ background: {hover} }}
.jp-RenderedHTMLCommon p {{ text-align: left; margin: 0 0 1em }}
.jp-RenderedHTMLCommon img, .jp-RenderedHTMLCommon svg {{ max-width: 100%; height: auto }}
.jp-RenderedHTMLCommon > *:last-child {{ margin-bottom: .5em }}
"""

#: What the sanitizer leaves: elements, attributes, and declarations whose values it knows.
TABLES = {"table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th", "td"}
ELEMENTS = TABLES | {"section", "div", "span", "p", "h2", "h3", "em", "figure", "figcaption", "img"}
ATTRIBUTES = {"class", "style", "title", "scope", "colspan", "rowspan", "alt", "src", "width", "height", "align"}
DECLARATIONS = re.compile(
    r"text-align:(left|right|center)|font-weight:(normal|bold)|white-space:(normal|pre|pre-wrap|pre-line)|display:(none|block)"
    r"|text-indent:[+-]?[\d.]+(px|em|rem)|(padding-left|(min-|max-)?width):[\d.]+(px|em|rem|%)"
    r"|border-(top|bottom):\d+px solid|margin:(0|0 auto)"
)


class Sanitizer(HTMLParser):
    """Rebuilds a fragment of what the sanitizer allows: no style sheet; of what is not allowed only the words."""

    def __init__(self, fragment: str) -> None:
        super().__init__(convert_charrefs=True)
        self.made: list[str] = []
        self.silent = 0
        self.feed(fragment)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag == "style"
        if tag in ELEMENTS:
            kept = {name: value or "" for name, value in attrs if name in ATTRIBUTES}
            if "style" in kept:
                kept["style"] = ";".join(one for one in kept["style"].split(";") if DECLARATIONS.fullmatch(one.strip()))
            self.made += [f"<{tag}", *(f' {name}="{escape(value)}"' for name, value in kept.items()), ">"]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag == "style"
        if tag in ELEMENTS - {"img", "col"}:
            self.made.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.made += [] if self.silent else [escape(data)]


@pytest.fixture(scope="module")
def page() -> Iterator[object]:
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=find_program("chromium"), args=["--disable-gpu"])
        page = made.new_page(viewport={"width": 900, "height": 700})
        page.set_default_timeout(20_000)
        yield page
        made.close()


WORDY = (
    '<svg width="90pt" height="50pt" viewBox="0 0 90 50" xmlns="http://www.w3.org/2000/svg"><text x="9" y="9">A tick</text></svg>'
)


def open_output(page, output: Output, theme: str, trusted: bool) -> None:
    """Put an output into a notebook's page, as the notebook does; no row is under the pointer."""
    ink, odd, even, hover, line = THEMES[theme]
    html = emit.mime_bundle(output)["text/html"]
    shown = html if trusted else "".join(Sanitizer(html).made)
    rules = RULES.format(ink=ink, odd=odd, even=even, hover=hover, line=line)
    page.set_content(f'<style>{rules}</style><div class="jp-RenderedHTMLCommon jp-RenderedHTML jp-OutputArea-output">{shown}</div>')
    page.mouse.move(0, 0)


def computed(page, selector: str, *names: str) -> list[list[str]]:
    """Computed styles of every element a selector finds."""
    ask = "([css, names]) => [...document.querySelectorAll(css)].map(one => names.map(name => getComputedStyle(one)[name]))"
    return page.evaluate(ask, [selector, list(names)])


BOTH = pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
THEMED = pytest.mark.parametrize("theme", list(THEMES))


@BOTH
@THEMED
def test_cells_stand_as_declared_rules_are_drawn_and_levels_indented(theme, trusted, page):
    open_output(page, listing(), theme, trusted)
    declared = ["left", "left", "left", "center", "right"]
    assert [one for [one] in computed(page, "tbody td", "textAlign")] == 9 * declared
    assert [one for [one] in computed(page, "thead tr:last-child th", "textAlign")] == declared
    assert computed(page, "thead tr:first-child > *", "borderTopWidth", "borderTopStyle")[1] == ["2px", "solid"]
    assert computed(page, ".gt_column_spanner", "borderBottomWidth", "display", "textAlign") == [["1px", "block", "center"]]
    assert {*map(tuple, computed(page, "thead th[scope=col]", "borderBottomWidth", "whiteSpace"))} == {("1px", "pre-line")}
    assert computed(page, "tbody", "borderBottomWidth", "borderBottomStyle") == [["2px", "solid"]]
    assert {one for [one] in computed(page, "tfoot td, tfoot p", "textAlign")} == {"left"}
    open_output(page, summary_table(), theme, trusted)
    assert [one for [one] in computed(page, "tbody td", "textAlign")] == 18 * ["center"]
    # 1.5 rem and 1.1 rem a level, of 16 pixels.
    levels = ["24px", "24px", "41.6px", "41.6px", "24px", "41.6px"]
    assert [one for [one] in computed(page, "tbody th", "paddingLeft")] == levels
    weights = ["400", "700", "400", "400", "700", "400"]
    assert computed(page, "tbody th", "textAlign", "fontWeight") == [["left", weight] for weight in weights]


@THEMED
def test_a_trusted_output_is_ink_on_paper_of_its_own_in_every_row(theme, page):
    for output in (change_table(), listing()):
        open_output(page, output, theme, True)
        rows = computed(page, "tr", "backgroundColor")
        assert rows == [["rgb(255, 255, 255)"]] * len(rows)
        inks = {one for [one] in computed(page, "th, td:not(.cg-again), caption, h2", "color")}
        assert inks == {"rgb(17, 17, 17)", "rgb(89, 89, 89)"}, "rows, and notes"
        assert {*map(tuple, computed(page, "tbody tr:nth-child(2) td", "paddingTop", "verticalAlign"))} == {("2.56px", "top")}
        # 1.4 times the letters, in rows and notes alike; a font wider than ours is set smaller, so that words keep their columns.
        assert {one for [one] in computed(page, "tbody th, tbody td", "lineHeight")} == {"18.2px"}
        assert computed(page, "section", "fontSizeAdjust") == [["ch-width 0.556"]]
        assert computed(page, "h2", "fontSize", "marginTop") == [["14.3px", "0px"]]
        page.hover("tbody tr:nth-child(2)")
        assert computed(page, "tbody tr:nth-child(2)", "backgroundColor") == [["rgb(242, 245, 249)"]]


@THEMED
def test_an_untrusted_output_has_the_ink_and_paper_of_the_theme(theme, page):
    open_output(page, listing(), theme, False)
    ink = THEMES[theme][0]
    assert {one for [one] in computed(page, "tbody td, caption, tfoot td", "color")} == {ink}, "also what is said once"
    papers = {"light": ["rgb(255, 255, 255)", "rgb(245, 245, 245)"], "dark": ["rgb(17, 17, 17)", "rgb(33, 33, 33)"]}
    assert [one for [one] in computed(page, "tbody tr", "backgroundColor")][:2] == papers[theme]


@THEMED
def test_a_figure_is_vectors_where_it_is_trusted_and_a_picture_where_not(theme, page):
    drawn = figure(svg=WORDY)
    open_output(page, drawn, theme, True)
    assert page.locator("svg").is_visible()
    assert not page.locator("img").is_visible()
    open_output(page, drawn, theme, False)
    assert page.locator("svg").count() == 0
    assert page.locator("img").is_visible()
    assert page.locator("img").evaluate("one => [one.naturalWidth, one.alt]") == [1800, drawn.alt]
    said = page.inner_text("section")
    assert "A tick" not in said, "the words of the vectors, which stay where these are taken out"
    assert drawn.title in said
    assert drawn.population in said


def test_the_bundle_of_a_figure_has_its_picture_for_who_shows_no_html():
    assert list(emit.mime_bundle(figure())) == ["text/html", "text/markdown", "image/png", "text/plain"]
    assert emit.mime_bundle(figure())["image/png"].startswith("iVBORw0KGgo")


# ---- VS Code, and the classic notebook

#: What VS Code says of tables in outputs of notebooks, restated from src/vs/workbench/contrib/notebook/browser/view/renderers/
#: backLayerWebView.ts; the paper is that of its dark theme.
OF_VSCODE = """
body { color: #ccc; background: #1f1f1f }
table, thead, tr, th, td, tbody { border: none !important; border-color: transparent; border-spacing: 0; border-collapse: collapse }
table { width: 100% } table, th, tr { text-align: left !important } th, td { padding: 4px 8px }
thead { font-weight: bold; background-color: rgba(130, 130, 130, 0.16) }
tr:nth-child(even) { background-color: rgba(130, 130, 130, 0.08) } tbody th { font-weight: normal }
"""
#: What the classic notebook says of them (nbclassic, notebook/less/renderedhtml.less).
OF_CLASSIC = """
.rendered_html table { margin-left: auto; margin-right: auto; border: none; border-collapse: collapse; border-spacing: 0; color: black;
  font-size: 12px; table-layout: fixed } .rendered_html thead { border-bottom: 1px solid black; vertical-align: bottom }
.rendered_html tr, .rendered_html th, .rendered_html td { text-align: right; vertical-align: middle; padding: 0.5em 0.5em;
  line-height: normal; white-space: normal; max-width: none; border: none } .rendered_html th { font-weight: bold }
.rendered_html tbody tr:nth-child(odd) { background: #f5f5f5 } .rendered_html tbody tr:hover { background: rgba(66, 165, 245, 0.2) }
"""
ELSEWHERE = pytest.mark.parametrize("rules", [OF_VSCODE, OF_CLASSIC], ids=["VS Code", "classic"])


@ELSEWHERE
@pytest.mark.parametrize("changed", [False, True], ids=["as it is", "with a row that changed"])
def test_elsewhere_a_table_stands_and_is_ruled_as_printed(changed: bool, rules: str, page) -> None:
    made = listing()
    made = replace(made, rows=(replace(made.rows[0], changed=changed), *made.rows[1:]))
    html = emit.mime_bundle(made)["text/html"]
    page.set_content(f"<style>{rules}</style><div class='rendered_html'>{html}</div>")
    page.mouse.move(0, 0)
    declared = ["left", "left", "left", "center", "right"]
    assert [one for [one] in computed(page, "tbody td", "textAlign")] == 9 * declared
    assert [one for [one] in computed(page, "thead tr:last-child th", "textAlign")] == declared
    tops = computed(page, "thead tr:first-child > *", "borderTopWidth", "borderTopStyle")
    assert {*map(tuple, tops)} == {("2px", "solid")}
    assert {one for [one] in computed(page, "thead th[scope=col]", "borderBottomWidth")} == {"1px"}
    assert computed(page, "tbody", "borderBottomWidth", "borderBottomStyle") == [["2px", "solid"]]
    assert {one for [one] in computed(page, "tbody tr", "backgroundColor")} == {"rgb(255, 255, 255)"}
    assert {one for [one] in computed(page, "tbody td:not(.cg-again), caption", "color")} == {"rgb(17, 17, 17)"}
    bars = [one for [one] in computed(page, "tbody tr > :first-child", "borderLeftWidth")]
    assert ("3px" in bars) is changed


@ELSEWHERE
def test_elsewhere_labels_are_indented_and_numbers_are_right(rules: str, page) -> None:
    page.set_content(f"<style>{rules}</style><div class='rendered_html'>{emit.mime_bundle(summary_table())['text/html']}</div>")
    assert {one for [one] in computed(page, "tbody th", "textAlign")} == {"left"}
    assert len({one for [one] in computed(page, "tbody th", "paddingLeft")}) > 1
    assert {one for [one] in computed(page, "tbody td", "textAlign")} <= {"right", "center"}
