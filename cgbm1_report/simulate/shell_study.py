"""The study that mock shells are made of: in each arm two subjects to whom everything happens, in each phase one not enrolled.

No number of it is printed. It has what outputs make rows of: a term of every dictionary, a value of each codelist, a result
of every parameter at every visit. Variables are those of schemas/, arms, parameters and visits those of the trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import product
from typing import Any

import pandas as pd

from cgbm1_report.derive.treatment import phases_of
from cgbm1_report.protocol.packages import FINDINGS, UNBLINDING
from cgbm1_report.protocol.schema import Kind, read_schema, schema_datasets, schema_labels, variable_kind
from cgbm1_report.protocol.sections import Arm
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.unblinding import Unblinding
from cgbm1_report.tabulate.masks import TOLD
from cgbm1_report.validate.findings import SEVERITIES
from cgbm1_report.validate.schemas import trial_terms

#: Any day; what was imputed of it.
DAY = pd.Timestamp("2000-01-01")
_PARTIAL, _IMPUTED = "2000-01", "D"
#: What dictionaries call the variables whose terms are rows.
_TERMS = {
    "AEBODSYS": "System organ class", "AESOC": "System organ class", "MHBODSYS": "System organ class",
    "AEDECOD": "Preferred term", "MHDECOD": "Preferred term", "CMDECOD": "Preferred name",
    "ATC1": "Class", "ATC2": "Subclass",
}  # fmt: skip
#: Subjects of an arm: what the one has of a codelist the other has the next of. And the flag and the data of the screened.
_SUBJECTS, SCREENED, _OF_SCREENED = 2, "SCRNFL", ("ADSL", "ADIE")
#: What leaves records out of tables when it has a value: derived records, values after a transplantation.
_LEFT_OUT = ("DTYPE", "POSTLTFL", "LLOQFL")


def draw_study(trial: Trial, needed: Mapping[str, Mapping[str, None]]) -> dict[str, pd.DataFrame]:
    """Analysis datasets of the study, by name; ``needed`` are variables by dataset that outputs ask for besides."""
    found = {name: _draw(name, trial, needed.get(name, {})) for name in dict.fromkeys((*schema_datasets("adam"), *needed))}
    if trial.dose_escalation:
        found |= _draw_reviews(found, trial)
    return found | {FINDINGS: _draw_findings(), UNBLINDING: _draw_unblindings(found["ADSL"], trial)}


def _draw(dataset: str, trial: Trial, needed: Mapping[str, None]) -> pd.DataFrame:
    columns = dict(read_schema(dataset)["columns"]) if dataset in schema_datasets("adam") else {}
    columns |= {name: {} for name in needed if name not in columns}
    values = [{name: _value(dataset, name, column, trial, at) for name, column in columns.items()} for at in range(_SUBJECTS)]
    people = product(trial.arms, range(_SUBJECTS))
    records = [
        values[at] | _of_subject(number, arm, trial) | own
        for number, (arm, at) in enumerate(people, start=1)
        for own in _records_of(dataset, columns, arm, trial, at)
    ]
    if dataset in _OF_SCREENED:
        records += [
            values[0] | _of_failure(phase, columns, trial) | own
            for phase in trial.phases
            for own in (_criteria(phase, trial) if "IETESTCD" in columns else [{}])
        ]
    frame = pd.DataFrame([{name: record[name] for name in columns} for record in records], columns=list(columns), dtype=object)
    types: dict[Kind, Any] = {"text": "str", "number": "float64", "date": "datetime64[s]"}
    return frame.astype({name: types[_kind_of(dataset, name, trial)] for name in columns})


def _kind_of(dataset: str, name: str, trial: Trial) -> Kind:
    """Kind of a variable; one that a study brings of its own is a number where its line has decimals."""
    own = {one.variable: one for _, one in trial.characteristics() if one.own}
    return "number" if dataset == "ADSL" and name in own and own[name].dp is not None else variable_kind(dataset, name)


def _value(dataset: str, name: str, column: Mapping[str, Any], trial: Trial, at: int) -> Any:
    """What every record has of a variable: the value that outputs have rows of, where there is a choice."""
    if name in _LEFT_OUT:
        return None
    kind = _kind_of(dataset, name, trial)
    told = {one.variable: list(one.categories or ()) for _, one in trial.characteristics()} if dataset == "ADSL" else {}
    listed: list[Any] = [float(code) if kind == "number" else code for code in told.get(name, ())]
    listed = listed or column.get("isin") or (trial_terms(trial, column["in_trial"]) if "in_trial" in column else [])
    if listed:
        return "Y" if "Y" in listed else listed[-1] if name.startswith(("ATOXGR", "DC")) else listed[min(at, len(listed) - 1)]
    if kind == "date":
        return DAY
    if kind == "number":
        # Groups may be made of values of a baseline, and tell their limits.
        return TOLD if name.endswith("BL") and "in_range" not in column else 1.0
    if name.endswith("DTC"):
        return _PARTIAL
    return f"{_TERMS.get(name) or schema_labels(dataset).get(name, name)} 1"


def _of_subject(number: int, arm: Arm, trial: Trial) -> dict[str, Any]:
    told = {
        "USUBJID": f"Subject {number}", "SUBJID": f"Subject {number}", "PHASE": float(arm.phase), "COHORT": arm.column.upper(),
        "STUDYID": trial.study.studyid, "TRT01PDO": arm.dose_per_infusion_e6_cells_per_kg, "ASTDTF": _IMPUTED, "AENDTF": _IMPUTED,
        "AESICAT": trial.aesi[0].code if trial.aesi else None, "AREL": trial.relatedness.related[0] if trial.relatedness else None,
    }  # fmt: skip
    told |= dict.fromkeys(("TRT01P", "TRT01A", "TRTP", "TRTA"), arm.column)
    told |= dict.fromkeys(("TRT01PN", "TRT01AN", "TRTPN", "TRTAN"), float(arm.trt01pn))
    return told | dict.fromkeys(("ARMCD", "ACTARMCD"), arm.armcd) | dict.fromkeys(("ARM", "ACTARM"), arm.arm)


def _of_failure(phase: int, columns: Mapping[str, Any], trial: Trial) -> dict[str, Any]:
    """Who was screened for a phase and never treated: of no arm and of no other set of subjects."""
    nothing = {name: None for name in columns if name.startswith(("ARM", "ACTARM", "TRT", "ENRL", "RAND", "EOT", "DCT", "COHORT"))}
    flags = {name: "N" for name in columns if name.endswith("FL") and name != SCREENED}
    told = {"USUBJID": f"Subject not enrolled {phase}", "PHASE": float(phase), "ARMNRS": "SCREEN FAILURE", SCREENED: "Y"}
    return nothing | flags | told | {"STUDYID": trial.study.studyid, "EOSSTT": "DISCONTINUED", "DCSREAS": "SCREEN FAILURE"}


def _criteria(phase: int, trial: Trial) -> list[dict[str, Any]]:
    """A record for the first criterion of each category of a phase."""
    first = {one.iecat: one for one in reversed(trial.ie_criteria.get(phase, ()))}
    return [{"IETESTCD": one.ietestcd, "IETEST": one.ietest, "IECAT": one.iecat} for one in first.values()]


def _records_of(dataset: str, columns: Mapping[str, Any], arm: Arm, trial: Trial, number: int) -> Iterator[dict[str, Any]]:
    """What tells the records of a subject: parameters, visits, criteria; one record where nothing does."""
    parameters: list[dict[str, Any]] = [{}]
    visits: list[dict[str, Any]] = [{}]
    if "PARAMCD" in columns:
        parameters = [
            {
                "PARAMCD": code,
                "PARAM": one.param,
                "PARAMN": float(at),
                "AVALC": (one.codelist or ("1",))[min(number, len(one.codelist or "1") - 1)],
                "EVNTDESC": None if number else next(iter(one.events), None),
            }
            for at, (code, one) in enumerate(trial.parameters.items(), start=1)
            if one.dataset == dataset
        ]
    if "CNSR" in columns:
        # Everybody is followed to the last visit: no note says of a landmark that nobody was.
        last = max((float(visit.avisitn or 0) for visit in trial.phases[arm.phase].visits), default=1.0)
        parameters = [parameter | {"AVAL": last} for parameter in parameters]
    if "AVISITN" in columns:
        days = [visit for visit in trial.phases[arm.phase].visits if visit.avisitn is not None]
        visits = [
            {"AVISITN": float(visit.avisitn or 0), "AVISIT": visit.avisit, "VISIT": visit.visit, "VISITNUM": visit.visitnum,
             "ABLFL": "Y" if visit.baseline else None, "ONTRTFL": None if visit.baseline else "Y"}
            for visit in days
        ]  # fmt: skip
    for at, (parameter, visit) in enumerate(product(parameters, visits), start=1):
        yield {name: value for name, value in (parameter | visit | {"ASEQ": float(at)}).items() if name in columns}


def _draw_findings() -> pd.DataFrame:
    """A finding of each severity."""
    told = pd.DataFrame({"RULE": "Rule", "SEVERITY": [*SEVERITIES.values()], "DATASETS": "datasets", "COUNT": 1.0})
    return told.astype({"RULE": "str", "SEVERITY": "str", "DATASETS": "str"})


def _draw_unblindings(adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """A subject told of for each reason, of each scope that is of one subject."""
    about, subject = trial.unblinding or Unblinding(), adsl["USUBJID"].iloc[-1]
    told = [
        (subject, scope, reason, _PARTIAL) for scope, reasons in about.reasons.items() if scope != about.opens for reason in reasons
    ]
    return pd.DataFrame(told, columns=["USUBJID", "SCOPE", "REASON", "UNBLDTC"], dtype="str")


def _draw_decisions(trial: Trial) -> pd.DataFrame:
    """A review of each kind of each cohort, with a decision."""
    rules = trial.dose_escalation
    cohorts = [arm.column.upper() for phase in phases_of(trial, "DLTEVFL") for arm in trial.arms_of(phase)]
    told = [(cohort, review) for cohort in cohorts for review in (rules.reviews if rules else ())]
    decision = next(iter(rules.src_decisions)) if rules else ""
    return pd.DataFrame(
        [(cohort, review, DAY.date().isoformat(), decision) for cohort, review in told],
        columns=["COHORT", "REVIEW", "REVDTC", "DECISION"],
        dtype="str",
    )


def _draw_reviews(adam: Mapping[str, pd.DataFrame], trial: Trial) -> dict[str, pd.DataFrame]:
    """What the committee that reviews doses decided, what the rules recommended, and what it is told of each subject."""
    from cgbm1_report.derive.escalation import derive_escalation, tell_cohort_subjects

    decisions = _draw_decisions(trial)
    states = derive_escalation(adam["ADSL"], adam["ADDLT"], decisions, trial, date(2001, 1, 1))
    subjects = tell_cohort_subjects(adam["ADSL"], adam["ADDLT"], decisions, states, trial)
    return {"SRC_DECISIONS": decisions, "SRC_STATES": states, "SRC_SUBJECTS": subjects}
