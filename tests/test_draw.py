"""Pictures: what names the lines does not lie over them, and one subject looks the same in every panel."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cgbm1_report.analyse.event_times import Curve, kaplan_meier
from cgbm1_report.tabulate.draw import draw_kaplan_meier, draw_profiles


def height_of(svg: str, text: str) -> list[float]:
    """Distances of a text from the picture's upper edge, in the order it is drawn."""
    found = re.findall(rf'<text [^>]*?(?:y="([\d.]+)"|translate\([\d.]+ ([\d.]+)\))[^>]*>{re.escape(text)}</text>', svg)
    return [float(one or other) for one, other in found]


def curve() -> Curve:
    """All die by day 10: the curve runs along the axis, where a legend may stand."""
    fields = {name: np.array([5.0, 10.0]) for name in Curve.__dataclass_fields__}
    return Curve(**{**fields, "free": np.array([0.5, 0.0])})


def test_names_of_curves_stand_over_the_axes():
    svg, _ = draw_kaplan_meier({"Placebo": curve()}, {"Placebo": [2, 0]}, [0, 180], ylabel="Survival (%)", xlabel="Day")
    legend, risk = height_of(svg, "Placebo")
    full = height_of(svg, "100")[0]
    assert min(legend, risk) < full, "above the upper tick"


def steps(svg: str, color: str) -> list[list[tuple[float, float]]]:
    """Lines of a colour, each as its points; an event's step is two of them."""
    found = re.findall(rf'<path d="([^"]*)"[^>]*?style="fill: none; stroke: {color};', svg, re.S)
    return [[(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path)] for path in found]


def plot(time: list[float], event: list[bool]) -> list[list[tuple[float, float]]]:
    svg, _ = draw_kaplan_meier(
        {"A": kaplan_meier(np.array(time), np.array(event, bool))}, {"A": [0, 0, 0]}, [0, 90, 180], ylabel="S (%)", xlabel="Day"
    )
    legend = height_of(svg, "A")[0]
    return [points for points in steps(svg, "#000000") if len(points) > 2 and min(y for _, y in points) > legend + 5]


def test_curve_ends_at_the_last_follow_up_and_not_at_the_end_of_the_axis():
    full = max(x for x, _ in plot([10, 180], [True, False])[0])
    start = min(x for x, _ in plot([10, 180], [True, False])[0])
    short = max(x for x, _ in plot([10, 60], [True, False])[0])
    assert (short - start) / (full - start) == pytest.approx(60 / 180, abs=0.01)


def test_curve_of_longer_follow_up_ends_at_the_end_of_the_axis():
    longer, full = plot([10, 260], [True, False]), plot([10, 180], [True, False])
    assert longer == full


def test_nobody_has_no_curve():
    assert plot([], []) == []


def panel(title: str, *subjects: str, **marks: tuple[list[float], list[float]]) -> dict[str, object]:
    return {"title": title, "unit": "U", "lines": {who: ([0.0, 5.0], [1.0, 2.0]) for who in subjects}, "marks": marks}


def test_a_subject_has_one_colour_in_all_panels_and_is_named_once():
    # 002 is the second line of the first panel and the first of the other.
    svg, _ = draw_profiles([panel("MELD", "001", "002"), panel("Bilirubin", "002")], xlabel="Day")
    drawn = re.findall(r"stroke: #0072b2; stroke-opacity: 0.9; stroke-width: 0.9", svg)
    assert len(drawn) == 3, "in both panels and in the legend"
    assert len(height_of(svg, "002")) == 1


def test_names_of_subjects_stand_under_the_panels_and_events_without_a_day_are_not_named():
    svg, _ = draw_profiles([panel("MELD", "001", Death=([], []), Transplantation=([5.0], [2.0]))], xlabel="Day")
    assert height_of(svg, "001")[0] > height_of(svg, "Day")[0]
    assert len(height_of(svg, "Transplantation")) == 1
    assert height_of(svg, "Death") == []


def test_no_two_named_subjects_look_the_same():
    subjects = [f"{at:03d}" for at in range(8)]
    svg, _ = draw_profiles([panel("MELD", *subjects)], xlabel="Day")
    black = re.findall(r'<use xlink:href="#(\w+)"[^>]*style="[^"]*stroke: #000000; stroke-opacity: 0.9', svg)
    assert len(set(black)) == 2, "the first and the sixth subject are black, with another mark"
