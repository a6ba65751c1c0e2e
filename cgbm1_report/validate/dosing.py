"""Rules about infusions: number, order, intervals, windows."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.collected.infusions import read_infusion_number
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import Source, number_text, record_findings, subject_findings
from cgbm1_report.validate.visits import followed_to


def planned_infusions(trial: Trial) -> pd.DataFrame:
    """PHASE, NUMBER, LOW and HIGH (elapsed days) of every planned infusion."""
    rows = [
        (float(number), float(infusion.infusion), *infusion.window)
        for number, phase in trial.phases.items()
        for infusion in phase.infusions
    ]
    return pd.DataFrame(rows, columns=["PHASE", "NUMBER", "LOW", "HIGH"])


def _infusions(source: Source) -> pd.DataFrame:
    """EX with phase, infusion number and elapsed day.

    The number is that of EXTPT alone, never the order of the starts: whether the two agree is what is asked.
    """
    table = source.table("EX", "EXTPT")
    table["NUMBER"] = read_infusion_number(table["EXTPT"])
    table["PHASE"] = source.of_subject("EX", "PHASE")
    table["START"] = source.moments("EX", "EXSTDTC")["first"]
    table["DAY"] = source.days_from_first_dose("EX", "EXSTDTC")
    return table


@rule("V18", "E", "no more infusions than planned, each once, in order", "correct EX")
def infusions_are_as_planned(source: Source) -> Iterator[pd.DataFrame]:
    """Number of infusions per subject; repeated or unordered infusion numbers."""
    frame = source.sdtm.get("EX")
    if frame is None:
        return
    table = source.subjects
    by_phase = {float(number): len(phase.infusions) or None for number, phase in source.trial.phases.items()}
    planned = table["PHASE"].map(by_phase).astype("float64")
    many = table["NINF"] > planned
    message = number_text(table["NINF"]) + " infusions, " + number_text(planned) + " planned"
    yield subject_findings(table.index[many].to_series(), "EXSEQ", message, dataset="EX", value=table["NINF"])
    infusions = _infusions(source)
    twice = infusions.duplicated(["USUBJID", "NUMBER"], keep=False) & infusions["NUMBER"].notna()
    yield record_findings(frame, "EX", twice, "EXTPT", infusions["EXTPT"] + " is recorded more than once")
    ordered = infusions.sort_values(["USUBJID", "START"], kind="stable")
    back = (ordered.groupby("USUBJID")["NUMBER"].diff() < 0).reindex(infusions.index)
    yield record_findings(frame, "EX", back, "EXTPT", infusions["EXTPT"] + " comes after a later infusion")


@rule(
    "V18",
    "E",
    "the first infusion is elapsed day 0",
    "make RFSTDTC and RFXSTDTC the start of the first infusion, RFXENDTC the end of the last",
)
def reference_dates_are_infusions(source: Source) -> Iterator[pd.DataFrame]:
    """Reference dates of DM against EX, by calendar day; the first infusion given is INFUSION 1."""
    frame = source.sdtm.get("DM")
    if frame is None:
        return
    for variable, of_subject in {"RFSTDTC": "TRTSDTM", "RFXSTDTC": "TRTSDTM", "RFXENDTC": "TRTEDT_FIRST"}.items():
        given = source.moments("DM", variable)["first"].dt.normalize()
        infused = source.of_subject("DM", of_subject).dt.normalize()
        day = infused.dt.strftime("%Y-%m-%d").fillna("none")
        wrong = (given.notna() | infused.notna()) & ~(given == infused)
        yield record_findings(
            frame, "DM", wrong, variable, source.column("DM", variable).fillna("missing") + ", infusion in EX: " + day
        )
    infusions = _infusions(source)
    late = (infusions["DAY"] == 0) & (infusions["NUMBER"] != 1) & ~infusions.duplicated(["USUBJID", "DAY"])
    if late.any():
        yield record_findings(source.sdtm["EX"], "EX", late, "EXTPT", "the first infusion given is not INFUSION 1")


@rule("V18", "E", "infusions keep their interval", "correct the infusion date")
def infusions_keep_their_interval(source: Source) -> Iterator[pd.DataFrame]:
    """Consecutive infusions closer than the protocol allows (A-12), in calendar days."""
    frame = source.sdtm.get("EX")
    least = {float(number): phase.min_days_between_infusions for number, phase in source.trial.phases.items()}
    if frame is None:
        return
    infusions = _infusions(source).sort_values(["USUBJID", "START"], kind="stable")
    day = infusions["START"].dt.normalize()
    gap = day.groupby(infusions["USUBJID"]).diff().dt.days
    needed = infusions["PHASE"].map(least).astype("float64")
    close = (gap < needed).reindex(frame.index)
    message = (number_text(gap) + " days after the infusion before, at least " + number_text(needed) + " needed").reindex(
        frame.index
    )
    yield record_findings(frame, "EX", close, "EXSTDTC", message)


@rule("V18", "W", "infusions take place in their window", "record a DOSING deviation")
def infusions_are_in_window(source: Source) -> Iterator[pd.DataFrame]:
    """Infusions outside their own window."""
    frame = source.sdtm.get("EX")
    if frame is None:
        return
    infusions = _infusions(source)
    window = infusions.merge(planned_infusions(source.trial), on=["PHASE", "NUMBER"], how="left").set_axis(infusions.index)
    outside = (window["DAY"] < window["LOW"]) | (window["DAY"] > window["HIGH"])
    limits = number_text(window["LOW"]) + " to " + number_text(window["HIGH"])
    yield record_findings(
        frame, "EX", outside, "EXSTDTC", infusions["EXTPT"] + " on elapsed day " + number_text(window["DAY"]) + ", window " + limits
    )


@rule("V18", "W", "a missed infusion is a protocol deviation", "record the DOSING deviation in DV")
def missed_infusions_are_deviations(source: Source) -> Iterator[pd.DataFrame]:
    """Infusions due before death, transplant, end of treatment or cut-off, neither given nor in DV."""
    table = source.subjects
    until = pd.concat([followed_to(source), (table["LT_FIRST"].dt.normalize() - table["TRTSDT"]).dt.days], axis="columns").min(
        axis="columns"
    )
    ended = source.table("DS", "DSSCAT", "DSDECOD").assign(DAY=source.days_from_first_dose("DS", "DSSTDTC"))
    stopped = ended[(ended["DSSCAT"] == "STUDY TREATMENT") & (ended["DSDECOD"] != "COMPLETED")].groupby("USUBJID")["DAY"].min()
    until = pd.concat([until, stopped.reindex(table.index)], axis="columns").min(axis="columns")
    due = table[["PHASE"]].assign(UNTIL=until)[table["NINF"] > 0].reset_index().merge(planned_infusions(source.trial), on="PHASE")
    due = due[due["UNTIL"] > due["HIGH"]]
    given = pd.MultiIndex.from_frame(_infusions(source)[["USUBJID", "NUMBER"]])
    deviations = source.table("DV", "DVDECOD")
    excused = set(deviations.loc[deviations["DVDECOD"] == "DOSING", "USUBJID"])
    missed = due[~pd.MultiIndex.from_frame(due[["USUBJID", "NUMBER"]]).isin(given) & ~due["USUBJID"].isin(excused)]
    message = "infusion " + number_text(missed["NUMBER"]) + " was not given and DV has no DOSING deviation"
    yield subject_findings(missed["USUBJID"], "EXTPT", message, dataset="EX")


@rule(
    "V04",
    "E",
    "who has an arm or an infusion of a randomised phase was randomised, on a known day",
    "record the randomisation in DS",
)
def randomisation_is_recorded(source: Source) -> Iterator[pd.DataFrame]:
    """Subjects of randomised phases without a complete date of randomisation: their set and day 0 hang on it."""
    table = source.subjects
    phases = [population.phases for population in source.trial.populations if population.flag == "RANDFL"]
    randomised = table["PHASE"].isin([float(number) for numbers in phases for number in numbers])
    complete = table["RAND_FIRST"].dt.normalize().notna() & (
        table["RAND_FIRST"].dt.normalize() == table["RAND_LAST"].dt.normalize()
    )
    lost = table.index[randomised & (table["ARMCD"].notna() | table["TRTSDT"].notna()) & ~complete].to_series()
    yield subject_findings(lost, "DSSTDTC", "no randomisation with a complete date", dataset="DS")
