"""The protocol as it were with other switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import pandas as pd

from cgbm1_report.errors import ArgumentError, find_near
from cgbm1_report.notebook.found import Found
from cgbm1_report.protocol.trial import Trial


def list_switches(trial: Trial) -> pd.DataFrame:
    """By name: what a switch decides, its value in this protocol, and the values that it may have."""
    known = type(trial.switches).model_fields
    told = [
        (name, one.title, getattr(trial.switches, name), " or ".join(map(str, _values_of(one.annotation))))
        for name, one in known.items()
    ]
    return Found(pd.DataFrame(told, columns=["switch", "decides", "value", "may be"]).set_index("switch"))


def _values_of(kind: Any) -> tuple[object, ...]:
    return get_args(kind) if get_origin(kind) is Literal else (False, True)


def switch_protocol(trial: Trial, switches: Mapping[str, Any]) -> Trial:
    """The protocol with other switches.

    Raises
    ------
    ReportError
        There is no such switch, or it has no such value; which there are is told.
    """
    from pydantic import ValidationError

    known = type(trial.switches).model_fields
    if not switches:
        remedy = f"name one with its value: {', '.join(known)}"
        raise ArgumentError("no switch is named", rule="trial.yaml: switches", remedy=remedy)
    if unknown := sorted(set(switches) - set(known)):
        meant = dict.fromkeys(one for name in unknown for one in find_near(name, known, 1))
        told = f"did you mean {', '.join(meant)}? " if meant else ""
        remedy = f"{told}there are {', '.join(known)}"
        raise ArgumentError(f"{', '.join(unknown)} is no switch", rule="trial.yaml: switches", remedy=remedy)
    for name, value in switches.items():
        may_be = _values_of(known[name].annotation)
        if not any(type(value) is type(one) and value == one for one in may_be):
            told = f"{name} is not {value!r}"
            raise ArgumentError(told, rule="trial.yaml: switches", remedy=f"it may be {' or '.join(map(repr, may_be))}")
    try:
        chosen = type(trial.switches).model_validate({**trial.switches.model_dump(), **switches})
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ArgumentError(said, rule="trial.yaml: switches", remedy="name a value that the switch has") from error
    return trial.model_copy(update={"switches": chosen})
