"""Rules about who is in the data: known subjects, arms, screen failures, randomisation."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.errors import number_of
from cgbm1_report.validate.rules import rule
from cgbm1_report.validate.source import NO_SUBJECTS, Source, number_text, record_findings, subject_findings

SCREEN_FAILURE = "SCREEN FAILURE"
UNPLANNED = "UNPLANNED TREATMENT"
NOT_TREATED = "ASSIGNED, NOT TREATED"


@rule("V01", "E", "every subject of every dataset is in DM", "add the subject to DM, or correct USUBJID")
def subjects_are_known(source: Source) -> Iterator[pd.DataFrame]:
    """Records of subjects DM does not have."""
    known = source.subjects.index
    if not len(known):
        return  # DM is missing or empty, which is said once
    near = pd.Series(known, index=known.str.upper().str.strip(), dtype="str")
    near = near[~near.index.duplicated()]
    for name, frame in source.sdtm.items():
        if name not in NO_SUBJECTS and name != "DM" and "USUBJID" in frame:
            unknown = pd.Series(source.positions(name) < 0, index=frame.index)
            if unknown.any():
                subject = source.column(name, "USUBJID")
                like = subject.where(unknown).str.upper().str.strip().map(near).astype("str")
                message = ("the subject is not in DM, which has " + like + " in other letters").fillna("the subject is not in DM")
                yield record_findings(frame, name, unknown, "USUBJID", message)


#: Domains of results and what tells two results of one time apart.
RESULTS = {"LB": "LBNAM", "VS": "VSTPT", **dict.fromkeys(("IS", "MB", "RS", "RE", "XL"), "VISITNUM")}


@rule("V03", "W", "no result stands twice", "check whether one result was entered twice")
def results_stand_once(source: Source) -> Iterator[pd.DataFrame]:
    """Results equal in subject, test, time, vendor (or time point, or visit) and value."""
    for name, apart in RESULTS.items():
        test, time, text, number = (f"{name}{part}" for part in ("TESTCD", "DTC", "STRESC", "STRESN"))
        table = source.table(name, test, time, apart, text, number)
        measured = table[number].notna() | table[text].notna()
        twice = table.duplicated(keep=False) & measured & table[time].notna()
        if twice.any():
            message = table[test] + " of " + table[time] + " stands twice with one value"
            yield record_findings(source.sdtm[name], name, twice, number, message)


@rule("V03", "W", "a study and a treatment end once", "keep one disposition event per subject and DSSCAT")
def ends_stand_once(source: Source) -> Iterator[pd.DataFrame]:
    """Disposition events beside another one of the same subject and subcategory: the last is taken."""
    table = source.table("DS", "DSCAT", "DSSCAT", "DSDECOD")
    ended = table[table["DSCAT"] == "DISPOSITION EVENT"]
    several = ended.duplicated(["USUBJID", "DSSCAT"], keep=False)
    twice = pd.Series(table.index.isin(ended.index[several]), index=table.index)
    if twice.any():
        message = table["DSDECOD"] + " is one of several ends of " + table["DSSCAT"].fillna("the study").str.lower()
        yield record_findings(source.sdtm["DS"], "DS", twice, "DSDECOD", message)


def _subject(
    table: pd.DataFrame, wrong: pd.Series, variable: str, message: pd.Series | str, severity: str | None = None
) -> pd.DataFrame:
    rows = table[wrong.fillna(False).astype(bool)]
    text = message.reindex(rows.index) if isinstance(message, pd.Series) else message
    value = rows.get(variable)
    return subject_findings(rows.index.to_series(), variable, text, value=value, severity=severity)


@rule("V06", "E", "ARMNRS is filled exactly where an arm is missing", "correct ARMCD, ACTARMCD or ARMNRS", reads="treatment")
def arms_are_explained(source: Source) -> Iterator[pd.DataFrame]:
    """ARMCD, ACTARMCD and ARMNRS against each other (SDTMIG 3.4)."""
    table = source.subjects
    planned, actual, reason = table["ARMCD"].notna(), table["ACTARMCD"].notna(), table["ARMNRS"]
    yield _subject(table, ~(planned & actual) & reason.isna(), "ARMNRS", "an arm is missing and ARMNRS does not say why")
    yield _subject(table, planned & actual & reason.notna(), "ARMNRS", reason + " although both arms are filled")
    unassigned = reason.isin([SCREEN_FAILURE, "NOT ASSIGNED"]) & (planned | actual)
    yield _subject(table, unassigned, "ARMNRS", reason + " although an arm is filled")
    assigned = reason.isin([NOT_TREATED, UNPLANNED]) & ~planned
    yield _subject(table, assigned, "ARMCD", "missing although ARMNRS is " + reason)


@rule("V06", "E", "arm codes, texts and phases agree", "correct the arm in DM", reads="treatment")
def arm_texts_agree(source: Source) -> Iterator[pd.DataFrame]:
    """The text of an arm, and the phase it belongs to, against its code."""
    texts = {arm.armcd: arm.arm for arm in source.trial.arms}
    phases = {arm.armcd: float(arm.phase) for arm in source.trial.arms}
    frame = source.sdtm.get("DM")
    if frame is None:
        return
    for code, text in (("ARMCD", "ARM"), ("ACTARMCD", "ACTARM")):
        codes, given = source.column("DM", code), source.column("DM", text)
        wrong = codes.isin(list(texts)) & (given.fillna("") != codes.map(texts).astype("str"))
        yield record_findings(frame, "DM", wrong, text, given.fillna("missing") + " does not belong to " + code + " " + codes)
    phase, screened = source.column("DM", "ARMCD").map(phases).astype("float64"), source.column("DM", "SCRPHASE")
    wrong = phase.notna() & screened.notna() & (phase != screened)
    message = "screened for phase " + number_text(screened) + " but in an arm of phase " + number_text(phase)
    yield record_findings(frame, "DM", wrong, "SCRPHASE", message)


@rule("V06", "E", "a product's dose fits the product", "correct EXTRT or EXDOSE", reads="treatment")
def doses_fit_products(source: Source) -> Iterator[pd.DataFrame]:
    """A dose of 0 is placebo, every other dose is the product."""
    table = source.table("EX", "EXTRT", "EXDOSE")
    product = source.trial.study.product
    wrong = ((table["EXTRT"] == product) & (table["EXDOSE"] <= 0)) | ((table["EXTRT"] == "PLACEBO") & (table["EXDOSE"] != 0))
    if wrong.any():
        message = table["EXTRT"] + " with a dose of " + number_text(table["EXDOSE"]).fillna("(missing)")
        yield record_findings(source.sdtm["EX"], "EX", wrong, "EXDOSE", message)


@rule("V06", "E", "the actual arm is the highest dose received", "correct ACTARMCD, EXTRT or EXDOSE", reads="treatment")
def actual_arm_fits_exposure(source: Source) -> Iterator[pd.DataFrame]:
    """ACTARMCD against the highest dose level in EX; no actual arm without an infusion."""
    table = source.subjects.copy()
    doses = {arm.armcd: arm.dose_per_infusion_e6_cells_per_kg for arm in source.trial.arms}
    phases = {arm.armcd: float(arm.phase) for arm in source.trial.arms}
    exposure = source.table("EX", "EXDOSE")
    table["HIGHEST"] = exposure.groupby("USUBJID")["EXDOSE"].max().reindex(table.index).astype("float64")
    dosed, actual = table["NINF"] > 0, table["ACTARMCD"]
    planned_dose = actual.map(doses).astype("float64")
    wrong = dosed & actual.notna() & table["HIGHEST"].notna() & (planned_dose != table["HIGHEST"])
    message = (
        "the highest dose received is " + number_text(table["HIGHEST"]) + ", the actual arm stands for " + number_text(planned_dose)
    )
    yield _subject(table, wrong, "ACTARMCD", message)
    yield _subject(
        table, dosed & actual.isna() & (table["ARMNRS"] != UNPLANNED), "ACTARMCD", "missing although infusions are recorded"
    )
    yield _subject(table, ~dosed & actual.notna(), "ACTARMCD", "filled although no infusion is recorded")
    other = actual.map(phases).astype("float64")
    yield _subject(
        table, (other != table["PHASE"]) & other.notna() & table["PHASE"].notna(), "ACTARMCD", "is an arm of another phase"
    )


@rule("V06", "W", "treatment other than planned is a protocol deviation", "record the deviation in DV", reads="treatment")
def mistreatment_is_a_deviation(source: Source) -> Iterator[pd.DataFrame]:
    """Subjects treated otherwise than planned, at one infusion at least, without a DOSING deviation."""
    table = source.subjects
    mistreated = table["ACTARMCD"].notna() & table["ARMCD"].notna() & (table["ACTARMCD"] != table["ARMCD"])
    deviations = source.table("DV", "DVDECOD")
    excused = deviations.loc[deviations["DVDECOD"] == "DOSING", "USUBJID"]
    wrong = mistreated & ~table.index.isin(excused)
    yield _subject(table, wrong, "ACTARMCD", "differs from ARMCD and DV has no DOSING deviation")
    doses = {arm.armcd: arm.dose_per_infusion_e6_cells_per_kg for arm in source.trial.arms}
    planned, given = source.of_subject("EX", "ARMCD").map(doses).astype("float64"), source.column("EX", "EXDOSE")
    other = planned.notna() & given.notna() & (given != planned)
    # Who was treated otherwise throughout has been named.
    other &= ~source.column("EX", "USUBJID").isin([*excused, *table.index[wrong]])
    if other.any():
        message = "a dose of " + number_text(given) + ", the planned arm stands for " + number_text(planned)
        yield record_findings(source.sdtm["EX"], "EX", other, "EXDOSE", message + "; DV has no DOSING deviation")


@rule("V14", "W", "what excludes from the per-protocol set is an important deviation", "make it IMPORTANT, or take DVPPSFL away")
def excluding_deviations_are_important(source: Source) -> Iterator[pd.DataFrame]:
    """DVPPSFL=Y on a deviation of another category: it would exclude from PPROTFL and stand in no table of important ones."""
    table = source.table("DV", "DVCAT", "DVPPSFL")
    wrong = (table["DVPPSFL"] == "Y") & table["DVCAT"].notna() & (table["DVCAT"] != "IMPORTANT")
    if wrong.any():
        message = "excludes from the per-protocol set, and is " + table["DVCAT"]
        yield record_findings(source.sdtm["DV"], "DV", wrong, "DVPPSFL", message)


@rule("V17", "E", "nobody takes part twice", "remove the second participation, or correct PRIORID")
def nobody_takes_part_twice(source: Source) -> Iterator[pd.DataFrame]:
    """PRIORID of a subject naming a subject of an earlier phase (A-49); one that names nobody is a question."""
    phase = source.subjects["PHASE"]
    prior, own = source.column("DM", "PRIORID"), source.of_subject("DM", "PHASE")
    earlier = look_up(prior, phase) < own
    if earlier.any():
        message = "took part as " + prior + " in an earlier phase"
        yield record_findings(source.sdtm["DM"], "DM", earlier, "PRIORID", message)
    nobody = prior.notna() & ~prior.isin(phase.index)
    if nobody.any():
        message = prior + " is no subject of DM: whether it is one person cannot be told"
        yield record_findings(source.sdtm["DM"], "DM", nobody, "PRIORID", message, severity="W")


@rule("V17", "W", "nobody looks like a subject of the other phase", "check whether it is one person")
def nobody_looks_alike(source: Source) -> Iterator[pd.DataFrame]:
    """Subjects with birth date, sex and site of a subject of an earlier phase."""
    table = source.table("DM", "BRTHDTC", "SEX", "SITEID").assign(PHASE=source.of_subject("DM", "PHASE"))
    keys = ["BRTHDTC", "SEX", "SITEID"]
    complete = table.dropna(subset=[*keys, "PHASE"])
    pairs = complete.reset_index(names="_row").merge(complete, on=keys, suffixes=("", "_EARLIER"))
    pairs = pairs[pairs["PHASE_EARLIER"] < pairs["PHASE"]].drop_duplicates("_row").set_index("_row")
    if len(pairs):
        alike = pd.Series(table.index.isin(pairs.index), index=table.index)
        message = ("has birth date, sex and site of " + pairs["USUBJID_EARLIER"]).reindex(table.index)
        yield record_findings(source.sdtm["DM"], "DM", alike, "BRTHDTC", message)


@rule("V28", "E", "screen failures receive nothing", "remove the infusion, or correct the screening outcome")
def screen_failures_are_not_dosed(source: Source) -> Iterator[pd.DataFrame]:
    """EX records of screen failures."""
    ended = source.table("DS", "DSDECOD")
    failed = set(ended.loc[ended["DSDECOD"] == SCREEN_FAILURE, "USUBJID"])
    failed |= set(source.subjects.index[source.subjects["ARMNRS"] == SCREEN_FAILURE])
    wrong = source.column("EX", "USUBJID").isin(failed)
    if wrong.any():
        yield record_findings(source.sdtm["EX"], "EX", wrong, "EXTRT", "a screen failure has an infusion")


@rule("V29", "W", "randomisation numbers are there and stand once", "correct RANDNO with the randomisation list", reads="treatment")
def randomisation_numbers_are_sound(source: Source) -> Iterator[pd.DataFrame]:
    """Randomised subjects without a number, numbers without a randomisation, numbers used twice."""
    frame = source.sdtm.get("DM")
    if frame is None:
        return
    number = source.column("DM", "RANDNO")
    randomised = source.of_subject("DM", "RAND_FIRST").notna()
    yield record_findings(frame, "DM", randomised & number.isna(), "RANDNO", "missing although the subject was randomised")
    yield record_findings(frame, "DM", ~randomised & number.notna(), "RANDNO", "unknown: the subject was not randomised")
    yield record_findings(frame, "DM", number.notna() & number.duplicated(keep=False), "RANDNO", number + " is used more than once")


@rule(
    "V29", "W", "arms are as large as planned", "none while enrolment goes on; otherwise check the randomisation", reads="treatment"
)
def arm_sizes_are_planned(source: Source) -> Iterator[pd.DataFrame]:
    """Randomised arms that differ from their planned size by more than one."""
    randomised = source.subjects["RAND_FIRST"].notna()
    counts = source.subjects.loc[randomised, "ARMCD"].value_counts()
    for arm in source.trial.arms:
        if source.trial.phases[arm.phase].reference and arm.planned_n:
            low, high = arm.planned_n
            size = int(counts.get(arm.armcd, 0))
            if not low - 1 <= size <= high + 1:
                subject = pd.Series([None], dtype="str")
                planned = low if low == high else f"{low} to {high}"
                message = f"{arm.armcd} has {number_of(size, 'randomised subject')}, {planned} planned"
                yield subject_findings(subject, "ARMCD", message)
