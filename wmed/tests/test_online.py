"""Oceans that feed back: forcing, schemes, drift, budgets and the command line."""

from __future__ import annotations

import datetime
import json
import math

import numpy as np
import pytest
import torch

from ai4sim import command
from ai4sim.guard import Guard
from ai4sim.surrogate import Surrogate
from wmed.io.layout import RhoLayout
from wmed.io.preprocess import sun_at
from wmed.nets.inputs import bulk_state, lowest_state, rho_inputs
from wmed.online import storm
from wmed.online.case import Case, EventForcing, read_case
from wmed.online.figures import kinetic_spectrum
from wmed.online.runs import simulate
from wmed.online.schemes import bulk_scheme, fixed_radiation, guarded_scheme, surrogate_schemes
from wmed.online.slab_ocean import OceanParameters
from wmed.online.storm import main, run
from wmed.physics.bulk import coare36
from wmed.tests.grids_made_up import write_event

SHORT = {"days": 0.5, "coupling_hours": 2.0, "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("online")
    write_event(path / "raw", "2006-03-10", records=3, seed=1)
    write_event(path / "raw", "2006-08-01", records=3, seed=2)
    return path


@pytest.fixture(scope="module")
def case(folder) -> Case:
    return read_case(folder, "20060310")


def constants(case, tau_x=0.0, heat=0.0):
    """A scheme that knows nothing: the same fluxes everywhere, whatever the state."""
    sizes = case.graph.sizes

    def fluxes(fields):
        rho = torch.zeros(1, sizes["rho"])
        return {
            "tau_x": torch.full((1, sizes["u"]), tau_x),
            "tau_y": torch.zeros(1, sizes["v"]),
            **{name: rho for name in ("shortwave", "longwave", "sensible")},
            "latent": rho + heat,
        }

    return fluxes


def test_air_is_that_of_the_files_and_comes_back_the_way_it_went():
    states = torch.randn(3, 4, 5)
    forcing = EventForcing(np.array([100.0, 106.0, 118.0]), states)
    for hours, expected in (
        (0, states[0]),
        (6, states[1]),
        (12, (states[1] + states[2]) / 2),
        (18, states[2]),
        (30, states[1]),
        (36, states[0]),
        (42, states[1]),
    ):
        assert torch.allclose(forcing.at(hours)[0], expected, atol=1e-6)
    assert torch.equal(forcing.at(10.0)[1], forcing.at(26.0)[1])  # the sun too
    assert forcing.played(40.0) == 104.0


def test_air_needs_two_times():
    with pytest.raises(ValueError, match="two or more times that increase, found 1"):
        EventForcing(np.array([3.0]), torch.zeros(1, 2, 5))


def sun_of_june(hour):
    return torch.from_numpy(sun_at(datetime.datetime(2006, 6, 21, hour)))[None]


def test_sun_is_over_greenwich_about_noon_and_high_in_june():
    declination, hour_angle, irradiance = sun_of_june(12)[0].tolist()
    assert declination == pytest.approx(math.radians(23.4), abs=0.01)
    assert hour_angle == pytest.approx(0.0, abs=0.02)
    assert 1310 < irradiance < 1330


def fields_of(case, hours=0.0, **changes):
    air, sun = case.forcing.at(hours)
    sizes = case.graph.sizes
    return {
        "atmosphere": air[None],
        "sun": sun[None],
        "sst": case.sst[None],
        "current_u": torch.zeros(1, sizes["u"]),
        "current_v": torch.zeros(1, sizes["v"]),
        **changes,
    }


def test_fixed_radiation_is_that_of_the_season(case):
    radiation = fixed_radiation(case.graph, case.height)
    night, noon = (radiation(fields_of(case, sun=sun_of_june(hour))) for hour in (0, 12))
    assert (night["shortwave"] == 0).all()
    assert 700 < float(noon["shortwave"].mean()) < 900
    assert -120 < float(noon["longwave"].mean()) < -50


def test_a_sea_that_moves_with_the_wind_has_no_stress(case):
    fields = fields_of(case)
    levels = fields["atmosphere"].shape[-1] // 5
    fields["atmosphere"][..., [0, levels]] = torch.tensor([2.0, -1.0])
    scheme = bulk_scheme(case.graph, coare36, case.height)
    cos, sin = case.graph.angle.cos(), case.graph.angle.sin()
    along = (2 * cos - sin)[case.graph.u_faces].mean(1)
    across = (-cos - 2 * sin)[case.graph.v_faces].mean(1)
    still, moving = (
        scheme(fields),
        scheme({**fields, "current_u": along[None], "current_v": across[None]}),
    )
    assert float(still["tau_x"].min()) > 1e-3
    # Faces at land are at rest, and take part in the means beside them.
    inside = (case.graph.rho_faces >= 0).sum(1) >= 3
    away = inside[case.graph.u_faces].all(1)
    assert float(moving["tau_x"][0, away].abs().median()) < 1e-6


def test_a_bulk_formula_gets_the_lowest_level_and_the_surface():
    profiles = [4.0, 9.0, -3.0, 9.0, 290.0, 300.0, 0.01, 0.5, 1e5, 9e4]
    surface = [291.0, 0.5, -1.0, 0.7, 900.0]
    state = bulk_state(torch.tensor([profiles + surface]).double(), RhoLayout(2), height=20.0)
    found = {name: float(value) for name, value in state.items()}
    assert found["wind_x"] == 3.5 and found["wind_y"] == -2.0
    assert (
        found["air_temperature"] == pytest.approx(290) and found["sea_surface_temperature"] == 291
    )
    assert found["specific_humidity"] == pytest.approx(0.01 / 1.01)
    assert found["pressure"] == pytest.approx(1e5 + 234, abs=2)


@pytest.mark.parametrize("nearest", [False, True])
def test_the_lowest_level_alone_is_the_lowest_level_of_all(case, nearest):
    fields = fields_of(case)
    layout = RhoLayout(fields["atmosphere"].shape[-1] // 5)
    found = lowest_state(fields, case.graph, case.height, nearest)
    rows = rho_inputs(fields, case.graph, layout, nearest)
    torch.testing.assert_close(found, bulk_state(rows, layout, case.height))


def test_the_same_scheme_does_not_drift(case):
    same = bulk_scheme(case.graph, coare36, case.height)
    runs = run(case, {"surrogate": same}, **SHORT)
    found = runs.summary()["surrogate"]
    for name in ("largest_sst_rmse", "largest_kinetic_energy_difference", "current_rmse"):
        assert found[name] == 0
    assert found["kinetic_energy"] > 0
    assert runs.summary()["constant_bulk"]["sst_rmse"] > 0


def test_a_biased_stress_drifts_and_heat_closes(case):
    right = bulk_scheme(case.graph, coare36, case.height)

    def biased(fields):
        found = right(fields)
        return {**found, "tau_x": 1.2 * found["tau_x"], "tau_y": 1.2 * found["tau_y"]}

    runs = run(case, {"surrogate": biased}, **SHORT)
    drift = runs.summary()["surrogate"]
    assert drift["kinetic_energy_difference"] == pytest.approx(0.44, abs=0.05)  # 1.2^2 - 1
    assert drift["wind_work"] > runs.summary()["coare36"]["wind_work"] > 0
    assert np.abs(runs.heat_residual).max() < 1e-5
    assert np.abs(runs.series["heat_flux"][-1]).max() > 1


def test_a_biased_heat_flux_warms_the_whole_sea(case):
    schemes = {"coare36": constants(case), "warm": constants(case, heat=50.0)}
    p = OceanParameters(deep_temperature=0.0)  # nothing convects
    runs = simulate(case.grid, case.forcing, schemes, "coare36", case.sst, parameters=p, **SHORT)
    warming = 50 * 43_200 / (p.density * p.heat_capacity * p.depth)
    assert runs.series["sst_bias"][-1, 1] == pytest.approx(warming, rel=1e-6)
    assert runs.series["sst_rmse"][-1, 1] == pytest.approx(warming, rel=1e-6)
    assert runs.series["heat_flux"][-1, 1] == pytest.approx(50)


def test_all_oceans_share_the_radiation_of_the_surrogate(case):
    def sunny(fields):
        found = constants(case)(fields)
        return {**found, "shortwave": found["latent"] + 80, "longwave": found["latent"] - 30}

    runs = run(case, {"surrogate": sunny}, radiation="surrogate", **SHORT)
    turbulent = run(case, {"surrogate": constants(case)}, radiation="surrogate", **SHORT)
    gained = runs.series["heat_flux"][-1] - turbulent.series["heat_flux"][-1]
    assert np.allclose(gained, 50, atol=1)  # less what the warmer sea gives back


def test_fluxes_that_are_not_finite_name_the_run(case):
    with pytest.raises(FloatingPointError, match="run surrogate: latent is not finite"):
        run(case, {"surrogate": constants(case, heat=math.nan)}, **SHORT)
    with pytest.raises(FloatingPointError, match="run surrogate: the ocean became unstable"):
        run(case, {"surrogate": constants(case, tau_x=1e5)}, **SHORT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radiation": "surrogate"}, "no run 'surrogate'"),
        ({"radiation": "none"}, "expected fixed or surrogate, found 'none'"),
        ({"days": 0.0}, "expected positive times, found 0 days"),
    ],
)
def test_senseless_options_are_refused(case, options, message):
    with pytest.raises(ValueError, match=message):
        run(case, **{**SHORT, **options})


def test_an_event_is_found_by_its_date(folder, tmp_path):
    assert read_case(folder).name == "croco_his_20060801"
    with pytest.raises(ValueError, match="event '1999': 0 files .* croco_his_20060310"):
        read_case(folder, "1999")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_case(tmp_path / "nowhere")


def test_command_line_writes_report_and_figures(folder, tmp_path):
    command.run(
        main,
        ["--data-path", str(folder), "--output", str(tmp_path), "--days", "0.5"]
        + ["--flux-step", "3", "--event", "20060310"],
    )
    found = json.loads((tmp_path / "online.json").read_text(encoding="utf-8"))
    assert set(found["runs"]) == {"coare36", "ecmwf", "constant_bulk"}
    assert found["settings"]["event"] == "croco_his_20060310"
    assert found["series"]["hours"] == [0.0, 6.0, 12.0]
    for name in ("drift", "maps", "spectrum"):
        assert (tmp_path / f"online_{name}.png").stat().st_size > 10_000


def test_members_of_an_ensemble_run_side_by_side_with_their_mean(folder, case, tmp_path):
    layout = RhoLayout(4)
    for i, name in enumerate(("a", "b")):
        net = Surrogate(
            {"name": "BulkFluxNet", "levels": 4, "layers": 0}, layout.inputs, layout.outputs
        )
        with torch.no_grad():
            for weights in net.parameters():
                weights += 0.1 * i
        net.save(tmp_path / name)
    paths = [str(tmp_path / name) for name in ("a", "b")]
    schemes = surrogate_schemes(paths, case.graph)
    one, two, mean = (dict(scheme(fields_of(case))) for scheme in schemes.values())
    assert list(schemes) == ["surrogate 1", "surrogate 2", "ensemble"]
    torch.testing.assert_close(mean["heat"], (one["heat"] + two["heat"]) / 2)
    difference = (one["latent"] - two["latent"]).abs()
    torch.testing.assert_close(mean["latent_spread"], difference / 2**0.5, rtol=1e-3, atol=1e-3)
    options = ["--data-path", str(folder), "--days", "0.5", "--flux-step", "3"]
    out = tmp_path / "out"
    command.run(main, [*options, "--output", str(out), "--ckpt", *paths])
    found = json.loads((out / "online.json").read_text(encoding="utf-8"))
    each = [found["runs"][f"surrogate {i}"]["sst_bias"] for i in (1, 2)]
    assert found["spread"]["members"] == 2
    assert found["spread"]["sst_bias"]["mean"] == pytest.approx(np.mean(each))
    assert found["spread"]["sst_bias"]["spread"] == pytest.approx(np.std(each, ddof=1)) != 0


def test_command_line_says_what_is_missing(folder, tmp_path):
    options = ["--data-path", str(folder), "--output", str(tmp_path)]
    with pytest.raises(SystemExit, match="needs the --ckpt"):
        command.run(main, [*options, "--radiation", "surrogate"])
    with pytest.raises(SystemExit, match="none.ckpt"):
        command.run(main, [*options, "--ckpt", str(tmp_path / "none.ckpt")])


def test_a_saved_network_is_a_scheme(case, tmp_path):
    layout = RhoLayout(4)
    net = {"name": "BulkFluxNet", "levels": 4, "layers": 0}
    Surrogate(net, layout.inputs, layout.outputs).save(tmp_path)
    schemes = surrogate_schemes([tmp_path], case.graph)
    found = schemes["surrogate"](fields_of(case))
    sizes = case.graph.sizes
    assert found["tau_x"].shape == (1, sizes["u"]) and found["latent"].shape == (1, sizes["rho"])
    runs = run(case, schemes, radiation="surrogate", **SHORT)
    assert np.isfinite(runs.series["sst_mean"]).all()


def test_scores_of_a_training_are_the_drifts_of_its_ocean(case, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(storm, "IN_LOOP_DAYS", 0.25)
    monkeypatch.setattr(storm, "read_case", lambda data_path: case)
    layout = RhoLayout(4)
    net = {"name": "BulkFluxNet", "levels": 4, "layers": 0}
    Surrogate(net, layout.inputs, layout.outputs).save(tmp_path)
    found = storm.scores(tmp_path, folder)
    runs = run(case, surrogate_schemes([tmp_path], case.graph), days=0.25, progress=False)
    drift = np.abs(runs.series["sst_bias"]).max(0)
    names = list(runs.names)
    assert found["model"]["sst_drift"] == pytest.approx(drift[names.index("surrogate")]) != 0
    assert found["baselines"]["ecmwf"]["sst_drift"] == pytest.approx(drift[names.index("ecmwf")])
    assert set(found["baselines"]) == set(names) - {"coare36", "surrogate"}


def test_points_that_are_flagged_get_the_fluxes_of_the_bulk_formula(case, tmp_path):
    layout, fields = RhoLayout(4), fields_of(case)
    net = {"name": "BulkFluxNet", "levels": 4, "layers": 0}
    surrogate = Surrogate(net, layout.inputs, layout.outputs)
    surrogate.save(tmp_path / "old")
    args = (case.graph, "fallback", coare36, case.height)
    with pytest.raises(ValueError, match="old has no statistics of its training set for a guard"):
        guarded_scheme(tmp_path / "old", *args)
    rows = rho_inputs(fields, case.graph, layout).flatten(0, 1)
    plain = surrogate_schemes([tmp_path / "old"], case.graph)["surrogate"](fields)
    physical = bulk_scheme(case.graph, coare36, case.height)(fields)
    # Training sets of another climate, and of the half of this one with less wind.
    calm = rows[rows[:, 0].abs() < rows[:, 0].abs().median()]
    for name, training in (("other", rows + 1e4), ("calm", calm)):
        surrogate.guard = Guard.fit(training, training)
        surrogate.save(tmp_path / name)
        scheme, watch = guarded_scheme(tmp_path / name, *args)
        found, flag = scheme(fields), surrogate.guard(rows).flag
        assert watch.flagged == int(flag.sum()) > 10
        for flux in ("latent", "sensible"):
            expected = torch.where(flag, physical[flux].to(plain[flux]), plain[flux])
            torch.testing.assert_close(found[flux], expected, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(found["longwave"], plain["longwave"])  # the network's own
        if flag.all():
            for flux in ("tau_x", "tau_y"):
                torch.testing.assert_close(found[flux], physical[flux].to(found[flux]))
    assert not flag.all()


def test_spectrum_has_a_wave_in_its_band(case):
    rows, columns = case.grid.shape
    spacing = float(case.grid.dx[case.grid.sea].mean()) / 1000
    wave = np.cos(2 * np.pi * np.arange(columns) / 4.0) * np.ones((1, rows, 1))
    number, energy = kinetic_spectrum(case.grid, wave, 0 * wave)
    assert number[energy[0].argmax()] == pytest.approx(1 / (4 * spacing), rel=0.15)
