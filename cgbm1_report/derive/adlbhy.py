"""ADLBHY: peaks of the liver tests, where subjects stand by them, and three screens for drug-induced liver injury.

The classic screen (HYSLAW) is Hy's law in multiples of the upper limit of normal, regardless of
baseline; the second (HYSBASE) takes multiples of the subject's own level before treatment, because
these patients start above the limits; the third (HYSNADIR) takes multiples of the lower level that
values improved to on treatment, the usual course of acute-on-chronic liver failure: a new injury shows
long before the old level is reached again. FDA guidance Drug-Induced Liver Injury (2009), FDA Standard
Safety Tables and Figures Integrated Guide (2025); eDISH: Watkins et al., Hepatology 2011. What counts as a
rise is `liver_injury` of trial.yaml.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from cgbm1_report.collected.look_up import look_up
from cgbm1_report.derive.dates import derive_ady
from cgbm1_report.derive.domains import flag
from cgbm1_report.derive.parameters import add_parameter
from cgbm1_report.derive.windows import add_subject, finish_bds
from cgbm1_report.protocol.clinical import LiverInjury
from cgbm1_report.protocol.trial import Trial

#: Each liver test with the parameters of its peak in multiples of ULN, of the level before treatment, of the new lower level.
PEAKS = {
    "ALT": ("MALTULN", "MALTB", "MALTNB"),
    "AST": ("MASTULN", "MASTB", "MASTNB"),
    "BILI": ("MBILULN", "MBILB", "MBILNB"),
    "ALP": ("MALPULN", "MALPB", "MALPNB"),
}
#: And of its highest rise above the level before treatment and above the new lower level, in the unit of the test.
RISES = {
    "ALT": ("MALTRB", "MALTRNB"),
    "AST": ("MASTRB", "MASTRNB"),
    "BILI": ("MBILRB", "MBILRNB"),
    "ALP": ("MALPRB", "MALPRNB"),
}
_MULTIPLES, _RISEN = ("XULN", "XB", "XNADIRB"), ("RB", "RNADIRB")
ENZYMES, BILIRUBIN, ALP = ("ALT", "AST"), "BILI", "ALP"
_KEYS = ["USUBJID", "PARAMCD"]
#: Where subjects stand by the highest multiple of an enzyme and of bilirubin: the enzymes, of which the higher counts, and
#: the level that both are multiples of, by its place in PEAKS.
QUADRANTS = {"EDISHULN": (ENZYMES, 0), "EDISHB": (ENZYMES, 1), "EDISHNB": (ENZYMES, 2), "CHOLULN": ((ALP,), 0)}
#: The quadrants: both rose, the enzyme alone, bilirubin alone, neither.
BOTH, ENZYME_ALONE, BILIRUBIN_ALONE, NEITHER = STANDS = ("ENZYME AND BILIRUBIN", "ENZYME ONLY", "BILIRUBIN ONLY", "NEITHER")
_USED = ("AVAL", "ANRHI", "ADT", "ASEQ", "ABLFL", "ONTRTFL", "TRTSDT")


def criterion_of(rules: LiverInjury, test: str) -> tuple[Literal[">=", ">"], float]:
    """What is a rise of a liver test: from or above which multiple."""
    if test == BILIRUBIN:
        return ">", rules.bilirubin_above
    return ">=", rules.alp_at_least if test == ALP else rules.transaminases_at_least


def _rose(times: pd.Series, rules: LiverInjury, test: str) -> pd.Series:
    sign, least = criterion_of(rules, test)
    return times > least if sign == ">" else times >= least


def derive_adlbhy(adlb: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ADLBHY, one row per dosed subject and parameter that can be told.

    MALTULN, MASTULN, MBILULN, MALPULN: highest multiple of the record's upper limit of normal after
    the first dose; MALTB, MASTB, MBILB, MALPB: of the level before treatment, which stands in B_MEAN
    (SI unit of the test); MALTNB, MASTNB, MBILNB, MALPNB: of the new lower level, of the records that
    have one. NADIRB is that level as it was when the peak was taken. MALTRB, MASTRB, MBILRB, MALPRB and
    MALTRNB, MASTRNB, MBILRNB, MALPRNB: the highest rise above either, in the unit of the test; below 0 where no
    value came up to it. ADT is the day the peak was first reached.
    EDISHULN, EDISHB, EDISHNB, CHOLULN: in AVALC which of an enzyme (ALT or AST, the higher multiple; ALP) and bilirubin
    had a peak that is a rise; CRIT1FL says Y or N whether bilirubin peaked on the day of the enzyme's peak or within the
    days of the rule after it. Whoever lacks either peak has no row.
    HYSLAW, HYSBASE and HYSNADIR: Y or N in AVALC; ADT is the first day on which the bilirubin
    completed the screen, missing for N. A screen without any usable transaminase or bilirubin after the
    first dose cannot be told and has no row.
    SRCSEQ leads to a record of ADLB: a peak to its result, a quadrant to the peak of bilirubin, a completed screen to that
    bilirubin, one that was not completed to the highest transaminase.
    Results after a transplant count: this is safety.

    Parameters
    ----------
    adlb
        ADLB of the same cut.
    adsl
        One row per subject.
    trial
        What is a rise; parameters: those of ADLBHY it does not declare are left out.

    Returns
    -------
    DataFrame
        Sorted by subject and parameter; no row where the trial does not say what is a rise.
    """
    rules = trial.liver_injury
    records = _tell_injury(adlb, rules) if rules else [_as_records(adlb.iloc[:0], "", SRCSEQ=adlb["ASEQ"].iloc[:0])]
    found = pd.concat(records, ignore_index=True)
    found = found[found["PARAMCD"].isin(list(trial.parameters))]
    frame = add_subject(add_parameter(found, trial), adsl)
    frame = frame.sort_values(["USUBJID", "PARAMN"], kind="stable", ignore_index=True)
    numbered = frame.assign(
        ASEQ=frame.groupby("USUBJID").cumcount() + 1.0,
        ADY=derive_ady(frame["ADT"], frame["TRTSDT"]),
    )
    return finish_bds(numbered, "ADLBHY")


def _tell_injury(adlb: pd.DataFrame, rules: LiverInjury) -> list[pd.DataFrame]:
    """Peaks, quadrants and screens."""
    after = _measure_after(adlb, rules)
    above = after[after["BULN"].notna()]
    # A level that was normal before treatment cannot complete this screen, but it is told: N.
    normal = ~(above["B"] > above["BULN"]) & above["XB"].notna()
    # A level that improved into the normal range is no sick liver's: there the upper limit of normal counts.
    lower = above["NADIRB"].where(~(above["NADIRB"] < above["ANRHI"]), above["ANRHI"])
    improved = _multiple(above["AVAL"], lower.fillna(above["B"]))
    peaks = [_find_peaks(after, measure) for measure in (*_MULTIPLES, *_RISEN)]
    codes = [{test: names[at] for test, names in every.items()} for every in (PEAKS, RISES) for at in range(len(every["ALT"]))]
    return [
        *(
            _as_records(top, top["PARAMCD"].map(own), AVAL=top["TOP"], ADT=top["ADT"], SRCSEQ=top["ASEQ"])
            for top, own in zip(peaks, codes, strict=True)
        ),
        *(_stand(peaks[level], code, enzymes, rules) for code, (enzymes, level) in QUADRANTS.items()),
        _screen(after.assign(TIMES=after["XULN"]), "HYSLAW", rules, cholestasis=True),
        _screen(above.assign(TIMES=above["XB"].mask(normal, 0.0)), "HYSBASE", rules, cholestasis=False),
        _screen(above.assign(TIMES=improved.mask(normal, 0.0)), "HYSNADIR", rules, cholestasis=False),
    ]


def _measure_after(adlb: pd.DataFrame, rules: LiverInjury) -> pd.DataFrame:
    """Liver tests after the first dose with B, its own upper limit BULN, NADIRB, and what they are of ULN, B and NADIRB.

    Multiples XULN, XB, XNADIRB, and rises RB, RNADIRB.
    """
    liver = adlb.loc[adlb["PARAMCD"].isin(list(PEAKS)), [*_KEYS, *_USED]]
    liver = liver[liver["AVAL"].notna() & liver["ADT"].notna() & liver["TRTSDT"].notna()]
    series = pd.MultiIndex.from_frame(liver[_KEYS])
    limit = liver.set_axis(series)["ANRHI"][liver["ABLFL"].eq("Y").to_numpy()]
    liver = liver.assign(B=derive_b_mean(liver, rules).reindex(series).to_numpy(), BULN=limit.reindex(series).to_numpy())
    after = liver[liver["ONTRTFL"].eq("Y")]
    after = after.assign(NADIRB=derive_nadirb(after))
    levels = dict(zip(_MULTIPLES, ("ANRHI", "B", "NADIRB"), strict=True))
    times = {name: _multiple(after["AVAL"], after[level]) for name, level in levels.items()}
    return after.assign(**times, **{f"R{level}": (after["AVAL"] - after[level]).round(12) for level in ("B", "NADIRB")})


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


def derive_b_mean(liver: pd.DataFrame, rules: LiverInjury) -> pd.Series:
    """B_MEAN: level before treatment, by USUBJID and PARAMCD, in the unit of the test.

    Mean of the values from `level_days` before the first dose to the first infusion if there are `level_values` or
    more, else BASE; missing without a value before the first infusion.

    Parameters
    ----------
    liver
        ADLB records of dosed subjects with a value and a date.
    rules
        How far it looks back, and how many values it asks for.
    """
    before = liver[liver["ONTRTFL"].isna()]
    near = (
        before[before["ADT"] >= before["TRTSDT"] - pd.Timedelta(days=rules.level_days)]
        .groupby(_KEYS)["AVAL"]
        .agg(["mean", "count"])
    )
    base = before[before["ABLFL"].eq("Y")].set_index(_KEYS)["AVAL"]
    enough = near.loc[near["count"] >= rules.level_values, "mean"]
    return enough.reindex(base.index.union(enough.index)).fillna(base)


def _multiple(value: pd.Series, limit: pd.Series) -> pd.Series:
    """How many times a limit a value is; missing without a positive limit.

    Values and limits are decimals: 3.3 is 3 times 1.1, which binary division misses by its last bit.
    """
    return (value / limit.where(limit > 0)).round(12)


def flag_criteria(adlb: pd.DataFrame, rules: LiverInjury | None) -> pd.DataFrame:
    """What each screen asks of a single liver test result: CRIT1 in multiples of ULN, CRIT2 of the level before treatment.

    Parameters
    ----------
    adlb
        Laboratory records as :func:`derive_adlbhy` reads them.
    rules
        What is a rise; without them there is no criterion.

    Returns
    -------
    DataFrame
        CRIT1 and CRIT2 (the criterion, such as ``ALT>=3xULN``) on the records on which it can be evaluated,
        CRIT1FL and CRIT2FL (Y) on those that meet it; same index. Alkaline phosphatase plays no part in the
        second screen.
    """
    if rules is None:
        return pd.DataFrame({f"CRIT{at}{end}": pd.Series(np.nan, adlb.index, dtype="str") for at in "12" for end in ("", "FL")})
    liver = adlb.loc[adlb["PARAMCD"].isin(list(PEAKS)) & adlb["AVAL"].notna() & adlb["ADT"].notna(), [*_KEYS, *_USED]]
    level = derive_b_mean(liver[liver["TRTSDT"].notna()], rules).reindex(pd.MultiIndex.from_frame(liver[_KEYS])).to_numpy()
    limits = {"1": (liver["ANRHI"], "ULN"), "2": (pd.Series(level, index=liver.index).mask(liver["PARAMCD"] == ALP), "B")}
    criteria = {test: criterion_of(rules, test) for test in PEAKS}
    found: dict[str, pd.Series] = {}
    for number, (limit, name) in limits.items():
        text = {test: f"{test}{sign}{least:g}x{name}" for test, (sign, least) in criteria.items()}
        times = _multiple(liver["AVAL"], limit)
        asked = liver["PARAMCD"].map({test: least for test, (_, least) in criteria.items()}).astype("float64")
        met = (times > asked) | ((times == asked) & (liver["PARAMCD"] != BILIRUBIN))
        found[f"CRIT{number}"] = liver["PARAMCD"].map(text).astype("str").where(times.notna())
        found[f"CRIT{number}FL"] = flag(met)
    return pd.DataFrame({name: one.reindex(adlb.index) for name, one in found.items()}, index=adlb.index)


def _as_records(own: pd.DataFrame, paramcd: pd.Series | str, *, SRCSEQ: pd.Series, **more: pd.Series) -> pd.DataFrame:
    """Records of a parameter, each led to its result of ADLB; what is not given is missing."""
    nothing = pd.Series(np.nan, own.index)
    dates, texts = nothing.astype("datetime64[s]"), nothing.astype("str")
    given = {"AVAL": nothing, "AVALC": texts, "ADT": dates, "CRIT1": texts, "CRIT1FL": texts, **more}
    levels = {name: own.get(of, nothing) for name, of in (("B_MEAN", "B"), ("NADIRB", "NADIRB"))}
    code = pd.Series(paramcd, own.index) if isinstance(paramcd, str) else paramcd
    source = {"SRCDOM": pd.Series("ADLB", own.index, dtype="str"), "SRCVAR": pd.Series("AVAL", own.index, dtype="str")}
    return pd.DataFrame({"USUBJID": own["USUBJID"], "PARAMCD": code.astype("str"), **given, **levels, **source, "SRCSEQ": SRCSEQ})


def _find_peaks(after: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The record of each test whose measure is the highest, TOP, at the first time it was reached."""
    known = after.assign(TOP=after[measure])[after[measure].notna()]
    return known.sort_values(["TOP", "ADT", "ASEQ"], ascending=[False, True, True]).drop_duplicates(_KEYS)


def _stand(peaks: pd.DataFrame, paramcd: str, enzymes: tuple[str, ...], rules: LiverInjury) -> pd.DataFrame:
    """In which quadrant each subject stands who has a peak of one of the enzymes and of bilirubin, and how these are apart."""
    # Of two enzymes the higher multiple counts; of equal ones the earlier day.
    own = peaks[peaks["PARAMCD"].isin(enzymes)].sort_values(["TOP", "ADT"], ascending=[False, True], kind="stable")
    enzyme = own.drop_duplicates("USUBJID").set_index("USUBJID")
    both = peaks[peaks["PARAMCD"].eq(BILIRUBIN) & peaks["USUBJID"].isin(enzyme.index)]
    high = _rose(look_up(both["USUBJID"], enzyme["TOP"]), rules, enzymes[0]), _rose(both["TOP"], rules, BILIRUBIN)
    stands = np.select([high[0] & high[1], high[0], high[1]], STANDS[:3], STANDS[3])
    apart = both["ADT"] - look_up(both["USUBJID"], enzyme["ADT"])
    follows = (apart >= pd.Timedelta(0)) & (apart <= pd.Timedelta(days=rules.within_days))
    text = f"{BILIRUBIN} peak 0 to {rules.within_days} days after peak of {' or '.join(enzymes)}"
    return _as_records(
        both.drop(columns=["B", "NADIRB"]), paramcd, AVALC=pd.Series(stands, both.index, dtype="str"), ADT=both["ADT"],
        CRIT1=pd.Series(text, both.index, dtype="str"), CRIT1FL=follows.map({True: "Y", False: "N"}).astype("str"),
        SRCSEQ=both["ASEQ"],
    )  # fmt: skip


def _screen(measured: pd.DataFrame, paramcd: str, rules: LiverInjury, *, cholestasis: bool) -> pd.DataFrame:
    """Whether bilirubin rose on the day of a transaminase rise or up to 30 days after it.

    With ``cholestasis``, a raised alkaline phosphatase from the one to the other day explains the rise.
    Of the bilirubin rises only the next one matters: what lies between it and the transaminase rise
    lies before every later one too.
    """
    known = measured[measured["TIMES"].notna()]
    enzyme, bilirubin = known[known["PARAMCD"].isin(ENZYMES)], known[known["PARAMCD"].eq(BILIRUBIN)]
    jaundice = bilirubin[_rose(bilirubin["TIMES"], rules, BILIRUBIN)]
    rises = enzyme.loc[_rose(enzyme["TIMES"], rules, ENZYMES[0]), ["USUBJID", "ADT"]].drop_duplicates()
    rises["NEXT"] = _find_next(rises, jaundice)
    met = rises["NEXT"] - rises["ADT"] <= pd.Timedelta(days=rules.within_days)
    if cholestasis:
        alp = known[known["PARAMCD"].eq(ALP) & _rose(known["TIMES"], rules, ALP)]
        met &= ~(_find_next(rises, alp) <= rises["NEXT"])
    completed = rises[met].groupby("USUBJID")["NEXT"].min()
    told = pd.Series(np.intersect1d(enzyme["USUBJID"].unique(), bilirubin["USUBJID"].unique()), dtype="str")
    date = look_up(told, completed)
    return _as_records(
        told.to_frame("USUBJID"), paramcd, AVALC=pd.Series("Y", told.index, dtype="str").where(date.notna(), "N"), ADT=date,
        SRCSEQ=_find_deciding(told, completed, enzyme, jaundice),
    )  # fmt: skip


def _find_deciding(told: pd.Series, completed: pd.Series, enzyme: pd.DataFrame, jaundice: pd.DataFrame) -> pd.Series:
    """ASEQ of the bilirubin that completed the screen, else of the highest transaminase; of several the first."""
    high = jaundice[jaundice["ADT"] == look_up(jaundice["USUBJID"], completed)]
    peak = enzyme.sort_values(["TIMES", "ADT", "ASEQ"], ascending=[False, True, True]).drop_duplicates("USUBJID")
    last = high.groupby("USUBJID")["ASEQ"].min()
    return look_up(told, last).fillna(look_up(told, peak.set_index("USUBJID")["ASEQ"]))


def _find_next(dates: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """First event of the subject on or after each date; missing where there is none."""
    left = dates[["USUBJID", "ADT"]].reset_index(names="ROW").sort_values("ADT")
    right = events[["USUBJID", "ADT"]].sort_values("ADT").assign(NEXT=lambda frame: frame["ADT"])
    found = pd.merge_asof(left, right, on="ADT", by="USUBJID", direction="forward")
    return look_up(pd.Series(dates.index, index=dates.index), found.set_index("ROW")["NEXT"])
