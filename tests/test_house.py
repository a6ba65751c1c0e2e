"""Rules of the house that no linter knows: the program handles columns, never one record after another."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "cgbm1_report"

#: Steps of the way that work on records. What prints texts (outputs, emit, define, pages) may go through rows.
STEPS = ("iso8601.py", "read", "validate", "derive", "analyse", "build/gate.py")
#: Loops over a handful of rows, each for its reason: findings, rules and problems, never data.
FEW = {
    "read/supp.py": "the first twenty problems of a kind",
    "validate/findings.py": "findings",
    "validate/laboratory.py": "declared conversions",
}


def sources() -> list[Path]:
    paths = [PACKAGE / step for step in STEPS]
    return sorted(file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path]))


def find_row_loops(code: str) -> list[str]:
    """Calls that go through a frame record by record, each with its line."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name = node.func.attr
        if name in {"iterrows", "itertuples"} or (name == "apply" and _goes_by_row(node)):
            found.append(f"line {node.lineno}: {name}")
    return found


def _goes_by_row(call: ast.Call) -> bool:
    axes = [keyword.value for keyword in call.keywords if keyword.arg == "axis"] + call.args[1:2]
    return any(isinstance(axis, ast.Constant) and axis.value in (1, "columns") for axis in axes)


@pytest.mark.parametrize(
    ("code", "loops"),
    [
        ("for i, row in frame.iterrows(): pass", ["line 1: iterrows"]),
        ("x = [r for r in frame.itertuples()]", ["line 1: itertuples"]),
        ("frame.apply(f, axis=1)", ["line 1: apply"]),
        ("frame.apply(f, 'columns')", ["line 1: apply"]),
        ("frame.apply(f)", []),
        ("frame.min(axis=1)", []),
    ],
)
def test_loop_over_records_is_seen(code: str, loops: list[str]) -> None:
    assert find_row_loops(code) == loops


def test_every_step_that_works_on_records_is_read() -> None:
    assert {step for step in STEPS if not (PACKAGE / step).exists()} == set()


@pytest.mark.parametrize("file", [pytest.param(file, id=str(file.relative_to(PACKAGE))) for file in sources()])
def test_no_step_goes_through_records_one_by_one(file: Path) -> None:
    if file.relative_to(PACKAGE).as_posix() not in FEW:
        assert find_row_loops(file.read_text(encoding="utf-8")) == []


def find_errors_of_no_kind(code: str) -> list[str]:
    """Places that make a ReportError itself: a job could not tell whose it is to mend."""
    calls = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    named = [call.value if isinstance(call, ast.Attribute) and call.attr == "of" else call for call in calls]
    return [f"line {name.lineno}" for name in named if isinstance(name, ast.Name) and name.id == "ReportError"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("raise ReportError('x', file=f)", ["line 1"]),
        ("def f():\n    return ReportError.of(problems)", ["line 2"]),
        ("raise DataError('x')", []),
        ("raise PlanError.of(problems)", []),
        ("try: f()\nexcept ReportError as error: raise type(error)('x')", []),
    ],
)
def test_error_of_no_kind_is_seen(code: str, found: list[str]) -> None:
    assert find_errors_of_no_kind(code) == found


def test_every_error_says_whose_it_is_to_mend() -> None:
    """`DataError`, `PlanError`, `ToolError`, `ProofError`, `WritingError` or `BusyError` (errors.py), never the base."""
    found = {
        file.relative_to(PACKAGE).as_posix(): find_errors_of_no_kind(file.read_text(encoding="utf-8"))
        for file in PACKAGE.rglob("*.py")
    }
    assert {name: places for name, places in found.items() if places} == {}


# ---- what tests may invent

#: The one place of the tests that makes stamps: as the product makes them, and of hostile texts.
MAKER = "drawn.py"


def find_stamps(code: str) -> list[str]:
    """Places that put a stamp together: it may say what `make_stamp` never says, and then nobody sees what a report says."""
    calls = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [f"line {call.lineno}" for call in calls if "Stamp" in (getattr(call, "id", ""), getattr(call, "attr", ""))]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("STAMP = Stamp('XY', 'Draft', '', '', '')", ["line 1"]),
        ("made = table.Stamp(**texts)", ["line 1"]),
        ("STAMP = stamp_of(TRIAL)", []),
        ("def f(stamp: Stamp): return replace(stamp, paper='letter')", []),
    ],
)
def test_stamp_that_is_put_together_is_seen(code: str, found: list[str]) -> None:
    assert find_stamps(code) == found


def test_tests_take_their_stamps_from_one_place() -> None:
    found = {file.name: find_stamps(file.read_text(encoding="utf-8")) for file in Path(__file__).parent.rglob("*.py")}
    assert found.pop(MAKER) != [], "the maker is there"
    assert {name: places for name, places in found.items() if places} == {}


# ---- what a room may know


#: Rooms that print any trial, and so know no word of any disease, organ or drug.
ROOMS = ("emit", "render", "readback", "analyse", "tabulate", "build", "notebook")

#: Sixty words of medicine; with a hyphen behind, the beginnings of words. Not among them are words of any trial's structure:
#: subject, treatment, arm, dose group, dose escalation, phase, population, visit, baseline, screening, cohort, blinding,
#: randomisation, reference; nor names of statistics, as Kaplan-Meier, hazard and censoring. A process may die, and a file
#: has a stem.
CLINICAL = frozenset([
    "liver", "hepat-", "bilirubin", "creatinine", "albumin", "platelet", "sodium", "potassium", "ammonia",
    "haemoglobin", "hemoglobin", "prothrombin", "lactulose", "aclf", "meld", "clif", "icg", "elastograph-",
    "fibroscan", "ascites", "encephalopath-", "varice-", "bleeding", "sepsis", "septic", "infection", "virus", "hbv",
    "dialysis", "transplant-", "death", "fatal", "mortal-", "surviv-", "adverse", "serious", "toxicit-", "dlt",
    "infus-", "mesenchym-", "tumor", "tumour", "cancer", "ctcae", "meddra", "whodrug", "medicat-", "comorbid-",
    "complication", "hospital-", "disease", "symptom", "pregnan-", "immunogen-", "antibod-", "teae", "aesi", "sae",
    "allerg-", "placebo",
])  # fmt: skip
#: Contexts of results are named as R's cardx names them, by the package ``survival``.
NAMES_OF_R = re.compile(r"\bsurvival_surv(?:fit_diff|fit|diff)\b")


def find_clinical_words(code: str) -> list[str]:
    """Words of medicine in code, texts and comments alike; names are taken apart at underscores and capitals."""
    found = []
    for number, line in enumerate(code.splitlines(), start=1):
        words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", NAMES_OF_R.sub("", line))}
        found += [f"line {number}: {word}" for word in sorted(words) if _is_clinical(word)]
        if re.search(r"dose.limiting", line, re.IGNORECASE):
            found.append(f"line {number}: dose-limiting")
    return found


def _is_clinical(word: str) -> bool:
    whole = {word, word.removesuffix("s"), word.removesuffix("es")}
    return bool(whole & CLINICAL) or any(word.startswith(one[:-1]) for one in CLINICAL if one.endswith("-"))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def count_deaths(): pass", ["line 1: deaths"]),
        ("class LiverTest: pass", ["line 1: liver"]),
        ("x = 'MELD score'", ["line 1: meld"]),
        ("y = 1\n# hepatic impairment", ["line 2: hepatic"]),
        ("DLT = 'dose-limiting'", ["line 1: dlt", "line 1: dose-limiting"]),
        ("survival_at(curve)", ["line 1: survival"]),
        ("SURVFIT = 'survival_survfit'", []),  # as R names it
        ("deliver(melded, sodiums, 'process died', file.stem)", ["line 1: sodiums"]),
        ("subject, arm, dose_group, phase, baseline = row", []),
    ],
)
def test_clinical_word_is_seen(code: str, words: list[str]) -> None:
    assert find_clinical_words(code) == words


def test_sixty_words_are_looked_for() -> None:
    assert len(CLINICAL) == 60


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_that_print_any_trial_know_no_clinical_word(room: str) -> None:
    files = sorted((PACKAGE / room).rglob("*.py"))
    assert files
    found = {file.relative_to(PACKAGE).as_posix(): find_clinical_words(file.read_text(encoding="utf-8")) for file in files}
    assert {name: words for name, words in found.items() if words} == {}
    assert [file.name for file in files if find_clinical_words(file.stem)] == []


# ---- how large the house is


def test_root_of_the_package_has_at_most_ten_modules() -> None:
    assert len([file for file in PACKAGE.glob("*.py") if file.name != "__init__.py"]) <= 10


def test_no_module_has_more_than_four_hundred_lines() -> None:
    lines = {
        file.relative_to(PACKAGE).as_posix(): len(file.read_text(encoding="utf-8").splitlines()) for file in PACKAGE.rglob("*.py")
    }
    assert {name: count for name, count in lines.items() if count > 400} == {}


#: Outputs that are declared in more lines than an ordinary one, each for its reason.
LONG = {
    "disposition": "an account: its rows are of one course, and stand in one list",
    "flow": "a picture of that account",
    "survival_table": "estimates and comparisons as outcomes ask for them",
    "individual_profiles": "a picture, the numbers it shows and what it says in words",
    "liver_boxes": "a picture, the numbers it shows and what it says in words",
    "edish": "a picture, the numbers it shows and what it says in words",
    "liver_injury": "criteria against three baselines",
}


def test_an_ordinary_output_is_declared_in_twenty_five_lines() -> None:
    """From the decorator to the last line of the function; ``pytest -s`` prints how they are distributed."""
    lines: dict[str, int] = {}
    for file in sorted((PACKAGE / "outputs").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(_declares(one) for one in node.decorator_list):
                lines[node.name] = (node.end_lineno or 0) - node.decorator_list[0].lineno + 1
    counts = sorted(lines.values())
    told = [
        f"{low:3d} to {low + 4:2d} lines: {sum(low <= count < low + 5 for count in counts)}" for low in range(1, counts[-1] + 1, 5)
    ]
    sys.stdout.write("\n".join(["", f"{len(counts)} declarations, median {counts[len(counts) // 2]} lines", *told, ""]))
    assert {name: count for name, count in lines.items() if count > 25 and name not in LONG} == {}
    assert LONG.keys() <= lines.keys(), "no output of that name"
    assert len(LONG) < len(lines) / 5, "the few"


def _declares(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id in ("output", "family")
