"""14.3.5.2: pregnancy tests and new anti-HLA antibodies, as safety findings."""

from __future__ import annotations

from cgbm1_report.errors import number_of
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, head_row, join_rows
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.table import count
from cgbm1_report.tabulate.view import View

#: What the test before the first infusion said of a dosed woman.
_TESTS = {"Y": "Negative test in time before the first infusion", "N": "No negative test in time, or a positive one"}
_AS_SUPPLIED = {"Y": "PREGFL = Y", "N": "PREGFL = N"}
_NEW = {"TEPOSFL": "Y"}


def _antibody_rows(view: View) -> list[Rows]:
    """Of each antibody who had a sample after the start of treatment, and who is newly positive."""
    results = view.records("ADIS", "PARAMCD", "ONTRTFL", "TEPOSFL")
    sampled = view.say("With a sample after the start of the first infusion", "With a sample flagged ONTRTFL")
    told = {sampled: {"ONTRTFL": "Y"}, view.say("Positive after a negative baseline", "Newly positive (TEPOSFL)"): _NEW}
    parts = []
    for code, label in ((code, own.label) for code, own in view.trial.parameters.items() if own.dataset == "ADIS"):
        key, own = (("PARAMCD", code),), results[results["PARAMCD"] == code]
        rows = [Selection((*key, *chosen.items()), words, choose(own, chosen)) for words, chosen in told.items()]
        parts += [head_row(key, label), count_rows(view, rows, show=count, indent=1)]
    return parts


@output(
    "T14.3.5.2", "Pregnancy and HLA-Ab Safety Findings", population="SAF", source=("ADIS", "ADSL"),
    listings=("L16.2.6.7", "L16.2.8.4"),
    variables={"ADSL": ("SEX", "PREGFL"), "ADIS": ("USUBJID", "PARAMCD", "ONTRTFL", "TEPOSFL")},
    needs={
        "parameters with dataset: ADIS": lambda trial: any(own.dataset == "ADIS" for own in trial.parameters.values()),
        "eligibility.pregnancy_test": lambda trial: bool(trial.eligibility and trial.eligibility.pregnancy_test),
    },
)  # fmt: skip
def safety_findings(view: View) -> Summary:
    """Women by their pregnancy test before the first infusion; subjects with an antibody that they did not have before it."""
    subjects = view.subjects_with("SEX", "PREGFL")
    women = count_rows(view, [Selection((("SEX", "F"),), "Women", subjects[subjects["SEX"] == "F"])], show=count, block=True)
    tested = [
        Selection((("PREGFL", flag),), view.say(words, _AS_SUPPLIED[flag]), subjects[subjects["PREGFL"] == flag])
        for flag, words in _TESTS.items()
    ]
    parts = [women, count_rows(view, tested, show=count, indent=1), *_antibody_rows(view)]
    rule = view.trial.eligibility.pregnancy_test if view.trial.eligibility else None
    days = number_of(rule.days, "day") if rule else ""
    notes = (derived("In time", f"not more than {days} before the first infusion", "PREGFL"),) if rule else ()
    return Summary(*join_rows(parts), "Finding, n", stub_width=4.4, footnotes=notes)
