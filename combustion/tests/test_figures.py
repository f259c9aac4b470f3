"""The figures: one file each, showing the numbers of the evaluation, for any set of models."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.contour import ContourSet

from ai4sim.evaluation.figures import save_figures
from ai4sim.tests.drawn import assert_written
from ai4sim.tests.drawn import lines as lines_of
from combustion import plotters
from combustion.baselines import Closures, resolved_gradient
from combustion.evaluation import FlameEvaluation
from combustion.io.layouts import Snapshot
from combustion.tests.blocks import block, judge

DX = 5e-4


def flame(case: str, time: float) -> Snapshot:
    """Wavy front between y = 0 (fresh) and the top (burnt), moved with time."""
    x, y, z = np.meshgrid(np.arange(12), np.arange(9), np.arange(7), indexing="ij")
    front = 4 + np.sin(0.8 * x + 0.3 * z + 1e3 * time)
    c = (0.5 * (1 + np.tanh((y - front) / 1.5))).astype(np.float32)
    sigma = 1.4 * resolved_gradient(c, DX).numpy().astype(np.float32)
    path = Path(f"{case}_{round(1e3 * time):03d}.h5".replace("/", "_"))
    return Snapshot(path, case, time, DX, c, sigma)


def evaluation(cases: list[str], closures: Closures | None, factor: float = 1.0) -> FlameEvaluation:
    """Two snapshots of each case; the model is off by a factor."""
    result = FlameEvaluation()
    for case in cases:
        for time in (0.0, 2e-3):
            snapshot = flame(case, time)
            sigma = snapshot.flame_surface_density
            assert sigma is not None
            closed = closures.predict(snapshot) if closures else {}
            result.update(snapshot, {"model": factor * sigma, **closed})
    return result


def test_every_figure_is_written_and_nothing_else(tmp_path: Path):
    closures = Closures.fit([flame("a", 1e-3)])
    names = [
        "scores",
        "cross_sections_a",
        "cross_sections_u_S_L_2",
        "joint_density",
        "conditional_errors",
        "surface_along_stream",
        "surface_in_time",
    ]
    known = evaluation(["a", "u/S_L = 2"], closures, 0.9)
    assert_written(plotters.figures(known), names, tmp_path / "plots")


def test_surface_curves_are_those_of_the_evaluation():
    known = evaluation(["a"], Closures(), 0.9)
    (axes,) = plotters.surface_in_time(known).axes
    lines = lines_of(axes)
    surface = flame("a", 2e-3).flame_surface_density
    assert surface is not None
    assert lines["DNS"].get_xdata() == pytest.approx([0, 2])  # ms
    assert lines["DNS"].get_ydata()[1] == pytest.approx(surface.sum() * DX**3 * 1e4)  # cm2
    assert lines["Network"].get_ydata() == pytest.approx(0.9 * lines["DNS"].get_ydata())
    (axes,) = plotters.surface_along_stream(known).axes
    lines = lines_of(axes)
    per_length = np.asarray(lines["DNS"].get_ydata()) / 100  # m2/m
    total = np.mean(known.in_time("a")[1]["target"])
    assert per_length.sum() * DX == pytest.approx(total)


def test_bars_rank_the_models_and_show_their_scores():
    known = evaluation(["a"], Closures.fit([flame("a", 1e-3)]), 0.9)
    left, right = plotters.scores(known).axes
    labels = [text.get_text() for text in left.get_yticklabels()]
    assert labels[0] == plotters.LOOKS["gradient_fitted_xi"]["label"]  # exact for this flame
    assert labels.index(plotters.LOOKS["constant"]["label"]) > labels.index("Network") > 0
    shown = [text.get_text().strip() for text in right.texts]
    assert shown[labels.index("Network")] == "10.0"  # % of too little flame surface


def test_cross_sections_share_one_scale_and_errors_are_symmetric():
    figure = plotters.cross_sections(evaluation(["a"], None, 0.9), "a")
    images = [axes.images[0] for axes in figure.axes if axes.images]
    limits = [image.get_clim() for image in images]
    assert limits[0] == limits[1] == limits[2] == limits[3]
    assert limits[0][0] == 0
    assert limits[4] == limits[5]
    assert limits[4][0] == -limits[4][1]
    assert images[4].get_array().max() <= 0  # the model has too little everywhere


@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_a_dead_and_a_perfect_model_alone_can_be_drawn(tmp_path: Path, factor: float):
    assert len(save_figures(plotters.figures(evaluation(["a"], None, factor)), tmp_path)) == 6


def test_other_trained_models_are_in_every_comparison_under_their_own_names():
    closures = Closures.fit([flame("a", 1e-3)])
    known = FlameEvaluation(label="GNN")
    snapshot = flame("a", 1e-3)
    sigma = snapshot.flame_surface_density
    others = {name: sigma * (0.95 + 0.01 * i) for i, name in enumerate(("unet", "gat_8", "gin"))}
    known.update(snapshot, {"model": 0.9 * sigma, **others, **closures.predict(snapshot)})
    names = {"GNN", "U-Net", "gat 8", "gin"}
    for figure in (
        plotters.surface_along_stream(known),
        plotters.surface_in_time(known),
        plotters.conditional_errors(known),
    ):
        lines = lines_of(figure.axes[0])
        assert names < set(lines)
        assert len({lines[name].get_color() for name in lines if not name.startswith("_")}) == len(
            [name for name in lines if not name.startswith("_")]
        )
    left, _ = plotters.scores(known).axes
    assert names < {text.get_text() for text in left.get_yticklabels()}
    assert plotters.joint_density(known).axes[0].get_ylabel().startswith("GNN")
    assert plotters.cross_sections(known, "a").axes[2].get_ylabel().startswith("GNN")


def on_mesh(shape: tuple[int, int, int], *starts: tuple[int, int, int]) -> FlameEvaluation:
    """Zones of one time, with a front half way up."""
    result = FlameEvaluation()
    for i, start in enumerate(starts):
        mesh = block(shape, DX, start)
        c = 0.5 * (1 + np.tanh((mesh.positions[:, 1] / DX - 3.2) / 1.5))
        target = 1e3 * c * (1 - c)
        judge(
            result,
            path=f"a.{i}.h5",
            case="a",
            time=2e-3,
            dx=DX,
            progress_variable=c,
            flame_surface_density=target,
            predictions={"model": 0.9 * target, "gradient": target},
            mesh=mesh,
        )
    return result


def test_all_figures_of_a_mesh_in_zones(tmp_path: Path):
    known = on_mesh((5, 7, 4), (0, 0, 0), (4, 0, 0))
    assert len(save_figures(plotters.figures(known), tmp_path)) == 6
    axes = plotters.cross_sections(known, "a").axes
    assert axes[0].get_xlim() == pytest.approx((0, 8 * DX * 1e3))  # both zones
    assert axes[0].get_ylim() == pytest.approx((0, 6 * DX * 1e3))
    assert axes[1].get_xlim() == pytest.approx((0, 3 * DX * 1e3))
    contours = [c for c in axes[0].collections if isinstance(c, ContourSet)]
    (front,) = (c for c in contours if len(list(c.levels)) == 1)
    heights = np.concatenate([np.asarray(path.vertices)[:, 1] for path in front.get_paths()])
    np.testing.assert_allclose(heights, 3.2 * DX * 1e3, rtol=0.02)


def test_no_colour_between_zones_that_do_not_touch():
    axes = plotters.cross_sections(on_mesh((4, 7, 4), (0, 0, 0), (12, 0, 0)), "a").axes
    (shaded,) = (c for c in axes[0].collections if len(c.levels) > 1)
    middle = DX * 1e3 * np.array([7.5, 3.0])  # of the gap
    assert not any(path.contains_point(middle) for path in shaded.get_paths())
    inside = DX * 1e3 * np.array([13.5, 3.0])
    assert any(path.contains_point(inside) for path in shaded.get_paths())
