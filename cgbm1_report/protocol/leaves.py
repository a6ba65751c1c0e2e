"""A value of the protocol by its place in trial.yaml, as ``switches.meld_bounds``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

#: Values that are codes, in words.
CODES = {"none": "not applied", "holm": "by Holm", "unos": "those of UNOS", "by_ae": "where an adverse event says so"}


def find_leaf(trial: BaseModel, place: str) -> tuple[Any, FieldInfo | None]:
    """The value at a place, and the field that declares it where it is one of a model; None in a section that is left out.

    Raises
    ------
    KeyError
        Nothing stands there.
    """
    value: Any = trial
    field = None
    for part in place.split("."):
        if value is None:
            return None, None
        if isinstance(value, BaseModel) and part in type(value).model_fields:
            field, value = type(value).model_fields[part], getattr(value, part)
        elif isinstance(value, Mapping) and part in value:
            field, value = None, value[part]
        else:
            raise KeyError(place)
    return value, field


def say_value(value: Any) -> str:
    """A value in words: yes or no, a number without idle zeros, several one behind the other, ``none`` of an empty one."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return ", ".join(map(say_value, value)) or "none"
    return "none" if value is None else CODES.get(str(value), str(value))


def say_setting(value: Any, field: FieldInfo) -> str:
    """The value of a setting, and its default where it is another."""
    told = say_value(value)
    return f"{told} (default)" if value == field.default else f"{told}; differs from the default: {say_value(field.default)}"
