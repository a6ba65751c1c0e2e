"""The review that a package is made for: found among those the trial declares, and said in words."""

from __future__ import annotations

from cgbm1_report.errors import PlanError, Problem, suggest
from cgbm1_report.protocol.packages import Package, packages
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.view import Review


def settle_review(package: Package, dose_group: str | None, review: str | None, trial: Trial) -> Review | None:
    """The review a package is made for, in the trial's own names; None of a package that is of no review.

    Raises
    ------
    PlanError
        The trial has no such package; the dose group or the review is missing, unknown or not asked for. All at once.
    """
    phase = package.phase_in(trial)
    if phase is None:
        raise PlanError(
            f"package {package.name} cannot be made: {package.obstacle(trial)}", rule="--package", remedy="leave it out"
        )
    reviews = trial.dose_escalation.reviews if trial.dose_escalation and package.reviewed else {}
    asked = (
        (
            "--dose-group",
            "dose group",
            "" if dose_group == ALL_GROUPS else dose_group or "",
            [arm.armcd for arm in trial.arms_of(phase)],
        ),
        ("--review", "review", review or "", [name.lower() for name in reviews]),
    )
    problems, found = [], []
    for option, what, given, known in asked:
        name = next((one for one in known if one.casefold() == given.strip().casefold()), "")
        found.append(name)
        if package.reviewed and not name:
            told = f"{what} {given!r} is none of package {package.name}" if given else f"package {package.name} is of one {what}"
            remedy = suggest(given, known) if given else f"name one of {', '.join(known)}"
            problems.append(Problem(told, rule=option, remedy=remedy))
        elif given and not package.reviewed:
            told = f"package {package.name} is of no {what}: it is of the whole phase"
            problems.append(Problem(told, rule=option, remedy=f"leave {option} out"))
    if problems:
        raise PlanError.of(problems)
    return Review(found[0], found[1].upper()) if package.reviewed else None


def tell_packed(number: str, name: str, phase: int | None = None) -> tuple[str, str]:
    """That an output is of a package, and what shows it: of a cut at once, of the package's own build also in Python.

    A build of the report is never said to show it: it holds what such a committee may not see.
    """
    package = packages()[name]
    of_review = ', dose_group="…", review="…"' if package.reviewed else ""
    build = f"cgbm1-report build CUT --package {name}{' --dose-group … --review …' * package.reviewed}"
    opened = f'cg.open_report("BUILD", phase={phase or "…"}, package="{name}"{of_review})'
    remedy = f"cgbm1-report show {number} CUT shows it; in Python build the package ({build}) and open that build, {opened}"
    return f"output {number} is of package {name}", remedy


def tell_review(review: Review, trial: Trial) -> str:
    """The review in words: which it is and of which dose group."""
    reviews = trial.dose_escalation.reviews if trial.dose_escalation else {}
    return f"{reviews.get(review.kind, review.kind.capitalize())} of dose group {trial.arm(review.armcd).heading}"
