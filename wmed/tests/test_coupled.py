"""Air and sea in two programs: remapping by YAC, conserved heat, and a component in Fortran."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch
from torch import Tensor

from ai4sim import command
from ai4sim.native.call import load
from ai4sim.native.couple import command as couple
from ai4sim.surrogate import Surrogate
from ai4sim.tests.host_programs import EXAMPLES, build_example, called, needs
from ai4sim.variables import split_channels
from ai4sim.weights import write_samples
from wmed.config import USE_CASE
from wmed.io.grid import cell_corners
from wmed.io.layout import RhoLayout
from wmed.online import states, weights
from wmed.online.case import Case, read_case
from wmed.online.coupled import AtmosphereCells, library_rows, ocean_computes, surface_scheme
from wmed.online.slab_ocean import SlabOcean
from wmed.tests.grids_made_up import HEIGHTS, SPACING, write_event

ROOT, LEVELS = EXAMPLES.parent, len(HEIGHTS)
PLACES = (Path(sys.prefix), ROOT / ".nox" / "coupler")
"""The environments that may have YAC; the second one is made by ``nox -s coupler``."""
WITH_YAC = [path for path in PLACES if any(path.glob("lib/python*/site-packages/yac"))]
needs_yac = pytest.mark.skipif(not WITH_YAC, reason="needs YAC: nox -s coupler")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("coupled")
    write_event(path / "raw", "2006-03-10", records=3, seed=1)
    return path


@pytest.fixture(scope="module")
def case(folder) -> Case:
    return read_case(folder)


@pytest.fixture(scope="module")
def surrogate(case) -> Surrogate:
    """A network of transfer coefficients that has not been trained."""
    torch.manual_seed(0)
    layout = RhoLayout(LEVELS)
    net = {"name": "BulkFluxNet", "levels": LEVELS, "features": 8, "layers": 1}
    return Surrogate(net, layout.inputs, layout.outputs).eval()


def rows_at_start(case: Case) -> Tensor:
    """Return rows of inputs, (rho, channel), above the first sea at rest."""
    return states.rows_of(case, 1, 1)[0, 0]


@pytest.fixture(scope="module")
def library(case, surrogate, folder) -> Path:
    artifacts = folder / "experiments" / "run" / "artifacts"
    surrogate.save(artifacts)
    write_samples(artifacts, {"inputs": rows_at_start(case)})
    couple(USE_CASE, folder / "experiments")(folder / "library", experiment="run", backend="c")
    return folder / "library"


# --- parts -------------------------------------------------------------------------------------


def test_cells_lie_around_their_points(case):
    lon, lat = cell_corners(case.grid.lon, case.grid.lat)
    assert lon.shape == lat.shape == tuple(n + 1 for n in case.grid.shape)
    assert np.allclose(np.diff(lon), SPACING, atol=1e-5)
    assert np.allclose(lon[0, :-1] + SPACING / 2, case.grid.lon[0], atol=1e-5)
    assert (lat[:-1, 1:] < case.grid.lat).all() and (case.grid.lat < lat[1:, 1:]).all()
    height = np.radians(np.diff(lat, axis=0))[:, 0] * 6371e3
    assert np.allclose(height, case.grid.dy[:, 0], rtol=1e-4)


def test_weights_in_a_file_are_the_interpolation(folder, case, tmp_path, capsys):
    line = ["--data-path", str(folder), "--to", str(tmp_path / "weights.nc")]
    command.run(weights.main, line)
    with netCDF4.Dataset(tmp_path / "weights.nc") as file:
        source, target = (file[f"{side}_address"][:].data - 1 for side in ("src", "dst"))
        weight = file["remap_matrix"][:, 0].data
    air = np.full(case.atmosphere.sea.size, np.nan)  # no land may enter
    values = np.random.default_rng(0).normal(size=int(case.atmosphere.sea.sum()))
    air[case.atmosphere.sea.ravel()] = values
    found = np.zeros(case.grid.sea.size)
    np.add.at(found, target, weight * air[source])
    expected = case.graph.interpolate(torch.from_numpy(values)[:, None])[:, 0].numpy()
    assert np.allclose(found[case.grid.sea.ravel()], expected, atol=1e-7)
    with pytest.raises(SystemExit, match=r"--to .*weights\.nc: expected a new file"):
        command.run(weights.main, line)


@needs()
def test_the_library_has_the_fluxes_of_the_network(case, surrogate, library):
    rows = rows_at_start(case)
    found, expected = library_rows(library, LEVELS)(rows), surrogate(rows).detach()
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"wind_x \(4\).*these files have wind_x \(15\)"):
        library_rows(library, 15)
    with pytest.raises(FileNotFoundError, match=r"none.*does not exist"):
        library_rows(library / "none", LEVELS)
    hot = rows.clone()
    hot[:, -5] += 100
    with pytest.raises(ValueError, match="sea_surface_temperature is 38"):
        library_rows(library, LEVELS)(hot)


@needs()
def test_a_library_tells_python_what_it_takes(case, library, tmp_path):
    call, inputs = load(library)
    given = split_channels(rows_at_start(case), inputs)
    assert call(**given)["heat"].shape == (case.graph.sizes["rho"],)
    with pytest.raises(ValueError, match="sea_fluxes has no input 'presure': pressure"):
        call(**given, presure=given["pressure"])
    with pytest.raises(ValueError, match="sea_fluxes lacks pressure; it takes wind_x"):
        call(**{name: x for name, x in given.items() if name != "pressure"})
    for name, wrong in (("wind_x", given["wind_x"][:, :3]), ("current_y", given["current_y"][:2])):
        with pytest.raises(ValueError, match=rf"{name} has the shape .*, expected \(\d+"):
            call(**{**given, name: wrong})
    card = json.loads((library / "surrogate.json").read_text(encoding="utf-8"))
    for changes, message in (
        ({"library": None}, "found a surrogate that is not coupled"),
        ({"library": {**card["library"], "block": None}}, "found sea_fluxes, not for columns"),
    ):
        (tmp_path / "surrogate.json").write_text(json.dumps({**card, **changes}))
        with pytest.raises(ValueError, match=message):
            load(tmp_path)
    (tmp_path / "surrogate.json").write_text(json.dumps(card))
    with pytest.raises(FileNotFoundError, match=r"libsea_fluxes\.so"):
        load(tmp_path)
    (tmp_path / "libsea_fluxes.so").write_bytes(b"no library")
    with pytest.raises(ValueError, match=r"libsea_fluxes\.so is not the library.*damaged"):
        load(tmp_path)


def telltale(rows: Tensor) -> Tensor:
    """Return as fluxes what they were given: currents; sunlight, temperature, wind, and 1."""
    shown = [rows[:, -4], rows[:, -3], rows[:, -1], rows[:, -5], rows[:, 0]]
    return torch.stack([*shown, torch.ones(len(rows))], dim=-1)


def test_a_cell_sees_the_mean_of_its_part_of_the_sea(case):
    cells = AtmosphereCells(case.atmosphere, telltale)
    air, sun = case.forcing.at(0.0)
    surface = np.full((4, case.atmosphere.sea.size), np.nan)
    surface[:, 3] = 0.25 * np.array([290.0, 0.4, -0.2, 1.0])
    land = int(np.flatnonzero(~case.atmosphere.sea.ravel())[0])
    surface[:, land] = [288.0, 0.1, 0.2, 1.0]
    stress, heat = cells.fluxes(surface, air, sun)
    assert np.allclose([*stress[:, 3], heat[1, 3]], [0.4, -0.2, 290.0], atol=1e-5)
    assert heat[1, land] == 288 and heat[2, land] in air[:, 0].tolist()  # the air over some sea
    # Cells without sea have the fluxes of the nearest one with some.
    assert heat[1, 4] == heat[1, 3] and set(np.unique(heat[1])) == {heat[1, 3], 288.0}
    with pytest.raises(ValueError, match="no cell of the atmosphere holds sea"):
        cells.fluxes(np.full_like(surface, np.nan), air, sun)


def test_coupled_fields_decide_where_fluxes_are_computed():
    assert ocean_computes(["air"]) and not ocean_computes(["heat", "stress", "surface"])
    with pytest.raises(ValueError, match="names air, heat; expected air or heat, stress, surface"):
        ocean_computes(["heat", "air"])


def test_an_ocean_turns_what_it_sends_and_receives(case):
    sizes, sent = case.graph.sizes, {}

    def send(name, values):
        sent[name] = values

    def receive(name):
        values = {"stress": [0.1, -0.2], "heat": [100.0, -50.0, -20.0, -5.0]}[name]
        return np.repeat(values, sizes["rho"]).reshape(-1, sizes["rho"])

    angle = torch.full((sizes["rho"],), np.pi / 2)
    graph = case.graph.__class__(**{**vars(case.graph), "angle": angle})
    fields = {
        "sst": case.sst[None],
        "current_u": torch.full((1, sizes["u"]), 0.3),
        "current_v": torch.zeros(1, sizes["v"]),
    }
    ratio = torch.full((sizes["rho"],), 1.5, dtype=torch.float64)
    found = surface_scheme(graph, send, receive, ratio)(fields)
    # The ocean's x axis looks to the north.
    east, north = sent["surface"][1:3]
    assert np.allclose(east, 0, atol=1e-7) and north.max() == pytest.approx(0.3)
    assert torch.allclose(found["tau_x"], torch.tensor(-0.3, dtype=torch.float64), atol=1e-7)
    assert torch.allclose(found["tau_y"], torch.tensor(-0.15, dtype=torch.float64), atol=1e-7)
    assert torch.allclose(found["heat"], torch.tensor(37.5, dtype=torch.float64))

    def receive_less(name):
        return np.where(np.arange(sizes["rho"]) == 2, np.nan, receive(name))

    with pytest.raises(ValueError, match="'stress': 1 of .* points of the sea received nothing"):
        surface_scheme(graph, send, receive_less, ratio)(fields)


# --- two programs under YAC --------------------------------------------------------------------


def launch(
    monkeypatch: pytest.MonkeyPatch, coupling: Path, library: Path, data: Path, output: Path
) -> subprocess.CompletedProcess[str]:
    """Run both programs for half a day with exchanges every hour."""
    for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"):
        monkeypatch.setenv(name, "1")
    # YAC's own environment has nothing but it: all else comes from this one.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")]))
    programs = WITH_YAC[0] / "bin"
    line: list[Any] = ["--coupling", coupling, "--library", library, "--data-path", data]
    line += ["--output", output, "--days", 0.5]
    atmosphere, ocean = (
        ["-n", 1, programs / "python", "-m", "mpi4py", EXAMPLES / "coupler" / f"{name}.py", *line]
        for name in ("atmosphere", "ocean")
    )
    return called(programs / "mpirun", "--oversubscribe", *atmosphere, ":", *ocean, "--compare")


def read(output: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what both programs have written."""
    air, sea = (
        json.loads((output / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("atmosphere", "ocean")
    )
    return air, sea


@needs_yac
@needs()
def test_the_ocean_receives_the_heat_that_the_atmosphere_sends(
    folder, case, library, tmp_path, monkeypatch
):
    coupling = EXAMPLES / "coupler" / "conservative.yaml"
    done = launch(monkeypatch, coupling, library, folder, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    air, sea = read(tmp_path)
    sent, received = np.array(air["heat_sent"]), np.array(sea["heat_received"])
    assert len(sent) == 12 and np.ptp(sent) > 0
    assert np.abs(received - sent).max() < 1e-12 * np.abs(sent).max()
    # And keeps it: the books of the ocean are kept by its own areas.
    ocean = SlabOcean(case.grid)
    area = float(ocean.integral(torch.ones(case.grid.shape)))
    series = {
        name: values["coupled"][-1] for name, values in sea["series"].items() if name != "hours"
    }
    kept = series["heat_content_change"] - series["heat_from_below"]
    assert kept == pytest.approx(float(sent.mean()) / area, rel=1e-9)
    # Fluxes of cells eight times as large are others.
    assert 1e-6 < sea["runs"]["coupled"]["sst_rmse"] < 0.05
    # A second run into the same folder ends at once, both programs of it.
    done = launch(monkeypatch, coupling, library, folder, tmp_path)
    assert done.returncode != 0 and "expected an output that is not there" in done.stderr


@needs_yac
@needs()
def test_own_weights_in_the_coupler_give_the_ocean_of_one_program(
    folder, library, tmp_path, monkeypatch
):
    command.run(weights.main, ["--data-path", str(folder), "--to", str(tmp_path / "weights.nc")])
    monkeypatch.chdir(tmp_path)
    done = launch(
        monkeypatch, EXAMPLES / "coupler" / "weights.yaml", library, folder, tmp_path / "own"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _, sea = read(tmp_path / "own")
    assert sea["reference"] == "alone"
    drift = sea["runs"]["coupled"]
    assert drift["largest_sst_rmse"] < 1e-6 and drift["current_rmse"] < 1e-6
    assert drift["kinetic_energy"] > 0


@needs_yac
@needs()
def test_bilinear_remapping_is_nearly_our_own(folder, library, tmp_path, monkeypatch):
    done = launch(monkeypatch, EXAMPLES / "coupler" / "bilinear.yaml", library, folder, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    _, sea = read(tmp_path)
    assert 1e-7 < sea["runs"]["coupled"]["largest_sst_rmse"] < 0.01


# --- a component in Fortran --------------------------------------------------------------------


@needs("gfortran")
def test_a_component_in_fortran_has_the_fluxes_of_python(folder, case, library, tmp_path):
    line = ["--data-path", str(folder), "--to", str(tmp_path / "states.bin")]
    command.run(states.main, [*line, "--couplings", "3", "--steps", "4"])
    program = build_example("coupler", "sea_fluxes", library, tmp_path / "build") / "component"
    done = called(program, tmp_path / "states.bin", tmp_path / "fluxes.bin")
    assert done.returncode == 0, done.stderr
    found = states.read_fluxes(tmp_path / "fluxes.bin", case.graph.sizes["rho"])
    rows = library_rows(library, LEVELS)
    means = states.rows_of(case, 3, 4).double().mean(1).float()
    expected = np.stack([rows(exchange).numpy().T for exchange in means])
    assert found.shape == (3, 7, case.graph.sizes["rho"])
    spread = np.ptp(expected, axis=(0, 2))
    difference = np.abs(found[:, :6] - expected).max((0, 2))
    assert (difference <= 1e-6 * np.where(spread > 0, spread, 1)).all()
    assert np.allclose(found[:, 6], found[:, 2:6].sum(1), rtol=1e-5, atol=1e-3)
    # The mean over the steps is not the first of them.
    first = np.stack([rows(steps[0]).numpy().T for steps in states.rows_of(case, 3, 4)])
    assert np.abs(first - expected).max() > 1e-3
    again = called(program, tmp_path / "states.bin", tmp_path / "fluxes.bin")
    assert again.returncode == 1 and "expected a new file" in again.stderr
    (tmp_path / "short.bin").write_bytes((tmp_path / "states.bin").read_bytes()[:-100])
    short = called(program, tmp_path / "short.bin", tmp_path / "other.bin")
    assert short.returncode == 1 and "STATES ends early" in short.stderr
