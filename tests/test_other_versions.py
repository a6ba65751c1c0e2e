"""What an earlier or a later version of this program wrote is read, or refused with both versions and what to do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.assets import __version__
from cgbm1_report.build.stored import show_stored
from cgbm1_report.compare.results import NAMED, read_results
from cgbm1_report.compare.sides import read_build
from cgbm1_report.errors import PlanError
from cgbm1_report.notebook.session import open_report
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.tabulate.stamped import read_stamp
from cgbm1_report.watch.record import Entry, read_record, write_record
from tests.emit_cases import STAMP
from tests.test_stored import write_build

NEWER, OLDER = "9.9.0", "0.0.1"


def of_version(build: Path, code: str, **stamp: object) -> Path:
    """The build as if another version had written it; of its stamp these keys, or without them where they are None."""
    file = build / "manifest.json"
    told = json.loads(file.read_text())
    told["code"] = code
    told["report"]["stamp"] |= stamp
    told["report"]["stamp"] = {name: value for name, value in told["report"]["stamp"].items() if value is not None}
    file.write_text(json.dumps(told))
    return build


# What the stamp has | which version wrote it | what is said of it
UNKNOWN = {
    "a text": ({"agency": "X"}, NEWER, "does not know its agency"),
    "of another kind": ({"pages": 3}, NEWER, "report.stamp holds what does not belong there"),
    "not what it must": ({"cutoff": None}, OLDER, "needs its cutoff"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_stamp_that_this_version_cannot_read_is_refused_with_both_versions_wherever_it_is_read(case, tmp_path):
    stamp, code, said = UNKNOWN[case]
    build = of_version(write_build(tmp_path / "build"), code, **stamp)
    (build / "trial.yaml").write_text("")
    for read in (lambda: show_stored("T14.3.1.2.1", build), lambda: read_stamp(read_manifest(build), build)):
        with pytest.raises(PlanError) as caught:
            read()
        (problem,) = caught.value.problems
        assert problem.message.startswith(f"was built by cgbm1-report {code}, and this is cgbm1-report {__version__}")
        assert said in problem.message
        assert problem.file == str(build / "manifest.json")
        assert problem.remedy == f"open it with cgbm1-report {code}, or build it again with this version"


def test_stamp_of_an_earlier_version_is_read_without_what_came_later(tmp_path):
    build = of_version(write_build(tmp_path / "build"), OLDER, supplied=None, status=None)
    assert read_stamp(read_manifest(build), build).cutoff == STAMP.cutoff
    assert show_stored("T14.3.1.2.1", build)


def test_nothing_makes_a_stamp_of_a_manifest_by_itself():
    """A key that is new in a later version would end in a fault of the program."""
    package = Path(__file__).parents[1] / "cgbm1_report"
    found = [path.name for path in package.rglob("*.py") if "Stamp(**" in path.read_text(encoding="utf-8")]
    assert found == ["stamped.py"]


def test_output_that_another_version_wrote_otherwise_names_both_versions(tmp_path):
    build = of_version(write_build(tmp_path / "build"), NEWER)
    file = build / "outputs" / "t-14-3-1-2-1.json"
    told = json.loads(file.read_text())
    del told["columns"]
    file.write_text(json.dumps(told))
    manifest = json.loads((build / "manifest.json").read_text())
    manifest["files"]["outputs/t-14-3-1-2-1.json"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (build / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PlanError, match=rf"was built by cgbm1-report {NEWER}, and this is cgbm1-report .*columns"):
        show_stored("T14.3.1.2.1", build)


def test_results_without_a_column_are_refused_with_both_versions(tmp_path):
    build = of_version(write_build(tmp_path / "build"), OLDER)
    file = build / "ard.parquet"
    pd.DataFrame([("T14.3.1.2.1", "[]", "Low", "tabulate", "n", 1.0, "1")], columns=[*NAMED, "stat", "stat_fmt"]).to_parquet(file)
    manifest = json.loads((build / "manifest.json").read_text())
    manifest["files"]["ard.parquet"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (build / "manifest.json").write_text(json.dumps(manifest))
    assert list(read_results(file)) == [*NAMED, "stat", "stat_fmt"]
    with pytest.raises(PlanError, match=rf"built by cgbm1-report {OLDER}.*it has no subjects"):
        read_build(build)


def test_build_of_another_version_is_refused_before_its_protocol_is_read(tmp_path):
    build = of_version(write_build(tmp_path / "build"), NEWER, pages=3)
    with pytest.raises(PlanError, match=rf"was built by cgbm1-report {NEWER}"):
        open_report(build)


def written(out: Path, program: str, **changed: object) -> dict[str, object]:
    """A status of one cut as this program wrote it; keys of the cut changed, or gone where they are None."""
    write_record(out, [Entry("one", state="done")], {"program": program})
    content = json.loads((out / "status.json").read_text())
    content["cuts"][0] |= changed
    content["cuts"][0] = {name: value for name, value in content["cuts"][0].items() if value is not None}
    (out / "status.json").write_text(json.dumps(content))
    return content


@pytest.mark.parametrize(("changed", "said"), [({"priority": 3}, "priority"), ({"state": "paused"}, "the state paused")])
def test_status_of_a_later_watch_says_who_wrote_it_and_what_is_not_known(tmp_path, changed, said):
    written(tmp_path, f"cgbm1-report {NEWER}", **changed)
    with pytest.raises(PlanError, match=rf"was written by cgbm1-report {NEWER}, and this is .*, which does not know {said}"):
        read_record(tmp_path)


def test_status_of_an_earlier_watch_is_read_without_what_came_later(tmp_path):
    written(tmp_path, f"cgbm1-report {OLDER}", same_as=None, findings_written=None)
    assert read_record(tmp_path) == {"one": Entry("one", state="done")}


def test_status_of_this_version_that_lacks_a_key_was_changed_by_somebody(tmp_path):
    written(tmp_path, f"cgbm1-report {__version__}", same_as=None)
    with pytest.raises(PlanError, match="is not as a watch wrote it"):
        read_record(tmp_path)
