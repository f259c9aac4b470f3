"""Patches, whole meshes and the predictions written for them."""

import h5py
import numpy as np
import pytest
import torch

from ai4sim.data.batches import BatchIndex
from combustion.gnns.data import GraphDataModule, Meshes, Patches
from combustion.gnns.models import LitEdgeConditioned
from combustion.io.mesh_files import read_mesh
from combustion.io.meshes import mesh_of_snapshot
from combustion.tests.flames import DX, write_mesh_sheets, write_sheets


def prepared(folder, **options):
    """Data module of the meshes in a folder, its files processed."""
    data = GraphDataModule(data_path=str(folder), **options)
    data.prepare_files(data.raw_files())
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("meshes")
    write_mesh_sheets(path, "A", 5, (9, 7, 6))
    return path


def test_every_node_is_predicted_once_per_epoch(folder):
    """And inputs, targets and graph of a patch belong to the same nodes."""
    data = prepared(folder)
    meshes = data.snapshots("train")
    patches = Patches(meshes, size=60, halo=2, augment="none")
    seen = {id(mesh): [] for mesh in meshes}
    for i, (mesh, part) in enumerate(patches.parts):
        assert len(part) <= 60
        seen[id(mesh)].append(part)
        batch = patches[BatchIndex([i], (0,))]
        inner = batch["inner"]
        assert batch["inputs"].shape == (batch["graph"].nodes, 1)
        np.testing.assert_array_equal(batch["inputs"][inner, 0], mesh.progress_variable[part])
        np.testing.assert_array_equal(batch["targets"][:, 0], mesh.flame_surface_density[part])
        # Lengths are in units of dx.
        where = torch.from_numpy(np.array(mesh.positions))[part] / mesh.dx
        np.testing.assert_allclose(
            batch["graph"].positions[inner] - batch["graph"].positions[inner[0]],
            where - where[0],
            atol=1e-4,
        )
    for mesh in meshes:
        nodes = torch.cat(seen[id(mesh)]).sort().values
        assert torch.equal(nodes, torch.arange(len(mesh.volumes)))


def test_a_halo_as_wide_as_the_reach_makes_patches_exact(folder):
    data = prepared(folder)
    mesh = data.snapshots("train")[0]
    torch.manual_seed(0)
    model = LitEdgeConditioned(hidden_channels=8, num_layers=3, kernels=4)
    for update in model.surrogate.net.updates:
        torch.nn.init.normal_(update.weight, std=0.5)
    whole = Meshes([mesh])[BatchIndex([0], (0,))]
    patches = Patches([mesh], size=90, halo=3, augment="none")
    with torch.no_grad():
        expected = model(whole)[:, 0]
        for i, (_, part) in enumerate(patches.parts):
            found = model(patches[BatchIndex([i], (0,))])[:, 0]
            torch.testing.assert_close(found, expected[part], rtol=1e-5, atol=1e-3)


def test_all_graphs_of_a_batch_get_messages(folder):
    """Two meshes of different size side by side give what each gives alone."""
    first, second = prepared(folder, split="all-test").snapshots("test")[:2]
    model = LitEdgeConditioned(hidden_channels=8, num_layers=2, kernels=4).eval()
    torch.nn.init.normal_(model.surrogate.net.updates[0].weight)
    patches = Patches([first, second], size=100, halo=1, augment="none")
    last = len(patches.parts) - 1
    with torch.no_grad():
        together = model(patches[BatchIndex([0, last], (0,))])
        alone = [model(patches[BatchIndex([i], (0,))]) for i in (0, last)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_patches_are_mirrored_at_random_but_reproducibly(folder):
    mesh = prepared(folder).snapshots("train")[0]
    patches = Patches([mesh], size=1000, halo=0, augment="isotropic")
    offsets = [patches[BatchIndex([0], (draw,))]["graph"].offsets for draw in range(12)]
    signs = {
        tuple((o / offsets[0]).nan_to_num(1)[:50].mean(0).sign().int().tolist()) for o in offsets
    }
    assert len(signs) > 3
    assert torch.equal(offsets[5], patches[BatchIndex([0], (5,))]["graph"].offsets)
    fixed = Patches([mesh], size=1000, halo=0, augment="none")
    assert torch.equal(*(fixed[BatchIndex([0], (d,))]["graph"].offsets for d in (0, 1)))


def test_predictions_of_meshes_of_a_batch_go_to_their_files(folder, tmp_path):
    data = prepared(folder, split="all-test", eval_batch_size=2)
    batch = next(iter(data.predict_dataloader()))
    sigma = torch.arange(sum(batch["sizes"]), dtype=torch.float32)[:, None]
    written = data.write_prediction(tmp_path, batch, sigma)
    values = [read_mesh(path).flame_surface_density for path in written]
    np.testing.assert_array_equal(np.concatenate(values), sigma[:, 0])
    assert [path.name for path in written] == ["A_000.h5", "A_001.h5"]


def test_the_reference_length_is_the_spacing_or_the_mean_edge(tmp_path):
    write_mesh_sheets(tmp_path / "a", "A", 3, (5, 5, 5))
    assert prepared(tmp_path / "a").snapshots("train")[0].dx == pytest.approx(DX)
    write_mesh_sheets(tmp_path / "b", "B", 3, (5, 5, 5), dx_les=DX)
    for path in (tmp_path / "b" / "raw").iterdir():
        with h5py.File(path, "a") as file:
            del file.attrs["dx_les"]
    mesh = prepared(tmp_path / "b").snapshots("train")[0]
    lengths = np.linalg.norm(np.diff(mesh.positions[mesh.edges], axis=1), axis=2)
    assert mesh.dx == pytest.approx(lengths.mean(), rel=1e-4)
    told = prepared(tmp_path / "b", facts={"dx_les": 5e-4})
    assert told.snapshots("train")[0].dx == 5e-4


def test_grids_of_any_shape_keep_their_axes(tmp_path):
    """x, y, z are not taken for z, y, x on a grid that is no cube."""
    write_sheets(tmp_path, "A", 2, (9, 7, 5))
    data = prepared(tmp_path, split="all-test")
    (grid, *_) = data.test_dataloader()
    model = LitEdgeConditioned(hidden_channels=8, num_layers=2, kernels=4).eval()
    torch.nn.init.normal_(model.surrogate.net.updates[0].weight)
    snapshot = data.snapshots("test")[0]
    mesh = mesh_of_snapshot(snapshot, jitter=0)
    np.testing.assert_array_equal(
        mesh.progress_variable.reshape(9, 7, 5), grid["inputs"][0, 0].numpy()
    )
    with torch.no_grad():
        assert model(grid).shape == (1, 1, 9, 7, 5)


def test_what_is_no_mesh_is_named_and_xdmf_goes_with_its_numbers(tmp_path):
    meshio = pytest.importorskip("meshio")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "README.txt").touch()
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) * 1e-3
    c = np.array([0.1, 0.3, 0.5, 0.7], np.float32)
    mesh = meshio.Mesh(points, [("tetra", np.array([[0, 1, 2, 3]]))], point_data={"c_filt": c})
    mesh.write(tmp_path / "raw" / "a_1.xdmf")
    assert (tmp_path / "raw" / "a_1.h5").exists()
    data = prepared(tmp_path, split="all-test")
    assert [path.name for path in data.raw_files()] == ["a_1.xdmf"]
    assert {path.name for path in data.unknown_files()} == {"README.txt"}
    (snapshot,) = data.snapshots("predict")
    np.testing.assert_array_equal(snapshot.progress_variable, c)
    mesh.point_data["c_filt"] = 1 - c
    mesh.write(tmp_path / "raw" / "a_1.xdmf")
    np.testing.assert_array_equal(data.snapshots("predict")[0].progress_variable, 1 - c)
