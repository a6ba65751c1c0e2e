"""schemas/ as pandera schemas of one trial, and one finding per check and record."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pandas as pd

from cgbm1_report.errors import PlanError
from cgbm1_report.iso8601 import NO_DATE, name_unread, parse_moments
from cgbm1_report.protocol.schema import read_schema, schema_types
from cgbm1_report.protocol.trial import TOTAL, Trial
from cgbm1_report.validate.asking import Asker
from cgbm1_report.validate.remedies import MISSING, REMEDY, mend_dates, mend_records, mend_value
from cgbm1_report.validate.source import as_text, key_text, record_findings

if TYPE_CHECKING:
    import pandera.pandas as pa

#: Rules that named checks belong to; every other check is V02.
CHECK_RULES = {"plausible": "V22", "ends_on_or_after": "V04"}

#: The same in datasets whose checks are part of a rule of their own.
DATASET_RULES = {
    ("ADAE", "absent_when"): "V07",
    ("ADTTE", "present_when"): "V11",
    ("ADTTE", "absent_when"): "V11",
    ("ADTTE", "ends_on_or_after"): "V11",
}

#: Schemas by what they were made of. pandera changes none while it checks.
_MADE: dict[bytes, pa.DataFrameSchema] = {}
_KIND_NAMES = {"text": "text", "number": "a number", "date": "a date"}


def _visit_terms(trial: Trial, name: str) -> set[Any]:
    visits = [visit for phase in trial.phases.values() for visit in phase.visits]
    return {getattr(visit, name) for visit in visits if getattr(visit, name) is not None}


def _event_terms(trial: Trial) -> set[str]:
    """What ends times to events: where one parameter leaves its words to the data, any text may."""
    times = [one.events for one in trial.parameters.values() if one.dataset == "ADTTE"]
    return {event for events in times for event in events} if all(times) else set()


def _arm_terms(trial: Trial) -> dict[str, set[Any]]:
    arms = trial.arms
    infusions = max((len(phase.infusions) for phase in trial.phases.values()), default=0)
    return {
        "arms": {arm.armcd for arm in arms},
        "arm_texts": {arm.arm for arm in arms},
        "columns": {arm.column for arm in arms},
        "column_numbers": {float(arm.trt01pn) for arm in arms},
        "doses": {arm.dose_per_infusion_e6_cells_per_kg for arm in arms} - {None},
        "infusions": {f"INFUSION {number}" for number in range(1, infusions + 1)},
        "cohorts": {column.upper() for phase in trial.phases.values() for column in phase.columns if column != TOTAL},
    }


#: Censorings that no length of follow-up changes.
_CENSORINGS = {"LOST TO FOLLOW-UP", "WITHDRAWN", "DATA CUT-OFF", "LIVER TRANSPLANT", "DEATH BEFORE TRANSPLANT", "DEATH"}


def trial_terms(trial: Trial, what: str) -> list[Any]:
    """The values the trial allows for a list that is its own: arms, doses, visits, terms, codes.

    ``what`` is what a schema writes after ``in_trial:``; ``parameters ADLB`` are the parameter codes
    of a dataset. An empty list means the trial does not limit the values.

    Raises
    ------
    ReportError
        There is no such list.
    """
    name, _, dataset = what.partition(" ")
    lists: dict[str, set[Any]] = {
        **_arm_terms(trial),
        "studies": {trial.study.studyid},
        "phases": {float(phase) for phase in trial.phases},
        "treatments": {trial.study.product, "PLACEBO"},
        "criteria": {criterion.ietestcd for criteria in trial.ie_criteria.values() for criterion in criteria},
        "causality": set(trial.relatedness.codelist) if trial.relatedness else set(),
        "complications": {complication.term for complication in trial.complications},
        "complication_codes": {complication.code for complication in trial.complications},
        "src_decisions": set(trial.dose_escalation.src_decisions) if trial.dose_escalation else set(),
        "src_reviews": set(trial.dose_escalation.reviews) if trial.dose_escalation else set(),
        "compliance_groups": {group for parameter in trial.parameters.values() for group in parameter.compliance_groups},
        "groups": set(trial.group_labels(dataset)),
        "group_numbers": set(range(1, len(trial.group_labels(dataset)) + 1)),
        "analysis_visits": _visit_terms(trial, "avisit"),
        "analysis_days": {float(day) for day in _visit_terms(trial, "avisitn")},
        "death_groups": set(trial.death_groups),
        "event_periods": set(trial.event_periods),
        "censorings": _CENSORINGS | set(trial.ends_of_follow_up.values()),
        "events": _event_terms(trial),
        "parameters": {code for code, parameter in trial.parameters.items() if parameter.dataset == dataset},
    }
    if name not in lists:
        raise PlanError(
            f"list {what!r} is unknown", file="schemas", rule="in_trial", remedy=f"use one of {', '.join(sorted(lists))}"
        )
    return sorted(lists[name])


def _resolve(content: dict[str, Any], trial: Trial) -> dict[str, Any]:
    """Replace ``in_trial`` by the values of this trial."""
    for column in content["columns"].values():
        what = column.pop("in_trial", None)
        values = trial_terms(trial, what) if what else []
        if values:
            column["isin"] = values
        column.setdefault("nullable", False)
        column.setdefault("required", True)
    for check in content.get("checks") or ():
        if check["options"]["check_name"] == "answered":
            check["answers"] = {code: list(one.codelist) for code, one in trial.parameters.items() if one.codelist}
    return content


def load_schema(dataset: str, trial: Trial) -> pa.DataFrameSchema:
    """The pandera schema of a dataset, with the trial's own lists filled in.

    Raises
    ------
    ReportError
        There is no such schema, or its file has a key or check that does not exist.
    """
    from pandera.io.pandas_io import deserialize_schema

    from cgbm1_report.validate import checks  # noqa: F401 - registers the named checks

    content = _resolve(deepcopy(dict(read_schema(dataset))), trial)
    # Of one protocol it is the same: who checks several cuts, or one twice, makes it once.
    told = pickle.dumps(content)
    if told not in _MADE:
        _MADE[told] = deserialize_schema(content)  # type: ignore[no-untyped-call]
    return _MADE[told]


def _column_message(check: Any) -> str:
    """What a column check expected, in words."""
    stats = check.statistics
    if check.name == "isin":
        values = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in list(stats["allowed_values"])[:12])
        return f"is not in the codelist ({values}{', …' if len(stats['allowed_values']) > 12 else ''})"
    if check.name == "in_range":
        return f"is outside {stats['min_value']:g} to {stats['max_value']:g}"
    if check.name == "str_matches":
        return f"is not of the form {getattr(stats['pattern'], 'pattern', stats['pattern'])}"
    return f"fails {check.name}"


def _date_message(values: pd.Series, form: str) -> pd.Series:
    """Why each date is refused: it is no date, of a form that is not read, or less precise than its variable asks."""
    needed = {"partial": "a year is enough", "date": "the day must be known", "minute": "the minute must be known"}[form]
    unread = parse_moments(values)["length"].isna()
    return (
        name_unread(values)
        .where(unread, f"is not precise enough ({needed})")
        .mask(unread & (name_unread(values) == NO_DATE), f"{NO_DATE} ({needed})")
    )


def frame_finding(
    dataset: str, variable: str, message: str, rule: str = "V02", severity: str = "E", remedy: str = REMEDY
) -> pd.DataFrame:
    """One finding about a dataset or a variable as a whole."""
    finding = {"usubjid": None, "key": "", "dataset": dataset, "variable": variable, "value": None, "message": message}
    return pd.DataFrame([{**finding, "severity": severity, "rule": rule, "remedy": remedy}])


def type_findings(frame: pd.DataFrame, dataset: str) -> tuple[list[pd.DataFrame], set[str]]:
    """Variables of another kind than their schema says: one finding each, and their names."""
    parts, wrong = [], set()
    for name, kind in schema_types(dataset).items():
        if name not in frame:
            continue
        values = frame[name]
        found = (
            "date"
            if pd.api.types.is_datetime64_any_dtype(values)
            else "number"
            if pd.api.types.is_numeric_dtype(values)
            else "text"
        )
        if found != kind and values.notna().any():
            wrong.add(name)
            told, remedy = f"is {_KIND_NAMES[found]}, not {_KIND_NAMES[kind]}", f"deliver it as {_KIND_NAMES[kind]}"
            parts.append(frame_finding(dataset, name, told, remedy=remedy))
    return parts, wrong


def _failure(frame: pd.DataFrame, dataset: str, error: Any) -> pd.DataFrame:
    """Findings of one failed column check of pandera."""
    from pandera.errors import SchemaErrorReason

    variable = str(error.schema.name)
    null = error.reason_code is SchemaErrorReason.SERIES_CONTAINS_NULLS
    rows = frame.loc[error.failure_cases["index"].astype("int64")]
    values = as_text(rows[variable])
    dated = not null and error.check.name == "iso8601"
    unread = parse_moments(values)["length"].isna() if dated else pd.Series()
    said = _date_message(values, error.check.statistics["form"]) if dated else "" if null else _column_message(error.check)
    return pd.DataFrame(
        {
            "usubjid": rows["USUBJID"].astype("str") if "USUBJID" in rows else None,
            "visit": rows["VISIT"].astype("str") if "VISIT" in rows else None,
            "key": key_text(rows, dataset),
            "dataset": dataset,
            "variable": variable,
            "value": values,
            "message": "is missing" if null else values + " " + said,
            "severity": "W" if getattr(error.check, "raise_warning", False) else "E",
            "rule": "V02",
            "remedy": MISSING if null else mend_dates(unread) if dated else mend_value(error.check, dataset, variable),
        }
    )


def _column_findings(frame: pd.DataFrame, schema: pa.DataFrameSchema, dataset: str, skip: set[str]) -> Iterator[pd.DataFrame]:
    import pandera.pandas as pa
    from pandera.errors import SchemaErrorReason

    present = {name: column for name, column in schema.columns.items() if name in frame and name not in skip}
    for column in present.values():
        column.dtype = None  # types are checked before, once per variable and not once per record
    try:
        pa.DataFrameSchema(present).validate(frame[list(present)], lazy=True)
    except pa.errors.SchemaErrors as errors:
        record = (SchemaErrorReason.DATAFRAME_CHECK, SchemaErrorReason.SERIES_CONTAINS_NULLS)
        unexpected = [error for error in errors.schema_errors if error.reason_code not in record]
        yield from (_failure(frame, dataset, error) for error in errors.schema_errors if error.reason_code in record)
        if unexpected:
            raise PlanError(
                f"a check of {dataset} failed: {unexpected[0]}", file="schemas", rule=str(unexpected[0].check)
            ) from errors


def _frame_check_message(name: str, stats: dict[str, Any], frame: pd.DataFrame) -> tuple[str, pd.Series | str]:
    """The variable a check over several columns is about, and what to say."""
    if name == "ends_on_or_after":
        start, end = (as_text(frame[stats[role]]).fillna("") for role in ("start", "end"))
        return stats["end"], end + " is before " + stats["start"] + " " + start
    if name == "plausible":
        limits = {test: f"{low:g} to {high:g}" for test, (low, high) in stats["ranges"].items()}
        tests = frame[stats["test"]]
        return stats["result"], tests + " " + as_text(frame[stats["result"]]) + " is outside " + tests.map(limits).astype("str")
    if name == "answered":
        answers = {code: " or ".join(map(str, allowed)) for code, allowed in stats["answers"].items()}
        codes = frame[stats["where"]]
        return stats["column"], "must be " + codes.map(answers).astype("str") + f" where {stats['where']} is " + codes
    conditions = [f"{stats['filled']} is filled"] if stats.get("filled") else []
    conditions += [f"{stats['empty']} is empty"] if stats.get("empty") else []
    conditions += [f"{stats['where']} is {' or '.join(map(str, stats['among']))}"] if stats.get("where") else []
    when = " and ".join(conditions)
    words = {
        "present_when": f"is missing although {when}",
        "absent_when": f"is filled although {when}",
        "only_where": f"is filled although not {when}",
        "allowed_where": f"must be {' or '.join(map(str, stats.get('allowed', ())))} where {when}",
    }
    return stats["column"], words[name]


def _frame_check_findings(frame: pd.DataFrame, schema: pa.DataFrameSchema, dataset: str, skip: set[str]) -> list[pd.DataFrame]:
    from cgbm1_report.validate.checks import FRAME_CHECKS

    parts = []
    for check in schema.checks:
        stats = {key: value for key, value in check.statistics.items() if value is not None}
        roles = [stats[role] for role in ("column", "start", "end", "test", "result") if role in stats]
        if skip.intersection(roles) or any(role not in frame for role in roles):
            continue
        wrong = ~FRAME_CHECKS[check.name](frame, **stats)
        if wrong.any():
            variable, message = _frame_check_message(check.name, stats, frame)
            found = record_findings(frame, dataset, wrong, variable, message, severity="W" if check.raise_warning else "E")
            code = DATASET_RULES.get((dataset, check.name), CHECK_RULES.get(check.name, "V02"))
            parts.append(found.assign(rule=code, remedy=mend_records(check.name)))
    return parts


def key_findings(frame: pd.DataFrame, dataset: str, *more: str) -> list[pd.DataFrame]:
    """Records that share their key, of which ``more`` are a part; nothing where a key variable is not there."""
    keys = [*(read_schema(dataset).get("unique") or ()), *more]
    if not keys or any(key not in frame for key in keys):
        return []
    twice = frame.duplicated(keys, keep=False)
    if not twice.any():
        return []
    found = record_findings(frame, dataset, twice, keys[-1], f"the key {' '.join(keys)} stands more than once")
    return [found.assign(severity="E", rule="V03", remedy="keep one record per key")]


def structure_findings(frame: pd.DataFrame, dataset: str) -> list[pd.DataFrame]:
    """Variables that are not there and must be, and variables of another kind than their schema says."""
    columns = read_schema(dataset)["columns"].items()
    missing = [name for name, column in columns if column.get("required", True) and name not in frame]
    absent = [frame_finding(dataset, name, "the variable is not there", remedy="deliver the variable") for name in missing]
    return absent + type_findings(frame, dataset)[0]


def check_frame(frame: pd.DataFrame, dataset: str, trial: Trial, asker: Asker | None = None) -> list[pd.DataFrame]:
    """Everything the schema of a dataset finds: variables, types, values, keys. All at once.

    One finding per check and record; one per variable that is not there or of the wrong kind. A
    check that itself fails is a finding.
    """
    plain = frame.reset_index(drop=True)
    schema = load_schema(dataset, trial)
    wrong = type_findings(plain, dataset)[1]
    questions: dict[str, Callable[[], Iterable[pd.DataFrame]]] = {
        "variables and their kinds": lambda: structure_findings(plain, dataset),
        "values of each variable": lambda: _column_findings(plain, schema, dataset, wrong),
        "values of one variable against another": lambda: _frame_check_findings(plain, schema, dataset, wrong),
        "keys": lambda: key_findings(plain, dataset),
    }
    asked = asker or Asker()
    return [part for title, question in questions.items() for part in asked.ask("V02", title, dataset, question)]
