"""Networks at another resolution than that of their training."""

import numpy as np
import pytest
import torch

from ai4sim.surrogate import Surrogate
from combustion.crops import CropDataModule
from combustion.io.grids import read_snapshot
from combustion.matching import CELLS, cells_per_filter, common_resolution, matched
from combustion.models import INPUTS, OUTPUTS
from combustion.physics.resampling import Resampling, resampled, spline
from combustion.tests.flames import DX, write_sheets

WIDTH = 3.0  # cells across the smooth fields of these tests


def front(x):
    return 0.5 * (1 + torch.tanh((x - 12.3) / WIDTH))


@pytest.mark.parametrize("points", [1, 2, 3, 9])
def test_a_spline_goes_through_its_points_and_along_straight_lines(points):
    at_points = spline(points, torch.arange(points))
    torch.testing.assert_close(at_points, torch.eye(points), atol=1e-6, rtol=0)
    places = torch.linspace(0, points - 1, 14)
    line = 3.0 + 0.5 * torch.arange(points)
    torch.testing.assert_close(spline(points, places) @ line, 3.0 + 0.5 * places)


def test_a_spline_converges_with_the_fourth_power_of_the_spacing():
    errors = []
    for points in (24, 48, 96):
        x = torch.arange(points).double() * 24 / points
        places = torch.linspace(0, points - 1e-3, 301).double()
        exact = torch.sin(2 * torch.pi * places * 24 / points / 8)
        found = spline(points, places, period=points).double() @ torch.sin(2 * torch.pi * x / 8)
        errors.append(float((found - exact).abs().max()))
    assert errors[0] > 12 * errors[1] > 140 * errors[2]


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_smooth_fields_come_back_from_another_grid(factor):
    grids = Resampling.between((28, 16, 13), (None, 16, 12), factor)
    x, y, z = torch.meshgrid(*(torch.arange(n) for n in (28.0, 16.0, 13.0)), indexing="ij")
    field = front(x + torch.sin(2 * torch.pi * y / 16) + torch.cos(2 * torch.pi * z / 12))
    there = resampled(field, grids.there)
    assert there.shape[0] == pytest.approx(27 / factor + 1, abs=0.6)
    # Where the last plane repeats the first, it does so on the other grid.
    torch.testing.assert_close(there[..., 0], there[..., -1], atol=1e-5, rtol=0)
    assert grids.periods == (None, there.shape[1], there.shape[2] - 1)
    assert (resampled(there, grids.back) - field).abs().max() < 4e-3


def gradient_network(cells: float | None) -> Surrogate:
    """A 'network' that predicts Sigma dx = |dc/dx| dx: by central differences along x."""
    surrogate = Surrogate(
        {"name": "UNet", "dimensions": 3, "in_channels": 1, "out_channels": 1, "features": 2},
        INPUTS,
        OUTPUTS,
    ).eval()

    class Slope(torch.nn.Module):
        def forward(self, x):
            return torch.gradient(x, dim=2)[0].abs()

    surrogate.net = Slope()
    surrogate.facts = {CELLS: cells}
    return surrogate


def test_a_finer_flame_is_seen_as_in_training():
    """The same flame on two grids: after matching, the network sees the same thing."""
    network = gradient_network(6.0)
    seen = []
    network.net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    coarse = front(torch.arange(25.0))[None, None, :, None, None].expand(1, 1, 25, 6, 6)
    fine = front(torch.arange(33) * 0.75)[None, None, :, None, None].expand(1, 1, 33, 8, 8)
    on_coarse = matched(network, coarse, torch.tensor([6.0]))
    on_fine = matched(network, fine, torch.tensor([8.0]))
    assert seen[1].shape[2] == 25
    torch.testing.assert_close(seen[1][..., 0, 0], seen[0][..., 0, 0], atol=2e-3, rtol=0)
    # Sigma dx: on the finer grid dx is smaller.
    assert on_fine.shape == fine.shape
    expected = 0.75 * resampled(on_coarse, Resampling.between((25, 6, 6), (None,) * 3, 0.75).there)
    torch.testing.assert_close(on_fine, expected[..., :8, :8], atol=2e-3, rtol=0)


def test_flames_are_left_alone_where_nothing_is_known_or_different(caplog):
    field = torch.rand(2, 1, 9, 6, 6)
    for trained, cells in ((4.0, [4.05, 4.0]), (None, [8.0, 8.0]), (4.0, [np.nan, np.nan])):
        network = gradient_network(trained)
        assert torch.equal(matched(network, field, torch.tensor(cells)), network.normalized(field))
    with pytest.raises(ValueError, match="expected one number, for a network trained with 4"):
        matched(gradient_network(4.0), field, torch.tensor([4.0, 8.0]))


def test_the_resolution_is_read_from_the_files(tmp_path):
    (known,) = write_sheets(tmp_path / "a", snapshots=1, filter_width=4 * DX)
    (unknown,) = write_sheets(tmp_path / "b", snapshots=1, filter_width=None)
    (points,) = write_sheets(
        tmp_path / "c",
        snapshots=1,
        **{"filter_width": None, "filter_npts": 31, "filter_sigma_dx": 26.0, "dx_dns": DX / 8},
    )
    first, second, third = (read_snapshot(p) for p in (known, unknown, points))
    assert cells_per_filter(first) == pytest.approx(4)
    assert np.isnan(cells_per_filter(second))
    # A Gaussian as wide as it is long is nearly a box of 31 points.
    assert cells_per_filter(third) == pytest.approx(31 / 8, rel=0.06)
    assert common_resolution([first, first]) == pytest.approx(4)
    assert common_resolution([first, second]) is None
    assert common_resolution([first, third]) is None


def test_batches_hold_the_resolution(tmp_path):
    write_sheets(tmp_path, snapshots=6, shape=(12, 8, 8), filter_width=4 * DX)
    data = CropDataModule(data_path=str(tmp_path), crop=(8, 8, 8), batch_size=2)
    data.prepare_files(data.raw_files())
    for stage in ("train", "val"):
        batch = next(iter(data.loader(stage)))
        torch.testing.assert_close(batch["cells"], torch.full_like(batch["cells"], 4.0))
