"""Pictures: what names the lines does not lie over them, and one subject looks the same in every panel."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image

from cgbm1_report.analyse.event_times import Curve, kaplan_meier
from cgbm1_report.tabulate.canvas import BOLD, LEADER, STYLES, make_raster, open_canvas, save_canvas
from cgbm1_report.tabulate.draw import NAMED_LINES, choose_days, draw_kaplan_meier, draw_profiles


def height_of(svg: str, text: str) -> list[float]:
    """Distances of a text from the picture's upper edge, in the order it is drawn."""
    found = re.findall(rf'<text [^>]*?(?:y="([\d.]+)"|translate\([\d.]+ ([\d.]+)\))[^>]*>{re.escape(text)}</text>', svg)
    return [float(one or other) for one, other in found]


def curve() -> Curve:
    """All die by day 10: the curve runs along the axis, where a legend may stand."""
    fields = {name: np.array([5.0, 10.0]) for name in Curve.__dataclass_fields__}
    return Curve(**{**fields, "free": np.array([0.5, 0.0])})


def test_names_of_curves_stand_over_the_axes():
    svg = draw_kaplan_meier({"Placebo": curve()}, {"Placebo": [2, 0]}, [0, 180], ylabel="Survival (%)", xlabel="Day")
    full = height_of(svg, "100")[0]
    assert sum(height < full for height in height_of(svg, "Placebo")) == 1, "above the upper tick"


def test_a_drawing_says_nothing_of_the_page_it_stands_in():
    """A style sheet in it would be the page's: that of matplotlib speaks of every element there is."""
    svg = draw_kaplan_meier({"Placebo": curve()}, {"Placebo": [2, 0]}, [0, 180], ylabel="Survival (%)", xlabel="Day")
    assert "<style" not in svg
    assert re.match(r'<svg stroke-linejoin="round" stroke-linecap="butt" ', svg)


@pytest.mark.filterwarnings("error")
def test_a_font_of_the_system_with_the_same_name_is_not_drawn_with(monkeypatch):
    """A dose in bold, with a sign that other Liberation Sans lack, and one that no bold letters have."""

    def draw() -> str:
        canvas = open_canvas(3, 1)
        canvas.add_subplot().set_title("Low 1.0×10⁶ cells/kg 低", **BOLD)
        return save_canvas(canvas)

    plain = draw()
    fonts = font_manager.fontManager.ttflist
    # Another's letters under our font's name: where the system has that, it is looked at first.
    other = next(entry for entry in fonts if entry.name.startswith("DejaVu Sans Mono"))
    foreign = [replace(other, name="Liberation Sans", style="normal", weight=weight, stretch="normal") for weight in (400, 700)]
    monkeypatch.setattr(
        font_manager.fontManager, "ttflist", [*foreign, *(entry for entry in fonts if "/fonts/Lib" not in entry.fname)]
    )
    assert draw() == plain


def steps(svg: str, color: str) -> list[list[tuple[float, float]]]:
    """Lines of a colour, each as its points; an event's step is two of them."""
    found = re.findall(rf'<path d="([^"]*)"[^>]*?style="fill: none; stroke: {color};', svg, re.S)
    return [[(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path)] for path in found]


def plot(time: list[float], event: list[bool]) -> list[list[tuple[float, float]]]:
    svg = draw_kaplan_meier(
        {"A": kaplan_meier(np.array(time), np.array(event, bool))}, {"A": [0, 0, 0]}, [0, 90, 180], ylabel="S (%)", xlabel="Day"
    )
    legend = min(height_of(svg, "A"))
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
    return {"title": "", "ylabel": title, "lines": {who: ([0.0, 5.0], [1.0, 2.0]) for who in subjects}, "marks": marks}


def test_a_subject_has_one_colour_in_all_panels_and_is_named_once():
    # 002 is the second line of the first panel and the first of the other.
    svg = draw_profiles([[panel("MELD", "001", "002")], [panel("Bilirubin", "002")]], xlabel="Day")
    drawn = re.findall(r"stroke: #0072b2; stroke-opacity: 0.9; stroke-width: 0.9", svg)
    assert len(drawn) == 3, "in both panels and in the legend"
    # In the key; at its end in each panel by the last part of its number, which here is all of it.
    assert len(height_of(svg, "002")) == 3


def test_names_of_subjects_stand_under_the_panels_and_events_without_a_day_are_not_named():
    svg = draw_profiles([[panel("MELD", "1-001", Death=([], []), Transplantation=([5.0], [2.0]))]], xlabel="Day")
    assert height_of(svg, "1-001")[0] > height_of(svg, "Day")[0]
    assert len(height_of(svg, "Transplantation")) == 1
    assert height_of(svg, "Death") == []


def test_no_two_named_subjects_look_the_same():
    subjects = [f"{at:03d}" for at in range(8)]
    svg = draw_profiles([[panel("MELD", *subjects)]], xlabel="Day")
    black = re.findall(r'<use xlink:href="#(\w+)"[^>]*style="[^"]*stroke: #000000; stroke-opacity: 0.9', svg)
    assert len(set(black)) == 2, "the first and the sixth subject are black, with another mark"


def test_no_two_lines_have_the_same_dash():
    assert len({str(dash) for _, dash in STYLES}) == len(STYLES)


def test_each_curve_is_named_at_its_end_and_censoring_has_a_key():
    curves = {
        "A": kaplan_meier(np.array([10.0, 180.0]), np.array([True, False])),
        "B": kaplan_meier(np.array([20.0, 180.0]), np.array([True, False])),
    }
    risk = {"A": [2, 1], "B": [2, 1]}
    svg = draw_kaplan_meier(curves, risk, [0, 180], ylabel="S (%)", xlabel="Day", headings={"A": "A 1.0", "B": "B 2.0"})
    # The key says the doses; the end of the curve and the table below it say the short name.
    assert len(height_of(svg, "A 1.0")) == len(height_of(svg, "B 2.0")) == 1
    assert len(height_of(svg, "A")) == len(height_of(svg, "B")) == 2
    # Both curves end at 50 %: their names do not lie over each other.
    ends = sorted(min(height_of(svg, name)) for name in "AB")
    assert ends[1] - ends[0] > 8
    assert len(height_of(svg, "Censored")) == 1


def drawn_to_day_180(**curves: tuple[list[float], list[bool]]) -> str:
    made = {name: kaplan_meier(np.array(time), np.array(event)) for name, (time, event) in curves.items()}
    return draw_kaplan_meier(made, {name: [0, 0] for name in made}, [0, 180], ylabel="S (%)", xlabel="Day")


def place_of(svg: str, text: str) -> tuple[float, float]:
    """The rightmost place of a text in the picture: of a curve's name that beside its end."""
    found = re.findall(
        rf'<text [^>]*?(?:x="([\d.]+)" y="([\d.]+)"|translate\(([\d.]+) ([\d.]+)\))[^>]*>{re.escape(text)}</text>', svg
    )
    return max((float(x or left), float(y or top)) for x, y, left, top in found)


def test_no_line_leads_to_a_name_at_its_curve():
    # Whoever sees it in grey would take it for a curve.
    svg = drawn_to_day_180(Low=([10.0, 180.0], [True, False]), High=([20.0, 180.0, 180.0, 180.0], [True, False, False, False]))
    assert LEADER["color"] not in svg


def test_a_name_that_had_to_move_is_led_to_by_dots():
    svg = drawn_to_day_180(Low=([10.0, 180.0], [True, False]), High=([20.0, 180.0], [True, False]))
    assert svg.count(f"stroke: {LEADER['color']}") == 1
    assert re.search(rf"stroke-dasharray: [^;]+;[^\"]*stroke: {LEADER['color']}", svg)


def curve_of(svg: str, color: str) -> list[tuple[float, float]]:
    return max(steps(svg, color), key=len)


def test_a_curve_that_ends_early_is_named_where_it_ends():
    svg = drawn_to_day_180(Low=([10.0, 40.0], [True, False]), High=([180.0], [False]))
    end, level = curve_of(svg, "#000000")[-1]
    across, down = place_of(svg, "Low")
    # Of 180 days, drawn over some 430 points.
    assert 0 < across - end < 10
    assert abs(down - level) < 5


def test_no_curve_runs_through_the_name_of_another():
    # Half of each is left: the line of the first runs on where the second ends.
    svg = drawn_to_day_180(High=([30.0, 180.0], [True, False]), Low=([10.0, 90.0], [True, False]))
    level = curve_of(svg, "#000000")[-1][1]
    # Letters are nine points high, and stand on their line.
    assert not level - 1 < place_of(svg, "Low")[1] < level + 8


def test_an_axis_has_numbers_at_visits_and_no_more_than_it_has_room_for():
    # 3 and 7 lie nearer than 180/15 = 12 days to 0, 21 nearer to 14 and 28.
    assert choose_days([0, 3, 7, 14, 21, 28, 60, 90, 180], {0, 28, 90, 180}) == [0, 14, 28, 60, 90, 180]
    assert choose_days([], {0}) == [0]


def test_more_lines_than_can_be_told_apart_are_not_named_and_keep_their_panels():
    many = [f"1-{at:03d}" for at in range(NAMED_LINES + 1)]
    row = [panel("MELD", *many[:4]) | {"title": "Neither (4)"}, panel("MELD", *many[4:]) | {"title": "Death (5)"}]
    svg = draw_profiles([row], xlabel="Day")
    assert len(height_of(svg, "Neither (4)")) == len(height_of(svg, "Death (5)")) == 1
    assert not any(name in svg for name in many)
    assert len(height_of(svg, "MELD")) == 1, "the panels of a row share their axis"


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def test_the_raster_is_the_drawing_on_white_in_its_size_with_its_words_and_each_time_the_same():
    # 4 by 2 inches: a black square in the upper left corner, a word in the lower half.
    square = '<rect x="0" y="0" width="72" height="72" fill="#000000"/>'
    word = '<text x="144" y="126" style="font: 20px \'Liberation Sans\', \'Droid Sans Fallback\'">{}</text>'
    head = '<svg width="288pt" height="144pt" viewBox="0 0 288 144" xmlns="http://www.w3.org/2000/svg" version="1.1">'
    drawn = {text: make_raster(f"{head}{square}{word.format(text)}</svg>", 4, 2) for text in ("", "Death", "死亡", "µ")}
    blank = _pixels(drawn[""])
    assert blank.shape == (400, 800), "200 dots an inch"
    assert (blank[:200, :200] == 0).all(), "the square is black"
    assert (blank[:, 200:] == 255).all(), "all else is white"
    assert (blank[200:] == 255).all()
    inked = {text: int((_pixels(png)[200:, 400:] < 128).sum()) for text, png in drawn.items()}
    assert inked[""] == 0
    assert all(inked[text] > 100 for text in ("Death", "死亡", "µ")), "letters, Chinese and Greek ones too"
    assert len(set(drawn.values())) == 4
    assert make_raster(f"{head}{square}{word.format('Death')}</svg>", 4, 2) == drawn["Death"]


def test_a_picture_of_the_product_has_the_same_ink_as_dots_as_it_has_in_its_vectors():
    svg = draw_kaplan_meier({"Placebo": curve()}, {"Placebo": [2, 0]}, [0, 180], ylabel="Survival (%)", xlabel="Day")
    found = _pixels(make_raster(svg, 9.0, 5.0))
    assert found.shape == (1000, 1800)
    # Where the SVG says "Survival (%)", turned beside the axis, and "Day", there is ink.
    assert (found[:, :80] < 128).any()
    assert (found[900:] < 128).any()
