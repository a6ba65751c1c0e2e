"""Outputs to emit, small enough to be checked by eye, and the texts nobody should print as they are."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

from cgbm1_report.analyse.numbers import SURVFIT, list_statistics, make_numbers
from cgbm1_report.tabulate.results import empty_ard, list_numbers
from cgbm1_report.tabulate.table import Column, Figure, Row, Table
from tests.drawn import our_trial, stamp_of, stamp_saying

#: What the product writes on the pages of a synthetic cut, of another study and day.
STAMP = replace(stamp_of(our_trial()), protocol="XY-101", cutoff="2026-10-01", produced="2026-10-02 08:00 UTC")
MARK = STAMP.mark


def summary_table(**changed: object) -> Table:
    """Adverse events by system organ class and preferred term, two arms and a total."""
    columns = tuple(Column(key, key, n, 1.1) for key, n in (("Placebo", 30), ("Low", 100), ("Total", 130)))

    def row(label: str, texts: str, *, indent: int = 0, over: str = "", head: bool = False) -> Row:
        cells = dict(zip((column.key for column in columns), (text.strip() for text in texts.split("|")), strict=False))
        return Row((("AEBODSYS", over), ("AEDECOD", label)) if over else (("AEBODSYS", label),), label, indent, cells, head=head)

    rows = (
        row("Subjects with at least one TEAE", "30 (100.0) | 100 (100.0) | 130 (100.0)"),
        row("Gastrointestinal disorders", "12 (40.0) | 5 (5.0) | 17 (13.1)", head=True),
        row("Nausea", "12 (40.0) | 0 | 12 (9.2)", indent=1, over="Gastrointestinal disorders"),
        row("Vomiting", "0 | 5 (5.0) | 5 (3.8)", indent=1, over="Gastrointestinal disorders"),
        row("Hepatobiliary disorders", "", head=True),
        row("Hepatic encephalopathy", "- | 1 (1.0) | 1 (0.8)", indent=1, over="Hepatobiliary disorders"),
    )
    values = {
        "number": "T14.3.1.2.1",
        "title": "Adverse Events by System Organ Class and Preferred Term",
        "population": "Safety Analysis Set",
        "columns": columns,
        "rows": rows,
        "footnotes": ("Percentages use N of the column.", "A subject is counted once per term."),
        "source": "ADAE (TRTEMFL = 'Y')",
        "stamp": STAMP,
        "ard": empty_ard(),
        "stub_label": "System organ class\n  Preferred term",
        "stub_width": 4.0,
        "blocks": (1, 4),
        "subtitle": "Phase 1",
    }
    return Table(**{**values, **changed})  # type: ignore[arg-type]


def change_table() -> Table:
    """Values and change from baseline: spanners, statistics of different shapes in one column."""
    columns = tuple(
        Column(f"{arm}-{what}", what, None, 1.2, spanner=f"{arm} (N={n})")
        for arm, n in (("Placebo", 30), ("Low", 31))
        for what in ("Value", "Change")
    )
    drawn = """
        Baseline | | | |
        n | 30 | | 31 |
        Mean (SD) | 249.6 (56.22) | | 9.3 (4.10) |
        Day 7 | | | |
        n | 29 | 29 | 8 | 8
        Mean (SD) | 192.9 (61.67) | -51.4 (39.75) | 10.0 (5.01) | 0.7 (1.20)
        Median | 199.6 | -52.3 | 9.5 | 0.5
        p-value | | <0.0001 | | NE
    """
    rows, blocks, visit = [], [], ""
    for line in drawn.strip().splitlines():
        label, *texts = (part.strip() for part in line.split("|"))
        head = not any(texts)
        if head:
            visit = label
            blocks.append(len(rows))
        cells = {column.key: text for column, text in zip(columns, texts, strict=True) if text}
        rows.append(Row((("AVISIT", visit), *([] if head else [("statistic", label)])), label, 0 if head else 1, cells, head=head))
    return summary_table(
        number="T14.2.4.1",
        title="Total Bilirubin (µmol/L): Value and Change",
        columns=columns,
        rows=tuple(rows),
        blocks=tuple(blocks),
        stub_label="Visit",
        stub_width=2.0,
        subtitle="",
    )


VERBATIM = ("nausea after dose", "头痛 (持续三天)", "ALT ≥3×ULN", "µ-receptor drowsiness", "广州 site: 恶心、呕吐 after breakfast")


def listing(rows: int = 9, per_subject: int = 3) -> Table:
    """Adverse events, a block per subject."""
    columns = (
        Column("USUBJID", "Subject", None, 1.4, "left", once=True),
        Column("AETERM", "Verbatim term", None, 3.0, "left", "Event"),
        Column("ASTDT", "Start\n(day)", None, 1.4, "left", "Event"),
        Column("AESER", "Serious", None, 0.9, "center"),
        Column("AVAL", "ALT\n(U/L)", None, 0.9, "right"),
    )
    made = []
    for at in range(rows):
        subject = f"XY-101-{at // per_subject + 1:04d}"
        cells = (
            subject,
            VERBATIM[at % 5],
            f"2026-01-{at % 28 + 1:02d} ({at % 28 + 1})",
            "NY"[at % 2],
            ("35", "<5.5", "120.25")[at % 3],
        )
        made.append(
            Row(
                (("USUBJID", subject), ("AESEQ", str(at))), "", 0, dict(zip((column.key for column in columns), cells, strict=True))
            )
        )
    return summary_table(
        number="L16.2.7.1",
        title="Adverse Events",
        columns=columns,
        rows=tuple(made),
        kind="listing",
        stub_label=None,
        blocks=tuple(range(0, rows, per_subject)),
        subtitle="",
    )


def one_pixel_png() -> bytes:
    """The smallest PNG, made by hand."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\x00\x00\x00\x00")) + chunk(b"IEND", b"")


SVG = (
    '<?xml version="1.0" encoding="utf-8" standalone="no"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd">\n'
    '<svg width="90pt" height="50pt" viewBox="0 0 90 50" xmlns="http://www.w3.org/2000/svg" version="1.1">\n'
    '<rect width="80" height="40" x="5" y="5" fill="#336699"/></svg>\n'
)


def figure(**changed: object) -> Figure:
    """A picture of nothing, with two results."""
    results = [(90, 0.83333333), (180, float("nan"))]
    shown = [one for day, p in results for one in list_statistics((("time", str(day)),), "Placebo", SURVFIT, {"estimate": p})]
    ard = list_numbers("F14.2.1.1", make_numbers(shown), [Column("Placebo", "Placebo", stands_for=(("TRT01P", "Placebo"),))])
    values = {
        "number": "F14.2.1.1",
        "title": "Survival without Transplant",
        "population": "Full Analysis Set",
        "svg": SVG,
        "alt": 'Two falling curves; "Low" lies above */ placebo.',
        "footnotes": ("KM product-limit.",),
        "source": "ADTTE",
        "stamp": STAMP,
        "ard": ard,
    }
    return Figure(**{**values, **changed})  # type: ignore[arg-type]


WORD_200 = "hydroxyprednisolone" * 10 + "0123456789"

# What a site might type, and what must be printed for it. Each is one verbatim term.
HOSTILE: tuple[tuple[str, str], ...] = (
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ("</td></tr></table><h1>x", "</td></tr></table><h1>x"),
    ('" onmouseover="alert(1)', '" onmouseover="alert(1)'),
    ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    ("{{< include /etc/passwd >}}", "{{< include /etc/passwd >}}"),
    ("{{mark}} {{title}}", "{{mark}} {{title}}"),
    ("```{=openxml}", "```{=openxml}"),
    ("``````````", "``````````"),
    ('#eval("1 + 1") #read("/etc/passwd")', '#eval("1 + 1") #read("/etc/passwd")'),
    ('") #panic("out', '") #panic("out'),
    (r"\u{41} \" \n \\", r"\u{41} \" \n \\"),
    (r"\input{/etc/passwd} $x^2$", r"\input{/etc/passwd} $x^2$"),
    ("a | b || c", "a | b || c"),
    ("*bold* _it_ [x](javascript:alert(1))", "*bold* _it_ [x](javascript:alert(1))"),
    ("{\\*\\fldinst HYPERLINK evil}", "{\\*\\fldinst HYPERLINK evil}"),
    ("\\par}{\\rtf1 \\bin9 x", "\\par}{\\rtf1 \\bin9 x"),
    ("]]></w:t><w:evil/>", "]]></w:t><w:evil/>"),
    ("&lt;b&gt; &amp; &#x41; %s %d {0}", "&lt;b&gt; &amp; &#x41; %s %d {0}"),
    ("bell\x07 esc\x1b[31m us\x1f del\x7f c1\x9b", "bell\ufffd esc\ufffd[31m us\ufffd del\ufffd c1\ufffd"),
    ("nul\x00byte", "nul\ufffdbyte"),
    ("lone\ud800surrogate", "lone\ufffdsurrogate"),
    ("dose \u202e21\u202c mg \u2067x\u2069", "dose \ufffd21\ufffd mg \ufffdx\ufffd"),
    ("广州 恶心、呕吐", "广州 恶心、呕吐"),
    (WORD_200, WORD_200),
    ("=HYPERLINK(1)+cmd|' /C calc'!A0", "=HYPERLINK(1)+cmd|' /C calc'!A0"),
    ("/* // */ -- <!-- x --> ]]>", "/* // */ -- <!-- x --> ]]>"),
    ("two\r\nlines\tand a tab", "two\nlines and a tab"),
)


def hostile_listing() -> Table:
    """Every hostile text in a cell."""
    columns = (Column("NO", "No.", None, 0.5, "left"), Column("AETERM", "Verbatim term", None, 3.0, "left"))
    rows = tuple(Row((("AESEQ", str(at)),), "", 0, {"NO": f"q{at}q", "AETERM": raw}) for at, (raw, _) in enumerate(HOSTILE))
    return summary_table(number="L16.2.7.1", columns=columns, rows=rows, kind="listing", stub_label=None, blocks=())


def hostile_everywhere(raw: str) -> Table:
    """One hostile text in every place that holds text."""
    columns = (Column("c", raw, 3, 1.0, "center", raw), Column("d", "d", None, 1.0, "left"))
    stamp = stamp_saying(raw)
    row = Row((("AETERM", raw),), raw, 1, {"c": raw, "d": raw})
    return summary_table(
        title=raw, population=raw, subtitle=raw, stub_label=raw, columns=columns, rows=(row,), footnotes=(raw,), source=raw,
        stamp=stamp, blocks=(),
    )  # fmt: skip
