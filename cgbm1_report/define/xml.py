"""define.xml: the data definition as Define-XML 2.1 (CDISC), for a reviewer's software.

Names of elements, their order and their namespaces are odmlib's business; OIDs are made of the names
of datasets and variables, so that two runs agree.
"""

from __future__ import annotations

from typing import Any

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate.describe import CodeList, Dataset, Method, Value, Variable

_STANDARDS = {"sdtm": ("STD.SDTMIG", "SDTMIG", "3.4"), "adam": ("STD.ADAMIG", "ADaMIG", "1.3")}
#: A SAS name has at most so many characters.
_SAS_NAME = 8


def _said(text: str) -> dict[str, Any]:
    """A description in English."""
    from odmlib.define_2_1 import model

    return {"Description": model.Description(TranslatedText=[model.TranslatedText(lang="en", _content=_clean(text))])}


def _clean(text: str) -> str:
    """Text without characters XML 1.0 forbids."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _item_oid(dataset: Dataset, variable: Variable, value: Value | None = None) -> str:
    return ".".join(["IT", dataset.name, variable.name, *([value.paramcd] if value else [])])


def _item_group(dataset: Dataset) -> Any:
    from odmlib.define_2_1 import model

    refs = [
        model.ItemRef(
            ItemOID=_item_oid(dataset, variable),
            OrderNumber=number,
            Mandatory="Yes" if variable.mandatory else "No",
            **({"KeySequence": variable.key} if variable.key else {}),
            **({"MethodOID": _method_oid(variable.method)} if variable.method else {}),
        )
        for number, variable in enumerate(dataset.variables, start=1)
    ]
    own = not dataset.structural_class
    more: dict[str, Any] = {"IsNonStandard": "Yes"} if own else {"StandardOID": _STANDARDS[dataset.standard][0]}
    if len(dataset.name) <= _SAS_NAME:
        more["SASDatasetName"] = dataset.name
    if not own:
        more["Class"] = model.Class(Name=dataset.structural_class)
    if dataset.standard == "sdtm":
        more["Domain"] = dataset.name
    subjects = any(variable.name == "USUBJID" for variable in dataset.variables)
    return model.ItemGroupDef(
        OID=f"IG.{dataset.name}",
        Name=dataset.name,
        Repeating="No" if dataset.keys == ("USUBJID",) else "Yes",
        IsReferenceData="No" if subjects else "Yes",
        Purpose="Tabulation" if dataset.standard == "sdtm" else "Analysis",
        Structure=dataset.structure,
        ArchiveLocationID=f"LF.{dataset.name}",
        **_said(dataset.label),
        ItemRef=refs,
        leaf=model.leaf(ID=f"LF.{dataset.name}", href=dataset.file, title=model.title(_content=dataset.file)),
        **more,
    )


def _origin(variable: Variable) -> Any:
    from odmlib.define_2_1 import model

    more: dict[str, Any] = _said(variable.source) if variable.source else {}
    if variable.origin in ("Derived", "Assigned"):
        more["Source"] = "Sponsor"
    return model.Origin(Type=variable.origin, **more)


def _item(dataset: Dataset, variable: Variable) -> Any:
    from odmlib.define_2_1 import model

    more: dict[str, Any] = {"Length": variable.length} if variable.length else {}
    if len(variable.name) <= _SAS_NAME:
        more["SASFieldName"] = variable.name
    if variable.display:
        more["DisplayFormat"] = variable.display
    if variable.codelist:
        more["CodeListRef"] = model.CodeListRef(CodeListOID=variable.codelist.oid)
    if variable.comment:
        more["CommentOID"] = _comment_oid(dataset, variable)
    if variable.values:
        more["ValueListRef"] = model.ValueListRef(ValueListOID=f"VL.{dataset.name}.{variable.name}")
    return model.ItemDef(
        OID=_item_oid(dataset, variable),
        Name=variable.name,
        DataType=variable.kind,
        **_said(variable.label),
        Origin=[_origin(variable)],
        **more,
    )


def _comment_oid(dataset: Dataset, variable: Variable) -> str:
    return f"COM.{dataset.name}.{variable.name}"


def _value_item(dataset: Dataset, variable: Variable, value: Value) -> Any:
    from odmlib.define_2_1 import model

    return model.ItemDef(
        OID=_item_oid(dataset, variable, value),
        Name=variable.name,
        DataType="float",
        Length=variable.length,
        SignificantDigits=value.digits,
        SASFieldName=variable.name,
        **_said(value.label),
        Origin=[_origin(variable)],
    )


def _value_list(dataset: Dataset, variable: Variable) -> Any:
    from odmlib.define_2_1 import model

    refs = [
        model.ItemRef(
            ItemOID=_item_oid(dataset, variable, value),
            OrderNumber=number,
            Mandatory="No",
            WhereClauseRef=[model.WhereClauseRef(WhereClauseOID=f"WC.{dataset.name}.{value.paramcd}")],
            **({"MethodOID": f"MT.{dataset.name}.{value.paramcd}"} if value.derivation else {}),
        )
        for number, value in enumerate(variable.values, start=1)
    ]
    return model.ValueListDef(OID=f"VL.{dataset.name}.{variable.name}", ItemRef=refs)


def _where(dataset: Dataset, value: Value) -> Any:
    from odmlib.define_2_1 import model

    check = model.RangeCheck(
        Comparator="EQ",
        SoftHard="Soft",
        ItemOID=f"IT.{dataset.name}.PARAMCD",
        CheckValue=[model.CheckValue(_content=value.paramcd)],
    )
    return model.WhereClauseDef(OID=f"WC.{dataset.name}.{value.paramcd}", RangeCheck=[check])


def _method_oid(method: Method) -> str:
    return f"MT.VAR.{method.key}"


def _method(oid: str, name: str, text: str) -> Any:
    from odmlib.define_2_1 import model

    return model.MethodDef(OID=oid, Name=f"Derivation of {name}", Type="Computation", **_said(text))


def _code_list(codelist: CodeList) -> Any:
    from odmlib.define_2_1 import model

    head = {"OID": codelist.oid, "Name": f"{codelist.name} ({codelist.oid.removeprefix('CL.')})", "DataType": codelist.kind}
    if codelist.external:
        dictionary, version = codelist.external
        return model.CodeList(**head, ExternalCodeList=model.ExternalCodeList(Dictionary=dictionary, Version=_clean(version)))
    if not any(meaning for _, meaning in codelist.items):
        return model.CodeList(**head, EnumeratedItem=[model.EnumeratedItem(CodedValue=_clean(v)) for v, _ in codelist.items])
    items = [
        model.CodeListItem(
            CodedValue=_clean(value),
            Decode=model.Decode(TranslatedText=[model.TranslatedText(lang="en", _content=_clean(meaning or value))]),
        )
        for value, meaning in codelist.items
    ]
    return model.CodeList(**head, CodeListItem=items)


def _comment(dataset: Dataset, variable: Variable) -> Any:
    from odmlib.define_2_1 import model

    return model.CommentDef(OID=_comment_oid(dataset, variable), **_said(variable.comment))


def _metadata(datasets: tuple[Dataset, ...], trial: Trial) -> Any:
    from odmlib.define_2_1 import model

    pairs = [(dataset, variable) for dataset in datasets for variable in dataset.variables]
    values = [(dataset, variable, value) for dataset, variable in pairs for value in variable.values]
    methods = list(dict.fromkeys(variable.method for _, variable in pairs if variable.method))
    codelists = {variable.codelist.oid: variable.codelist for _, variable in pairs if variable.codelist}
    standards = [
        model.Standard(OID=oid, Name=name, Type="IG", Version=version, Status="Final") for oid, name, version in _STANDARDS.values()
    ]
    return model.MetaDataVersion(
        OID=f"MDV.{trial.study.studyid}",
        Name=f"Data definition of {trial.study.studyid}",
        DefineVersion="2.1.0",
        Description=f"Datasets of {trial.study.studyid}: {_clean(trial.study.title)}",
        Standards=model.Standards(Standard=standards),
        ValueListDef=[_value_list(dataset, variable) for dataset, variable in pairs if variable.values],
        WhereClauseDef=[_where(dataset, value) for dataset, _, value in values],
        ItemGroupDef=[_item_group(dataset) for dataset in datasets],
        ItemDef=[_item(*pair) for pair in pairs] + [_value_item(*one) for one in values],
        CodeList=[_code_list(one) for one in codelists.values()],
        MethodDef=[_method(_method_oid(one), one.key, one.text) for one in methods]
        + [_method(f"MT.{dataset.name}.{v.paramcd}", v.paramcd, v.derivation) for dataset, _, v in values if v.derivation],
        CommentDef=[_comment(dataset, variable) for dataset, variable in pairs if variable.comment],
    )


def emit_define_xml(datasets: tuple[Dataset, ...], trial: Trial, made: str) -> str:
    """The data definition as Define-XML 2.1.

    Source: CDISC Define-XML Specification, version 2.1.
    """
    from odmlib.define_2_1 import model

    study = trial.study
    document = model.ODM(
        FileType="Snapshot",
        FileOID=f"DEF.{study.studyid}",
        CreationDateTime=made,
        ODMVersion="1.3.2",
        Originator="cgbm1-report",
        Context="Other",
        Study=model.Study(
            OID=f"ST.{study.studyid}",
            GlobalVariables=model.GlobalVariables(
                StudyName=model.StudyName(_content=_clean(study.studyid)),
                StudyDescription=model.StudyDescription(_content=_clean(study.title)),
                ProtocolName=model.ProtocolName(_content=_clean(study.studyid)),
            ),
            MetaDataVersion=_metadata(datasets, trial),
        ),
    )
    return document.to_xml_string(xml_declaration=True) + "\n"
