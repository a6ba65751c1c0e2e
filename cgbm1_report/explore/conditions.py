"""Conditions on records as people write them, true, false or neither of each: what is compared with a missing value is neither.

pandas takes a missing value for one that differs from every other, so that "is not Y" and "not in" would hold of whoever has none.
As in SQL, nothing is known of those here, whatever the condition negates.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping

import pandas as pd

#: Signs that pandas reads as these words; they bind as the words do.
_WORDS = {"&": "and", "|": "or"}
#: What asks whether a value is missing, or puts another in its place, has an answer for those that are.
_ANSWERS_MISSING = frozenset({"isna", "isnull", "notna", "notnull", "fillna"})


def hold_condition(frame: pd.DataFrame, condition: str) -> pd.Series | None:
    """Of each record whether a condition holds; missing where a value that decides it is missing.

    Parts joined by "and", "or" and "not" are asked one by one, and joined by the rules of three values (Kleene).

    Returns
    -------
    Series of boolean, or None
        None where it, or a part of it, is no condition.

    Raises
    ------
    Exception
        What pandas raises where a part cannot be asked.
    """
    try:
        tree = ast.parse(_as_words(condition).strip(), mode="eval").body
    except (SyntaxError, tokenize.TokenError, ValueError):
        # pandas says what is wrong with it, or reads what Python does not, as a name in backticks.
        return _ask(frame, condition, set(), {})
    strange = [name for name in _names(tree) if name == "index" and name not in frame]
    if strange:
        raise NameError(f"name '{strange[0]}' is not defined")
    return _hold(frame, tree)


def _as_words(condition: str) -> str:
    """The condition with the words for its signs, but in texts."""
    read = [(one.type, one.string) for one in tokenize.generate_tokens(io.StringIO(condition).readline)]
    told = [(tokenize.NAME, _WORDS[text]) if kind == tokenize.OP and text in _WORDS else (kind, text) for kind, text in read]
    return tokenize.untokenize(told)


def _hold(frame: pd.DataFrame, node: ast.expr) -> pd.Series | None:
    if isinstance(node, ast.BoolOp):
        parts = [_hold(frame, one) for one in node.values]
        held = [one for one in parts if one is not None]
        if len(held) < len(parts):
            return None
        joined = held[0]
        for one in held[1:]:
            joined = joined & one if isinstance(node.op, ast.And) else joined | one
        return joined
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert)):
        inner = _hold(frame, node.operand)
        return None if inner is None else ~inner
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.NotIn) and len(node.ops) == 1:
        inner = _hold(frame, ast.Compare(node.left, [ast.In()], node.comparators))
        return None if inner is None else ~inner
    names, days = _names(node), _Days()
    if any(pd.api.types.is_datetime64_any_dtype(frame[name]) for name in names if name in frame):
        if (
            isinstance(node, ast.Compare)
            and isinstance(node.ops[0], ast.In)
            and isinstance(node.comparators[0], (ast.List, ast.Tuple))
        ):
            return _hold(
                frame, ast.BoolOp(ast.Or(), [ast.Compare(node.left, [ast.Eq()], [one]) for one in node.comparators[0].elts])
            )
        node = days.visit(node)
    return _ask(frame, ast.unparse(node), set() if _is_asked_of_itself(node) else _names_unanswered(node), days.told)


class _Days(ast.NodeTransformer):
    """Texts that dates are compared with, as days: of a date and a text pandas says that they are never equal."""

    def __init__(self) -> None:
        self.told: dict[str, pd.Timestamp] = {}

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        name = f"_day{len(self.told)}"
        self.told[name] = pd.Timestamp(node.value)
        return ast.Name(name, ast.Load())


def _ask(frame: pd.DataFrame, condition: str, names: set[str], days: Mapping[str, pd.Timestamp]) -> pd.Series | None:
    found = frame.eval(condition, engine="python", local_dict={}, global_dict={}, resolvers=(dict(days),))
    if not isinstance(found, pd.Series) or not pd.api.types.is_bool_dtype(found.dtype):
        return None
    lacking = frame[[name for name in frame if name in names]].isna().any(axis="columns")
    return found.astype("boolean").mask(lacking)


def _names(node: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _names_unanswered(node: ast.AST) -> set[str]:
    """Names whose missing values decide what they stand in: not those of which it is asked, or said, what a missing one is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ANSWERS_MISSING:
        return set()
    own = {node.id} if isinstance(node, ast.Name) else set()
    return own.union(*map(_names_unanswered, ast.iter_child_nodes(node)))


def _is_asked_of_itself(node: ast.expr) -> bool:
    """Whether it asks if a value is there as what is not equal to itself."""
    return isinstance(node, ast.Compare) and ast.unparse(node.left) == ast.unparse(node.comparators[-1])
