"""Compiled loops and PyTorch, which is the reference: the same fluxes, whatever the column."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from ai4sim import compiled
from ai4sim.tests.reference import needs_reference
from weather_forecast.bias_correction.physics.cloud_optics import with_gases
from weather_forecast.bias_correction.physics.columns import longwave_columns, shortwave_columns
from weather_forecast.bias_correction.physics.gas_optics import planck_bands
from weather_forecast.bias_correction.physics.layers import longwave_layer, shortwave_layer
from weather_forecast.bias_correction.physics.regions import Regions, regions
from weather_forecast.bias_correction.physics.solver import (
    radiative_fluxes,
    three_dimensional_effect,
)
from weather_forecast.bias_correction.tests.test_radiation_solver import LEVELS, made_up_columns
from weather_forecast.bias_correction.tests.test_reference_radiation import read

SUNS = torch.tensor([1.0, 0.8, 0.5, 0.2, 0.05, 1e-4, 1e-10, 0.0, -0.3]).double()
TOLERANCE = 1e-6
"""Largest difference of a flux [W/m2]."""
LOOPS = [
    f"weather_forecast.bias_correction.physics.{part}_loops"
    for part in ("shortwave", "longwave", "layers", "regions", "gas_optics", "cloud_optics")
]

Columns = dict[str, Tensor]
Medium = tuple[Tensor, Tensor, Tensor]
Form = Callable[[Callable[[], Tensor]], Tensor]


@pytest.fixture
def in_pytorch() -> Iterator[Form]:
    """Return a function that computes something without the compiled loops."""

    def compute(work: Callable[[], Tensor]) -> Tensor:
        compiled._given_up.update(LOOPS)
        try:
            return work()
        finally:
            compiled._given_up.difference_update(LOOPS)

    yield compute


def clear(columns: Columns) -> None:
    columns["cloud_fraction"] = 0.0 * columns["cloud_fraction"]


def overcast(columns: Columns) -> None:
    columns["cloud_fraction"] = columns["cloud_fraction"].sign()


def hardly_cloudy(columns: Columns) -> None:
    for name in ("cloud_fraction", "q_liquid", "q_ice"):
        columns[name] = 5e-5 * columns[name]


def every_layer_cloudy(columns: Columns) -> None:
    columns["cloud_fraction"] = torch.full_like(columns["cloud_fraction"], 0.3)
    columns["q_ice"] = torch.full_like(columns["q_ice"], 1e-5)


def thick(columns: Columns) -> None:
    columns["q_liquid"], columns["q_ice"] = 300 * columns["q_liquid"], 300 * columns["q_ice"]


def no_gases(columns: Columns) -> None:
    for name in ("q", "o3_mmr", "co2_vmr"):
        columns[name] = torch.zeros_like(columns[name])


def white_ground(columns: Columns) -> None:
    for name in columns:
        if name.startswith("sw_albedo"):
            columns[name] = torch.ones_like(columns[name])


def negative_overlap(columns: Columns) -> None:
    columns["overlap_param"] = columns["overlap_param"] - 1.0


CASES = (clear, overcast, hardly_cloudy, every_layer_cloudy, thick, no_gases, white_ground,
         negative_overlap)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("transport", [False, True])
def test_loops_give_the_fluxes_of_pytorch(
    case: Callable[[Columns], None], transport: bool, in_pytorch: Form
) -> None:
    """Under suns from the zenith to below the horizon, whatever the clouds."""
    columns = made_up_columns(SUNS)
    case(columns)

    def solve() -> Tensor:
        return torch.stack(radiative_fluxes(columns, transport=transport, like_ecrad=transport))

    found = solve()
    assert found.isfinite().all()
    torch.testing.assert_close(found, in_pytorch(solve), rtol=0.0, atol=TOLERANCE)


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("transport", [False, True])
def test_columns_of_few_layers(levels: int, transport: bool, in_pytorch: Form) -> None:
    """One layer has no interface but those with space and ground."""
    columns = made_up_columns(SUNS)
    every_layer_cloudy(columns)
    lengths = {LEVELS: levels, LEVELS + 1: levels + 1, LEVELS - 1: levels - 1}
    for name, x in columns.items():
        if x.ndim == 2:
            columns[name] = x[:, 17 : 17 + lengths[x.shape[1]]]
    assert (columns["cloud_fraction"] > 0.0).all()

    def solve() -> Tensor:
        return torch.stack(radiative_fluxes(columns, transport=transport))

    torch.testing.assert_close(solve(), in_pytorch(solve), rtol=0.0, atol=TOLERANCE)


def test_single_precision_comes_back(in_pytorch: Form) -> None:
    """The work is done in double precision, so both forms round the same numbers."""
    columns = {name: x.float() for name, x in made_up_columns(SUNS).items()}

    def solve() -> Tensor:
        return three_dimensional_effect(columns)[0]

    found = solve()
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, in_pytorch(solve), rtol=2e-7, atol=TOLERANCE)


def random_medium(points: int, pairs: int, low: float, high: float) -> Medium:
    """Return optical depths between powers of ten, albedos up to 1 and asymmetries."""
    generator = torch.Generator().manual_seed(points + pairs)
    drawn = torch.rand(3, 3, points, pairs, generator=generator, dtype=torch.float64)
    return 10.0 ** (low + (high - low) * drawn[0]), (1.2 * drawn[1]).clamp(max=1.0), drawn[2]


@pytest.mark.parametrize("points", [1, 3, 19, 28, 31])
@pytest.mark.parametrize("low, high", [(-9.0, -5.0), (-3.0, 1.0), (0.0, 3.0)])
def test_layers_with_exchange_of_any_depth_and_number_of_points(
    points: int, low: float, high: float
) -> None:
    """From transparent to black, conservative scattering among them; optical depth 0 as well."""
    pairs = 6
    tau, ssa, asymmetry = random_medium(points, pairs, low, high)
    tau[:, 0, 0] = 0.0
    mu0 = torch.linspace(0.01, 1.0, pairs).double()
    out, back, out_direct, back_direct = 10.0 * torch.rand(4, 2, pairs, dtype=torch.float64)
    top, base = 10.0 + torch.rand(2, 3, points, pairs, dtype=torch.float64)
    side = 0.5 + torch.rand(points, pairs, dtype=torch.float64)

    def shortwave(tau: Tensor) -> tuple[Tensor, ...]:
        return shortwave_layer(tau, ssa, asymmetry, mu0, (out, back), (out_direct, back_direct))

    def longwave(tau: Tensor) -> tuple[Tensor, ...]:
        return longwave_layer(tau, 0.9 * ssa, asymmetry, top, base, (out, back), side)

    for layer in (shortwave, longwave):
        found, expected = layer(tau), layer(tau.clone().requires_grad_())  # that goes to PyTorch
        for a, b in zip(found[:2], expected[:2], strict=True):
            torch.testing.assert_close(a, b.detach(), rtol=0.0, atol=1e-9)
    for a, b in zip(shortwave(tau)[2:], shortwave(tau.requires_grad_())[2:], strict=True):
        torch.testing.assert_close(a, b.detach(), rtol=0.0, atol=1e-9)


def setting(points: int, mu0: Tensor) -> tuple[Regions, Tensor, Medium, Tensor]:
    """Return clouds, optical depths of gases, a medium in the clouds, and a flux of 100 W/m2."""
    columns = made_up_columns(mu0)
    clouds = regions({n: x.mT.contiguous() if x.ndim == 2 else x for n, x in columns.items()})
    tau = torch.rand(LEVELS, points, len(mu0), dtype=torch.float64)
    medium = random_medium(points, len(clouds.column), -2.0, 1.5)
    return clouds, tau, medium, torch.full((points, len(mu0)), 100.0).double()


@pytest.mark.parametrize("points", [1, 19, 20, 21, 47])
def test_any_number_of_spectral_points(points: int, in_pytorch: Form) -> None:
    """More than the loops take at once, and such that vectors are not full."""
    mu0 = torch.tensor([0.9, 0.3, 0.02]).double()
    clouds, tau, medium, flux = setting(points, mu0)
    albedo = 0.3 * flux / 100.0
    planck = flux + torch.rand(LEVELS + 1, points, 3, dtype=torch.float64)

    def shortwave() -> Tensor:
        sun, ground = (mu0, flux, mu0), (albedo, 0.5 * albedo)
        return torch.stack(shortwave_columns((0.1 * tau, 0.01 * tau), medium, clouds, sun, ground))

    def longwave() -> Tensor:
        return torch.stack(longwave_columns(tau, planck, medium, clouds, (flux, albedo)))

    for solve in (shortwave, longwave):
        torch.testing.assert_close(solve(), in_pytorch(solve), rtol=0.0, atol=TOLERANCE)


def test_conservative_columns_lose_nothing() -> None:
    """White ground and no absorption: all sunlight comes back, through either solver."""
    mu0 = torch.tensor([1.0, 0.5, 0.1]).double()
    clouds, tau, (depth, _, asymmetry), flux = setting(19, mu0)
    medium = depth, torch.ones_like(depth), 0.5 * asymmetry
    sun, ground = (mu0, flux, mu0), (flux / 100.0, flux / 100.0)
    dn, up = shortwave_columns((0.0 * tau, 0.01 * tau), medium, clouds, sun, ground)
    torch.testing.assert_close(up[0], flux.sum(0), rtol=2e-3, atol=0.0)
    torch.testing.assert_close(dn, up, rtol=2e-3, atol=0.0)


def test_black_bodies_in_bands() -> None:
    """Of one temperature and of many; of all bands together sigma T^4."""
    temperature = torch.linspace(150.0, 340.0, 60).double().reshape(5, 3, 4)
    arguments = (500.0, 1000.0, 1500.0), (13, 9, 6), 5.67e-8
    found = planck_bands(temperature, *arguments)
    expected = planck_bands(temperature.clone().requires_grad_(), *arguments).detach()
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-12)
    torch.testing.assert_close(found.sum(-1), 5.67e-8 * temperature**4)
    torch.testing.assert_close(planck_bands(temperature[0, 0], *arguments), expected[0, 0])


def test_gradients_flow_through_pytorch() -> None:
    """What black bodies emit, and how deep clouds are among gases."""
    temperature = torch.tensor([220.0, 300.0]).double().requires_grad_()
    emitted = planck_bands(temperature, (500.0, 1000.0), (13, 9), 5.67e-8).sum()
    (gradient,) = torch.autograd.grad(emitted, temperature)
    torch.testing.assert_close(gradient, 4 * 5.67e-8 * temperature.detach() ** 3)
    depth, *others = (torch.full((2, 4), x).double().requires_grad_() for x in (3.0, 0.9, 0.8))
    gases = torch.full((3, 4), 0.1).double()
    tau, _, _ = with_gases((depth, others[0], others[1]), (0, 1, 1), (0.0, 0.2, 1.8), gases, gases)
    (gradient,) = torch.autograd.grad(tau.sum(), depth)
    torch.testing.assert_close(gradient, torch.tensor([2.0, 4.0]).double()[:, None].expand(2, 4))


@pytest.mark.parametrize("transport", [False, True])
def test_a_nan_stays_in_its_column(transport: bool) -> None:
    """And is seen there: in the long wave a temperature, in the short wave the water of a cloud."""
    suns = torch.tensor([0.9, 0.5, 0.2, 0.7]).double()
    columns = made_up_columns(suns)
    whole = radiative_fluxes(columns, transport=transport)
    level = int((columns["q_liquid"][0] > 0.0).nonzero()[0])
    for name, flux in (("temperature_hl", "flux_up_lw"), ("re_liquid", "flux_dn_sw")):
        broken = {**columns, name: columns[name].clone()}
        broken[name][1, level] = torch.nan
        found = radiative_fluxes(broken, transport=transport)
        assert getattr(found, flux)[1].isnan().any()
        for a, b in zip(found, whole, strict=True):
            assert torch.equal(a[[0, 2, 3]], b[[0, 2, 3]])


def test_any_number_of_threads_gives_the_same_bits() -> None:
    """Columns are worked on one by one."""
    columns = made_up_columns(torch.linspace(-0.2, 1.0, 50))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(three_dimensional_effect(columns)[0])
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@needs_reference
@pytest.mark.parametrize("transport", [False, True])
def test_reference_columns(transport: bool, in_pytorch: Form) -> None:
    """Columns of the IFS, on which ecRad was run."""
    columns, _, _ = read(every=40)

    def solve() -> Tensor:
        return torch.stack(radiative_fluxes(columns, transport=transport))

    torch.testing.assert_close(solve(), in_pytorch(solve), rtol=0.0, atol=TOLERANCE)
