"""The gate: a cut is read, checked, derived and checked again before anything is counted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cgbm1_report.assets import asset
from cgbm1_report.build.heard import hear_texts
from cgbm1_report.errors import PlanError, ReportError, number_of
from cgbm1_report.protocol.derived import tell_underivable
from cgbm1_report.protocol.packages import UNSEEN
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system.workers import Workers, gather

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from cgbm1_report.derive.blinding import Withheld
    from cgbm1_report.read.cut import Cut

logger = logging.getLogger(__name__)

OnProgress = Callable[[str, str], None]
Derive = Callable[[], "dict[str, pd.DataFrame]"]

#: Records that are checked and derived in the time another process takes to begin.
_WORTH = 10_000


@dataclass(frozen=True)
class Data:
    """A cut made ready: its ADaM, what is blinded, what the gate found.

    ``seen`` is what a blind build says that it was made of (:mod:`.seen`); ``supplied`` says that its ADaM came with the cut.
    ``texts`` are what is to be told of physicians' texts that stand with no event, or with one that changed.
    """

    cut: Cut
    adam: dict[str, pd.DataFrame]
    pooled: frozenset[int]
    findings: pd.DataFrame
    seen: dict[str, str] = field(default_factory=dict)
    supplied: bool = False
    texts: tuple[str, ...] = ()


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
    from cgbm1_report.read.unblinding import opened_phases

    opened = opened_phases(cut.unblinding, trial)
    return frozenset(number for number, phase in trial.phases.items() if phase.blinded and number not in opened)


@dataclass(frozen=True)
class Sight:
    """What of a cut may be seen: all of it, or all but the treatment of the subjects of blind phases.

    ``pooled`` are the phases that are blind, ``subjects`` those of open ones (asked for only where a
    phase is blind), ``withheld`` what was taken out without being declared.
    """

    cut: Cut
    trial: Trial
    pooled: frozenset[int]
    sdtm: dict[str, pd.DataFrame]
    adam: dict[str, pd.DataFrame]
    subjects: Collection[str]
    withheld: tuple[Withheld, ...]

    @property
    def supplied(self) -> dict[str, pd.DataFrame]:
        """The ADaM of the cut as outputs are made of it: with what was taken out of it, which is no missing value."""
        from cgbm1_report.derive import tell_unseen

        return {**self.adam, UNSEEN: tell_unseen(self.cut.adam, self.trial, self.pooled)} if self.pooled else dict(self.adam)

    def blind(self, adam: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """Other analysis data, as far as they may be seen."""
        from cgbm1_report.derive import blind_adam

        return blind_adam(adam, self.trial, self.pooled, self.subjects)


def look_at(cut: Cut, trial: Trial, closed: Collection[int] = ()) -> Sight:
    """Take out of a cut what nobody who reports it may see; ``closed`` are phases that stay blind though they were opened."""
    from cgbm1_report.derive import blind_adam, blind_sdtm, find_open_subjects
    from cgbm1_report.read.pairing import refuse_other_study

    refuse_other_study(cut, trial)
    pooled = pooled_phases(trial, cut) | frozenset(closed)
    if not pooled:
        return Sight(cut, trial, pooled, cut.sdtm, cut.adam, (), ())
    subjects = find_open_subjects(cut.sdtm, cut.adam, trial, pooled)
    notes: list[Withheld] = []
    sdtm = blind_sdtm(cut.sdtm, trial, pooled, subjects, notes)
    adam = blind_adam(cut.adam, trial, pooled, subjects, notes)
    return Sight(cut, trial, pooled, sdtm, adam, subjects, tuple(notes))


def _derive(sight: Sight) -> dict[str, pd.DataFrame]:
    """ADaM of the cut's SDTM, blinded where the trial still is."""
    return _derive_seen(sight.sdtm, sight.trial, sight.cut.cutoff, sight.cut.src_decisions, sight.cut.storage)


def _derive_seen(
    sdtm: dict[str, pd.DataFrame], trial: Trial, cutoff: date | None, decisions: pd.DataFrame | None, storage: str
) -> dict[str, pd.DataFrame]:
    """The same from what is seen, in whatever process."""
    from cgbm1_report.derive import derive_adam
    from cgbm1_report.read.texts import hold_texts

    with hold_texts(storage):
        return derive_adam(sdtm, trial, cutoff, decisions)


@contextmanager
def _deriving(sight: Sight, workers: int) -> Iterator[Derive]:
    """What derives the ADaM when it is asked; with two workers it has begun by then, in a process that the block's errors end."""
    if workers < 2:
        yield partial(_derive, sight)
        return
    cut = sight.cut
    with Workers(2) as hands:
        begun = hands.call(_derive_seen, sight.sdtm, sight.trial, cut.cutoff, cut.src_decisions, cut.storage)
        yield lambda: gather([begun], "deriving")[0]


def _validate_supplied(sight: Sight, derived: dict[str, pd.DataFrame] | None) -> pd.DataFrame:
    """Findings about the ADaM a cut supplies, compared as blind as it will be analysed."""
    from cgbm1_report import validate

    other = sight.blind(derived) if derived and sight.pooled else derived
    sdtm = sight.sdtm if sight.cut.sdtm else None
    return validate.validate_adam(
        sight.adam, sight.trial, derived=other, sdtm=sdtm, blinded=sight.pooled, subjects=sight.subjects, uneven=sight.cut.uneven
    )


def _derive_escalating(sight: Sight) -> dict[str, pd.DataFrame]:
    """What the dose escalation is judged by, of its subjects alone."""
    from cgbm1_report.derive import derive_escalating

    return derive_escalating(sight.sdtm, sight.trial, sight.cut.cutoff)


def _derive_once(derive: Derive) -> Derive:
    """What derives from SDTM that may be wrong, once: asked again it gives the same, or the same error."""
    made: list[dict[str, pd.DataFrame] | Exception] = []

    def derived() -> dict[str, pd.DataFrame]:
        if not made:
            try:
                made.append(derive())
            except Exception as error:
                made.append(error)
        if isinstance(made[0], Exception):
            raise made[0]
        return made[0]

    return derived


def _derive_if_possible(derived: Derive) -> tuple[dict[str, pd.DataFrame] | None, list[pd.DataFrame]]:
    """The ADaM of SDTM that may be wrong; where it cannot be derived, the finding that says why."""
    from cgbm1_report.validate.schemas import frame_finding

    try:
        return derived(), []
    except ReportError as error:
        reason = "; ".join(str(problem) for problem in error.problems)
    except Exception as error:
        # SDTM with errors can break a derivation anywhere; what the rules found must still be told.
        logger.debug("derivation failed", exc_info=True)
        reason = f"{type(error).__name__}: {error}"
    message = f"nothing can be derived from this SDTM, so the supplied ADaM is not compared with it: {reason}"
    return None, [frame_finding("SDTM", "", message)]


def _validate_sdtm(sight: Sight) -> pd.DataFrame:
    """Findings about the SDTM and the committee's decisions."""
    from cgbm1_report import validate

    blinded = validate.Blinded(sight.sdtm, sight.subjects) if sight.pooled else None
    return validate.validate_sdtm(sight.cut, sight.trial, blinded=blinded)


def _validate_escalation(sight: Sight, derived: Derive, states: pd.DataFrame | None, found: pd.DataFrame) -> pd.DataFrame:
    """Findings about the dose escalation as it is derived; what cannot be derived is the finding of each of its rules.

    ``states`` are those of the cohorts where they are made already; ``found`` what is known of the SDTM.
    """
    from cgbm1_report import validate
    from cgbm1_report.validate.source import Escalated

    def escalated() -> Escalated:
        adam = derived()
        told = states if states is not None else _derive_states(sight, adam)
        return Escalated(adam["ADSL"], adam["ADDLT"], told)

    explained = bool(((found["rule"] == "V02") & (found["severity"] == "E")).any())
    return validate.validate_escalation(
        sight.sdtm, sight.trial, sight.cut.src_decisions, escalated, quote=not sight.pooled, explained=explained
    )


def _derive_states(sight: Sight, adam: dict[str, pd.DataFrame]) -> pd.DataFrame:
    from cgbm1_report.derive.escalation import derive_escalation

    return derive_escalation(adam["ADSL"], adam["ADDLT"], sight.cut.src_decisions, sight.trial, sight.cut.cutoff)


def _escalation_states(sight: Sight, adam: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The committee's decisions and what the escalation rules recommended, by name; none without escalation."""
    from cgbm1_report.derive import blind_sdtm
    from cgbm1_report.derive.escalation import tell_cohort_subjects

    cut, trial = sight.cut, sight.trial
    given = {} if cut.src_decisions is None else {"SRC_DECISIONS": cut.src_decisions}
    found = blind_sdtm(given, trial, sight.pooled, sight.subjects)
    if trial.dose_escalation and {"ADSL", "ADDLT"} <= set(adam):
        found["SRC_STATES"] = _derive_states(sight, adam)
        found["SRC_SUBJECTS"] = tell_cohort_subjects(adam["ADSL"], adam["ADDLT"], cut.src_decisions, found["SRC_STATES"], trial)
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
    from cgbm1_report.read.texts import hold_texts

    with hold_texts(cut.storage):
        return _validate_seen(look_at(cut, trial))


def _validate_seen(sight: Sight, found: pd.DataFrame | None = None) -> pd.DataFrame:
    """All findings; ``found`` are those of the SDTM where they are known already."""
    parts, cut = _look_back(sight), sight.cut
    # All of it is derived only for what is compared with all of it.
    derive = _derive_once(partial(_derive if cut.adam else _derive_escalating, sight))
    if cut.sdtm:
        found = _validate_sdtm(sight) if found is None else found
        parts += [found, _validate_escalation(sight, derive, None, found)]
    if cut.adam:
        derived, failed = _derive_if_possible(derive) if cut.sdtm else (None, [])
        parts += [*failed, _validate_supplied(sight, derived)]
    return _tell(sight, [*parts, *hear_texts(sight, _analyse_heard(sight, derive)).findings])


def _analyse_heard(sight: Sight, derive: Derive) -> dict[str, pd.DataFrame]:
    """What tells which events have a narrative, where the cut has texts: as they are built. Nothing where it cannot be derived."""
    if sight.cut.narratives is None or not sight.cut.sdtm:
        return sight.adam
    return _derive_if_possible(derive if sight.cut.adam else partial(_derive, sight))[0] or {}


def _look_back(sight: Sight) -> list[pd.DataFrame]:
    """What was noticed in reading, and what blinding took out although nobody declared that it tells treatment."""
    from cgbm1_report.read.find import ABOUT
    from cgbm1_report.read.unblinding import opened_one_by_one
    from cgbm1_report.validate.blinding import say_cutoff, say_unblinded, say_withheld
    from cgbm1_report.validate.reading import find_reading

    cut = sight.cut
    found = [
        find_reading(cut.notes, cut.unread),
        say_withheld(sight.withheld),
        say_unblinded(opened_one_by_one(cut.unblinding, sight.trial)),
    ]
    return found if cut.about.get("cutoff") else [*found, say_cutoff(cut.cutoff, about=ABOUT in cut.files)]


def _tell(sight: Sight, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Findings with their files; while a phase is blind none shows a value of what may not be seen."""
    from cgbm1_report import validate
    from cgbm1_report.validate.findings import collect_findings

    findings = validate.name_files(collect_findings(parts), sight.cut.files)
    return validate.withhold_findings(findings, sight.subjects) if sight.pooled else findings


def read_data(
    folder: Path,
    trial: Trial,
    *,
    use_adam: bool = False,
    closed: Collection[int] = (),
    on_progress: OnProgress = report_quietly,
    workers: int = 1,
    protocol: Path | None = None,
) -> Data:
    """Read the cut, pass it through the gate, derive the ADaM.

    Supplied ADaM passes the gate whether it is analysed (``use_adam``, or no SDTM) or not. ``closed`` are phases whose
    treatment is taken out in any case. With two ``workers`` a large cut is derived while it is checked; nothing of what was
    derived is used, or told, of a cut with errors. ``protocol`` is the file that ``trial`` was asked for by, which remedies name.

    Raises
    ------
    ReportError
        The cut cannot be read, or the gate found errors.
    """
    from cgbm1_report.read.cut import read_cut
    from cgbm1_report.read.texts import hold_texts

    on_progress("read", str(folder))
    cut = read_cut(folder, trial)
    if cut.sdtm and (lacking := tell_underivable(trial)):
        # Told before the data are checked: that takes half a minute, and mends none of it.
        raise PlanError.of(lacking)
    with hold_texts(cut.storage):
        return pass_gate(look_at(cut, trial, closed), use_adam, on_progress, workers, protocol)


def pass_gate(
    sight: Sight, use_adam: bool, on_progress: OnProgress = report_quietly, workers: int = 1, protocol: Path | None = None
) -> Data:
    """What of a cut may be seen, checked, derived and checked again; refused where the gate finds errors."""
    from cgbm1_report import validate
    from cgbm1_report.build.seen import digest_seen
    from cgbm1_report.read.texts import hold_as_arrow

    cut = sight.cut
    parts, derived, states = _look_back(sight), None, {}
    if cut.sdtm:
        # Of what may be seen: one arm alone may have records of a kind.
        records = sum(map(len, sight.sdtm.values()))
        on_progress("validate", f"{number_of(records, 'SDTM record')}")
        with _deriving(sight, workers if records > _WORTH else 1) as derive:
            found = _validate_sdtm(sight)
            parts.append(found)
            if validate.has_errors(_tell(sight, parts)):
                # Whoever mends the cut is told all that is wrong of it at once, and as many errors as `validate` tells.
                validate.raise_on_errors(_validate_seen(sight, found), cut.folder, protocol)
            on_progress("derive", "ADaM")
            derived = derive()
        states = _escalation_states(sight, derived)
        parts.append(_validate_escalation(sight, partial(dict, derived), states.get("SRC_STATES"), found))
    if cut.adam:
        on_progress("validate", f"{number_of(sum(map(len, sight.adam.values())), 'ADaM record')}")
        parts.append(_validate_supplied(sight, derived))
    supplied = derived is None or bool(use_adam and cut.adam)
    adam = sight.supplied if supplied else dict(derived or {})
    heard = hear_texts(sight, adam)
    for told in heard.told:
        on_progress("narratives", told)
    findings = _tell(sight, [*parts, *heard.findings])
    validate.raise_on_errors(findings, cut.folder, protocol)
    adam |= heard.frames
    adam |= states if states and not supplied else _escalation_states(sight, adam)
    adam["FINDINGS"] = validate.count_findings(findings)
    # One form of what is handed on and written, however large the cut is.
    held = {name: hold_as_arrow(frame) for name, frame in adam.items()}
    return Data(cut, held, sight.pooled, findings, digest_seen(sight), supplied, heard.told)
