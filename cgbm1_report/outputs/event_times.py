"""14.3.1 Adverse events by time at risk, by period of onset, and near an infusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd

from cgbm1_report.analyse.counts import analyse_counts, count_population
from cgbm1_report.collected.look_up import look_up
from cgbm1_report.errors import DataError, Problem
from cgbm1_report.outputs.adverse_events import (
    ANY,
    BY_TERM,
    EMERGENT,
    EVERY,
    LISTINGS,
    RELATED,
    RELATION,
    SERIOUS,
    SEVERE,
    SPECIAL,
    choose_kinds,
    declared_kinds,
    select_kinds,
)
from cgbm1_report.outputs.event_grades import read_special
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import AtRisk, Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, head_row, join_rows
from cgbm1_report.tabulate.declare import Declaration, Summary, family, output
from cgbm1_report.tabulate.rates import rate_rows
from cgbm1_report.tabulate.table import Line, count, count_percent
from cgbm1_report.tabulate.terms import order_terms
from cgbm1_report.tabulate.view import View, refuse_unexpected

_KINDS = (EVERY, RELATED, SEVERE, SERIOUS)


def _of_events(trial: Trial, *more: str) -> Mapping[str, tuple[str, ...]]:
    read = (name for kind in declared_kinds(trial, _KINDS) for name in kind.variables)
    return {"ADAE": tuple(dict.fromkeys((*BY_TERM, "ASTDT", *read, *more)))}


def require_dates(name: str, records: pd.DataFrame, *variables: str) -> None:
    """Refuse records without a date that time at risk is counted by.

    Raises
    ------
    ReportError
        Dataset, variable and subject, for every such record.
    """
    problems = [
        Problem(
            f"{variable} is missing", file=name, rule="time at risk is counted by dates", place=str(who), remedy="supply the date"
        )
        for variable in variables
        for who in records.loc[records[variable].isna(), "USUBJID"]
    ]
    if problems:
        raise DataError.of(problems)


def _read_subjects(view: View) -> pd.DataFrame:
    subjects = view.subjects_with("TRTSDT", "LSTALVDT")
    require_dates("ADSL", subjects, "TRTSDT", "LSTALVDT")
    early = subjects.loc[subjects["LSTALVDT"] < subjects["TRTSDT"], "USUBJID"]
    if len(early):
        # Whoever was last seen before the first dose was at risk on no day: no length of time says so.
        told = "LSTALVDT is before TRTSDT"
        rule, remedy = "time at risk begins with the first dose", "correct LSTALVDT, or TRTSDT"
        raise DataError.of([Problem(told, file="ADSL", rule=rule, place=str(who), remedy=remedy) for who in early])
    return subjects


def _elapsed(events: pd.DataFrame, subjects: pd.DataFrame) -> pd.Series:
    """Days from the first dose to the onset."""
    require_dates("ADAE", events, "ASTDT")
    return (events["ASTDT"] - look_up(events["USUBJID"], subjects.set_index("USUBJID")["TRTSDT"])).dt.days


def _read_observed(view: View, subjects: pd.DataFrame) -> pd.DataFrame:
    """Days each subject was at risk if no event came: to the last contact or the end of the emergent period, both included."""
    days = (subjects["LSTALVDT"] - subjects["TRTSDT"]).dt.days
    last = view.trial.teae_end_day
    days = days if last is None else days.clip(upper=last)
    # Who received a dose was observed on its day.
    return subjects[["USUBJID", "COLUMN"]].assign(TIME=days + 1.0)


@output(
    "T14.3.1.9", "Exposure-Adjusted Incidence Rates of TEAEs", population="SAF", source=("ADAE", "ADSL"),
    footnotes=("F2", "F4", "F5", "F20", "F20b"), where=EMERGENT, comparisons=("F20b",),
    variables=lambda trial, _: {
        **_of_events(trial, *((*SPECIAL.variables, "AESICAT") if trial.event_tables.rates_of_aesi else ())),
        "ADSL": ("TRTSDT", "LSTALVDT"),
    },
    methods=("exposure_adjusted_rate",), listings=LISTINGS,
    given=RELATION, at_risk=lambda trial: AtRisk("TRTSDT", "LSTALVDT", "ASTDT", trial.teae_end_day),
)  # fmt: skip
def exposure_adjusted_rates(view: View) -> Summary:
    """Kinds of events, and the categories of special interest that trial.yaml names: rates of the first event."""
    subjects = _read_subjects(view)
    selections = select_kinds(view, _KINDS, "ASTDT")
    wanted = [one for one in view.trial.aesi if one.code in view.trial.event_tables.rates_of_aesi]
    if wanted:
        special = read_special(view, "ASTDT")
        own = {one.code: special[special["AESICAT"] == one.code] for one in wanted}
        selections += [Selection((*ANY, ("AESICAT", one.code)), f"{one.label} (special interest)", own[one.code]) for one in wanted]
    timed = [one._replace(records=one.records.assign(TIME=_elapsed(one.records, subjects) + 1.0)) for one in selections]
    rows = rate_rows(view, timed, _read_observed(view, subjects), "EAIR per 100 person-years")
    return Summary(*rows, "Subjects with at least one, n", stub_width=3.6)


def _at_risk(name: str, trial: Trial) -> dict[Part, Meaning]:
    """Who is at risk in a period: whoever was followed into it, or had an event then or later."""
    emergent = {variable: Is("=", value) for variable, value in EMERGENT.items()}
    found: dict[Part, Meaning] = {}
    for period, (low, _) in trial.event_periods.items():
        reached = Is(">=", low, since="TRTSDT")
        found[name, period] = ({"LSTALVDT": reached}, {"ADAE": Is("has", {**emergent, "ASTDT": reached})}) if low else ({},)
    return found


def _last_days(subjects: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """The last day each subject was followed to, or had an event on."""
    onset = _elapsed(events, subjects).groupby(events["USUBJID"]).max()
    followed = (subjects["LSTALVDT"] - subjects["TRTSDT"]).dt.days
    return pd.concat([followed, look_up(subjects["USUBJID"], onset)], axis="columns").max(axis="columns")


@output(
    "T14.3.1.11", "TEAEs by Onset Period", population="SAF", source=("ADAE", "ADSL"), footnotes=("F2", "F4", "F5", "F11b", "F26"),
    where=EMERGENT, given=RELATION, needs={"outcome of LTFS with nominal_days": lambda trial: bool(trial.event_periods)},
    variables=lambda trial, _: {**_of_events(trial, "APERIODC"), "ADSL": ("TRTSDT", "LSTALVDT")}, listings=LISTINGS,
    counted_of=lambda trial, _: _at_risk("APERIODC", trial), meanings=lambda trial, _: _at_risk("at risk", trial),
)  # fmt: skip
def events_by_period(view: View) -> Summary:
    """Per period of onset the subjects at risk, and of them those with an event that began in it."""
    subjects, periods, parts = _read_subjects(view), view.trial.event_periods, []
    selections = select_kinds(view, _KINDS, "ASTDT", "APERIODC")
    events = selections[0].records
    refuse_unexpected("ADAE", events, "APERIODC", periods, optional=True)
    last = _last_days(subjects, events)
    for name, (low, high) in periods.items():
        at_risk = subjects[last >= low] if low else subjects
        period: Key = (("APERIODC", name),)
        own = [Selection((*period, *one.key), one.label, one.records[one.records["APERIODC"] == name]) for one in selections]
        parts += [
            head_row(period, f"Days {low}–{high} after the first dose"),
            count_rows(view, [Selection((("at risk", name),), "Subjects at risk, n", at_risk)], show=count, indent=1),
            count_rows(view, own, denominators=count_population(at_risk, view.column_keys), indent=1),
        ]
    late = int(events["APERIODC"].isna().sum())
    notes = (f"TEAEs that began after the last period are in none: {late}.",) if late else ()
    return Summary(*join_rows(parts), "Subjects with at least one, n (%)", stub_width=3.6, footnotes=notes)


def _near_infusion(view: View, events: pd.DataFrame, infusions: pd.DataFrame, hours: float) -> pd.DataFrame:
    """Events that began within so many hours after the start of their infusion; without a time, on a date of it."""
    place = ["USUBJID", "INFNUM"]
    on_a_day = pd.MultiIndex.from_frame(events[[*place, "ASTDT"]]).isin(pd.MultiIndex.from_frame(infusions[[*place, "ADT"]]))
    return events[events["HRSINF"].between(0, hours) | (events["HRSINF"].isna() & on_a_day)]


def events_near_infusions(view: View) -> Summary:
    """Per infusion the subjects who received it, and of them those with an event soon after, by preferred term."""
    hours = view.trial.event_tables.hours_after_infusion or 0
    given = view.records("ADEX", "INFNUM", "ADT")
    given = given[given["INFNUM"].notna()]
    once = given.drop_duplicates(["USUBJID", "INFNUM"])
    (events,) = choose_kinds(view, [EVERY], "ASTDT", "INFNUM", "HRSINF")
    near = _near_infusion(view, events, given[["USUBJID", "INFNUM", "ADT"]], hours)
    planned = [float(one.infusion) for one in view.trial.phases[view.phase].infusions]
    parts = []
    for number in sorted({*planned, *given["INFNUM"]}):
        # Soon after it, not before the next one: another thing than INFNUM of the event.
        infusion: Key = (("near infusion", f"{number:g}"),)
        dosed, own = once[once["INFNUM"] == number], near[near["INFNUM"] == number]
        base = count_population(dosed, view.column_keys)
        terms = analyse_counts(own, ["AEDECOD"], view.column_keys, base, prefix=infusion)
        parts += [
            head_row(infusion, f"Infusion {number:g}"),
            count_rows(view, [Selection((("dosed", f"{number:g}"),), "Subjects dosed, n", dosed)], show=count, indent=1),
            count_rows(view, [Selection((*infusion, *ANY), EVERY.label, own)], denominators=base, indent=1),
            Rows(terms, [Line(key, str(key[-1][1]), count_percent, 2) for key in _by_frequency(terms, view)]),
        ]
    return Summary(*join_rows(parts), "Infusion\n  Preferred Term, n (%) of subjects dosed", stub_width=4.2)


def _by_frequency(terms: pd.DataFrame, view: View) -> list[Key]:
    """Rows of one infusion by falling frequency."""
    own = terms.assign(row=terms["row"].map(lambda key: key[1:]))
    first = {key[1:]: key for key in terms["row"]}
    return [first[key] for key in order_terms(own, view.deciding_column)]


def _planned(trial: Trial, phase: int) -> list[str]:
    return [f"{one.infusion:g}" for one in trial.phases[phase].infusions]


def _dosed(name: str, trial: Trial, phase: int) -> dict[Part, Meaning]:
    """Who received each planned infusion."""
    return {(name, number): ({"ADEX": Is("has", {"INFNUM": Is("=", number)})},) for number in _planned(trial, phase)}


def _soon_after(trial: Trial, phase: int) -> dict[Part, Meaning]:
    """Events soon after each planned infusion, or without a time on a date of it; and who received it."""
    hours = trial.event_tables.hours_after_infusion or 0
    found = _dosed("dosed", trial, phase)
    for number in _planned(trial, phase):
        own = {**{variable: Is("=", value) for variable, value in EMERGENT.items()}, "INFNUM": Is("=", number)}
        then = {"INFNUM": Is("=", number), "ADT": Is("=", 0, since="ASTDT")}
        found["near infusion", number] = (
            {**own, "HRSINF": Is("within", (0, hours))},
            {**own, "HRSINF": Is("missing"), "ADEX": Is("has", then)},
        )
    return found


@family("Adverse events near an infusion")
def infusion_tables(trial: Trial) -> Iterator[Declaration]:
    """The table of the trial's own hours."""
    yield Declaration(
        "T14.3.1.10", f"TEAEs within {trial.event_tables.hours_after_infusion or 0:g} Hours of an Infusion, by Infusion", "SAF",
        ("ADAE", "ADEX"), ("F2", "F21", "F27"), events_near_infusions, where=EMERGENT, listings=LISTINGS,
        variables={"ADAE": (*BY_TERM, "ASTDT", "INFNUM", "HRSINF"), "ADEX": ("USUBJID", "INFNUM", "ADT")},
        meanings=_soon_after, counted_of=partial(_dosed, "near infusion"),
        needs={
            "event_tables.hours_after_infusion": lambda trial: trial.event_tables.hours_after_infusion is not None,
            "infusions": lambda trial: any(phase.infusions for phase in trial.phases.values()),
        },
    )  # fmt: skip
