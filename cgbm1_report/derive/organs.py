"""What tells circulation, respiration and organ support at a visit: vital signs, blood gases, procedures, drugs."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.collected import scores
from cgbm1_report.collected.intervals import read_intervals
from cgbm1_report.collected.procedures import RENAL_REPLACEMENT, VENTILATION, read_procedure_days
from cgbm1_report.derive.domains import take_domain
from cgbm1_report.derive.units import check_units
from cgbm1_report.derive.visits import pick_record, visit_key
from cgbm1_report.derive.windows import read_dates
from cgbm1_report.protocol.trial import Trial

Sdtm = Mapping[str, pd.DataFrame]

#: From room air to pure oxygen: physics, no decision of a trial. Outside it is a percentage or a slip of the pen, and no index.
_FIO2_VALID = (0.21, 1.0)


def read_vitals(sdtm: Sdtm) -> pd.DataFrame:
    """Vital signs side by side, one row per subject, visit and time.

    Around an infusion only those before it count: blood is drawn then too.
    """
    vs = take_domain(sdtm, "VS", ("VSTESTCD", "VSDTC", "VSTPT"), ("VSSEQ", "VSSTRESN", "VISITNUM"))
    tests = ["MAP", "SYSBP", "DIABP", "OXYSAT"]
    asked = vs["VSTESTCD"].isin(tests) & vs["VSDTC"].notna() & vs["VSSTRESN"].notna()
    vs = vs[asked & (vs["VSTPT"].isna() | (vs["VSTPT"] == "PRE-DOSE"))].sort_values("VSSEQ")
    keys = ["USUBJID", "VISITNUM", "VSDTC"]
    last = vs.drop_duplicates([*keys, "VSTESTCD"], keep="last").set_index([*keys, "VSTESTCD"])
    wide = last["VSSTRESN"].unstack().reindex(columns=tests)
    sequence = last["VSSEQ"].unstack().reindex(columns=tests).add_suffix("_SEQ")
    found = wide.join(sequence).astype("float64").reset_index()
    return found.join(read_dates(found, "VSDTC")).assign(SRCDOM="VS", SRCVAR="VSSTRESN")


def read_pressure(vitals: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Mean arterial pressure (mmHg) of each visit, measured or of systolic and diastolic at the same time.

    A pressure of two records leads to the systolic one. ``vitals`` are as `read_vitals` gives them.
    """
    derived = pd.Series(scores.derive_map(vitals["SYSBP"], vitals["DIABP"]), index=vitals.index)
    source = vitals["MAP_SEQ"].fillna(vitals["SYSBP_SEQ"])
    return pick_record(vitals.assign(MAP=vitals["MAP"].fillna(derived), SRCSEQ=source), "MAP", adsl, trial)


def _read_respiratory(sdtm: Sdtm, testcd: str, unit: str | None = None) -> pd.DataFrame:
    """Results of one respiratory test; one in another unit than the given one is refused."""
    re = take_domain(sdtm, "RE", ("RETESTCD", "RESTRESU", "REDTC"), ("RESEQ", "RESTRESN", "VISITNUM"))
    re = re[re["RETESTCD"] == testcd]
    check_units(re, "RE", re["RETESTCD"].map({testcd: unit}).astype("str"))
    re = re.rename(columns={"RESTRESN": testcd, "RESEQ": "SRCSEQ"})
    found = re[["USUBJID", "VISITNUM", testcd, "SRCSEQ"]].assign(SRCDOM="RE", SRCVAR="RESTRESN")
    return found.join(read_dates(re, "REDTC"))


def _pressure_unit(trial: Trial) -> str | None:
    """Unit of the oxygen tension in an oxygenation index."""
    return next((one.to_unit for one in trial.conversions if one.param == "PO2"), None)


def _read_fractions(sdtm: Sdtm) -> pd.DataFrame:
    """Inspired oxygen fractions that can be fractions."""
    fio2 = _read_respiratory(sdtm, "FIO2")
    return fio2[fio2["FIO2"].between(*_FIO2_VALID)]


def _read_po2(sdtm: Sdtm, trial: Trial) -> pd.DataFrame:
    """Arterial oxygen tension in mmHg; a result left in the declared other unit is converted, any other unit refused."""
    lb = take_domain(sdtm, "LB", ("LBTESTCD", "LBDTC", "LBSTRESU"), ("LBSEQ", "LBSTRESN", "VISITNUM"))
    lb = lb[lb["LBTESTCD"] == "PO2"]
    units = {one.from_unit for one in trial.conversions if one.param == "PO2"}
    foreign = lb["LBSTRESU"].isin(units)
    known = lb[~foreign]
    check_units(known, "LB", known["LBTESTCD"].map({"PO2": _pressure_unit(trial)}).astype("str"))
    value = lb["LBSTRESN"]
    if foreign.any():
        value = value.mask(foreign, pd.Series(scores.convert_units(value, "PO2", trial), index=lb.index))
    found = lb[["USUBJID", "VISITNUM"]].assign(PO2=value, SRCSEQ=lb["LBSEQ"], SRCDOM="LB", SRCVAR="LBSTRESN")
    return found.join(read_dates(lb, "LBDTC"))


def _derive_gas_ratio(po2: pd.DataFrame, fio2: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """PaO2/FiO2 of samples and fractions recorded near enough to each other."""
    fractions = fio2.rename(columns={"ADTM": "FTIME"}).assign(KEY=visit_key(fio2["VISITNUM"]))
    pairs = po2.assign(KEY=visit_key(po2["VISITNUM"])).merge(fractions[["USUBJID", "KEY", "FIO2", "FTIME"]], on=["USUBJID", "KEY"])
    apart = (pairs["ADTM"] - pairs["FTIME"]).abs()
    near = pairs.assign(APART=apart)[apart <= pd.Timedelta(minutes=scores.read_clif(trial).blood_gas_minutes)].sort_values(
        ["APART", "FIO2"]
    )
    near = near.drop_duplicates(["USUBJID", "KEY", "SRCSEQ"])
    return near.assign(PF=scores.limit_pf(scores.derive_pf(near["PO2"], near["FIO2"]), trial))


def read_oxygenation(sdtm: Sdtm, vitals: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> dict[str, pd.DataFrame]:
    """PaO2/FiO2 (``PF``, mmHg) and SpO2/FiO2 (``SF``, %) of each visit.

    A collected PaO2/FiO2 goes before one of blood gas and fraction; impossible ratios are no ratios. A ratio
    of two records leads to its numerator.
    """
    collected = _read_respiratory(sdtm, "PFRATIO", _pressure_unit(trial)).rename(columns={"PFRATIO": "PF"})
    collected["PF"] = scores.limit_pf(collected["PF"], trial)
    fractions = _read_fractions(sdtm)
    gases = _derive_gas_ratio(_read_po2(sdtm, trial), fractions, trial)
    first, second = (pick_record(ratios, "PF", adsl, trial) for ratios in (collected, gases))
    pf = pd.concat([first, second]).drop_duplicates(["USUBJID", "KEY"], keep="first")
    saturation = pick_record(vitals.rename(columns={"OXYSAT_SEQ": "SRCSEQ"}), "OXYSAT", adsl, trial)
    fraction = pick_record(fractions, "FIO2", adsl, trial)[["USUBJID", "KEY", "FIO2"]]
    sf = saturation.merge(fraction, on=["USUBJID", "KEY"])
    return {"PF": pf, "SF": sf.assign(SF=scores.derive_sf(sf["OXYSAT"], sf["FIO2"]))}


def _read_procedures(sdtm: Sdtm) -> pd.DataFrame:
    return take_domain(sdtm, "PR", ("PRDECOD", "PRSTDTC", "PRENDTC", "PRENRTPT", "PRAIRWAY"), ("PRSEQ",))


def read_renal_replacement(sdtm: Sdtm) -> pd.DataFrame:
    """Days of renal replacement therapy."""
    return read_procedure_days(_read_procedures(sdtm), RENAL_REPLACEMENT)


def read_ventilation(sdtm: Sdtm) -> pd.DataFrame:
    """Days of mechanical ventilation; AIRWAY is True where it only protects the airway in encephalopathy.

    SRCSEQ is the sequence number of the procedure.
    """
    pr = _read_procedures(sdtm)
    days = read_procedure_days(pr, VENTILATION)
    return days.assign(AIRWAY=(pr["PRAIRWAY"] == "Y").reindex(days.index).astype(bool), SRCSEQ=pr["PRSEQ"].reindex(days.index))


def read_vasopressors(sdtm: Sdtm) -> pd.DataFrame:
    """Days on a vasopressor: drugs of that class, and terlipressin given for the circulation.

    Terlipressin for the hepatorenal syndrome or a bleeding is not circulatory support. SRCSEQ is the
    sequence number of the medication.
    """
    cm = take_domain(sdtm, "CM", ("CMDECOD", "CMSCAT", "CMINDC", "CMSTDTC", "CMENDTC"), ("CMSEQ",))
    terlipressin = cm["CMDECOD"].str.contains("TERLIPRESSIN", case=False).fillna(False).astype(bool)
    purpose = cm["CMINDC"].str.contains("CIRCULAT|SHOCK|HYPOTENS", case=False).fillna(False).astype(bool)
    given = cm[(cm["CMSCAT"] == "VASOPRESSOR") | (terlipressin & purpose)]
    days = read_intervals(given, "CMSTDTC", "CMENDTC", open_end=True)
    return days.assign(SRCSEQ=given["CMSEQ"].reindex(days.index))
