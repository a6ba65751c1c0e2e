"""Defects of stage A: what can be wrong in analysis data that a cut brings along."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from cgbm1_report.collected.scores import derive_meld, read_meld
from cgbm1_report.simulate import design
from cgbm1_report.simulate.defects import Scene, defect
from cgbm1_report.simulate.scores import BILI_PER_MG, CREAT_PER_MG

_CENSORED = 1.0


def _yes(scene: Scene, dataset: str, flag: str) -> pd.Series:
    return scene[dataset][flag] == "Y"


def _treated(scene: Scene) -> set[str]:
    return scene.subjects("ADSL", _yes(scene, "ADSL", "SAFFL"))


def _changed(scene: Scene, dataset: str) -> pd.Series:
    """Records with a change from baseline that is not 0."""
    frame = scene[dataset]
    return frame["CHG"].notna() & (frame["CHG"].abs() > 1e-6) & (frame["BASE"].abs() > 1e-6)


def _rebase(scene: Scene, dataset: str, rows: pd.Index) -> None:
    """Change and percent change after AVAL or BASE was spoilt: the spoiling is then the only fault."""
    own = scene[dataset].loc[rows]
    changed = own["CHG"].notna()
    change = (own["AVAL"] - own["BASE"]).where(changed)
    percent = (100 * change / own["BASE"]).where(own["PCHG"].notna())
    scene.write(dataset, rows, CHG=change, PCHG=percent)


@defect("D01", "A", "V01", lambda scene: set(scene["ADAE"]["USUBJID"]))
def invent_a_subject(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """ADAE record of a subject ADSL does not have."""
    record = scene.of("ADAE", subject).index[0]
    return "ADAE", scene.add("ADAE", record, USUBJID=f"{scene.trial.study.studyid}-99-999")


@defect("D02", "A", "V03", lambda scene: set(scene["ADLB"]["USUBJID"]))
def repeat_a_record(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Two ADLB records of one key."""
    return "ADLB", scene.add("ADLB", scene.of("ADLB", subject).index[0])


def _timed(scene: Scene) -> set[str]:
    """Treated subjects with an event that is neither fatal nor a dose-limiting toxicity."""
    mild = (scene["AE"]["AETOXGR"] != "5") & (scene["AE"]["AEDLT"] != "Y")
    return _treated(scene) & scene.subjects("AE", mild) & scene.subjects("ADAE", _yes(scene, "ADAE", "TRTEMFL"))


@defect("D06", "A", "V07", _timed)
def call_an_earlier_event_emergent(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """TRTEMFL=Y with onset one minute before the first infusion.

    The onset itself is no fault: the SDTM has it, too.
    """
    start = scene.of("ADSL", subject)["TRTSDTM"].iloc[0]
    onset = start - pd.Timedelta(minutes=1)
    mild = (scene["AE"]["AETOXGR"] != "5") & (scene["AE"]["AEDLT"] != "Y")
    source = scene.first("AE", subject, mild & scene["AE"]["AESEQ"].isin(scene.of("ADAE", subject)["AESEQ"]))
    text = onset.strftime("%Y-%m-%dT%H:%M")
    scene.write("AE", source, AESTDTC=text, AEBEFINF="Y")
    record = scene.first("ADAE", subject, scene["ADAE"]["AESEQ"] == scene.value("AE", source, "AESEQ"))
    values = {"ASTDT": onset.normalize(), "ASTDTM": onset, "ASTDTF": None, "ASTTMF": None, "AESTDTC": text, "AEBEFINF": "Y"}
    scene.write("ADAE", record, **values, ASTDY=1.0 if onset.normalize() == start.normalize() else -1.0, TRTEMFL="Y", PREFL=None)
    return "ADAE", record


def _second_baseline(scene: Scene) -> pd.Series:
    """Bilirubin before the baseline record."""
    frame = scene["ADLB"]
    first = frame[(frame["PARAMCD"] == "BILI") & _yes(scene, "ADLB", "ABLFL")].set_index("USUBJID")["ADTM"]
    baseline = first.reindex(frame["USUBJID"].to_numpy()).set_axis(frame.index)
    return (frame["PARAMCD"] == "BILI") & frame["AVAL"].notna() & (frame["ADTM"] < baseline)


@defect("D07", "A", "V08", lambda scene: scene.subjects("ADLB", _second_baseline(scene)))
def flag_a_second_baseline(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Two baseline records of one parameter."""
    return scene.write_first("ADLB", subject, _second_baseline(scene), ABLFL="Y")


@defect("D08", "A", "V08", lambda scene: scene.subjects("ADLB", (scene["ADLB"]["PARAMCD"] == "CREAT") & _changed(scene, "ADLB")))
def slip_the_unit_of_baseline(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Baseline creatinine in mg/dL beside results in umol/L."""
    own = scene.of("ADLB", subject)
    rows = own.index[(own["PARAMCD"] == "CREAT") & own["BASE"].notna()]
    scene.write("ADLB", rows, BASE=scene["ADLB"].loc[rows, "BASE"] / CREAT_PER_MG)
    _rebase(scene, "ADLB", rows)
    return "ADLB", rows[-1]


@defect("D09", "A", "V09", lambda scene: scene.subjects("ADLB", _changed(scene, "ADLB")))
def reverse_a_change(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """CHG with its sign reversed."""
    record = scene.first("ADLB", subject, _changed(scene, "ADLB"))
    scene.write("ADLB", record, CHG=-scene.value("ADLB", record, "CHG"))
    return "ADLB", record


def _from_zero(scene: Scene) -> pd.Series:
    frame = scene["ADEFF"]
    return (frame["BASE"] == 0) & frame["CHG"].notna() & frame["PCHG"].isna()


@defect("D10", "A", "V09", lambda scene: scene.subjects("ADEFF", _from_zero(scene)))
def divide_by_zero(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """PCHG filled although the baseline is 0."""
    return scene.write_first("ADEFF", subject, _from_zero(scene), PCHG=100.0)


def _at_visit(scene: Scene) -> pd.Series:
    return scene["ADLB"]["AVISITN"] == design.DEFECT_VISIT


@defect("D11", "A", "V10", lambda scene: scene.subjects("ADLB", _at_visit(scene)))
def number_a_visit_wrongly(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """AVISIT of one visit with AVISITN of another."""
    return scene.write_first("ADLB", subject, _at_visit(scene), AVISITN=float(design.DEFECT_OTHER_VISIT))


def _passed_over(scene: Scene) -> pd.Series:
    """Post-baseline records in a window where another one was chosen."""
    frame = scene["ADLB"]
    window = frame.groupby(["USUBJID", "PARAMCD", "AVISITN"])["ANL01FL"].transform("count")
    return frame["ANL01FL"].isna() & (window == 1) & (frame["AVISITN"] > 0) & frame["AVAL"].notna()


@defect("D12", "A", "V10", lambda scene: scene.subjects("ADLB", _passed_over(scene)))
def analyse_two_in_a_window(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Two analysis records in one window."""
    return scene.write_first("ADLB", subject, _passed_over(scene), ANL01FL="Y")


def _died(scene: Scene) -> pd.Series:
    frame = scene["ADTTE"]
    ended = scene["ADSL"].set_index("USUBJID")["DTHDT"].reindex(frame["USUBJID"].to_numpy()).set_axis(frame.index)
    return (frame["PARAMCD"] == "LTFS") & (frame["CNSR"] == 0) & (frame["ADT"] == ended)


def _censor(scene: Scene, record: Hashable) -> None:
    """Turn an event into the end of planned follow-up."""
    frame = scene["ADTTE"]
    reason = frame.loc[(frame["PARAMCD"] == "LTFS") & (frame["CNSR"] == _CENSORED), "CNSDTDSC"].dropna()
    scene.write("ADTTE", record, CNSR=_CENSORED, EVNTDESC=None, CNSDTDSC=str(reason.iloc[0]) if len(reason) else "CENSORED")


@defect("D13", "A", "V11", lambda scene: scene.subjects("ADTTE", _died(scene)))
def censor_a_death(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Survival censored although the subject died in follow-up."""
    record = scene.first("ADTTE", subject, _died(scene))
    _censor(scene, record)
    return "ADTTE", record


def _followed(scene: Scene) -> pd.Series:
    return (scene["ADTTE"]["PARAMCD"] == "LTFS") & scene["ADTTE"]["AVAL"].notna()


@defect("D14", "A", "V11", lambda scene: scene.subjects("ADTTE", _followed(scene)))
def count_one_day_more(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """AVAL of ADTTE one day longer than ADT - STARTDT."""
    record = scene.first("ADTTE", subject, _followed(scene))
    scene.write("ADTTE", record, AVAL=scene.value("ADTTE", record, "AVAL") + 1)
    return "ADTTE", record


@defect("D18", "A", "V14", lambda scene: scene.subjects("ADSL", ~_yes(scene, "ADSL", "SAFFL")) - set(scene["EX"]["USUBJID"]))
def treat_nobody_safely(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """SAFFL=Y without an infusion."""
    record = scene.of("ADSL", subject).index[0]
    scene.write("ADSL", record, SAFFL="Y")
    return "ADSL", record


def _organs(scene: Scene) -> list[str]:
    """Parameters of the six sub-scores."""
    codes = [str(code) for code in scene["ADEFF"]["PARAMCD"].unique()]
    return [code for code in codes if code.startswith("CLIF") and code != "CLIFCOF"]


def _sums(scene: Scene, low: float, high: float) -> pd.Series:
    """Organ failure scores after baseline, of which all sub-scores are there."""
    frame = scene["ADEFF"]
    keys = ["USUBJID", "ADTM", "VISITNUM"]
    parts = frame[frame["PARAMCD"].isin(_organs(scene)) & frame["AVAL"].notna()].groupby(keys).size()
    complete = pd.MultiIndex.from_frame(frame[keys]).isin(parts.index[parts == 6])
    return (frame["PARAMCD"] == "CLIFCOF") & frame["CHG"].notna() & frame["AVAL"].between(low, high) & complete


@defect("D19", "A", "V15", lambda scene: scene.subjects("ADEFF", _sums(scene, 6, 6)))
def score_an_organ_zero(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Organ failure score of 5: one sub-score is 0."""
    record = scene.first("ADEFF", subject, _sums(scene, 6, 6))
    own = scene.of("ADEFF", subject)
    here = own["PARAMCD"].isin(_organs(scene))
    for variable in ("ADTM", "VISITNUM"):
        here &= own[variable] == scene.value("ADEFF", record, variable)
    for row, value in ((own.index[here][0], 0.0), (record, 5.0)):
        scene.write("ADEFF", row, AVAL=value)
        _rebase(scene, "ADEFF", pd.Index([row]))
    return "ADEFF", record


@defect("D20", "A", "V15", lambda scene: scene.subjects("ADEFF", _sums(scene, 6, 17)))
def add_organs_wrongly(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Organ failure score that is not the sum of its sub-scores."""
    record = scene.first("ADEFF", subject, _sums(scene, 6, 17))
    scene.write("ADEFF", record, AVAL=scene.value("ADEFF", record, "AVAL") + 1)
    _rebase(scene, "ADEFF", pd.Index([record]))
    return "ADEFF", record


def _melds(scene: Scene) -> pd.Series:
    frame = scene["ADEFF"]
    return (frame["PARAMCD"] == "MELD") & frame["CHG"].notna() & frame[["COMP1", "COMP2", "COMP3"]].notna().all(axis="columns")


@defect("D21", "A", "V16", lambda scene: scene.subjects("ADEFF", _melds(scene)))
def score_in_wrong_units(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """MELD computed with umol/L."""
    record = scene.first("ADEFF", subject, _melds(scene))
    creatinine, bilirubin, ratio = (np.array([scene.value("ADEFF", record, f"COMP{n}")]) for n in (1, 2, 3))
    score = derive_meld(
        creatinine * CREAT_PER_MG, bilirubin * BILI_PER_MG, ratio, np.array([False]), rule=read_meld(scene.trial), bounded=False
    )
    scene.write("ADEFF", record, AVAL=float(score[0]))
    _rebase(scene, "ADEFF", pd.Index([record]))
    return "ADEFF", record


def _graded(scene: Scene) -> pd.Series:
    return scene["ADLB"]["ATOXGR"].isin(["0", "1", "2"]) & scene["ADLB"]["CHG"].notna()


@defect("D31", "A", "V31", lambda scene: scene.subjects("ADLB", _graded(scene)))
def grade_by_guess(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """ATOXGR that value and limits do not give."""
    record = scene.first("ADLB", subject, _graded(scene))
    grade = float(scene.value("ADLB", record, "ATOXGR")) + 2
    scene.write("ADLB", record, ATOXGR=f"{grade:g}", ATOXGRN=grade)
    return "ADLB", record


def _sampled_later(scene: Scene) -> pd.Series:
    """Antibody results after the first infusion of subjects with a baseline."""
    frame = scene["ADIS"]
    based = set(frame.loc[_yes(scene, "ADIS", "ABLFL") & (frame["PARAMCD"] == "HLAAB"), "USUBJID"])
    known = frame["AVALC"].notna() | frame["AVAL"].notna()
    return frame["USUBJID"].isin(based) & (frame["PARAMCD"] == "HLAAB") & (frame["ADT"] > frame["TRTSDT"]) & known


@defect("D34", "A", "V08", lambda scene: scene.subjects("ADIS", _sampled_later(scene)))
def take_baseline_after_infusion(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Antibody baseline on a sample after the first infusion."""
    record = scene.first("ADIS", subject, _sampled_later(scene))
    own = scene.of("ADIS", subject)
    scene.write("ADIS", own.index[(own["PARAMCD"] == "HLAAB") & (own["ABLFL"] == "Y")], ABLFL=None)
    scene.write("ADIS", record, ABLFL="Y")
    return "ADIS", record


def _transplanted(scene: Scene) -> pd.Series:
    frame = scene["ADTTE"]
    day = scene["ADSL"].set_index("USUBJID")["LTDT"].reindex(frame["USUBJID"].to_numpy()).set_axis(frame.index)
    return (frame["PARAMCD"] == "LTFS") & (frame["CNSR"] == 0) & (frame["ADT"] == day)


@defect("D35", "A", "V11, V27", lambda scene: scene.subjects("ADTTE", _transplanted(scene)))
def forget_a_transplant(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """Transplantation in PR, but LTFL missing and survival censored."""
    record = scene.first("ADTTE", subject, _transplanted(scene))
    _censor(scene, record)
    scene.write("ADSL", scene.of("ADSL", subject).index, LTFL=None)
    return "ADTTE", record


def _on_placebo(scene: Scene) -> set[str]:
    """Subjects of the reference arm who were infused, and with the reference only."""
    reference = scene.trial.phases[scene.parts.randomised].reference
    own = (scene["ADSL"]["TRT01A"] == reference) & (scene["ADSL"]["PHASE"] == scene.parts.randomised)
    return scene.subjects("ADSL", own) - scene.subjects("EX", scene["EX"]["EXDOSE"] > 0)


@defect("D37", "A", "V06", _on_placebo)
def treat_with_another_arm(scene: Scene, subject: str) -> tuple[str, Hashable]:
    """TRT01A of the lowest dose while all infusions are placebo."""
    reference = scene.trial.phases[scene.parts.randomised].reference
    arm = next(arm for arm in scene.parts.arms if arm.column != reference)
    record = scene.of("ADSL", subject).index[0]
    scene.write("ADSL", record, TRT01A=arm.column, TRT01AN=float(arm.trt01pn))
    return "ADSL", record
