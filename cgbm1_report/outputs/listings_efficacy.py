"""16.2.6 Listings of efficacy: survival, scores with what they were made from, liver stiffness, ICG, antibodies, cytokines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import NamedTuple

from cgbm1_report.outputs.listings import (
    OUTSIDE,
    OUTSIDE_NOTE,
    OUTSIDE_SIGN,
    Notes,
    codes_of,
    declares,
    list_results,
    list_samples,
    result_items,
    sample_of,
)
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Declaration, Listing, family
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.records import FirstItem, Item, Listed, Ranked, list_records
from cgbm1_report.tabulate.view import View

_SURVIVAL = {"DEATH", "LIVER TRANSPLANT"}


def _survival_codes(trial: Trial) -> tuple[str, ...]:
    """Times to death or transplantation, in the order of the protocol."""
    return tuple(
        code for code, one in trial.parameters.items() if one.events and {event.upper() for event in one.events} <= _SURVIVAL
    )


def _survival(trial: Trial, _: int) -> Listed:
    codes = _survival_codes(trial)
    items = (
        Item("OUTCOME", "Outcome", "PARAMCD", 2.6, "left", words={code: trial.parameter(code).label for code in codes}),
        Item("START", "Start", "STARTDT"),
        Item("END", "Event or\ncensoring", "ADT"),
        Item("TIME", "Time\n(days)", "AVAL", 0.7, "right", dp=0),
        Item("CENSORED", "Status", "CNSR", 1.0, "left", words={"0": "Event", **{str(code): "Censored" for code in range(1, 6)}}),
        FirstItem("WHY", "Event or reason of censoring", ("EVNTDESC", "CNSDTDSC"), 2.8, "left", sentence=True),
    )
    return Listed(items, sort=(Ranked("PARAMCD", codes),), key=("PARAMCD",))


@family("Listing of survival")
def survival_listing(trial: Trial) -> Iterator[Declaration]:
    """Each subject's time to each kind of death or transplantation, from the day that the tables count from."""
    chosen = {"PARAMCD": _survival_codes(trial)}
    yield Declaration(
        "L16.2.6.1", "Liver Transplant-Free and Overall Survival", "FAS", ("ADTTE",), (),
        lambda view: list_records(view, choose(view.records("ADTTE", "PARAMCD", "CNSR", "EVNTDESC", "CNSDTDSC"), chosen)),
        where=chosen, total=False, listed=_survival,
        needs={"parameters with events of death alone": lambda own: bool(_survival_codes(own))},
        variables={"ADTTE": ("USUBJID", "PARAMCD", "AVAL", "CNSR", "STARTDT", "ADT", "EVNTDESC", "CNSDTDSC")},
    )  # fmt: skip


def _component(key: str, head: str, variable: str, code: str, dp: int) -> Item:
    return Item(key, head, variable, 0.9, "right", dp=dp, of={"PARAMCD": code})


def _meld(trial: Trial) -> Iterator[Item]:
    """MELD with creatinine, bilirubin and INR as measured, in the unit of the score, and as used."""
    score, tests = trial.parameter("MELD"), [trial.parameter(code) for code in ("CREAT", "BILI")]
    unit = score.meld.unit if score.meld else ""
    yield Item("MELD", "MELD\n(score)", "AVAL", 0.8, "right", dp=score.dp_individual or score.dp, of={"PARAMCD": "MELD"})
    for at, one in enumerate(tests, 7):
        yield _component(f"RAW{at}", f"{one.name}\n({one.unit})", f"COMP{at}", "MELD", one.dp)
    for at, one in enumerate(tests, 1):
        yield _component(f"UNIT{at}", f"{one.name}\n({unit})", f"COMP{at}", "MELD", 2)
    yield _component("UNIT3", "INR\n(ratio)", "COMP3", "MELD", 2)
    for at, one in enumerate(tests, 4):
        yield _component(f"USED{at}", f"{one.name}\nused ({unit})", f"COMP{at}", "MELD", 2)
    yield _component("USED6", "INR used\n(ratio)", "COMP6", "MELD", 2)
    yield _component("MELDUNOS", "MELD, UNOS\n(score)", "AVAL", "MELDUNOS", 0)


class _Organ(NamedTuple):
    """An organ of the CLIF-C organ failure score: its sub-score, what is measured of it, and the treatment that scores it."""

    code: str
    name: str
    head: str = ""
    measured: tuple[str, ...] = ("COMP1",)
    treated: str = ""


_ORGANS = (
    _Organ("CLIFLIV", "Liver"),
    _Organ("CLIFKID", "Kidney", treated="COMP2"),
    _Organ("CLIFBRA", "Brain", "West Haven\n(grade)", treated="COMP2"),
    _Organ("CLIFCOA", "Coagulation"),
    _Organ("CLIFCIR", "Circulation", "MAP\n(mmHg)", treated="COMP2"),
    _Organ("CLIFRES", "Respiration", "O₂ index\n(mmHg, %)", ("COMP1", "COMP2"), "COMP3"),
)
_OTHERS = "Bilirubin, creatinine and INR of each visit: listing 16.2.6.2."
_TREATED = derived("T", "the organ is scored by a treatment (renal replacement, ventilation, vasopressor)", "COMP2", "COMP3")
_INDEX = derived(
    "O₂ index",
    "arterial oxygen pressure (mmHg), or where it was not measured oxygen saturation (%), over the inspired fraction of oxygen",
    "COMP1", "COMP2",
)  # fmt: skip


def _clif(_: Trial) -> Iterator[Item]:
    """The total with each organ's sub-score; what is measured stands beside it, but for what the listing of MELD has."""
    yield _component("CLIFCOF", "CLIF-C OF\n(score)", "AVAL", "CLIFCOF", 0)
    for organ in _ORGANS:
        of, marks = {"PARAMCD": organ.code}, {organ.treated: {"1": "T"}} if organ.treated else {}
        if organ.head:
            yield FirstItem(f"{organ.code}M", organ.head, organ.measured, 0.9, "right", dp=0, of=of)
        yield Item(organ.code, f"{organ.name}\n(score)", "AVAL", 0.8, "right", dp=0, marks=marks, of=of)


def _stiffness(trial: Trial) -> Iterator[Item]:
    yield from result_items(trial, ("LSM",), {})
    yield _component("SHOTS", "Valid shots\n(number)", "COMP1", "LSM", 0)
    yield _component("SPREAD", "Interquartile range/\nmedian (%)", "COMP2", "LSM", 0)
    yield Item("QUALITY", "Valid\nmeasurement", "LSMQFL", of={"PARAMCD": "LSM"})


def _antibodies(trial: Trial) -> Iterator[Item]:
    for code in _antibody_codes(trial):
        label, of = trial.parameter(code).label, {"PARAMCD": code}
        yield Item(code, label, "AVALC", 1.5, "left", sentence=True, marks={"TEPOSFL": {"Y": "(new)"}}, of=of)


def _antibody_codes(trial: Trial) -> tuple[str, ...]:
    return tuple(code for code, one in trial.parameters.items() if one.dataset == "ADIS")


_BELOW = {"LLOQFL": {"Y": "B"}}
_BELOW_NOTE = derived("B", "below the LLOQ; half of it is printed, with which tables count", "LLOQFL")
_NEW_NOTE = derived("(new)", "positive after a negative baseline", "TEPOSFL")


class _Samples(NamedTuple):
    """A listing of samples: whose results, its columns, what it reads, and notes with the value that each explains.

    ``of`` says by which keys of theirs its parameters are found, where the trial has to name them.
    """

    number: str
    title: str
    dataset: str
    codes: tuple[str, ...]
    results: Callable[[Trial], Iterable[Item]]
    variables: tuple[str, ...] = ("AVAL",)
    notes: Notes = MappingProxyType({})
    of: str = ""


def _listings(trial: Trial) -> Iterator[_Samples]:
    """Every listing of efficacy that has a row a sample."""
    organs, cytokines = tuple(organ.code for organ in _ORGANS), codes_of(trial, "CYTOKINE")
    yield _Samples("L16.2.6.2", "MELD with Components", "ADEFF", ("MELD", "MELDUNOS"), _meld, ("AVAL", "COMP1"))
    yield _Samples(
        "L16.2.6.3",
        "CLIF-C OF with Components",
        "ADEFF",
        ("CLIFCOF", *organs),
        _clif,
        ("AVAL", "COMP1"),
        {_TREATED: " T$", _INDEX: "", _OTHERS: ""},
    )
    yield _Samples("L16.2.6.5", "Liver Stiffness", "ADEFF", ("LSM",), _stiffness, ("AVAL", "LSMQFL"))
    yield _Samples(
        "L16.2.6.6",
        "ICG-R15",
        "ADLB",
        ("ICGR15",),
        lambda own: result_items(own, ("ICGR15",), OUTSIDE),
        ("AVAL", "ANRIND"),
        {OUTSIDE_NOTE: OUTSIDE_SIGN},
    )
    yield _Samples(
        "L16.2.6.7",
        "Anti-HLA Antibodies",
        "ADIS",
        _antibody_codes(trial),
        _antibodies,
        ("AVALC", "TEPOSFL"),
        {_NEW_NOTE: r"\(new\)$"},
        "dataset: ADIS",
    )
    yield _Samples(
        "L16.2.6.8",
        "Cytokines " + ", ".join(trial.parameter(code).name for code in cytokines),
        "ADLB",
        cytokines,
        lambda own: result_items(own, cytokines, {**OUTSIDE, **_BELOW}),
        ("AVAL", "ANRIND", "LLOQFL"),
        {OUTSIDE_NOTE: OUTSIDE_SIGN, _BELOW_NOTE: " B$"},
        "dataset: ADLB and category: CYTOKINE",
    )


@family("Listings of efficacy")
def efficacy_listings(trial: Trial) -> Iterator[Declaration]:
    """Scores, measurements and samples of efficacy, each with its visit and day; a trial has those whose parameters it declares."""

    def body_of(own: _Samples) -> Callable[[View], Listing]:
        return lambda view: list_results(view, own.dataset, {"PARAMCD": own.codes}, own.variables, own.notes)

    for own in _listings(trial):
        yield Declaration(
            own.number, own.title, "FAS", (own.dataset,), (), body_of(own), where={"PARAMCD": own.codes}, total=False,
            listed=_listed(own), needs=declares(own.codes, own.of),
            variables={own.dataset: ("USUBJID", "PARAMCD", *sample_of(trial), *own.variables)},
        )  # fmt: skip


def _listed(own: _Samples) -> Callable[[Trial, int], Listed]:
    return lambda trial, _: list_samples(own.results(trial), sample_of(trial))
