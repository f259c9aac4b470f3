"""A surrogate normalises exactly once, keeps units, and comes back from disk without Lightning."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from ai4sim.surrogate import Surrogate
from ai4sim.tests.graphs import NeighbourMeans, scattered_graph
from ai4sim.variables import Variable, split_channels


@pytest.fixture
def surrogate():
    torch.manual_seed(0)
    net = {"name": "UNet", "dimensions": 3, "features": 4, "levels": 2}
    made = Surrogate(net, [Variable("c", "1")], [Variable("sigma", "1/m")])
    made.input_norm.set(0.5, 0.5)
    made.output_norm.set(0.0, 0.25)
    made.facts = {"output_scale": 1000.0}
    return made.eval()


@pytest.fixture
def on_graphs(surrogate):
    surrogate.net = NeighbourMeans(3)
    return surrogate


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
    with pytest.raises(ValueError, match="do not fit"):
        Surrogate.load(tmp_path)


def test_a_description_cannot_name_arbitrary_code(surrogate, tmp_path):
    surrogate.save(tmp_path)
    description = json.loads((tmp_path / "surrogate.json").read_text())
    description["net"] = {"name": "os.system", "command": "true"}
    (tmp_path / "surrogate.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match="unknown name 'os.system'"):
        Surrogate.load(tmp_path)


def test_fields_on_a_graph_get_their_unit_from_each_node(on_graphs):
    graph = scattered_graph(50)
    c, scale = np.random.default_rng(0).random(50, dtype=np.float32), np.linspace(1, 2, 50)
    sigma = on_graphs.predict({"c": c}, output_scale=scale, graph=graph)["sigma"]
    normalised = torch.from_numpy(2 * c - 1)[:, None]
    with torch.no_grad():
        expected = on_graphs.net(normalised, graph)[:, 0] * 0.25 * torch.from_numpy(scale)
    np.testing.assert_allclose(sigma, expected, rtol=1e-5)
    default = on_graphs.predict({"c": c}, graph=graph)["sigma"]
    np.testing.assert_allclose(default, sigma / scale * 1000, rtol=1e-5)


def test_reflected_graphs_have_the_same_prediction(on_graphs):
    graph, c = scattered_graph(50), torch.rand(50, 1)
    mirrored = graph.reflected([0])
    one, other = on_graphs(c, graph=graph), on_graphs(c, graph=mirrored)
    assert not torch.allclose(one, other)
    on_graphs.spec["reflections"] = [0, 1]
    # The network tells only the first axis' directions apart, so this is the mean of two.
    for seen in (graph, mirrored):
        torch.testing.assert_close(on_graphs(c, graph=seen), (one + other) / 2)


def test_misuse_of_graphs_is_explained(surrogate):
    graph = scattered_graph(10)
    with pytest.raises(ValueError, match="UNet takes fields on grids, not on a graph"):
        surrogate(torch.rand(10, 1), graph=graph)
    surrogate.net = NeighbourMeans()
    with pytest.raises(ValueError, match=r"periods \(None, 4, 4\): a graph has none"):
        surrogate(torch.rand(10, 1), periods=(None, 4, 4), graph=graph)
    with pytest.raises(ValueError, match=r"shape \(4, 10\), the graph has 10 nodes"):
        surrogate.predict({"c": np.zeros((4, 10))}, graph=graph)


@torch.no_grad()
def test_networks_without_coarser_grids_see_periodic_fields_as_endless(on_graphs):
    c = torch.rand(1, 1, 5, 6, 4)
    predicted = on_graphs(c, periods=(None, 6, 4))
    shifted = on_graphs(c.roll((1, 3), dims=(3, 4)), periods=(None, 6, 4))
    torch.testing.assert_close(shifted, predicted.roll((1, 3), dims=(3, 4)))


@torch.no_grad()
@pytest.mark.parametrize("graph", [None, scattered_graph(300)])
def test_large_fields_are_evaluated_in_pieces_with_the_same_result(surrogate, graph):
    surrogate.spec["reflections"] = [1, 2]
    if graph is None:
        c = torch.rand(2, 1, 19, 12, 14)
        options = {"periods": (None, 12, 14), "output_scale": torch.tensor([1.0, 9.0])}
    else:
        surrogate.net = NeighbourMeans(2)
        c, options = torch.rand(300, 1), {"graph": graph, "output_scale": torch.rand(300)}
    calls = []
    surrogate.net.register_forward_pre_hook(lambda *_: calls.append(1))
    whole = surrogate(c, **options)
    assert len(calls) == 4  # two reflected axes
    surrogate.max_nodes = 1000 if graph is None else 50
    torch.testing.assert_close(surrogate(c, **options), whole, rtol=1e-5, atol=1e-6)
    assert len(calls) > 15
    calls.clear()
    surrogate.training = True  # the loss needs gradients
    surrogate(c, **options)
    assert len(calls) == 1


def test_pieces_are_asked_for_by_each_prediction_and_are_no_part_of_the_surrogate(
    surrogate, tmp_path
):
    c = np.random.default_rng(0).random((13, 9, 8), dtype=np.float32)
    whole = surrogate.predict({"c": c})["sigma"]
    calls = []
    surrogate.net.register_forward_pre_hook(lambda *_: calls.append(1))
    pieces = surrogate.predict({"c": c}, max_nodes=6**3)["sigma"]
    np.testing.assert_allclose(pieces, whole, rtol=1e-4, atol=1e-4)
    assert len(calls) == 2**3 and surrogate.max_nodes is None
    surrogate.max_nodes = 6**3
    surrogate.save(tmp_path)
    assert Surrogate.load(tmp_path).max_nodes is None


def test_weights_of_a_trained_surrogate_are_taken_with_their_normalisation(surrogate, tmp_path):
    surrogate.facts = {"output_scale": 3.0}
    surrogate.save(tmp_path)
    arguments = surrogate.spec["net"], surrogate.inputs, surrogate.outputs
    other = Surrogate(*arguments, reflections=(1,))  # how it is evaluated may differ
    other.facts = {"output_scale": 5.0}
    other.load_weights(tmp_path)
    for name, value in surrogate.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value)
    assert other.facts == {"output_scale": 3.0}


def test_weights_that_do_not_fit_are_explained(surrogate, tmp_path):
    surrogate.save(tmp_path / "saved")
    other = Surrogate(
        {**surrogate.spec["net"], "features": 8}, [Variable("T", "K")], surrogate.outputs
    )
    with pytest.raises(ValueError) as error:
        other.load_weights(tmp_path / "saved")
    for words in ("saved differs", "net.features: found 4, expected 8", "'name': 'T'"):
        assert words in str(error.value)
    assert "outputs" not in str(error.value)
    with pytest.raises(FileNotFoundError, match=r"best.ckpt does not exist.*surrogate.json"):
        other.load_weights(tmp_path / "saved" / "best.ckpt")
    (tmp_path / "text.ckpt").write_text("weights")
    with pytest.raises(ValueError, match=r"text.ckpt is not a checkpoint"):
        other.load_weights(tmp_path / "text.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    with pytest.raises(ValueError, match=r"foreign.ckpt was not written by ai4sim"):
        other.load_weights(tmp_path / "foreign.ckpt")


class Wind(nn.Module):
    """Acceleration of columns (u 3 levels, v 3 levels, pressure): u + v + pressure, u - v."""

    def forward(self, x):
        u, v, pressure = x[:, :3], x[:, 3:6], x[:, 6:]
        return torch.cat([u + v + pressure, (u - v)[:, :1]], dim=1)


@pytest.fixture
def of_columns(surrogate):
    inputs = [Variable("u", "m/s", 3), Variable("v", "m/s", 3), Variable("pressure", "Pa")]
    outputs = [Variable("drag", "m/s2", 3), Variable("stress", "Pa")]
    made = Surrogate(surrogate.spec["net"], inputs, outputs)
    made.net = Wind()
    return made


def test_columns_go_in_and_out_by_name(of_columns):
    rng = np.random.default_rng(0)
    u, v = rng.random((2, 5, 3), dtype=np.float32)
    pressure = rng.random(5, dtype=np.float32)
    assert of_columns.spec["input_shape"] == [7] and of_columns.spec["output_shape"] == [4]
    found = of_columns.predict({"v": v, "u": u, "pressure": pressure})
    np.testing.assert_allclose(found["drag"], u + v + pressure[:, None], rtol=1e-6)
    np.testing.assert_allclose(found["stress"], u[:, 0] - v[:, 0], rtol=1e-5, atol=1e-7)
    single = of_columns.predict({"u": u[2], "v": v[2], "pressure": pressure[2]})
    np.testing.assert_array_equal(single["drag"], found["drag"][2])
    assert single["drag"].shape == (3,) and single["stress"].shape == ()
    pieces = of_columns.predict({"v": v, "u": u, "pressure": pressure}, max_nodes=2)
    np.testing.assert_array_equal(pieces["drag"], found["drag"])


def test_columns_that_do_not_fit_together_are_named(of_columns):
    u, p = np.zeros((5, 3)), np.zeros(5)
    with pytest.raises(ValueError, match=r"input v has shape \(4, 3\), expected \(5, 3\)"):
        of_columns.predict({"u": u, "v": u[:4], "pressure": p})
    with pytest.raises(ValueError, match=r"input u has shape \(5, 4\), expected \(5, 3\)"):
        of_columns.predict({"u": np.zeros((5, 4)), "v": u, "pressure": p})
    with pytest.raises(ValueError, match=r"input pressure has shape \(\), expected \(5,\)"):
        of_columns.predict({"u": u, "v": u, "pressure": 0.0})
    with pytest.raises(ValueError, match="columns of 6 channels: expected 7, u 3, v 3, pressure 1"):
        split_channels(torch.zeros(2, 6), of_columns.inputs)


def test_levels_come_back_from_disk_and_fields_are_described_as_before(surrogate, tmp_path):
    surrogate.save(tmp_path / "fields")
    description = json.loads((tmp_path / "fields" / "surrogate.json").read_text())
    assert description["inputs"] == [{"name": "c", "units": "1"}]
    profile = [Variable("T", "K", 16), Variable("pressure", "Pa")]
    Surrogate(surrogate.spec["net"], profile, [Variable("dT", "K", 16)]).save(tmp_path / "columns")
    assert Surrogate.load(tmp_path / "columns").inputs == profile
