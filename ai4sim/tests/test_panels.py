"""Panels: what stands beside them, their axes and colours, joint densities."""

import math

import numpy as np
import pytest

from ai4sim.evaluation.figures import (
    NETWORK,
    RIDGE,
    TARGET,
    empty_figure,
    looks_of,
)
from ai4sim.evaluation.panels import (
    colour_bar,
    cropped,
    diverging,
    draw_density,
    in_rows,
    label_outer,
    latitude,
    legend_above,
    note,
    number,
    pressure_axis,
    sequential,
)


def test_models_that_nobody_knows_get_a_look_of_their_own():
    looks = looks_of(["gat_8", "model", "target", "gin"], {"target": TARGET, "model": NETWORK})
    assert list(looks) == ["target", "model", "gat_8", "gin"]
    assert looks["gat_8"]["label"] == "gat 8"
    assert len({look["color"] for look in looks.values()}) == 4


def test_a_legend_names_the_lines_of_all_panels_once():
    figure, axes = in_rows(2, 2, 2.0, 2.0)
    for ax, looks in zip(axes, ((TARGET, NETWORK), (NETWORK, RIDGE)), strict=True):
        ax.axhline(0)
        for look in looks:
            ax.plot([0, 1], [1, 0], **look)
    legend_above(figure)
    (legend,) = figure.legends
    found = [text.get_text() for text in legend.get_texts()]
    assert found == ["Target", "Network", "Ridge regression"]


def test_panels_stand_in_rows_and_the_rest_of_the_last_row_is_empty():
    figure, axes = in_rows(5, 3, 2.0, 1.0)
    assert len(axes) == len(figure.axes) == 5
    assert figure.get_figwidth() > figure.get_figheight()
    assert axes[3].get_subplotspec().rowspan.start == 1


def test_only_the_outer_panels_are_labelled():
    axes = empty_figure(4, 4).subplots(2, 2)
    label_outer(axes, top=["a", "b"], left=["c", "d"], bottom="e")
    assert [ax.get_title() for ax in axes.flat] == ["a", "b", "", ""]
    assert [ax.get_ylabel() for ax in axes.flat] == ["c", "", "d", ""]
    assert [ax.get_xlabel() for ax in axes.flat] == ["", "", "e", "e"]


@pytest.mark.parametrize(
    ("bottom", "top", "expected"),
    [
        (1000, 0.01, ["0.01", "0.1", "1", "10", "100", "1000"]),
        (100, 1, ["1", "3", "10", "30", "100"]),
        (1000, 200, ["200", "300", "500", "700", "1000"]),
    ],
)
def test_pressure_grows_downward_beside_plain_numbers(bottom, top, expected):
    ax = empty_figure(2, 2).subplots()
    pressure_axis(ax, bottom, top)
    assert ax.get_ylim() == (bottom, top)
    assert ax.get_yscale() == "log"
    assert [label.get_text() for label in ax.get_yticklabels()] == expected


def test_colours_are_white_at_zero_and_leave_out_the_unknown():
    field = np.array([[-3.0, 1.0], [math.nan, 2.0]])
    assert diverging(field) == {"cmap": "RdBu_r", "vmin": -3.0, "vmax": 3.0}
    assert sequential(field, np.array([4.0]))["vmax"] == 4.0
    assert sequential(np.zeros(2))["vmax"] > 0
    assert diverging(np.arange(101.0), quantile=0.5)["vmax"] == 50.0


def test_numbers_and_latitudes_for_readers():
    assert number(-0.5) == "\N{MINUS SIGN}0.5"
    found = [latitude(degrees) for degrees in (-29.6, 0.0, 45.0, math.nan)]
    assert found == ["30°S", "0°N", "45°N", "latitude unknown"]


def test_a_density_lies_over_the_target_with_equal_axes():
    ax = empty_figure(2, 2).subplots()
    counts = np.zeros((3, 3))
    counts[2, 0] = 5  # large targets, small predictions
    image = draw_density(ax, counts, np.array([0.0, 1.0, 2.0, 3.0]))
    colour_bar(image, ax, "cells")
    note(ax, None, "R2", "")
    drawn = np.ma.filled(image.get_array(), 0)
    assert drawn[0, 2] == 5  # row: prediction, column: target
    assert drawn.sum() == 5
    assert ax.get_xlim() == ax.get_ylim() == (0, 3)
    assert ax.texts[0].get_text() == "R2"
    assert ax.child_axes[0].get_ylabel() == "cells"


def test_a_cropped_histogram_keeps_its_points_in_their_place():
    counts = np.zeros((600, 600), np.int64)
    counts[-1, 10], counts[150, 151] = 3, 4
    cells, edges = cropped(counts, np.linspace(-300.0, 300.0, 601))
    assert cells.sum() == 7
    assert len(cells) <= 131
    for row, column in np.argwhere(cells):
        bins = (299, -290) if cells[row, column] == 3 else (-150, -149)
        assert edges[row] <= bins[0] < edges[row + 1]
        assert edges[column] <= bins[1] < edges[column + 1]
