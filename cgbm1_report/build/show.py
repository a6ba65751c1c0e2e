"""One output of a cut at once: ``show``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from cgbm1_report.build.request import Request, settle_request
from cgbm1_report.distinct import fold_text
from cgbm1_report.errors import ArgumentError, PlanError, find_near, number_of
from cgbm1_report.outputs.catalogue import Entry, catalogue, make
from cgbm1_report.protocol.packages import packages
from cgbm1_report.protocol.registry import Outcome
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.tabulate.files import ALL_GROUPS
from cgbm1_report.tabulate.named import output_label
from cgbm1_report.tabulate.table import Output

Form = Literal["text", "html", "json", "csv", "xlsx"]

#: What of outputs words are looked for in.
_SEARCHED = "number, kind, phase, title, section, population, datasets or outcomes"


def show_output(request: Request, form: Form = "text", *, room: int | None = None, keep: bool = True) -> str:
    """The outputs of a cut that a number names, as text one below the other; of every other form only one.

    Parameters
    ----------
    room
        Columns a text may take; see `emit_text`.
    keep
        Whether what is derived of the cut is kept for the next look at it; see `read_ready`.

    Raises
    ------
    ReportError
        The number names no output, or several where one is asked for; the cut cannot be read, or the gate found errors.
    """
    return "\n\n".join(print_output(made, form, room) for made in make_shown(request, form, keep=keep))


def make_shown(request: Request, form: Form, *, keep: bool = True) -> list[Output]:
    """The outputs of a cut that a number names; only a text holds several.

    Raises
    ------
    ReportError
        As `show_output` does.
    """
    from cgbm1_report.build.gate import find_trial
    from cgbm1_report.build.kept import read_ready
    from cgbm1_report.build.show_packed import find_packed, make_packed
    from cgbm1_report.build.stamp import make_stamp

    protocol = read_trial(file := find_trial(request.cut, request.trial))
    if packed := find_packed(request, protocol):
        return make_packed(request, packed, protocol, file, keep)
    asked = settle_request(request, protocol)
    group = asked.dose_group or ALL_GROUPS
    every = catalogue(protocol, scope="phase" if group == ALL_GROUPS else "dose group")
    entries = [every[one] for one in asked.only or ()]
    if len(entries) > 1 and form != "text":
        raise _several(entries, form)
    data = read_ready(request.cut, protocol, file, use_adam=request.use_adam, keep=keep)
    stamp = make_stamp(protocol, data, pooled=data.pooled, supplied=data.supplied)
    for entry in entries:
        _refuse_hidden_group(group, entry.phase, data.pooled)
    return [make(one, protocol, data.adam, stamp, dose_group=group, pooled=one.phase in data.pooled) for one in entries]


def print_output(made: Output, form: Form, room: int | None) -> str:
    """An output in a form, without the last ends of lines."""
    from cgbm1_report import emit

    emitters = {"html": emit.emit_html_page, "json": emit.emit_json, "csv": emit.emit_csv}
    return (emitters[form](made) if form in emitters else emit.emit_text(made, room)).rstrip("\n")


def _several(entries: list[Entry], form: Form) -> ArgumentError:
    phases, numbers = " and ".join(str(entry.phase) for entry in entries), " or ".join(entry.number for entry in entries)
    told = f"{entries[0].declared.number} is made for phases {phases}, and {form} holds one output"
    return ArgumentError(told, rule="NUMBER", remedy=f"name {numbers}, or add --phase")


def _refuse_hidden_group(dose_group: str, phase: int, pooled: Collection[int]) -> None:
    if dose_group != ALL_GROUPS and phase in pooled:
        raise PlanError(
            f"phase {phase} is blinded: it has no dose groups yet", rule="unblinding record", remedy="leave out --dose-group"
        )


def list_contents(trial: Trial, words: Sequence[str] = ()) -> dict[str, object]:
    """What ``list`` tells: each output with what it is made of and the registry outcomes it answers, and what is not made.

    Parameters
    ----------
    words
        Only outputs that have all of them in number, kind (table, figure, listing), phase, title, section, population, datasets or
        outcomes, or as what trial.yaml's abbreviations spell out there (SOC); letter case means nothing.

    Raises
    ------
    ReportError
        No output has these words.
    """
    from cgbm1_report.build.refused import find_lacking
    from cgbm1_report.outputs.catalogue import left_out

    entries = catalogue(trial)
    packed = {number: entry for name in packages() for number, entry in catalogue(trial, scope=name).items()}
    answers: dict[str, list[str]] = {}
    for outcome in trial.outcomes:
        for number in outcome.tlf:
            answers.setdefault(number, []).append(outcome.id)
    outputs = [_tell_output(entry, answers) for entry in entries.values()]
    of_packages = [{**_tell_output(entry, answers), "package": entry.declared.scope} for entry in packed.values()]
    if words:
        texts = {number: _tell_words(_tell_output(one, answers), one, trial) for number, one in {**entries, **packed}.items()}
        outputs, of_packages = (
            [one for one in rows if all(fold_text(word) in texts[str(one["number"])] for word in words)]
            for rows in (outputs, of_packages)
        )
        if not outputs and not of_packages:
            raise _found_nothing(words, list(texts.values()))
        named = {outcome for one in outputs for outcome in one["outcomes"]}
        shown = [one for one in trial.outcomes if one.id in named]
        return {"outputs": outputs, "of_packages": of_packages, "left_out": {}, "outcomes": _tell_outcomes(shown, entries)}
    told = {"left_out": left_out(trial), "refused": [str(one) for one in find_lacking(entries.values(), trial, None)]}
    return {"outputs": outputs, "of_packages": of_packages, **told, "outcomes": _tell_outcomes(trial.outcomes, entries)}


def _tell_output(entry: Entry, answers: Mapping[str, list[str]]) -> dict[str, Any]:
    """What ``list`` tells of an output."""
    return {
        "number": entry.number,
        "title": entry.title,
        "section": entry.section.heading,
        "population": entry.population,
        "datasets": list(entry.source),
        "outcomes": answers.get(entry.number, []),
    }


def _tell_words(one: Mapping[str, Any], entry: Entry, trial: Trial) -> str:
    """All that an output may be looked for by, folded."""
    kind = output_label(one["number"]).partition(" ")[0]
    told = [one[name] for name in ("number", "title", "section", "population")]
    text = " ".join([*told, *one["datasets"], *one["outcomes"], kind, f"{kind}s", trial.phases[entry.phase].label])
    folded = fold_text(text)
    short = [name for name, words in trial.abbreviations.items() if fold_text(words) in folded]
    return f"{folded} {fold_text(' '.join(short))}"


def _found_nothing(words: Sequence[str], texts: Sequence[str]) -> ArgumentError:
    known = sorted({word.strip(",;:()") for text in texts for word in text.split()} - {""})
    # What outputs have is written as it is meant: only what none has is asked for its neighbours.
    unknown = [word for word in dict.fromkeys(words) if not any(fold_text(word) in text for text in texts)]
    near = [(word, found) for word in unknown if (found := find_near(fold_text(word), known, 2))]
    told = f"no output has {' and '.join(words)} in {_SEARCHED}"
    alone = len(set(words)) == 1
    meant = "".join(f"near {'' if alone else f'{word!r} '}are {', '.join(found)}; " for word, found in near)
    meant += "each of these words has outputs, and none has all; " if not unknown else ""
    return ArgumentError(told, rule="list WORD …", remedy=f"{meant}name fewer words; list without words names all outputs")


def _tell_outcomes(outcomes: Iterable[Outcome], entries: Collection[str]) -> list[dict[str, object]]:
    """Each outcome of the registry with the outputs that answer it, and those of them that are made."""
    return [
        {"id": one.id, "title": one.registry_title, "outputs": list(one.tlf), "made": [n for n in one.tlf if n in entries]}
        for one in outcomes
    ]


def tell_contents(found: Mapping[str, Any], *, narrow: bool, by: str = "", words: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """The lines of ``list``, each with how far its further lines step back.

    Parameters
    ----------
    narrow
        Whether a terminal reads them, which has no room left beside wide columns.
    by
        ``section``, ``population`` or ``datasets``: outputs stand below a line that says which; in the order of their numbers
        else.
    words
        What outputs were looked for by.
    """
    last = None
    for row in sorted(found["outputs"], key=lambda one: _place_of(found["outputs"], one, by)) if by else found["outputs"]:
        if by and (own := _group_of(row, by)) != last:
            last = own
            yield f"\n{own}", 0
        yield _tell_row(row)
    yield from ((f"{what:16} not made: {why}", 17) for what, why in found["left_out"].items())
    yield from ((f"build refuses: {one}", 15) for one in found.get("refused", ()))
    for name in dict.fromkeys(one["package"] for one in found["of_packages"]):
        whole = f"cgbm1-report build CUT --package {name}"
        yield f"\nPackage {name} ({packages()[name].title}), none of the report: {whole}, or show NUMBER CUT", 0
        yield from (_tell_row(row) for row in found["of_packages"] if row["package"] == name)
    yield f"\n{_tell_count(found, words)}", 0
    if found["outcomes"]:
        yield "", 0
    for answer in found["outcomes"]:
        named = ", ".join(number if number in answer["made"] else f"({number})" for number in answer["outputs"])
        yield f"{answer['id']:10} {named.ljust(0 if narrow else 62)} {answer['title']}", 11


def _tell_count(found: Mapping[str, Any], words: Sequence[str]) -> str:
    """How many outputs there are, and whether they answer the registry; where words were looked for that packages alone have."""
    counted, packed = number_of(len(found["outputs"]), "output"), len(found["of_packages"])
    if words and not found["outputs"]:
        has = "has" if packed == 1 else "have"
        return f"No output of the report has {' and '.join(words)} in {_SEARCHED}; {number_of(packed, 'output')} of packages {has}."
    if not found["outcomes"]:
        return f"{counted}; no outcome of the registry is answered by {'it' if len(found['outputs']) == 1 else 'them'}."
    return f"{counted}. Registry outcomes and the outputs that answer them (in brackets: not made yet):"


def _tell_row(row: Mapping[str, Any]) -> tuple[str, int]:
    datasets, outcomes = ", ".join(row["datasets"]), ", ".join(row["outcomes"])
    return f"{row['number']:16} {row['population']:4} {row['title']}  [{datasets}] {outcomes}".rstrip(), 22


def _group_of(row: Mapping[str, Any], by: str) -> str:
    return ", ".join(row[by]) if by == "datasets" else str(row[by])


def _place_of(rows: Sequence[Mapping[str, Any]], row: Mapping[str, Any], by: str) -> int:
    """Where the first output of a row's group stands: groups stand in the order of their first outputs."""
    return next(at for at, one in enumerate(rows) if _group_of(one, by) == _group_of(row, by))


def tell_build(folder: Path) -> dict[str, object]:
    """What a machine is told of a build: where it is, what made it, what it holds, what the gate found, what it lacks."""
    import json

    from cgbm1_report.build.sections import ask_complete
    from cgbm1_report.outputs.catalogue import left_out
    from cgbm1_report.system.manifest import read_manifest

    manifest = read_manifest(folder)
    found = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    told: dict[str, object] = {"build": str(folder), "engine": manifest["engine"], "outputs": list(manifest["outputs"])}
    trial = read_trial(folder / "trial.yaml")
    report, asked = manifest["report"], manifest["parameters"]
    only = None if report["only"] is None else tuple(report["only"])
    lacking = ask_complete(Request(folder, phase=asked["phase"], dose_group=asked["dose_group"], only=only), trial)
    return {**told, "findings": found["counts"], "left_out": left_out(trial), "lacking": lacking}
