"""The orographic drag: the IFS' own columns, analytic cases and the symmetries of mountains."""

import math
from pathlib import Path

import h5py
import pytest
import torch

from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY, HEAT_CAPACITY
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.gwd.physics.ogwd import (
    MountainColumns,
    OrographyParameters,
    low_level_flow,
    orographic_drag,
)
from weather_forecast.levels import full_level_pressure, half_level_pressure

LEVELS = 91
FIELDS = "u v temperature surface_pressure std slope anisotropy angle".split()


def columns(count: int = 200) -> dict[str, torch.Tensor]:
    """Sheared, wavy winds in a standard troposphere under an isothermal stratosphere."""
    generator = torch.Generator().manual_seed(1)

    def number(low: float, high: float) -> torch.Tensor:
        uniform = torch.rand(count, generator=generator, dtype=torch.float64)
        return low + (high - low) * uniform

    surface_pressure = number(7e4, 1.03e5)
    p = full_level_pressure(half_level_pressure(surface_pressure, LEVELS))
    height = -7000 * (p / surface_pressure[:, None]).log()

    def wind() -> torch.Tensor:
        near, jet, wave, phase = (
            number(*ends)[:, None] for ends in ((-9, 9), (-30, 40), (0, 8), (0, 6))
        )
        return (
            near
            + jet * (-(((height - 11e3) / 6e3) ** 2)).exp()
            + wave * (height / 3e3 + phase).sin()
        )

    return {
        "u": wind(),
        "v": wind(),
        "temperature": (288 * (p / 101325) ** 0.19).clamp(min=216.0),
        "surface_pressure": surface_pressure,
        "std": number(60, 500),
        "slope": number(0.01, 0.1),
        "anisotropy": number(0.05, 1),
        "angle": number(-math.pi / 2, math.pi / 2),
    }


def mass(case: dict[str, torch.Tensor]) -> torch.Tensor:
    """Mass of each layer [kg/m2]."""
    return half_level_pressure(case["surface_pressure"], LEVELS).diff(dim=-1) / GRAVITY


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Norm of the difference relative to that of what was expected."""
    expected = expected.double()
    return float((found.double() - expected).norm() / expected.norm())


def rotate(x: torch.Tensor, y: torch.Tensor, turn: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn vectors to the left."""
    return x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)


@needs_reference
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.float32, 2e-3)])
def test_columns_of_the_ifs_get_its_drag(dtype, tolerance):
    paths = sorted(Path(REFERENCE, "gwd", "ogwd", "raw").glob("*.h5"))
    rows = {"x": [], "y": [], "beta": []}
    for path in paths:
        with h5py.File(path) as file:
            for name, parts in rows.items():
                parts.append(torch.from_numpy(file[name][()]).flatten(1).T)
    x, y, beta = (torch.cat(parts) for parts in rows.values())
    x = x.to(dtype)
    winds_and_temperature = x[:, : 3 * LEVELS].split(LEVELS, dim=1)
    numbers = x[:, [273, 275, 276, 277, 278]].unbind(1)  # all but the lowest geopotential
    found = orographic_drag(MountainColumns(*winds_and_temperature, *numbers))
    waves, blocking = y.split(2 * LEVELS, dim=1)
    assert difference(torch.cat(found[:2], 1), waves) < tolerance
    assert difference(torch.cat(found[2:4], 1), blocking) < tolerance
    assert difference(found.blocking_coefficient, beta) < tolerance


def test_a_uniform_stream_over_round_hills_launches_the_stress_of_the_formula():
    temperature, speed, std, slope = 260.0, 12.0, 300.0, 0.05
    case = {
        "u": torch.full((1, LEVELS), speed, dtype=torch.float64),
        "v": torch.zeros(1, LEVELS, dtype=torch.float64),
        "temperature": torch.full((1, LEVELS), temperature, dtype=torch.float64),
    }
    numbers = (1e5, std, slope, 1.0, 0.3)
    case |= {k: torch.tensor([n]).double() for k, n in zip(FIELDS[3:], numbers, strict=True)}
    flow = low_level_flow(MountainColumns(**case))
    n = GRAVITY / math.sqrt(HEAT_CAPACITY * temperature)
    torch.testing.assert_close(flow.u.item(), speed)
    torch.testing.assert_close(flow.buoyancy_frequency.item(), n, rtol=1e-3, atol=0)
    scale_height = GAS_CONSTANT * temperature / GRAVITY
    density = 1e5 / (GAS_CONSTANT * temperature) * math.exp(-1.5 * std / scale_height)
    torch.testing.assert_close(flow.density.item(), density, rtol=0.02, atol=0)
    # 0.4 U / N below the peaks, to within the thickness of a layer.
    assert abs(flow.blocking_height.item() - (3 * std - 0.4 * speed / n)) < 150
    rising = 2 * (3 * std - flow.blocking_height.item())
    stress = 0.15 * density * n * speed * slope / std * 0.78 * (rising / 3) ** 2
    torch.testing.assert_close(flow.launch_stress.item(), stress, rtol=0.02, atol=0)


def test_blocking_opposes_the_local_wind_by_an_implicit_step():
    case = columns()
    found = orographic_drag(MountainColumns(**case))
    beta = found.blocking_coefficient
    assert (beta >= 0).all()
    assert (beta[:, -1] > 0).any()
    assert not beta[:, :40].any()
    for tendency, wind in (
        (found.blocking_u_tendency, case["u"]),
        (found.blocking_v_tendency, case["v"]),
    ):
        slowed = wind / (1 + 900 * beta)
        torch.testing.assert_close(wind + 900 * tendency, slowed)
    assert not found.wave_u_tendency[beta > 0].any()


def test_hills_of_50_m_have_no_drag_and_higher_ones_do():
    case = columns(4)
    case["std"] = torch.tensor([0.0, 20.0, 50.0, 50.001]).double()
    for field in orographic_drag(MountainColumns(**case)):
        assert not field[:3].any()
        assert field[3].any()


def test_the_axis_of_the_mountains_has_no_head():
    case = columns()
    turned = orographic_drag(MountainColumns(**case | {"angle": case["angle"] + math.pi}))
    torch.testing.assert_close(turned, orographic_drag(MountainColumns(**case)))


def test_round_mountains_brake_along_the_low_level_wind():
    case = columns() | {"anisotropy": torch.ones(200).double()}
    flow, found = low_level_flow(MountainColumns(**case)), orographic_drag(MountainColumns(**case))
    unit = torch.stack([flow.u, flow.v], 1) / torch.hypot(flow.u, flow.v)[:, None]
    torch.testing.assert_close(flow.direction, unit)
    free = torch.maximum(found.wave_u_tendency.abs(), found.wave_v_tendency.abs()) < 0.02
    across = found.wave_v_tendency * unit[:, :1] - found.wave_u_tendency * unit[:, 1:]
    assert across[free].abs().max() < 1e-15
    along = found.wave_u_tendency * unit[:, :1] + found.wave_v_tendency * unit[:, 1:]
    assert (along <= 0).all()
    assert (along < -1e-5).any()


def test_a_long_ridge_turns_the_stress_towards_its_normal():
    case = columns(1)
    wind = torch.full_like(case["u"], 10.0)
    case |= {"u": wind, "v": wind, "anisotropy": torch.tensor([0.1]).double()}
    # A south-westerly meets a mountain whose axis, across which it drags most, points to the east.
    x, y = low_level_flow(MountainColumns(**case | {"angle": torch.zeros(1).double()})).direction[0]
    assert x > 1.5 * y > 0
    torch.testing.assert_close(math.hypot(x, y), 1.0)


@pytest.mark.parametrize("turn", [0.3, math.pi / 2, 2.5])
def test_turning_wind_and_mountains_turns_the_drag(turn):
    case = columns()
    u, v = rotate(case["u"], case["v"], turn)
    found = orographic_drag(
        MountainColumns(**case | {"u": u, "v": v, "angle": case["angle"] + turn})
    )
    plain = orographic_drag(MountainColumns(**case))
    for first in (0, 2):
        expected = torch.cat(rotate(plain[first], plain[first + 1], turn))
        assert difference(torch.cat(found[first : first + 2]), expected) < 0.01
    assert difference(found.stress, plain.stress) < 0.01


def test_the_stress_never_grows_upward():
    case = columns()
    stress = orographic_drag(MountainColumns(**case)).stress
    assert (stress >= 0).all()
    assert (stress.diff(dim=-1) >= -1e-15).all()
    assert (stress[:, -1] > 0).any()


def test_still_air_is_left_alone():
    case = columns(5)
    calm = torch.zeros_like(case["u"])
    for tendency in orographic_drag(MountainColumns(**case | {"u": calm, "v": calm}))[:4]:
        assert not tendency.any()


def test_the_wave_tendency_aloft_is_bounded():
    case = columns()
    case |= {"std": torch.full_like(case["std"], 800.0), "slope": torch.ones_like(case["slope"])}
    case["u"] = 5 * case["u"].abs() + 20
    found = orographic_drag(MountainColumns(**case))
    limit = 80 / 3600
    aloft = found.wave_u_tendency[
        :, full_level_pressure(half_level_pressure(torch.tensor(101325.0).double(), LEVELS)) < 5000
    ]
    torch.testing.assert_close(aloft.abs().max().item(), limit)
    wider = orographic_drag(MountainColumns(**case), OrographyParameters(tendency_limit=1.0))
    assert wider.wave_u_tendency.abs().max() > limit


def test_what_the_mountains_launch_the_column_gets_below_a_critical_level():
    case = columns()
    p = full_level_pressure(half_level_pressure(case["surface_pressure"], LEVELS))
    flow = low_level_flow(MountainColumns(**case))
    for name, mean in (("u", flow.u), ("v", flow.v)):  # the wind turns back between 300 and 100 hPa
        case[name] = mean[:, None] * ((p - 2e4) / 1e4).clamp(-1, 1)
    flow, found = low_level_flow(MountainColumns(**case)), orographic_drag(MountainColumns(**case))
    assert not found.stress[:, :-1][:, p[0] < 1e4].any()
    for tendency, unit in zip(found[:2], flow.direction.unbind(1), strict=True):
        gained = (tendency * mass(case)).sum(-1)
        torch.testing.assert_close(gained, -flow.launch_stress * unit, rtol=1e-9, atol=1e-12)


def test_other_devices_are_served():
    case = {name: field.to("meta") for name, field in columns(3).items()}
    assert {field.device.type for field in orographic_drag(MountainColumns(**case))} == {"meta"}


def test_ill_fitting_fields_are_named():
    case = columns(3)
    with pytest.raises(ValueError, match=r"temperature: expected .*\(3, 91\), found \(3, 90\)"):
        orographic_drag(MountainColumns(**case | {"temperature": case["temperature"][:, 1:]}))
    with pytest.raises(ValueError, match=r"slope: .* each of 3 columns, .* \(2,\)"):
        orographic_drag(MountainColumns(**case | {"slope": case["slope"][1:]}))
    upper = {name: field[:, :63] if field.ndim == 2 else field for name, field in case.items()}
    with pytest.raises(ValueError, match="down to the surface, the columns end at level 63"):
        orographic_drag(MountainColumns(**upper))
    with pytest.raises(ValueError, match="wake_drag: expected a positive number, found -1"):
        OrographyParameters(wake_drag=-1)
