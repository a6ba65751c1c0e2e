"""Tells the keys of trial.yaml and its footnotes in Markdown: `python -m cgbm1_report.define.document > docs/trial-yaml.md`."""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from cgbm1_report.outputs.catalogue import Entry, catalogue
from cgbm1_report.protocol.outcomes import methods_of
from cgbm1_report.protocol.schema import schema_datasets
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.tabulate.declare import Declaration

_INTRODUCTION = """\
# The keys of trial.yaml

Made from the code by `python -m cgbm1_report.define.document > docs/trial-yaml.md`; a test holds the two together.

A key without a value in the column *without it* has to be written; a key that stands nowhere here is refused. Days are elapsed
days: 0 is the day of the first dose. What an output lacks `cgbm1-report list --trial FILE` says, and of the data too
`cgbm1-report validate CUT --trial FILE`.
"""
_METHODS = """
## What outcomes can ask an output for

An outcome that names a number of its own (none of the catalogue: T14.2.30, F14.2.30 and up are free) is answered by an output that
shows these methods; one that names an output of the catalogue by the methods that stand with that output below. Of values at visits
an output shows `summary`, or `change` where the outcome needs a baseline, and what else it is asked for, or models alone. Who
responds [`response`](#response) of the outcome says.

| Dataset | What is told | Methods |
|---|---|---|
"""
_FOOTNOTES = """
## Footnotes by their ids

An output prints footnotes by their ids, and `footnotes` of trial.yaml holds the texts: those of the protocol that comes with the
program stand here. A trial declares those of the outputs that it makes, in words that are true of it. Some are printed only
where the data have what they explain, or where arms are compared.

| Id | The delivered text | Outputs that print it |
|---|---|---|
"""
_OUTPUTS = """
## What each output asks for

Of the delivered protocol; the last digit of a number, the phase, is left out. *Declared* is what of trial.yaml it is not made
without, besides its analysis set. Of `A or B` one variable is enough. *Methods* are those of an outcome that it can answer.

| Output | Analysis set | Footnotes | Declared | Datasets and variables | Methods |
|---|---|---|---|---|---|
"""
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", NoneType: "null"}


def document_trial() -> str:
    """The whole page, as Markdown."""
    trial = read_trial()
    entries = list({entry.declared.number: entry for entry in catalogue(trial, scope="every").values()}.values())
    models = map(_tell_model, _find_models())
    return "".join([_INTRODUCTION, *models, *_tell_methods(), *_tell_footnotes(trial, entries), *_tell_outputs(trial, entries)])


def _find_models() -> list[type[BaseModel]]:
    """Trial, then every model that it holds, as they are met."""
    found: dict[type[BaseModel], None] = {}
    waiting: list[type[BaseModel]] = [Trial]
    while waiting:
        model = waiting.pop(0)
        if model not in found:
            found[model] = None
            waiting += [inner for field in model.model_fields.values() for inner in _models_in(field.annotation)]
    return list(found)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]


def _tell_model(model: type[BaseModel]) -> str:
    """A heading, what the model is, and a line for each key of it."""
    said = inspect.cleandoc(model.__doc__) if model.__doc__ and model.__doc__ != BaseModel.__doc__ else ""
    about = f"\n{_plain(said)}\n" if said and model is not Trial else ""
    comments = _comments(model)
    told = {name: _cell(comments.get(name) or field.title or "") for name, field in model.model_fields.items()}
    rows = [
        f"| `{name}` | {_tell_kind(field.annotation)} | {_tell_default(field)} | {told[name]} |\n"
        for name, field in model.model_fields.items()
    ]
    heading = "The sections" if model is Trial else model.__name__
    return f"\n## {heading}\n{about}\n| Key | Kind | Without it | What it is |\n|---|---|---|---|\n{''.join(rows)}"


def _comments(model: type[BaseModel]) -> dict[str, str]:
    """What the comment above a key says of it, in the source."""
    found: dict[str, str] = {}
    said: list[str] = []
    for line in inspect.getsource(model).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            said.append(text.removeprefix("#:").strip())
        elif said and text.startswith("#"):
            said.append(text.removeprefix("#").strip())
        elif (key := re.match(r"(\w+):", text)) and said:
            found[key[1]], said = " ".join(said), []
        else:
            said = []
    return found


def _tell_kind(annotation: Any) -> str:
    """What stands there, in words; of models the heading that says the rest."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in inner)
    if origin in (typing.Union, UnionType):
        return " or ".join(_tell_kind(one) for one in inner)
    if origin is tuple:
        return (
            f"list of {_tell_kind(inner[0])}"
            if inner[-1] is Ellipsis
            else f"list of {len(inner)}: {', '.join(map(_tell_kind, inner))}"
        )
    if origin is dict:
        return f"{_tell_kind(inner[1])} by {_tell_kind(inner[0])}"
    if origin is typing.Annotated:
        return _tell_kind(inner[0])
    return _WORDS.get(annotation, "value")


def _tell_default(field: Any) -> str:
    if field.default is PydanticUndefined and field.default_factory is None:
        return ""
    value = field.default if field.default_factory is None else field.default_factory()
    if isinstance(value, BaseModel):
        return "as its keys say"
    return (
        "null"
        if value is None
        else "nothing"
        if value in ((), {}, "")
        else f"`{str(value).lower() if isinstance(value, bool) else value}`"
    )


def _tell_methods() -> Iterator[str]:
    yield _METHODS
    for dataset in schema_datasets("adam"):
        for what, methods in methods_of(dataset).items():
            yield f"| {dataset} | {what} | {', '.join(f'`{one}`' for one in methods)} |\n"


def _tell_footnotes(trial: Trial, entries: list[Entry]) -> Iterator[str]:
    yield _FOOTNOTES
    for code, text in trial.footnotes.items():
        printed = ", ".join(entry.declared.number for entry in entries if code in entry.declared.footnotes)
        yield f"| {code} | {_cell(text)} | {printed} |\n"


def _tell_outputs(trial: Trial, entries: list[Entry]) -> Iterator[str]:
    yield _OUTPUTS
    for entry in entries:
        declared: Declaration = entry.declared
        asked = {name: ", ".join(one.replace("|", " or ") for one in variables)
                 for name, variables in declared.variables_in(entry.phase, trial).items() if declared.source}  # fmt: skip
        data = "; ".join(f"{name}: {variables}" for name, variables in asked.items())
        cells = (
            " or ".join(declared.population_codes),
            ", ".join(declared.footnotes),
            ", ".join(declared.needs),
            data,
            ", ".join(declared.methods),
        )
        yield f"| {declared.number} | {' | '.join(map(_cell, cells))} |\n"


def _cell(text: str) -> str:
    return " ".join(_plain(text).split()).replace("|", "\\|")


def _plain(text: str) -> str:
    """A text of ours as Markdown: names in double back quotes are code, and nothing else is a mark."""
    parts = re.split(r"(``?[^`]+``?)", text)
    return "".join(f"`{one.strip('`')}`" if one.startswith("`") else re.sub(r"([*_<>\[\]])", r"\\\1", one) for one in parts)


if __name__ == "__main__":
    sys.stdout.write(document_trial())
