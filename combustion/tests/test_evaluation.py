"""The evaluation: metrics by hand, independence of how files are shared out, error messages."""

import json
import math
import pickle

import numpy as np
import pytest
import torch

from combustion.evaluation import DENSITY_BINS, SIGMA_DX_MAX, FlameEvaluation
from combustion.tests.blocks import Block, block, judge

DX = 1e-3


def fields(seed: int) -> dict[str, np.ndarray]:
    """c_bar, a target with flame along the whole stream, and two predictions."""
    rng = np.random.default_rng(seed)
    c = rng.random((8, 6, 5))
    target = 1600 * c * (1 - c) * rng.uniform(0.8, 1.2, c.shape)
    return {"c": c, "target": target, "model": target * 1.1 - 5, "half": target / 2}


def evaluate(seeds: range) -> FlameEvaluation:
    """Evaluate some made-up snapshots of two cases."""
    evaluation = FlameEvaluation()
    for seed in seeds:
        f = fields(seed)
        judge(
            evaluation,
            path=f"raw/case{seed % 2}_{seed:03d}.h5",
            case=f"case{seed % 2}",
            time=seed * 1e-3,
            dx=DX,
            progress_variable=f["c"],
            flame_surface_density=f["target"],
            predictions={"model": f["model"], "half": f["half"]},
        )
    return evaluation


def test_metrics_equal_those_of_all_cells_at_once():
    seeds = range(5)
    metrics = evaluate(seeds).metrics()
    y = np.stack([fields(s)["target"] for s in seeds])
    p = np.stack([fields(s)["model"] for s in seeds])
    assert metrics["model"]["r2"] == pytest.approx(1 - ((p - y) ** 2).mean() / y.var(), rel=1e-10)
    assert metrics["model"]["rmse"] == pytest.approx(np.sqrt(((p - y) ** 2).mean()))
    assert metrics["model"]["nrmse"] == pytest.approx(np.sqrt(((p - y) ** 2).mean() / y.var()))
    assert metrics["model"]["mae"] == pytest.approx(np.abs(p - y).mean())
    assert metrics["model"]["bias"] == pytest.approx((p - y).mean())
    ratio = p.sum((1, 2, 3)) / y.sum((1, 2, 3))
    assert metrics["model"]["total_flame_surface_error"] == pytest.approx(np.abs(ratio - 1).mean())
    assert metrics["baselines"]["half"]["total_flame_surface_error"] == pytest.approx(0.5)
    assert metrics["baselines"]["half"]["wrinkling_factor"] == pytest.approx(
        metrics["model"]["wrinkling_factor_target"] / 2
    )
    one = evaluate(range(1, 5, 2)).metrics()
    assert metrics["cases"]["case1"] == {"model": one["model"], "baselines": one["baselines"]}
    assert json.loads(json.dumps(metrics)) == metrics


def test_surface_in_the_wrong_place_counts_along_the_stream_only():
    target = np.zeros((4, 3, 3))
    target[1] = 100.0
    moved = np.roll(target, 1, axis=0)
    evaluation = FlameEvaluation()
    judge(
        evaluation,
        path="a",
        case="a",
        time=0.0,
        dx=DX,
        progress_variable=np.zeros_like(target),
        flame_surface_density=target,
        predictions={"model": moved, "gradient": target / 2},
    )
    metrics = evaluation.metrics()
    assert metrics["model"]["total_flame_surface_error"] == 0
    assert metrics["model"]["streamwise_flame_surface_error"] == pytest.approx(2.0)
    assert metrics["model"]["wrinkling_factor_target"] == pytest.approx(2.0)
    x, curves = evaluation.streamwise("a")
    # 9 cells of 100 /m and volume dx^3, per length dx
    np.testing.assert_allclose(curves["target"], [0, 9 * 100 * DX**2, 0, 0])
    np.testing.assert_allclose(x, np.arange(4) * DX)
    assert evaluation.in_time("a")[1]["model"] == pytest.approx([9 * 100 * DX**3])


@pytest.mark.parametrize("share", [(range(3), range(3, 7)), (range(4, 7), range(5))])
def test_processes_put_together_equal_one_pass(share: tuple[range, range]):
    """Shared out in any way, even with files evaluated twice."""
    whole = evaluate(range(7))
    first, second = (evaluate(seeds) for seeds in share)
    first.merge(pickle.loads(pickle.dumps(second)))
    assert first.metrics() == whole.metrics()
    np.testing.assert_array_equal(first.joint_density(), whole.joint_density())
    for mine, theirs in zip(
        first.conditional_error("target", "model"), whole.conditional_error("target", "model")
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    for case in whole.cases:
        assert first.of_case(case)[-1].section == whole.of_case(case)[-1].section
        assert all(score.section is None for score in first.of_case(case)[:-1])


def evaluate_mesh(
    evaluation: FlameEvaluation, mesh: Block, name: str = "zone.0", time: float = 1e-3
) -> None:
    """Add a zone whose fields are functions of the place and the time."""
    x, y, z = mesh.positions.T / DX
    target = 100 + 30 * np.sin(x + 2 * y) + 20 * np.cos(z) + 1e3 * np.nan_to_num(time) * x
    judge(
        evaluation,
        path=f"{name}.h5",
        case="zone",
        time=time,
        dx=DX,
        progress_variable=0.5 + 0.4 * np.sin(x),
        flame_surface_density=target,
        predictions={"model": 0.9 * target + y, "gradient": 0.5 * target},
        mesh=mesh,
    )


def test_a_grid_given_as_a_mesh_has_the_same_metrics_and_surfaces():
    mesh, grid, nodes = block((8, 6, 5), DX), FlameEvaluation(), FlameEvaluation()
    mesh.volumes = np.full(8 * 6 * 5, DX**3)  # cells, not nodes between cells
    f = fields(3)
    gradient = 0.6 * f["target"]
    for evaluation, shape, where in ((grid, (8, 6, 5), None), (nodes, (-1,), mesh)):
        judge(
            evaluation,
            path="a",
            case="a",
            time=0.0,
            dx=DX,
            progress_variable=f["c"].reshape(shape),
            flame_surface_density=f["target"].reshape(shape),
            predictions={
                "model": f["model"].reshape(shape),
                "gradient": torch.tensor(gradient).reshape(1, *shape),
            },
            mesh=where,
        )
    for name, values in grid.metrics()["model"].items():
        assert nodes.metrics()["model"][name] == pytest.approx(values, rel=1e-12)
    np.testing.assert_array_equal(grid.joint_density(), nodes.joint_density())
    for case in (grid.in_time("a"), nodes.in_time("a")):
        assert case[1]["target"] == pytest.approx([f["target"].sum() * DX**3])
    (x, curves), (x_mesh, curves_mesh) = grid.streamwise("a"), nodes.streamwise("a")
    np.testing.assert_allclose(x, x_mesh)
    np.testing.assert_allclose(curves["model"][1:-1], curves_mesh["model"][1:-1])


def test_zones_of_one_time_are_one_snapshot():
    whole, parts = FlameEvaluation(label="GNN"), FlameEvaluation(label="GNN")
    for time in (1e-3, 2e-3):
        evaluate_mesh(whole, block((9, 5, 4), DX), f"whole_{time}", time)
        for i, start in enumerate((0, 4)):
            evaluate_mesh(parts, block((5, 5, 4), DX, (start, 0, 0)), f"zone_{time}.{i}", time)
    parts = pickle.loads(pickle.dumps(parts))
    assert parts.label == "GNN"
    time, curves = parts.in_time("zone")
    assert time.tolist() == [1e-3, 2e-3]
    for name, values in whole.in_time("zone")[1].items():
        assert curves[name] == pytest.approx(values)
    (x, curves), (x_whole, expected) = parts.streamwise("zone"), whole.streamwise("zone")
    np.testing.assert_allclose(x, x_whole)
    for name, values in expected.items():
        np.testing.assert_allclose(curves[name], values)
    for metric in ("total_flame_surface_error", "streamwise_flame_surface_error"):
        in_whole = whole.metrics()["model"][metric]
        assert parts.metrics()["model"][metric] == pytest.approx(in_whole)
    kept = [score.path for score in parts.of_case() if score.section is not None]
    assert kept == ["zone_0.002.0.h5", "zone_0.002.1.h5"]  # all zones of the last time
    stream = parts.section("zone").stream
    assert np.ptp(stream.points, axis=0) == pytest.approx([8 * DX, 4 * DX])


def test_zones_of_unknown_time_stay_apart():
    evaluation = FlameEvaluation()
    for i, start in enumerate((0, 4)):
        evaluate_mesh(evaluation, block((5, 5, 4), DX, (start, 0, 0)), f"zone.{i}", math.nan)
    assert len(evaluation.in_time("zone")[0]) == 2


def test_a_uniform_density_has_the_same_surface_along_the_whole_stream():
    mesh = block((6, 4, 3), DX)
    ones = np.ones(6 * 4 * 3)
    evaluation = FlameEvaluation()
    judge(
        evaluation,
        path="a",
        case="a",
        time=0.0,
        dx=DX,
        progress_variable=ones,
        flame_surface_density=50 * ones,
        predictions={"model": 40 * ones, "gradient": 20 * ones},
        mesh=mesh,
    )
    x, curves = evaluation.streamwise("a")
    np.testing.assert_allclose(x, np.arange(6) * DX)
    np.testing.assert_allclose(curves["target"], 50 * 3 * 2 * DX**2)  # ends included
    metrics = evaluation.metrics()["model"]
    assert metrics["wrinkling_factor"] == pytest.approx(2.0)
    assert metrics["wrinkling_factor_target"] == pytest.approx(2.5)
    assert metrics["total_flame_surface_error"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": {"model": np.ones(24)}}, "case.h5: no prediction 'gradient' .*on a mesh"),
        (
            {"flame_surface_density": np.ones(23)},
            r"case.h5: flame_surface_density: expected \(24,\), found \(23,\)",
        ),
        ({"progress_variable": np.ones((2, 3, 4))}, r"expected \(24,\), found \(2, 3, 4\)"),
    ],
)
def test_what_is_missing_on_a_mesh_is_named(change: dict, message: str):
    ones = np.ones(24)
    given = {
        "progress_variable": ones,
        "flame_surface_density": ones,
        "predictions": {"model": ones, "gradient": ones},
    }
    with pytest.raises(ValueError, match=message):
        judge(
            FlameEvaluation(),
            path="case.h5",
            case="a",
            time=0.0,
            dx=DX,
            mesh=block((2, 3, 4), DX),
            **{**given, **change},
        )


def test_conditional_error_and_joint_density():
    c = np.array([0.01, 0.02, 0.52, 0.98]).reshape(4, 1, 1)
    target = np.array([0.1, 0.2, 0.703, 9.0]).reshape(4, 1, 1) / DX
    error = np.array([-10.0, 30.0, 10.0, 0.0]).reshape(4, 1, 1)
    evaluation = FlameEvaluation()
    judge(
        evaluation,
        path="a",
        case="a",
        time=math.nan,
        dx=DX,
        progress_variable=c,
        flame_surface_density=target,
        predictions={"model": target + error, "gradient": target},
    )
    centres, mean, rms = evaluation.conditional_error("progress_variable", "model")
    assert centres[0] == pytest.approx(0.025)
    assert (mean[0], rms[0]) == pytest.approx((10.0, math.sqrt(500)))  # of -10 and 30
    assert (mean[10], rms[10]) == pytest.approx((10.0, 10.0))
    assert np.isnan(mean[1])
    density = evaluation.joint_density()
    assert density.sum() == 4
    width = SIGMA_DX_MAX / DENSITY_BINS
    assert density[int(0.703 / width), int(0.713 / width)] == 1
    assert density[-1, -1] == 1  # beyond the range


def test_constant_target_has_no_r2():
    evaluation = FlameEvaluation()
    ones = np.ones((3, 3, 3))
    judge(
        evaluation,
        path="a",
        case="a",
        time=0.0,
        dx=DX,
        progress_variable=ones,
        flame_surface_density=ones,
        predictions={"model": torch.tensor(2 * ones)[None, None]},
    )
    assert math.isnan(evaluation.metrics()["model"]["r2"])
    assert evaluation.metrics()["model"]["rmse"] == 1.0


def test_only_baselines_that_every_snapshot_has_are_compared():
    evaluation = evaluate(range(2))
    f = fields(2)
    judge(
        evaluation,
        path="c",
        case="other",
        time=0.0,
        dx=DX,
        progress_variable=f["c"],
        flame_surface_density=f["target"],
        predictions={"model": f["model"]},
    )
    metrics = evaluation.metrics()
    assert metrics["baselines"] == {}
    assert set(metrics["cases"]["case1"]["baselines"]) == {"half"}


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ({"half": np.ones((8, 6, 5))}, r"case.h5: no prediction 'model' among \['half'\]"),
        ({"model": np.ones((8, 6, 4))}, r"case.h5: prediction 'model': expected \(8, 6, 5\)"),
        (
            {"model": np.full((8, 6, 5), np.nan)},
            "prediction 'model': 240 of 240 values are NaN or infinite",
        ),
    ],
)
def test_what_cannot_be_judged_is_named(predictions: dict, message: str):
    f = fields(0)
    with pytest.raises(ValueError, match=message):
        judge(
            FlameEvaluation(),
            path="case.h5",
            case="a",
            time=0.0,
            dx=DX,
            progress_variable=f["c"],
            flame_surface_density=f["target"],
            predictions=predictions,
        )


def test_nothing_evaluated():
    with pytest.raises(ValueError, match="no snapshot has been evaluated"):
        FlameEvaluation().metrics()
