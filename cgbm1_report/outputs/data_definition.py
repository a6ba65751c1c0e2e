"""16.1.9b Data definition: datasets, variables, values and derivations, by the description that define.xml is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.outputs.formulas import tell_supplied
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.declare import Listing, output
from cgbm1_report.tabulate.table import Column
from cgbm1_report.tabulate.view import View

if TYPE_CHECKING:
    from cgbm1_report.validate.describe import CodeList, Dataset, Variable

#: Characters of values that stand beside their variable; longer ones stand in a list of their own below.
MOST = 120
SOURCE = "schemas/, trial.yaml"
SUPPLIED = "As supplied."
WITHHELD = "Withheld while the phase is blind"
#: Dataset or list, variable or value, label or meaning, type and values or keys, content or derivation.
Told = tuple[str, str, str, str, str]
FLAG = frozenset({"Y", "N"})
#: The variable whose values are the parameters: they are told one by one, with how each is made.
PARAMETER = "PARAMCD"


def _describe(view: View) -> tuple[Dataset, ...]:
    """The datasets as this phase has them: lists of arms, visits and criteria are its own."""
    from cgbm1_report.validate.describe import describe_datasets

    trial, phase = view.trial, view.phase
    own = {"arms": trial.arms_of(phase), "phases": {phase: trial.phases[phase]}}
    criteria = {number: ones for number, ones in trial.ie_criteria.items() if number == phase}
    every = describe_datasets(trial.model_copy(update={**own, "ie_criteria": criteria}))
    if not view.stamp.supplied:
        return every
    # Of data that came with the cut what is there is described: what we would have collected and derived is another study's.
    return tuple(
        replace(one, variables=tuple(own for own in one.variables if own.name in view.adam[one.name]))
        for one in every
        if one.standard == "adam" and one.name in view.adam
    )


def _said(codelist: CodeList) -> str:
    """The values, each with what it means."""
    return ", ".join(f"{value} = {meaning}" if meaning else value for value, meaning in codelist.items)


def _stands_below(codelist: CodeList) -> bool:
    return codelist.external is None and len(_said(codelist)) > MOST


def _values(view: View, dataset: Dataset, variable: Variable) -> str:
    """The permitted values; of what tells treatment nothing while the phase is blind."""
    codelist = variable.codelist
    if codelist is None:
        return ""
    if variable.name == PARAMETER:
        return "the parameters of AVAL"
    if _is_withheld(view, dataset, variable):
        return WITHHELD
    if view.stamp.supplied and not {value for value, _ in codelist.items} <= FLAG:
        # Which terms another's data may have nobody told us.
        return ""
    if codelist.external:
        return " ".join(codelist.external)
    if _stands_below(codelist):
        return f"{codelist.name}, {number_of(len(codelist.items), 'value')}: below"
    return _said(codelist)


def _is_withheld(view: View, dataset: Dataset, variable: Variable) -> bool:
    """Whether a list may name arms or doses; a flag's yes or no tells nobody anything."""
    values = {value for value, _ in variable.codelist.items} if variable.codelist else set()
    return view.pooled and variable.name not in view.trial.seen_of(dataset.name) and not values <= FLAG


def _made(view: View, variable: Variable) -> str:
    """Where a value comes from: copied, assigned, or derived and how; of supplied data their maker knows."""
    if view.stamp.supplied:
        return SUPPLIED
    origin = f"Copy of {variable.source}" if variable.source else variable.origin
    how = variable.method.text if variable.method else ""
    return ". ".join(part.rstrip(".") for part in ([how] if how else [origin, variable.comment]) if part) + "."


def _tell_variable(view: View, dataset: Dataset, variable: Variable) -> Told:
    kind = f"{variable.kind} {variable.display}".strip()
    name = f"{variable.name} (key {variable.key})" if variable.key else variable.name
    values = _values(view, dataset, variable)
    return "", name, variable.label, f"{kind}; {values}" if values else kind, _made(view, variable)


def _among(names: Sequence[str], every: Sequence[str]) -> str:
    """Datasets that have a variable, by those that lack it where these are few."""
    lacking = [name for name in every if name not in names]
    return ", ".join(names) if len(lacking) > len(names) // 2 else f"All but {', '.join(lacking)}" if lacking else "All"


def _datasets(datasets: Sequence[Dataset]) -> Iterator[Told]:
    for one in datasets:
        about = f"{one.structural_class.capitalize()}; " if one.structural_class else ""
        yield one.name, "", one.label, f"{about}keys {', '.join(one.keys)}", f"{one.structure}."


def _variables(view: View, datasets: Sequence[Dataset]) -> Iterator[Told]:
    """What several datasets have in the same way once, then each dataset's own, its values by parameter below."""
    shared: dict[Told, list[str]] = {}
    for dataset in datasets:
        for variable in dataset.variables:
            # Its place among the keys is the dataset's own.
            shared.setdefault(_tell_variable(view, dataset, replace(variable, key=None)), []).append(dataset.name)
    every = [one.name for one in datasets]
    # What the same datasets share stands together, what most of them share first.
    common = sorted(((names, told) for told, names in shared.items() if len(names) > 1), key=lambda one: (-len(one[0]), one[0]))
    yield from ((_among(names, every), *told[1:]) for names, told in common)
    for dataset in datasets:
        for variable in dataset.variables:
            if len(shared[_tell_variable(view, dataset, replace(variable, key=None))]) == 1:
                yield (dataset.name, *_tell_variable(view, dataset, variable)[1:])
            for one in variable.values:
                yield (
                    dataset.name,
                    f"{variable.name}, {PARAMETER} {one.paramcd}",
                    one.label,
                    f"{one.digits} decimals",
                    SUPPLIED if view.stamp.supplied else one.derivation,
                )


def _lists(view: View, datasets: Sequence[Dataset]) -> Iterator[Told]:
    """Lists of values that do not stand beside their variable, each once."""
    told: dict[str, CodeList] = {}
    for dataset in datasets:
        for variable in dataset.variables:
            codelist = variable.codelist
            if codelist is None or variable.name == PARAMETER or _is_withheld(view, dataset, variable):
                continue
            if _stands_below(codelist) and not view.stamp.supplied:
                told.setdefault(codelist.oid, codelist)
    for codelist in told.values():
        yield from ((codelist.name, value, meaning, codelist.kind, "") for value, meaning in codelist.items)


_COLUMNS = (
    Column("DATASET", "Dataset\nor list", width=1.2, align="left", once=True),
    Column("VARIABLE", "Variable\nor value", width=1.5, align="left"),
    Column("LABEL", "Label or meaning", width=2.1, align="left"),
    Column("KIND", "Type, values", width=2.1, align="left"),
    Column("MADE", "Content or derivation", width=3.3, align="left"),
)


@output("A16.1.9b", "Data Definition", population="SAF", source=(), total=False)
def data_definition(view: View) -> Listing:
    """Every dataset, every variable of the analysis data with type, values and derivation, and the lists of values."""
    every = _describe(view)
    analysed = [one for one in every if one.standard == "adam"]
    told = [*_datasets(every), *_variables(view, analysed), *_lists(view, analysed)]
    records = pd.DataFrame(told, columns=[column.key for column in _COLUMNS], dtype="str")
    # Datasets have no variable: they stand together, as one block.
    block = records["DATASET"].where(records["VARIABLE"] != "", "")
    opens = records.index[block != block.shift()]
    keys = record_keys(records.rename(columns={"DATASET": "dataset", "VARIABLE": "variable"}), "dataset", "variable")
    note = "Variables of the collected data, with lengths and origins: define.xml."
    return Listing(records, list(_COLUMNS), keys, list(opens), footnotes=(note, *tell_supplied(view)), source=SOURCE)
