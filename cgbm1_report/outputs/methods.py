"""16.1.9 Documentation of statistical methods: what trial.yaml decides, printed from its values, and what is only words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
from pydantic.fields import FieldInfo

from cgbm1_report.errors import number_of
from cgbm1_report.outputs.formulas import declared_of, methods_made, tell_formulas, tell_imputation, tell_methods, tell_supplied
from cgbm1_report.protocol.e3 import find_section
from cgbm1_report.protocol.leaves import find_leaf, say_setting, say_value
from cgbm1_report.protocol.sections import Phase, Window
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.system.versions import tell_versions
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.declare import Listing, output
from cgbm1_report.tabulate.table import Column
from cgbm1_report.tabulate.view import View
from cgbm1_report.validate.texts import rule_title

DECIDES, ONLY_WORDS, OF_THE_PROGRAM, UNHEARD = "Applied", "Documentation only", "Fixed in the program", "Not applied"
#: Topic, item, what is laid down.
Laid = Iterator[tuple[str, str, str]]

#: Rules that no study changes: they stand in the code, and here in words.
_HOUSE = {
    "Days": "day N is N days after the first dose (of subjects never dosed: after randomisation); the study day of a record counts "
    "the day of the first dose as day 1 and has no day 0",
    "Selection in a window": "the record nearest the planned day; of two as near the later one; then central before local "
    "laboratory; then the larger visit and sequence number",
    "Percentages": "100 × n/N with one decimal; a count of 0 without a percentage; a dash where N is 0",
    "Rounding": "once, half away from zero on the decimal value",
    "Decimals": "mean, median and quartiles one more than the values, the standard deviation two, extremes as the values; "
    "ratios two, p values four (below 0.0001 and above 0.9999 as such)",
    "Quantiles": "averaged inverted distribution function (definition 5 of SAS, type 2 of R)",
    "Confidence": "intervals of 95%, with the decimals of their estimate",
    "Missing values": "only partial dates are imputed, and for flags only; a change that is missing stays missing",
}
#: What of them is another for analysis data that were supplied, whose windows and dates are those of whoever supplied them.
_OF_SUPPLIED = {
    "Days": "deaths, events and contacts are on the day of their date, counted from the first dose, which is day 0; times to an "
    "event are as supplied",
    "Selection in a window": "",
    "Missing values": "a change that is missing stays missing",
}


def _days(window: Window | None) -> str:
    if window is None:
        return "no day"
    low, high = window
    return (f"day {low}" if low == high else f"days {low} to {high}").replace("-", "−")


def _study(view: View) -> Laid:
    study, phase = view.trial.study, view.trial.phases[view.phase]
    yield "Study", "Design", phase.design
    yield "Study", "Follow-up", f"to day {study.followup_days} after the first dose"
    yield "Study", "Blinded", "until the record of unblinding opens the phase" if phase.blinded else "no"
    yield "Study", "Reference of comparisons", phase.reference or "no reference: the phase compares nothing"
    for arm in () if view.pooled else view.trial.arms_of(view.phase):
        sizes = "" if arm.planned_n is None else " to ".join(dict.fromkeys(str(size) for size in arm.planned_n))
        planned = f"{sizes} subject{'s' * (sizes != '1')} planned" if sizes else "no number planned"
        yield "Study", arm.arm, f"{arm.heading}; {planned}"


def _visits(phase: Phase, *, supplied: bool) -> Laid:
    for infusion in phase.infusions:
        yield (
            "Infusions",
            f"Infusion {infusion.infusion}",
            f"planned on day {infusion.target_day}, given on {_days(infusion.window)}",
        )
    if phase.min_days_between_infusions is not None:
        yield "Infusions", "Least distance", number_of(phase.min_days_between_infusions, "day")
    if phase.infusions and not supplied:
        yield "Infusions", "Compliance", f"{phase.compliance_of} given of the {phase.compliance_of} planned"
    for visit in phase.visits:
        parts = [f"number {visit.visitnum:g}"]
        parts += [] if visit.target_day is None else [f"planned on day {visit.target_day}"]
        parts += [] if visit.protocol_window is None else [f"held on {_days(visit.protocol_window)}"]
        parts += (
            [] if visit.analysis_window is None or supplied else [f"analysed as {visit.avisit} on {_days(visit.analysis_window)}"]
        )
        parts += ["carries the baseline"] if visit.baseline else []
        yield "Visits", visit.visit.capitalize(), ", ".join(parts)


def _populations(view: View) -> Laid:
    for population in view.trial.populations:
        if view.phase in population.phases:
            given = "actually given" if population.treatment == "TRT01A" else "planned"
            yield "Analysis sets", population.label, f"{population.flag} = Y, by the treatment {given}"


def _switches(view: View) -> Laid:
    switches = view.trial.switches
    for name, field in _heard_settings(view).items():
        yield "Settings", field.title or name, say_setting(getattr(switches, name), field)


def _heard_settings(view: View) -> Mapping[str, FieldInfo]:
    """The settings that decide something of these data: of supplied data those that the analysis of an output asks."""
    known = type(view.trial.switches).model_fields
    if not view.stamp.supplied:
        return known
    heard = {
        "multiplicity": "log_rank" in methods_made(view),
        "mmrm_df": "mmrm" in methods_made(view),
        "tte_plus_one": any("ADTTE" in declared.source for declared in declared_of(view)),
    }
    return {name: field for name, field in known.items() if heard.get(name)}


def _unheard(view: View) -> Laid:
    """Settings that trial.yaml names and that nothing in this report asks, as those of derivations where data were supplied."""
    switches, heard = view.trial.switches, _heard_settings(view)
    for name, field in type(switches).model_fields.items():
        if name in switches.model_fields_set and name not in heard:
            told = f"{say_value(getattr(switches, name))}; decides nothing of what this report shows"
            yield "Settings", field.title or name, told


def _house(view: View) -> Laid:
    told = _HOUSE | _OF_SUPPLIED if view.stamp.supplied else _HOUSE
    yield from (("Rules of the program", item, text) for item, text in told.items() if text)


def _elsewhere(view: View) -> Laid:
    for section, reason in view.trial.not_in_report.items():
        yield "Not in this report", find_section(section).heading, reason


def _validation(view: View) -> Laid:
    """How many findings each rule of the gate had, by severity; what came without them says so."""
    found = view.adam.get("FINDINGS")
    if found is None:
        yield "Data validation", "Findings", "not told with these data"
        return
    if not len(found):
        yield "Data validation", "Findings", "none"
    for one in found.itertuples(index=False):
        yield "Data validation", f"{one.RULE}: {rule_title(str(one.RULE))}", f"{one.SEVERITY}: {one.COUNT:.0f} in {one.DATASETS}"


def _set(trial: Trial, places: Sequence[str]) -> str:
    """Values that carry a choice out, as they stand, settings with their default."""
    told = []
    for place in places:
        value, field = find_leaf(trial, place)
        is_setting = field is not None and field.title is not None
        told.append(f"{field.title}: {say_setting(value, field)}" if field and is_setting else f"{place}: {say_value(value)}")
    return f". Set to {'; '.join(told)}" if told else ""


def _words(view: View) -> Laid:
    documented = view.trial.documentation
    for item, text in documented.study.items():
        yield "Study", item, text
    labels = {population.code: population.label for population in view.trial.populations if view.phase in population.phases}
    for code, text in documented.populations.items():
        if code in labels:
            yield "Analysis sets", labels[code], text
    for assumption in documented.assumptions:
        yield (
            "Assumptions",
            f"{assumption.id} {assumption.topic}",
            f"{assumption.choice}{_set(view.trial, assumption.settings)}. In the registry record: {assumption.ambiguity}",
        )


def _decisions(view: View) -> Laid:
    yield from _study(view)
    yield from _visits(view.trial.phases[view.phase], supplied=view.stamp.supplied)
    yield from _populations(view)
    yield from _switches(view)
    yield from tell_formulas(view)
    yield from tell_imputation(view)
    yield from tell_methods(view)
    yield from _validation(view)
    yield from _elsewhere(view)
    yield from (("Software", name, version) for name, version in tell_versions().items())
    yield from (("Abbreviations", name, words) for name, words in view.trial.abbreviations.items())


@output("A16.1.9", "Documentation of Statistical Methods", population="SAF", source=(), total=False)
def statistical_methods(view: View) -> Listing:
    """Every decision of the protocol with its value, the rules of the program, and what is documentation only."""
    switches = view.trial.switches
    laid = [(*one, DECIDES) for one in _decisions(view)]
    laid += [(*one, OF_THE_PROGRAM) for one in _house(view)]
    laid += [(*one, UNHEARD) for one in _unheard(view)]
    laid += [(*one, ONLY_WORDS) for one in _words(view)]
    records = pd.DataFrame(laid, columns=["TOPIC", "ITEM", "TEXT", "STATUS"], dtype="str")
    ours = ~records["TOPIC"].isin(["Software", "Abbreviations"])
    records["TEXT"] = records["TEXT"].mask(ours, records["TEXT"].str[:1].str.upper() + records["TEXT"].str[1:])
    opens = records.index[records["TOPIC"] + records["STATUS"] != (records["TOPIC"] + records["STATUS"]).shift()]
    columns = [
        Column("TOPIC", "Topic", width=1.3, align="left"),
        Column("ITEM", "Item", width=2.2, align="left"),
        Column("TEXT", "What is laid down", width=4.6, align="left"),
        Column("STATUS", "Status", width=1.2, align="left"),
    ]
    keys = record_keys(records, "STATUS", "TOPIC", "ITEM")
    changed = sum(getattr(switches, name) != field.default for name, field in _heard_settings(view).items())
    told = f"Settings that differ from their default: {changed or 'none'}."
    note = f"“{ONLY_WORDS}” decides nothing: where such words and a value differ, the value is what was done."
    return Listing(records, columns, keys, list(opens), footnotes=(told, note, *tell_supplied(view)), explains=True)
