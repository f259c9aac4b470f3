"""The baselines: truths of their own kind are found, the physics is in its place."""

import pytest
import torch

from ai4sim.variables import split_channels
from wmed import baselines as module
from wmed.baselines import NAMES, Baselines, rho_fluxes
from wmed.io.layout import FLUXES, RhoLayout
from wmed.nets.inputs import bulk_state
from wmed.physics.bulk import coare36, constant_bulk, ecmwf
from wmed.tests.fluxes_made_up import draw_fluxes, made_up_graph

LAYOUT = RhoLayout(2)
CONSTANTS = {"cd": 1.4e-3, "ch": 1.0e-3, "ce": 1.2e-3}
SUN, SKY = 0.7, 0.85


def draw_inputs(*shape, seed=0):
    """Draw rows of inputs over a cool sea, float64."""
    draw = torch.Generator().manual_seed(seed)
    facts = {
        "wind_x": (2, 6),
        "wind_y": (-3, 5),
        "potential_temperature": (289, 3),
        "mixing_ratio": (8e-3, 1e-3),
        "pressure": (101300, 300),
        "sea_surface_temperature": (290, 2),
        "current_x": (0, 0.2),
        "current_y": (0, 0.2),
        "cos_zenith": (0, 0.4),
        "toa_shortwave": (0, 500),
    }
    parts = []
    for variable in LAYOUT.inputs:
        mean, spread = facts[variable.name]
        noise = torch.randn(*shape, variable.channels, generator=draw, dtype=torch.float64)
        parts.append(mean + spread * noise)
    parts[-1].clamp_(min=0)
    return torch.cat(parts, dim=-1)


def bulk_fluxes(inputs):
    """Return the fluxes of a bulk formula with known constants, (..., 6)."""
    turbulent = constant_bulk(**bulk_state(inputs, LAYOUT, 10.0), **CONSTANTS)
    x, at = split_channels(inputs, LAYOUT.inputs), bulk_state(inputs, LAYOUT, 10.0)
    shortwave = SUN * (1 - 0.066) * x["toa_shortwave"]
    sky, sea = (5.67e-8 * at[n] ** 4 for n in ("air_temperature", "sea_surface_temperature"))
    longwave = 0.98 * (SKY * sky - sea)
    found = (turbulent.tau_x, turbulent.tau_y, shortwave, longwave)
    return torch.stack([*found, turbulent.latent, turbulent.sensible], dim=-1)


def fitted(inputs, fluxes, nearest=None, **options):
    return Baselines.fit(
        [(inputs, inputs if nearest is None else nearest, fluxes)], LAYOUT, **options
    )


@pytest.fixture(scope="module")
def graph():
    return made_up_graph()[1]


def test_the_constants_of_a_bulk_formula_are_found(graph):
    inputs = draw_inputs(400)
    found = fitted(inputs, bulk_fluxes(inputs))
    assert float(found.drag) == pytest.approx(CONSTANTS["cd"])
    expected = [SUN, SKY, CONSTANTS["ce"], CONSTANTS["ch"]]
    assert found.constants.tolist() == pytest.approx(expected)
    new = draw_inputs(2, graph.sizes["rho"], seed=1)
    predicted = found.predict(new, draw_inputs(*new.shape[:2], seed=2), graph, LAYOUT)
    truth = dict(zip(FLUXES, bulk_fluxes(new).unbind(-1), strict=True))
    truth["tau_x"], truth["tau_y"] = graph.to_faces(truth["tau_x"], truth["tau_y"])
    truth["heat"] = sum(truth[name] for name in ("shortwave", "longwave", "latent", "sensible"))
    torch.testing.assert_close(predicted["constant_bulk"], truth)


@pytest.mark.parametrize("known", [[], [2], [2, 4]])
def test_the_net_heat_tells_the_parts_that_are_not_known(known):
    inputs = draw_inputs(400)
    fluxes = bulk_fluxes(inputs)
    heat = fluxes[:, 2:].sum(1, keepdim=True)
    hidden = [k for k in (2, 3, 4, 5) if k not in known]
    fluxes[:, hidden] = torch.nan
    found = fitted(inputs, torch.cat([fluxes, heat], dim=1))
    expected = [SUN, SKY, CONSTANTS["ce"], CONSTANTS["ch"]]
    assert found.constants.tolist() == pytest.approx(expected, rel=1e-4)


def test_a_flux_that_nobody_knows_is_left_out(graph):
    inputs = draw_inputs(400)
    fluxes = bulk_fluxes(inputs)
    fluxes[:, 3] = torch.nan
    new = draw_inputs(1, graph.sizes["rho"], seed=1)
    for name, found in fitted(inputs, fluxes).predict(new, new, graph, LAYOUT).items():
        missing = {"longwave", "heat"}
        assert found.keys() == {*FLUXES, "heat"} - missing, name
    heat = torch.full((400, 1), 50.0, dtype=torch.float64)
    predicted = fitted(inputs, torch.cat([fluxes, heat], 1)).predict(new, new, graph, LAYOUT)
    assert predicted["ridge"].keys() == {*FLUXES, "heat"} - {"longwave"}
    torch.testing.assert_close(predicted["mean"]["heat"], torch.full_like(new[..., 0], 50))
    assert predicted["ecmwf"].keys() == {*FLUXES, "heat"}


def test_ridge_finds_a_line_in_the_nearest_cell_and_the_wind(graph):
    nearest = draw_inputs(500)
    draw = torch.Generator().manual_seed(3)
    weights = torch.randn(LAYOUT.input_channels + 1, 6, generator=draw, dtype=torch.float64)

    def line(inputs):
        at = bulk_state(inputs, LAYOUT, 10.0)
        speed = torch.hypot(at["wind_x"], at["wind_y"])
        scaled = torch.cat([inputs / draw_inputs(500).std(0), speed[..., None]], dim=-1)
        return scaled @ weights

    fluxes = line(nearest)
    fluxes[::3, 4] = torch.nan
    found = fitted(draw_inputs(500, seed=5), fluxes, nearest, penalty=1e-12)
    new = draw_inputs(1, graph.sizes["rho"], seed=1)
    ridge = found.predict(draw_inputs(*new.shape[:2], seed=6), new, graph, LAYOUT)["ridge"]
    for name, values in zip(list(FLUXES)[2:], line(new)[..., 2:].unbind(-1), strict=True):
        torch.testing.assert_close(ridge[name], values, rtol=1e-5, atol=1e-3)
    assert ridge["heat"].shape == new.shape[:2]


def test_physics_takes_the_cell_that_it_is_named_after(graph):
    inputs = draw_inputs(300)
    fluxes = bulk_fluxes(inputs)
    found = fitted(inputs, fluxes)
    shape = (1, graph.sizes["rho"])
    bilinear, nearest = draw_inputs(*shape, seed=1), draw_inputs(*shape, seed=2)
    predicted = found.predict(bilinear, nearest, graph, LAYOUT)
    assert tuple(predicted) == NAMES
    for name, truth in (
        ("coare_nearest", coare36(**bulk_state(nearest, LAYOUT, 10.0))),
        ("ecmwf", ecmwf(**bulk_state(bilinear, LAYOUT, 10.0))),
    ):
        tau_x, tau_y = graph.to_faces(truth.tau_x, truth.tau_y)
        for flux, values in (("tau_x", tau_x), ("tau_y", tau_y), ("latent", truth.latent)):
            torch.testing.assert_close(predicted[name][flux], values)
        for flux in ("shortwave", "longwave"):
            torch.testing.assert_close(predicted[name][flux], predicted["constant_bulk"][flux])
    torch.testing.assert_close(
        predicted["mean"]["latent"], fluxes[:, 4].mean().expand(*shape), rtol=1e-6, atol=0
    )


def test_a_checkpoint_holds_them(tmp_path, graph):
    inputs = draw_inputs(50)
    found = fitted(inputs, bulk_fluxes(inputs))
    torch.save({"baselines": found.state()}, tmp_path / "checkpoint.pt")
    state_ = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["baselines"]
    again = Baselines.from_state(state_)
    new = draw_inputs(1, graph.sizes["rho"], seed=1).float()
    a, b = (known.predict(new, new, graph, LAYOUT) for known in (found, again))
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert a["ridge"]["tau_x"].dtype == torch.float32


def test_rows_come_in_parts_and_are_thinned(monkeypatch):
    inputs = draw_inputs(90)
    fluxes = bulk_fluxes(inputs)
    whole = fitted(inputs, fluxes)
    parts = [(inputs[k], inputs[k], fluxes[k]) for k in torch.arange(90).split(40)]
    torch.testing.assert_close(Baselines.fit(parts, LAYOUT).state(), whole.state())
    monkeypatch.setattr(module, "FIT_ROWS", 30)
    thin = Baselines.fit(parts, LAYOUT)
    torch.testing.assert_close(thin.state(), fitted(inputs[::3], fluxes[::3]).state())


def test_rows_have_no_stress_where_a_face_is_missing(graph):
    targets = draw_fluxes(graph, 2)
    for name, value in (("tau_x", 0.3), ("tau_y", -0.2)):
        targets[name] = torch.full_like(targets[name], value)
    del targets["sensible"]
    rows = rho_fluxes(targets, graph)
    assert rows.shape == (2, graph.sizes["rho"], 7)
    inner = (graph.rho_faces >= 0).all(-1)
    assert rows[:, ~inner, :2].isnan().all()
    torch.testing.assert_close(rows[:, inner, 0], torch.full_like(rows[:, inner, 0], 0.3))
    torch.testing.assert_close(rows[:, inner, 1], torch.full_like(rows[:, inner, 1], -0.2))
    assert rows[..., 5].isnan().all()
    torch.testing.assert_close(rows[..., 6], targets["heat"])


def test_errors_say_what_does_not_fit(graph):
    inputs = draw_inputs(20)
    fluxes = bulk_fluxes(inputs)
    with pytest.raises(ValueError, match="fitted to 0 rows"):
        Baselines.fit([], LAYOUT)
    with pytest.raises(ValueError, match=r"inputs of shapes .* expected \(row, 20\)"):
        Baselines.fit([(inputs, inputs, fluxes)], RhoLayout(3))
    with pytest.raises(ValueError, match=r"expected \(20, 6\), or with the net heat \(20, 7\)"):
        fitted(inputs, fluxes[:, :5])
    with pytest.raises(ValueError, match="no row of the training set has a stress"):
        fitted(inputs, fluxes.where(torch.arange(6) > 1, torch.nan))
    found = fitted(inputs, fluxes)
    with pytest.raises(ValueError, match="fitted to 15 inputs, found 20"):
        found.predict(inputs[None], inputs[None], graph, RhoLayout(3))
    with pytest.raises(ValueError, match=r"nearest inputs of shape \(20, 15\)"):
        found.predict(inputs[None], inputs, graph, LAYOUT)
