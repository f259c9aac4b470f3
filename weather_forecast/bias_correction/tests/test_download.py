"""From the address of a data set, or from nothing, to raw columns that the layout accepts."""

from __future__ import annotations

import datetime
import functools
import logging
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from ai4sim.command import run as command
from ai4sim.io.download import ResumingDownloader
from ai4sim.io.files import visible_files
from ai4sim.tests.archive_server import ArchiveServer, serving
from ai4sim.tests.commands import complaint
from weather_forecast.bias_correction.io.layout import FLUXES, RadiationLayout
from weather_forecast.bias_correction.io.raw_files import read_columns
from weather_forecast.bias_correction.physics.heating import heating_rate
from weather_forecast.bias_correction.synthetic import generate
from weather_forecast.bias_correction.synthetic.columns import draw_columns
from weather_forecast.bias_correction.synthetic.download import (
    BANDS,
    DATES,
    EFFECT,
    INPUTS,
    TIERS,
    TRIPLECLOUDS,
    URL,
    fetch_maelstrom,
    join,
    main,
    numbers,
)
from weather_forecast.bias_correction.synthetic.generate import Snapshot, generate_columns
from weather_forecast.bias_correction.tests.test_generate import stub

LEVELS, COLUMNS = 9, 4
LAYOUT = RadiationLayout(LEVELS)
TIME = datetime.datetime(2020, 1, 1, 12)
PLACES = torch.tensor([-40.0, 0, 30, 80]), torch.tensor([0.0, 90, 180, 270])
COLUMN_INPUTS = draw_columns(TIME, *PLACES, levels=LEVELS)
PARTS = {name: values.numpy() for name, values in LAYOUT.split_inputs(COLUMN_INPUTS).items()}
SUN = np.maximum(PARTS["cos_solar_zenith_angle"], 0)[:, None]
EFFECTS = np.random.default_rng(0).normal(size=(4, COLUMNS, LEVELS + 1)).astype(np.float32)
EFFECTS[::2, :, 0] = 0  # downward at the top
EFFECTS[:2] *= SUN > 0
ABSOLUTE = np.abs(EFFECTS)
ABSOLUTE[0, :, 0] = (SUN[:, 0] * PARTS["solar_irradiance"]).astype(np.float32)


def published_inputs(path: Path, without: str = "") -> bytes:
    """Return a file of inputs as ecRad reads it: one dataset per variable, bands on an axis."""
    columns = {n: v.numpy() for n, v in LAYOUT.split_inputs(COLUMN_INPUTS).items()}
    with h5py.File(path, "w") as file:
        for stem, bands in BANDS.items():
            stack = [columns.pop(f"{stem}_{band + 1}") for band in range(bands)]
            file[stem] = np.stack(stack, axis=1)  # (column, band[, level])
        irradiance = columns.pop("solar_irradiance")
        file["solar_irradiance"] = irradiance[0]
        for name, values in columns.items():
            if name != without:
                file[name] = values
        file["lat"], file["lon"] = PLACES[0].numpy(), PLACES[1].numpy()
        file["fractional_std"] = np.ones((COLUMNS, LEVELS), np.float32)
    return path.read_bytes()


def published_fluxes(path: Path, values: np.ndarray) -> bytes:
    """Return a file of fluxes as ecRad writes it."""
    with h5py.File(path, "w") as file:
        for name, flux in zip(FLUXES, values, strict=True):
            file[name] = flux
        file["pressure_hl"] = LAYOUT.split_inputs(COLUMN_INPUTS)["pressure_hl"].numpy()
    return path.read_bytes()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """Return what is at each kind of address."""
    folder = tmp_path / "published"
    folder.mkdir()
    return {
        INPUTS: published_inputs(folder / "inputs.nc"),
        EFFECT: published_fluxes(folder / "effect.nc", EFFECTS),
        TRIPLECLOUDS: published_fluxes(folder / "tripleclouds.nc", ABSOLUTE),
    }


@pytest.fixture
def server(files: dict[str, bytes]) -> Iterator[ArchiveServer]:
    """Serve each kind of file at its addresses."""
    with serving(b"") as running:
        running.answer = by_kind(running, files)  # type: ignore[method-assign, assignment]
        yield running


def by_kind(
    running: ArchiveServer, files: dict[str, bytes]
) -> Callable[[BaseHTTPRequestHandler], None]:
    answer = running.answer

    def choose(handler: BaseHTTPRequestHandler) -> None:
        running.content = next(files[kind] for kind in files if kind in handler.path)
        answer(handler)

    return choose


def pattern(server: ArchiveServer) -> str:
    return server.url + "/{kind}_{date}00_{timestep}c{patch}.nc"


def run(server: ArchiveServer, folder: Path, *more: str) -> None:
    """Call the command line as ``nox -s download_data`` does."""
    url = ["--source", "maelstrom", "--url", pattern(server)]
    command(main, ["--data-path", str(folder), *url, *more])


def names(folder: Path) -> list[str]:
    return [path.name for path in visible_files(folder / "raw")]


def test_parts_are_joined_to_the_layout(server: ArchiveServer, tmp_path: Path) -> None:
    for _ in range(2):  # the second finds everything done
        run(server, tmp_path, "--timesteps", "0,500", "--patches", "3")
    assert len(server.asked) == 4
    assert names(tmp_path) == ["20200101_0000_03.nc", "20200101_0500_03.nc"]
    block = read_columns(tmp_path / "raw" / "20200101_0500_03.nc")
    np.testing.assert_array_equal(block["inputs"], COLUMN_INPUTS.numpy())
    np.testing.assert_array_equal(block["latitude"], PLACES[0].numpy())
    targets = LAYOUT.split_outputs(torch.from_numpy(block["targets"]))
    for name, flux in zip(FLUXES, EFFECTS, strict=True):
        np.testing.assert_array_equal(targets[name], flux)
    pressure = LAYOUT.split_inputs(COLUMN_INPUTS)["pressure_hl"].double()
    down, up = torch.from_numpy(EFFECTS[2:]).double()
    torch.testing.assert_close(targets["hr_lw"], heating_rate(down, up, pressure).float())
    assert "tripleclouds" not in block


def test_absolute_fluxes_on_request(server: ArchiveServer, tmp_path: Path) -> None:
    run(server, tmp_path, "--patches", "0", "--tripleclouds")
    block = read_columns(tmp_path / "raw" / "20200101_0000_00.nc")
    expected = ABSOLUTE.transpose(1, 0, 2).reshape(COLUMNS, -1)
    np.testing.assert_array_equal(block["tripleclouds"], expected)


def test_bands_on_the_last_axis_are_found_too(tmp_path: Path, files: dict[str, bytes]) -> None:
    inputs, effect = (tmp_path / "published" / name for name in ("inputs.nc", "effect.nc"))
    with h5py.File(inputs, "a") as file:
        aerosols = file["aerosol_mmr"][()].transpose(0, 2, 1)
        del file["aerosol_mmr"]
        file["aerosol_mmr"] = aerosols
    join([inputs, effect], tmp_path / "joined.nc")
    np.testing.assert_array_equal(
        read_columns(tmp_path / "joined.nc")["inputs"], COLUMN_INPUTS.numpy()
    )


def test_parts_are_read_as_their_attributes_say(tmp_path: Path, files: dict[str, bytes]) -> None:
    inputs, effect = (tmp_path / "published" / name for name in ("inputs.nc", "effect.nc"))
    scale = np.float64(1e-3)
    with h5py.File(inputs, "a") as file:
        for name, factor, units in (
            ("pressure_hl", 0.01, "hPa"),
            ("re_ice", 1e6, "um"),
            ("lat", np.pi / 180, "radian"),
        ):
            file[name][...] *= factor
            file[name].attrs["units"] = units
        turned = file["q"][()].T
        del file["q"]
        file["q"] = turned
        for name, size in (("column", COLUMNS), ("level", LEVELS)):
            file[name] = np.arange(size)
            file[name].make_scale(name)
        file["q"].dims[0].attach_scale(file["level"])
        file["q"].dims[1].attach_scale(file["column"])
    with h5py.File(effect, "a") as file:
        packed = np.round(file["flux_up_lw"][()] / scale).astype(np.int16)
        del file["flux_up_lw"]
        file["flux_up_lw"] = packed
        file["flux_up_lw"].attrs.update(scale_factor=scale, units="W m-2")
    join([inputs, effect], tmp_path / "joined.nc")
    block = read_columns(tmp_path / "joined.nc")
    np.testing.assert_allclose(block["inputs"], COLUMN_INPUTS.numpy(), rtol=1e-6)
    np.testing.assert_allclose(block["latitude"], PLACES[0].numpy(), rtol=1e-6)
    found = LAYOUT.split_outputs(torch.from_numpy(block["targets"]))["flux_up_lw"]
    np.testing.assert_allclose(found, EFFECTS[3], atol=0.6 * scale)
    with h5py.File(inputs, "a") as file:
        file["re_ice"].attrs["units"] = "K"
    with pytest.raises(ValueError, match=r'inputs\.nc: re_ice has the units "K", expected "m"'):
        join([inputs, effect], tmp_path / "joined.nc")


def test_a_truncated_transfer_is_continued(
    server: ArchiveServer, tmp_path: Path, files: dict[str, bytes]
) -> None:
    half = len(files[EFFECT]) // 2
    server.cut_after = [len(files[INPUTS]), half]
    quick = ResumingDownloader(pause=0.001)
    fetch_maelstrom(tmp_path, patches=[1], url=pattern(server), downloader=quick)
    assert server.asked == ["", "", f"bytes={half}-"] and names(tmp_path) == ["20200101_0000_01.nc"]
    assert not list((tmp_path / "downloads").glob("*.archive"))


def test_a_part_that_has_come_is_not_fetched_again(server: ArchiveServer, tmp_path: Path) -> None:
    server.statuses = [200, 404]
    with pytest.raises(FileNotFoundError, match="404"):
        fetch_maelstrom(tmp_path, patches=[1], url=pattern(server))
    fetch_maelstrom(tmp_path, patches=[1], url=pattern(server))
    assert len(server.asked) == 3 and names(tmp_path) == ["20200101_0000_01.nc"]


def test_files_in_the_layout_are_taken_as_they_are(tmp_path: Path) -> None:
    (file,) = generate_columns(
        tmp_path / "made", [Snapshot(TIME)], columns=3, levels=9, teacher=stub, workers=1
    )
    target = file.with_name("20200101-0-4.nc")
    file.rename(target)
    url = str(target.parent / "{date}-{timestep}-{patch}.nc")
    (fetched,) = fetch_maelstrom(tmp_path, patches=[4], url=url)
    assert fetched.read_bytes() == target.read_bytes() and fetched.name == "20200101_0000_04.nc"


def test_files_of_another_kind_never_reach_raw(
    server: ArchiveServer, tmp_path: Path, files: dict[str, bytes]
) -> None:
    def refused(kind: str, content: bytes, message: str) -> None:
        right, files[kind] = files[kind], content
        with pytest.raises(SystemExit, match=message):
            run(server, tmp_path, "--patches", "2")
        assert not names(tmp_path)
        files[kind] = right
        for kept in (tmp_path / "downloads").glob("*.archive"):
            kept.unlink()

    page = b"<!DOCTYPE html><html>Moved</html>"
    address = re.escape(f"{server.url}/{INPUTS}_2020010100_0c2.nc + ")
    refused(
        INPUTS,
        page,
        f"^error: {address}.*the file cannot be used: .*: expected a netCDF.*to fetch it anew",
    )
    lacking = published_inputs(tmp_path / "lacking.nc", without="re_ice")
    refused(INPUTS, lacking, f"{INPUTS}_.*: no variable re_ice; it has aerosol_mmr, ccl4_vmr")
    short = published_fluxes(tmp_path / "short.nc", EFFECTS[:, :3])
    refused(
        EFFECT, short, r"flux_dn_sw has shape \(3, 10\), expected axes of column 4, half_level 10"
    )
    with h5py.File(tmp_path / "other.nc", "w") as file:
        file["t2m"] = EFFECTS
    refused(
        EFFECT,
        (tmp_path / "other.nc").read_bytes(),
        f"{EFFECT}_.*: no variable flux_dn_sw; it has t2m",
    )
    run(server, tmp_path, "--patches", "2")
    assert names(tmp_path) == ["20200101_0000_02.nc"]


def test_tiers_and_numbers() -> None:
    sizes = {name: len(tier.timesteps) * len(tier.patches) for name, tier in TIERS.items()}
    assert sizes == {"1": 8, "2": 29 * 4, "3": 4 * 4, "all": 29 * 16}
    assert numbers("", "0-3500", 125) == list(TIERS["all"].timesteps)
    assert numbers("", "0,500", 125) == [0, 500]
    assert numbers("", "0-3,7,9-10") == [0, 1, 2, 3, 7, 9, 10]
    assert len(DATES) == 17 and DATES[12] == datetime.date(2020, 12, 26)
    assert URL.startswith("https://") and {"kind", "date", "timestep", "patch"} == set(
        re.findall(r"{(\w+)}", URL)
    )


def test_what_there_is_not_is_told(tmp_path: Path) -> None:
    for choice, message in (
        ({"timesteps": [100]}, r"timesteps: there is no 100; expected some of \[0, 125"),
        ({"patches": [16]}, "patches: there is no 16"),
        ({"dates": [datetime.date(2020, 1, 2)]}, "dates: there is no 2020-01-02"),
        ({"url": "https://127.0.0.1/{date}_{patch}.nc"}, r"url: expected \{timestep\} in it"),
    ):
        with pytest.raises(ValueError, match=message):
            fetch_maelstrom(tmp_path, **choice)
    (tmp_path / "20200101_0_1.nc").write_bytes(b"")
    url = str(tmp_path / "{date}_{timestep}_{patch}.nc")
    with pytest.raises(FileNotFoundError, match=r"Nearest name there: 20200101_0_1\.nc"):
        fetch_maelstrom(tmp_path, patches=[0], url=url)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--url", "x"], "--url belongs to --source maelstrom, not to demo"),
        (["--patches", "0-3"], "--patches belongs to --source maelstrom"),
        (["--source", "maelstrom", "--dates", "yesterday"], "--dates: expected YYYY-MM-DD, found"),
        (
            ["--source", "maelstrom", "--patches", "all"],
            "--patches: expected numbers like 0,2 or 0-9, found 'all'",
        ),
        (
            ["--source", "maelstrom", "--tier", "1", "--patches", "0", "--timesteps", "0"],
            "--tier: not together with both",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert message in complaint(main, tmp_path, options, capsys)


def test_the_demo_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    small = functools.partial(
        generate_columns,
        snapshots=[Snapshot(TIME)],
        columns=2,
        levels=5,
        teacher=stub,
        workers=1,
    )
    monkeypatch.setattr(generate, "generate_columns", small)
    with caplog.at_level(logging.INFO):
        command(main, ["--data-path", str(tmp_path)])
    assert names(tmp_path) == ["2020-01-01T1200.nc"]
    assert caplog.messages[-1] == f"1 raw files in {tmp_path / 'raw'}"
