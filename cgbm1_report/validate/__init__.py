"""The gate: is the data what it must be? Everything that is not, at once.

``validate_sdtm`` looks at the SDTM of a cut, ``validate_adam`` at ADaM it supplies;
`raise_on_errors` closes the gate. Rule ids are explained in the registers (`rules.RULES`,
`rules.ADAM_RULES`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.protocol.derived import tell_underivable
from cgbm1_report.protocol.schema import has_schema, schema_datasets, schema_labels, schema_types, seen_blind
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.read.adamfiles import take_observed
from cgbm1_report.validate.findings import (
    COLUMNS,
    collect_findings,
    count_findings,
    empty_findings,
    has_errors,
    name_files,
    name_protocol_in,
    raise_on_errors,
    withhold_findings,
)

if TYPE_CHECKING:
    import pandera.pandas as pa

    from cgbm1_report.read.cut import Cut
    from cgbm1_report.validate.asking import Asker
    from cgbm1_report.validate.source import Escalated, Source

__all__ = [
    "COLUMNS",
    "compare_findings",
    "count_findings",
    "empty_findings",
    "has_errors",
    "load_schema",
    "name_files",
    "name_protocol_in",
    "raise_on_errors",
    "schema_labels",
    "schema_types",
    "validate_adam",
    "validate_escalation",
    "validate_sdtm",
    "withhold_findings",
]

#: Domains a cut may do without: trial design, and what a study may never have had.
OPTIONAL_DOMAINS = frozenset({"TA", "TE", "TI", "TS", "TV", "SRC_DECISIONS"})


@dataclass(frozen=True)
class Blinded:
    """What may be seen of data while a phase is blind, and the subjects of whom all may be."""

    frames: Mapping[str, pd.DataFrame]
    subjects: Collection[str]


def load_schema(dataset: str, trial: Trial) -> pa.DataFrameSchema:
    """The pandera schema of a dataset; see `validate.schemas.load_schema`."""
    from cgbm1_report.validate import schemas

    return schemas.load_schema(dataset, trial)


def compare_findings(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Which findings are new, standing or closed since an earlier cut; see `validate.since.compare_findings`."""
    from cgbm1_report.validate import since

    return since.compare_findings(now, before)


def _missing_domains(sdtm: dict[str, pd.DataFrame]) -> Iterator[pd.DataFrame]:
    from cgbm1_report.validate.schemas import frame_finding

    for name in schema_datasets("sdtm"):
        if name not in sdtm and name not in OPTIONAL_DOMAINS:
            missing = frame_finding(name, "", "the dataset is not there")
            yield missing.assign(remedy="deliver the dataset, without records if there are none")


def validate_sdtm(
    source: Cut | dict[str, pd.DataFrame],
    trial: Trial,
    cutoff: date | None = None,
    src_decisions: pd.DataFrame | None = None,
    *,
    blinded: Blinded | None = None,
) -> pd.DataFrame:
    """Check SDTM against its schemas and across datasets (stage S).

    Parameters
    ----------
    source
        The cut, or its SDTM frames by upper-case name.
    trial
        The protocol: arms, visits, terms, criteria.
    cutoff, src_decisions
        Data cut-off and decisions of the safety review committee; taken from the cut where one is
        given.
    blinded
        While a phase is blind, what may be seen of the SDTM: rules read that, but for those about
        treatment, whose findings are withheld (`withhold_findings`); no finding quotes the words of
        an error.

    Returns
    -------
    DataFrame
        One row per finding: severity (E, W, I), rule, dataset, usubjid, key, variable, value,
        message, remedy; sorted. Severity E closes the gate (`raise_on_errors`).
    """
    from cgbm1_report.validate.asking import Asker
    from cgbm1_report.validate.rules import run_rules
    from cgbm1_report.validate.source import Source

    if not isinstance(source, dict):
        cutoff = cutoff or source.cutoff
        src_decisions = src_decisions if src_decisions is not None else source.src_decisions
    frames = _sdtm_frames(source if isinstance(source, dict) else source.sdtm, src_decisions)
    asker = Asker(quote=blinded is None, explained=_is_misshapen(frames))
    shape = _check_shape(frames, trial, asker)
    whole = Source(frames, trial, cutoff, src_decisions)
    if blinded is None:
        return collect_findings([*shape, run_rules(whole, asker, "seen", "whole", "treatment")])
    decisions = {name: frame for name, frame in frames.items() if name == "SRC_DECISIONS"}
    seen = Source({**blinded.frames, **decisions}, trial, cutoff, src_decisions)
    return collect_findings(
        [
            withhold_findings(collect_findings(shape), blinded.subjects, "variables"),
            withhold_findings(run_rules(whole, asker, "treatment"), blinded.subjects, "all"),
            run_rules(whole, asker, "whole"),
            run_rules(seen, asker, "seen"),
        ]
    )


def _sdtm_frames(sdtm: dict[str, pd.DataFrame], src_decisions: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """The SDTM by upper-case name, the decisions of the safety review committee as a dataset of it."""
    frames = {name.upper(): frame for name, frame in sdtm.items()}
    return frames if src_decisions is None else {**frames, "SRC_DECISIONS": src_decisions}


def _is_misshapen(frames: dict[str, pd.DataFrame]) -> bool:
    """Whether a dataset or variable is missing or of a wrong type: that explains why a rule cannot be asked."""
    from cgbm1_report.validate.schemas import structure_findings

    if any(True for _ in _missing_domains(frames)):
        return True
    return any(structure_findings(frame, name) for name, frame in frames.items() if has_schema(name))


def _check_shape(frames: dict[str, pd.DataFrame], trial: Trial, asker: Asker) -> list[pd.DataFrame]:
    """Findings about datasets that are missing, and about each that is there against its schema."""
    from cgbm1_report.validate.schemas import check_frame

    parts = list(_missing_domains(frames))
    for name, frame in frames.items():
        if has_schema(name):
            parts += check_frame(frame, name, trial, asker)
    return parts


def validate_escalation(
    sdtm: Mapping[str, pd.DataFrame],
    trial: Trial,
    src_decisions: pd.DataFrame | None,
    escalated: Escalated | Callable[[], Escalated],
    *,
    quote: bool = True,
    explained: bool = False,
) -> pd.DataFrame:
    """Check the dose escalation as it is derived from the SDTM (stage D): sentinel, levels, cohorts, decisions.

    Parameters
    ----------
    sdtm
        What may be seen of the SDTM.
    src_decisions
        Decisions of the safety review committee.
    escalated
        ADSL, ADDLT and the states of the cohorts; or what raises the error for which they could not be derived:
        then each rule could not be asked, which is a finding.
    quote, explained
        As `asking.Asker` has them.

    Returns
    -------
    DataFrame
        Findings as of `validate_sdtm`; none in a trial without dose escalation.
    """
    from cgbm1_report.validate.asking import Asker
    from cgbm1_report.validate.rules import run_rules
    from cgbm1_report.validate.source import Source

    if trial.dose_escalation is None:
        return empty_findings()
    source = Source(dict(sdtm), trial, None, src_decisions, escalated)
    return run_rules(source, Asker(quote=quote, explained=explained), "derived")


def _adam_subjects(adam: dict[str, pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """V01 for ADaM: every subject is in ADSL."""
    from cgbm1_report.validate.schemas import frame_finding
    from cgbm1_report.validate.source import record_findings

    adsl = adam.get("ADSL")
    if adsl is None or "USUBJID" not in adsl:
        yield frame_finding("ADSL", "USUBJID", "ADSL is not there, or has no USUBJID", rule="V01")
        return
    twice = adsl["USUBJID"].duplicated(keep=False) & adsl["USUBJID"].notna()
    several = record_findings(adsl, "ADSL", twice, "USUBJID", "ADSL has more than one record of the subject", severity="E")
    yield several.assign(rule="V01", remedy="keep one record per subject")
    known = pd.Index(adsl["USUBJID"].dropna().unique())
    for name, frame in adam.items():
        if "USUBJID" in frame:
            # isin takes each name it looks for by itself.
            unknown = pd.Series(known.get_indexer(pd.Index(frame["USUBJID"])) < 0, index=frame.index)
            found = record_findings(frame, name, unknown, "USUBJID", "the subject is not in ADSL", severity="E")
            yield found.assign(rule="V01", remedy="add the subject to ADSL, or correct USUBJID")
        else:
            yield frame_finding(name, "USUBJID", "the variable is not there", rule="V01")


def validate_adam(
    adam: dict[str, pd.DataFrame],
    trial: Trial,
    keys_only: bool | None = None,
    *,
    derived: dict[str, pd.DataFrame] | None = None,
    sdtm: dict[str, pd.DataFrame] | None = None,
    blinded: Collection[int] = (),
    subjects: Collection[str] = (),
    uneven: Mapping[tuple[str, str], Collection[str]] | None = None,
) -> pd.DataFrame:
    """Check supplied ADaM (stage A).

    Datasets are held against their schemas, against each other, and against what the SDTM of the
    same cut gives. Another study's ADaM (``keys_only``) has its own variables: of it only what the
    code relies on is checked, in the records of parameters that trial.yaml reports: types of known variables, keys,
    flags Y or N, the terms outputs count by, arms known to trial.yaml, and the rules the standard itself asks of any
    study (`rules.Rule.studies`).

    Parameters
    ----------
    adam
        ADaM frames by upper-case name.
    trial
        The protocol.
    keys_only
        Default: true for a trial.yaml by which no ADaM can be derived (`derived.tell_underivable`): the schemas say
        what is derived here, and another study's data are only named.
    derived
        ADaM derived from the SDTM of the same cut. Without it nothing is recomputed; what ADaM says
        about itself is checked all the same.
    sdtm
        That SDTM.
    blinded
        Phases whose treatment was taken out of ``adam``, ``derived`` and ``sdtm``: what blinding
        removed is not missed.
    subjects
        Then those of whom nothing was taken out.
    uneven
        What reading has said of parts of a dataset that lack a variable (`read.cut.Cut`): it is not said of each subject again.

    Returns
    -------
    DataFrame
        Findings as of `validate_sdtm`.
    """
    from cgbm1_report.validate.asking import Asker
    from cgbm1_report.validate.essentials import take_reported
    from cgbm1_report.validate.rules import run_adam_rules
    from cgbm1_report.validate.supplied import Supplied

    essentials = bool(tell_underivable(trial)) if keys_only is None else keys_only
    frames = _bare_frames(adam)
    asker = Asker(quote=not blinded, explained=_is_misshapen_adam(frames, essentials=essentials))
    observed = {name: take_observed(frame).reset_index(drop=True) for name, frame in frames.items()}
    parts = _check_adam_shape(frames, trial, asker, essentials=essentials)
    parts += [_say_derived(frame, name) for name, frame in frames.items() if len(frame) > len(observed[name])]
    if _names_subjects(frames):
        asked = take_reported(observed, trial) if essentials else observed
        source = _source_of(sdtm, trial)
        given = Supplied(
            asked, trial, _bare_frames(derived), source, blinded, subjects, another=essentials, delivered=observed, uneven=uneven
        )
        parts.append(run_adam_rules(given, asker))
    findings = collect_findings(parts)
    return _without_blinded(findings, frames, subjects) if blinded else findings


def _bare_frames(frames: Mapping[str, pd.DataFrame] | None) -> dict[str, pd.DataFrame]:
    """The frames by upper-case name, each with a plain index and without labels, which pandas would copy with every step."""
    return {name.upper(): _bare(frame) for name, frame in (frames or {}).items()}


def _bare(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.reset_index(drop=True)
    plain.attrs = {}
    return plain


def _names_subjects(frames: Mapping[str, pd.DataFrame]) -> bool:
    return "USUBJID" in frames.get("ADSL", ())


def _is_misshapen_adam(frames: Mapping[str, pd.DataFrame], *, essentials: bool) -> bool:
    """As of SDTM; of another study's data the types of known variables alone are asked, and who its subjects are."""
    from cgbm1_report.validate.schemas import structure_findings, type_findings

    if not _names_subjects(frames):
        return True
    known = ((name, frame) for name, frame in frames.items() if has_schema(name))
    return any(type_findings(frame, name)[0] if essentials else structure_findings(frame, name) for name, frame in known)


def _check_adam_shape(frames: dict[str, pd.DataFrame], trial: Trial, asker: Asker, *, essentials: bool) -> list[pd.DataFrame]:
    """Findings about subjects that ADSL lacks, and about each dataset against its schema, or against what every study's must be."""
    from cgbm1_report.validate.essentials import check_essentials
    from cgbm1_report.validate.schemas import check_frame

    parts = asker.ask("V01", "every subject is in ADSL, once", "ADaM", partial(_adam_subjects, frames))
    for name, frame in frames.items():
        if has_schema(name) and essentials:
            parts += asker.ask("V02", "what every study's data must be", name, partial(check_essentials, frame, name, trial))
        elif has_schema(name):
            parts += check_frame(frame, name, trial, asker)
    return parts


def _source_of(sdtm: Mapping[str, pd.DataFrame] | None, trial: Trial) -> Source | None:
    """The SDTM of the same cut as rules ask it; none where there is none."""
    from cgbm1_report.validate.source import Source

    return Source(_bare_frames(sdtm), trial, None, None) if sdtm else None


def _say_derived(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """How many records were made of others: no rule asks for their source, no output takes them for a visit."""
    from cgbm1_report.validate.schemas import frame_finding

    kinds = frame["DTYPE"].dropna()
    named = ", ".join(sorted(kinds.unique())[:12])
    message = f"derived from others and no visits: {number_of(len(kinds), 'record')} with DTYPE ({named}); outputs leave them out"
    return frame_finding(name, "DTYPE", message, "V10", "I").assign(remedy="none")


def _without_blinded(findings: pd.DataFrame, adam: dict[str, pd.DataFrame], subjects: Collection[str]) -> pd.DataFrame:
    """Findings but for variables that are missing because blinding removed them."""
    places = pd.Series(zip(findings["dataset"], findings["variable"], strict=True), index=findings.index)
    removed = ~places.map(lambda place: place[1] in seen_blind(place[0])).astype(bool)
    of_blinded = findings["value"].isna() & findings["usubjid"].notna() & ~findings["usubjid"].isin(list(subjects))
    # A variable may be absent where nobody is left who could have it; only blind phases have RANDNO.
    opened = [name for name, frame in adam.items() if "USUBJID" in frame and frame["USUBJID"].isin(list(subjects)).any()]
    absent = findings["usubjid"].isna() & ((findings["variable"] == "RANDNO") | ~findings["dataset"].isin(opened))
    kept: pd.DataFrame = findings[~(removed & (of_blinded | absent))].reset_index(drop=True)
    return kept
