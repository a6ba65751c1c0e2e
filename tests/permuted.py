"""A cut with the treatments of its blind phase dealt out anew, and nothing else changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cgbm1_report.derive import derive_adam
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.cut import Cut

Frames = dict[str, pd.DataFrame]


def deal_anew(cut: Cut, trial: Trial, turn: int) -> Frames:
    """SDTM in which each randomised subject has the arm and number of the subject ``turn`` places on.

    Dose, cells, form and lot of each infusion follow the new arm; dates, volumes and everything that
    happened to the subject stay.
    """
    sdtm = {name: frame.copy() for name, frame in cut.sdtm.items()}
    dm, ex = sdtm["DM"], sdtm["EX"]
    arms = {arm.armcd: arm for arm in trial.arms if trial.phases[arm.phase].blinded}
    mine = dm.index[dm["ARMCD"].isin(arms)]
    dealt = dict(zip(mine, np.roll(mine, -turn), strict=True))
    for name in ("ARMCD", "ARM", "RANDNO"):
        dm.loc[mine, name] = cut.sdtm["DM"].loc[list(dealt.values()), name].to_numpy()
    treated = dm.index[dm["ACTARMCD"].isin(arms)]
    dm.loc[treated, ["ACTARMCD", "ACTARM"]] = dm.loc[treated, ["ARMCD", "ARM"]].to_numpy()
    given = ex["USUBJID"].map(dm.set_index("USUBJID")["ACTARMCD"])
    hidden = given.isin(arms)
    dose = given[hidden].map({code: arm.dose_per_infusion_e6_cells_per_kg or 0.0 for code, arm in arms.items()}).astype("float64")
    ex.loc[hidden, "EXDOSE"] = dose
    ex.loc[hidden, "EXTRT"] = np.where(dose > 0, trial.study.product, "PLACEBO")
    ex.loc[hidden, "EXDOSFRM"] = np.where(dose > 0, "SUSPENSION", "INJECTION")
    ex.loc[hidden, "EXLOT"] = np.where(dose > 0, "C", "S") + ex.loc[hidden, "EXLOT"].str[1:]
    ex.loc[hidden, "EXPLCEL"] = (dose * ex["EXWT"]).round(1)
    ex.loc[hidden, "EXTOTCEL"] = (dose * ex["EXWT"] * ex["EXACVOL"] / ex["EXPLVOL"]).round(1)
    return sdtm


def supply_adam(sdtm: Frames, cut: Cut, trial: Trial) -> Frames:
    """What a sponsor's unblinded programmers would deliver: every variable, and some of their own that tell the arm."""
    adam = derive_adam(sdtm, trial, cut.cutoff, cut.src_decisions)
    code = adam["ADSL"]["ARMCD"]
    adam["ADSL"] = adam["ADSL"].assign(TRT01PG1=code, ACTARMUD=code, TRTSEQP=code, KITNO="K" + code, DOSEGR1=code)
    adam["ADSL"]["ARMN"] = adam["ADSL"]["TRT01PN"]
    adam["ADSL"].attrs["label"] = f"Subjects, the first of arm {code.dropna().iloc[-1]}"
    lost = adam["ADEX"]["TRTA"].eq("Placebo") & adam["ADEX"]["PARAMCD"].isin(["DOSE", "CELLS"])
    adam["ADEX"] = adam["ADEX"][~lost].reset_index(drop=True)
    adam["ADAE"] = adam["ADAE"].assign(AECOMM="received " + adam["ADAE"]["TRTA"])
    # A dataset nobody describes, with records of one arm alone, and files that are sorted by arm.
    adam["ADPC"] = adam["ADSL"].loc[code.notna() & (adam["ADSL"]["TRT01AN"] > 0), ["USUBJID"]].assign(PARAMCD="CMAX", AVAL=1.0)
    order = adam["ADSL"].sort_values(["TRT01PN", "USUBJID"])["USUBJID"].tolist()
    return {name: frame.iloc[pd.Series(frame["USUBJID"]).map(order.index).argsort(kind="stable")] for name, frame in adam.items()}


def write_cut(folder: Path, cut: Cut, sdtm: Frames, adam: Frames) -> Path:
    """A blind cut of these frames, with the companions of the one they come from."""
    for kind, frames in (("sdtm", sdtm), ("adam", adam)):
        if frames:
            (folder / kind).mkdir(parents=True)
        for name, frame in frames.items():
            frame.to_parquet(folder / kind / f"{name.lower()}.parquet", index=False)
    for name in ("src_decisions.csv", "cut.json"):
        (folder / name).write_bytes((cut.folder / name).read_bytes())
    return folder
