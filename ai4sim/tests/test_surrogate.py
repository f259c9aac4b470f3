"""A surrogate normalises exactly once, keeps units, and comes back from disk without Lightning."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from ai4sim.surrogate import Surrogate, Variable


@pytest.fixture
def surrogate():
    torch.manual_seed(0)
    net = {"name": "UNet", "dimensions": 3, "features": 4, "levels": 2}
    made = Surrogate(net, [Variable("c", "1")], [Variable("sigma", "1/m")])
    made.input_norm.set(0.5, 0.5)
    made.output_norm.set(0.0, 0.25)
    made.facts = {"output_scale": 1000.0}
    return made.eval()


def test_the_network_sees_normalised_input_once_and_the_output_gets_its_unit_back(surrogate):
    seen = []

    class Probe(nn.Module):
        def forward(self, x):
            seen.append(x)
            return torch.full_like(x, 2.0)

    surrogate.net = Probe()
    c = torch.rand(2, 1, 4, 4, 4)
    sigma = surrogate(c, torch.tensor([1000.0, 500.0]))
    torch.testing.assert_close(seen[0], 2 * c - 1)
    # network output 2, times std 0.25, times the reference value of each sample
    torch.testing.assert_close(sigma[0], torch.full((1, 4, 4, 4), 500.0))
    torch.testing.assert_close(sigma[1], torch.full((1, 4, 4, 4), 250.0))


def test_targets_are_scaled_by_the_inverse_of_what_predictions_are(surrogate):
    y, scale = torch.rand(3, 1, 2, 2, 2) * 900, torch.tensor([1.0, 10.0, 1e3])
    back = surrogate.denormalize(surrogate.normalize_targets(y, scale), scale)
    torch.testing.assert_close(back, y)


def test_chosen_reflections_commute_with_the_prediction_exactly():
    torch.manual_seed(0)
    net = {"name": "UNet", "dimensions": 3, "features": 4, "levels": 2}
    channels = [Variable("c", "1")], [Variable("sigma", "1/m")]
    symmetric = Surrogate(net, *channels, reflections=(1, 2)).eval()
    c = torch.rand(1, 1, 8, 6, 6)
    with torch.no_grad():
        for axes in ((3,), (4,), (3, 4)):
            expected = symmetric(c).flip(axes)
            torch.testing.assert_close(symmetric(c.flip(axes)), expected, rtol=1e-5, atol=1e-7)
        assert not torch.allclose(symmetric(c.flip(2)), symmetric(c).flip(2), rtol=1e-3)
        # Training sees the bare network: augmentation is what teaches it.
        symmetric.training = True
        torch.testing.assert_close(symmetric(c), symmetric.net(c))


def test_saved_surrogate_predicts_the_same_numbers_in_a_process_without_lightning(
    surrogate, tmp_path
):
    surrogate.save(tmp_path)
    c = np.random.default_rng(0).random((9, 6, 5), dtype=np.float32)
    np.save(tmp_path / "c.npy", c)
    code = (
        "import sys, numpy as np\n"
        "from ai4sim.surrogate import Surrogate\n"
        "folder = sys.argv[1]\n"
        "out = Surrogate.load(folder).predict({'c': np.load(folder + '/c.npy')})\n"
        "np.save(folder + '/sigma.npy', out['sigma'])\n"
        "assert not any(m.startswith('lightning') for m in sys.modules), 'Lightning was imported'\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    expected = surrogate.predict({"c": c})["sigma"]
    assert expected.shape == c.shape
    np.testing.assert_allclose(np.load(tmp_path / "sigma.npy"), expected, rtol=1e-6)


def test_a_batch_and_an_explicit_scale(surrogate):
    c = np.random.default_rng(1).random((2, 8, 4, 4), dtype=np.float32)
    single = surrogate.predict({"c": c[1]}, output_scale=10.0)["sigma"]
    both = surrogate.predict({"c": c}, output_scale=np.array([1.0, 10.0]))["sigma"]
    np.testing.assert_allclose(both[1], single, rtol=1e-4, atol=1e-6)


def test_errors_name_what_is_missing(surrogate, tmp_path):
    with pytest.raises(ValueError, match=r"missing input \['c'\]: expected c \[1\], found \['T'\]"):
        surrogate.predict({"T": np.zeros((4, 4, 4))})
    surrogate.facts["output_scale"] = None
    with pytest.raises(ValueError, match="several values of output_scale"):
        surrogate.predict({"c": np.zeros((4, 4, 4))})
    with pytest.raises(FileNotFoundError, match="surrogate.json"):
        Surrogate.load(tmp_path)


def test_weights_of_another_network_are_refused(surrogate, tmp_path):
    surrogate.save(tmp_path)
    description = json.loads((tmp_path / "surrogate.json").read_text())
    description["net"]["features"] = 8
    (tmp_path / "surrogate.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match="does not fit"):
        Surrogate.load(tmp_path)


def test_a_description_cannot_name_arbitrary_code(surrogate, tmp_path):
    surrogate.save(tmp_path)
    description = json.loads((tmp_path / "surrogate.json").read_text())
    description["net"] = {"name": "os.system", "command": "true"}
    (tmp_path / "surrogate.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match="unknown name 'os.system'"):
        Surrogate.load(tmp_path)
