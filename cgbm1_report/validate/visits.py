"""Rules about visits: names and numbers, windows, assessments that should be there."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.collected.visits import is_due
from cgbm1_report.distinct import map_numbers
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, number_text, record_findings, subject_findings

UNSCHEDULED = "UNSCHEDULED"
#: Domains whose results belong to visits.
RESULT_DOMAINS = ("LB", "XL", "IS", "RS", "VS", "RE", "MB")
#: Parameters that are made from results of several domains.
_SCORE = [("LB", "BILI"), ("LB", "CREAT"), ("LB", "INR")]
COLLECTED = {
    "LSM": [("XL", "LSM")],
    "HLAAB": [("IS", "HLA1AB"), ("IS", "HLA2AB")],
    "MELD": _SCORE,
    "CLIFCOF": [*_SCORE, ("RS", "HEGRADE")],
}
#: A test that more than this share of at least so many subjects have at a visit belongs to its panel.
PANEL_SHARE, PANEL_SUBJECTS = 0.5, 5


def scheduled_visits(trial: Trial) -> dict[str, float]:
    """VISITNUM of each scheduled VISIT over all phases."""
    return {visit.visit: visit.visitnum for phase in trial.phases.values() for visit in phase.visits if visit.visitnum is not None}


def visit_numbers(visit: pd.Series, scheduled: dict[str, float]) -> pd.Series:
    """VISITNUM each VISIT stands for: its own, or the one an unscheduled visit carries in its name; else missing."""
    names = pd.Series(visit.dropna().unique(), dtype="str")
    unscheduled = names.str.startswith(UNSCHEDULED)
    told = pd.to_numeric(names.str.slice(len(UNSCHEDULED)).where(unscheduled), errors="coerce")
    known = map_numbers(names, scheduled).where(~unscheduled, told.where(~told.isin(list(scheduled.values()))))
    return map_numbers(visit, dict(zip(names, known, strict=True)))


@rule(
    "V02",
    "E",
    "VISIT and VISITNUM are one to one",
    "use the visit names and numbers of trial.yaml; UNSCHEDULED n.nn carries its number",
)
def visits_are_one_to_one(source: Source) -> Iterator[pd.DataFrame]:
    """VISIT against VISITNUM in every dataset (A-60)."""
    numbers = scheduled_visits(source.trial)
    if not numbers:
        return
    for name, frame in source.sdtm.items():
        if not {"VISIT", "VISITNUM"} <= set(frame.columns):
            continue
        table = source.table(name, "VISIT", "VISITNUM")
        visit, number = table["VISIT"], table["VISITNUM"]
        expected = visit_numbers(visit, numbers)
        unknown = visit.notna() & expected.isna()
        different = expected.notna() & ~((number - expected).abs() <= 1e-6)
        alone = visit.isna() & number.notna()
        if not (unknown | different | alone).any():
            continue
        shown = visit + " with number " + number_text(number).fillna("missing")
        yield record_findings(frame, name, unknown, "VISIT", shown + ": the visit is unknown")
        yield record_findings(frame, name, different, "VISITNUM", shown + ", " + number_text(expected) + " expected")
        yield record_findings(frame, name, alone, "VISIT", "missing although VISITNUM is filled")


def planned_visits(trial: Trial) -> pd.DataFrame:
    """PHASE, VISITNUM, VISIT, LOW and HIGH (elapsed days) of visits with a protocol window."""
    rows = [
        (float(number), visit.visitnum, visit.visit, visit.protocol_window[0], visit.protocol_window[1], visit.avisitn)
        for number, phase in trial.phases.items()
        for visit in phase.visits
        if visit.visitnum is not None and visit.protocol_window
    ]
    return pd.DataFrame(rows, columns=["PHASE", "VISITNUM", "VISIT", "LOW", "HIGH", "AVISITN"])


@rule("V24", "W", "visits take place in their window", "record a VISIT WINDOW deviation, or correct the date")
def visits_are_in_window(source: Source) -> Iterator[pd.DataFrame]:
    """SV dates outside the protocol window of their visit; visits the phase does not plan."""
    frame = source.sdtm.get("SV")
    if frame is None:
        return
    table = source.table("SV", "VISITNUM", "VISIT").assign(PHASE=source.of_subject("SV", "PHASE"))
    plan = planned_visits(source.trial).drop(columns="VISIT")
    window = table.merge(plan, on=["PHASE", "VISITNUM"], how="left").set_axis(table.index)
    day = source.days_from_first_dose("SV", "SVSTDTC")
    outside = (day < window["LOW"]) | (day > window["HIGH"])
    limits = number_text(window["LOW"]) + " to " + number_text(window["HIGH"])
    yield record_findings(
        frame, "SV", outside, "SVSTDTC", table["VISIT"] + " on elapsed day " + number_text(day) + ", window " + limits
    )
    planned = table["PHASE"].isna() | window["LOW"].notna()
    without_window = [number for name, number in scheduled_visits(source.trial).items() if number not in set(plan["VISITNUM"])]
    foreign = ~planned & table["VISITNUM"].isin(list(plan["VISITNUM"])) & ~table["VISITNUM"].isin(without_window)
    yield record_findings(frame, "SV", foreign, "VISIT", table["VISIT"] + " is not a visit of phase " + number_text(table["PHASE"]))


def followed_to(source: Source) -> pd.Series:
    """Elapsed day to which each dosed subject was certainly followed: death, end of study or cut-off."""
    table = source.subjects
    ends = [table["DTH_FIRST"], table["EOS_FIRST"]]
    if source.cutoff is not None:
        ends.append(pd.Series(pd.Timestamp(source.cutoff), index=table.index))
    end = pd.concat(ends, axis="columns").min(axis="columns").dt.normalize()
    result: pd.Series = (end - table["TRTSDT"]).dt.days.astype("float64")
    return result


@rule("V24", "W", "planned visits take place", "record the missed visit as a PROCEDURE MISSED deviation")
def planned_visits_take_place(source: Source) -> Iterator[pd.DataFrame]:
    """Visits of dosed subjects that the tables of attendance count as missed, where SV has no record at all: due, and not held.

    Due is a visit whose window closed before the data cut-off, of who had neither died nor withdrawn by then, nor completed
    the study before it opened.
    """
    if "SV" not in source.sdtm:
        return
    table = source.subjects
    ends = {"LEFT": table[["DTH_FIRST", "LEFT_FIRST"]].min(axis="columns"), "DONE": table["DONE_FIRST"]}
    days = {name: moments.dt.normalize() for name, moments in {"ANCHDT": table["TRTSDT"], **ends}.items()}
    plan = planned_visits(source.trial).rename(columns={"LOW": "OPENS", "HIGH": "CLOSES"})
    due = table[["PHASE"]].assign(**days).reset_index().merge(plan[plan["OPENS"] > 0], on="PHASE")
    due = due[is_due(due, source.cutoff)]
    held = pd.MultiIndex.from_frame(source.table("SV", "VISITNUM"))
    missed = due[~pd.MultiIndex.from_frame(due[["USUBJID", "VISITNUM"]]).isin(held)]
    yield subject_findings(
        missed["USUBJID"],
        "VISIT",
        missed["VISIT"] + " did not take place",
        dataset="SV",
        value=missed["VISIT"],
        visit=missed["VISIT"],
    )


def _sources(trial: Trial, paramcd: str, dataset: str) -> list[tuple[str, str]]:
    """Domain and test of every collected result a parameter is made from."""
    declared = trial.parameters.get(paramcd)
    if dataset == "ADLB" and declared:
        return [("LB", declared.testcd or paramcd)]
    return list(COLLECTED.get(paramcd, ()))


def expected_tests(trial: Trial) -> pd.DataFrame:
    """PHASE, VISITNUM, VISIT, DOMAIN and TEST of every result an outcome measure needs."""
    plan = planned_visits(trial)
    rows = [
        (float(outcome.phase), day, domain, test)
        for outcome in trial.outcomes
        for domain, test in _sources(trial, outcome.paramcd, outcome.dataset)
        for day in outcome.nominal_days
    ]
    wanted = pd.DataFrame(rows, columns=["PHASE", "AVISITN", "DOMAIN", "TEST"]).drop_duplicates()
    return wanted.merge(plan[["PHASE", "AVISITN", "VISITNUM", "VISIT"]], on=["PHASE", "AVISITN"]).drop(columns="AVISITN")


def usual_tests(held: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """PHASE, VISITNUM and TEST of every result that most subjects seen at a visit have: its panel.

    ``held`` are visits that took place, ``given`` the results of a domain, each of a subject, visit and
    test once. Panels are told from five subjects on.
    """
    keys = ["PHASE", "VISITNUM"]
    visits = held[["SUBJECT", *keys]].drop_duplicates()
    seen = visits.groupby(keys).size()
    having = visits.merge(given, on=["SUBJECT", "VISITNUM"]).groupby([*keys, "TEST"]).size().reset_index(name="HAVING")
    of = seen.reindex(pd.MultiIndex.from_frame(having[keys])).to_numpy()
    usual: pd.DataFrame = having.loc[(of >= PANEL_SUBJECTS) & (having["HAVING"] > PANEL_SHARE * of), [*keys, "TEST"]]
    return usual


def _held_visits(source: Source) -> pd.DataFrame:
    """Planned visits of dosed subjects that took place: USUBJID, SUBJECT (its place in DM), VISITNUM, VISIT, PHASE."""
    held = source.table("SV", "VISITNUM").assign(PHASE=source.of_subject("SV", "PHASE"), SUBJECT=source.positions("SV"))
    held = held[source.of_subject("SV", "TRTSDT").notna()].drop_duplicates()
    return held.merge(planned_visits(source.trial)[["PHASE", "VISITNUM", "VISIT"]], on=["PHASE", "VISITNUM"])


def _list_tests(missing: pd.DataFrame) -> pd.DataFrame:
    """One row per subject and visit, its tests in one text, in their order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ordered = missing[["USUBJID", "VISIT", "TEST"]].sort_values(["USUBJID", "VISIT"], kind="stable", ignore_index=True)
    first = ordered.loc[~ordered.duplicated(["USUBJID", "VISIT"]), ["USUBJID", "VISIT"]]
    # Joining the texts of each group in Python takes longer than all else in this rule.
    lists = pa.ListArray.from_arrays([*first.index, len(ordered)], pa.array(ordered["TEST"], type=pa.string()))
    return first.reset_index(drop=True).assign(TEST=pd.Series(pc.binary_join(lists, ", "), dtype="str"))


@rule("V24", "W", "scheduled results are there or NOT DONE", "enter the result, or a record with --STAT NOT DONE")
def scheduled_results_are_there(source: Source) -> Iterator[pd.DataFrame]:
    """Results of a visit that took place and have neither a value nor a record NOT DONE.

    Scheduled is what an outcome measure needs, and in LB what most subjects have at that visit.
    """
    if "SV" not in source.sdtm:
        return
    held, expected = _held_visits(source), expected_tests(source.trial)
    for domain in [name for name in RESULT_DOMAINS if name in source.sdtm]:
        wanted = expected.loc[expected["DOMAIN"] == domain, ["PHASE", "VISITNUM", "TEST"]]
        # Subjects and tests by number: a million results are joined ten times faster than by their texts.
        codes, names = pd.factorize(pd.concat([wanted["TEST"], source.column(domain, f"{domain}TESTCD")]))
        wanted = wanted.assign(TEST=codes[: len(wanted)])
        columns = {"SUBJECT": source.positions(domain), "VISITNUM": source.column(domain, "VISITNUM"), "TEST": codes[len(wanted) :]}
        given = pd.DataFrame(columns).drop_duplicates()
        if domain == "LB":
            wanted = pd.concat([wanted, usual_tests(held, given[given["TEST"] >= 0])]).drop_duplicates()
        due = held.merge(wanted, on=["PHASE", "VISITNUM"])
        missing = due.merge(given, on=["SUBJECT", "VISITNUM", "TEST"], how="left", indicator="_found")
        missing = missing[missing["_found"] == "left_only"]
        if len(missing):
            tests = _list_tests(missing.assign(TEST=names.take(missing["TEST"])))
            message = "no record at " + tests["VISIT"] + " of " + tests["TEST"]
            yield subject_findings(
                tests["USUBJID"], f"{domain}STAT", message, dataset=domain, value=tests["TEST"], visit=tests["VISIT"]
            )


@rule("V24", "W", "results are dated on their visit", "correct the date or the visit of the result")
def results_are_in_window(source: Source) -> Iterator[pd.DataFrame]:
    """Results of a planned visit outside its window, on a day SV does not have for the visit.

    What SV has is judged once, by its own check. One finding per subject and visit, at the first result.
    """
    plan = planned_visits(source.trial)[["PHASE", "VISITNUM", "VISIT", "LOW", "HIGH"]]
    visits = source.table("SV", "VISITNUM").assign(
        FROM=source.days_from_first_dose("SV", "SVSTDTC"), TO=source.days_from_first_dose("SV", "SVENDTC")
    )
    visits = (
        visits.assign(TO=visits["TO"].fillna(visits["FROM"]))
        .groupby(["USUBJID", "VISITNUM"])[["FROM", "TO"]]
        .agg({"FROM": "min", "TO": "max"})
    )
    for domain in [name for name in RESULT_DOMAINS if name in source.sdtm]:
        table = source.table(domain, "VISITNUM").assign(
            PHASE=source.of_subject(domain, "PHASE"), DAY=source.days_from_first_dose(domain, f"{domain}DTC")
        )
        table = table.merge(plan, on=["PHASE", "VISITNUM"], how="left").set_axis(table.index)
        outside = (table["DAY"] < table["LOW"]) | (table["DAY"] > table["HIGH"])
        held = visits.reindex(pd.MultiIndex.from_frame(table.loc[outside, ["USUBJID", "VISITNUM"]])).set_axis(table.index[outside])
        explained = table["DAY"][outside].between(held["FROM"], held["TO"])
        late = table.loc[explained.index[~explained], ["USUBJID", "VISITNUM", "DAY"]]
        sequence = source.column(domain, f"{domain}SEQ").reindex(late.index)
        late = late.assign(SEQ=sequence).sort_values(["DAY", "SEQ"], kind="stable")
        wrong = pd.Series(table.index.isin(late.drop_duplicates(["USUBJID", "VISITNUM"]).index), index=table.index)
        message = table["VISIT"] + " on elapsed day " + number_text(table["DAY"].where(wrong))
        message += ", window " + number_text(table["LOW"].where(wrong)) + " to " + number_text(table["HIGH"].where(wrong))
        yield record_findings(source.sdtm[domain], domain, wrong, f"{domain}DTC", message)
