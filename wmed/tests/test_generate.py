"""Generation: layout and content of the files, reproducibility, and what a killed run leaves."""

from __future__ import annotations

import functools
import logging
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import torch

import wmed
from ai4sim.command import run
from ai4sim.data.splits import explicit
from ai4sim.io.files import visible_files
from ai4sim.tests.reference import REFERENCE, needs_reference
from wmed.io import croco, mesonh
from wmed.io.graph import build
from wmed.io.grid import at_nodes
from wmed.io.layout import PROFILES
from wmed.io.preprocess import air_of
from wmed.physics.bulk import bulk_inputs, coare36
from wmed.synthetic.events import DEMO, Event
from wmed.synthetic.generate import find_events, generate, main

SHAPE = (30, 34)
STORM = replace(DEMO[-1], records=2, peak=12.0)
SUMMER = replace(DEMO[3], records=2)
TRAINING = replace(DEMO[0], records=1)

make = functools.partial(generate, shape=SHAPE, workers=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three short events."""
    folder = tmp_path_factory.mktemp("made")
    make(folder, [STORM, SUMMER, TRAINING])
    return folder


def names(folder: Path) -> list[str]:
    return [path.name for path in visible_files(folder / "raw")]


def ocean_file(folder: Path, event: Event) -> Path:
    return folder / "raw" / f"croco_his_{event.name}.nc"


def air_files(folder: Path) -> list[Path]:
    return visible_files(folder / "raw", "ECMWF*.nc")


def test_an_event_is_a_history_and_the_air_of_each_time(made: Path) -> None:
    assert names(made) == [
        *(f"ECMWF_20050112_{hour}.nc" for hour in ("00", "06")),
        *(f"ECMWF_20050720_{hour}.nc" for hour in ("00", "06", "12")),
        *(f"ECMWF_20061219_{hour}.nc" for hour in ("00", "06", "12")),
        *(f"croco_his_{event.name}.nc" for event in (TRAINING, SUMMER, STORM)),
    ]
    pairs = air_of(ocean_file(made, STORM))
    assert [(record, path.name) for record, path in pairs] == [
        (1, "ECMWF_20061219_06.nc"),
        (2, "ECMWF_20061219_12.nc"),
    ]
    split = explicit(visible_files(made / "raw", "croco*"), made / "splits.yaml")
    assert [len(files) for files in (split.train, split.val, split.test)] == [2, 0, 1]
    assert split.test == [ocean_file(made, STORM)]


def test_fluxes_follow_from_what_the_files_hold(made: Path) -> None:
    """Read by the readers, brought over the graph, put into COARE: the stress and the heat."""
    path = ocean_file(made, STORM)
    record, air_path = air_of(path)[-1]
    ocean, air = croco.read_grid(path), mesonh.read_grid(air_path)
    graph = build(air, ocean)
    fields = croco.read_record(path, record, fluxes=True)
    state = np.stack([values[0] for values in mesonh.read_state(air_path)])
    nodes = torch.from_numpy(state[:, air.sea].T).double()
    lowest: dict[str, Any] = dict(zip(PROFILES, graph.interpolate(nodes).unbind(-1), strict=True))
    u, v = (
        torch.from_numpy(at_nodes(fields[name], mask)).double()
        for name, mask in (("current_u", ocean.sea_u), ("current_v", ocean.sea_v))
    )
    current_x, current_y = graph.to_rho(u, v)
    inputs = bulk_inputs(
        **lowest,
        sea_surface_temperature=torch.from_numpy(fields["sst"][ocean.sea]).double(),
        current_x=current_x,
        current_y=current_y,
    )
    fluxes = coare36(**inputs, iterations=10)
    tau_x, tau_y = graph.to_faces(fluxes.tau_x, fluxes.tau_y)
    np.testing.assert_allclose(fields["tau_x"][ocean.sea_u], tau_x, atol=1e-5)
    np.testing.assert_allclose(fields["tau_y"][ocean.sea_v], tau_y, atol=1e-5)
    np.testing.assert_allclose(fields["latent"][ocean.sea], fluxes.latent, atol=0.02)
    np.testing.assert_allclose(fields["sensible"][ocean.sea], fluxes.sensible, atol=0.02)
    assert torch.hypot(tau_x.mean(), tau_y.mean()) > 0.2


def test_heat_and_its_parts(made: Path) -> None:
    for event, record in ((STORM, 1), (STORM, 2), (SUMMER, 2)):
        path = ocean_file(made, event)
        fields, sea = croco.read_record(path, record), croco.read_grid(path).sea
        parts = [fields[n][sea] for n in ("shortwave", "longwave", "latent", "sensible")]
        np.testing.assert_allclose(sum(parts), fields["heat"][sea], atol=1e-3)
        assert parts[0].min() >= 0 and -170 < parts[1].min() and parts[1].max() < 0
    assert fields["shortwave"][sea].mean() > 600  # noon in July
    assert not croco.read_record(ocean_file(made, STORM), 1)["shortwave"].any()  # 6 h in December


def test_record_0_is_at_rest_and_land_is_empty(made: Path) -> None:
    with h5py.File(ocean_file(made, STORM)) as file:
        for name in ("u", "v", "sustr", "svstr", "shflux", "shflx_rlw", "shflx_lat"):
            values = file[name][()]
            assert not values[0].any() and values[1:].any()
        land, temp = file["mask_rho"][()] == 0, file["temp"][:, 0]
        assert not file["shflux"][()][:, land].any() and not temp[:, land].any()
        assert temp[0][~land].min() > 10
        assert b"coare3p6" in file.attrs["bulk_algorithm"]
        assert file.attrs["start_date"] == b"2006-12-19T00:00:00"
    with h5py.File(air_files(made)[0]) as file:
        sst = file["SST"][()]
        assert (sst[file["SSS"][()] == 999] == 999).all() and 270 < sst[sst < 999].min()


@needs_reference
def test_files_are_laid_out_like_those_of_the_models(made: Path) -> None:
    """Names, dimensions, types and units of the reference data."""
    raw = REFERENCE / "wmed/small" / "raw"
    for theirs, ours in (
        (raw / "croco_his_20060310.nc", ocean_file(made, STORM)),
        (raw / "ECMWF_20060310_06.nc", air_files(made)[1]),
    ):
        with netCDF4.Dataset(theirs) as expected, netCDF4.Dataset(ours) as found:
            assert set(found.variables) == set(expected.variables)
            assert set(found.dimensions) == set(expected.dimensions)
            for name, variable in expected.variables.items():
                mine = found.variables[name]
                assert mine.dimensions == variable.dimensions and mine.dtype == variable.dtype
                units = [getattr(v, "units", "").split(" since ")[0] for v in (mine, variable)]
                assert units[0] == units[1], name


def test_an_event_alone_is_the_same_and_missing_files_are_made(made: Path, tmp_path: Path) -> None:
    make(tmp_path, [SUMMER])
    alone = visible_files(tmp_path / "raw")
    contents = [path.read_bytes() for path in alone]
    assert contents == [(made / "raw" / path.name).read_bytes() for path in alone]
    stamp = alone[0].stat().st_mtime_ns
    alone[1].unlink()
    make(tmp_path, [SUMMER])
    assert [path.read_bytes() for path in visible_files(tmp_path / "raw")] == contents
    assert alone[0].stat().st_mtime_ns == stamp


def test_files_made_in_another_way_are_not_mixed_with(tmp_path: Path) -> None:
    make(tmp_path, [TRAINING])
    with pytest.raises(ValueError, match=r"was made in .* way: seed 0 there, 1 here"):
        make(tmp_path, [TRAINING], seed=1)
    with pytest.raises(ValueError, match=r"size 30 x 34 there, 31 x 34 here"):
        make(tmp_path, [TRAINING], shape=(31, 34))
    with pytest.raises(ValueError, match=r"event \w+ there, \w+ here"):
        make(tmp_path, [replace(TRAINING, mistral=3.0)])


def test_another_seed_is_another_world(made: Path, tmp_path: Path) -> None:
    make(tmp_path, [TRAINING], seed=3)
    one, two = (croco.read_record(ocean_file(f, TRAINING), 1) for f in (made, tmp_path))
    for name in ("current_u", "tau_x", "heat"):
        assert np.abs(one[name] - two[name]).max() > 0.05 * np.abs(one[name]).max()


def test_a_killed_generation_leaves_whole_files_and_continues(made: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from wmed.tests.test_generate import *; "
        "make(sys.argv[1], [STORM, SUMMER, TRAINING])"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(wmed.__path__[0]).parent)}
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment)
    deadline = time.monotonic() + 60
    while len(names(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = visible_files(tmp_path / "raw")
    assert 2 <= len(left) < len(names(made)) and not (tmp_path / "splits.yaml").exists()
    make(tmp_path, [STORM, SUMMER, TRAINING])
    for path in visible_files(made / "raw"):
        assert (tmp_path / "raw" / path.name).read_bytes() == path.read_bytes()
    assert not [p.name for p in (tmp_path / "raw").iterdir() if p.name[0] == "."]
    assert (tmp_path / "splits.yaml").read_text() == (made / "splits.yaml").read_text()


def test_the_demo_has_every_season_and_keeps_its_storm_for_the_test() -> None:
    by_use = {use: [e for e in DEMO if e.use == use] for use in ("train", "val", "test")}
    assert [len(events) for events in by_use.values()] == [6, 2, 2]
    assert len({event.start.month // 3 % 4 for event in by_use["train"]}) == 4
    strongest = max(DEMO, key=lambda event: event.mistral)
    assert strongest.use == "test" and strongest.mistral > 1.4 * max(
        event.mistral for event in by_use["train"]
    )
    assert len({event.recipe for event in DEMO}) == len(DEMO)


def test_command_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    event = DEMO[3]
    with pytest.raises(SystemExit, match="error: there is no event 20050101, only 20050112, "):
        run(main, ["--data-path", str(tmp_path), "--events", "20050101"])
    with pytest.raises(SystemExit, match="error: expected at least 10 rows and columns"):
        run(main, ["--data-path", str(tmp_path), "--shape", "9", "12"])
    assert not list(tmp_path.iterdir())
    with caplog.at_level(logging.INFO):
        run(main, ["--data-path", str(tmp_path), "--events", event.name, "--shape", "20", "22"])
    assert caplog.messages[-1] == f"1 events in {tmp_path / 'raw'}"
    assert len(names(tmp_path)) == event.records + 2
    assert find_events([event.name]) == [event]
    text = (tmp_path / "splits.yaml").read_text()
    assert re.search(r"train:\n  - croco_his_20050720.nc\nval: \[\]\ntest: \[\]", text)
