"""What every model claims: symmetries, signs, closures, and the same numbers wherever it goes."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

from ai4sim.export import export_program
from ai4sim.physics.constants import GRAVITY
from ai4sim.surrogate import Surrogate
from ai4sim.variables import split_channels
from wmed.io.graph import CouplingGraph, build
from wmed.io.grid import OceanGrid, at_nodes, on_grid
from wmed.io.layout import FLUXES, RhoLayout
from wmed.models import LitConstantBulk, LitCouplingGNN, LitMLP, LitTransferNet
from wmed.nets.bulk_flux_net import ColumnEncoder
from wmed.nets.coupler import fluxes, layout_of
from wmed.nets.coupling_net import CouplingNet, coupled
from wmed.nets.features import sea_surface
from wmed.nets.heads import DRAG, RANGE, neutral_drag, radiative_fluxes, turbulent_fluxes
from wmed.nets.inputs import rho_inputs, sunlight
from wmed.tests.grids_made_up import made_up_atmosphere, made_up_ocean

LAYOUT = RhoLayout(4)
AIR = made_up_atmosphere()
STRUCTURED = [LitConstantBulk, LitTransferNet, LitCouplingGNN]
MODELS = [*STRUCTURED, LitMLP]


def surrogate(model, seed=0):
    """Return a network with weights of some size everywhere, in double precision."""
    torch.manual_seed(seed)
    net = model(levels=LAYOUT.levels).surrogate.double().eval()
    for parameter in net.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return net


def states(ocean, times=2, seed=0):
    """Draw plausible states of both sides, and their graph, in double precision."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    nodes, levels = int(AIR.sea.sum()), AIR.levels
    height = torch.as_tensor(AIR.heights)
    profiles = [
        4 + 3 * draw(times, nodes, levels),
        -2 + 3 * draw(times, nodes, levels),
        287 + draw(times, nodes, levels) + 0.004 * height,
        8e-3 + 1e-3 * draw(times, nodes, levels),
        101300 + 100 * draw(times, nodes, 1) - 12 * height,
    ]
    fields = {
        "atmosphere": torch.cat(profiles, dim=-1),
        "sst": 288 + draw(times, int(ocean.sea.sum())),
        "current_u": 0.3 * draw(times, int(ocean.sea_u.sum())),
        "current_v": 0.3 * draw(times, int(ocean.sea_v.sum())),
        "sun": torch.tensor([[0.2, 0.3, 1361.0], [0.2, math.pi, 1361.0]])[:times].double(),
    }
    graph = build(AIR, ocean)
    doubled = {
        n: v.double()
        for n, v in vars(graph).items()
        if torch.is_tensor(v) and v.is_floating_point()
    }
    return fields, CouplingGraph(**{**vars(graph), **doubled})


def turned(field, sign=1):
    """Return a field on a grid whose xi axis is the eta axis of the old one, eta against xi."""
    return sign * np.swapaxes(field, -2, -1)[..., ::-1, :]


def turned_grid(grid: OceanGrid) -> OceanGrid:
    return OceanGrid(
        lon=turned(grid.lon),
        lat=turned(grid.lat),
        sea=turned(grid.sea) > 0,
        angle=turned(grid.angle) + math.pi / 2,
        dx=turned(grid.dy),
        dy=turned(grid.dx),
        coriolis=turned(grid.coriolis),
    )


# ---- the observer does not matter ------------------------------------------------------------


@pytest.mark.parametrize("model", STRUCTURED)
def test_a_grid_that_is_turned_by_90_degrees_has_the_same_stress(model):
    old = made_up_ocean()
    new = turned_grid(old)
    fields, graph = states(old)
    _, other = states(new)
    there = {
        **fields,
        "sst": at_nodes(turned(on_grid(fields["sst"].numpy(), old.sea)), new.sea),
        "current_u": at_nodes(turned(on_grid(fields["current_v"].numpy(), old.sea_v)), new.sea_u),
        "current_v": at_nodes(
            turned(on_grid(fields["current_u"].numpy(), old.sea_u), -1), new.sea_v
        ),
    }
    there = {name: torch.as_tensor(np.ascontiguousarray(v)) for name, v in there.items()}
    net = surrogate(model)
    one, two = fluxes(net, fields, graph), fluxes(net, there, other)
    expected = {
        "tau_x": at_nodes(turned(on_grid(one["tau_y"].detach().numpy(), old.sea_v)), new.sea_u),
        "tau_y": at_nodes(turned(on_grid(one["tau_x"].detach().numpy(), old.sea_u), -1), new.sea_v),
        "heat": at_nodes(turned(on_grid(one["heat"].detach().numpy(), old.sea)), new.sea),
    }
    for name, values in expected.items():
        found = two[name].detach().numpy()
        assert np.abs(values).max() > 1e-3
        # Angles and weights of the graph are in single precision.
        np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-5 * np.abs(values).max())


@pytest.mark.parametrize("model", STRUCTURED)
def test_a_common_motion_of_air_and_sea_changes_nothing(model):
    ocean = made_up_ocean()
    open_sea = OceanGrid(**{**vars(ocean), "sea": np.ones_like(ocean.sea)})
    fields, graph = states(open_sea)
    moving = {name: values.clone() for name, values in fields.items()}
    east, north = 1.5, -0.7
    moving["atmosphere"][..., :4] += east
    moving["atmosphere"][..., 4:8] += north
    moving["current_u"] += east  # the grid's axes point east and north
    moving["current_v"] += north
    net = surrogate(model)
    one, two = fluxes(net, fields, graph), fluxes(net, moving, graph)
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("model", [LitConstantBulk, LitTransferNet])
def test_the_stress_turns_with_wind_and_current_by_any_angle(model):
    fields, graph = states(made_up_ocean())
    rows = rho_inputs(fields, graph, LAYOUT).flatten(0, 1)
    angle = 0.7
    cos, sin = math.cos(angle), math.sin(angle)
    new = rows.clone()
    old, there = split_channels(rows, LAYOUT.inputs), split_channels(new, LAYOUT.inputs)
    for x, y in (("wind_x", "wind_y"), ("current_x", "current_y")):
        there[x].copy_(cos * old[x] - sin * old[y])
        there[y].copy_(sin * old[x] + cos * old[y])
    net = surrogate(model)
    one, two = net(rows), net(new)
    tau = torch.stack([cos * one[:, 0] - sin * one[:, 1], sin * one[:, 0] + cos * one[:, 1]], 1)
    torch.testing.assert_close(two[:, :2], tau, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(two[:, 2:], one[:, 2:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_the_order_of_the_nodes_does_not_matter(model):
    fields, graph = states(made_up_ocean())
    generator = torch.Generator().manual_seed(1)
    order = {k: torch.randperm(n, generator=generator) for k, n in graph.sizes.items()}
    place = {k: torch.argsort(perm) for k, perm in order.items()}
    rho = order["rho"]
    faces = graph.rho_faces[rho].clone()
    for axis, kind in ((slice(0, 2), "u"), (slice(2, 4), "v")):
        there = faces[:, axis]
        faces[:, axis] = torch.where(there >= 0, place[kind][there.clamp(min=0)], -1)
    shuffled = CouplingGraph(
        index=place["atmosphere"][graph.index[rho]],
        weight=graph.weight[rho],
        nearest=place["atmosphere"][graph.nearest[rho]],
        offsets=graph.offsets[rho],
        u_faces=place["rho"][graph.u_faces[order["u"]]],
        v_faces=place["rho"][graph.v_faces[order["v"]]],
        rho_faces=faces,
        face_weight=graph.face_weight[rho],
        rho_edges=place["rho"][graph.rho_edges].flip(1),
        rho_offsets=graph.rho_offsets.flip(0),
        angle=graph.angle[rho],
        lat=graph.lat[rho],
        lon=graph.lon[rho],
        atmosphere_nodes=graph.atmosphere_nodes,
    )
    moved = {
        "atmosphere": fields["atmosphere"][:, order["atmosphere"]],
        "sst": fields["sst"][:, rho],
        "current_u": fields["current_u"][:, order["u"]],
        "current_v": fields["current_v"][:, order["v"]],
        "sun": fields["sun"],
    }
    net = surrogate(model)
    one, two = fluxes(net, fields, graph), fluxes(net, moved, shuffled)
    for name, values in one.items():
        kind = {"tau_x": "u", "tau_y": "v"}.get(name, "rho")
        torch.testing.assert_close(two[name], values[:, order[kind]])


# ---- physics that holds whatever the weights -------------------------------------------------


@pytest.mark.parametrize("model", STRUCTURED)
def test_signs_and_bounds_hold_for_any_weights(model):
    fields, graph = states(made_up_ocean())
    rows = rho_inputs(fields, graph, LAYOUT)
    surface = sea_surface(rows.flatten(0, 1), LAYOUT, torch.tensor(10.0))
    net = surrogate(model, seed=3)
    hetero = coupled(graph, fields) if isinstance(net.net, CouplingNet) else None
    found = dict(zip(FLUXES, net(rows.flatten(0, 1), graph=hetero).unbind(-1), strict=True))
    across = found["tau_x"] * surface.wind_y - found["tau_y"] * surface.wind_x
    along = found["tau_x"] * surface.wind_x + found["tau_y"] * surface.wind_y
    assert (along > 0).all() and across.abs().max() < 1e-6 * along.max()
    assert (found["latent"] * surface.moisture >= 0).all()
    assert (found["sensible"] * surface.warmth >= 0).all()
    night = surface.toa_shortwave == 0
    assert night.any() and not night.all()
    assert (found["shortwave"][night] == 0).all()
    day = found["shortwave"][~night]
    assert (day > 0).all() and (day < surface.toa_shortwave[~night]).all()


@pytest.mark.parametrize("model", MODELS)
def test_the_heat_flux_is_the_sum_of_its_parts(model):
    fields, graph = states(made_up_ocean())
    found = fluxes(surrogate(model), fields, graph)
    parts = found["shortwave"] + found["longwave"] + found["latent"] + found["sensible"]
    torch.testing.assert_close(found["heat"], parts, rtol=1e-12, atol=1e-9)


def test_a_calm_has_no_stress_and_finite_gradients():
    fields, graph = states(made_up_ocean(), times=1)
    rows = rho_inputs(fields, graph, LAYOUT)[0, :3].clone()
    named = split_channels(rows, LAYOUT.inputs)
    named["current_x"].copy_(named["wind_x"][:, 0])
    named["current_y"].copy_(named["wind_y"][:, 0])
    rows.requires_grad_()
    found = surrogate(LitTransferNet)(rows)
    assert (found[:, :2] == 0).all() and (found[:, 4].abs() > 0).all()
    found.sum().backward()
    assert rows.grad.isfinite().all()


def test_the_neutral_drag_is_that_of_charnock():
    speed, height = torch.tensor([5.0, 10.0, 20.0, 30.0], dtype=torch.float64), torch.tensor(10.0)
    drag = neutral_drag(speed, height)
    ustar = drag.sqrt() * speed
    roughness = 0.018 * ustar**2 / GRAVITY + 0.11 * 1.5e-5 / ustar
    torch.testing.assert_close((0.4 / torch.log(10 / roughness)) ** 2, drag, rtol=5e-3, atol=0)
    assert (drag.diff() > 0).all()
    assert drag[0] < DRAG < drag[2]


def test_heads_take_any_numbers():
    fields, graph = states(made_up_ocean(), times=1)
    surface = sea_surface(rho_inputs(fields, graph, LAYOUT)[0], LAYOUT, torch.tensor(10.0))
    rows = len(surface.speed)
    for numbers in (-1e6, 0.0, 1e6):
        turbulent = turbulent_fluxes(surface, torch.full((rows, 3), numbers))
        radiative = radiative_fluxes(surface, torch.full((rows, 2), numbers))
        assert turbulent.isfinite().all() and radiative.isfinite().all()
    largest = turbulent_fluxes(surface, torch.full((rows, 3), 1e6))
    usual = turbulent_fluxes(surface, torch.zeros(rows, 3))
    torch.testing.assert_close(largest, math.exp(RANGE) * usual, rtol=1e-5, atol=1e-5)


# ---- the neighbourhood -----------------------------------------------------------------------


def test_times_of_a_batch_do_not_mix_and_a_network_sees_as_far_as_its_rounds():
    ocean = made_up_ocean()
    fields, graph = states(ocean)
    net = surrogate(LitCouplingGNN)
    whole = fluxes(net, fields, graph)
    for k in range(2):
        one = fluxes(net, {name: values[k : k + 1] for name, values in fields.items()}, graph)
        torch.testing.assert_close(one["heat"][0], whole["heat"][k])
    # A warmer point changes those within two steps along the grid.
    eta, xi = 8, 10
    node = int(np.flatnonzero(np.flatnonzero(ocean.sea) == eta * ocean.shape[1] + xi)[0])
    warmer = {**fields, "sst": fields["sst"].clone()}
    warmer["sst"][0, node] += 3
    change = fluxes(net, warmer, graph)["latent"] - whole["latent"]
    assert (change[1] == 0).all()
    places = on_grid(change[0].detach().numpy(), ocean.sea) != 0
    far = np.abs(np.indices(ocean.shape) - np.array([eta, xi])[:, None, None]).sum(0)
    assert far[places].max() == 2  # as many as rounds


def test_faces_send_and_receive():
    fields, graph = states(made_up_ocean(), times=1)
    net = surrogate(LitCouplingGNN)
    before = fluxes(net, fields, graph)["latent"]
    faster = {**fields, "current_u": fields["current_u"].clone()}
    faster["current_u"][0, 5] += 1
    changed = (fluxes(net, faster, graph)["latent"] - before)[0].abs() > 0
    assert changed.sum() > 2  # more than the two points beside that face
    assert net.net.outwards[0].sender.weight.grad is None
    before.sum().backward()
    assert net.net.outwards[0].sender.weight.grad.abs().max() > 0
    assert net.net.inwards[0].sender.weight.grad.abs().max() > 0


def test_a_column_encoder_takes_columns_of_any_shape():
    encoder = ColumnEncoder(4, features=5)
    fields, _ = states(made_up_ocean())
    columns = fields["atmosphere"].float()
    assert encoder(columns).shape == (*columns.shape[:2], 5)
    torch.testing.assert_close(encoder(columns)[1, 3], encoder(columns[1:, 3:4])[0, 0])


@pytest.mark.parametrize("levels", [4, 9])
def test_columns_are_encoded_before_the_interpolation_or_after_it(levels):
    fields, graph = states(made_up_ocean())
    net = surrogate(partial(LitTransferNet, encoder="linear"))
    assert net.net.of_columns
    if levels != LAYOUT.levels:
        fields["atmosphere"] = torch.cat([fields["atmosphere"]] * 9, dim=-1)[..., : 5 * levels]
        with pytest.raises(ValueError, match="expected 5 profiles of 4 levels, found 45"):
            fluxes(net, fields, graph)
        return
    before = fluxes(net, fields, graph)
    after = fluxes(net, fields, graph, rho_inputs(fields, graph, LAYOUT))
    for name, values in before.items():
        # Weights of the interpolation are in single precision, and so is their sum.
        torch.testing.assert_close(values, after[name], rtol=2e-6, atol=1e-6)


def test_a_specification_of_before_is_a_network_of_convolutions_with_the_same_numbers(tmp_path):
    fields, graph = states(made_up_ocean())
    fields = {name: values.float() for name, values in fields.items()}
    spec = {"name": "BulkFluxNet", "levels": 4, "features": 16, "layers": 2, "profile": True}
    net = Surrogate(spec, LAYOUT.inputs, LAYOUT.outputs).eval()
    assert isinstance(net.net.encoder, ColumnEncoder) and not net.net.of_columns
    with pytest.raises(ValueError, match="encoder must be one of .*, found 'quadratic'"):
        Surrogate({**spec, "encoder": "quadratic"}, LAYOUT.inputs, LAYOUT.outputs)
    net.save(tmp_path / "model")
    rows = rho_inputs(fields, build(AIR, made_up_ocean()), LAYOUT)[0]
    assert torch.equal(Surrogate.load(tmp_path / "model")(rows), net(rows))


# ---- in and out ------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_saved_and_loaded_it_gives_the_same(model, tmp_path):
    fields, graph = states(made_up_ocean())
    net = surrogate(model).float()
    net.facts = {"heights": [10.0, 32.0, 58.0, 90.0]}
    fields = {name: values.float() for name, values in fields.items()}
    graph = build(AIR, made_up_ocean())
    net.save(tmp_path / "model")
    loaded = Surrogate.load(tmp_path / "model")
    assert loaded.facts == net.facts and layout_of(loaded) == LAYOUT
    one, two = fluxes(net, fields, graph), fluxes(loaded, fields, graph)
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=0, atol=0)


@pytest.mark.parametrize("model", [LitTransferNet, LitMLP])
def test_the_program_takes_any_number_of_points(model, tmp_path):
    fields, graph = states(made_up_ocean(), times=1)
    rows = rho_inputs(fields, graph, LAYOUT)[0].float()
    net = surrogate(model).float()
    export_program(net, rows[:2], tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    for count in (1, 2, len(rows)):
        found = program(rows[:count], torch.ones(count))
        torch.testing.assert_close(found, net(rows[:count]), rtol=1e-5, atol=1e-5)


def test_named_columns_in_named_fluxes_out():
    fields, graph = states(made_up_ocean(), times=1)
    net = surrogate(LitTransferNet).float()
    rows = rho_inputs(fields, graph, LAYOUT)[0].float()
    named = {name: part.numpy() for name, part in split_channels(rows, LAYOUT.inputs).items()}
    found = net.predict(named)
    torch.testing.assert_close(torch.as_tensor(found["latent"]), net(rows)[:, 4].detach())


def test_a_graph_network_says_what_it_lacks():
    fields, graph = states(made_up_ocean(), times=1)
    net = surrogate(LitCouplingGNN)
    rows = rho_inputs(fields, graph, LAYOUT)[0]
    with pytest.raises(ValueError, match="needs the graph"):
        net(rows)
    with pytest.raises(ValueError, match="expected a multiple of the"):
        net(rows[:-1], graph=coupled(graph, fields))
    with pytest.raises(ValueError, match="5 profiles of 9 levels"):
        rho_inputs(fields, graph, RhoLayout(9))


def test_the_sun_at_noon_and_at_midnight():
    sun = torch.tensor([[0.0, 0.0, 1361.0], [0.0, math.pi, 1361.0]])
    cos, toa = sunlight(sun, torch.tensor([0.0, 60.0]), torch.tensor([0.0, 0.0]))
    torch.testing.assert_close(cos, torch.tensor([[1.0, 0.5], [-1.0, -0.5]]))
    torch.testing.assert_close(toa, torch.tensor([[1361.0, 680.5], [0.0, 0.0]]))
