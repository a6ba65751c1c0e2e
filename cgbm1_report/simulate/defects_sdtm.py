"""Defects of stage S: what can be wrong in tabulated data."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from cgbm1_report.simulate import design
from cgbm1_report.simulate.defects import Scene, defect
from cgbm1_report.simulate.scores import meld

_DAY = 10
_RECOVERED = "RECOVERED/RESOLVED"


def _whole(text: pd.Series) -> pd.Series:
    """Dates of which the day is known."""
    return text.str.len() >= _DAY


def _later(text: str, days: int) -> str:
    """A date some days later, its time kept."""
    return str(np.datetime64(text[:_DAY]) + np.timedelta64(days, "D")) + text[_DAY:]


def _dosed(scene: Scene, phase: int | None = None) -> set[str]:
    arms = [arm.armcd for arm in scene.trial.arms if phase in (None, arm.phase)]
    return scene.subjects("DM", scene["DM"]["RFXSTDTC"].notna() & scene["DM"]["ARMCD"].isin(arms))


def _alive(scene: Scene) -> set[str]:
    return scene.subjects("DM", scene["DM"]["DTHFL"].isna())


def _dead(scene: Scene) -> set[str]:
    """Subjects whose day of death is known."""
    return scene.subjects("DM", _whole(scene["DM"]["DTHDTC"]))


def _move(scene: Scene, dataset: str, rows: pd.Index, days: int) -> None:
    """Move every whole date of some records."""
    frame = scene[dataset]
    for variable in [str(name) for name in frame.columns if str(name).endswith("DTC")]:
        text = frame.loc[rows, variable]
        text = text[_whole(text).fillna(False).astype(bool)]
        if len(text):
            day = (pd.to_datetime(text.str[:_DAY]) + pd.Timedelta(days=days)).dt.strftime("%Y-%m-%d")
            scene.write(dataset, text.index, **{variable: day + text.str[_DAY:]})


def _ended(scene: Scene) -> pd.Series:
    events = scene["AE"]
    return _whole(events["AESTDTC"]) & _whole(events["AEENDTC"]) & (events["AEOUT"] == _RECOVERED) & (events["AETOXGR"] != "5")


@defect("D03", "S", "V04", lambda scene: scene.subjects("AE", _ended(scene)))
def end_event_before_it_starts(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """AEENDTC before AESTDTC."""
    record = scene.first("AE", subject, _ended(scene))
    scene.write("AE", record, AEENDTC=_later(str(scene.value("AE", record, "AESTDTC"))[:_DAY], -2))
    return "AE", record


@defect("D04", "S", "V04", _dosed)
def consent_after_first_infusion(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Consent on the day after the first infusion."""
    record = scene.of("DM", subject).index[0]
    scene.write("DM", record, RFICDTC=_later(str(scene.value("DM", record, "RFXSTDTC"))[:_DAY], 1))
    return "DM", record


def _dead_before_cutoff(scene: Scene) -> set[str]:
    died = pd.to_datetime(scene["DM"]["DTHDTC"], format="ISO8601", errors="coerce")
    return _dead(scene) & scene.subjects("DM", died + pd.Timedelta(days=4) <= scene.cutoff)


@defect("D05", "S", "V05", lambda scene: _dead_before_cutoff(scene) & set(scene["LB"]["USUBJID"]))
def measure_after_death(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """LB record 3 days after death."""
    results = scene.of("LB", subject).sort_values("LBDTC", kind="stable")
    died = str(scene.of("DM", subject)["DTHDTC"].iloc[0])[:_DAY]
    number = float(results["LBSEQ"].max()) + 1
    record = scene.add("LB", results.index[-1], LBSEQ=number, LBDTC=_later(died, 3), LBLOBXFL=None)
    return "LB", record


@defect("D15", "S", "V12", _dead)
def forget_date_of_death(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """DTHFL=Y, DTHDTC missing."""
    record = scene.of("DM", subject).index[0]
    scene.write("DM", record, DTHDTC=None)
    return "DM", record


def _not_serious(scene: Scene) -> pd.Series:
    return (scene["AE"]["AESER"] == "N") & (scene["AE"]["AETOXGR"] != "5")


@defect("D16", "S", "V13", lambda scene: scene.subjects("AE", _not_serious(scene)))
def call_event_serious(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """AESER=Y without a criterion."""
    return scene.write_first("AE", subject, _not_serious(scene), AESER="Y")


@defect("D17", "S", "V13", lambda scene: scene.subjects("AE", _ended(scene)))
def recover_from_grade_5(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Grade 5, outcome recovered."""
    return scene.write_first("AE", subject, _ended(scene), AETOXGR="5")


@defect("D22", "S", "V17", lambda scene: _dosed(scene, scene.parts.randomised))
def take_part_twice(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """A subject of the randomised phase with PRIORID of a dosed subject of the escalation."""
    record = scene.of("DM", subject).index[0]
    scene.write("DM", record, PRIORID=min(_dosed(scene, scene.parts.escalation)))
    return "DM", record


def _infused_often(scene: Scene) -> set[str]:
    """Subjects with three infusions or more: moving the second changes no reference date."""
    count = scene["EX"]["USUBJID"].value_counts()
    return set(count.index[count >= 3]) & _dosed(scene, scene.parts.randomised)


@defect("D23", "S", "V18", _infused_often)
def infuse_too_soon(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Two infusions one day closer than the protocol allows."""
    infusions = scene.of("EX", subject).sort_values("EXSTDTC")
    days = pd.to_datetime(infusions["EXSTDTC"].str[:_DAY])
    wanted = (scene.trial.phases[scene.parts.randomised].min_days_between_infusions or 1) - 1
    _move(scene, "EX", infusions.index[[1]], wanted - int((days.iloc[1] - days.iloc[0]).days))
    return "EX", infusions.index[1]


def _second_of_cohorts(scene: Scene) -> dict[str, str]:
    """Second subject of each cohort whose sentinel had no dose-limiting toxicity, with that sentinel."""
    toxic = scene.subjects("AE", scene["AE"]["AEDLT"] == "Y")
    result = {}
    for arm in scene.parts.cohorts:
        own = scene["DM"][(scene["DM"]["ARMCD"] == arm.armcd) & scene["DM"]["RFXSTDTC"].notna()].sort_values("RFXSTDTC")
        if len(own) > 1 and own["USUBJID"].iloc[0] not in toxic:
            result[str(own["USUBJID"].iloc[1])] = str(own["RFXSTDTC"].iloc[0])
    return result


@defect("D24", "S", "V19", _second_of_cohorts)
def dose_while_sentinel_is_observed(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Second subject of a cohort dosed before the sentinel was observed long enough; all the subject's dates move along."""
    sentinel = np.datetime64(_second_of_cohorts(scene)[subject][:_DAY])
    dosed = np.datetime64(str(scene.of("DM", subject)["RFXSTDTC"].iloc[0])[:_DAY])
    days = int((sentinel - dosed).astype(int)) + design.DEFECT_SENTINEL_DAY
    for name, frame in list(scene.frames.items()):
        if "DOMAIN" in frame and "USUBJID" in frame:
            _move(scene, name, scene.of(name, subject).index, days)
    return "EX", scene.of("EX", subject).index[0]


def _later_results(scene: Scene, test: str) -> pd.Series:
    """Numeric results of a test after the day of the first infusion."""
    results = scene["LB"]
    start = scene["DM"].set_index("USUBJID")["RFXSTDTC"].reindex(results["USUBJID"].to_numpy()).set_axis(results.index)
    after = results["LBDTC"].str[:_DAY] > start.str[:_DAY]
    return (results["LBTESTCD"] == test) & results["LBSTRESN"].notna() & after.fillna(False).astype(bool)


@defect("D25", "S", "V21, V22", lambda scene: scene.subjects("LB", _later_results(scene, "CREAT")))
def forget_to_convert(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Creatinine 1.2 mg/dL stored as 1.2 umol/L."""
    record = scene.first("LB", subject, _later_results(scene, "CREAT"))
    unit = next(c.to_unit for c in scene.trial.conversions if c.param == "CREAT")
    scene.write("LB", record, LBORRES="1.2", LBORRESU=unit, LBSTRESC="1.2", LBSTRESN=1.2)
    return "LB", record


@defect("D26", "S", "V22", lambda scene: scene.subjects("LB", _later_results(scene, "ICGR15")))
def retain_more_than_everything(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """ICG retention of 130 percent."""
    return scene.write_first("LB", subject, _later_results(scene, "ICGR15"), LBORRES="130", LBSTRESC="130", LBSTRESN=130.0)


def _pre_dose_values(scene: Scene) -> pd.DataFrame:
    """MELD components of each visit before the first infusion, with the index of the INR record in ROW."""
    visits = [v for phase in scene.trial.phases.values() for v in phase.visits if v.visitnum is not None]
    before = {v.visitnum for v in visits if v.avisitn == 0 or (v.protocol_window and v.protocol_window[1] < 0)}
    results = scene["LB"][scene["LB"]["VISITNUM"].isin(before) & scene["LB"]["LBTESTCD"].isin(["BILI", "CREAT", "INR"])]
    results = results[results["LBSTRESN"].notna()].assign(ROW=lambda table: table.index)
    wide = results.pivot_table(index=["USUBJID", "VISITNUM"], columns="LBTESTCD", values="LBSTRESN", aggfunc="last").dropna()
    rows = results[results["LBTESTCD"] == "INR"].groupby(["USUBJID", "VISITNUM"])["ROW"].last()
    return wide.join(rows).reset_index()


def _unquestioned(scene: Scene) -> set[str]:
    """Subjects dosed without a criterion in IE or an eligibility deviation."""
    told = set(scene["IE"]["USUBJID"]) | scene.subjects("DV", scene["DV"]["DVDECOD"] == "ELIGIBILITY")
    return _dosed(scene) - told


@defect("D27", "S", "V23", lambda scene: _unquestioned(scene) & set(_pre_dose_values(scene)["USUBJID"]))
def enrol_above_the_limit(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """MELD of 31.2 at entry by a higher INR; neither IE nor DV says so."""
    values = _pre_dose_values(scene)
    own = values[values["USUBJID"] == subject]
    bare = meld(own["BILI"].to_numpy(), np.ones(len(own)), own["CREAT"].to_numpy())
    ratio = np.round(np.exp((design.DEFECT_MELD - bare) / 11.2), 2)
    rows = pd.Index(own["ROW"])
    text = pd.Series(np.char.mod("%.2f", ratio), index=rows, dtype="str")
    scene.write("LB", rows, LBSTRESN=pd.Series(ratio, index=rows), LBORRES=text, LBSTRESC=text)
    return "LB", rows[-1]


def _fertile(scene: Scene) -> set[str]:
    women = scene.subjects("DM", scene["DM"]["SEX"] == "F") & _unquestioned(scene)
    text = scene["MH"]["MHTERM"].str.lower()
    return women - scene.subjects("MH", text.str.contains("menopaus|hysterectomy|steril|ovariectomy|oophorectomy|ligation"))


@defect("D28", "S", "V23", _fertile)
def forget_pregnancy_test(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """A woman of 30 years without a pregnancy test."""
    record = scene.of("DM", subject).index[0]
    consent = pd.Timestamp(str(scene.value("DM", record, "RFICDTC"))[:_DAY])
    born = consent - pd.DateOffset(years=30, months=3)
    scene.write("DM", record, AGE=30.0, BRTHDTC=born.strftime("%Y-%m-%d"))
    tests = scene.of("LB", subject)
    scene.drop("LB", tests.index[tests["LBTESTCD"] == "HCG"])
    return "DM", record


@defect("D29", "S", "V02", lambda scene: scene.subjects("CM", _whole(scene["CM"]["CMSTDTC"])))
def invent_a_day(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """A date no calendar has."""
    return scene.write_first("CM", subject, _whole(scene["CM"]["CMSTDTC"]), CMSTDTC="2025-02-30")


@defect("D30", "S", "V02", lambda scene: scene.subjects("AE", _ended(scene)))
def invent_an_outcome(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """AEOUT no codelist has."""
    return scene.write_first("AE", subject, _ended(scene), AEOUT="Cured")


def _sodium(scene: Scene) -> pd.DataFrame:
    """Sodium results within a week of a new hyponatremia, with the complication's record in CASE."""
    term = next(c.term for c in scene.trial.complications if c.code == "HYPONAT")
    events = scene["CE"]
    new = (events["CETERM"] == term) & (events["CEOCCUR"] == "Y") & (events["CEPREBL"] != "Y") & (events["CEBEFINF"] != "Y")
    cases = events.loc[new & _whole(events["CESTDTC"]), ["USUBJID", "CESTDTC"]].assign(CASE=lambda table: table.index)
    results = scene["LB"].loc[(scene["LB"]["LBTESTCD"] == "SODIUM") & scene["LB"]["LBSTRESN"].notna(), ["USUBJID", "LBDTC"]]
    pairs = results.assign(ROW=results.index).merge(cases, on="USUBJID")
    pairs = pairs.merge(scene["DM"][["USUBJID", "RFXSTDTC"]].dropna(), on="USUBJID")
    apart = pd.to_datetime(pairs["LBDTC"].str[:_DAY]) - pd.to_datetime(pairs["CESTDTC"].str[:_DAY])
    return pairs[(apart.abs() <= pd.Timedelta(days=8)) & (pairs["CESTDTC"].str[:_DAY] > pairs["RFXSTDTC"].str[:_DAY])]


@defect("D32", "S", "V25", lambda scene: set(_sodium(scene)["USUBJID"]))
def keep_sodium_normal(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Hyponatremia with sodium 138."""
    pairs = _sodium(scene)
    pairs = pairs[pairs["USUBJID"] == subject]
    own = pairs[pairs["CASE"] == pairs["CASE"].iloc[0]]
    scene.write("LB", pd.Index(own["ROW"]), LBORRES="138", LBSTRESC="138", LBSTRESN=138.0, LBNRIND="NORMAL")
    record: Hashable = own["CASE"].iloc[0]
    return "CE", record


@defect("D33", "S", "V28", lambda scene: scene.subjects("DM", scene["DM"]["ARMNRS"] == "SCREEN FAILURE"))
def infuse_screen_failure(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """A screen failure with an infusion."""
    day = _later(str(scene.of("DM", subject)["RFICDTC"].iloc[0])[:_DAY], 1)
    record = scene.add("EX", scene["EX"].index[0], USUBJID=subject, EXSEQ=1.0, EXSTDTC=day + "T10:00", EXENDTC=day + "T11:00")
    return "EX", record


def _severe(scene: Scene) -> pd.Series:
    return scene["AE"]["AETOXGR"].isin(["3", "4", "5"]) & scene["AE"]["USUBJID"].isin(_dosed(scene, scene.parts.escalation))


@defect("D36", "S", "V20", lambda scene: scene.subjects("AE", _severe(scene)))
def blame_an_unrelated_event(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """A dose-limiting toxicity that is not related."""
    record = scene.first("AE", subject, _severe(scene))
    terms = scene.trial.relatedness
    unrelated = next(term for term in terms.codelist if term not in terms.related) if terms else "NOT RELATED"
    scene.write("AE", record, AEDLT="Y", AEREL=unrelated)
    return "AE", record


def _wanted_tests(scene: Scene, phase: int) -> list[str]:
    """Laboratory tests an outcome measure needs at the visit that will lack one."""
    outcomes = [o for o in scene.trial.outcomes if o.phase == phase and o.dataset == "ADLB"]
    named = [o.paramcd for o in outcomes if design.DEFECT_MISSING_VISIT in o.nominal_days]
    return [scene.trial.parameter(code).testcd or code for code in named]


def _at(scene: Scene, dataset: str, day: int) -> pd.Series:
    numbers = [v.visitnum for p in scene.trial.phases.values() for v in p.visits if v.avisitn == day]
    return scene[dataset]["VISITNUM"].isin(numbers)


def _seen_twice(scene: Scene) -> set[str]:
    phase = scene.parts.randomised
    tests = scene["LB"]["LBTESTCD"].isin(_wanted_tests(scene, phase))
    late, missing = design.DEFECT_LATE_VISIT, design.DEFECT_MISSING_VISIT
    visited = scene.subjects("SV", _at(scene, "SV", late)) & scene.subjects("SV", _at(scene, "SV", missing))
    return visited & scene.subjects("LB", tests & _at(scene, "LB", missing)) & _dosed(scene, phase)


@defect("D38", "S", "V24", _seen_twice)
def come_late_and_lose_a_result(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """A visit far out of its window, and a result of the next visit without LBSTAT."""
    start = pd.Timestamp(str(scene.of("DM", subject)["RFXSTDTC"].iloc[0])[:_DAY])
    record = scene.first("SV", subject, _at(scene, "SV", design.DEFECT_LATE_VISIT))
    day = (pd.Timestamp(str(scene.value("SV", record, "SVSTDTC"))[:_DAY]) - start).days
    for name, frame in list(scene.frames.items()):
        if {"DOMAIN", "USUBJID", "VISITNUM"} <= set(frame.columns):
            here = _at(scene, name, design.DEFECT_LATE_VISIT) & (frame["USUBJID"] == subject)
            _move(scene, name, frame.index[here], design.DEFECT_LATE_DAY - day)
    test = _wanted_tests(scene, scene.parts.randomised)
    lost = scene["LB"]["LBTESTCD"].isin(test) & _at(scene, "LB", design.DEFECT_MISSING_VISIT) & (scene["LB"]["USUBJID"] == subject)
    first = scene["LB"].loc[lost, "LBTESTCD"].iloc[0]
    scene.drop("LB", scene["LB"].index[lost & (scene["LB"]["LBTESTCD"] == first)])
    return "SV", record


@defect("D39", "S", "V26", lambda scene: _dead(scene) & scene.subjects("AE", _ended(scene)))
def outlive_the_subject(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """An event that goes on after death."""
    return scene.write_first(
        "AE", subject, _ended(scene), AEENDTC=None, AEENRTPT="ONGOING", AEENTPT="LAST VISIT", AEOUT="NOT RECOVERED/NOT RESOLVED"
    )


@defect("D40", "S", "V29", lambda scene: scene.subjects("DM", scene["DM"]["RANDNO"].notna()))
def give_a_number_twice(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """RANDNO of another subject."""
    record = scene.of("DM", subject).index[0]
    others = scene["DM"].loc[scene["DM"]["RANDNO"].notna() & (scene["DM"]["USUBJID"] != subject), "RANDNO"]
    scene.write("DM", record, RANDNO=others.iloc[0])
    return "DM", record


@defect("D41", "S", "V32", lambda scene: _alive(scene) & _dosed(scene) & set(scene["VS"]["USUBJID"]))
def measure_after_the_cutoff(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """A vital sign one day after the data cut-off."""
    record = scene.of("VS", subject).sort_values("VSDTC", kind="stable").index[-1]
    scene.write("VS", record, VSDTC=(scene.cutoff + pd.Timedelta(days=1)).strftime("%Y-%m-%d"))
    return "VS", record
