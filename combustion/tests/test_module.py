"""What all flame networks share: units, periodic axes, closures in the checkpoint."""

import pytest
import torch

from combustion.baselines import Closures
from combustion.models import FlameModule


@pytest.fixture
def module():
    torch.manual_seed(0)
    made = FlameModule({"name": "UNet", "features": 4, "levels": 2, "convolutions_per_level": 1})
    made.surrogate.input_norm.set(0.5, 0.5)
    made.surrogate.output_norm.set(0.0, 0.3)
    return made.eval()


@torch.no_grad()
def test_a_flame_of_another_scale_has_the_surface_density_of_its_scale(module):
    c = torch.rand(2, 1, 8, 8, 8)
    c[1] = c[0]
    sigma = module({"inputs": c, "dx": torch.tensor([8e-4, 8e-5])})
    torch.testing.assert_close(sigma[1], 10 * sigma[0])


@torch.no_grad()
@pytest.mark.parametrize("repeated_plane", [False, True])
def test_shifting_a_flame_along_a_periodic_axis_shifts_the_prediction(module, repeated_plane):
    c = torch.rand(1, 1, 8, 16, 12)

    def predict(field):
        if repeated_plane:
            field = torch.cat([field, field[:, :, :, :1]], dim=3)
        batch = {"inputs": field, "dx": torch.ones(1), "periods": (None, 16, 12)}
        return module(batch)[:, :, :, :16]

    # By whole cells of the coarsest level: within one, a U-Net knows where it is.
    shifted = c.roll((4, 6), dims=(3, 4))
    expected = predict(c).roll((4, 6), dims=(3, 4))
    # The continuation is two coarse cells wide; what lies beyond it hardly matters.
    assert float((predict(shifted) - expected).std() / expected.std()) < 0.03
    walled = module({"inputs": shifted, "dx": torch.ones(1)})
    assert float((walled - expected).std() / expected.std()) > 0.1


def test_closures_travel_as_plain_numbers(module):
    module.baselines = Closures(mean=0.1, gradient_xi=1.5, boger_beta=0.9)
    state = module.extra_state()
    other = FlameModule()
    other.set_extra_state_from(state)
    assert other.baselines == module.baselines
    assert all(isinstance(value, float) for value in state["baselines"].values())
