"""ADLBHY: peaks of the liver tests and the three screens for drug-induced liver injury.

The classic screen (HYSLAW) is Hy's law in multiples of the upper limit of normal, regardless of
baseline; the second (HYSBASE) takes multiples of the subject's own level before treatment, because
these patients start above the limits; the third (HYSNADIR) takes multiples of the lower level that
values improved to on treatment, the usual course of acute-on-chronic liver failure: a new injury shows
long before the old level is reached again. FDA guidance Drug-Induced Liver Injury (2009), FDA Standard
Safety Tables and Figures Integrated Guide (2025); eDISH: Watkins et al., Hepatology 2011.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import derive_ady
from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.parameters import add_parameter
from cgbm1_report.derive.windows import add_subject, finish_bds
from cgbm1_report.protocol.trial import Trial

#: Each liver test with the parameters of its peak in multiples of ULN, of the level before treatment, of the new lower level.
PEAKS = {
    "ALT": ("MALTULN", "MALTB", "MALTNB"),
    "AST": ("MASTULN", "MASTB", "MASTNB"),
    "BILI": ("MBILULN", "MBILB", "MBILNB"),
    "ALP": ("MALPULN", "MALPB", "MALPNB"),
}
_MULTIPLES = ("XULN", "XB", "XNADIRB")
ENZYMES, _BILIRUBIN, _ALP = ("ALT", "AST"), "BILI", "ALP"
#: Transaminase at least, bilirubin above, alkaline phosphatase not at this multiple or more.
ENZYME_RISE, BILIRUBIN_RISE, CHOLESTASIS = 3, 2, 2
#: Bilirubin follows within so many days.
WITHIN = pd.Timedelta(days=30)
#: The level before treatment is a mean over so many days before the first dose, of so many values at least.
BEFORE, VALUES = pd.Timedelta(days=14), 2
_KEYS = ["USUBJID", "PARAMCD"]
#: What either screen asks of a record: transaminases and alkaline phosphatase from, bilirubin above a multiple.
CRITERIA = {**dict.fromkeys(ENZYMES, (">=", ENZYME_RISE)), _BILIRUBIN: (">", BILIRUBIN_RISE), _ALP: (">=", CHOLESTASIS)}
_USED = ("AVAL", "ANRHI", "ADT", "ASEQ", "ABLFL", "ONTRTFL", "TRTSDT")


def derive_adlbhy(adlb: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ADLBHY, one row per dosed subject and parameter that can be told.

    MALTULN, MASTULN, MBILULN, MALPULN: highest multiple of the record's upper limit of normal after
    the first dose; MALTB, MASTB, MBILB, MALPB: of the level before treatment, which stands in B_MEAN
    (SI unit of the test); MALTNB, MASTNB, MBILNB, MALPNB: of the new lower level, of the records that
    have one. NADIRB is that level as it was when the peak was taken. ADT is the day the peak was first
    reached. HYSLAW, HYSBASE and HYSNADIR: Y or N in AVALC; ADT is the first day on which the bilirubin
    completed the screen, missing for N. A screen without any usable transaminase or bilirubin after the
    first dose cannot be told and has no row.
    SRCSEQ leads to a record of ADLB: a peak to its result, a completed screen to that bilirubin, one that
    was not completed to the highest transaminase.
    Results after a transplant count: this is safety.

    Parameters
    ----------
    adlb
        ADLB of the same cut.
    adsl
        One row per subject.
    trial
        Parameters; those of ADLBHY it does not declare are left out.

    Returns
    -------
    DataFrame
        Sorted by subject and parameter.
    """
    after = _measure_after(adlb)
    above = after[after["BULN"].notna()]
    # A level that was normal before treatment cannot complete this screen, but it is told: N.
    normal = ~(above["B"] > above["BULN"]) & above["XB"].notna()
    # A level that improved into the normal range is no sick liver's: there the upper limit of normal counts.
    lower = above["NADIRB"].where(~(above["NADIRB"] < above["ANRHI"]), above["ANRHI"])
    improved = _multiple(above["AVAL"], lower.fillna(above["B"]))
    records = [
        *(_find_peaks(after, number) for number in range(len(_MULTIPLES))),
        _screen(after.assign(TIMES=after["XULN"]), "HYSLAW", cholestasis=True),
        _screen(above.assign(TIMES=above["XB"].mask(normal, 0.0)), "HYSBASE", cholestasis=False),
        _screen(above.assign(TIMES=improved.mask(normal, 0.0)), "HYSNADIR", cholestasis=False),
    ]
    found = pd.concat(records, ignore_index=True)
    found = found[found["PARAMCD"].isin(list(trial.parameters))]
    frame = add_subject(add_parameter(found, trial), adsl)
    frame = frame.sort_values(["USUBJID", "PARAMN"], kind="stable", ignore_index=True)
    numbered = frame.assign(
        ASEQ=frame.groupby("USUBJID").cumcount() + 1.0,
        ADY=derive_ady(frame["ADT"], frame["TRTSDT"]),
    )
    return finish_bds(numbered, "ADLBHY")


def _measure_after(adlb: pd.DataFrame) -> pd.DataFrame:
    """Liver tests after the first dose in multiples: XULN, XB, XNADIRB, with B, its own upper limit BULN, and NADIRB."""
    liver = adlb.loc[adlb["PARAMCD"].isin(list(PEAKS)), [*_KEYS, *_USED]]
    liver = liver[liver["AVAL"].notna() & liver["ADT"].notna() & liver["TRTSDT"].notna()]
    series = pd.MultiIndex.from_frame(liver[_KEYS])
    limit = liver.set_axis(series)["ANRHI"][liver["ABLFL"].eq("Y").to_numpy()]
    liver = liver.assign(B=derive_b_mean(liver).reindex(series).to_numpy(), BULN=limit.reindex(series).to_numpy())
    after = liver[liver["ONTRTFL"].eq("Y")]
    after = after.assign(NADIRB=derive_nadirb(after))
    levels = dict(zip(_MULTIPLES, ("ANRHI", "B", "NADIRB"), strict=True))
    return after.assign(**{name: _multiple(after["AVAL"], after[level]) for name, level in levels.items()})


def derive_nadirb(after: pd.DataFrame) -> pd.Series:
    """NADIRB: the new lower level of each record, once values have improved on treatment.

    The lowest mean of two consecutive values after the first dose, both before the record, where it is lower
    than the level before treatment; missing until there is such a mean. Two values, because one low result
    may be an error of the sample; the level never rises again.

    Parameters
    ----------
    after
        Records after the first dose with AVAL, ADT, ASEQ and B, the level before treatment. Those of one day
        follow each other by ASEQ.
    """
    ordered = after.sort_values([*_KEYS, "ADT", "ASEQ"], kind="stable")
    series = [ordered[key] for key in _KEYS]
    pair = ((ordered["AVAL"] + ordered["AVAL"].groupby(series, sort=False).shift(1)) / 2).round(12)
    lowest = pair.groupby(series, sort=False).cummin().groupby(series, sort=False).shift(1)
    return lowest.where(lowest < ordered["B"].round(12)).reindex(after.index)


def derive_b_mean(liver: pd.DataFrame) -> pd.Series:
    """B_MEAN: level before treatment, by USUBJID and PARAMCD, in the unit of the test.

    Mean of the values from 14 days before the first dose to the first infusion if there are two or
    more, else BASE; missing without a value before the first infusion.

    Parameters
    ----------
    liver
        ADLB records of dosed subjects with a value and a date.
    """
    before = liver[liver["ONTRTFL"].isna()]
    near = before[before["ADT"] >= before["TRTSDT"] - BEFORE].groupby(_KEYS)["AVAL"].agg(["mean", "count"])
    base = before[before["ABLFL"].eq("Y")].set_index(_KEYS)["AVAL"]
    enough = near.loc[near["count"] >= VALUES, "mean"]
    return enough.reindex(base.index.union(enough.index)).fillna(base)


def _multiple(value: pd.Series, limit: pd.Series) -> pd.Series:
    """How many times a limit a value is; missing without a positive limit.

    Values and limits are decimals: 3.3 is 3 times 1.1, which binary division misses by its last bit.
    """
    return (value / limit.where(limit > 0)).round(12)


def flag_criteria(adlb: pd.DataFrame) -> pd.DataFrame:
    """What each screen asks of a single liver test result: CRIT1 in multiples of ULN, CRIT2 of the level before treatment.

    Parameters
    ----------
    adlb
        Laboratory records as :func:`derive_adlbhy` reads them.

    Returns
    -------
    DataFrame
        CRIT1 and CRIT2 (the criterion, such as ``ALT>=3xULN``) on the records on which it can be evaluated,
        CRIT1FL and CRIT2FL (Y) on those that meet it; same index. Alkaline phosphatase plays no part in the
        second screen.
    """
    liver = adlb.loc[adlb["PARAMCD"].isin(list(PEAKS)) & adlb["AVAL"].notna() & adlb["ADT"].notna(), [*_KEYS, *_USED]]
    level = derive_b_mean(liver[liver["TRTSDT"].notna()]).reindex(pd.MultiIndex.from_frame(liver[_KEYS])).to_numpy()
    limits = {"1": (liver["ANRHI"], "ULN"), "2": (pd.Series(level, index=liver.index).mask(liver["PARAMCD"] == _ALP), "B")}
    found: dict[str, pd.Series] = {}
    for number, (limit, name) in limits.items():
        text = {test: f"{test}{sign}{times}x{name}" for test, (sign, times) in CRITERIA.items()}
        times = _multiple(liver["AVAL"], limit)
        asked = liver["PARAMCD"].map({test: times for test, (_, times) in CRITERIA.items()}).astype("float64")
        met = (times > asked) | ((times == asked) & (liver["PARAMCD"] != _BILIRUBIN))
        found[f"CRIT{number}"] = liver["PARAMCD"].map(text).astype("str").where(times.notna())
        found[f"CRIT{number}FL"] = flag(met)
    return pd.DataFrame({name: one.reindex(adlb.index) for name, one in found.items()}, index=adlb.index)


def _find_peaks(after: pd.DataFrame, number: int) -> pd.DataFrame:
    """The highest multiple of each test, of the level ``_MULTIPLES`` names, at the first time it was reached."""
    times = after[_MULTIPLES[number]]
    known = after.assign(TIMES=times)[times.notna()]
    top = known.sort_values(["TIMES", "ADT", "ASEQ"], ascending=[False, True, True]).drop_duplicates(_KEYS)
    return pd.DataFrame(
        {
            "USUBJID": top["USUBJID"],
            "PARAMCD": top["PARAMCD"].map({test: names[number] for test, names in PEAKS.items()}).astype("str"),
            "AVAL": top["TIMES"],
            "AVALC": pd.Series(np.nan, index=top.index, dtype="str"),
            "ADT": top["ADT"],
            "B_MEAN": top["B"],
            "NADIRB": top["NADIRB"],
            "SRCDOM": pd.Series("ADLB", index=top.index, dtype="str"),
            "SRCVAR": pd.Series("AVAL", index=top.index, dtype="str"),
            "SRCSEQ": top["ASEQ"],
        }
    )


def _screen(measured: pd.DataFrame, paramcd: str, *, cholestasis: bool) -> pd.DataFrame:
    """Whether bilirubin rose on the day of a transaminase rise or up to 30 days after it.

    With ``cholestasis``, a raised alkaline phosphatase from the one to the other day explains the rise.
    Of the bilirubin rises only the next one matters: what lies between it and the transaminase rise
    lies before every later one too.
    """
    known = measured[measured["TIMES"].notna()]
    enzyme, bilirubin = known[known["PARAMCD"].isin(ENZYMES)], known[known["PARAMCD"].eq(_BILIRUBIN)]
    rises = enzyme.loc[enzyme["TIMES"] >= ENZYME_RISE, ["USUBJID", "ADT"]].drop_duplicates()
    rises["NEXT"] = _find_next(rises, bilirubin[bilirubin["TIMES"] > BILIRUBIN_RISE])
    met = rises["NEXT"] - rises["ADT"] <= WITHIN
    if cholestasis:
        alp = known[known["PARAMCD"].eq(_ALP) & (known["TIMES"] >= CHOLESTASIS)]
        met &= ~(_find_next(rises, alp) <= rises["NEXT"])
    completed = rises[met].groupby("USUBJID")["NEXT"].min()
    told = pd.Series(np.intersect1d(enzyme["USUBJID"].unique(), bilirubin["USUBJID"].unique()), dtype="str")
    date = look_up(told, completed)
    return pd.DataFrame(
        {
            "USUBJID": told,
            "PARAMCD": pd.Series(paramcd, index=told.index, dtype="str"),
            "AVALC": pd.Series("Y", index=told.index, dtype="str").where(date.notna(), "N"),
            "ADT": date,
            "SRCDOM": pd.Series("ADLB", index=told.index, dtype="str"),
            "SRCVAR": pd.Series("AVAL", index=told.index, dtype="str"),
            "SRCSEQ": _find_deciding(told, completed, enzyme, bilirubin),
        }
    )


def _find_deciding(told: pd.Series, completed: pd.Series, enzyme: pd.DataFrame, bilirubin: pd.DataFrame) -> pd.Series:
    """ASEQ of the bilirubin that completed the screen, else of the highest transaminase; of several the first."""
    high = bilirubin[(bilirubin["TIMES"] > BILIRUBIN_RISE) & (bilirubin["ADT"] == look_up(bilirubin["USUBJID"], completed))]
    peak = enzyme.sort_values(["TIMES", "ADT", "ASEQ"], ascending=[False, True, True]).drop_duplicates("USUBJID")
    last = high.groupby("USUBJID")["ASEQ"].min()
    return look_up(told, last).fillna(look_up(told, peak.set_index("USUBJID")["ASEQ"]))


def _find_next(dates: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """First event of the subject on or after each date; missing where there is none."""
    left = dates[["USUBJID", "ADT"]].reset_index(names="ROW").sort_values("ADT")
    right = events[["USUBJID", "ADT"]].sort_values("ADT").assign(NEXT=lambda frame: frame["ADT"])
    found = pd.merge_asof(left, right, on="ADT", by="USUBJID", direction="forward")
    return look_up(pd.Series(dates.index, index=dates.index), found.set_index("ROW")["NEXT"])
