"""The record of a qualification: its checks with what was expected and observed, as a page to sign and as data."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cgbm1_report.assets import __version__
from cgbm1_report.emit.escape import clean, escape_html
from cgbm1_report.errors import PlanError
from cgbm1_report.system.whole import write_whole

_SIGN = ("Carried out by", "Reviewed by", "Approved by")
_STYLE = """
body{font:13px/1.45 "Liberation Sans",Arial,Helvetica,sans-serif;margin:2rem auto;max-width:62rem;
padding:0 1rem;color:#111;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0}caption{text-align:left;font-weight:bold;padding:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid #bbb;overflow-wrap:anywhere}
thead th{border-bottom:2px solid #111}.failed{font-weight:bold;color:#8a0f0f}.sign td{height:2.6rem;border-bottom:1px solid #111}
@media print{body{margin:0;max-width:none}thead{display:table-header-group}tr{break-inside:avoid}}
"""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; ``passed`` is None where it could not be tried here, which ``observed`` explains."""

    what: str
    expected: str
    observed: str
    passed: bool | None

    @property
    def outcome(self) -> str:
        return {True: "passed", False: "FAILED", None: "not tried"}[self.passed]


@dataclass(frozen=True)
class Record:
    """A qualification as it was carried out."""

    kind: str
    title: str
    checks: tuple[Check, ...]
    begun: str
    ended: str
    machine: str

    @property
    def failed(self) -> list[Check]:
        return [one for one in self.checks if one.passed is False]


def tell_moment() -> str:
    """Now, as a record says it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def make_record(kind: str, title: str, checks: Sequence[Check], begun: str) -> Record:
    """The record of checks that ended now, on this machine."""
    machine = f"{platform.node()}, {platform.platform()}, Python {platform.python_version()}"
    return Record(kind, title, tuple(checks), begun, tell_moment(), machine)


def write_record(record: Record, folder: Path) -> Path:
    """Write ``<kind>-record.html`` and ``.json`` into a folder; where the page went. A record that is there is not overwritten.

    Raises
    ------
    ReportError
        A record is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{record.kind}-record.html"

    def refuse() -> None:
        for path in (page, page.with_suffix(".json")):
            if path.exists():
                told = "is a record, and is not overwritten"
                raise PlanError(told, file=path, rule="qualification", remedy="name another folder with --out")

    refuse()
    told = {"program": f"cgbm1-report {__version__}", **asdict(record), "failed": len(record.failed)}
    write_whole(page.with_suffix(".json"), (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode(), lambda: None)
    write_whole(page, _page(record).encode(), lambda: None)
    return page


def _page(record: Record) -> str:
    head = "".join(f'<th scope="col">{text}</th>' for text in ("No.", "What was looked at", "Expected", "Observed", "Outcome"))
    rows = "\n".join(_row(at, one) for at, one in enumerate(record.checks, start=1))
    facts = {
        "Program": f"cgbm1-report {__version__}",
        "Machine": record.machine,
        "Begun": record.begun,
        "Ended": record.ended,
        "Outcome": _tell_outcome(record),
    }
    told = "\n".join(f'<tr><th scope="row">{name}</th><td>{_text(value)}</td></tr>' for name, value in facts.items())
    signed = "\n".join(f'<tr><th scope="row">{who}</th><td></td><td></td><td></td></tr>' for who in _SIGN)
    signs = "".join(f'<th scope="col">{text}</th>' for text in ("", "Name", "Date", "Signature"))
    title = _text(record.title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
        f"<table><caption>Where and when</caption><tbody>\n{told}\n</tbody></table>\n"
        f"<table><caption>Checks</caption><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>\n"
        f'<table class="sign"><caption>Signatures</caption><thead><tr>{signs}</tr></thead><tbody>\n{signed}\n</tbody></table>\n'
        "</main>\n</body>\n</html>\n"
    )


def _row(at: int, one: Check) -> str:
    kind = ' class="failed"' if one.passed is False else ""
    cells = "".join(f"<td>{_text(text)}</td>" for text in (one.what, one.expected, one.observed))
    return f"<tr><td>{at}</td>{cells}<td{kind}>{one.outcome}</td></tr>"


def _text(text: str) -> str:
    return escape_html(clean(text))


def _tell_outcome(record: Record) -> str:
    left = sum(one.passed is None for one in record.checks)
    tried = len(record.checks) - left
    more = f"; {left} could not be tried here" if left else ""
    return f"{tried - len(record.failed)} of {tried} checks passed{more}"
