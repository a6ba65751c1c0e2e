"""DSMB-5c, DSMB-9 and DSMB-10: transplantations, how complete the data are, and what happened to the blinding."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.analyse.counts import count_population
from cgbm1_report.analyse.numbers import SUMMARY, Record, list_statistics, make_numbers
from cgbm1_report.outputs.attendance import EXPECTED, planned_visits
from cgbm1_report.outputs.deaths import by_day, means_days
from cgbm1_report.protocol.packages import FINDINGS, UNBLINDING
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.unblinding import Unblinding
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Rows, Selection, codelist_words, count_rows, head_row, join_rows
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.table import Line, count, count_percent_events, numbers, out_of_percent
from cgbm1_report.tabulate.view import View
from cgbm1_report.validate.texts import rule_title

#: Who is still in the study may yet come, or has come and waits to be entered.
_STAYS = ("EOSSTT", "ONGOING")
_MISSED = ("ATTEND", "MISSED")
_OVERDUE: Key = (_STAYS, _MISSED)
_NOTES = (
    EXPECTED,
    "Overdue: missed by a subject who is in the study at the data cut-off, n/N of the expected who are. Events are visits.",
)


@output(
    "DSMB-9a", "Missed and Overdue Visits", population="SAF", source=("ADSV",), footnotes=("F11",), shares=("ATTEND",),
    scope="dsmb", total=False, variables={"ADSL": ("EOSSTT",), "ADSV": ("USUBJID", "AVISIT", "EXPFL", "ATTEND")},
    needs={"visits with protocol_window": lambda trial: any(planned_visits(trial, phase) for phase in trial.phases)},
)  # fmt: skip
def overdue_visits(view: View) -> Summary:
    """Any visit missed and any overdue; of each planned visit the subjects expected, who came, who did not, and who is overdue."""
    stays = view.subjects_with("EOSSTT").set_index("USUBJID")["EOSSTT"]
    visits = view.records("ADSV", "AVISIT", "EXPFL", "ATTEND")
    visits = visits[visits["EXPFL"] == "Y"].assign(EOSSTT=lambda one: one["USUBJID"].map(stays))
    parts = [*_any_visit(view, visits)]
    for one in planned_visits(view.trial, view.phase):
        parts += _attendance(view, visits[visits["AVISIT"] == one.avisit], str(one.avisit))
    return Summary(*join_rows(parts), "Visit, n (%) [events]", footnotes=_NOTES)


def _any_visit(view: View, visits: pd.DataFrame) -> Iterator[Rows]:
    """Subjects with a visit missed, and with one overdue, and how many visits these are."""
    base = count_population(visits, view.column_keys)
    missed = Selection((_MISSED,), "Subjects with a visit missed", choose(visits, dict([_MISSED])))
    yield count_rows(view, [missed], show=count_percent_events, denominators=base, block=True)
    own = choose(visits, dict([_STAYS]))
    overdue = Selection(_OVERDUE, "Subjects in the study with a visit overdue", choose(own, dict([_MISSED])))
    yield count_rows(view, [overdue], show=count_percent_events, denominators=count_population(own, view.column_keys))


def _attendance(view: View, visits: pd.DataFrame, visit: str) -> Iterator[Rows]:
    """The subjects expected at a visit, below them how many were there and when, and whose visit is overdue."""
    key: Key = (("AVISIT", visit),)
    yield count_rows(view, [Selection((*key, ("EXPFL", "Y")), f"{visit}: expected, n", visits)], show=count, block=True)
    rows = [
        Selection((*key, ("ATTEND", level)), words, visits[visits["ATTEND"] == level])
        for level, words in codelist_words("ADSV", "ATTEND").items()
    ]
    yield count_rows(view, rows, denominators=count_population(visits, view.column_keys), indent=1)
    own = choose(visits, dict([_STAYS]))
    overdue = Selection((*key, *_OVERDUE), "Overdue, n/N (%)", choose(own, dict([_MISSED])))
    base = count_population(own, view.column_keys)
    yield count_rows(view, [overdue], show=out_of_percent, denominators=base, indent=2)


@output(
    "DSMB-9b", "Findings of the Validation of the Data", population="SAF", source=(FINDINGS,), scope="dsmb", total=False,
    variables={FINDINGS: ("RULE", "SEVERITY", "DATASETS", "COUNT")},
)  # fmt: skip
def findings(view: View) -> Summary:
    """How many findings of each severity, and of these how many of each rule; what is about treatment is one of each rule."""
    found, (only,) = view.dataset(FINDINGS), view.column_keys
    records: list[Record] = []
    lines = []
    for severity in dict.fromkeys(found["SEVERITY"]):
        own = found[found["SEVERITY"] == severity]
        rules: list[tuple[Key, str, pd.DataFrame]] = [((), str(severity), own)]
        for rule, one in own.groupby("RULE", sort=True):
            told = f"{rule}: {rule_title(str(rule))} ({', '.join(one['DATASETS'])})"
            rules.append(((("RULE", str(rule)),), told, one))
        for part, label, counted in rules:
            key: Key = (("SEVERITY", str(severity)), *part, ("COUNT", None))
            records += list_statistics(key, only, SUMMARY, {"sum": float(counted["COUNT"].sum())})
            lines.append(Line(key, label, numbers(("sum",), 0), len(part), block=not part))
    notes = ("Findings about treatment count once for each rule, dataset and variable while treatment may not be seen.",)
    return Summary(make_numbers(records), lines, "Severity\n  Rule (datasets), findings", stub_width=4.2, footnotes=notes)


def _unblinded(trial: Trial) -> list[str]:
    """The scopes of records that unblind one subject, not the phase."""
    about = trial.unblinding or Unblinding()
    return [scope for scope in about.reasons if scope != about.opens]


@output(
    "DSMB-10b", "Unblindings", population="FAS", source=(UNBLINDING,), footnotes=("F1",), scope="dsmb", total=False,
    variables={UNBLINDING: ("USUBJID", "SCOPE", "REASON", "UNBLDTC")},
)  # fmt: skip
def unblindings(view: View) -> Summary:
    """Subjects whose treatment was told to somebody, by the reason; whether the phase was opened as a whole."""
    about, records = view.trial.unblinding or Unblinding(), view.records(UNBLINDING, "SCOPE", "REASON")
    parts = []
    for scope in _unblinded(view.trial):
        own, key = choose(records, {"SCOPE": scope}), (("SCOPE", scope),)
        parts.append(count_rows(view, [Selection(key, "Subjects unblinded one by one", own)], block=True))
        each = [Selection((*key, ("REASON", one)), one.capitalize(), choose(own, {"REASON": one})) for one in about.reasons[scope]]
        parts.append(count_rows(view, each, indent=1))
    opened = choose(view.dataset(UNBLINDING), {"SCOPE": about.opens})
    said = [f"on {day} ({reason.lower()})" for day, reason in zip(opened["UNBLDTC"], opened["REASON"], strict=True)]
    note = f"The phase as a whole was unblinded {' and '.join(said)}." if said else "The phase as a whole has not been unblinded."
    return Summary(
        *join_rows(parts), "Subjects, n (%)", stub_width=3.6, footnotes=(note, "This package was made without treatment.")
    )


@output(
    "DSMB-5c", "Liver Transplantations", population="SAF", source=("ADSL",), footnotes=("F1", "F11b"), scope="dsmb", total=False,
    variables={"ADSL": ("LTFL", "LTDT", "TRTSDT")}, meanings=lambda trial, _: means_days(trial, "LTDT"),
)  # fmt: skip
def transplantations(view: View) -> Summary:
    """Who was transplanted, and when after the first dose."""
    subjects = view.subjects_with("LTFL")
    own, key = choose(subjects, {"LTFL": "Y"}), (("LTFL", "Y"),)
    parts, times = [count_rows(view, [Selection(key, "Liver transplantation", own)], block=True)], by_day(view, own, "LTDT", key)
    if times:
        parts += [head_row((("day", None),), "Day of transplantation after the first dose"), count_rows(view, times, indent=1)]
    return Summary(*join_rows(parts), "Subjects, n (%)", stub_width=3.6, without=() if times else ("F11b",))
