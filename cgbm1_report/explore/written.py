"""An output of a notebook written as a file of the package: its function, and the imports and constants it stands on."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from cgbm1_report import outputs
from cgbm1_report.errors import ArgumentError, PlanError, ProofError
from cgbm1_report.explore.own import is_own
from cgbm1_report.outputs.catalogue import Entry
from cgbm1_report.system.whole import write_whole
from cgbm1_report.tabulate.declare import Declaration, forget, last_declared
from cgbm1_report.tabulate.table import Output, Table

_RULE = "study.write_declaration"
_OURS = "cgbm1_report."
_MAKER = "from cgbm1_report.tabulate.declare import output"


def write_declared(entry: Entry, folder: Path | None, make: Callable[[Entry], Output], recount: Callable[[str], object]) -> Path:
    """Write the file of an output of a notebook, once what it declares makes the same as the notebook's function; where it went.

    What ``recount`` refuses is not written.

    Raises
    ------
    ReportError
        The output is the package's already, cannot be written down, or the file is there already.
    ProofError
        The file's output is not the notebook's.
    """
    if not is_own(entry):
        raise ArgumentError(f"{entry.number} is declared in the package", rule=_RULE, remedy="name an output of study.own")
    name = entry.declared.body.__name__
    if folder is not None and (folder.is_file() or folder.suffix == ".py"):
        # As a folder it would be made, and the file in it.
        raise ArgumentError(
            "is no folder", file=folder, rule=_RULE, remedy=f"name the folder: the file is called {name}.py, as the function"
        )
    if folder is not None and not folder.is_dir():
        raise ArgumentError("is no folder", file=folder, rule=_RULE, remedy="make it first, or name another")
    text = write_module(entry.declared)
    target = ((folder or Path(str(outputs.__path__[0]))) / f"{name}.py").resolve()
    recount(entry.number)
    _prove_same(text, name, entry, make)

    def refuse() -> None:
        if target.exists():
            raise PlanError(
                "exists: it is not overwritten", file=target, rule=_RULE, remedy="rename the function, or name a folder"
            )

    refuse()
    write_whole(target, text.encode(), refuse)
    return target


def _prove_same(text: str, name: str, entry: Entry, make: Callable[[Entry], Output]) -> None:
    """Run the text as a file of the package would be, and hold what it declares against the notebook's output."""
    module = ModuleType(f"{outputs.__name__}.{name}")
    if module.__name__ in sys.modules:
        raise PlanError(f"outputs/{name}.py is there already", rule=_RULE, remedy="rename the function")
    try:
        exec(compile(text, f"{name}.py", "exec"), vars(module))  # noqa: S102  # the analyst's own function, written down
        written = replace(entry, declared=last_declared(module.__name__))
        one, other = make(entry), make(written)
    finally:
        forget(module.__name__)
    same = one.ard.equals(other.ard) and (not isinstance(one, Table) or one.rows == getattr(other, "rows", None))
    if not same or one.footnotes != other.footnotes:
        told = f"{entry.number} as it would be written is another output than the notebook's"
        raise ProofError(told, rule=_RULE, remedy="run the cells that it stands on again, in their order")


def write_module(declared: Declaration) -> str:
    """The Python text of a file for ``cgbm1_report/outputs/``: declaration and body as they stand in the notebook.

    What the body calls comes with it: names of the package and of libraries as imports, functions of the notebook whole, constants
    by their values.

    Raises
    ------
    ReportError
        The source is not to be had, the function is not decorated with ``study.own(…)``, or it stands on something that has no text
        of its own, as a frame or a study.
    """
    body = declared.body
    if not isinstance(body, FunctionType):
        raise ArgumentError("is no function of its own", rule=_RULE, place=declared.number, remedy="declare it with def")
    parts = _Parts()
    text = parts.take_output(body)
    doc = f'"""{declared.number}: {declared.title}."""'.replace("\\", "\\\\")
    parts.imports.add(_MAKER)
    head = [doc, "from __future__ import annotations", _join_imports(parts.imports), "\n".join(parts.constants.values())]
    return "\n\n\n".join(["\n\n".join(one for one in head if one), *parts.functions.values(), text]) + "\n"


def _join_imports(lines: set[str]) -> str:
    """Modules first, then what comes out of each, each module once; those of others before the package's own."""
    out: dict[str, list[str]] = {}
    for line in sorted(lines):
        if line.startswith("from "):
            module, _, name = line.removeprefix("from ").partition(" import ")
            out.setdefault(module, []).append(name)
    whole = [line for line in sorted(lines) if line.startswith("import ")]
    others = [f"from {module} import {', '.join(names)}" for module, names in out.items() if not module.startswith(_OURS)]
    ours = [f"from {module} import {', '.join(names)}" for module, names in out.items() if module.startswith(_OURS)]
    return "\n\n".join("\n".join(part) for part in ([*whole, *others], ours) if part)


class _Parts:
    """What a function needs beside itself, found by the names that it uses."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.constants: dict[str, str] = {}
        self.functions: dict[str, str] = {}

    def take_output(self, body: FunctionType) -> str:
        """The decorated function, its decorator that of the package."""
        text, made = _parse(body)
        calls = [one for one in made.decorator_list if isinstance(one, ast.Call) and ast.unparse(one.func).endswith(".own")]
        if len(calls) != 1 or len(made.decorator_list) != 1:
            raise ArgumentError(f"{body.__name__} is not decorated with study.own(…) alone", rule=_RULE, remedy="decorate it so")
        call = calls[0]
        for part in (*call.args, *(one.value for one in call.keywords)):
            self._take_names(part, body)
        self._take_names_of(made, body)
        arguments = (ast.get_source_segment(text, call) or "")[len(ast.get_source_segment(text, call.func) or "") :]
        return f"@output{arguments}\n{_undecorated(text, made)}"

    def _take_function(self, name: str, function: FunctionType) -> None:
        if name in self.functions:
            return
        text, made = _parse(function)
        # Its place is taken before what it calls is looked at: functions may call each other.
        self.functions[name] = ""
        self._take_names_of(made, function)
        del self.functions[name]
        self.functions[name] = _undecorated(text, made)

    def _take_names_of(self, made: ast.FunctionDef, function: FunctionType) -> None:
        for part in (made.args, *made.body, *([made.returns] if made.returns else [])):
            self._take_names(part, function, frozenset(_names_bound(made)))

    def _take_names(self, part: ast.AST, function: FunctionType, own: frozenset[str] = frozenset()) -> None:
        closed = inspect.getclosurevars(function).nonlocals
        for name in sorted(set(_names_in(part)) - own):
            if name in closed:
                self._take(name, closed[name], function)
            elif name in function.__globals__:
                self._take(name, function.__globals__[name], function)
            elif not hasattr(builtins, name):
                self._refuse(name, function, "is nowhere")

    def _take(self, name: str, value: Any, function: FunctionType) -> None:
        if isinstance(value, ModuleType):
            self.imports.add(f"import {value.__name__}" + (f" as {name}" if name != value.__name__ else ""))
        elif isinstance(value, FunctionType) and value.__module__ == function.__module__:
            self._take_function(name, value)
        elif source := _find_source(name, value):
            module, known = source
            self.imports.add(f"from {module} import {known}" + (f" as {name}" if name != known else ""))
        elif _has_text(value):
            self.constants[name] = f"{name} = {value!r}"
        else:
            self._refuse(name, function, f"is a {type(value).__name__}")

    def _refuse(self, name: str, function: FunctionType, why: str) -> None:
        told = f"{function.__name__} stands on {name}, which {why} and cannot be written down"
        remedy = "take data, phases and arms from view; write constants as texts, numbers, tuples or dicts of them"
        raise ArgumentError(told, rule=_RULE, place=name, remedy=remedy)


def _parse(function: FunctionType) -> tuple[str, ast.FunctionDef]:
    try:
        text = textwrap.dedent(inspect.getsource(function))
        made = ast.parse(text).body[0]
    except (OSError, TypeError, SyntaxError) as error:
        raise ArgumentError(
            f"the source of {function.__name__} is not to be had", rule=_RULE, remedy="write it in a cell"
        ) from error
    if not isinstance(made, ast.FunctionDef):
        raise ArgumentError(f"{function.__name__} is no function of its own", rule=_RULE, remedy="declare it with def")
    return text, made


def _undecorated(text: str, made: ast.FunctionDef) -> str:
    return "\n".join(text.splitlines()[made.lineno - 1 : made.end_lineno])


def _names_in(part: ast.AST) -> Iterator[str]:
    return (one.id for one in ast.walk(part) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load))


def _names_bound(made: ast.FunctionDef) -> Iterator[str]:
    """What a function names itself: its arguments, what it assigns, loops over, imports and defines, comprehensions too."""
    for one in ast.walk(made):
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            yield one.id
        elif isinstance(one, ast.arg):
            yield one.arg
        elif isinstance(one, ast.alias):
            yield (one.asname or one.name).partition(".")[0]
        elif isinstance(one, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)) and one.name:
            yield one.name


def _find_source(name: str, value: Any) -> tuple[str, str] | None:
    """The module a thing is imported from and its name there: of the package also what knows no module, as a constant."""
    module, known = getattr(value, "__module__", None), getattr(value, "__name__", name)
    if isinstance(module, str) and module != "__main__" and getattr(sys.modules.get(module), str(known), None) is value:
        return module, str(known)
    if _is_shared(value):
        return None
    ours = [one for one in sys.modules if one.startswith(_OURS) and vars(sys.modules[one]).get(name) is value]
    # Several have it; one made it.
    made = next((one for one in ours if re.search(rf"^{name}\b.*=", inspect.getsource(sys.modules[one]), re.MULTILINE)), None)
    return (made, name) if made else None


def _is_shared(value: Any) -> bool:
    """Whether Python has one object for many equal ones: that some module has it too says nothing."""
    return value is None or isinstance(value, bool | int | str | bytes) or (isinstance(value, tuple) and not value)


def _has_text(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, TypeError):
        return False
