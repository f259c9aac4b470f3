"""The whole network: units, scales, and what it makes of columns it cannot know."""

import pytest
import torch

from ai4sim.nets import build
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.nets.correction_net import CorrectionNet, output_units
from weather_forecast.bias_correction.tests import made_up

LEVELS = 12
LAYOUT = RadiationLayout(LEVELS)
BACKBONES = {
    "UNet": {"dimensions": 1, "features": 4, "levels": 3},
    "AttentionCNN": {"features": 8, "blocks": 1, "heads": 2},
    "BiRNN": {"features": 8, "layers": 1},
}


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
def test_features_are_normalised_over_the_columns_of_the_calibration(derived):
    net = net_of("BiRNN", derived=derived)
    columns = LAYOUT.split_inputs(made_up.columns(64, LEVELS)["inputs"])
    found = (net._features(columns) - net.mean) / net.std
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


def test_an_unheard_of_column_has_finite_corrections():
    inputs = made_up.columns(4, LEVELS)["inputs"].clone()
    columns = LAYOUT.split_inputs(inputs)
    columns["q_liquid"].fill_(1.0)
    columns["cloud_fraction"].fill_(1.0)
    columns["re_liquid"].fill_(0.0)
    assert net_of("BiRNN")(inputs).isfinite().all()


def test_autocast_leaves_the_physics_in_single_precision():
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
