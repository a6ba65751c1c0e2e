"""Basic data structure: which day, which visit, which baseline, which record of a visit, which change.

Every dataset with one value per subject, parameter and time point goes through :func:`derive_bds`.
Elapsed day REL is ADT - ANCHDT, 0 on the day of the first infusion; the registry's "N days after the
first dose" is REL N. Records are put in one order, in which the record that wins a tie stands last:
later date and time (a missing time is 00:00), central before local laboratory, larger VISITNUM, larger
sequence number. So the order in which records are stored decides nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cgbm1_report.derive.dates import derive_ady, derive_days, parse_dtc
from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.labels import BDS_SUBJECT
from cgbm1_report.derive.parameters import add_parameter
from cgbm1_report.distinct import find_places, map_text
from cgbm1_report.errors import DataError, number_of
from cgbm1_report.protocol.clinical import SUBSCORES
from cgbm1_report.protocol.schema import schema_labels
from cgbm1_report.protocol.trial import Trial

Codes = NDArray[np.int64]

#: Columns of ADSL the derivation needs; those that are declared for the dataset stay in it.
_SUBJECT = ("ANCHDT", "TRTSDTM", "LTDT")
_TREATMENT = {"TRTP": "TRT01P", "TRTPN": "TRT01PN", "TRTA": "TRT01A", "TRTAN": "TRT01AN"}


def derive_bds(records: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Analysis records of collected values.

    Parameters
    ----------
    records
        One row per value: ``USUBJID, PARAMCD, AVAL`` (and/or ``AVALC``), ``ADT, ADTM, VISIT, VISITNUM``,
        ``SRCDOM, SRCVAR, SRCSEQ``; if there are any ``LBNAM`` (CENTRAL wins ties), ``ATPT`` (planned time
        point; ``PRE-DOSE`` and ``POST-DOSE`` decide where a time is missing) and ``ATPTN`` (a visit then
        has one analysis record per time point). Other columns are kept.
    adsl
        One row per subject.
    trial
        Windows, visits, parameters, registry days.

    Returns
    -------
    DataFrame
        The records sorted by subject, parameter and time with the variables of the basic data
        structure, and with ``REL`` and ``POST`` (after the first dose), which are not part of it.
        A parameter with a codelist is told by ``AVALC``, any other by ``AVAL``; records without that
        value never are a baseline or a visit's record.

    Raises
    ------
    ReportError
        A record belongs to no subject of ADSL, or its parameter is not declared.
    """
    # Sorted first, while there are few variables to move.
    frame = _sort(add_parameter(records, trial))
    frame = _add_days(add_subject(frame, adsl), trial)
    frame = _add_baseline(frame, trial)
    frame = _add_visit(frame, trial)
    frame["ANL01FL"] = flag_selected(frame, _has_value(frame, trial) & frame["POST"])
    frame["ANL01FL"] = frame["ANL01FL"].mask(frame["ABLFL"] == "Y", "Y")
    frame["ANL02FL"] = flag_efficacy(frame, trial)
    return frame


def finish_bds(frame: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Keep the declared columns of a dataset, in their order.

    A dataset whose results are all numbers has AVALC and BASEC too, without values: programs that read
    any BDS dataset ask for them.
    """
    missing = {name: pd.Series(np.nan, index=frame.index, dtype="str") for name in ("AVALC", "BASEC") if name not in frame}
    frame = frame.assign(**missing).set_axis(pd.RangeIndex(len(frame)))
    return frame[[name for name in schema_labels(dataset) if name in frame.columns]]


def read_dates(frame: pd.DataFrame, dtc: str) -> pd.DataFrame:
    """ADT and ADTM of an ISO 8601 variable; ADTM is missing without a time, both without a day."""
    found = parse_dtc(frame[dtc])
    return pd.DataFrame({"ADT": found["date"], "ADTM": found["datetime"]})


def say_where(condition: pd.Series, text: str) -> pd.Series:
    """Write a text where the condition holds, else missing."""
    return pd.Series(text, index=condition.index, dtype="str").where(condition)


def pre_dose_visits(trial: Trial) -> frozenset[str]:
    """Names of the visits that lie before the first infusion: the baseline visit and any before day 0."""
    return frozenset(
        visit.visit
        for phase in trial.phases.values()
        for visit in phase.visits
        if visit.avisitn == 0 or (visit.protocol_window is not None and visit.protocol_window[1] < 0)
    )


def oldest_baseline_day(trial: Trial) -> int | None:
    """First elapsed day of the earliest planned visit: an older baseline value is flagged."""
    starts = [visit.protocol_window[0] for p in trial.phases.values() for visit in p.visits if visit.protocol_window]
    return min(starts, default=None)


def add_subject(frame: pd.DataFrame, adsl: pd.DataFrame) -> pd.DataFrame:
    """Copy the subject's variables to its records; a record of nobody in ADSL is an error."""
    rows = find_places(frame["USUBJID"], adsl["USUBJID"])
    if (rows < 0).any():
        unknown = sorted(frame.loc[rows < 0, "USUBJID"].astype("str").unique())
        raise DataError(
            f"ADSL lacks {number_of(len(unknown), 'subject')} of the records: {', '.join(unknown[:10])}",
            rule="every subject is in DM",
            place="USUBJID",
            remedy="add the subjects to DM or remove their records",
        )
    sources = {name: _TREATMENT.get(name, name) for name in (*BDS_SUBJECT, *_SUBJECT) if name != "USUBJID"}
    taken = {name: source for name, source in sources.items() if source in adsl}
    copied = {name: adsl[source].take(rows).set_axis(frame.index) for name, source in taken.items()}
    return frame.assign(**copied)


def _add_days(frame: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    rel = derive_days(frame["ADT"], frame["ANCHDT"])
    before = _flag_pre_dose(frame, trial)
    post = rel.notna() & ~before
    return frame.assign(
        REL=rel,
        PRE=before,
        POST=post,
        ADY=derive_ady(frame["ADT"], frame["TRTSDT"]),
        ONTRTFL=flag(post & frame["TRTSDT"].notna()),
        POSTLTFL=flag(frame["ADT"] >= frame["LTDT"]),
    )


def _flag_pre_dose(frame: pd.DataFrame, trial: Trial) -> pd.Series:
    """Tell the records at or before the first infusion, or at or before randomisation if never dosed.

    On the day of the first infusion the time decides; where it is missing the record is before the
    infusion only if its planned time point or its visit says so.
    """
    point = frame["ATPT"] if "ATPT" in frame else pd.Series(np.nan, index=frame.index, dtype="str")
    told = (point == "PRE-DOSE") | (frame["VISIT"].isin(pre_dose_visits(trial)) & (point != "POST-DOSE"))
    timed = frame["ADTM"].notna() & frame["TRTSDTM"].notna()
    dosed = frame["TRTSDT"].notna()
    by_time = frame["ADTM"] <= frame["TRTSDTM"]
    by_day = (frame["ADT"] < frame["TRTSDT"]) | ((frame["ADT"] == frame["TRTSDT"]) & told)
    return by_time.where(timed, by_day).where(dosed, frame["ADT"] <= frame["ANCHDT"])


def _sort(frame: pd.DataFrame) -> pd.DataFrame:
    """Put records in order of subject, parameter and precedence; among those of one rank the last one wins."""
    moment = frame["ADTM"].fillna(frame["ADT"])
    subject, _ = pd.factorize(frame["USUBJID"], sort=True)
    central = frame["LBNAM"] == "CENTRAL" if "LBNAM" in frame else pd.Series(False, index=frame.index)
    # The value itself decides only between records that are equal in everything else.
    value = frame["AVAL"] if "AVAL" in frame else pd.Series(np.nan, index=frame.index)
    text = pd.factorize(frame["AVALC"], sort=True)[0] if "AVALC" in frame else np.zeros(len(frame))
    keys = (text, value, frame["SRCSEQ"], frame["VISITNUM"], central, moment, frame["PARAMN"], subject)
    order = np.lexsort([np.asarray(key) for key in keys])
    done = frame.iloc[order].reset_index(drop=True)
    subject = np.asarray(subject)[order]
    done["ASEQ"] = _count_within(subject)
    done["SERIES"] = _number_series(subject, done["PARAMN"].to_numpy())
    return done


def _count_within(sorted_codes: Codes) -> NDArray[np.float64]:
    """1, 2, 3 … within each run of equal codes."""
    if not len(sorted_codes):
        return np.zeros(0)
    starts = np.flatnonzero(np.r_[True, sorted_codes[1:] != sorted_codes[:-1]])
    lengths = np.diff(np.r_[starts, len(sorted_codes)])
    return (np.arange(len(sorted_codes)) - np.repeat(starts, lengths) + 1).astype("float64")


def _number_series(subject: Codes, paramn: NDArray[np.float64]) -> Codes:
    """Give each run of one subject and parameter a number; records must be sorted."""
    changed = np.ones(len(subject), dtype=bool)
    changed[1:] = (subject[1:] != subject[:-1]) | (paramn[1:] != paramn[:-1])
    return np.cumsum(changed) - 1


def _has_value(frame: pd.DataFrame, trial: Trial) -> pd.Series:
    coded = [name for name, parameter in trial.parameters.items() if parameter.codelist is not None]
    if "AVALC" not in frame:
        return frame["AVAL"].notna()
    is_coded = frame["PARAMCD"].isin(coded)
    return frame["AVALC"].notna().where(is_coded, frame["AVAL"].notna() if "AVAL" in frame else is_coded)


def _add_baseline(frame: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ABLFL on the last value at or before the first infusion, BASE and BASEC on all records, CHG and PCHG after."""
    series = frame["SERIES"].to_numpy()
    rows = np.flatnonzero(frame["PRE"].to_numpy() & _has_value(frame, trial).to_numpy())
    # Sorted as they are, the last write of a series is the record that wins.
    winner = np.full(series[-1] + 1 if len(series) else 0, -1)
    winner[series[rows]] = rows
    found = winner[series]
    frame["ABLFL"] = flag(pd.Series(found == np.arange(len(frame)), index=frame.index))
    frame["BASEROW"] = found
    frame["BASE"] = take_baseline(frame, "AVAL") if "AVAL" in frame else np.nan
    if "AVALC" in frame:
        frame["BASEC"] = take_baseline(frame, "AVALC")
    if "AVAL" in frame:
        frame["CHG"] = (frame["AVAL"] - frame["BASE"]).where(frame["POST"])
        percent = 100 * frame["CHG"] / trial.conventions.percent_base(frame["BASE"])
        frame["PCHG"] = percent.where(frame["BASE"] != 0)
    return _flag_old_baseline(frame, trial)


def take_baseline(frame: pd.DataFrame, variable: str) -> pd.Series:
    """Copy the value a variable has on the baseline record to every record of its subject and parameter."""
    rows = frame["BASEROW"].to_numpy()
    return frame[variable].take(np.maximum(rows, 0)).set_axis(frame.index).where(rows >= 0)


def _flag_old_baseline(frame: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    oldest = oldest_baseline_day(trial)
    old = (frame["ABLFL"] == "Y") & (frame["REL"] < (oldest if oldest is not None else -np.inf))
    text = f"Baseline older than {-oldest} days" if oldest is not None else ""
    return frame.assign(CRIT3=say_where(old, text), CRIT3FL=flag(old))


def derive_avisitn(rel: pd.Series, phase: pd.Series, trial: Trial) -> pd.DataFrame:
    """Analysis visit of an elapsed day.

    Returns
    -------
    DataFrame
        ``AVISITN``, ``AWTARGET``, ``AWLO``, ``AWHI`` (elapsed days), NaN outside every window.
    """
    names = ("AVISITN", "AWTARGET", "AWLO", "AWHI")
    found = {name: np.full(len(rel), np.nan) for name in names}
    days, phases = rel.to_numpy(), phase.to_numpy(dtype="float64")
    for number in trial.phase_numbers:
        for visit in trial.analysis_visits(number):
            if visit.analysis_window is None:
                continue
            low, high = visit.analysis_window
            inside = (phases == number) & (days >= low) & (days <= high)
            values = (visit.avisitn, visit.avisitn if visit.target_day is None else visit.target_day, low, high)
            for name, value in zip(names, values, strict=True):
                found[name][inside] = value
    return pd.DataFrame(found, index=rel.index)


def _add_visit(frame: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    windows = derive_avisitn(frame["REL"].where(frame["POST"]), frame["PHASE"], trial)
    frame = frame.assign(**{str(name): windows[name] for name in windows})
    frame["AWTDIFF"] = frame["REL"].where(frame["AWTARGET"].notna()) - frame["AWTARGET"]
    frame["AWU"] = say_where(frame["AWTARGET"].notna(), "DAYS")
    baseline = frame["ABLFL"] == "Y"
    frame["AVISITN"] = frame["AVISITN"].mask(baseline, 0.0)
    labels = {number: trial.visit_label(float(number)) for number in frame["AVISITN"].dropna().unique()}
    frame["AVISIT"] = map_text(frame["AVISITN"], labels)
    return frame


def flag_selected(frame: pd.DataFrame, candidates: pd.Series) -> pd.Series:
    """Y on the record of each visit that is nearest to its target day; of several, the last in order.

    Where the records have an ATPTN, each time point of a visit has a record of its own.
    """
    rows = np.flatnonzero((candidates & frame["AVISITN"].notna()).to_numpy())
    part = frame[["SERIES", "AVISITN", "AWTDIFF", *(["ATPTN"] if "ATPTN" in frame else [])]].take(rows)
    point = part["ATPTN"].fillna(-1).to_numpy() if "ATPTN" in part else np.zeros(len(part))
    keys = np.column_stack([part["SERIES"].to_numpy(), part["AVISITN"].to_numpy(), point])
    order = np.lexsort((-rows, part["AWTDIFF"].abs().to_numpy(), keys[:, 2], keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    selected = np.zeros(len(frame), dtype=bool)
    selected[rows[order[first]]] = True
    return flag(pd.Series(selected, index=frame.index))


def flag_efficacy(frame: pd.DataFrame, trial: Trial) -> pd.Series:
    """ANL02FL: the selection again among records before a transplant, with a baseline, on a registry day.

    The days of an organ's sub-score are those of the score it is a part of.
    """
    planned = [
        (phase, order, day)
        for phase in trial.phase_numbers
        for order, paramcd in enumerate(trial.parameters, start=1)
        for day in trial.registry_days(phase, "CLIFCOF" if paramcd in SUBSCORES else paramcd)
    ]
    keys = _day_key(*(np.array([one[position] for one in planned], dtype="float64") for position in range(3)))
    asked = np.isin(_day_key(*(frame[name].to_numpy(dtype="float64") for name in ("PHASE", "PARAMN", "AVISITN"))), keys)
    based = frame["BASE"].notna() | (frame["BASEC"].notna() if "BASEC" in frame else False)
    usable = _has_value(frame, trial) & frame["POST"] & frame["POSTLTFL"].isna() & based & asked
    return flag_selected(frame, usable)


def _day_key(phase: NDArray[np.float64], order: NDArray[np.float64], day: NDArray[np.float64]) -> NDArray[np.float64]:
    return phase * 1e9 + order * 1e5 + day
