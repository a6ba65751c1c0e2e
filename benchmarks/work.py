"""One piece of work in a process of its own: `python -m benchmarks.work validate|derive|demo|way|tabulate CUT`.

Fails where the work did not do what its bar is about: too few results, findings that are errors, no ADLB.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cgbm1_report.errors import number_of
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.read.cut import Cut, read_cut
from cgbm1_report.system.collector import collect_rarely

#: Laboratory results the bars are about.
RESULTS = 1_000_000
#: What drawing and estimating load at their first call.
_LOADED = ("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.font_manager", "scipy.stats")
#: What ADLB and the subject variables on it are made of.
SOURCES = ("DM", "DS", "EX", "AE", "CE", "PR", "CM", "SV", "SS", "DD", "TS", "LB", "MB")


def read(folder: Path) -> tuple[Cut, Trial]:
    # A scaled cut was planned otherwise, and says so in a protocol of its own.
    own = folder / "trial.yaml"
    trial = read_trial(own if own.is_file() else None)
    return read_cut(folder, trial), trial


def check_size(cut: Cut) -> None:
    if len(cut.sdtm["LB"]) < RESULTS:
        raise SystemExit(f"LB has {number_of(len(cut.sdtm['LB']), 'row')}, the bar is about {RESULTS}")


def validate(folder: Path) -> None:
    from cgbm1_report.build.gate import validate_everything

    cut, trial = read(folder)
    check_size(cut)
    findings = validate_everything(cut, trial)
    errors = findings[findings["severity"] == "E"]
    if len(errors):
        raise SystemExit(f"a clean cut has {number_of(len(errors), 'error')}:\n{errors.head().to_string()}")


def derive(folder: Path) -> None:
    from cgbm1_report.derive import derive_adam

    cut, trial = read(folder)
    check_size(cut)
    sdtm = {name: cut.sdtm[name] for name in SOURCES if name in cut.sdtm}
    adlb = derive_adam(sdtm, trial, cut.cutoff, cut.src_decisions)["ADLB"]
    if len(adlb) < 0.9 * RESULTS:
        raise SystemExit(f"ADLB has {number_of(len(adlb), 'row')} only")


def demo(folder: Path) -> None:
    from cgbm1_report.derive import derive_adam

    cut, trial = read(folder)
    adam = derive_adam(cut.sdtm, trial, cut.cutoff, cut.src_decisions)
    if not len(adam["ADLB"]):
        raise SystemExit("ADLB is empty")


def way(folder: Path) -> None:
    """The same as `demo`, timed from the first byte read to the last dataset: loading Python's modules is not counted."""
    from importlib import import_module
    from pkgutil import iter_modules

    from benchmarks.measure import timed
    from cgbm1_report import derive

    for module in iter_modules([str(Path(derive.__file__).parent)], "cgbm1_report.derive."):
        import_module(module.name)
    with timed():
        demo(folder)


def tabulate(folder: Path) -> None:
    """Every output of section 14, from the derived data to tables, figures and results; what they are made of is not timed.

    They share their data, as those of a notebook do, and begin as in a notebook: loading Python's modules is not counted, and
    garbage is looked for as seldom.
    """
    from importlib import import_module

    from benchmarks.measure import timed
    from cgbm1_report.build.gate import read_data
    from cgbm1_report.build.stamp import make_stamp
    from cgbm1_report.outputs.catalogue import catalogue, make
    from cgbm1_report.tabulate.shared import Shared

    for module in _LOADED:
        import_module(module)
    collect_rarely()
    trial = read_trial()
    data = read_data(folder, trial)
    stamp = make_stamp(trial, data.cut, pooled=data.pooled)
    entries = [entry for entry in catalogue(trial).values() if entry.section.number.startswith("14.")]
    with timed():
        adam = Shared(data.adam)
        made = [make(entry, trial, adam, stamp, pooled=entry.phase in data.pooled) for entry in entries]
    if not all(len(output.ard) for output in made):
        raise SystemExit("outputs without results were made")


if __name__ == "__main__":
    # As the command line and a notebook's process do.
    collect_rarely()
    {"tabulate": tabulate, "way": way, "validate": validate, "derive": derive, "demo": demo}[sys.argv[1]](Path(sys.argv[2]))
