"""No notebook changes what is counted or printed: it works on copies, and a changed file stops the build."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build import make as builder
from cgbm1_report.build.gate import Data, read_data
from cgbm1_report.build.look import write_template
from cgbm1_report.build.results import join_results
from cgbm1_report.errors import ReportError
from cgbm1_report.notebook.receipts import Executed, Witness, digest_of
from cgbm1_report.notebook.run import NotebookJob
from cgbm1_report.notebook.session import open_report
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.tabulate.files import file_stem
from tests.test_notebooks import write_notebook
from tests.test_report import PILOT

NUMBER = "T14.3.1.2.1"
PARAMETERS = "folder = ''\nphase = 1\ndose_group = 'all'"
OPEN = "import cgbm1_report as cg\nreport = cg.open_report(folder, phase, dose_group)"
SHOW = f"report.show({NUMBER!r})"


@pytest.fixture(scope="module")
def data(pilot_cut) -> Data:
    return read_data(pilot_cut, read_trial(PILOT))


def begin(work: Path, data: Data) -> tuple[builder.Request, str]:
    """The folder of a build as its notebooks find it, and the SHA-256 of its manifest."""
    request = builder.Request(cut=work, only=(NUMBER,), formats=("html", "pdf"), jobs=1)
    work.mkdir()
    write_template(work, None)
    return request, builder._write_inputs(work, PILOT, read_trial(PILOT), request, data)


def make(folder: Path, data: Data, *notebooks: tuple[str, ...], engine: str = "preloaded") -> pd.DataFrame:
    """Run notebooks, one after the other, as a build does; the results."""
    request, seal = begin(folder / "work", data)
    names = [f"n{at}" for at in range(len(notebooks))]
    jobs = [
        NotebookJob(
            write_notebook(folder / f"{name}.ipynb", *cells, parameters=PARAMETERS),
            Path(f"{name}.ipynb"),
            {"folder": "..", "phase": 1, "dose_group": "all"},
        )
        for name, cells in zip(names, notebooks, strict=True)
    ]
    witness = builder._run(folder / "work", jobs, replace(request, notebook_engine=engine), seal, lambda *_: None)
    join_results(folder / "work", builder._find_shown(folder / "work", request, read_trial(PILOT), jobs), witness)
    return pd.read_parquet(folder / "work" / "ard.parquet")


#: What a cell does to the data it was handed, by value, by array, by attribute, through the protocol.
CHANGES = """
a = report.data["ADSL"]
a.loc[a.AGE > 45, "SAFFL"] = "N"
a["TRT01A"] = "Placebo"
for name in a.columns:
    try:
        a[name].array[:] = a[name].array[0]
    except (ValueError, TypeError):
        pass
for block in a._mgr.blocks:
    try:
        block.values[...] = block.values[..., :1]
    except (ValueError, TypeError):
        pass
report.data["ADAE"].drop(columns="AEDECOD", inplace=True)
report.data["ADSL"].attrs.clear()
ard = report.output("T14.3.1.2.1").ard
ard["stat_fmt"] = ard["stat"] = 0
report.trial.footnotes.clear()
report.trial.phases.clear()
""".strip()


@pytest.mark.parametrize("engine", ["preloaded", "stock"])
def test_what_a_cell_does_to_its_data_reaches_no_output(engine, data, tmp_path):
    for name in ("plain", "changed"):
        (tmp_path / name).mkdir()
    plain = make(tmp_path / "plain", data, (OPEN, SHOW))
    changed = make(tmp_path / "changed", data, (OPEN, CHANGES, SHOW), engine=engine)
    pd.testing.assert_frame_equal(changed, plain)
    # Published: 86, 84 and 84 subjects.
    total = changed[(changed["row"] == '[["TRTEMFL","Y"]]') & (changed["stat_name"] == "N")]
    assert total["stat"].tolist()[:3] == [86, 84, 84]
    for folder in ("outputs", "results"):
        for file in (tmp_path / "plain" / "work" / folder).iterdir():
            assert file.read_bytes() == (tmp_path / "changed" / "work" / folder / file.name).read_bytes()


ADSL = "from pathlib import Path\nimport pandas as pd\nfile = Path('../adam/adsl.parquet')\nwas = file.read_bytes()\n"
REWRITE = ADSL + "pd.read_parquet(file).assign(SAFFL='N').to_parquet(file)"

#: What a notebook does after it has shown its output, and what a later one does; the file; what is said of it.
OWN_TOUCHES = (
    (REWRITE, "adam/adsl.parquet", "was changed"),
    ("Path('../adam/adae.parquet').unlink()", "adam/adae.parquet", "was removed"),
    ("Path('../adam/adxx.parquet').write_bytes(was)", "adam/adxx.parquet", "was added"),
    (
        f"file = '../results/{NUMBER}.parquet'\npd.read_parquet(file).assign(stat=0).to_parquet(file)",
        f"results/{NUMBER}.parquet",
        "was changed",
    ),
    ("open('../results/T9.parquet', 'w')", "results/T9.parquet", "was added"),
    ("open('../report.html', 'w')", "report.html", "was added"),
    ("open('../findings.csv', 'a').write(' ')", "findings.csv", "was changed"),
)
LATER_TOUCHES = (
    (
        "file = Path('../adam/adlb.parquet')\nfile.rename('adlb.parquet'); file.symlink_to('../notebooks/adlb.parquet')",
        "adam/adlb.parquet",
        "was changed",
    ),
    (f"open('../results/{NUMBER}.printed.json', 'ab').write(b' ')", f"results/{NUMBER}.printed.json", "was changed"),
    (f"open('../outputs/{file_stem(NUMBER)}.json', 'a').write(' ')", f"outputs/{file_stem(NUMBER)}.json", "was changed"),
    ("open('../trial.yaml', 'a').write(' ')", "trial.yaml", "was changed"),
    ("open('../manifest.json', 'a').write(' ')", "manifest.json", "was changed"),
    (
        "text = open('n0.ipynb').read().replace('A heading', 'No heading')\nopen('n0.ipynb', 'w').write(text)",
        "notebooks/n0.ipynb",
        "was changed",
    ),
)


def test_every_changed_file_stops_the_build_and_is_named_with_the_notebook(data, tmp_path):
    """Files are looked at outside the notebook: no engine has a part in it."""
    own, later = ([code for code, _, _ in touches] for touches in (OWN_TOUCHES, LATER_TOUCHES))
    with pytest.raises(ReportError) as error:
        make(tmp_path, data, (OPEN, SHOW, *own), ("from pathlib import Path", *later))
    told = {(problem.file, problem.message, problem.place) for problem in error.value.problems}
    wanted = {(file, said, "n0.ipynb") for _, file, said in OWN_TOUCHES} | {
        (file, said, "n1.ipynb") for _, file, said in LATER_TOUCHES
    }
    assert told == {(file, f"{said} while the notebooks ran", by) for file, said, by in wanted}


def test_data_rewritten_shown_and_put_back_are_refused_when_they_are_read(data, tmp_path):
    with pytest.raises(ReportError, match=r"adsl\.parquet: was changed since the build wrote it"):
        make(tmp_path, data, (OPEN, REWRITE, SHOW, "file.write_bytes(was)"))


def test_notebook_that_changed_the_data_is_named_though_another_one_fails_by_it(data, tmp_path):
    with pytest.raises(ReportError) as error:
        make(tmp_path, data, (REWRITE,), (OPEN, SHOW))
    first, second = error.value.problems
    assert (first.file, first.place) == ("adam/adsl.parquet", "n0.ipynb")
    assert second.file.endswith("n1.ipynb")


def test_manifest_that_allows_the_changed_data_is_refused_too(data, tmp_path):
    forge = (
        "import hashlib, json\nmanifest = json.loads(Path('../manifest.json').read_text())\n"
        "manifest['files']['adam/adsl.parquet'] = hashlib.sha256(file.read_bytes()).hexdigest()\n"
        "Path('../manifest.json').write_text(json.dumps(manifest))"
    )
    with pytest.raises(ReportError, match=r"manifest\.json: was changed since the build wrote it"):
        make(tmp_path, data, (REWRITE, forge, OPEN, SHOW))


def test_files_a_notebook_leaves_in_its_own_folder_are_its_own(data, tmp_path):
    make(tmp_path, data, (OPEN, SHOW, "open('picture.png', 'w')"))
    assert (tmp_path / "work" / "notebooks" / "picture.png").is_file()


def test_executed_notebook_holds_no_receipts(data, tmp_path):
    make(tmp_path, data, (OPEN, SHOW))
    cells = json.loads((tmp_path / "work" / "notebooks" / "n0.ipynb").read_text())["cells"]
    shown = [output for cell in cells for output in cell.get("outputs", ())]
    # Where it stands in the report is all that is told of it.
    assert [list(output["metadata"]) for output in shown] == [["cgbm1_report_place"]]


def test_one_output_that_two_notebooks_show_differently_is_refused(tmp_path):
    (tmp_path / "outputs").mkdir()
    witness = Witness(tmp_path)
    for name in ("a.ipynb", "b.ipynb"):
        witness.start(name)
        (tmp_path / "outputs" / "T1.json").write_text(name)
        witness.end(name, Executed(receipts={"outputs/T1.json": digest_of(tmp_path / "outputs" / "T1.json")}))
    with pytest.raises(ReportError, match=r"outputs/T1\.json: b\.ipynb: is another output in b\.ipynb than in a\.ipynb"):
        witness.refuse_changes()


def test_what_changes_after_the_notebooks_is_seen_before_the_build_appears(tmp_path):
    (tmp_path / "adam").mkdir()
    (tmp_path / "adam" / "adsl.parquet").write_text("data")
    witness = Witness(tmp_path)
    witness.refuse_changes()
    witness.refuse_change_of("adam/")
    (tmp_path / "adam" / "adsl.parquet").write_text("others")
    with pytest.raises(ReportError, match=r"adam/adsl\.parquet: was changed"):
        witness.refuse_change_of("adam/")


def test_finished_build_that_was_changed_is_not_explored(data, tmp_path):
    make(tmp_path, data, (OPEN, SHOW))
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "work", copy)
    assert len(open_report(copy).data["ADSL"]) == 254
    with (copy / "adam" / "adsl.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ReportError, match="was changed since the build wrote it"):
        open_report(copy).data["ADSL"]
    with (copy / "trial.yaml").open("ab") as file:
        file.write(b" ")
    with pytest.raises(ReportError, match=r"trial\.yaml: was changed"):
        open_report(copy)
