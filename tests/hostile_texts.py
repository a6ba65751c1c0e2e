"""Forty texts a site might type, by mistake or on purpose, and what must be printed for each.

``printed`` is written by hand from the rule: a tab is a space, every kind of line end a line feed, and
controls, lone surrogates, bidirectional overrides and non-characters are U+FFFD; all else stays.
``lacks`` names characters that no font of the report has: a PDF is then refused, with their names.
"""

from __future__ import annotations

from typing import NamedTuple


class Hostile(NamedTuple):
    """One text; ``printed`` is empty where it is printed as it is."""

    name: str
    raw: str
    changed: str = ""
    lacks: str = ""

    @property
    def printed(self) -> str:
        return self.changed or self.raw


WORD_200 = "hydroxyprednisolone" * 10 + "0123456789"
TEXT_1500 = "Nausea, then vomiting (3x) after dose 2; " * 36 + "resolved on 2026"
# Sets what a test looks for in a browser. No address in these texts is anybody's.
_RUN = "window.ran=1"

HOSTILE: tuple[Hostile, ...] = (
    Hostile("script tag", f"<script>{_RUN};alert(1)</script>"),
    Hostile("event handlers", f'<img src=x onerror="{_RUN}"><svg onload={_RUN}><details open ontoggle={_RUN}>'),
    Hostile(
        "frame, base, refresh",
        f'<iframe src="javascript:{_RUN}"></iframe><base href="//evil.invalid/"><meta http-equiv=refresh content="0;url=//evil.invalid">',
    ),
    Hostile(
        "script links",
        f'[x](javascript:{_RUN}) <a href="javascript:{_RUN}">x</a> <https://evil.invalid> ![x](http://evil.invalid/x)',
    ),
    Hostile("attribute breakout, double", f'" onmouseover="{_RUN}" autofocus onfocus="{_RUN}'),
    Hostile("attribute breakout, single", f"' autofocus onfocus='{_RUN}' data-s='E"),
    Hostile("comments and CDATA", "--><!-- ]]> <![CDATA[ x ]]> --> <?xml version='1.0'?> <!DOCTYPE x>"),
    Hostile("entities", "&lt;b&gt; &amp; &#x3c;script&#x3e; &quot; &nbsp &#0; &notin;"),
    Hostile("table breakout", "</td></tr></tbody></table></section></main><h1>x</h1>"),
    Hostile("script and style ends", f"</script></style></title></textarea><script>{_RUN}</script>"),
    Hostile("shortcodes of Quarto", "{{< include /etc/passwd >}} {{< env HOME >}} {{% x %}}"),
    Hostile("slots of templates", "{{title}} {{script}} {{mark}} ${title} %(title)s"),
    Hostile("raw block", f"```{{=html}}\n<script>{_RUN}</script>\n```\n\n`<b>`{{=openxml}}"),
    Hostile("backticks and fences", "``````````\n~~~~~~~~~~\n::: {.landscape}\n:::\n---\ntitle: x\n---"),
    Hostile("mathematics", r"$math$ $$x^2$$ \(a\) \[b\] cost $5 to $6"),
    Hostile("commands of TeX", r"\input{/etc/passwd} \write18{id} \def\x{\x}\x"),
    Hostile("code of typst", '#eval("1+1") #read("/etc/passwd") #import "x.typ": * #panic("x")'),
    Hostile("string breakout of typst", '") #panic("out") // */ /* <x> @x'),
    Hostile("backslashes", '\\u{41} \\" \\n \\\\ \\'),
    Hostile("field of RTF", '{\\field{\\*\\fldinst HYPERLINK "http://evil.invalid"}{\\fldrslt x}}'),
    Hostile("control words of RTF", "\\'41 \\u8364? \\bin9 \\par}{\\rtf1 \\pict} \\*\\x"),
    Hostile("object of RTF", "{\\object\\objautlink\\objupdate{\\*\\objclass Package}{\\*\\objdata 0105}}"),
    Hostile("breakout of OOXML", '</w:t></w:r></w:p><w:p><w:r><w:t>x</w:t></w:r></w:p><w:altChunk r:id="rId1"/>'),
    Hostile("field of OOXML", '<w:fldSimple w:instr="DDEAUTO c:\\\\windows\\\\cmd.exe &quot;/k calc&quot;"/>'),
    Hostile("field codes", 'x" \\f t \\l 1 INCLUDETEXT "\\\\\\\\evil.invalid\\\\x" DDEAUTO cmd "/k calc"'),
    Hostile("formula, equals", "=cmd|'/C calc'!A0"),
    Hostile("formula, plus", '+HYPERLINK("http://evil.invalid","x")'),
    Hostile("formula, minus", "-2+3+cmd|' /C calc'!A0"),
    Hostile("formula, at", "@SUM(1+1)*cmd|' /C calc'!A0 _x0041_"),
    Hostile("formula behind a tab", "\t=1+1", " =1+1"),
    Hostile("formula in a new line", 'a";b,"c"";\r\n"=1+1";\'', 'a";b,"c"";\n"=1+1";\''),
    Hostile("SQL, paths, formats", "'; DROP TABLE AE;-- ../../etc/passwd ..\\..\\x %PDF-1.7 %s %n %d%% {0} {} $HOME `id` $(id)"),
    Hostile(
        "controls",
        "nul\x00 bel\x07 bs\x08 esc\x1b[31m\x1b]0;x\x07 us\x1f del\x7f c1\x9b",
        "nul\ufffd bel\ufffd bs\ufffd esc\ufffd[31m\ufffd]0;x\ufffd us\ufffd del\ufffd c1\ufffd",
    ),
    Hostile("surrogates, non-characters", "a\ud83d b\udfff c\ufffe d\uffff e\ufdd0", "a\ufffd b\ufffd c\ufffd d\ufffd e\ufffd"),
    Hostile(
        "direction overrides",
        "dose \u202e21\u202c mg \u2066x\u2067y\u2068z\u2069 \u202ar\u202bs\u202dt",
        "dose \ufffd21\ufffd mg \ufffdx\ufffdy\ufffdz\ufffd \ufffdr\ufffds\ufffdt",
    ),
    Hostile("line ends", "a\r\nb\rc\nd\u2028e\u2029f\x85g\x0bh\x0ci", "a\nb\nc\nd\ne\nf\ufffdg\ufffdh\ufffdi"),
    Hostile("blanks around", "  \u3000two  blanks before and after\u00a0  "),
    Hostile("long words and texts", f"{WORD_200} {TEXT_1500}"),
    Hostile("scripts that are printed", "广州 恶心、呕吐 µ ≥3×ULN αβγΩ Жж שלום حمى e\u0301 n\u0303"),
    Hostile("scripts no font has", "fever 😀 𠜎", "", "😀𠜎"),
)

#: Those that every format prints.
PRINTABLE = tuple(text for text in HOSTILE if not text.lacks)
