"""Every kind of leaf of trial.yaml is heard: changed, it is refused or something that is reported changes.

What changes nothing but the documentation of methods must stand in the file's documentation. The kinds
that are not heard yet stand in ``leaves_still_silent.txt``, which can only get shorter.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cgbm1_report.protocol.sections import Frozen
from tests.trial_leaves import HEARD_BY, OUTCOMES, ask_kind, leaves_by_kind
from tests.trial_way import FILE, STOPPED, WHOLE, Way, field_of, make_trial, make_way, protocol, record_reads, steps

#: The section of trial.yaml whose words decide nothing.
DOCUMENTATION = "documentation."

#: Kinds that are read by nobody, or whose value changes nothing. A kind that is mended is taken out.
STILL_SILENT = frozenset((Path(__file__).parent / "leaves_still_silent.txt").read_text("utf-8").split())


@pytest.fixture(scope="module")
def way(shared_folder: Path) -> Way:
    return make_way(shared_folder)


def _asked(kind: str) -> object:
    """A kind that is not heard yet is named in each run, and may be mended at any time."""
    marks = [pytest.mark.xfail(reason="not heard yet", strict=False)] if kind in STILL_SILENT else []
    return pytest.param(kind, marks=marks)


@pytest.mark.parametrize("kind", [_asked(kind) for kind in leaves_by_kind()])
def test_a_changed_leaf_is_refused_or_changes_what_is_reported(
    kind: str, way: Way, record_property: Callable[[str, object], None]
) -> None:
    answer = ask_kind(kind, way)
    record_property("tallied", ("kinds of leaf of trial.yaml", answer.outcome, OUTCOMES))
    expected = {"documentation", "refused"} if kind.startswith(DOCUMENTATION) else {"refused", "changed"}
    assert answer.outcome in expected, f"{kind}: {answer.outcome} {answer.where}"


def test_the_lists_of_what_is_not_heard_name_kinds_that_are_there() -> None:
    assert not STILL_SILENT - leaves_by_kind().keys()


def test_the_steps_known_to_hear_a_kind_and_their_kinds_are_there() -> None:
    assert not HEARD_BY.keys() - leaves_by_kind().keys()
    assert not set(HEARD_BY.values()) - {step.name for step in steps()}


def test_every_kind_of_leaf_is_asked_for_on_the_way(way: Way) -> None:
    """The recorder: a kind none of whose leaves any step asks for is read by nobody."""
    asked = frozenset().union(*way.asked.values())
    unasked = {
        kind for kind, leaves in leaves_by_kind().items() if not any(field_of(leaf.place, way.trial) in asked for leaf in leaves)
    }
    assert unasked <= STILL_SILENT


def test_all_derivations_ask_for_nothing_that_none_of_them_asks_for(way: Way) -> None:
    """Then they are heard one by one, and all of them need not be made after each change."""
    names = [step.name for step in steps() if step.name.startswith(("derive_", "add_"))]
    assert len(names) > 15
    assert way.asked[WHOLE] <= frozenset().union(*(way.asked[name] for name in names))


def test_no_step_stops_before_anything_is_changed(way: Way) -> None:
    """A step that stops on trial.yaml as it is would hear nothing."""
    assert not {name: made for name, made in way.made.items() if isinstance(made, str) and made.startswith(STOPPED)}


def test_the_recorder_sees_what_is_asked_for_and_nothing_else() -> None:
    trial = make_trial(protocol(), FILE)
    with record_reads(trial) as asked:
        assert trial.arms[1].armcd
        assert trial.arm(trial.arms[0].armcd)
    assert (("arms", 1), "armcd") in asked
    assert (("arms", 1), "column") not in asked
    assert "__getattribute__" not in vars(Frozen)
