"""The status page: which cuts there are, how far each is, where its build lies, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cgbm1_report.build.stamp import NOT_STATED
from cgbm1_report.errors import Problem
from cgbm1_report.render.html import page_style, printed
from cgbm1_report.watch.record import CHANGES, FINDINGS, STATES, Entry, count_states, sort_entries

_STYLE = """
main { max-width: none; }
main, .facts dd { overflow-wrap: anywhere; }
.wide { margin: 1rem 0 2rem; overflow-x: auto; }
.status { border-collapse: collapse; font-size: .8rem; width: 100%; }
.status th, .status td { padding: .3rem .4rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; }
.status td, .status tbody th { vertical-align: top; overflow-wrap: break-word; }
.status thead th { overflow-wrap: normal; }
.status .day { white-space: nowrap; }
.status tbody th { min-width: 6rem; max-width: 9rem; overflow-wrap: anywhere; }
.status td.words { min-width: 6rem; overflow-wrap: anywhere; }
.status thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; }
.status .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.state { white-space: nowrap; font-weight: bold; }
.failed, .refused { color: #a40000; }
.waiting, .building, .gone { color: #7a5400; }
.wrong { margin: 0 0 1.5rem; padding: 0 0 0 1.2rem; }
.wrong li { margin: .3rem 0; overflow-wrap: anywhere; }
"""

#: What changed, where it is one.
_ONE = {
    "outputs": "output", "cells": "cell", "rows": "row", "columns": "column",
    "probabilities that crossed a limit": "probability that crossed a limit",
}  # fmt: skip

_HEADS = (
    ("Cut", "words"), ("Cut-off", "words"), ("State", "words"), ("Finished (UTC)", "words"), ("Took", "n"), ("Outputs", "n"),
    ("Errors", "n"), ("Warnings", "n"), ("Notes", "n"), ("Changed since the build before", "words"), ("Build", "words"),
    ("What to know", "words"),
)  # fmt: skip


def write_page(entries: Iterable[Entry], about: Mapping[str, Any]) -> str:
    """The page of all cuts, the newest first. Everything on it is text, never markup; it runs no script and loads nothing.

    Parameters
    ----------
    about
        Of the watch: ``program``, ``folder``, ``options``, ``written``, ``running`` and ``exit_code``.
    """
    cuts = sort_entries(entries)[::-1]
    marks = list(dict.fromkeys(entry.mark for entry in cuts if entry.mark))
    rows = "\n".join(_row(entry) for entry in cuts)
    heads = "".join(f'<th scope="col" class="{name}">{head}</th>' for head, name in _HEADS)
    # A keyboard scrolls what it can be in.
    box = '<div class="wide" tabindex="0" role="region" aria-label="Data cuts">'
    table = f'{box}<table class="status"><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div>'
    wrong = "\n".join(_tell_wrong(entry) for entry in cuts if entry.shown in ("failed", "refused"))
    return (
        '<!DOCTYPE html>\n<html lang="en" data-theme="light">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Data cuts: '
        f"{printed(_count(cuts))}</title>\n<style>\n{page_style()}{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Data cuts</h1>\n"
        + (f'<p class="title-mark">{printed("; ".join(marks))}</p>\n' if marks else "")
        + _facts(cuts, about)
        + (f"{table}\n" if cuts else "<p>No cut has been delivered yet.</p>\n")
        + (f"<h2>What is wrong</h2>\n{wrong}\n" if wrong else "")
        + _legend(cuts)
        + "</main>\n</body>\n</html>\n"
    )


def _count(cuts: Sequence[Entry]) -> str:
    return ", ".join(f"{count} {state}" for state, count in count_states(cuts).items()) or "none"


def _facts(cuts: Sequence[Entry], about: Mapping[str, Any]) -> str:
    last = next((entry for entry in sorted(cuts, key=lambda one: one.finished, reverse=True) if entry.state == "done"), None)
    facts = {
        "Cuts": _count(cuts),
        "Last build": f"{last.name}, finished {_time(last.finished)}" if last else "none",
        "Folder of cuts": str(about["folder"]),
        "Built with": " ".join(about["options"]),
        "The watch": _tell_running(about),
        "Written": f"{_time(about['written'])} by {about['program']}",
        "Exit code": str(about["exit_code"]),
    }
    return f'<dl class="facts">\n{"".join(f"<dt>{name}</dt><dd>{printed(told)}</dd>" for name, told in facts.items())}\n</dl>\n'


def _tell_running(about: Mapping[str, Any]) -> str:
    """Whether the watch is at work, as far as it could write: one that is killed leaves this page as it was."""
    if not about["running"]:
        return "has ended"
    return f"was at work when this was written, as process {about['process']} on {about['machine']}"


def _time(told: str) -> str:
    """A clock time as a reader has it: 2026-01-15 02:03:04 UTC."""
    return told.replace("T", " ").replace("Z", " UTC")


def _row(entry: Entry) -> str:
    built = entry.state == "done" or bool(entry.build and entry.state in ("failed", "refused", "waiting", "gone"))
    cells = [
        ("day", printed(entry.cutoff or NOT_STATED)),
        (f"state {entry.shown}", entry.shown),
        ("", printed(_time(entry.finished).removesuffix(" UTC"))),
        ("n", printed(_duration(entry.seconds)) if entry.seconds else ""),
        ("n", str(entry.outputs) if entry.outputs else ""),
        *(("n", str(entry.findings[name]) if name in entry.findings else "") for name in "EWI"),
        ("words" if entry.changes else "", _changes(entry)),
        ("", _links(entry) if built else ""),
        ("words", printed(_words(entry))),
    ]
    body = "".join(f'<td class="{name}">{text}</td>' if name else f"<td>{text}</td>" for name, text in cells)
    return f'<tr><th scope="row">{printed(entry.name)}</th>{body}</tr>'


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"


def _changes(entry: Entry) -> str:
    """What changed, and the page that says all of it."""
    if not entry.changes:
        return ""
    told = printed(", ".join(f"{count} {_ONE.get(name, name) if count == 1 else name}" for name, count in entry.changes.items()))
    page = quote(f"{CHANGES}/{entry.name}.html")
    return (f'<a href="{printed(page)}">{told}</a>' if entry.compared else told) + printed(f" since {entry.before}")


def _links(entry: Entry) -> str:
    """Where the build is, and what its pages say it is."""
    link = f'<a href="{printed(quote(entry.build))}/index.html">{printed(entry.build)}</a>'
    return f"{link}<br>{printed(entry.mark)}" if entry.build else ""


def _words(entry: Entry) -> str:
    """Why the cut is in its state: of an error the first problem, which sums up where there are many."""
    first = entry.error.get("problems") if entry.state in ("failed", "refused") else None
    was = "" if entry.shown == entry.state else f"it was {entry.state}"
    # Of one that is gone the reason says it.
    away = "" if entry.there or entry.state == "gone" else "its folder is no longer there"
    told = [away, was, Problem(**first[0]).message if first else "", entry.why]
    return "; ".join(filter(None, told))


def _tell_wrong(entry: Entry) -> str:
    told = "".join(f"<li>{printed(str(Problem(**one)))}</li>" for one in entry.error.get("problems", ()))
    where = f"{FINDINGS}/{entry.name}/findings.html"
    link = f'<p><a href="{printed(quote(where))}">All findings of this cut</a></p>\n' if entry.findings_written else ""
    return f'<h3>{printed(entry.name)}: {entry.state}, exit code {entry.exit_code}</h3>\n{link}<ul class="wrong">{told}</ul>'


def _legend(cuts: Sequence[Entry]) -> str:
    shown = set(count_states(cuts))
    if not shown:
        return ""
    rows = "".join(f"<dt>{state}</dt><dd>{printed(STATES[state])}</dd>" for state in STATES if state in shown)
    return f'<h2>States</h2>\n<dl class="facts">{rows}</dl>\n'
