"""The equatorial column: its linear part against formulas, its oscillation with waves, its command.

The waves here are coarse and twice as strong as those of the scheme, so that their
oscillation is as fast as a test.
"""

import json
import math
from dataclasses import replace

import pytest
import torch

from ai4sim.command import run as command
from ai4sim.guard import Guard
from ai4sim.guarded import Guarded
from ai4sim.surrogate import Surrogate
from weather_forecast.climate import SCALE_HEIGHT
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.nets.emulator import drag_of
from weather_forecast.gwd.online import figures as qbo_figures
from weather_forecast.gwd.online import qbo
from weather_forecast.gwd.online.column import DAY, YEAR, ColumnModel, scheme, simulate
from weather_forecast.gwd.online.oscillation import MONTH, anomalies, compare, nearest, oscillation
from weather_forecast.gwd.physics.nogwd import WaveSpectrum

FREE = replace(ColumnModel(), upwelling=0.0, semiannual_time=math.inf, troposphere_time=math.inf)
"""Nothing but diffusion and drag."""
COARSE = WaveSpectrum(azimuths=4, phase_speeds=20, launch_flux=2 * 3.75e-3)
LONG = replace(ColumnModel(), time_step=5 * DAY)
"""With steps of five days, quick to run."""


def no_drag(u, v, temperature, surface_pressure, latitude):
    return torch.zeros_like(u), torch.zeros_like(v)


def sinusoids(period, amplitude, model, years=20, descent=1000.0):
    """Wind [m/s] of a given period [months] that descends [m/month], and of the seasons."""
    steps = torch.arange(round(years * YEAR * DAY / model.time_step), dtype=torch.float64)
    month = steps * model.time_step / DAY / MONTH
    turns = (month[:, None] + model.height / descent) / period
    profile = amplitude * torch.exp(-(((model.height - 26e3) / 8e3) ** 2))
    seasons = 5 + 9 * (2 * math.pi * month / 6).sin() + 4 * (2 * math.pi * month / 12).cos()
    return profile * (2 * math.pi * turns).sin() + seasons[:, None]


def test_diffusion_damps_a_wave_at_the_analytic_rate():
    model, m = FREE, 2 * math.pi / 12e3
    damping, _ = model.operators()
    # Of (1/rho) d/dz (rho K du/dz) with rho = exp(-z/H), these are the waves.
    wave = torch.exp(model.height / (2 * SCALE_HEIGHT) + 1j * m * model.height)
    rates = (damping.to(wave.dtype) @ wave) / wave
    expected = -model.diffusivity * (m**2 + 1 / (2 * SCALE_HEIGHT) ** 2)
    inner = slice(15, 50)
    assert rates.real[inner] == pytest.approx(torch.full((35,), expected), rel=0.05)
    assert rates.imag[inner].abs().max() < 0.05 * abs(expected)


def test_upwelling_lifts_a_profile_at_its_own_speed():
    model = replace(FREE, upwelling=0.5e-3, diffusivity=0.0)
    days, z = 80, model.height
    damping, advection = model.operators()
    lifted = torch.matrix_exp(days * DAY * (damping + advection))
    found = lifted @ torch.exp(-(((z - 27e3) / 4e3) ** 2))
    expected = torch.exp(-(((z - 27e3 - 0.5e-3 * days * DAY) / 4e3) ** 2))
    assert found == pytest.approx(expected, abs=0.05)


def test_a_column_without_waves_comes_to_rest():
    at_rest = replace(LONG, semiannual_amplitude=0.0)
    wind = simulate(no_drag, at_rest, years=30)[0]
    assert wind[0].abs().max() > 10
    assert wind[-1].abs().max() < 0.05
    still = simulate(no_drag, replace(at_rest, initial_amplitude=0.0), years=1)
    assert not still.any()


def test_the_drag_enters_as_it_is():
    model = replace(FREE, diffusivity=0.0)
    drag = torch.linspace(-1e-5, 2e-5, 63, dtype=torch.float64)
    wind = simulate(lambda u, *_: (drag.float().expand_as(u), u), model, years=10 / YEAR)[0]
    expected = model.initial_wind() + torch.arange(1, 11)[:, None] * DAY * drag
    assert wind == pytest.approx(expected, abs=1e-5)


def test_waves_and_diffusion_keep_the_momentum_of_the_column():
    layer = FREE.half_level_pressure().diff()
    wind = simulate(scheme(COARSE), FREE, years=60 / YEAR)[0]
    assert (wind - FREE.initial_wind()).abs().max() > 10
    momentum = wind @ layer
    assert momentum == pytest.approx(FREE.initial_wind() @ layer.expand_as(wind).T, rel=1e-6)


def test_the_stratopause_follows_the_semiannual_oscillation():
    wind = simulate(no_drag, ColumnModel(), years=2)[0]
    day = torch.arange(1, len(wind) + 1)
    expected = 30 * (4 * math.pi * day / YEAR).sin()
    level = nearest(ColumnModel().pressure, 60.0)
    assert wind[365:, level] == pytest.approx(expected[365:], abs=4)


def test_the_drag_is_given_columns_of_the_equator():
    seen = []

    def drag(*column):
        seen.append(column)
        return no_drag(*column)

    simulate(drag, ColumnModel(), years=30 / YEAR, upwelling=(0.5, 1.0))
    u, v, temperature, surface_pressure, latitude = seen[-1]
    assert u.shape == v.shape == temperature.shape == (2, 63)
    assert surface_pressure.shape == latitude.shape == (2,)
    assert 185 < temperature.min() < 195 and 255 < temperature.max() < 275  # tropo-, stratopause
    winds = torch.stack([column[1][0] for column in seen])
    assert winds.abs().amax(0) == pytest.approx(torch.full((63,), 5.0), rel=0.05)


def test_members_of_an_ensemble_are_runs_of_their_own():
    both = simulate(scheme(COARSE), ColumnModel(), 40 / YEAR, upwelling=(1.0, 2.0))
    alone = simulate(scheme(COARSE), replace(ColumnModel(), upwelling=0.6e-3), 40 / YEAR)
    assert both[1] == pytest.approx(alone[0], abs=1e-9)
    assert (both[0] - both[1]).abs().max() > 0.1


def test_seasons_of_the_upwelling_change_the_wind_and_average_out():
    model = replace(LONG, semiannual_amplitude=0.0)
    steady = simulate(no_drag, model, years=1)[0]
    seasonal = simulate(no_drag, replace(model, annual_cycle=0.5), years=1)[0]
    middle = nearest(model.pressure, 2000.0)
    apart = (seasonal - steady)[:, middle].abs()
    assert apart.max() > 2 * apart[-1] > 0


@pytest.fixture(scope="module")
def oscillating():
    """A run with coarse and strong waves."""
    return simulate(scheme(COARSE), LONG, years=6)[0]


def test_waves_make_westerlies_and_easterlies_in_turn_and_alike(oscillating):
    level = nearest(LONG.pressure, 2500.0)
    late = oscillating[len(oscillating) // 2 :, level]
    assert late.max() > 8 and late.min() < -8
    found = oscillation(oscillating, LONG, spin_up=1)
    assert found.stable and found.cycles >= 2
    assert 8 < found.period < 30
    # Nothing prefers a sign: of the time, westerlies have half.
    assert found.westerly_share == pytest.approx(0.5, abs=0.07)
    assert found.descent > 0


def test_waves_without_flux_make_no_oscillation(oscillating):
    silent = scheme(replace(COARSE, launch_flux=1e-12))
    alike = [simulate(drag, LONG, years=0.1) for drag in (silent, no_drag)]
    assert alike[0] == pytest.approx(alike[1], abs=1e-6)
    wind = simulate(no_drag, LONG, years=9)[0]
    assert (
        oscillation(wind, LONG).amplitude
        < 0.05 * oscillation(oscillating, LONG, spin_up=1).amplitude
    )


def test_an_oscillation_of_known_numbers_is_measured():
    found = oscillation(sinusoids(28.0, 20.0, LONG), LONG)
    assert found.stable
    assert found.period == pytest.approx(28.0, rel=0.01)
    assert found.amplitude == pytest.approx(20.0, rel=0.03)
    assert found.amplitude_20hpa == pytest.approx(20.0, rel=0.03)
    assert found.westerly_share == pytest.approx(0.5, abs=0.03)
    assert found.descent == pytest.approx(1000.0, rel=0.03)
    assert found.cycles == 6


def test_runs_are_compared_by_period_and_amplitude():
    reference, candidate = sinusoids(28.0, 20.0, LONG), sinusoids(30.8, 15.0, LONG)
    same = compare(reference, reference, LONG)
    assert same.pop("stable")
    assert list(same.values()) == pytest.approx([0.0] * 4, abs=1e-9)
    found = compare(reference, candidate, LONG)
    assert found["period_error"] == pytest.approx(0.10, abs=0.015)
    assert found["amplitude_error"] == pytest.approx(-0.25, abs=0.02)
    shifted = compare(reference, reference + 2.0, LONG)
    assert shifted["rms_difference"] == pytest.approx(2.0)
    assert shifted["amplitude_error"] == pytest.approx(0.0, abs=1e-9)


def test_seasons_are_taken_off():
    assert anomalies(sinusoids(28.0, 0.0, LONG), LONG).abs().max() < 1e-6


def test_a_drag_that_feeds_on_the_wind_is_flagged_and_the_rest_goes_on(caplog):
    def unstable(u, *column):
        return 2e-5 * u, u

    wind = simulate(unstable, ColumnModel(), years=5)
    assert "left all bounds after" in caplog.text
    assert wind[0, -1].isnan().all()
    found = compare(sinusoids(28.0, 20.0, ColumnModel(), years=5), wind[0], ColumnModel())
    assert not found["stable"] and math.isnan(found["period_error"])

    def second_only(u, *column):
        return torch.tensor([[0.0], [math.nan]]).expand_as(u), u

    pair = simulate(second_only, ColumnModel(), 20 / YEAR, upwelling=(1.0, 1.0))
    assert pair[0].isfinite().all() and pair[1].isnan().all()


def test_impossible_columns_are_refused():
    with pytest.raises(ValueError, match="time_step: expected at most 864000 s, found 0"):
        ColumnModel(time_step=0)
    with pytest.raises(ValueError, match="diffusivity: expected >= 0, found -0.3"):
        ColumnModel(diffusivity=-0.3)


def run(monkeypatch, folder, *arguments, network=0.95):
    """Run the command with sinusoids for winds; return what it wrote."""
    amplitudes = iter([20.0, 20.0 * network, 12.0])
    monkeypatch.setattr(qbo, "emulators", lambda experiments: {"network": no_drag})
    monkeypatch.setattr(
        qbo, "simulate", lambda drag, model, years: sinusoids(28, next(amplitudes), model)[None]
    )
    command(qbo.main, ["--experiment", str(folder), *arguments])


def test_the_command_writes_a_figure_and_numbers_into_the_experiment(tmp_path, monkeypatch, capsys):
    run(monkeypatch, tmp_path)
    results = json.loads((tmp_path / "artifacts" / "qbo.json").read_text())
    assert list(results["runs"]) == ["scheme", "network"]
    network = results["runs"]["network"]
    assert network["stable"] is True
    assert network["amplitude_error"] == pytest.approx(-0.05, abs=1e-6)
    assert network["period_error"] == 0
    assert results["column"]["upwelling"] == ColumnModel().upwelling
    assert (tmp_path / "plots" / "qbo.png").stat().st_size > 20_000
    assert "-5.0%" in capsys.readouterr().out


def test_the_command_reports_the_spread_of_several_networks(tmp_path, monkeypatch, caplog):
    winds = [(28, 20.0), (26, 18.0), (30, 24.0), (28, math.nan), (28, 21.0)]
    names = ["network 1", "network 2", "network 3", "ensemble"]
    monkeypatch.setattr(qbo, "emulators", lambda experiments: dict.fromkeys(names, no_drag))
    runs = iter(winds)
    monkeypatch.setattr(
        qbo, "simulate", lambda drag, model, years: sinusoids(*next(runs), model)[None]
    )
    folders = ["--experiment", str(tmp_path / "a"), str(tmp_path / "b")]
    with pytest.raises(SystemExit, match="--output: expected a folder"):
        command(qbo.main, folders)
    command(qbo.main, [*folders, "--output", str(tmp_path / "out")])
    results = json.loads((tmp_path / "out" / "qbo.json").read_text())
    spread, rows = results["spread"], results["runs"]
    assert (spread["members"], spread["stable"], spread["period"]["count"]) == (3, 2, 2)
    periods = [rows[name]["period"] for name in names[:2]]
    assert spread["period"]["mean"] == pytest.approx(sum(periods) / 2)
    assert spread["amplitude"]["greatest"] == rows["network 2"]["amplitude"]


def test_the_drag_of_an_ensemble_is_the_mean_of_its_members(tmp_path):
    from ai4sim.surrogate import Surrogate
    from weather_forecast.gwd.io.rows import DragLayout

    layout = DragLayout("nogwd", 63)
    sizes = {"in_channels": layout.input_channels, "out_channels": layout.output_channels}
    for name in "ab":
        surrogate = Surrogate(
            {"name": "MLP", "features": 4, **sizes}, layout.inputs, layout.outputs
        )
        surrogate.facts = {"scheme": "nogwd", "levels": 63, "output_scale": None}
        surrogate.save(tmp_path / name / "artifacts")
    drags = qbo.emulators([tmp_path / "a", tmp_path / "b"])
    assert list(drags) == ["network 1", "network 2", "ensemble"]
    u, v, temperature = torch.randn(3, 2, 63)
    column = u, v, temperature, torch.full((2,), 1e5), torch.zeros(2)
    one, two, mean = (drag(*column)[1] for drag in drags.values())
    torch.testing.assert_close(mean, (one + two) / 2)


def test_the_command_shows_an_emulator_that_failed(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    run(monkeypatch, tmp_path, "--output", str(out), "--scheme", "4x20", network=math.nan)
    assert sorted(path.name for path in out.iterdir()) == ["qbo.json", "qbo.png"]
    runs = json.loads((out / "qbo.json").read_text())["runs"]
    assert list(runs) == ["scheme", "network", "scheme 4 × 20"]
    assert runs["network"]["stable"] is False and runs["network"]["period"] is None
    assert "NO" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--experiment", "EMPTY", "--years", "4"], "--years: expected at least 9, found 4"),
        (["--experiment", "EMPTY", "--scheme", "4by20"], "phase speeds like 4x20, found '4by20'"),
        (["--experiment", "EMPTY", "--scheme", "5x20"], "expected an even number >= 4, found 5"),
        ([], "required: --experiment"),
    ],
)
def test_the_command_explains_a_wrong_option(tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        command(qbo.main, [str(tmp_path) if a == "EMPTY" else a for a in arguments])
    assert message in f"{caught.value}{capsys.readouterr().err}"


def test_the_command_explains_an_experiment_that_is_missing_or_not_trained(tmp_path):
    (tmp_path / "mlp").mkdir()
    with pytest.raises(SystemExit, match=r"error: .*mpl does not exist. Nearest name there: mlp"):
        command(qbo.main, ["--experiment", str(tmp_path / "mpl")])
    with pytest.raises(SystemExit, match=r"error: .*artifacts"):
        command(qbo.main, ["--experiment", str(tmp_path / "mlp")])


def perceptron():
    """An emulator that has learned nothing, of columns of the size of the demo's."""
    layout = DragLayout("nogwd", 63)
    net = {
        "name": "MLP",
        "in_channels": layout.input_channels,
        "out_channels": layout.output_channels,
    }
    surrogate = Surrogate(net, layout.inputs, layout.outputs)
    surrogate.facts = {"scheme": "nogwd", "levels": 63, "output_scale": None}
    return surrogate


def saved_network(folder):
    """Write an untrained emulator into a folder, and return it."""
    surrogate = perceptron()
    surrogate.save(folder)
    return surrogate


def test_a_trained_network_is_read_from_its_experiment(tmp_path):
    surrogate = saved_network(tmp_path / "artifacts")
    wind = simulate(qbo.emulators([tmp_path])["network"], ColumnModel(), years=3 / YEAR)
    assert wind.shape == (1, 3, 63)
    with pytest.raises(ValueError, match="has no statistics of its training set for a guard"):
        qbo.guarded_emulator([tmp_path], "fallback")
    surrogate.facts["scheme"] = "ogwd"
    surrogate.save(tmp_path / "artifacts")
    with pytest.raises(ValueError, match="expected an emulator of non-orographic drag"):
        qbo.emulators([tmp_path])


def test_columns_that_are_flagged_get_the_drag_of_the_scheme_and_the_others_that_of_the_network():
    surrogate, model = perceptron(), ColumnModel()
    generator = torch.Generator().manual_seed(0)
    typical = torch.cat([torch.zeros(126), model.temperature.float(), torch.tensor([1e5, 500.0])])
    training = typical + torch.randn(2000, 191, generator=generator)
    surrogate.guard = Guard.fit(training, training)
    u, v = 0.1 * torch.randn(2, 6, 63, generator=generator, dtype=torch.float64)
    u[::2] += 50 * torch.linspace(1, 0, 63)
    temperature = model.temperature.expand(6, -1)
    column = (u, v, temperature, torch.full((6,), 1e5, dtype=torch.float64), torch.zeros(6))
    # The geopotential that no wave depends on is the middle of the box, for the network, too.
    surrogate.input_norm.mean[-1] = (surrogate.guard.low[-1] + surrogate.guard.high[-1]) / 2
    watch = Guarded(surrogate.guard, "fallback")
    found = torch.stack(drag_of(surrogate, watch)(*column))
    physical, network = torch.stack(scheme()(*column)), torch.stack(drag_of(surrogate)(*column))
    assert watch.report() == {"policy": "fallback", "samples": 6, "flagged_share": 0.5}
    assert torch.equal(found[:, ::2], physical[:, ::2])
    torch.testing.assert_close(found[:, 1::2], network[:, 1::2], rtol=1e-5, atol=1e-6)
    kept = drag_of(surrogate, Guarded(surrogate.guard, "keep"))(*column)
    torch.testing.assert_close(torch.stack(kept), network, rtol=1e-5, atol=1e-6)


def test_the_figure_names_every_run():
    runs = {"scheme": sinusoids(28.0, 20.0, LONG), "network": sinusoids(26.0, math.nan, LONG)}
    runs["none"] = torch.zeros_like(runs["scheme"])
    titles = [axes.get_title(loc="left") for axes in qbo_figures.qbo(runs, LONG).axes]
    shown = [title for title in titles if title]
    assert shown[0].startswith("Scheme: 28.0 months, 2")
    assert shown[1:] == ["Network: not stable", "None: no oscillation"]


def test_scores_of_a_training_are_the_errors_of_its_oscillation(tmp_path, monkeypatch):
    saved_network(tmp_path)
    winds = [(28, 20.0), (28, 20.0 * 1.1), (28, 20.0)]

    def simulated(drag, model, years):
        months, size = winds.pop(0)
        return sinusoids(months, size, model)[None]

    monkeypatch.setattr(qbo, "simulate", simulated)
    found = qbo.scores(tmp_path, tmp_path)
    assert found["baselines"]["scheme_16x20"]["amplitude_error"] == pytest.approx(0.0, abs=1e-9)
    assert found["model"]["amplitude_error"] == pytest.approx(0.1, abs=1e-6)
    assert found["model"]["period_error"] == 0
    winds = [(28, 20.0), (28, math.nan)]
    with pytest.raises(ArithmeticError, match="unstable, or has no oscillation"):
        qbo.scores(tmp_path, tmp_path)
