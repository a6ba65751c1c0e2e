"""The gate: a cut is read, checked, derived and checked again before anything is counted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.assets import asset
from cgbm1_report.errors import ReportError
from cgbm1_report.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    from cgbm1_report.cut import Cut

logger = logging.getLogger(__name__)

OnProgress = Callable[[str, str], None]


@dataclass(frozen=True)
class Data:
    """A cut made ready: its ADaM, what is blinded, what the gate found."""

    cut: Cut
    adam: dict[str, pd.DataFrame]
    pooled: frozenset[int]
    findings: pd.DataFrame


def report_quietly(step: str, detail: str) -> None:
    """Progress of a run nobody watches: into the log."""
    logger.info("%s: %s", step, detail)


def find_trial(cut: Path, trial: Path | None = None) -> Path:
    """The protocol file: the one asked for, else the package's.

    Never one that came with the data: it decides what is counted and unblinded, and its notebooks are run.
    One that lies in the cut is named in a warning.
    """
    file = trial or asset("trial.yaml")
    for name in unused_trials(cut, file):
        logger.warning("%s is not used: name it with --trial", cut / name)
    return file


def unused_trials(cut: Path, file: Path) -> tuple[str, ...]:
    """Names of protocol files that lie in a cut and are not ``file``, which is used."""
    try:
        found = sorted(path for path in cut.iterdir() if path.name.lower() in ("trial.yaml", "trial.yml"))
    except OSError:  # no such cut: reading it says so
        return ()
    return tuple(path.name for path in found if path.resolve() != file.resolve())


def pooled_phases(trial: Trial, cut: Cut) -> frozenset[int]:
    """Phases that are blinded and that the cut's unblinding record does not unblind."""
    if trial.switches.unblinded:
        return frozenset()
    opened: set[int] = set()
    if cut.unblinding is not None and "PHASE" in cut.unblinding:
        opened = {int(float(phase)) for phase in cut.unblinding["PHASE"].dropna()}
    return frozenset(number for number, phase in trial.phases.items() if phase.blinded and number not in opened)


def _derive(cut: Cut, trial: Trial, pooled: frozenset[int]) -> dict[str, pd.DataFrame]:
    """ADaM of the cut's SDTM, blinded where the trial still is."""
    from cgbm1_report.derive import blind_sdtm, derive_adam

    return derive_adam(blind_sdtm(cut.sdtm, trial, set(pooled)), trial, cut.cutoff, cut.src_decisions)


def _validate_supplied(cut: Cut, trial: Trial, pooled: frozenset[int], derived: dict[str, pd.DataFrame] | None) -> pd.DataFrame:
    """Findings about the ADaM a cut supplies, compared as blind as it will be analysed.

    ADaM that nobody can blind is compared as it is; `read_data` refuses to analyse it.
    """
    from cgbm1_report import validate
    from cgbm1_report.derive import blind_adam

    adam = blind_adam(cut.adam, trial, set(pooled)) if {"USUBJID", "PHASE"} <= set(cut.adam.get("ADSL", ())) else cut.adam
    return validate.validate_adam(adam, trial, derived=derived, sdtm=cut.sdtm or None, blinded=pooled)


def _derive_if_possible(
    cut: Cut, trial: Trial, pooled: frozenset[int]
) -> tuple[dict[str, pd.DataFrame] | None, list[pd.DataFrame]]:
    """The ADaM of SDTM that may be wrong; where it cannot be derived, the finding that says why."""
    from cgbm1_report.validate.schemas import frame_finding

    try:
        return _derive(cut, trial, pooled), []
    except ReportError as error:
        reason = "; ".join(str(problem) for problem in error.problems)
    except Exception as error:
        # SDTM with errors can break a derivation anywhere; what the rules found must still be told.
        logger.debug("derivation failed", exc_info=True)
        reason = f"{type(error).__name__}: {error}"
    message = f"nothing can be derived from this SDTM, so the supplied ADaM is not compared with it: {reason}"
    return None, [frame_finding("SDTM", "", message)]


def _validate_sdtm(cut: Cut, trial: Trial, pooled: frozenset[int]) -> pd.DataFrame:
    """Findings about the SDTM and the committee's decisions, which are held against the escalation rules."""
    from cgbm1_report import validate
    from cgbm1_report.derive import derive_src_states

    # Derived when its rule asks: SDTM with errors can break a derivation anywhere, and then that rule says so.
    states = partial(derive_src_states, cut.sdtm, trial, cut.cutoff, cut.src_decisions)
    return validate.validate_sdtm(cut, trial, src_states=states, blinded=pooled)


def _escalation_states(cut: Cut, trial: Trial, adam: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The committee's decisions and what the escalation rules recommended, by name; none without escalation."""
    from cgbm1_report.derive.escalation import derive_escalation

    found = {} if cut.src_decisions is None else {"SRC_DECISIONS": cut.src_decisions}
    if trial.dose_escalation and {"ADSL", "ADDLT"} <= set(adam):
        found["SRC_STATES"] = derive_escalation(adam["ADSL"], adam["ADDLT"], cut.src_decisions, trial, cut.cutoff)
    return found


def validate_everything(cut: Cut, trial: Trial) -> pd.DataFrame:
    """Check all a cut holds: its SDTM, and its ADaM against the ADaM derived from that SDTM.

    ADaM that is derived here is not checked against itself. Wrong SDTM does not keep the ADaM from
    being checked: what can be derived is compared, and what cannot is a finding.

    Returns
    -------
    DataFrame
        The findings of both in one table (see `validate.validate_sdtm`).
    """
    from cgbm1_report import validate
    from cgbm1_report.validate.findings import collect_findings
    from cgbm1_report.validate.reading import find_reading

    pooled = pooled_phases(trial, cut)
    parts = [find_reading(cut.notes, cut.unread), *([_validate_sdtm(cut, trial, pooled)] if cut.sdtm else [])]
    if cut.adam:
        derived, problems = _derive_if_possible(cut, trial, pooled) if cut.sdtm else (None, [])
        parts += [*problems, _validate_supplied(cut, trial, pooled, derived)]
    findings = validate.name_files(collect_findings(parts), cut.files)
    return _mask(findings, pooled, {"ADSL": _subject_phases(cut, trial)})


def _subject_phases(cut: Cut, trial: Trial) -> pd.DataFrame:
    """USUBJID and PHASE of subjects whose phase is certain, by DM or else by ADSL; all others stay blind."""
    import pandas as pd

    dm = cut.sdtm.get("DM")
    if dm is None or not {"USUBJID", "SCRPHASE"} <= set(dm.columns):
        adsl = cut.adam.get("ADSL", pd.DataFrame())
        return adsl[["USUBJID", "PHASE"]] if {"USUBJID", "PHASE"} <= set(adsl.columns) else pd.DataFrame()
    phases = {arm.armcd: float(arm.phase) for arm in trial.arms}
    phase = pd.to_numeric(dm["SCRPHASE"], errors="coerce")
    # Screening form, planned and actual arm must say the same phase.
    for name in [name for name in ("ARMCD", "ACTARMCD") if name in dm]:
        arm = dm[name].map(phases).astype("float64")
        phase = phase.mask(arm.notna() & (arm != phase))
    return pd.DataFrame({"USUBJID": dm["USUBJID"], "PHASE": phase}).dropna()


def _mask(findings: pd.DataFrame, pooled: frozenset[int], adam: dict[str, pd.DataFrame]) -> pd.DataFrame:
    from cgbm1_report import validate

    return validate.mask_findings(findings, pooled, adam) if pooled else findings


def read_data(folder: Path, trial: Trial, *, use_adam: bool = False, on_progress: OnProgress = report_quietly) -> Data:
    """Read the cut, pass it through the gate, derive the ADaM.

    Supplied ADaM passes the gate whether it is analysed (``use_adam``, or no SDTM) or not.

    Raises
    ------
    ReportError
        The cut cannot be read, or the gate found errors.
    """
    from cgbm1_report import validate
    from cgbm1_report.cut import read_cut
    from cgbm1_report.derive import blind_adam
    from cgbm1_report.validate.findings import collect_findings
    from cgbm1_report.validate.reading import find_reading

    on_progress("read", str(folder))
    cut = read_cut(folder, trial)
    pooled = pooled_phases(trial, cut)
    parts, derived = [], None
    if cut.sdtm:
        on_progress("validate", f"{sum(map(len, cut.sdtm.values()))} SDTM records")
        parts.append(_validate_sdtm(cut, trial, pooled))
        validate.raise_on_errors(_mask(parts[0], pooled, {"ADSL": _subject_phases(cut, trial)}))
        on_progress("derive", "ADaM")
        derived = _derive(cut, trial, pooled)
    if cut.adam:
        on_progress("validate", f"{sum(map(len, cut.adam.values()))} ADaM records")
        parts.append(_validate_supplied(cut, trial, pooled, derived))
    parts.append(find_reading(cut.notes, cut.unread))
    findings = validate.name_files(collect_findings(parts), cut.files)
    validate.raise_on_errors(_mask(findings, pooled, derived or cut.adam))
    supplied = derived is None or bool(use_adam and cut.adam)
    adam = blind_adam(cut.adam, trial, set(pooled)) if supplied else dict(derived or {})
    adam |= _escalation_states(cut, trial, adam)
    return Data(cut, adam, pooled, _mask(findings, pooled, adam))
