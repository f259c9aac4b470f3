"""The modules around the networks: scales, launch flux, augmentation, and what leaves them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ai4sim.export import export_program
from ai4sim.surrogate import Surrogate
from weather_forecast.gwd import models
from weather_forecast.gwd.data import ColumnDataModule
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.models import (
    DragModule,
    LitCNN,
    LitFluxNet,
    LitMLP,
    LitSpectrum,
    LitStressNet,
)
from weather_forecast.gwd.nets.emulator import drag_of, launch_factor
from weather_forecast.gwd.physics.nogwd import few_speeds, nonorographic_drag
from weather_forecast.gwd.tests.made_up import smooth_columns, write_dates

NOGWD, OGWD = DragLayout("nogwd", 63), DragLayout("ogwd", 91)
SMALL: dict[str, Any] = {"features": 8, "layers": 2}
MODELS: dict[str, Callable[[], DragModule]] = {
    "mlp": lambda: LitMLP(**SMALL),
    "cnn": lambda: LitCNN(features=8, blocks=2),
    "flux_net": lambda: LitFluxNet(**SMALL, phase_speeds=4),
    "spectrum": lambda: LitSpectrum(phase_speeds=4),
    "ogwd_mlp": lambda: LitMLP(scheme="ogwd", levels=91, **SMALL),
    "ogwd_cnn": lambda: LitCNN(scheme="ogwd", levels=91, features=8, blocks=2),
    "stress_net": lambda: LitStressNet(**SMALL),
}
pytestmark = pytest.mark.filterwarnings("ignore:You are trying to `self.log")
every_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Data modules of both schemes, by name."""
    prepared = {}
    for layout in (NOGWD, OGWD):
        folder = tmp_path_factory.mktemp(layout.scheme)
        write_dates(folder, layout, 3)
        prepared[layout.scheme] = ColumnDataModule(str(folder), ratios=(0.34, 0.33, 0.33), gap=0)
        prepared[layout.scheme].prepare_data()
    return prepared


def calibrated(name: str, data: dict[str, ColumnDataModule]) -> DragModule:
    """A module that knows the statistics of its data, with random weights."""
    torch.manual_seed(0)
    module = MODELS[name]()
    module.calibrate(data[module.layout.scheme])
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module.eval()


def batch_of(layout: DragLayout, count: int = 12) -> dict[str, Any]:
    """A batch of a training set."""
    x, latitude = smooth_columns(layout, count, seed=7)
    y = 1e-5 * torch.randn(
        count, layout.output_channels, generator=torch.Generator().manual_seed(0)
    )
    return {"inputs": x.float(), "targets": y, "latitude": latitude.float()}


# ---- scales ----------------------------------------------------------------------------------


def test_a_quarter_of_the_waves_is_missing_at_the_equator():
    factor = launch_factor(torch.tensor([0.0, 20.0, -20.0, 90.0]))
    expected = [0.75, 1 - 0.25 * np.exp(-0.5), 1 - 0.25 * np.exp(-0.5), 1.0]
    torch.testing.assert_close(
        factor, torch.tensor(expected, dtype=torch.float32), rtol=1e-4, atol=0
    )


@every_model
def test_only_nonorographic_drag_is_scaled_by_the_launch_flux(name, data):
    module = calibrated(name, data)
    batch = batch_of(module.layout)
    at_pole, at_equator = (
        module({**batch, "latitude": torch.full((12,), latitude)}) for latitude in (90.0, 0.0)
    )
    assert at_pole.abs().max() > 0
    share = 0.75 if module.layout.scheme == "nogwd" else 1.0
    torch.testing.assert_close(at_equator, share * at_pole, rtol=1e-4, atol=0)


def test_a_learned_launch_flux_needs_no_latitude(data):
    module = LitMLP(**SMALL, launch_flux="learned")
    module.calibrate(data["nogwd"])
    batch = batch_of(NOGWD)
    unknown = {**batch, "latitude": torch.full((12,), torch.nan)}
    assert torch.equal(module(unknown), module(batch))
    assert module.surrogate.facts["output_scale"] == 1.0


def test_a_missing_latitude_names_the_file():
    batch = {**batch_of(NOGWD), "file": "/data/raw/2015-01-01.h5"}
    batch["latitude"][3] = torch.nan
    with pytest.raises(
        ValueError, match="/data/raw/2015-01-01.h5: no latitude.*launch_flux learned"
    ):
        LitMLP(**SMALL)(batch)


@every_model
def test_each_output_has_its_own_scale(name, data):
    module = calibrated(name, data)
    source = data[module.layout.scheme]
    inputs, outputs = source.statistics()
    norms = module.surrogate.input_norm, module.surrogate.output_norm
    varies = torch.from_numpy(outputs.std > 0)
    expected = torch.from_numpy(outputs.std).float()
    torch.testing.assert_close(norms[1].std[varies], expected[varies])
    assert norms[1].std.min() > 0
    structured = name in ("flux_net", "spectrum", "stress_net")
    if structured:
        assert not norms[1].mean.any() and not norms[0].mean.any()
        assert torch.equal(module.surrogate.net.output_scale, norms[1].std)
    else:
        torch.testing.assert_close(norms[0].mean, torch.from_numpy(inputs.mean).float())
        torch.testing.assert_close(norms[1].mean, torch.from_numpy(outputs.mean).float())
    # Normalised twice, or not at all, the prediction would be some orders of magnitude away.
    batch = next(iter(source.test_dataloader()))
    ratio = module(batch).std(0)[varies] / norms[1].std[varies]
    assert 1e-3 < ratio.median() < 1e2
    normalized = module.surrogate.normalize_targets(batch["targets"])[:, varies]
    assert 0.1 < normalized.std(0).median() < 10


def test_an_untrained_flux_net_is_the_scheme_at_the_launch_flux_of_the_latitude(data):
    module = LitFluxNet(**SMALL, phase_speeds=8)
    module.calibrate(data["nogwd"])
    batch = batch_of(NOGWD)
    rows = NOGWD.split_inputs(batch["inputs"])
    fields = [rows[name] for name in ("u", "v", "temperature", "surface_pressure")]
    drag = nonorographic_drag(*fields, batch["latitude"], few_speeds(16, 8))
    expected = torch.cat([drag.u_tendency, drag.v_tendency], dim=-1)
    assert (module(batch) - expected).norm() < 1e-3 * expected.norm()


@pytest.mark.parametrize("name", ["flux_net", "stress_net"])
def test_no_drag_stays_no_drag(name, data):
    module = calibrated(name, data)
    batch = batch_of(module.layout)
    typical = module(batch).abs().mean(0)
    batch["inputs"][:, : 2 * module.layout.levels] = 0.0
    found = module(batch)
    assert (found.abs() <= 1e-4 * typical + 1e-12).all()


@every_model
def test_other_columns_are_refused(name, data):
    module = MODELS[name]()
    other = "ogwd" if module.layout.scheme == "nogwd" else "nogwd"
    with pytest.raises(ValueError, match=rf"{other}.*: its columns are of {other} with .* levels"):
        module.calibrate(data[other])


def test_another_number_of_levels_names_the_option(data):
    with pytest.raises(ValueError, match="of nogwd with 63 levels, .* nogwd with 40: .*levels 63"):
        LitMLP(levels=40, **SMALL).calibrate(data["nogwd"])


# ---- training --------------------------------------------------------------------------------


@every_model
def test_every_model_learns_a_batch(name, data):
    module = calibrated(name, data)
    batch = next(iter(data[module.layout.scheme].train_dataloader()))
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = module.training_step(batch, 0)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("augment", [False, True])
def test_columns_are_turned_in_training_only(augment, data, monkeypatch):
    turned = []

    def record(inputs, targets, layout, azimuths=16):
        turned.append(layout)
        return -inputs, targets

    monkeypatch.setattr(models, "random_transform", record)
    module = LitMLP(**SMALL, augment=augment)
    module.calibrate(data["nogwd"])
    batch = {**batch_of(NOGWD), "repeated": False}
    plain = module.training_step(batch, 0)
    assert turned == ([NOGWD] if augment else [])
    before = batch["inputs"].clone()
    module.validation_step(batch, 0)
    module.predict_step(batch, 0)
    module(batch)
    assert len(turned) == augment
    assert torch.equal(batch["inputs"], before)
    opposite = {**batch, "inputs": -batch["inputs"] if augment else batch["inputs"]}
    torch.testing.assert_close(
        plain,
        module.loss(
            module.normalized_prediction(opposite),
            module.surrogate.normalize_targets(batch["targets"], module.output_scale(batch)),
        ),
    )


def test_the_baselines_travel_with_the_checkpoint(data):
    module, other = calibrated("mlp", data), LitMLP(**SMALL)
    assert other.extra_state() == {"baselines": None}
    other.set_extra_state_from(module.extra_state())
    batch = batch_of(NOGWD)
    found, expected = (
        m.baselines.predict(batch["inputs"], batch["latitude"], NOGWD) for m in (other, module)
    )
    assert "ridge" in found
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


# ---- what leaves -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mlp", "flux_net"])
@pytest.mark.parametrize("launch_flux", ["latitude", "learned"])
def test_an_emulator_is_called_like_the_scheme(name, launch_flux, data):
    torch.manual_seed(0)
    module = (LitMLP if name == "mlp" else LitFluxNet)(**SMALL, launch_flux=launch_flux)
    module.calibrate(data["nogwd"])
    surrogate = module.surrogate
    x, latitude = smooth_columns(NOGWD, 9)
    rows = NOGWD.split_inputs(x)
    fields = {name: rows[name] for name in ("u", "v", "temperature", "surface_pressure")}
    u_tendency, v_tendency = drag_of(surrogate)(**fields, latitude=latitude)
    assert u_tendency.dtype == torch.float64 and u_tendency.shape == (9, 63)
    # Of the geopotential it knows nothing; its mean is as good as any.
    ground = np.full(9, surrogate.input_norm.mean[-1])
    scale = launch_factor(latitude).numpy() if launch_flux == "latitude" else None
    expected = surrogate.predict(
        {name: field.numpy() for name, field in fields.items()} | {"geopotential": ground},
        output_scale=scale,
    )
    for found, wind in ((u_tendency, "u"), (v_tendency, "v")):
        np.testing.assert_allclose(found, expected[f"{wind}_tendency"], rtol=1e-5, atol=1e-12)


def test_an_emulator_of_mountains_is_no_such_function(data):
    with pytest.raises(ValueError, match="expected an emulator of non-orographic .*orography_std"):
        drag_of(calibrated("stress_net", data).surrogate)
    with pytest.raises(ValueError, match="expected an emulator of non-orographic drag"):
        drag_of(LitMLP(**SMALL).surrogate)  # it has never seen a training set


LOAD = """
import sys
import numpy as np
from ai4sim.surrogate import Surrogate
surrogate = Surrogate.load(sys.argv[1])
assert type(surrogate.net).__module__ == "weather_forecast.gwd.nets.momentum_flux_net"
assert "lightning" not in sys.modules and "h5py" not in sys.modules
fields = dict(np.load(sys.argv[1] + "/fields.npz"))
scale = fields.pop("scale")
np.savez(sys.argv[1] + "/found.npz", **surrogate.predict(fields, output_scale=scale))
"""


def test_a_saved_network_of_the_use_case_needs_the_core_only(tmp_path, data):
    module = calibrated("flux_net", data)
    module.surrogate.save(tmp_path)
    batch = batch_of(NOGWD)
    fields = {name: part.numpy() for name, part in NOGWD.split_inputs(batch["inputs"]).items()}
    np.savez(tmp_path / "fields.npz", scale=launch_factor(batch["latitude"]).numpy(), **fields)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(tmp_path / "found.npz") as found:
        parts = NOGWD.split_outputs(module(batch).detach())
        assert set(found) == set(parts)
        for name, expected in parts.items():
            np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-10)
    again = Surrogate.load(tmp_path)
    assert again.facts["levels"] == 63 and again.facts["output_scale"] is None


def check_export(module: DragModule, path: Path) -> None:
    """Export, reload, and compare for a batch of another size."""
    export_program(module.surrogate, batch_of(module.layout)["inputs"], path)
    program = torch.export.load(path).module()
    inputs, scale = batch_of(module.layout, 5)["inputs"], torch.linspace(0.5, 1, 5)
    expected = module.surrogate(inputs, scale)
    assert expected.abs().max() > 0
    torch.testing.assert_close(program(inputs, scale), expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", ["mlp", "cnn", "spectrum", "ogwd_mlp", "stress_net"])
def test_the_exported_program_gives_the_same_numbers(name, data, tmp_path):
    check_export(calibrated(name, data), tmp_path / "model.pt2")


@pytest.mark.parametrize(
    "phase_speeds", [0, pytest.param(4, marks=pytest.mark.slow)], ids=["alone", "with the scheme"]
)
def test_the_exported_flux_net_gives_the_same_numbers(phase_speeds, data, tmp_path):
    torch.manual_seed(0)
    module = LitFluxNet(**SMALL, phase_speeds=phase_speeds)
    module.calibrate(data["nogwd"])
    torch.nn.init.normal_(module.surrogate.net.head.weight)
    check_export(module.eval(), tmp_path / "model.pt2")
