"""What a call of a notebook was given, held against what its parameters are: one rule for all that analysts call."""

from __future__ import annotations

import inspect
import numbers
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, wraps
from pathlib import Path
from textwrap import shorten
from types import SimpleNamespace, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from cgbm1_report.errors import ArgumentError, Problem

_P = ParamSpec("_P")
_R = TypeVar("_R")
#: What kinds of values are called.
_WORDS = {str: "a text", int: "a whole number", bool: "True or False", Path: "a path", type(None): "None"}
_TUPLES = (tuple, list)
#: What was given is told in so many letters.
_MOST = 60


def checked(*own: str, called: str = "") -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Refuse what a function is given that its annotations do not name, all of it at once; ``own`` it refuses itself.

    The rule of the message is ``called``; without it the method of the object, as ``study.find``.
    """

    def decorate(call: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(call)

        @cache
        def kinds() -> dict[str, Any]:
            # When first called: a class that is being made knows not itself yet. What a call gives back is nobody's to hand in.
            told = {name: kind for name, kind in call.__annotations__.items() if name not in (*own, "return")}
            return get_type_hints(SimpleNamespace(__annotations__=told), call.__globals__)

        @wraps(call)
        def held(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            rule = called or f"{type(args[0]).__name__.lower()}.{call.__name__}"
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError as error:
                takes = ", ".join(str(one).partition(":")[0] for name, one in signature.parameters.items() if name != "self")
                raise ArgumentError(str(error), rule=rule, remedy=f"it takes {takes or 'nothing'}") from None
            # What stands for any number of named values is annotated by the kind of each: its function asks them.
            several = {name for name, one in signature.parameters.items() if one.kind is one.VAR_KEYWORD}
            require_kinds({name: given[name] for name in given if name in kinds() and name not in several}, kinds(), rule)
            return call(*args, **kwargs)

        return held

    return decorate


def require_kinds(given: Mapping[str, Any], kinds: Mapping[str, Any], rule: str, place: str = "") -> None:
    """Refuse values that are of none of the kinds of their names, all at once.

    Raises
    ------
    ArgumentError
        As said.
    """
    problems = [
        Problem(f"{name} is not {_say(kinds[name])}: {shorten(repr(value), _MOST)}", "", rule, place, _remedy(kinds[name]))
        for name, value in given.items()
        if not _is_of(value, kinds[name])
    ]
    if problems:
        raise ArgumentError.of(problems)


def _is_of(value: Any, kind: Any) -> bool:
    origin = get_origin(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return True
    if kind is None:
        return value is None
    if origin in (Union, UnionType):
        return any(_is_of(value, one) for one in get_args(kind))
    if origin is Literal:
        # Which of the words there are, its function says.
        return any(_is_of(value, type(one)) for one in get_args(kind))
    if kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if kind is Path:
        return isinstance(value, os.PathLike)
    if origin is tuple:
        parts = get_args(kind)
        return isinstance(value, _TUPLES) and (parts[-1] is not Ellipsis or all(_is_of(one, parts[0]) for one in value))
    return isinstance(value, origin or kind)


def _say(kind: Any) -> str:
    """What a value may be, in words."""
    *words, last = dict.fromkeys(word for word in _words(kind) if word != _WORDS[type(None)])
    return f"{', '.join(words)} or {last}" if words else last


def _remedy(kind: Any) -> str:
    return f"give {_say(kind)}{', or leave it out' if _is_of(None, kind) else ''}"


def _words(kind: Any) -> Iterator[str]:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        for one in get_args(kind):
            yield from _words(one)
    elif origin is Literal:
        yield from (repr(one) for one in get_args(kind))
    elif origin is tuple:
        yield "a tuple of texts" if get_args(kind)[:1] == (str,) else "a tuple"
    elif isinstance(origin or kind, type) and issubclass(origin or kind, Mapping):
        yield 'names with their values, as {"AESER": "Y"}'
    elif origin is not None and issubclass(origin, Callable):  # type: ignore[arg-type]
        yield "a function"
    elif isinstance(origin, type) and issubclass(origin, Collection):
        yield "several values"
    else:
        yield _WORDS.get(kind, f"a {getattr(kind, '__name__', kind)}")
