"""Results in CDISC's Analysis Results Standard: what of a frame of results becomes which part of the reporting event.

``oracles/ars_ldm.schema.json`` is the standard's own JSON schema (its origin stands in it).
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

from cgbm1_report.analyse import numbers
from cgbm1_report.define.ars import METHODS, Reported, describe_results, emit_ars
from cgbm1_report.outputs.catalogue import catalogue
from cgbm1_report.tabulate.results import ARD_COLUMNS, empty_ard
from tests.drawn import draw, our_trial

ORACLES = Path(__file__).parent / "oracles"
SCHEMA = json.loads((ORACLES / "ars_ldm.schema.json").read_text(encoding="utf-8"))
TRIAL = our_trial()
AE, LB = "T14.3.1.2.2", "T14.3.4.1.2"
NOTES = ("A note.", "Another.")


def faults(event: dict) -> list[str]:
    """Where a reporting event is not what the standard's schema asks."""
    validator = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(event)]


def frame(number: str, text: str) -> pd.DataFrame:
    """Results drawn as a table; a row's key is written as ``VARIABLE=level/VARIABLE``."""
    drawn = draw(text)
    keys = [[part.partition("=")[::2] for part in row.split("/")] for row in drawn["ROW"]]
    records = []
    for record, key in zip(drawn.to_dict("records"), keys, strict=True):
        pairs = [[name, level or None] for name, level in key]
        parts = [pair for pair in pairs if pair[0] != "statistic"]
        arm = [] if record["ARM"] == "Total" else [["TRT01A", record["ARM"]]]
        groups = {
            name: value
            for place, (variable, level) in enumerate([*arm, *parts[:-1]], start=1)
            for name, value in ((f"group{place}", variable), (f"group{place}_level", level))
        }
        records.append(
            {"output": number, "row": json.dumps(pairs, separators=(",", ":")), "column": record["ARM"], **groups,
             "variable": parts[-1][0], "variable_level": parts[-1][1], "context": record["CONTEXT"], "stat_name": record["STAT"],
             "stat": float(record["VALUE"]) if pd.notna(record["VALUE"]) else float("nan"), "stat_fmt": record["TEXT"]}
        )  # fmt: skip
    return pd.concat([empty_ard(), pd.DataFrame(records).reindex(columns=list(ARD_COLUMNS))], ignore_index=True).astype(
        empty_ard().dtypes
    )


ARD = pd.concat(
    [
        # A flag chooses records; levels of a dictionary make groups, within each other; the total has no treatment.
        frame(AE, """
ARM   | ROW                                   | CONTEXT      | STAT     | VALUE  | TEXT
Low   | TRTEMFL=Y                             | tabulate     | n        | 3      | 3
Low   | TRTEMFL=Y                             | tabulate     | p        | 0.0625 | 6.3
Total | TRTEMFL=Y                             | tabulate     | n        | 5      | 5
Low   | AEBODSYS=Eye disorders                | hierarchical | n        | 2      | 2
Low   | AEBODSYS=Eye disorders/AEDECOD=Dry eye | hierarchical | n        | 1      | 1
Low   | AEBODSYS=Eye disorders/AEDECOD=Dry eye | hierarchical | N        | 48     | .
Low   | REVIEW=SENTINEL                       | text         | text     | .      | Enrol 2
"""),
        # A parameter chooses records; what is not estimable has a text and no value; what is neither says nothing.
        frame(LB, """
ARM | ROW                                       | CONTEXT | STAT | VALUE | TEXT
Low | PARAMCD=ALT/AVISIT=Day 7/CHG/statistic=Mean (SD) | summary | mean | -2.5  | -2.5
Low | PARAMCD=ALT/AVISIT=Day 7/CHG/statistic=Mean (SD) | summary | sd   | .     | -
Low | PARAMCD=ALT/AVISIT=Day 7/CHG               | summary | min  | .     | .
Low | PARAMCD=AST/AVISIT=Day 7/CHG/statistic=Mean (SD) | summary | mean | 4     | 4.0
"""),
    ],
    ignore_index=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def event() -> dict:
    entries = catalogue(TRIAL)
    reported = {
        AE: Reported(entries[AE], None, "Events", NOTES, (f"outputs/{AE}.pdf", f"outputs/{AE}.docx")),
        LB: Reported(entries[LB], "P2LOW", "Values"),
    }
    return describe_results(ARD, reported, TRIAL)


def told(event: dict) -> list[tuple]:
    """Every result in short: analysis, statistic, raw value, text, groups."""
    return [
        (analysis["id"], result["operationId"].rpartition(".")[2], result.get("rawValue"), result.get("formattedValue"),
         tuple(f"{group['groupingId'].rpartition('.')[2]}={group.get('groupValue', '')}" for group in result.get("resultGroups", ())))
        for analysis in event["analyses"]
        for result in analysis["results"]
    ]  # fmt: skip


def test_every_number_is_a_result_with_its_raw_and_its_printed_value(event):
    assert told(event) == [
        (f"{AE}.001", "n", "3", "3", ("TRT01A=Low",)),
        (f"{AE}.001", "p", "0.0625", "6.3", ("TRT01A=Low",)),
        (f"{AE}.002", "n", "5", "5", ()),
        (f"{AE}.003", "n", "2", "2", ("TRT01A=Low", "AEBODSYS=Eye disorders")),
        (f"{AE}.004", "n", "1", "1", ("TRT01A=Low", "AEBODSYS=Eye disorders", "AEDECOD=Dry eye")),
        (f"{AE}.004", "N", "48", None, ("TRT01A=Low", "AEBODSYS=Eye disorders", "AEDECOD=Dry eye")),
        (f"{LB}.001", "mean", "-2.5", "-2.5", ("TRT01A=Low", "AVISIT=Day 7")),
        (f"{LB}.001", "sd", None, "-", ("TRT01A=Low", "AVISIT=Day 7")),
        (f"{LB}.002", "mean", "4", "4.0", ("TRT01A=Low", "AVISIT=Day 7")),
    ]


def test_who_and_which_records_an_analysis_is_of(event):
    sets = {one["id"]: one for one in event["analysisSets"]}
    subsets = {one["id"]: one for one in event["dataSubsets"]}
    by_id = {analysis["id"]: analysis for analysis in event["analyses"]}
    first, change = by_id[f"{AE}.001"], by_id[f"{LB}.001"]
    assert subsets[first["dataSubsetId"]]["condition"] == {
        "dataset": "ADAE",
        "variable": "TRTEMFL",
        "comparator": "EQ",
        "value": ["Y"],
    }
    assert subsets[change["dataSubsetId"]]["condition"] == {
        "dataset": "ADLB",
        "variable": "PARAMCD",
        "comparator": "EQ",
        "value": ["ALT"],
    }
    assert "dataSubsetId" not in by_id[f"{AE}.003"]
    assert (change["dataset"], change["variable"], change["methodId"]) == ("ADLB", "CHG", "METHOD.summary")
    conditions = [clause["condition"] for clause in sets[change["analysisSetId"]]["compoundExpression"]["whereClauses"]]
    assert [(one["dataset"], one["variable"], one["value"]) for one in conditions] == [
        ("ADSL", "SAFFL", ["Y"]), ("ADSL", "PHASE", ["2"]), ("ADSL", "TRT01A", ["Low"])]  # fmt: skip


def test_the_event_is_what_the_standards_schema_asks(event):
    assert faults(event) == []
    # And the schema is heard: what it does not know and what it lacks are faults.
    assert faults({**event, "methods": [{**event["methods"][0], "unknown": 1}]}) != []
    assert faults({name: part for name, part in event.items() if name != "mainListOfContents"}) != []


def test_every_reference_leads_to_something(event):
    ids = {
        part: {one["id"] for one in event[part]}
        for part in ("analysisSets", "dataSubsets", "analysisGroupings", "methods", "outputs")
    }
    operations = {operation["id"] for method in event["methods"] for operation in method["operations"]}
    for analysis in event["analyses"]:
        assert analysis["analysisSetId"] in ids["analysisSets"]
        assert analysis.get("dataSubsetId") in {None, *ids["dataSubsets"]}
        assert analysis["methodId"] in ids["methods"]
        factors = [factor["groupingId"] for factor in analysis.get("orderedGroupings", ())]
        assert set(factors) <= ids["analysisGroupings"]
        for result in analysis["results"]:
            assert result["operationId"] in operations
            assert [group["groupingId"] for group in result.get("resultGroups", ())] == factors
    items = event["mainListOfContents"]["contentsList"]["listItems"]
    assert [item["outputId"] for item in items] == [AE, LB]
    assert [below["analysisId"] for item in items for below in item["sublist"]["listItems"]] == [
        one["id"] for one in event["analyses"]
    ]


def test_an_output_says_its_title_its_notes_and_its_files(event):
    output = event["outputs"][0]
    (display,) = output["displays"]
    texts = {
        section["sectionType"]: [part["subSection"]["text"] for part in section["orderedSubSections"]]
        for section in display["display"]["displaySections"]
    }
    assert texts == {"Title": ["Events"], "Footnote": list(NOTES)}
    assert [(file["location"], file["fileType"]) for file in output["fileSpecifications"]] == [
        (f"outputs/{AE}.pdf", {"controlledTerm": "pdf"}), (f"outputs/{AE}.docx", {"sponsorTermId": "TERM.DOCX"})]  # fmt: skip


def test_no_results_are_an_event_too():
    assert faults(json.loads(emit_ars(empty_ard(), {}, TRIAL))) == []


def test_every_context_of_the_results_has_a_method_in_words():
    contexts = {
        value for name, value in vars(numbers).items() if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    assert contexts - set(METHODS) == {numbers.TEXT}
