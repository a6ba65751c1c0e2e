"""ADLB: laboratory results of LB and the viral load of MB, with change, reference range and CTCAE grade."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cgbm1_report.collected.intervals import flag_overlap, read_intervals
from cgbm1_report.derive.adlbhy import flag_criteria
from cgbm1_report.derive.ctcae import SYMPTOM_TERMS, Version, baseline_ruled_tests, combine_grades, derive_ctcae
from cgbm1_report.derive.domains import flag, take_domain
from cgbm1_report.derive.results import start_records, take_results
from cgbm1_report.derive.units import standard_units
from cgbm1_report.derive.windows import derive_bds, finish_bds, take_baseline
from cgbm1_report.distinct import map_numbers, map_text
from cgbm1_report.protocol.trial import Trial

Sdtm = Mapping[str, pd.DataFrame]

#: ATC class of antithrombotic agents; CTCAE compares INR with baseline while one is given.
_ANTITHROMBOTIC = "B01A"

#: Grades as the dataset writes them.
_GRADES = {float(number): str(number) for number in range(6)}

#: Grade from which an adverse event tells that the electrolyte was symptomatic (assumptions A-54, A-61).
_SYMPTOM_GRADE = {"HYPONAT": 3, "HYPOKAL": 2}

#: A result "<2.0" is below the limit of quantitation; so are these words, and those of what was not found at all.
_BELOW = ("<", "BLQ", "BQL", "BELOW", "UNDETECT", "NOT DETECT", "NON-DETECT", "TARGET NOT DETECT", "TND", "NEGATIVE")

#: The limit in a result "<20", "< 20 IU/mL" or "<20 (not detected)", and the unit it is told in; none in one whose number
#: goes on ("<1,000", "<2 x 10^1").
_LIMIT = r"^<\s*=?\s*([0-9]+(?:\.[0-9]+)?(?:E[+-]?[0-9]+)?)\s*([A-WYZ/%][^(]*?)?\s*(?:\(.*)?$"


def derive_adlb(sdtm: Sdtm, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ADLB, one row per subject, parameter and result.

    Tests that trial.yaml declares for no ADLB parameter (pregnancy test, blood gases) are left out, and
    so are results that were not done or hold neither a number nor a text. A result below its limit of
    quantitation, or not detected at all, has half that limit as AVAL and LLOQFL = Y; where --LLOQ does not
    tell the limit, a result "<20" does, as collected too if the collected unit is the standard one. AVALC
    holds the text of a result that has no number. HBVDNA is log10 of the viral load. CRIT1 and CRIT2 are
    what the screens for drug-induced liver injury ask of a result, CRIT3 tells a baseline older than the
    screening period.

    Parameters
    ----------
    sdtm
        LB, MB, and AE and CM for the grades that ask for symptoms and anticoagulants.
    adsl
        One row per subject.
    trial
        Parameters, windows, switches.

    Returns
    -------
    DataFrame
        ADLB in SI units, sorted by subject, parameter and time.

    Raises
    ------
    ReportError
        A result states another unit than the declared one.
    """
    records = pd.concat([_read_lb(sdtm, trial), _read_mb(sdtm, trial)], ignore_index=True)
    frame = derive_bds(records, adsl, trial)
    frame = _add_range(frame)
    frame = _add_grades(frame, sdtm, trial)
    frame = _add_worst(frame)
    on_logarithms = frame["PARAMCD"].isin(_find_on_logarithms(trial))
    frame = frame.assign(**flag_criteria(frame, trial.liver_injury))
    frame["LOG10V"] = _log10(frame["AVAL"].where(on_logarithms))
    frame["R2BASE"] = _derive_r2base(frame).where(on_logarithms)
    return finish_bds(frame, "ADLB")


def _find_on_logarithms(trial: Trial) -> set[str]:
    """Parameters that are analysed on logarithms: cytokines, and those of which an outcome asks geometric means or ratios."""
    cytokines = {code for code, parameter in trial.parameters.items() if parameter.category == "CYTOKINE"}
    return cytokines | {one.paramcd for one in trial.outcomes if one.methods & {"geometric", "log_ratio"}}


def _derive_r2base(frame: pd.DataFrame) -> pd.Series:
    """Ratio to baseline, where there is a change from it; nothing is a multiple of a baseline of 0."""
    return (frame["AVAL"] / frame["BASE"].where(frame["BASE"] > 0)).where(frame["CHG"].notna())


def _log10(values: pd.Series) -> pd.Series:
    """Logarithm of positive values; zero and below have none."""
    return pd.Series(np.log10(values.where(values > 0).to_numpy()), index=values.index)


def _read_lb(sdtm: Sdtm, trial: Trial) -> pd.DataFrame:
    text = ("LBSTRESC", "LBORRES", "LBORRESU", "LBSTRESU", "LBNRIND", "LBNAM", "LBTPT", "LBFAST")
    lb = take_results(sdtm, "LB", "ADLB", trial, text, ("LBSTRESN", "LBSTNRLO", "LBSTNRHI", "LBLLOQ"))
    records = _read_values(lb, "LB", map_text(lb["LBTESTCD"], standard_units(trial, "ADLB")))
    names = {"LBSTNRLO": "ANRLO", "LBSTNRHI": "ANRHI", "LBNRIND": "LBNRIND", "LBNAM": "LBNAM", "LBTPT": "ATPT"}
    names |= {"LBSTRESU": "AVALU", "LBFAST": "LBFAST"}
    return records.assign(**{new: lb[old] for old, new in names.items()}).pipe(_with_value)


def _read_mb(sdtm: Sdtm, trial: Trial) -> pd.DataFrame:
    text = ("MBSTRESC", "MBORRES", "MBORRESU", "MBSTRESU", "MBNAM", "MBTPT")
    mb = take_results(sdtm, "MB", "ADLB", trial, text, ("MBSTRESN", "MBLLOQ"))
    records = _read_values(mb, "MB", map_text(mb["MBTESTCD"], standard_units(trial, "ADLB")))
    # A load of 0 copies has no logarithm: it stays a text.
    records["AVAL"] = _log10(records["AVAL"])
    return records.assign(LBNAM=mb["MBNAM"], ATPT=mb["MBTPT"], ANRLO=np.nan, ANRHI=np.nan).pipe(_with_value)


def _flag_below(number: pd.Series, text: pd.Series, lloq: pd.Series) -> pd.Series:
    """Tell the results below their limit of quantitation: by their number or by their text.

    Some laboratories send the limit itself as the number of a result "<20": the text is what they mean.
    """
    told = text.str.upper().str.strip().str.startswith(_BELOW).fillna(False).astype(bool)
    return ((number < lloq) | told) & lloq.notna()


def _read_limit(results: pd.DataFrame, domain: str, units: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The limit of quantitation in standard units, and the variable it was read from.

    A viral load whose limit is not told apart tells it in its result. A chemistry result "<40" does not: it has no
    number, as published ADLBC leaves AVAL of such results missing. A limit in another unit than the declared one, by
    its variable or by what stands behind the number ("<112 copies/mL", "<1.3 log"), is none: no factor is told.
    """
    declared = units.str.casefold()
    stated = {name: results[f"{domain}{name}"].str.casefold() for name in ("STRESU", "ORRESU")}
    meant = {name: unit.isna() | declared.isna() | unit.eq(declared) for name, unit in stated.items()}
    limit, source = results[f"{domain}LLOQ"].where(meant["STRESU"]), pd.Series(f"{domain}LLOQ", index=results.index, dtype="str")
    if domain != "MB":
        return limit, source
    for name, unit in ((f"{domain}STRESC", "STRESU"), (f"{domain}ORRES", "ORRESU")):
        text = results[name].where(meant[unit])
        below = text[limit.isna() & text.str.contains("<", regex=False).fillna(False).astype(bool)]
        told = below.str.upper().str.strip().str.extract(_LIMIT)
        read = told[0].where(told[1].isna() | told[1].str.casefold().eq(declared[told.index])).astype("float64").dropna()
        limit, source = limit.fillna(read), source.mask(source.index.isin(read.index), name)
    return limit, source


def _read_values(results: pd.DataFrame, domain: str, units: pd.Series) -> pd.DataFrame:
    number, text = results[f"{domain}STRESN"], results[f"{domain}STRESC"].fillna(results[f"{domain}ORRES"])
    lloq, told_by = _read_limit(results, domain, units)
    below = _flag_below(number, text, lloq)
    # Half the limit comes from where the limit was told, a text from the character result.
    source = pd.Series(f"{domain}STRESN", index=results.index, dtype="str")
    collected = results[f"{domain}STRESC"].isna()
    source = source.mask(number.isna(), f"{domain}STRESC").mask(number.isna() & collected, f"{domain}ORRES").mask(below, told_by)
    records = start_records(results, domain, source)
    return records.assign(AVAL=number.mask(below, lloq / 2), AVALC=text, LLOQFL=flag(below))


def _with_value(records: pd.DataFrame) -> pd.DataFrame:
    """Keep the records with a number or, failing that, a text."""
    records["AVALC"] = records["AVALC"].where(records["AVAL"].isna())
    return records[records["AVAL"].notna() | records["AVALC"].notna()]


def _add_range(frame: pd.DataFrame) -> pd.DataFrame:
    """ANRIND by the record's own limits, else as the laboratory reported it; BNRIND of the baseline record."""
    value, low, high = frame["AVAL"], frame["ANRLO"], frame["ANRHI"]
    known = value.notna() & (low.notna() | high.notna())
    found = pd.Series("NORMAL", index=frame.index, dtype="str").mask(value < low, "LOW").mask(value > high, "HIGH")
    frame["ANRIND"] = found.where(known, frame["LBNRIND"])
    frame["BNRIND"] = take_baseline(frame, "ANRIND")
    return frame


def _add_grades(frame: pd.DataFrame, sdtm: Sdtm, trial: Trial) -> pd.DataFrame:
    switches = trial.switches
    version = switches.ctcae
    graded = frame[["USUBJID", "ADT", "PARAMCD", "AVAL", "AVALU", "ANRLO", "ANRHI", "BASE", "BNRIND", "POST"]].assign(
        FASTING=frame["LBFAST"] == "Y",
        ANTICOAG=_flag_anticoagulant(frame, sdtm),
        HYPONAT=_flag_symptomatic(frame, "SODIUM", "HYPONAT", switches.hyponatremia_symptomatic, sdtm),
        HYPOKAL=_flag_symptomatic(frame, "K", "HYPOKAL", switches.hypokalemia_symptomatic, sdtm),
    )
    found = derive_ctcae(graded, version=version, baseline_rule=switches.ctcae_baseline_rule)
    frame["ATOXGRN"] = combine_grades(found["ATOXGRL"], found["ATOXGRH"], frame["PARAMCD"], version=version)
    frame["ATOXGR"] = _grade_text(frame["ATOXGRN"])
    frame["ATOXGR2"] = _grade_text(_grade_without_baseline(graded, frame["ATOXGRN"], version))
    frame["ATOXGRL"], frame["ATOXGRH"] = _grade_text(found["ATOXGRL"]), _grade_text(found["ATOXGRH"])
    frame["ATOXDSCL"], frame["ATOXDSCH"] = found["ATOXDSCL"], found["ATOXDSCH"]
    for grade in ("ATOXGR", "ATOXGRL", "ATOXGRH"):
        frame[grade.replace("A", "B", 1)] = take_baseline(frame, grade)
    return frame


def _grade_without_baseline(graded: pd.DataFrame, grade: pd.Series, version: Version) -> pd.Series:
    """The grades where an abnormal baseline has no say: another one only of tests whose limits it moves."""
    moved = graded[graded["PARAMCD"].isin(baseline_ruled_tests(version))]
    plain = derive_ctcae(moved, version=version, baseline_rule=False)
    again = combine_grades(plain["ATOXGRL"], plain["ATOXGRH"], moved["PARAMCD"], version=version)
    found = grade.copy()
    found[again.index] = again
    return found


def _grade_text(grade: pd.Series) -> pd.Series:
    return map_text(grade, _GRADES)


def _flag_rows(frame: pd.DataFrame, paramcd: str, intervals: pd.DataFrame) -> pd.Series:
    rows = frame["PARAMCD"] == paramcd
    found = pd.Series(False, index=frame.index)
    found[rows] = flag_overlap(frame.loc[rows, ["USUBJID", "ADT"]], intervals)
    return found


def _flag_anticoagulant(frame: pd.DataFrame, sdtm: Sdtm) -> pd.Series:
    """INR results taken while an antithrombotic agent was given."""
    cm = take_domain(sdtm, "CM", ("CMCLASCD", "CMSTDTC", "CMENDTC"))
    given = cm[cm["CMCLASCD"].str.startswith(_ANTITHROMBOTIC).fillna(False).astype(bool)]
    return _flag_rows(frame, "INR", read_intervals(given, "CMSTDTC", "CMENDTC", open_end=True))


def _flag_symptomatic(frame: pd.DataFrame, paramcd: str, symptom: str, switch: str, sdtm: Sdtm) -> pd.Series:
    """Results during an adverse event that tells symptoms, or all or none of them by the trial's switch."""
    if switch != "by_ae":
        return pd.Series(switch == "always", index=frame.index)
    ae = take_domain(sdtm, "AE", ("AEDECOD", "AESTDTC", "AEENDTC"), ("AETOXGR",))
    named = ae["AEDECOD"].str.upper().isin(SYMPTOM_TERMS[symptom])
    told = ae[named & (ae["AETOXGR"] >= _SYMPTOM_GRADE[symptom])]
    return _flag_rows(frame, paramcd, read_intervals(told, "AESTDTC", "AEENDTC", open_end=True))


def _add_worst(frame: pd.DataFrame) -> pd.DataFrame:
    """WORSTFL on the first record with the highest grade after the first dose, per direction; SHIFT1."""
    keys = frame["SERIES"]
    worst = pd.Series(False, index=frame.index)
    for variable in ("ATOXGRL", "ATOXGRH"):
        grade = map_numbers(frame[variable], {text: number for number, text in _GRADES.items()}).where(frame["POST"])
        top = grade.groupby(keys, sort=False).transform("max")
        reached = keys[grade.notna() & (grade == top)]
        worst[reached.index[~reached.duplicated()]] = True
    frame["WORSTFL"] = flag(worst)
    top = frame["ATOXGRN"].where(frame["POST"]).groupby(keys, sort=False).transform("max")
    shift = frame["BTOXGR"] + " to " + _grade_text(top)
    frame["SHIFT1"] = shift.where(frame["POST"])
    return frame
