"""The data definition: everything schemas/ says, nothing dangling, the same twice."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import odmlib
import pytest
import xmlschema

from cgbm1_report.define import write_define
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.conventions import Conventions
from cgbm1_report.protocol.schema import read_schema, schema_datasets, schema_labels, schema_title
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.validate.describe import find_method, read_derivations
from tests.drawn import our_trial

TRIAL = our_trial()
SPACES = {"o": "http://www.cdisc.org/ns/odm/v1.3", "def": "http://www.cdisc.org/ns/def/v2.1"}
DEF = "{http://www.cdisc.org/ns/def/v2.1}"
DATASETS = [*schema_datasets("sdtm"), *schema_datasets("adam")]


def parse(folder: Path) -> ET.Element:
    return ET.fromstring((folder / "define.xml").read_text(encoding="utf-8"))  # noqa: S314 - written by this test


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("define") / "new" / "folder"
    write_define(out, TRIAL)
    return out


@pytest.fixture(scope="module")
def root(folder) -> ET.Element:
    return parse(folder)


def label(element: ET.Element) -> str:
    return element.findtext("o:Description/o:TranslatedText", "", SPACES)


def test_definition_is_valid_by_the_schema_of_define_xml(folder):
    """CDISC's XSD of Define-XML 2.1.0, as odmlib brings it."""
    schema = xmlschema.XMLSchema(str(Path(odmlib.__file__).parent / "schemas" / "define" / "2.1" / "define2-1-0.xsd"))
    assert [str(error) for error in schema.iter_errors(str(folder / "define.xml"))] == []


def test_every_dataset_and_variable_is_there_with_its_label(root):
    groups = {group.get("Name"): group for group in root.iterfind(".//o:ItemGroupDef", SPACES)}
    items = {item.get("OID"): item for item in root.iterfind(".//o:ItemDef", SPACES)}
    assert sorted(groups) == sorted(DATASETS)
    for name, group in groups.items():
        assert label(group) == schema_title(name)
        named = [items[ref.get("ItemOID")] for ref in group.iterfind("o:ItemRef", SPACES)]
        assert {item.get("Name"): label(item) for item in named} == schema_labels(name)
        assert [item.get("Name") for item in named] == list(schema_labels(name))


def test_keys_are_those_of_the_schema(root):
    for group in root.iterfind(".//o:ItemGroupDef", SPACES):
        keys = {ref.get("KeySequence"): ref.get("ItemOID") for ref in group.iterfind("o:ItemRef", SPACES) if ref.get("KeySequence")}
        name = group.get("Name")
        assert keys == {str(n): f"IT.{name}.{key}" for n, key in enumerate(read_schema(name)["unique"], start=1)}


def test_oids_are_unique_and_every_reference_leads_somewhere(root):
    oids = Counter(element.get("OID") for element in root.iter() if element.get("OID"))
    assert [oid for oid, count in oids.items() if count > 1] == []
    leaves = {element.get("ID") for element in root.iter(DEF + "leaf")}
    references = {
        "ItemOID",
        "CodeListOID",
        "MethodOID",
        DEF + "StandardOID",
        DEF + "CommentOID",
        DEF + "ItemOID",
        "ValueListOID",
        "WhereClauseOID",
    }
    used = {value for element in root.iter() for name, value in element.attrib.items() if name in references}
    assert used <= set(oids)
    assert {group.get(DEF + "ArchiveLocationID") for group in root.iterfind(".//o:ItemGroupDef", SPACES)} == leaves
    # And nothing stands there that nobody asks for.
    kept = {oid for oid in oids if oid.split(".")[0] in ("IT", "CL", "MT", "COM", "VL", "WC", "STD")}
    assert kept == used


def values_of(root: ET.Element, oid: str) -> dict[str, str]:
    item = next(one for one in root.iterfind(".//o:ItemDef", SPACES) if one.get("OID") == oid)
    name = item.find("o:CodeListRef", SPACES).get("CodeListOID")
    codelist = next(one for one in root.iterfind(".//o:CodeList", SPACES) if one.get("OID") == name)
    return {
        one.get("CodedValue"): one.findtext("o:Decode/o:TranslatedText", "", SPACES)
        for one in (*codelist.iterfind("o:EnumeratedItem", SPACES), *codelist.iterfind("o:CodeListItem", SPACES))
    }


def test_codelists_come_from_the_schema_and_from_the_trial(root):
    assert values_of(root, "IT.DM.SEX") == {"M": "", "F": "", "U": ""}  # schemas/sdtm/dm.yaml
    assert values_of(root, "IT.ADLB.ATOXGRN") == dict.fromkeys("01234", "")
    assert values_of(root, "IT.DM.ARMCD") == {arm.armcd: arm.arm for arm in TRIAL.arms}
    assert values_of(root, "IT.ADEFF.PARAMCD")["MELD"] == TRIAL.parameter("MELD").param


@pytest.mark.parametrize(
    ("oid", "kind", "length"),
    [
        ("IT.AE.AESEQ", "integer", "8"),
        ("IT.AE.AESTDTC", "partialDatetime", None),  # AESTDTC may lack its day
        ("IT.ADSL.TRTSDT", "integer", "8"),  # a SAS date
        ("IT.ADLB.AVAL", "float", "8"),
        ("IT.DM.AGEU", "text", "5"),  # YEARS
        ("IT.AE.AETERM", "text", "200"),
    ],
)
def test_type_and_length_of_a_variable(root, oid, kind, length):
    item = next(one for one in root.iterfind(".//o:ItemDef", SPACES) if one.get("OID") == oid)
    assert (item.get("DataType"), item.get("Length")) == (kind, length)


def test_origin_says_what_was_copied_derived_or_is_supplemental(root):
    items = {item.get("OID"): item for item in root.iterfind(".//o:ItemDef", SPACES)}
    origins = {oid: item.find("def:Origin", SPACES) for oid, item in items.items()}
    assert (origins["IT.ADAE.AETERM"].get("Type"), label(origins["IT.ADAE.AETERM"])) == ("Predecessor", "AE.AETERM")
    assert (origins["IT.ADLB.TRTSDT"].get("Type"), label(origins["IT.ADLB.TRTSDT"])) == ("Predecessor", "ADSL.TRTSDT")
    assert origins["IT.ADLB.CHG"].get("Type") == "Derived"
    assert origins["IT.AE.AETERM"].get("Type") == "Not Available"  # the schemas do not say how it was collected
    comments = {one.get("OID"): label(one) for one in root.iter(DEF + "CommentDef")}
    assert "SUPPDM" in comments[items["IT.DM.RANDNO"].get(DEF + "CommentOID")]


def test_every_derived_variable_has_its_method_and_every_copied_one_its_source(root):
    methods = {one.get("OID"): label(one) for one in root.iterfind(".//o:MethodDef", SPACES)}
    items = {item.get("OID"): item for item in root.iterfind(".//o:ItemDef", SPACES)}
    references = [ref for group in root.iterfind(".//o:ItemGroupDef", SPACES) for ref in group.iterfind("o:ItemRef", SPACES)]
    assert len(references) > 500
    for reference in references:
        origin = items[reference.get("ItemOID")].find("def:Origin", SPACES)
        assert (origin.get("Type") == "Derived") == ("MethodOID" in reference.attrib), reference.get("ItemOID")
        assert (origin.get("Type") == "Predecessor") == bool(label(origin)), reference.get("ItemOID")
    told = {ref.get("ItemOID"): methods[ref.get("MethodOID")] for ref in references if ref.get("MethodOID")}
    assert "never after a complete end" in told["IT.ADAE.ASTDT"].lower()
    assert told["IT.ADCM.ASTDT"] != told["IT.ADAE.ASTDT"]


def test_variable_copied_under_another_name_or_label_is_copied(root):
    items = {item.get("OID"): label(item.find("def:Origin", SPACES)) for item in root.iterfind(".//o:ItemDef", SPACES)}
    copied = {"ADAE.TRTA": "ADSL.TRT01A", "ADAE.AREL": "AE.AEREL", "ADAE.AEOUT": "AE.AEOUT", "ADCM.CMSCAT": "CM.CMSCAT"}
    assert {name: items[f"IT.{name}"] for name in copied} == copied


@pytest.mark.parametrize("of", ["BASE", "ABS(BASE)"])
def test_the_derivation_of_a_percent_change_is_told_as_trial_yaml_has_it(of):
    trial = our_trial().model_copy(update={"conventions": Conventions(percent_change_of=of)})
    method = find_method("ADLB", "PCHG", trial)
    assert method is not None
    assert method.text == f"100 * CHG / {of} after the first infusion; missing where BASE is 0."


def test_derivation_of_no_variable_is_refused(tmp_path):
    file = tmp_path / "derivations.yaml"
    file.write_text("ADAE.TRTEMFLL: Y\nADYY: days\nADY: [1]\nASTDT: start\n", encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        read_derivations(file)
    assert [problem.place for problem in caught.value.problems] == ["ADAE.TRTEMFLL", "ADYY", "ADY"]


def test_derivation_of_a_parameter_is_the_protocols(root):
    methods = {one.get("OID"): label(one) for one in root.iterfind(".//o:MethodDef", SPACES)}
    assert "10 * (0.957 * ln(creatinine) + 0.378 * ln(bilirubin) + 1.12 * ln(INR)) + 6.43" in methods["MT.ADEFF.MELD"]
    assert "4 after dialysis on 2 of the 7 days before" in methods["MT.ADEFF.MELD"]


def test_two_runs_give_the_same_bytes_whatever_the_clock_says(folder, tmp_path, monkeypatch):
    write_define(tmp_path, TRIAL)
    for name in ("define.xml", "define.html"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764547200")  # 2025-12-01T00:00:00Z
    write_define(tmp_path, TRIAL)
    assert 'CreationDateTime="2025-12-01T00:00:00+00:00"' in (tmp_path / "define.xml").read_text()
    assert "Dated 2025-12-01" in (tmp_path / "define.html").read_text()


def test_definition_is_dated_by_the_data_cut_off(tmp_path):
    study = TRIAL.study.model_copy(update={"data_cutoff": "2026-10-01"})
    write_define(tmp_path, TRIAL.model_copy(update={"study": study}))
    assert 'CreationDateTime="2026-10-01T00:00:00+00:00"' in (tmp_path / "define.xml").read_text()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.rows = 0

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.rows += tag == "tr" and "data-d" in found
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []


def test_page_names_every_variable_and_every_link_stays_on_it(folder):
    text = (folder / "define.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.rows == sum(len(schema_labels(name)) for name in DATASETS)
    assert set(DATASETS) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert {link for link in page.links if link.removeprefix("#") not in page.ids} == set()
    assert "@media print" in text
    assert not re.search(r"https?://|src=", text)


def test_hostile_protocol_text_is_text(tmp_path):
    study = TRIAL.study.model_copy(update={"title": "</p><script>alert(1)</script> & \x1b ]]>"})
    write_define(tmp_path, TRIAL.model_copy(update={"study": study}))
    page = (tmp_path / "define.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert "\x1b" not in page
    title = parse(tmp_path).findtext(".//o:StudyDescription", "", SPACES)
    assert title.startswith("</p><script>alert(1)</script> & ")


def test_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="exists and is not a folder"):
        write_define(tmp_path / "file", TRIAL)


def test_other_study_with_a_short_protocol_has_a_definition(tmp_path):
    pilot = read_trial(Path(__file__).parent / "pilot" / "trial.yaml")
    write_define(tmp_path, pilot)
    found = parse(tmp_path)
    assert len(found.findall(".//o:ItemGroupDef", SPACES)) == len(DATASETS)


def test_terms_of_a_dictionary_refer_to_it_with_its_version(tmp_path):
    """External code lists of Define-XML: where the study says which version it codes with; else none is claimed."""
    study = TRIAL.study.model_copy(update={"meddra_version": "28.0", "whodrug_version": "B3 2025"})
    write_define(tmp_path / "coded", TRIAL.model_copy(update={"study": study}))
    write_define(tmp_path / "uncoded", TRIAL)
    named = parse(tmp_path / "coded").findall(".//o:ExternalCodeList", SPACES)
    assert {(one.get("Dictionary"), one.get("Version")) for one in named} == {("MedDRA", "28.0"), ("WHODRUG", "B3 2025")}
    assert parse(tmp_path / "uncoded").findall(".//o:ExternalCodeList", SPACES) == []
    assert "MedDRA 28.0" in (tmp_path / "coded" / "define.html").read_text("utf-8")
