"""The whole network: units, scales, and what it makes of columns it cannot know."""

import pytest
import torch

from ai4sim.nets import build
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.nets import correction_net
from weather_forecast.bias_correction.nets.correction_net import CorrectionNet, output_units
from weather_forecast.bias_correction.physics.heating import HEATING, heating_rate
from weather_forecast.bias_correction.tests import made_up

LEVELS = 12
LAYOUT = RadiationLayout(LEVELS)
BACKBONES = {
    "UNet": {"dimensions": 1, "features": 4, "levels": 3},
    "AttentionCNN": {"features": 8, "blocks": 1, "heads": 2},
    "BiRNN": {"features": 8, "layers": 1},
}
LINEAR = {"name": "BiRNN", "features": 8, "layers": 1, "cell": "linear"}


def net_of(name: str, **options) -> CorrectionNet:
    """A small network, calibrated on made-up columns."""
    torch.manual_seed(0)
    net = CorrectionNet({"name": name, **BACKBONES[name]}, levels=LEVELS, **options)
    data = made_up.columns(64, LEVELS)
    net.calibrate(data["inputs"], data["targets"])
    return net


def test_a_unit_of_output_is_the_mean_size_of_each_variable():
    data = made_up.columns(64, LEVELS)
    sizes = LAYOUT.split_outputs(output_units(LAYOUT, data["targets"])[None])
    for name, values in LAYOUT.split_outputs(data["targets"]).items():
        torch.testing.assert_close(sizes[name], values.abs().mean().expand(1, values.shape[1]))


def test_heating_rates_may_count_more_and_no_correction_still_has_the_error_one():
    targets = made_up.columns(64, LEVELS)["targets"]
    even, uneven = (output_units(LAYOUT, targets, weight) for weight in (1.0, 3.0))
    ratio = LAYOUT.split_outputs((even / uneven)[None])
    torch.testing.assert_close(ratio["hr_sw"][0, 0], 3 * ratio["flux_dn_lw"][0, 0])
    for units in (even, uneven):
        assert (targets / units).abs().mean().item() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("derived", [True, False])
def test_features_are_normalised_over_the_columns_of_the_calibration(derived, monkeypatch):
    monkeypatch.setattr(correction_net, "LIMIT", 100.0)
    net = net_of("BiRNN", derived=derived)
    columns = LAYOUT.split_inputs(made_up.columns(64, LEVELS)["inputs"])
    found = net._normalised(columns)
    assert found.mean((0, 2)).abs().max() < 1e-3
    varies = net.std[:, 0] > 2e-4
    torch.testing.assert_close(
        found.std((0, 2))[varies], torch.ones(int(varies.sum())), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize("name", BACKBONES)
def test_every_network_learns_a_batch(name, structured):
    data = made_up.columns(32, LEVELS)
    net = net_of(name, structured=structured)
    target = data["targets"] / net.output_scale
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(25):
        loss = (net(data["inputs"]) - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.75 * losses[0]


def test_corrections_of_either_sign_come_out():
    for structured in (True, False):
        net = net_of("BiRNN", structured=structured)
        torch.nn.init.normal_(net.backbone.last.weight)
        torch.nn.init.zeros_(net.backbone.last.bias)
        found = net(made_up.columns(64, LEVELS)["inputs"])
        for values in LAYOUT.split_outputs(found).values():
            assert values.min() < 0 < values.max()


def test_a_column_does_not_depend_on_its_neighbours_in_the_batch():
    inputs = made_up.columns(16, LEVELS)["inputs"]
    for name in BACKBONES:
        net = net_of(name).eval()
        torch.testing.assert_close(net(inputs)[3:5], net(inputs[3:5]), rtol=1e-4, atol=1e-5)


def test_columns_without_clouds_are_left_out_and_have_no_correction():
    inputs, net = made_up.columns(32, LEVELS)["inputs"], net_of("BiRNN").eval()
    clear = (LAYOUT.split_inputs(inputs)["cloud_fraction"] == 0).all(-1)
    seen = []
    net.backbone.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
    with torch.no_grad():
        found = net(inputs)
        nothing = net(inputs[clear])
    whole = net(inputs).detach()  # with gradients all columns are computed
    assert seen == [int((~clear).sum()), len(inputs)] and 0 < seen[0] < seen[1]
    assert (found[clear] == 0).all() and (nothing == 0).all()
    torch.testing.assert_close(found, whole, rtol=1e-4, atol=1e-5)


def low_clouds(clear_levels: int) -> dict[str, torch.Tensor]:
    """Columns without clouds in the uppermost layers."""
    data = made_up.columns(64, LEVELS)
    LAYOUT.split_inputs(data["inputs"])["cloud_fraction"][:, :clear_levels] = 0
    return data


def test_what_is_above_the_clouds_changes_nothing_but_has_its_own_heating():
    torch.manual_seed(0)
    data, net = low_clouds(5), CorrectionNet(LINEAR, levels=LEVELS, clear_levels=5).eval()
    net.calibrate(data["inputs"], data["targets"])
    changed = data["inputs"].clone()
    columns = LAYOUT.split_inputs(changed)
    for name in ("q", "o3_mmr", "aerosol_mmr_3", "q_ice", "cloud_fraction", "overlap_param"):
        columns[name][:, :5] *= 0.5
        columns[name][:, :5] += 1e-3
    columns["temperature_hl"][:, :5] += 7
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            before, after = (net(x).detach() for x in (data["inputs"], changed))
        torch.testing.assert_close(after, before, rtol=0, atol=0)
    split = LAYOUT.split_outputs(before)
    assert (split["hr_sw"][:, :5].abs().amax(0) > 0).all()
    columns["q_liquid"][:, 5] += 1e-3
    with torch.no_grad():
        assert not torch.equal(net(changed), before)


def test_a_lean_network_keeps_the_laws_in_all_layers():
    torch.manual_seed(0)
    data, net = low_clouds(5), CorrectionNet(LINEAR, levels=LEVELS, clear_levels=5).eval()
    net.calibrate(data["inputs"], data["targets"])
    columns = LAYOUT.split_inputs(data["inputs"])
    with torch.no_grad():
        found = LAYOUT.split_outputs(net(data["inputs"]) * net.output_scale)
    night = columns["cos_solar_zenith_angle"] <= 0
    for band in ("sw", "lw"):
        down, up = (found[f"flux_{way}_{band}"].double() for way in ("dn", "up"))
        expected = heating_rate(down, up, columns["pressure_hl"].double())
        thickness = columns["pressure_hl"].diff(dim=-1)
        off = (found[f"hr_{band}"] - expected) * thickness / HEATING  # W/m2
        assert off.abs().max() < 4e-6 * float(max(down.abs().max(), up.abs().max()))
        assert (down[:, 0] == 0).all() and down.abs().max() > 0
    assert night.any()
    for name in ("flux_dn_sw", "flux_up_sw", "hr_sw"):
        assert (found[name][night] == 0).all()


def test_a_lean_network_has_a_spread_in_all_layers_and_in_clear_columns():
    torch.manual_seed(0)
    data = low_clouds(5)
    net = CorrectionNet(LINEAR, levels=LEVELS, clear_levels=5, spread=True).eval()
    net.calibrate(data["inputs"], data["targets"])
    clear = (LAYOUT.split_inputs(data["inputs"])["cloud_fraction"] == 0).all(-1)
    with torch.no_grad():
        corrections, spread = net(data["inputs"]).chunk(2, dim=1)
    assert corrections.shape == spread.shape == data["targets"].shape
    assert clear.any() and (corrections[clear] == 0).all() and (spread[clear] != 0).all()


def test_clouds_in_layers_that_are_not_looked_at_are_refused_in_training():
    data, net = low_clouds(5), CorrectionNet(LINEAR, levels=LEVELS, clear_levels=6)
    LAYOUT.split_inputs(data["inputs"])["cloud_fraction"][3, 5] = 0.2
    with pytest.raises(
        ValueError, match="clear_levels 6: the training set has clouds from layer 5"
    ):
        net.calibrate(data["inputs"], data["targets"])
    with pytest.raises(ValueError, match="clear_levels: expected 0 to 11 of 12 layers, found 12"):
        CorrectionNet(LINEAR, levels=LEVELS, clear_levels=12)


def test_an_unheard_of_column_has_finite_corrections():
    inputs = made_up.columns(4, LEVELS)["inputs"].clone()
    columns = LAYOUT.split_inputs(inputs)
    columns["q_liquid"].fill_(1.0)
    columns["cloud_fraction"].fill_(1.0)
    columns["re_liquid"].fill_(0.0)
    assert net_of("BiRNN")(inputs).isfinite().all()


@pytest.mark.parametrize("cell", ["lstm", "linear"])
def test_autocast_leaves_the_physics_in_single_precision(cell, monkeypatch):
    monkeypatch.setitem(BACKBONES["BiRNN"], "cell", cell)
    inputs = made_up.columns(16, LEVELS)["inputs"]
    net = net_of("BiRNN").eval()
    with torch.no_grad():
        exact = net(inputs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = net(inputs)
    assert rough.dtype == torch.float32
    assert (rough[:, 0] == 0).all()  # no downward flux at the top
    assert (rough - exact).abs().mean() < 0.1 * exact.abs().mean()


def test_a_network_is_built_by_its_full_name():
    net = build(
        {
            "name": "CorrectionNet",
            "backbone": {"name": "BiRNN", "features": 8},
            "levels": LEVELS,
        }
    )
    assert net(made_up.columns(4, LEVELS)["inputs"]).shape == (4, LAYOUT.output_channels)
    with pytest.raises(ValueError, match="network BiRNN: unexpected argument 'width'"):
        CorrectionNet({"name": "BiRNN", "width": 8}, levels=LEVELS)
