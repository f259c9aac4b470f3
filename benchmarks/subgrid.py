"""Smagorinsky constant and turbulent Schmidt number of slot flames, from filtered fields.

The eddy viscosity nu_t = (C_s Delta)^2 |S| and the eddy diffusivity nu_t / Sc_t of a large-eddy
simulation should take as much energy, and as much variance of the progress variable, as the
turbulence below the filter does in a direct simulation:

    <-tau_ij S_ij> = C_s^2 <Delta^2 |S| 2 S_ij S_ij>,
    <-q_i d_i c> = (C_s^2 / Sc_t) <Delta^2 |S| |grad c|^2>,

with tau_ij the deviatoric part of the sub-filter stress and q_i the sub-filter flux of c. The
flames are the demo's, a minute or two each.

    python -m benchmarks.subgrid
"""

from __future__ import annotations

import torch
from torch import Tensor

from combustion.physics.les import LESFilter, gradient
from combustion.synthetic.flame import SlotFlame
from combustion.synthetic.generate import RECIPES

INSTANTS = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
"""In flow-through times."""
EDGE = 2
"""Number of cells at either end of x that do not count."""


def main() -> None:
    """Print both numbers for each flame of the demo."""
    for case, burner in RECIPES["demo"].cases.items():
        flame, sums = SlotFlame(burner), torch.zeros(4, dtype=torch.float64)
        for instant in INSTANTS:
            while flame.time < instant * burner.flow_through_time:
                flame.advance(instant * burner.flow_through_time)
            sums += transfers(flame)
        viscous, diffusive = sums[0] / sums[1], sums[2] / sums[3]
        print(
            f"{case}: u' = {burner.turbulence_rms} m/s: C_s = {viscous.clamp_min(0).sqrt():.3f}, "
            f"Sc_t = {viscous / diffusive:.2f}"
        )


def transfers(flame: SlotFlame) -> Tensor:
    """Return the four averages, times the number of cells, of a flame as it is now."""
    recipe, burner = RECIPES["demo"], flame.burner
    width, spacing = recipe.filter_width * burner.spacing, recipe.stride * burner.spacing
    to_les = LESFilter(burner.flow_cells, 2 * burner.spacing, width, spacing, flame.device)
    u, c = flame.velocity, torch.nn.functional.avg_pool3d(flame.progress_variable[None], 2)[0]
    u_bar, c_bar = torch.stack([to_les(component) for component in u]), to_les(c)
    flux = torch.stack([to_les(component * c) for component in u]) - u_bar * c_bar
    stress = torch.stack([torch.stack([to_les(a * b) for b in u]) for a in u])
    stress -= u_bar[:, None] * u_bar
    trace = stress.diagonal().sum(-1) / 3
    for axis in range(3):
        stress[axis, axis] -= trace
    slopes = torch.stack([gradient(component, spacing) for component in u_bar])
    strain = (slopes + slopes.transpose(0, 1)) / 2
    rate = width**2 * (2 * strain.square().sum((0, 1))).sqrt()  # Delta^2 |S|
    slope = gradient(c_bar, spacing)
    parts = (
        -(stress * strain).sum((0, 1)),
        rate * 2 * strain.square().sum((0, 1)),
        -(flux * slope).sum(0),
        rate * slope.square().sum(0),
    )
    return torch.stack([part[EDGE:-EDGE].double().sum() for part in parts])


if __name__ == "__main__":
    main()
